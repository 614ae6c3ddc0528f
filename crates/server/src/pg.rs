//! PostgreSQL's protocol, for psql, JDBC and what stands on them: each statement goes through `dispatch` as a request of
//! `POST …/sql` does, with the same rights, limits and record. The password is a token, the database a log.

pub(crate) mod ask;
pub(crate) mod clients;
mod error;
pub(crate) mod message;
mod session;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use access::Right;
use append::Refusal;
use axum::body::Body;
use axum::http::HeaderValue;
use axum::response::Response;
use futures::SinkExt as _;
use graven_entry::LogName;
use pgwire::api::auth::{
    finish_authentication, protocol_negotiation, save_startup_parameters_to_metadata,
};
use pgwire::api::query::{ExtendedQueryHandler as _, SimpleQueryHandler as _};
use pgwire::api::store::PortalStore as _;
use pgwire::api::{
    ClientInfo as _, ClientPortalStore as _, DefaultClient, PgWireConnectionState,
    PidSecretKeyGenerator as _,
};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::response::TransactionStatus;
use pgwire::messages::startup::{Authentication, Startup};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage as Message};
use pgwire::tokio::server::{PgWireMessageServerCodec, process_error};
use sql::limits::ANSWER_ROWS_MAX;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::codec::Framed;

use self::ask::{Ask, Asked, Told};
use self::error::{fatal, to_fatal};
use self::message::{First, Frame};
use self::session::{Asker, Session, Statement};
use crate::call::Call;
use crate::connection::Service;
use crate::lakes::Lakes;
use crate::limits::{PG_BUFFER_BYTES, PG_CONNECTIONS_MAX, PG_IDLE, PG_MESSAGE_TIME};
use crate::shared::Shared;
use crate::tls::ClientCertificate;
use crate::wire::Stream;

/// The log of a client that names no database.
const DEFAULT_LOG: &str = "main";

/// A connection as bytes.
type Wire = Box<dyn Stream + Sync>;

/// A connection as messages to the client; what the client sends is read by [`message`].
type Socket = Framed<BufReader<Wire>, PgWireMessageServerCodec<Statement>>;

/// A connection that has said what it wants, and what its client proved itself with.
type Opened = (Wire, First, Option<Arc<ClientCertificate>>);

/// Answers a request that carries a question of this protocol.
pub(crate) async fn answer(call: &mut Call, lakes: &Lakes, ask: Ask) -> Result<Response, Refusal> {
    let log = call.log()?;
    let slice = call.slice(Right::ReadEntries)?;
    let text = match &ask.asked {
        Asked::SignIn => "-- sign-in by PostgreSQL's protocol".to_owned(),
        Asked::Prepare(text) | Asked::Rows(text, _) => text.clone(),
    };
    let shared = Arc::clone(&call.shared);
    let name = log.name();
    let lake = lakes.open(name.as_str(), None, shared.limits.search_wait).await?;
    let asked = ask.clone();
    let told = shared.blocking(move || lake.pg(slice, asked)).await?;
    let told = told.map_err(|failed| {
        let (refusal, error) = *failed;
        ask.tell(Err(error));
        refusal
    })?;
    let rows = if let Told::Rows(rows) = &told { rows.rows.len() as u64 } else { 0 };
    call.show_search(rows, text);
    ask.tell(Ok(told));
    Ok(Response::new(Body::empty()))
}

/// Serves one connection.
pub(crate) async fn serve(stream: TcpStream, service: Service, lakes: Arc<Lakes>, shared: &Shared) {
    // Answers are small and whole: they are not to wait for more. Without it they are only slower.
    drop(stream.set_nodelay(true));
    if let Err(error) = meet(stream, service, lakes, shared).await {
        tracing::debug!(%error, "a connection broke off");
    }
}

async fn meet(
    stream: TcpStream,
    mut service: Service,
    lakes: Arc<Lakes>,
    shared: &Shared,
) -> io::Result<()> {
    let (address, patience) = (stream.peer_addr()?, shared.limits.header_read);
    let place = Arc::clone(&lakes.pg_clients().places).try_acquire_owned();
    let opened = timeout(patience, open(stream, shared)).await;
    let (wire, first, certificate) = opened.map_err(|_| io::ErrorKind::TimedOut)??;
    let is_secure = shared.tls.is_some();
    service.peer.certificate = certificate;
    let (version, parameters) = match first {
        First::Startup { version, parameters } => (version, parameters),
        First::Cancel { process, key } => {
            lakes.pg_clients().running.cancel(process, &key).await;
            return Ok(());
        }
        First::Tls | First::Gss => return Err(io::ErrorKind::InvalidData.into()),
    };
    let mut startup = Startup::new();
    (startup.protocol_number_major, startup.protocol_number_minor) = version;
    startup.parameters = parameters;
    let mut socket = framed(wire, address, is_secure);
    let signed_in = if let Ok(place) = place {
        let signed_in = sign_in(&mut socket, startup, service, lakes);
        let signed_in = timeout(patience, signed_in).await.map_err(|_| io::ErrorKind::TimedOut)?;
        signed_in.map(|session| (session, place))
    } else {
        let detail =
            format!("{PG_CONNECTIONS_MAX} clients are connected already; try again in a moment");
        Err(fatal("53300", &detail))
    };
    match signed_in {
        Ok((session, _place)) => converse(&mut socket, &session, shared).await,
        Err(error) => end(&mut socket, to_fatal(error)).await,
    }
}

/// Settles TLS, and reads the message with which a client begins.
async fn open(mut stream: TcpStream, shared: &Shared) -> io::Result<Opened> {
    // A client asks for each kind of encryption once at most.
    for _ in 0..3 {
        match (message::read_first(&mut stream).await?, &shared.tls) {
            (First::Tls, Some(tls)) => {
                stream.write_all(b"S").await?;
                let (mut stream, certificate) = tls.accept_pg(stream).await?;
                let first = message::read_first(&mut stream).await?;
                return Ok((Box::new(stream), first, certificate));
            }
            (First::Tls, None) | (First::Gss, _) => stream.write_all(b"N").await?,
            (First::Startup { .. }, Some(_)) => {
                let address = stream.peer_addr()?;
                let refused =
                    fatal("28000", "this server takes TLS only: connect with sslmode=require");
                end(&mut framed(Box::new(stream), address, false), refused).await?;
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            (first, _) => return Ok((Box::new(stream), first, None)),
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Asks for a token, and lets its owner in if the route for SQL would.
async fn sign_in(
    socket: &mut Socket,
    startup: Startup,
    service: Service,
    lakes: Arc<Lakes>,
) -> PgWireResult<Session> {
    protocol_negotiation(socket, &startup).await?;
    save_startup_parameters_to_metadata(socket, &startup);
    let password = Authentication::CleartextPassword;
    socket.send(PgWireBackendMessage::Authentication(password)).await?;
    let password = match message::read(socket.get_mut()).await? {
        Some(Frame { kind: b'p', body }) => message::password(&body),
        _ => None,
    };
    let password = password.ok_or_else(|| fatal("08P01", "a password was expected"))?;
    let authorization = HeaderValue::try_from(format!("Bearer {password}"));
    let mut authorization = authorization
        .map_err(|_| fatal("28P01", "the password has to be a token of this server"))?;
    authorization.set_sensitive(true);
    let log = startup.parameters.get("database").map_or(DEFAULT_LOG, String::as_str);
    let log = LogName::new(log).map_err(|_| fatal("3D000", "a database is a log's name"))?;
    let clients = Arc::clone(&lakes);
    let session = Session::open(Asker { service, lakes, authorization, log }).await?;
    let (process, key) = clients.pg_clients().keys.generate(&*socket);
    let (handle, guard) = clients.pg_clients().running.register(process, key.clone());
    socket.set_pid_and_secret_key(process, key);
    socket.session_extensions().insert(handle);
    socket.session_extensions().insert(guard);
    finish_authentication(socket, &session).await?;
    Ok(session)
}

/// Reads messages and answers them, until the client leaves, is silent for too long, or the server stops.
async fn converse(socket: &mut Socket, session: &Session, shared: &Shared) -> io::Result<()> {
    let mut stopping = shared.stopping.clone();
    loop {
        let read = tokio::select! {
            read = timeout(PG_IDLE, message::read(socket.get_mut())) => Some(read),
            _ = stopping.wait_for(|stops| *stops) => None,
        };
        let Some(read) = read else {
            return end(socket, fatal("57P01", "the server stops")).await;
        };
        let frame = match read {
            Ok(Ok(Some(frame))) => frame,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return end(socket, fatal("08P01", &error.to_string())).await,
            Err(_) => {
                return end(socket, fatal("57P05", "the client was silent for too long")).await;
            }
        };
        let Some(message) = message::message(frame.kind, &frame.body) else {
            return end(socket, fatal("08P01", "this message is not understood here")).await;
        };
        if matches!(message, Message::Terminate(_)) {
            return Ok(());
        }
        let is_extended = message.is_extended_query();
        let taken = timeout(PG_MESSAGE_TIME, take(socket, session, message));
        match taken.await.map_err(|_| io::ErrorKind::TimedOut)? {
            Ok(()) => {}
            Err(PgWireError::IoError(error)) => return Err(error),
            Err(error) => {
                let info = Box::new(ErrorInfo::from(error));
                if info.is_fatal() {
                    return end(socket, PgWireError::UserError(info)).await;
                }
                process_error(socket, PgWireError::UserError(info), is_extended).await?;
            }
        }
    }
}

/// Answers one message.
async fn take(socket: &mut Socket, session: &Session, message: Message) -> PgWireResult<()> {
    // After an error, everything up to the end of the exchange is left out.
    if matches!(socket.state(), PgWireConnectionState::AwaitingSync) {
        if !matches!(message, Message::Sync(_)) {
            return Ok(());
        }
        socket.set_state(PgWireConnectionState::ReadyForQuery);
    }
    let is_end = matches!(message, Message::Query(_) | Message::Sync(_));
    let counted = session.note(&message)?;
    if let Err(error) = answer_message(socket, session, message).await {
        if let Some(counted) = counted {
            session.undo(counted);
        }
        return Err(error);
    }
    // Portals end with their transaction; where there is none, with the exchange.
    if is_end && socket.transaction_status() == TransactionStatus::Idle {
        socket.portal_store().clear_portals();
        session.forget_portals();
    }
    Ok(())
}

async fn answer_message(
    socket: &mut Socket,
    session: &Session,
    message: Message,
) -> PgWireResult<()> {
    match message {
        Message::Query(query) => session.on_query(socket, query).await,
        Message::Parse(parse) => session.on_parse(socket, parse).await,
        Message::Bind(bind) => session.on_bind(socket, bind).await,
        Message::Describe(describe) => session.on_describe(socket, describe).await,
        Message::Execute(mut execute) => {
            // Room is kept for as many rows as are asked for: no answer has more than these.
            let rows_max = i32::try_from(ANSWER_ROWS_MAX + 1).unwrap_or(i32::MAX);
            execute.max_rows = execute.max_rows.clamp(0, rows_max);
            session.on_execute(socket, execute).await
        }
        Message::Close(close) => session.on_close(socket, close).await,
        Message::Flush(flush) => session.on_flush(socket, flush).await,
        Message::Sync(sync) => session.on_sync(socket, sync).await,
        _ => Err(fatal("08P01", "this message has no place here")),
    }
}

/// Tells a client why its connection ends.
async fn end(socket: &mut Socket, error: PgWireError) -> io::Result<()> {
    let info: ErrorInfo = error.into();
    socket.send(PgWireBackendMessage::ErrorResponse(info.into())).await?;
    socket.close().await
}

fn framed(wire: Wire, address: SocketAddr, is_secure: bool) -> Socket {
    let client = DefaultClient::new(address, is_secure);
    let wire = BufReader::with_capacity(PG_BUFFER_BYTES, wire);
    Framed::new(wire, PgWireMessageServerCodec::new(client))
}
