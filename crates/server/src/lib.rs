//! HTTP: authenticate, authorise, convert, call.
//!
//! [`Server`] serves the routes of one cell: its logs, appends, entries, proofs, streams, tails and
//! tiles, over HTTP/1.1 and HTTP/2 without TLS. What it decides itself is who asks, how much they
//! may send, and how answers look; what is true is the log's business.
//!
//! * One table, `routes`, drives the router, access, the query's check and the contract.
//! * One function, `dispatch`, takes every request from its head to its answer and is the only
//!   one to ask the [`Gate`].
//! * One function, [`status`], knows which HTTP status a code has.

mod approval;
mod batch;
mod blob;
mod body;
mod call;
mod collector;
mod connection;
mod dispatch;
mod drops;
mod erased;
mod erasure;
mod find;
mod findings;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gate;
mod handlers;
mod intake;
mod json;
#[cfg_attr(not(feature = "sql"), path = "no_lakes.rs")]
mod lakes;
pub mod limits;
mod login;
mod metrics;
mod minutes;
mod narrowing;
mod oidc;
mod openapi;
mod options;
mod peer;
#[cfg_attr(not(feature = "sql"), path = "no_pg.rs")]
mod pg;
mod problem;
mod record;
mod refusal;
mod reveal;
mod route;
mod routes;
mod sealing;
mod server;
mod session;
mod shared;
mod sign_in;
mod telemetry;
mod tls;
mod ui;
mod view;
mod watch;
mod webhook;
mod wire;

pub use erased::Erased;
pub use erasure::{Because, Subject, erase, finish_erasures, set_hold, show_subject};
pub use find::{Finders, OnIndexed};
pub use gate::{Gate, GateError, GateOptions};
pub use lakes::Lakes;
pub use limits::ServerLimits;
pub use oidc::{OidcClient, OidcError, OidcOptions};
pub use options::ServerOptions;
pub use problem::{status, title};
pub use reveal::{Revealed, Wanted, reveal};
pub use routes::openapi;
pub use sealing::Sealing;
pub use server::{BindError, Server};
pub use tls::{Tls, TlsError};
pub use webhook::{Networks, NetworksError};

#[cfg(test)]
mod tests;
