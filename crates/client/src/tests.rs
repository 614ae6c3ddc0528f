//! Tests of the client, against a server of the tests that answers what a row says.

mod exchange;
mod fake;
mod found;
mod receipts;
mod tails;
