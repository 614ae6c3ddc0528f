//! One request as its handler sees it: who asks for what, and what is told of it for the record.

use std::future::Future;
use std::net::IpAddr;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use access::{Asked, Right, Slice};
use append::{Code, Refusal};
use axum::body::Body;
use axum::extract::RawPathParams;
use axum::http::request::Parts;
use axum::response::Response;
use index::query::Ast;
use log::LogHandle;

use crate::body::{self, BodyShape, ReadBody};
use crate::gate::{Principal, no_such_log};
use crate::limits::LOGGED_BYTES_MAX;
use crate::refusal::bad_query;
use crate::shared::Shared;
use crate::view;

/// One request as its handler sees it.
pub(crate) struct Call {
    pub(crate) shared: Arc<Shared>,
    pub(crate) parts: Parts,
    pub(crate) params: Option<RawPathParams>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) principal: Option<Principal>,
    /// Where it comes from.
    pub(crate) source: IpAddr,
    /// What was shown or changed, for the record.
    pub(crate) shown: Shown,
    pub(crate) body: Body,
}

/// What a handler tells for the record of its access.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// Entries whose content was shown.
    pub(crate) entries: Option<Range<u64>>,
    /// The log, where the path does not name it.
    pub(crate) log: Option<String>,
    /// How many results of a search, and what was searched for.
    pub(crate) found: Option<(u64, String)>,
    /// Why, where the server knows better than the client.
    pub(crate) reason: Option<String>,
    /// Nothing, for want of a right.
    pub(crate) is_denied: bool,
}

/// A handler's answer to come.
pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = Result<Response, Refusal>> + Send + 'a>>;

/// What a route calls.
pub(crate) type Handler = for<'a> fn(&'a mut Call) -> Answer<'a>;

impl Call {
    /// A parameter of the path, percent-decoded.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let params = self.params.as_ref()?;
        params.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// A parameter of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of the query that is a number, 0 or more.
    pub(crate) fn query_number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        self.query(name).map(|text| parse_number(name, text)).transpose()
    }

    /// Who asks; a handler that needs to know is only ever behind a route that asks.
    pub(crate) fn principal(&self) -> Result<&Principal, Refusal> {
        self.principal
            .as_ref()
            .ok_or_else(|| Refusal::new(Code::Unauthenticated, "this needs a credential"))
    }

    /// The log that the path names.
    pub(crate) fn log(&self) -> Result<LogHandle, Refusal> {
        let name = self.param("log").unwrap_or_default();
        self.shared.cell.log(name).ok_or_else(no_such_log)
    }

    /// What policies say of the caller's right on the log that the path names, entry by entry.
    pub(crate) fn slice(&self, right: Right) -> Result<Slice, Refusal> {
        let log = self.param("log").unwrap_or_default();
        Ok(self.shared.gate.slice(&self.principal()?.id, right, log))
    }

    /// Whether the caller may have its answer tell of this log.
    pub(crate) fn may(&self, right: Right, log: &str) -> bool {
        let asked = Asked { right, log: Some(log), stream: None };
        let gate = &self.shared.gate;
        self.principal.as_ref().is_some_and(|who| gate.authorise(&who.id, &asked, false).is_ok())
    }

    /// The entries that the caller's view link shows; all where it came by none.
    pub(crate) fn view(&self) -> Result<Ast, Refusal> {
        match self.principal.as_ref().and_then(|principal| principal.view.as_ref()) {
            Some(link) => view::shown(&link.field, &link.value),
            None => Ok(Ast::All),
        }
    }

    /// For the record: why.
    pub(crate) fn tell_reason(&mut self, reason: String) {
        self.shown.reason = Some(reason);
    }

    /// Where the request comes from.
    pub(crate) fn source(&self) -> IpAddr {
        self.source
    }

    /// For the record: these entries' content is shown.
    pub(crate) fn show_entries(&mut self, entries: Range<u64>) {
        self.shown.entries = Some(entries);
    }

    /// For the record: a search for this gave so many results.
    pub(crate) fn show_search(&mut self, results: u64, query: String) {
        self.shown.found = Some((results, query));
    }

    /// For the record: this was refused for want of a right, whatever the answer says.
    pub(crate) fn deny(&mut self) {
        self.shown.is_denied = true;
    }

    /// For the record: this is about a log that the path does not name.
    pub(crate) fn show_log(&mut self, log: &str) {
        self.shown.log = Some(log.to_owned());
    }

    /// Reads the body within the server's limits, and the principal's own.
    pub(crate) async fn read_body(&mut self, shape: BodyShape) -> Result<ReadBody, Refusal> {
        let share = self.shared.bodies.share();
        let limits = &self.shared.limits;
        let own_max = self.principal.as_ref().and_then(|_| self.shared.gate.body_bytes_max());
        let own_max = own_max.filter(|own_max| *own_max < shape.bytes_max);
        let shape = BodyShape { bytes_max: own_max.unwrap_or(shape.bytes_max), ..shape };
        let read = body::read(&mut self.body, &self.parts.headers, shape, limits, share).await;
        let read = read.map_err(|refusal| match own_max {
            Some(own_max) if refusal == body::too_large(own_max) => too_large_for_one(own_max),
            _ => refusal,
        })?;
        if let Some(principal) = &self.principal {
            self.shared.gate.charge_bytes(&principal.id, read.bytes.len());
        }
        Ok(read)
    }

    /// Whether a log is read by anyone.
    pub(crate) fn is_public(&self, log: &str) -> bool {
        self.shared.cell.log(log).is_some_and(|log| log.is_public())
    }
}

/// A body that the server would take, and that is more than one principal may send at once.
fn too_large_for_one(bytes_max: usize) -> Refusal {
    let detail = format!(
        "one principal's body may have {bytes_max} bytes here; split it, or ask the operator for more (`body_bytes_max`)"
    );
    Refusal::new(Code::TooLarge, detail).in_field("body")
}

/// A decimal number as it stands in paths and queries: digits only, no sign, no leading zero.
pub(crate) fn parse_number(name: &str, text: &str) -> Result<u64, Refusal> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    let number = if is_plain { text.parse::<u64>().ok() } else { None };
    number
        .filter(|number| *number < 1 << 63)
        .ok_or_else(|| bad_query(name, "not a number from 0 to 2^63 - 1 without leading zeros"))
}

/// Client text as it may stand in a line of the server's own log: escaped and cut.
pub(crate) fn for_log(text: &str) -> String {
    text.chars().flat_map(char::escape_debug).take(LOGGED_BYTES_MAX).collect()
}
