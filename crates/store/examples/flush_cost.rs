//! What one durable frame costs: `fdatasync` against O_DIRECT with O_DSYNC, by frame size.
//!
//! `cargo run --release -p graven-store --example flush_cost -- DIRECTORY` writes frames one after
//! the other into a zero-filled file there, as the journal does, and prints a table.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use env::{BLOCK_BYTES, Disk, DiskFile, OpenMode, RealDisk};

const FRAME_BYTES: [usize; 4] = [4 << 10, 64 << 10, 256 << 10, 1 << 20];
const FILE_BYTES: u64 = 64 << 20;
const FRAMES_MAX: usize = 300;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).ok_or("name a directory to write to")?;
    let path = Path::new(&dir).join("flush_cost.tmp");
    let mut out = std::io::stdout();
    writeln!(out, "frame KiB | way       | p50 us | p99 us | frames/s | MB/s")?;
    for frame_bytes in FRAME_BYTES {
        for direct in [false, true] {
            let mut micros = measure(&path, frame_bytes, direct)?;
            micros.sort_unstable();
            let total: u128 = micros.iter().sum();
            let at = |percent| micros[(micros.len() - 1) * percent / 100];
            let per_second = micros.len() as u128 * 1_000_000 / total.max(1);
            let megabytes = per_second * frame_bytes as u128 / 1_000_000;
            let way = if direct { "direct" } else { "fdatasync" };
            let (p50, p99, kib) = (at(50), at(99), frame_bytes >> 10);
            writeln!(
                out,
                "{kib:>9} | {way:<9} | {p50:>6} | {p99:>6} | {per_second:>8} | {megabytes:>4}"
            )?;
        }
    }
    Ok(())
}

/// Microseconds of each durable write of a run.
fn measure(path: &Path, frame_bytes: usize, direct: bool) -> Result<Vec<u128>, Box<dyn Error>> {
    let disk = RealDisk;
    let file = disk.open(path, OpenMode::CreateNew)?;
    file.write_zeros_at(0, FILE_BYTES)?;
    file.sync_all()?;
    let file = if direct {
        let opened = disk.open_direct(path)?;
        if let Some(why) = opened.fallback {
            return Err(why.into());
        }
        opened.file
    } else {
        file
    };
    let result = write_frames(&*file, frame_bytes, direct);
    disk.remove(path)?;
    result
}

fn write_frames(
    file: &dyn DiskFile,
    frame_bytes: usize,
    direct: bool,
) -> Result<Vec<u128>, Box<dyn Error>> {
    let mut buffer = vec![0xA5u8; frame_bytes + BLOCK_BYTES];
    let start = buffer.as_ptr().align_offset(BLOCK_BYTES);
    let frames = FRAMES_MAX.min(FILE_BYTES as usize / frame_bytes);
    let mut micros = Vec::with_capacity(frames);
    for n in 0..frames {
        let frame = &mut buffer[start..start + frame_bytes];
        frame[0] = n as u8;
        let began = Instant::now();
        file.write_at(frame, (n * frame_bytes) as u64)?;
        if !direct {
            file.sync_data()?;
        }
        micros.push(began.elapsed().as_micros());
    }
    Ok(micros)
}
