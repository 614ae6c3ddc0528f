//! The rows of the bench, in the order of the table.

mod access;
pub(super) mod append;
mod disk;
pub(super) mod find;
pub(super) mod follow;
pub(super) mod http;
mod many;
mod reads;
mod relational;
mod restart;
mod verify;

use super::kit::Kit;
use super::line::Line;

/// One row: a claim about speed or cost, and how it is measured.
pub(super) struct Row {
    /// Its name on the command line.
    pub(super) name: &'static str,
    /// What it is about.
    pub(super) about: &'static str,
    /// Measures it.
    pub(super) measure: fn(&mut Kit) -> Result<Vec<Line>, String>,
}

/// All rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        name: "http-single",
        about: "single appends over HTTP, 512 connections, beside a bare server",
        measure: http::single,
    },
    Row {
        name: "http-batch",
        about: "batches of 100 over HTTP, 64 connections, beside a bare server that hashes",
        measure: http::batch,
    },
    Row {
        name: "latency",
        about: "one client, append to receipt with proof, beside a raw durable write",
        measure: http::latency,
    },
    Row {
        name: "in-process",
        about: "appends without HTTP, beside hash, write and flush alone, and beside Tessera",
        measure: append::in_process,
    },
    Row {
        name: "postgres",
        about: "single appends, 64 clients, beside a PostgreSQL table with a hash-chain trigger",
        measure: relational::postgres,
    },
    Row {
        name: "growth",
        about: "appends a second of the large log's last tenth, beside its first",
        measure: append::growth,
    },
    Row {
        name: "memory",
        about: "resident memory while the large log is appended",
        measure: append::memory,
    },
    Row {
        name: "verify",
        about: "full verification of the large log, beside SHA-256 alone",
        measure: verify::verify,
    },
    Row {
        name: "reads",
        about: "random reads of an entry with its proof, beside reads of 64 KiB",
        measure: reads::reads,
    },
    Row {
        name: "restart",
        about: "from kill -9 to the first append, large log beside small",
        measure: restart::restart,
    },
    Row {
        name: "disk",
        about: "bytes on disk after sealing, beside raw NDJSON",
        measure: disk::disk,
    },
    Row {
        name: "many-logs",
        about: "appends to 1,000 logs at once, beside one log",
        measure: many::many_logs,
    },
];

/// The rows of `cargo xtask bench find`.
pub(super) const FIND_ROWS: &[Row] = &[
    Row {
        name: "search",
        about: "indexing and searching the demo company's events, beside bare tantivy and PostgreSQL",
        measure: find::search,
    },
    Row { name: "state", about: "history and state of one resource", measure: find::state },
    Row {
        name: "sql",
        about: "columns: group-by counts, beside DuckDB, and bytes",
        measure: find::sql,
    },
    Row {
        name: "follow",
        about: "appends to a server that indexes and makes columns meanwhile, beside bare tantivy",
        measure: follow::follow,
    },
];

/// The rows of `cargo xtask bench access`.
pub(super) const ACCESS_ROWS: &[Row] = &[
    Row {
        name: "authorise",
        about: "authenticating and authorising a request among 1,000 tokens",
        measure: access::authorise,
    },
    Row { name: "sealing", about: "sealing and opening a field", measure: access::sealing },
    Row { name: "reveal", about: "a reveal over HTTP", measure: access::reveal },
];
