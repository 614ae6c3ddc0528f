//! SHA-256 of one core over the entries of a log: what bounds its verification.
//!
//! `cargo run --release -p graven-log --example hash_rate -- DATA`, on a data directory that no server has open.
//!
//! Reads the bundles of log `main`, times the leaf hashes alone, and prints `{"entries","bytes","hash_s"}`.

use graven_merkle::{BundleReader, TileKind, leaf_hash, tiles_of};
use log::{Cell, CellOptions, Env};
use std::hint::black_box;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let data = std::env::args().nth(1).ok_or("name a data directory")?;
    let (cell, _) = Cell::open(Env::real(), CellOptions::new(data))?;
    let log = cell.log("main").ok_or("no log main")?;
    let (mut entries, mut bytes, mut hashing) = (0u64, 0, Duration::ZERO);
    for path in tiles_of(log.size()).filter(|path| path.kind == TileKind::Entries) {
        let bundle = log.tile(&path)?;
        let read = BundleReader::new(&bundle).collect::<Result<Vec<&[u8]>, _>>()?;
        let began = Instant::now();
        for entry in &read {
            black_box(leaf_hash(entry));
        }
        hashing += began.elapsed();
        entries += read.len() as u64;
        bytes += read.iter().map(|entry| entry.len() as u64).sum::<u64>();
    }
    cell.stop();
    let hash_s = hashing.as_secs_f64();
    #[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
    {
        println!(r#"{{"entries":{entries},"bytes":{bytes},"hash_s":{hash_s}}}"#);
    }
    Ok(())
}
