//! Times history and state of one resource, in a log on the disk with its index.
//!
//! `cargo run --release -p graven-index --example state -- [EVENTS] [DIRECTORY]`
//!
//! One resource for each ten events, whose versions lie all over the log, and one that every hundredth event is about.

#[path = "../../log/examples/support/mod.rs"]
mod support;

use std::time::Instant;

use graven_merkle::LeafIndex;
use index::limits::COMMIT_ENTRIES_MAX;
use index::query::{Ast, parse};
use index::state::{Ask, At};
use index::{Derived, Index, Walk};
use log::{Cell, CellOptions, Env, LogHandle};
use serde_json::json;
use support::{Cost, Failure, Place, print, submit, writer};

/// Events of a batch.
const BATCH: u64 = 1_000;
/// Batches in flight.
const IN_FLIGHT: usize = 8;
/// Resources that are asked for, each once, so that nothing of theirs was read before.
const ASKED: u64 = 201;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let events: u64 = args.next().map_or(Ok(100_000), |text| text.parse())?;
    let place = Place::new("state", args.next())?;
    let (cell, _) = Cell::open(Env::real(), CellOptions::new(place.0.join("data")))?;
    let log = cell.log("main").ok_or("no log main")?;
    let cost = Cost::begin()?;
    append(&log, events)?;
    print(&format!("{events} entries appended in {:.1} s", cost.seconds()));
    let cost = Cost::begin()?;
    let index = fill(&log, &place)?;
    let (seconds, cpu_s) = (cost.seconds(), cost.cpu_seconds()?);
    print(&format!("indexed in {seconds:.1} s, {cpu_s:.1} s of processor"));
    ask(&index, &log, events)?;
    cell.stop();
    place.remove()
}

fn append(log: &LogHandle, events: u64) -> Result<(), Failure> {
    let writer = writer()?;
    let mut waiting = std::collections::VecDeque::new();
    for first in (0..events).step_by(BATCH as usize) {
        let batch = || (first..events.min(first + BATCH)).map(|n| event(n, events)).collect();
        waiting.push_back(submit(log, &writer, batch)?);
        let oldest = if waiting.len() > IN_FLIGHT { waiting.pop_front() } else { None };
        if let Some(oldest) = oldest {
            oldest.wait()?;
        }
    }
    for pending in waiting {
        pending.wait()?;
    }
    Ok(())
}

/// The event of a number. Those of one resource are a prime number of resources apart.
fn event(number: u64, events: u64) -> Vec<u8> {
    let resources = (events / 10).max(1);
    let id = number.wrapping_mul(7_919) % resources;
    let id = if number.is_multiple_of(100) { "hot".to_owned() } else { id.to_string() };
    let (before, after, actor) = (number % 1_000, number % 997, number % 300);
    let status = ["open", "paid", "late", "void"][(number % 4) as usize];
    format!(
        concat!(
            r#"{{"id":"e-{:020}","actor":{{"type":"user","id":"u-{:03}"}},"action":"invoice.update","#,
            r#""target":{{"type":"invoice","id":"{}"}},"outcome":"success","changes":{{"amount":{{"before":{},"#,
            r#""after":{}}},"status":{{"after":"{}"}}}},"context":{{"trace_id":"{:032x}"}}}}"#
        ),
        number, actor, id, before, after, status, number
    )
    .into_bytes()
}

fn fill(log: &LogHandle, place: &Place) -> Result<Index, Failure> {
    let index = Index::open(&place.0.join("derived"), log.origin())?;
    let mut writer = index.writer();
    for number in 0..log.size().0 {
        writer.take(LeafIndex(number), &log.entry(LeafIndex(number))?)?;
        if (number + 1).is_multiple_of(COMMIT_ENTRIES_MAX as u64) {
            writer.commit()?;
        }
    }
    writer.commit()?;
    writer.rest()?;
    Ok(index)
}

fn ask(index: &Index, log: &LogHandle, events: u64) -> Result<(), Failure> {
    let read = |indexes: &[LeafIndex]| log.entries_unlinked(indexes);
    let middle = Some(At::Index(LeafIndex(events / 2)));
    let names: Vec<String> =
        (0..3 * ASKED).map(|n| format!("invoice/{}", n * 104_729 % (events / 10).max(1))).collect();
    let mut groups = names.chunks(ASKED as usize);
    let mut next = || groups.next().unwrap_or_default();
    timed("history of one resource", next(), |name| {
        Ok(index.history(&all(name, None), 100, &read)?.versions.len())
    })?;
    timed("state now", next(), |name| Ok(index.state(&all(name, None), &read)?.versions))?;
    timed("state in the middle", next(), |name| {
        Ok(index.state(&all(name, middle), &read)?.versions)
    })?;
    let hot = vec!["invoice/hot".to_owned(); 11];
    timed("history of the hot one, a page", &hot, |name| {
        Ok(index.history(&all(name, None), 100, &read)?.versions.len())
    })?;
    timed("state of the hot one, first", &hot[..1], |name| {
        Ok(index.state(&all(name, None), &read)?.versions)
    })?;
    timed("state of the hot one, again", &hot, |name| {
        Ok(index.state(&all(name, None), &read)?.versions)
    })?;
    timed("the same in the middle", &hot, |name| {
        Ok(index.state(&all(name, middle), &read)?.versions)
    })?;
    let query = parse("actor:u-007")?;
    timed("oldest 100 of an actor, indexes", &hot, |_| {
        let range = 0..u64::MAX;
        let walk = Walk { query: &query, scope: &Ast::All, now_ns: 0, range, limit: 100 };
        Ok(index.walk(&walk)?.results.len())
    })
}

/// What of a resource there is up to a moment.
fn all(target: &str, at: Option<At>) -> Ask<'_> {
    Ask { target, scope: &Ast::All, from: LeafIndex(0), at }
}

/// Asks for each and shows how long that took.
fn timed(
    what: &str,
    names: &[String],
    ask: impl Fn(&str) -> Result<usize, Failure>,
) -> Result<(), Failure> {
    let mut times_us = Vec::new();
    let mut versions = 0;
    for name in names {
        let start = Instant::now();
        versions += ask(name)?;
        times_us.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times_us.sort_by(f64::total_cmp);
    let part = |share: usize| times_us.get(times_us.len() * share / 100).copied().unwrap_or(0.0);
    let each = versions as f64 / names.len() as f64;
    let (p50_us, p90_us) = (part(50), part(90));
    print(&format!("{what:<32} {each:>8.1} entries, p50 {p50_us:>9.0} us, p90 {p90_us:>9.0} us"));
    let told = json!({"what": what, "entries": each, "p50_us": p50_us, "p90_us": p90_us});
    print(&told.to_string());
    Ok(())
}
