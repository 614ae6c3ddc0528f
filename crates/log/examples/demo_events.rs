//! The demo company's events, one JSON object a line: real-looking input for benchmarks.
//!
//! `cargo run --release -p graven-log --example demo_events -- EVENTS FILE`
//!
//! One seed: the same number gives the same bytes.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::Duration;

#[path = "../../graven/src/demo"]
mod demo {
    pub(crate) mod corpus;
}

/// Where the corpus begins.
const SEED: u64 = 1;
/// 2026-11-01, as time since 1970.
const START: Duration = Duration::from_hours(498_192);
/// The company's month.
const DAYS: u32 = 30;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let events = args.next().ok_or("say how many events")?.parse()?;
    let mut out = BufWriter::new(File::create(args.next().ok_or("name the file to write")?)?);
    for event in demo::corpus::Corpus::new(SEED, START, DAYS, events) {
        writeln!(out, "{}", event.json)?;
    }
    Ok(out.flush()?)
}
