//! One client's session: who asks, its prepared statements, and what it is answered.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use append::{Code, Refusal};
use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, header};
use futures::{Sink, stream};
use graven_entry::LogName;
use pgwire::api::auth::ServerParameterProvider;
use pgwire::api::portal::{Format, Portal};
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use pgwire::api::results::{DataRowEncoder, FieldInfo, QueryResponse, Response as Answer, Tag};
use pgwire::api::stmt::QueryParser;
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, ClientPortalStore, DEFAULT_NAME, METADATA_APPLICATION_NAME, Type};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage as Message};
use sql::{PG_SERVER_VERSION, PgAsked, PgParameters, PgPrepared, PgRows, PgStatement, QueryError};
use tokio::sync::watch;
use tower::Service as _;

use super::ask::{Ask, Asked, Told};
use super::error::{fatal, to_fatal, told};
use crate::connection::Service;
use crate::lakes::Lakes;
use crate::limits::{PG_HELD_BYTES_MAX, PG_PORTALS_MAX, PG_PROBLEM_BYTES_MAX, PG_STATEMENTS_MAX};

/// A client's session; behind a connection, so that its end is the session's.
pub(super) struct Session {
    asker: Arc<Asker>,
    held: Mutex<Held>,
}

/// Who asks, and the way by which.
pub(super) struct Asker {
    pub(super) service: Service,
    pub(super) lakes: Arc<Lakes>,
    /// The client's credential.
    pub(super) authorization: HeaderValue,
    /// The log that it asks.
    pub(super) log: LogName,
}

/// What has a name and stays open.
#[derive(Clone, Copy)]
enum Kind {
    Statement,
    Portal,
}

/// The bytes that a name stood for until now; nothing where it was not there.
pub(super) struct Counted {
    kind: Kind,
    name: String,
    before: Option<usize>,
}

/// The bytes of what a client holds open, by name.
#[derive(Default)]
struct Held {
    statements: BTreeMap<String, usize>,
    portals: BTreeMap<String, usize>,
}

/// A statement that was read, and what it takes and gives where it is a query.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    text: String,
    kind: PgStatement,
    prepared: Option<PgPrepared>,
}

impl Session {
    /// Lets a client in whom the route for SQL would.
    pub(super) async fn open(asker: Asker) -> PgWireResult<Session> {
        asker.ask(Asked::SignIn, "").await.map_err(to_fatal)?;
        Ok(Session { asker: Arc::new(asker), held: Mutex::default() })
    }

    /// Counts what the client holds open by a message; what was counted before, for when the message fails.
    pub(super) fn note(&self, message: &Message) -> PgWireResult<Option<Counted>> {
        let mut held = self.held();
        let (kind, name, bytes) = match message {
            Message::Parse(parse) => (Kind::Statement, &parse.name, parse.query.len()),
            Message::Bind(bind) => {
                let bytes = bind.parameters.iter().flatten().map(bytes::Bytes::len).sum();
                (Kind::Portal, &bind.portal_name, bytes)
            }
            Message::Close(close) => {
                let kind = if close.target_type == b'S' { Kind::Statement } else { Kind::Portal };
                held.of(kind).remove(&named(close.name.as_ref()));
                return Ok(None);
            }
            _ => return Ok(None),
        };
        held.hold(kind, named(name.as_ref()), bytes).map(Some)
    }

    /// For a message that failed: what was held is as before.
    pub(super) fn undo(&self, counted: Counted) {
        self.held().restore(counted);
    }

    /// For the end of a transaction, and with it of its portals.
    pub(super) fn forget_portals(&self) {
        self.held().portals.clear();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn of(&mut self, kind: Kind) -> &mut BTreeMap<String, usize> {
        match kind {
            Kind::Statement => &mut self.statements,
            Kind::Portal => &mut self.portals,
        }
    }

    /// Counts one more, or says that there is no room for it.
    fn hold(&mut self, kind: Kind, name: String, bytes: usize) -> PgWireResult<Counted> {
        let before = self.of(kind).insert(name.clone(), bytes);
        let counted = Counted { kind, name, before };
        match self.check() {
            Ok(()) => Ok(counted),
            Err(error) => {
                self.restore(counted);
                Err(error)
            }
        }
    }

    fn restore(&mut self, Counted { kind, name, before }: Counted) {
        match before {
            Some(bytes) => self.of(kind).insert(name, bytes),
            None => self.of(kind).remove(&name),
        };
    }

    fn check(&self) -> PgWireResult<()> {
        let bytes: usize = self.statements.values().chain(self.portals.values()).sum();
        let over = [
            (self.statements.len(), PG_STATEMENTS_MAX, "prepared statements"),
            (self.portals.len(), PG_PORTALS_MAX, "portals"),
            (bytes, PG_HELD_BYTES_MAX, "bytes of statements and answers"),
        ];
        let Some((_, most, what)) = over.into_iter().find(|(count, most, _)| count > most) else {
            return Ok(());
        };
        let detail = format!("more than {most} {what} are held open; close some, or connect anew");
        Err(refused(&QueryError::Limit(detail), ""))
    }
}

impl Asker {
    /// Asks through `dispatch`, as a request over HTTP is asked. Where this is dropped, so is the query.
    async fn ask(&self, asked: Asked, statement: &str) -> PgWireResult<Told> {
        let (_alive, gone) = watch::channel(());
        let ask = Ask { asked, gone, reply: Arc::default() };
        let reply = Arc::clone(&ask.reply);
        let request = Request::post(format!("/api/v1/logs/{}/sql", self.log))
            .header(header::AUTHORIZATION, &self.authorization)
            .extension(self.service.peer.clone())
            .extension(ask)
            .body(Body::empty());
        let request = request.map_err(|error| PgWireError::ApiError(Box::new(error)))?;
        let Ok(response) = self.service.router.clone().call(request).await;
        let told = reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        match told {
            Some(Ok(told)) if response.status().is_success() => return Ok(told),
            Some(Err(error)) => return Err(refused(&error, statement)),
            _ => {}
        }
        let body = to_bytes(response.into_body(), PG_PROBLEM_BYTES_MAX).await.unwrap_or_default();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        let code = Code::ALL.into_iter().find(|code| code.as_str() == text("code"));
        Err(turned_away(&Refusal::new(code.unwrap_or(Code::Unavailable), text("detail"))))
    }

    /// The statements of a text, read where deep ones have room.
    async fn read(&self, text: &str) -> PgWireResult<Vec<PgStatement>> {
        let (lakes, owned) = (Arc::clone(&self.lakes), text.to_owned());
        let read = tokio::task::spawn_blocking(move || lakes.pg_statements(owned)).await;
        let read = read.map_err(|error| PgWireError::ApiError(Box::new(error)))?;
        read.map_err(|error| refused(&error, text))
    }

    async fn rows(&self, text: &str, asked: PgAsked) -> PgWireResult<PgRows> {
        match self.ask(Asked::Rows(text.to_owned(), asked), text).await? {
            Told::Rows(rows) => Ok(rows),
            _ => Err(fatal("XX000", "an answer to another question")),
        }
    }
}

impl ServerParameterProvider for Session {
    fn server_parameters<C: ClientInfo>(&self, client: &C) -> Option<HashMap<String, String>> {
        let name = client.metadata().get(METADATA_APPLICATION_NAME).cloned().unwrap_or_default();
        let told = [
            ("server_version", PG_SERVER_VERSION),
            ("server_encoding", "UTF8"),
            ("client_encoding", "UTF8"),
            ("integer_datetimes", "on"),
            ("standard_conforming_strings", "on"),
            ("default_transaction_read_only", "on"),
            ("is_superuser", "off"),
            ("DateStyle", "ISO, MDY"),
            ("IntervalStyle", "postgres"),
            ("TimeZone", "UTC"),
            ("application_name", &name),
        ];
        Some(told.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

#[async_trait]
impl SimpleQueryHandler for Session {
    async fn do_query<C>(&self, _client: &mut C, query: &str) -> PgWireResult<Vec<Answer>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let (mut answers, mut bytes) = (Vec::new(), 0);
        for (place, statement) in self.asker.read(query).await?.into_iter().enumerate() {
            if statement != PgStatement::Query {
                answers.push(without_rows(&statement)?);
                continue;
            }
            let asked = PgAsked { place, parameters: None, format: Format::UnifiedText };
            let rows = self.asker.rows(query, asked).await?;
            bytes += size_bytes(&rows);
            if bytes > PG_HELD_BYTES_MAX {
                let detail = format!(
                    "the answers together have more than {PG_HELD_BYTES_MAX} bytes; send the statements one by one"
                );
                return Err(refused(&QueryError::Limit(detail), query));
            }
            answers.push(Answer::Query(sent(rows)));
        }
        Ok(answers)
    }
}

#[async_trait]
impl ExtendedQueryHandler for Session {
    type Statement = Statement;
    type QueryParser = Asker;

    fn query_parser(&self) -> Arc<Asker> {
        Arc::clone(&self.asker)
    }

    async fn do_query<C>(
        &self,
        _client: &mut C,
        portal: &Portal<Statement>,
        _max_rows: usize,
    ) -> PgWireResult<Answer>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let Statement { text, kind, prepared } = &portal.statement.statement;
        if prepared.is_none() {
            return without_rows(kind);
        }
        let (parameters, format) =
            (Some(PgParameters::of(portal)), portal.result_column_format.clone());
        let rows = self.asker.rows(text, PgAsked { place: 0, parameters, format }).await?;
        self.held().hold(Kind::Portal, portal.name.clone(), size_bytes(&rows))?;
        Ok(Answer::Query(sent(rows)))
    }
}

#[async_trait]
impl QueryParser for Asker {
    type Statement = Statement;

    async fn parse_sql<C>(
        &self,
        _client: &C,
        text: &str,
        _types: &[Option<Type>],
    ) -> PgWireResult<Option<Statement>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let mut statements = self.read(text).await?;
        let kind = match (statements.pop(), statements.len()) {
            (None, _) => return Ok(None),
            (Some(kind), 0) => kind,
            (Some(_), _) => {
                let detail = "a prepared statement is one statement; prepare them one by one";
                return Err(told("ERROR", "42601", detail));
            }
        };
        let text = text.to_owned();
        let prepared = match kind {
            PgStatement::Query => match self.ask(Asked::Prepare(text.clone()), &text).await? {
                Told::Prepared(prepared) => Some(prepared),
                _ => return Err(fatal("XX000", "an answer to another question")),
            },
            _ => None,
        };
        Ok(Some(Statement { text, kind, prepared }))
    }

    fn get_parameter_types(&self, statement: &Statement) -> PgWireResult<Vec<Type>> {
        Ok(statement.prepared.as_ref().map(|known| known.parameters.clone()).unwrap_or_default())
    }

    fn get_result_schema(
        &self,
        statement: &Statement,
        format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        match (&statement.prepared, &statement.kind) {
            (Some(prepared), _) => {
                let fields = prepared.fields(format.unwrap_or(&Format::UnifiedText));
                fields.map_err(|error| refused(&error, &statement.text))
            }
            (None, PgStatement::Show(name, _)) => Ok(vec![setting(name)]),
            (None, _) => Ok(Vec::new()),
        }
    }
}

/// The answer to a statement that is no query.
fn without_rows(statement: &PgStatement) -> PgWireResult<Answer> {
    Ok(match statement {
        PgStatement::Nothing(tag) => Answer::Execution(Tag::new(tag)),
        PgStatement::Begin => Answer::TransactionStart(Tag::new("BEGIN")),
        PgStatement::End(tag) => Answer::TransactionEnd(Tag::new(tag)),
        PgStatement::Show(name, value) => {
            let fields = Arc::new(vec![setting(name)]);
            let mut row = DataRowEncoder::new(Arc::clone(&fields));
            row.encode_field(value)?;
            let mut answer = sent(PgRows { fields, rows: vec![row.take_row()] });
            answer.set_command_tag("SHOW");
            Answer::Query(answer)
        }
        PgStatement::Query => return Err(fatal("XX000", "a query without rows")),
    })
}

fn setting(name: &str) -> FieldInfo {
    let format = Format::UnifiedText.format_for(0);
    FieldInfo::new(name.to_owned(), None, None, Type::TEXT, format)
}

fn sent(rows: PgRows) -> QueryResponse {
    QueryResponse::new(rows.fields, stream::iter(rows.rows.into_iter().map(Ok)))
}

fn size_bytes(rows: &PgRows) -> usize {
    rows.rows.iter().map(|row| row.data.len()).sum()
}

/// A name as the protocol's library keeps it.
fn named(name: Option<&String>) -> String {
    name.map_or(DEFAULT_NAME, String::as_str).to_owned()
}

/// What a client is told of a query without an answer, and where in its statement the fault is.
fn refused(error: &QueryError, statement: &str) -> PgWireError {
    let mut info =
        ErrorInfo::new("ERROR".to_owned(), error.sql_state().to_owned(), error.to_string());
    info.position = error.place(statement).map(|place| place.to_string());
    PgWireError::UserError(Box::new(info))
}

/// What it is told of a refusal that is not the query's.
fn turned_away(refusal: &Refusal) -> PgWireError {
    let state = match refusal.code {
        Code::Unauthenticated => "28P01",
        Code::Forbidden | Code::ApprovalNeeded => "42501",
        Code::NotFound => "3D000",
        Code::Busy => "53000",
        Code::DiskFull => "53100",
        Code::Unavailable => "57P03",
        _ => "XX000",
    };
    told("ERROR", state, &refusal.detail)
}
