//! T06, T07: the disk loses, misplaces or changes what it was given. Nothing wrong is served, and nothing is repaired by
//! guess.

use crate::support::{MANY, ONE, is_full, live, stride};
use env::{Fault, FaultKind, On};
use log::OpenError;
use sim::{Client, End, Step, World, check_cell, check_offline};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use store::JournalError;

/// What a damaged disk came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The start refused, for the journal's sake, and left the journal as it was.
    Journal,
    /// The start refused, for the sake of a log's files.
    Files,
    /// The start refused, for the sake of a signing key or the guard.
    Secrets,
    /// The damage lies where only a reader comes: it is told so, and gets nothing wrong.
    Read,
    /// Everything acknowledged is there, and what is sent again gets its first receipt.
    Whole,
}

/// Starts on a damaged disk: nothing wrong is served, and nothing in the journal is repaired by guess.
fn start_damaged(world: &World, client: &Client, context: &str) -> Outcome {
    let before = world.files_below("/data/journal");
    let error = match world.open() {
        Ok((cell, _)) => {
            let mut client = client.clone();
            let looked = check_cell(&cell, &mut client.history)
                .and_then(|()| client.step(&cell, Step::Repeat).map(drop));
            world.end(Some(&cell), End::Stop);
            return match looked {
                Ok(()) => Outcome::Whole,
                Err(violation) if violation.is_refused => Outcome::Read,
                Err(violation) => panic!("{context}: {violation}"),
            };
        }
        Err(error) => error,
    };
    match error {
        OpenError::Journal(JournalError::Corrupt { .. }) => {
            // A start that stumbles over something else has copied the journal forward by then, as every start does.
            assert!(world.files_below("/data/journal") == before, "{context}: it was changed");
            Outcome::Journal
        }
        OpenError::Store(_) | OpenError::Corrupt { .. } | OpenError::Read(_) => Outcome::Files,
        OpenError::Key(_) | OpenError::Guard(_) => Outcome::Secrets,
        other => panic!("{context}: refused for another reason: {other:?}"),
    }
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
    let mut outcomes: BTreeMap<Outcome, u64> = BTreeMap::new();
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
                *outcomes.entry(start_damaged(&world, &client, &context)).or_default() += 1;
            }
        }
    }
    let of = |outcome| outcomes.get(&outcome).copied().unwrap_or(0);
    assert!(of(Outcome::Journal) > of(Outcome::Whole), "{outcomes:?}");
}

/// What damage to a class of files may come to, by a part of their paths; the first that fits counts. `Whole` is allowed
/// where a start and its readers do not depend on the byte: then verification sees it, or the file repeats what others hold.
const CLASSES: [(&str, &[Outcome]); 11] = [
    ("/data/journal/", &[Outcome::Journal, Outcome::Whole]),
    ("/segments/", &[Outcome::Read, Outcome::Whole]),
    ("/state-", &[Outcome::Files]),
    ("/meta", &[Outcome::Files, Outcome::Whole]),
    ("/vkey", &[Outcome::Whole]),
    ("/data/vault/", &[Outcome::Read]),
    ("/data/keys/identity.key", &[Outcome::Files]),
    ("/data/keys/", &[Outcome::Secrets]),
    ("/data/format", &[Outcome::Files]),
    // Its bytes mean nothing.
    ("/data/reserve", &[Outcome::Whole]),
    ("/guard/heads", &[Outcome::Secrets]),
];

#[test]
fn t06_writes_that_land_in_another_file_are_not_believed() {
    let before = [ONE, MANY, Step::Unload, ONE, Step::Seal, Step::Keep];
    let mut outcomes: BTreeMap<Outcome, u64> = BTreeMap::new();
    let (world, mut client) = (World::started(6), Client::new());
    let cell = live(&world, &mut client, &before).expect("sound").expect("starts");
    world.end(Some(&cell), End::Stop);
    let (sound, told) = (world.disk.snapshot(), client);
    for (path, _) in world.disk.files() {
        for after in (0..8).step_by(stride(3)) {
            let context = format!("seed 6, write {after} lands in {}", path.display());
            let mut client = told.clone();
            world.disk.restore(&sound);
            let cell = live(&world, &mut client, &[]).expect("sound").expect("starts");
            let kind = FaultKind::MisdirectTo { path: path.clone() };
            world.disk.fail(Fault { on: On::Write, after, forever: false, kind });
            for step in [ONE, Step::Seal, MANY, Step::Unload, ONE, Step::Seal, Step::Keep] {
                let went = client.step(&cell, step);
                went.unwrap_or_else(|violation| panic!("{context}: {violation}"));
            }
            world.end(Some(&cell), End::PowerCut);
            *outcomes.entry(start_damaged(&world, &client, &context)).or_default() += 1;
        }
    }
    let whole = outcomes.remove(&Outcome::Whole).unwrap_or(0);
    let refused: u64 = outcomes.values().sum();
    assert!(refused > whole && outcomes.len() > 1, "{outcomes:?}, {whole} whole");
}

#[test]
fn t07_a_bit_rots_in_any_file() {
    let (world, mut client) = (World::started(7), Client::new());
    let cell = live(&world, &mut client, &BEFORE_ROT).expect("sound").expect("starts");
    world.end(Some(&cell), End::Stop);
    let sound = world.disk.snapshot();
    let mut seen: BTreeSet<(&str, Outcome)> = BTreeSet::new();
    for (path, len_bytes) in world.disk.files() {
        world.disk.restore(&sound);
        let class = CLASSES.iter().find(|(part, _)| path.to_string_lossy().contains(part));
        let Some((class, allowed)) = class else {
            // The lock: nothing is ever in it.
            assert_eq!(len_bytes, 0, "{} belongs to no class", path.display());
            continue;
        };
        for bit in bits(&world, &path, len_bytes) {
            world.disk.restore(&sound);
            world.disk.flip(&path, bit).expect("a file of the list");
            let context = format!("seed 7, bit {bit} of {}", path.display());
            if sim::world::is_covered(&path) {
                let verified = check_offline(&world, &client.history);
                assert!(verified.is_err(), "{context}: verification does not see it");
            }
            let outcome = start_damaged(&world, &client, &context);
            assert!(allowed.contains(&outcome), "{context}: {outcome:?}, may be {allowed:?}");
            seen.insert((class, outcome));
        }
    }
    // Each class was there, and came to whatever it may come to: else the table allows too much.
    for (class, outcome) in CLASSES.iter().flat_map(|(c, all)| all.iter().map(move |o| (*c, *o))) {
        assert!(seen.contains(&(class, outcome)), "{class} never came to {outcome:?}");
    }
}

/// What a machine has lived through before a bit rots: every kind of file is there.
const BEFORE_ROT: [Step; 12] = [
    MANY,
    ONE,
    Step::Unload,
    MANY,
    Step::Seal,
    Step::Keep,
    Step::CreateLog,
    ONE,
    Step::RotateKeys,
    ONE,
    Step::Seal,
    Step::Keep,
];

/// A bit of every byte of a file that is not zero at its end, or of some, and one of the zeros behind.
fn bits(world: &World, path: &Path, len_bytes: u64) -> Vec<u64> {
    let bytes = world.disk.file_bytes(path).expect("a file of the list");
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
    let step = if is_full() { 1 } else { (used / 12).max(1) };
    let mut bits: Vec<u64> =
        (0..used).step_by(step as usize).map(|byte| byte * 8 + byte % 8).collect();
    if len_bytes > used {
        bits.push((used + (len_bytes - used) / 2) * 8 + 3);
    }
    bits
}
