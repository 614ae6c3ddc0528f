//! One route: its path, who may take it, what is recorded of it, what answers it, and what the contract says.

use access::Right;
use append::Code;
use axum::routing::MethodFilter;

use crate::call::Handler;
use crate::record::Recorded;

/// One route. All fields are needed: one without access does not compile.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// As the router wants it: `{name}` is one segment, `{*name}` the rest.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) recorded: Recorded,
    pub(crate) handler: Handler,
    pub(crate) doc: Doc,
}

/// A route's method; a GET answers HEAD too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Delete,
}

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: health, static files, and signing in.
    Open,
    /// Nothing, but its page is for whoever is known; everyone else gets the way to sign in.
    Page,
    /// Nothing where the log is public, else the right.
    PublicLog(Right),
    /// The right.
    Needs(Right),
    /// A good credential, of whatever rights.
    AnyPrincipal,
    /// Nothing but that where the path names the caller itself, else the right.
    OwnOr(Right),
}

/// What the contract says of a route, beside what follows from the rest.
pub(crate) struct Doc {
    /// The operation's name, also the label under which it is counted.
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    /// The only parameters that the query may hold.
    pub(crate) query: &'static [Param],
    /// Content types of the body with the schema of each.
    pub(crate) body: &'static [(&'static str, &'static str)],
    /// Status, content type and schema of each good answer.
    pub(crate) answers: &'static [(u16, &'static str, &'static str)],
    /// Codes with which it refuses, beside those that every route has.
    pub(crate) refusals: &'static [Code],
}

/// A parameter of the query or the path.
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) schema: &'static str,
    pub(crate) is_required: bool,
    pub(crate) summary: &'static str,
}

impl Method {
    /// As the router wants it.
    pub(crate) fn filter(self) -> MethodFilter {
        match self {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Delete => MethodFilter::DELETE,
        }
    }
}
