//! In-process appends a second, beside the loop that only hashes, writes and flushes the same bytes.
//!
//! `cargo run --release -p graven-log --example append_rate -- [EVENTS] [IN_FLIGHT] [DIRECTORY]`

use append::Batch;
use env::{BLOCK_BYTES, Disk, OpenMode, RealDisk};
use graven_entry::{AuthMethod, Grade, Name};
use graven_merkle::{Frontier, leaf_hash};
use log::{Cell, CellOptions, Env, Pending, Writer};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

/// Bytes of one event, about what a column change has.
const EVENT_BYTES: usize = 450;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let events: u64 = args.next().map_or(Ok(300_000), |text| text.parse())?;
    let in_flight: usize = args.next().map_or(Ok(512), |text| text.parse())?;
    let directory = args.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = directory.join(format!("append-rate-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let ours = ours(&directory.join("data"), events, in_flight)?;
    let limit = limit(&directory, events, in_flight)?;
    std::fs::remove_dir_all(&directory)?;
    #[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
    {
        println!("events {events}, {in_flight} in flight, {EVENT_BYTES} B each, durable");
        println!("graven, in process        {ours:>12.0} events/s");
        println!("hash, write, flush only   {limit:>12.0} events/s");
        println!("ratio                     {:>12.2}", ours / limit);
    }
    Ok(())
}

fn event(number: u64) -> Vec<u8> {
    let mut event = format!(
        r#"{{"id":"{number:020}","actor":{{"type":"user","id":"u{}"}},"action":"row.update","data":""#,
        number % 997
    );
    while event.len() < EVENT_BYTES - 2 {
        event.push(char::from(b'a' + (event.len() as u64 * 7 + number) as u8 % 26));
    }
    event.push_str("\"}");
    event.into_bytes()
}

/// Appends one event a batch, `in_flight` at once.
fn ours(data: &Path, events: u64, in_flight: usize) -> Result<f64, Failure> {
    let (cell, _) = Cell::open(Env::real(), CellOptions::new(data))?;
    let log = cell.log("main").ok_or("no log main")?;
    let auth = AuthMethod::new("token")?;
    let writer = Writer { id: Name::new("bench")?, auth, grade: Grade::Asserted };
    let began = Instant::now();
    let mut waiting: VecDeque<Pending> = VecDeque::with_capacity(in_flight);
    for number in 0..events {
        let oldest = if waiting.len() >= in_flight { waiting.pop_front() } else { None };
        if let Some(oldest) = oldest {
            oldest.wait()?;
        }
        waiting.push_back(submit(&log, &writer, number)?);
    }
    for pending in waiting {
        pending.wait()?;
    }
    let rate = events as f64 / began.elapsed().as_secs_f64();
    cell.stop();
    Ok(rate)
}

/// Over a queue's limit a producer waits and tries again, as over HTTP.
fn submit(log: &log::LogHandle, writer: &Writer, number: u64) -> Result<Pending, Failure> {
    loop {
        match log.submit(writer, Batch::of(vec![event(number)])) {
            Err(refusal) if refusal.code == append::Code::Busy => std::thread::yield_now(),
            other => return Ok(other?),
        }
    }
}

/// The least that any such log must do: a leaf hash, the tree, and one durable write for what is in flight.
fn limit(directory: &Path, events: u64, in_flight: usize) -> Result<f64, Failure> {
    let path = directory.join("limit");
    let file = RealDisk.open(&path, OpenMode::CreateNew)?;
    let block = BLOCK_BYTES as u64;
    let entry_bytes = EVENT_BYTES as u64 + 250;
    file.write_zeros_at(0, events * entry_bytes + (events / in_flight as u64 + 2) * block)?;
    file.sync_all()?;
    let mut frontier = Frontier::new();
    let (mut offset, mut number) = (0, 0);
    let header = [b'h'; 250];
    let began = Instant::now();
    while number < events {
        let mut frame = Vec::new();
        for _ in 0..in_flight {
            let start = frame.len();
            frame.extend_from_slice(&header);
            frame.extend_from_slice(&event(number));
            frontier.push(leaf_hash(&frame[start..]));
            number += 1;
        }
        frame.resize(frame.len().next_multiple_of(BLOCK_BYTES), 0);
        file.write_at(&frame, offset)?;
        file.sync_data()?;
        offset += frame.len() as u64;
    }
    Ok(events as f64 / began.elapsed().as_secs_f64())
}
