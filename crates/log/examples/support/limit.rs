//! The limit that appends stand beside: a loop that only hashes, writes and flushes.

use crate::events::{EVENT_BYTES, Events};
use crate::support::{Cost, Failure};
use env::{BLOCK_BYTES, Disk, OpenMode, RealDisk};
use graven_merkle::{Frontier, leaf_hash};
use std::path::Path;

/// What the limit took.
pub(crate) struct Limit {
    /// Events a second.
    pub(crate) rate: f64,
    /// Processor time of one event, in microseconds.
    pub(crate) cpu_us: f64,
}

/// The least that any such log must do with entries of `entry_bytes`: a leaf hash, the tree, and one durable write for
/// what is in flight, by the journal's own recipe (ADR 0002) into a file of zeros.
pub(crate) fn limit(
    directory: &Path,
    (events, in_flight, entry_bytes): (u64, usize, usize),
) -> Result<Limit, Failure> {
    let path = directory.join("limit");
    let frame_bytes = (in_flight * entry_bytes).next_multiple_of(BLOCK_BYTES);
    let file = RealDisk.open(&path, OpenMode::CreateNew)?;
    file.write_zeros_at(0, events.div_ceil(in_flight as u64) * frame_bytes as u64)?;
    file.sync_all()?;
    let direct = RealDisk.open_direct(&path)?;
    let mut raw = vec![0; frame_bytes + BLOCK_BYTES];
    let start = raw.as_ptr().align_offset(BLOCK_BYTES);
    let frame = &mut raw[start..start + frame_bytes];
    let (mut frontier, texts) = (Frontier::new(), Events::new());
    let (mut offset, mut number) = (0, 0);
    let cost = Cost::begin()?;
    while number < events {
        for entry in frame.chunks_exact_mut(entry_bytes).take(in_flight) {
            entry[entry_bytes - EVENT_BYTES..].copy_from_slice(&texts.event(number));
            frontier.push(leaf_hash(entry));
            number += 1;
        }
        direct.file.write_at(frame, offset)?;
        if direct.fallback.is_some() {
            direct.file.sync_data()?;
        }
        offset += frame_bytes as u64;
    }
    let (seconds, cpu_s) = (cost.seconds(), cost.cpu_seconds()?);
    std::fs::remove_file(&path)?;
    Ok(Limit { rate: number as f64 / seconds, cpu_us: cpu_s * 1e6 / number as f64 })
}
