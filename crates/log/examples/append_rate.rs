//! In-process appends a second, beside the loop that only hashes, writes and flushes as many bytes.
//!
//! `cargo run --release -p graven-log --example append_rate -- [EVENTS] [IN_FLIGHT] [DIRECTORY]`
//!
//! The last line is JSON. `first_tenth` and `last_tenth` are the rates of the first and the last tenth of the events.

#[path = "support/events.rs"]
mod events;
#[path = "support/limit.rs"]
mod limit;
mod support;

use events::{EVENT_BYTES, Events};
use graven_merkle::LeafIndex;
use limit::limit;
use log::{Cell, CellOptions, Env, Pending};
use std::collections::VecDeque;
use std::path::Path;
use std::time::Instant;
use support::{Cost, Failure, Place, print, submit};

/// Events of the limit at most: its file is zeroed ahead, and more would only fill the disk.
const LIMIT_EVENTS_MAX: u64 = 1_000_000;

/// What our own appends took.
struct Ours {
    rate: f64,
    first_tenth: f64,
    last_tenth: f64,
    /// Processor time of one event, in microseconds.
    cpu_us: f64,
    memory_mb: f64,
    entry_bytes: usize,
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let events: u64 = args.next().map_or(Ok(300_000), |text| text.parse())?;
    let in_flight: usize = args.next().map_or(Ok(512), |text| text.parse())?;
    let place = Place::new("append-rate", args.next())?;
    let ours = ours(&place.0.join("data"), events, in_flight)?;
    let limit = limit(&place.0, (events.min(LIMIT_EVENTS_MAX), in_flight, ours.entry_bytes))?;
    place.remove()?;
    let (rate, ratio) = (ours.rate, ours.rate / limit.rate);
    print(&format!("events {events}, {in_flight} in flight, {EVENT_BYTES} B each, durable"));
    print(&format!("graven, in process        {rate:>12.0} events/s"));
    print(&format!("hash, write, flush only   {:>12.0} events/s", limit.rate));
    print(&format!("ratio                     {ratio:>12.2}"));
    print(&format!(
        concat!(
            r#"{{"bench":"append_rate","events":{},"in_flight":{},"event_bytes":{},"entry_bytes":{},"#,
            r#""rate":{:.0},"limit":{:.0},"ratio":{:.3},"first_tenth":{:.0},"last_tenth":{:.0},"#,
            r#""cpu_us":{:.2},"limit_cpu_us":{:.2},"generator_us":{:.3},"memory_mb":{:.0}}}"#
        ),
        events,
        in_flight,
        EVENT_BYTES,
        ours.entry_bytes,
        rate,
        limit.rate,
        ratio,
        ours.first_tenth,
        ours.last_tenth,
        ours.cpu_us,
        limit.cpu_us,
        generator_us(events),
        ours.memory_mb,
    ));
    Ok(())
}

/// Appends one event a batch, `in_flight` at once.
fn ours(data: &Path, events: u64, in_flight: usize) -> Result<Ours, Failure> {
    let (cell, _) = Cell::open(Env::real(), CellOptions::new(data))?;
    let log = cell.log("main").ok_or("no log main")?;
    let (writer, texts) = (support::writer()?, Events::new());
    let cost = Cost::begin()?;
    let mut tenths = Vec::with_capacity(11);
    let mut waiting: VecDeque<Pending> = VecDeque::with_capacity(in_flight);
    for number in 0..events {
        let oldest = if waiting.len() >= in_flight { waiting.pop_front() } else { None };
        if let Some(oldest) = oldest {
            oldest.wait()?;
        }
        if number % (events / 10).max(1) == 0 {
            tenths.push(cost.seconds());
        }
        waiting.push_back(submit(&log, &writer, || vec![texts.event(number)])?);
    }
    for pending in waiting {
        pending.wait()?;
    }
    let (seconds, cpu_s) = (cost.seconds(), cost.cpu_seconds()?);
    let tenth = (events / 10).max(1) as f64;
    let entry_bytes = log.entry(LeafIndex(events))?.len();
    let memory_mb = peak_memory_mb()?;
    cell.stop();
    Ok(Ours {
        rate: events as f64 / seconds,
        first_tenth: tenth / tenths.get(1).copied().unwrap_or(seconds),
        last_tenth: tenth / (seconds - tenths.get(9).copied().unwrap_or(0.0)),
        cpu_us: cpu_s * 1e6 / events as f64,
        memory_mb,
        entry_bytes,
    })
}

/// What making an event takes, which is part of both figures.
fn generator_us(events: u64) -> f64 {
    let (texts, began) = (Events::new(), Instant::now());
    for number in 0..events {
        std::hint::black_box(texts.event(number));
    }
    began.elapsed().as_secs_f64() * 1e6 / events as f64
}

/// The most memory that this process ever held, in MB of 10^6 bytes.
fn peak_memory_mb() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    let kib: f64 = line.split_whitespace().nth(1).ok_or("no number in VmHWM")?.parse()?;
    Ok(kib * 1_024.0 / 1e6)
}
