//! T06, T07: the disk loses, misplaces or changes what it was given. Nothing wrong is served, and nothing is repaired by
//! guess.

use crate::support::{MANY, ONE, live, stride};
use env::{Fault, FaultKind, On};
use log::OpenError;
use sim::{Client, End, Step, Violation, World, check_cell, check_offline};
use std::path::Path;

/// What a damaged disk came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Outcomes {
    /// The start, or the read, refused and named the place.
    refused: u64,
    /// Everything was there all the same.
    whole: u64,
}

/// Starts on a damaged disk: either it refuses and changes nothing in the journal, or everything acknowledged is there.
fn start_damaged(world: &World, client: &Client, context: &str, outcomes: &mut Outcomes) {
    let before = world.files_below("/data/journal");
    match world.open() {
        Err(error) => {
            // A start that stumbles over something else has copied the journal forward by then, as every start does.
            let is_journal = matches!(error, OpenError::Journal(_));
            let is_same = world.files_below("/data/journal") == before;
            assert!(is_same || !is_journal, "{context}: the journal was changed");
            outcomes.refused += 1;
        }
        Ok((cell, _)) => {
            match check_cell(&cell, &mut client.history.clone()) {
                Ok(()) => outcomes.whole += 1,
                // The damage lies where only a reader comes: it is told so, and gets nothing wrong.
                Err(violation) if is_read_refused(&violation) => outcomes.refused += 1,
                Err(violation) => panic!("{context}: {violation}"),
            }
            world.end(Some(&cell), End::Stop);
        }
    }
}

/// The log said itself that these bytes are not what was written.
fn is_read_refused(violation: &Violation) -> bool {
    ["stored bytes cannot be read", "is corrupt at byte"]
        .iter()
        .any(|said| violation.what.contains(said))
}

#[test]
fn t06_lost_and_misdirected_writes_halt_the_next_start() {
    let block = 4_096;
    let kinds = [
        FaultKind::LostWrite,
        FaultKind::Misdirect { by_bytes: block },
        FaultKind::Misdirect { by_bytes: 5 * block },
        FaultKind::Misdirect { by_bytes: -block },
    ];
    let mut outcomes = Outcomes::default();
    for is_direct in [true, false] {
        for kind in &kinds {
            // Batches, each with the seal that vouches for it: the fault strikes the write of one of them.
            for after in (0..6).step_by(stride(1)) {
                let (world, mut client) = (World::started(after), Client::new());
                world.disk.set_direct(is_direct);
                let cell = live(&world, &mut client, &[ONE, MANY]).expect("sound").expect("starts");
                let fault = Fault { on: On::Write, after, forever: false, kind: kind.clone() };
                world.disk.fail(fault);
                let context = format!("seed {after}, {kind:?}, direct writes {is_direct}");
                for step in [ONE, Step::Seal, MANY, Step::Seal, ONE, Step::Seal, Step::Seal] {
                    let went = client.step(&cell, step);
                    went.unwrap_or_else(|violation| panic!("{context}: {violation}"));
                }
                world.end(Some(&cell), End::PowerCut);
                start_damaged(&world, &client, &context, &mut outcomes);
            }
        }
    }
    assert!(outcomes.refused > outcomes.whole, "{outcomes:?}");
}

#[test]
fn t07_a_bit_rots_in_any_file() {
    let (world, mut client) = (World::started(7), Client::new());
    let steps =
        [MANY, ONE, Step::Unload, MANY, Step::Seal, Step::Keep, ONE, Step::Seal, Step::Keep];
    let cell = live(&world, &mut client, &steps).expect("sound").expect("starts");
    world.end(Some(&cell), End::Stop);
    let sound = world.disk.snapshot();
    let mut outcomes = Outcomes::default();
    for (path, len_bytes) in world.disk.files() {
        if path.ends_with("reserve") {
            continue;
        }
        world.disk.restore(&sound);
        for bit in bits(&world, &path, len_bytes) {
            world.disk.restore(&sound);
            world.disk.flip(&path, bit).expect("a file of the list");
            let context = format!("seed 7, bit {bit} of {}", path.display());
            if sim::world::is_covered(&path) {
                let verified = check_offline(&world, &client.history);
                assert!(verified.is_err(), "{context}: verification does not see it");
            }
            start_damaged(&world, &client, &context, &mut outcomes);
        }
    }
    assert!(outcomes.refused > 20, "{outcomes:?}");
}

/// Some bits of every class of bytes of a file: the first, those of its content, and those behind it.
fn bits(world: &World, path: &Path, len_bytes: u64) -> Vec<u64> {
    let bytes = world.disk.file_bytes(path).expect("a file of the list");
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
    let step = (used / if crate::support::is_full() { 400 } else { 5 }).max(1);
    let mut bits: Vec<u64> =
        (0..used).step_by(step as usize).map(|byte| byte * 8 + byte % 8).collect();
    if len_bytes > used {
        bits.push((used + (len_bytes - used) / 2) * 8 + 3);
    }
    bits
}
