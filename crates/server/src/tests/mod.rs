//! A real server over a real data directory, asked by a tiny client of our own.

mod access;
mod accesses;
mod api;
mod approvals;
mod break_in;
mod browser;
mod contract;
mod limits;
mod mtls;
mod oidc;
mod policies;
mod queries;
mod real_data;
mod refusals;
mod scope;
mod sealed;
mod search;
mod session;
mod site;
mod sql;
mod state;
mod streams_signed;
mod tail;
mod tiles_served;
mod ui;
mod unable;
mod views;

/// An event that is as it should be.
const EVENT: &str = r#"{"actor":{"type":"user","id":"42"},"action":"invoice.update"}"#;

/// The token of the servers under test.
const TOKEN: &str = "test-token";
