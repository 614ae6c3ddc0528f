//! Bytes on disk of a log whose entries are all in sealed segments, beside the bytes that were handed in.
//!
//! `cargo run --release -p graven-log --example disk_bytes -- EVENTS.ndjson SEGMENTS [DIRECTORY]`
//!
//! Appends the file's lines, from the first again where they end, until SEGMENTS segments are full, has them sealed, and
//! prints `{"entries","raw_bytes","disk_bytes"}`: every file of the log counts, tree, index and state included. Lines
//! that are appended twice must have no `id`, or they are the same event.

use append::Batch;
use graven_entry::{AuthMethod, Grade, Name};
use log::limits::SEGMENT_ENTRIES;
use log::{Cell, CellOptions, Env, Writer};
use std::path::{Path, PathBuf};

type Failure = Box<dyn std::error::Error>;

/// Events of one batch.
const BATCH_EVENTS: usize = 500;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let file = args.next().ok_or("name a file of events, one a line")?;
    let segments: u64 = args.next().ok_or("say how many segments to fill")?.parse()?;
    let directory = args.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let text = std::fs::read(file)?;
    let lines: Vec<&[u8]> = text.trim_ascii_end().split(|byte| *byte == b'\n').collect();
    let directory = directory.join(format!("disk-bytes-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let data = directory.join("data");
    let entries = segments * SEGMENT_ENTRIES;
    let raw_bytes = fill(&data, &lines, entries)?;
    let disk_bytes = bytes_below(&data.join("logs/main"))?;
    std::fs::remove_dir_all(&directory)?;
    #[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
    {
        println!(r#"{{"entries":{entries},"raw_bytes":{raw_bytes},"disk_bytes":{disk_bytes}}}"#);
    }
    Ok(())
}

/// Appends until the log has that many entries and seals them; bytes of the lines with their line ends.
fn fill(data: &Path, lines: &[&[u8]], entries: u64) -> Result<u64, Failure> {
    let (cell, _) = Cell::open(Env::real(), CellOptions::new(data))?;
    let log = cell.log("main").ok_or("no log main")?;
    let auth = AuthMethod::new("token")?;
    let writer = Writer { id: Name::new("bench")?, auth, grade: Grade::Asserted };
    let mut missing = entries.saturating_sub(log.size().0) as usize;
    let mut source = lines.iter().cycle();
    let mut raw_bytes = 0;
    while missing > 0 {
        let events: Vec<Vec<u8>> =
            source.by_ref().take(missing.min(BATCH_EVENTS)).map(|line| line.to_vec()).collect();
        raw_bytes += events.iter().map(|event| event.len() as u64 + 1).sum::<u64>();
        missing -= events.len();
        append(&log, &writer, events)?;
    }
    cell.unload()?;
    let size = log.size().0;
    cell.stop();
    if size != entries {
        return Err(
            format!("the log has {size} entries instead of {entries}: ids stand twice").into()
        );
    }
    Ok(raw_bytes)
}

/// Over a queue's limit a producer waits and tries again, as over HTTP.
fn append(log: &log::LogHandle, writer: &Writer, events: Vec<Vec<u8>>) -> Result<(), Failure> {
    loop {
        match log.submit(writer, Batch::of(events.clone())) {
            Err(refusal) if refusal.code == append::Code::Busy => std::thread::yield_now(),
            Err(refusal) => return Err(refusal.into()),
            Ok(pending) => return Ok(pending.wait().map(drop)?),
        }
    }
}

/// Bytes of all files below a directory.
fn bytes_below(directory: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
