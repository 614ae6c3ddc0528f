//! T16, on a simulated disk of 64 MB: it fills up at every level, and space comes back.

use crate::support::{MANY, look, pass};
use append::{Batch, Code};
use graven_merkle::LeafIndex;
use log::Cell;
use sim::{Client, End, Step, World, check_cell, event, writer};
use std::path::Path;

const DISK_BYTES: u64 = 64 << 20;
/// What a cell keeps free.
const RESERVE_BYTES: u64 = 256 << 10;
/// Batches that are tried at one level.
const BATCHES_MAX: u64 = 120;

/// Reads and proofs go on while nothing is taken (I11).
fn check_reads(cell: &Cell, context: &str) {
    let log = cell.log("main").expect("is there");
    let size = log.info().size.0;
    for index in [0, size / 2, size - 1].map(LeafIndex) {
        log.entry(index).unwrap_or_else(|error| panic!("{context}, entry {index}: {error}"));
        log.proof(index).unwrap_or_else(|error| panic!("{context}, proof {index}: {error}"));
    }
}

/// So many bytes are free before the appends begin.
fn check(free_bytes: u64) -> bool {
    let context = format!("{free_bytes} bytes free");
    let (mut world, mut client) = (World::started(16), Client::new());
    world.limits.disk_reserve_bytes = RESERVE_BYTES;
    world.disk.set_capacity_bytes(Some(DISK_BYTES));
    let ballast = DISK_BYTES - world.disk.used_bytes() - free_bytes;
    world.disk.put_file(Path::new("/ballast"), &vec![1; ballast as usize]).expect("fits");
    let Ok((cell, _)) = world.open() else {
        // Too full to copy the journal forward: nothing is lost, and with space it starts.
        world.disk.put_file(Path::new("/ballast"), &[]).expect("gives space back");
        world.end(None, End::Kill);
        pass(look(&world, &mut client), &context);
        return false;
    };
    let mut was_full = false;
    for _ in 0..BATCHES_MAX {
        let went = client.step(&cell, MANY).and_then(|_| client.step(&cell, Step::Keep));
        went.unwrap_or_else(|violation| panic!("{context}: {violation}"));
        was_full |= !cell.health().ready;
        if was_full {
            break;
        }
    }
    if was_full {
        let log = cell.log("main").expect("is there");
        let batch = Batch::of(vec![event(1_000_000, 10)]);
        let refused = log.submit(&writer(), batch).and_then(log::Pending::wait);
        assert_eq!(refused.expect_err("the disk is full").code, Code::DiskFull, "{context}");
        check_reads(&cell, &context);
        world.disk.put_file(Path::new("/ballast"), &[]).expect("gives space back");
        let went = client.step(&cell, Step::Keep).and_then(|_| client.step(&cell, MANY));
        assert_eq!(went, Ok(true), "{context}: it does not go on with space again");
    }
    pass(check_cell(&cell, &mut client.history), &context);
    world.end(Some(&cell), End::PowerCut);
    // What is left may be too little for the next start's appends.
    world.disk.put_file(Path::new("/ballast"), &[]).expect("gives space back");
    pass(look(&world, &mut client), &context);
    was_full
}

#[test]
fn t16_the_disk_is_full_at_twenty_levels() {
    let levels = (0..20_u64).map(|level| 100_000 + level * level * 12_000);
    let full = levels.filter(|free_bytes| check(*free_bytes)).count();
    assert!(full >= 3, "the disk was full at only {full} levels");
}
