//! Typed blocking client of a Graven server, which verifies what it reads.
//!
//! Without keys a client checks only that an answer fits its question. With the keys of a log, given by
//! [`Client::trust`] and got from somewhere else than the server, every receipt, checkpoint, proof and entry of that
//! log is checked against a signature, and what does not hold is [`ClientError::Unproved`], never a value.
//!
//! Only requests that are safe to repeat are repeated, a bounded number of times ([`limits`]).

mod answer;
mod body;
mod check;
mod client;
mod error;
mod keys;
pub mod limits;
mod path;
mod problem;
mod sink;
mod tail;
mod transport;

#[cfg(test)]
mod tests;

pub use answer::{KeyChange, LogInfo, NewLog, NewToken, OfSubject, Revealed, RoleChange, Search};
pub use client::{Client, ProvedEntry, ProvedResults};
pub use error::ClientError;
pub use keys::LogKeys;
pub use sink::Sink;
pub use tail::{Tail, TailEntry};
pub use transport::ClientTls;
