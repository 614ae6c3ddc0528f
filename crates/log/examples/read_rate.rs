//! Random reads of one entry with its proof, on one thread, beside raw reads of 64 KiB.
//!
//! `cargo run --release -p graven-log --example read_rate -- [EVENTS] [READS] [DIRECTORY]`
//!
//! `warm`: out of 16,384 neighbouring entries, which the caches hold. `spread`: out of all entries, with the files in the
//! page cache. `cold`: out of all, with nothing in it. `disk_ratio` is all that lies in the data directory after the last
//! segment is sealed and the journal unloaded, its preallocated files left out, against the events as NDJSON.

#[path = "support/events.rs"]
mod events;
#[path = "support/fill.rs"]
mod fill;
mod support;

use env::{Disk, DiskFile, OpenMode, RealDisk};
use events::EVENT_BYTES;
use fill::fill;
use graven_merkle::LeafIndex;
use log::{Cell, CellOptions, Env, LogHandle};
use std::path::{Path, PathBuf};
use support::{Cost, Failure, Place, print};

/// Entries that the warm reads choose from.
const WARM_ENTRIES: u64 = 16_384;
/// Bytes of a raw read.
const RAW_BYTES: usize = 64 * 1024;
/// The cold reads are this part of the others: each waits for the device.
const COLD_DIVISOR: u64 = 20;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let events: u64 = args.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let reads: u64 = args.next().map_or(Ok(20_000), |text| text.parse())?;
    let place = Place::new("read-rate", args.next())?;
    let (cell, _) = Cell::open(Env::real(), CellOptions::new(place.0.join("data")))?;
    let log = cell.log("main").ok_or("no log main")?;
    fill(&log, events)?;
    cell.unload()?;
    let segments = place.0.join("data/logs/main/segments");
    let disk_bytes: u64 = files(&segments)?.iter().map(|file| file.1).sum();
    let first = events.saturating_sub(WARM_ENTRIES) / 2;
    let hot = (first, WARM_ENTRIES.min(events));
    read(&log, hot, reads)?;
    let (warm, warm_cpu_us) = read(&log, hot, reads)?;
    let (spread, _) = read(&log, (0, events), reads)?;
    let (raw_warm, _) = raw(&segments, reads)?;
    drop_caches(&segments)?;
    let (cold, _) = read(&log, (0, events), reads / COLD_DIVISOR)?;
    drop_caches(&segments)?;
    let (raw_cold, _) = raw(&segments, reads / COLD_DIVISOR)?;
    cell.stop();
    place.remove()?;
    print(&format!(
        concat!(
            r#"{{"bench":"read_rate","events":{},"reads":{},"warm":{:.0},"warm_cpu_us":{:.2},"spread":{:.0},"#,
            r#""cold":{:.0},"raw_warm":{:.0},"raw_cold":{:.0},"disk_bytes":{},"disk_ratio":{:.4}}}"#
        ),
        events,
        reads,
        warm,
        warm_cpu_us,
        spread,
        cold,
        raw_warm,
        raw_cold,
        disk_bytes,
        disk_bytes as f64 / (events * (EVENT_BYTES as u64 + 1)) as f64,
    ));
    Ok(())
}

/// Numbers that jump about, the same in every run.
fn jump(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 16
}

/// Reads a second of one entry with its proof out of `count` from `first` on, and processor time of one in microseconds.
fn read(log: &LogHandle, (first, count): (u64, u64), reads: u64) -> Result<(f64, f64), Failure> {
    let cost = Cost::begin()?;
    for number in 0..reads {
        let index = LeafIndex(first + jump(number) % count);
        std::hint::black_box((log.entry(index)?, log.proof(index)?));
    }
    Ok((reads as f64 / cost.seconds(), cost.cpu_seconds()? * 1e6 / reads as f64))
}

/// Raw reads a second of 64 KiB out of the segments.
fn raw(segments: &Path, reads: u64) -> Result<(f64, f64), Failure> {
    let mut opened: Vec<(Box<dyn DiskFile>, u64)> = Vec::new();
    for (path, size_bytes) in files(segments)? {
        opened.push((RealDisk.open(&path, OpenMode::Read)?, size_bytes));
    }
    let mut buffer = vec![0; RAW_BYTES];
    let cost = Cost::begin()?;
    for number in 0..reads {
        let (file, size_bytes) = &opened[(jump(number) % opened.len() as u64) as usize];
        let places = size_bytes.saturating_sub(RAW_BYTES as u64).max(1);
        let read = file.read_at(&mut buffer, jump(number ^ reads) % places)?;
        std::hint::black_box(read);
    }
    Ok((reads as f64 / cost.seconds(), cost.cpu_seconds()? * 1e6 / reads as f64))
}

fn drop_caches(segments: &Path) -> Result<(), Failure> {
    for (path, _) in files(segments)? {
        RealDisk.open(&path, OpenMode::Read)?.drop_cache()?;
    }
    Ok(())
}

/// The files of a directory with their sizes in bytes.
fn files(dir: &Path) -> Result<Vec<(PathBuf, u64)>, Failure> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        files.push((entry.path(), entry.metadata()?.len()));
    }
    Ok(files)
}
