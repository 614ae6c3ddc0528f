//! The tests of the tests: each deliberate fault must be seen by the checker, and nothing be seen without it.

use crate::support::{MANY, ONE, live, look};
use env::{Fault, FaultKind, On};
use graven_note::Checkpoint;
use log::{LogHandle, Mutant};
use sim::{
    Call, Client, End, Lie, ReadLog, Seam, Step, Violation, World, check_cell, check_offline, event,
};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Seeds that a mutant may hide behind.
const SEEDS: u64 = 12;

/// Runs a scenario with and without a mutant over some seeds: it must be seen with it, and never without.
fn check(name: &str, invariants: &[&str], scenario: impl Fn(u64, bool) -> Result<(), Violation>) {
    let mut seen = Vec::new();
    for seed in 0..SEEDS {
        if let Err(violation) = scenario(seed, false) {
            panic!("{name}, seed {seed}: seen without the mutant: {violation}");
        }
        seen.extend(scenario(seed, true).err());
    }
    let expected = |violation: &&Violation| invariants.contains(&violation.invariant);
    assert!(seen.iter().any(|violation| expected(&violation)), "{name} survives: {seen:?}");
}

/// Appends, unloads and cuts the power, on a machine whose disk lies about durability.
fn with_lie(seed: u64, lie: Option<Lie>, fault: Option<Fault>) -> Result<(), Violation> {
    let (mut world, mut client) = (World::started(seed), Client::new());
    world.disk.set_direct(false);
    world.seam = lie.map(|lie| Arc::new(lie) as Arc<dyn Seam>);
    let steps = [ONE, MANY, Step::Unload, ONE, Step::CreateLog, ONE];
    let cell = live(&world, &mut client, &steps[..4])?;
    if let Some(fault) = fault {
        world.disk.fail(fault);
    }
    if let Some(cell) = &cell {
        for step in &steps[4..] {
            client.step(cell, *step)?;
        }
    }
    world.end(cell.as_ref(), End::PowerCut);
    world.seam = None;
    look(&world, &mut client)
}

#[test]
fn mutant_no_fdatasync_is_killed() {
    check("no fdatasync", &["I1", "I4", "I8", "I9"], |seed, on| {
        with_lie(seed, on.then_some(Lie::NoFlush), None)
    });
}

#[test]
fn mutant_no_directory_fsync_is_killed() {
    check("no directory fsync", &["I1", "I4", "I8", "I9"], |seed, on| {
        with_lie(seed, on.then_some(Lie::NoDirFlush), None)
    });
}

#[test]
fn mutant_retry_fsync_is_killed() {
    check("retry fsync", &["I1", "I4", "I8", "I9"], |seed, on| {
        let kind = FaultKind::Io { persisted: false };
        let fault = Fault { on: On::Sync, after: seed % 8, forever: false, kind };
        with_lie(seed, on.then_some(Lie::RetryFlush), Some(fault))
    });
}

#[test]
fn mutant_ack_before_flush_is_killed() {
    check("ack before flush", &["I1", "I4"], |seed, on| {
        let (world, mut client) = (World::started(seed), Client::new());
        let cell = live(&world, &mut client, &[ONE, Step::Seal])?.expect("starts");
        if on {
            cell.mutants().switch_on(Mutant::AckBeforeFlush);
        }
        let kind = FaultKind::Io { persisted: false };
        world.disk.fail(Fault { on: On::Write, after: 0, forever: true, kind });
        client.step(&cell, ONE)?;
        world.end(Some(&cell), End::PowerCut);
        look(&world, &mut client)
    });
}

/// Looks, in the moment of each write to the journal, at the checkpoint that a reader gets.
#[derive(Default)]
struct Spy {
    log: OnceLock<LogHandle>,
    seen: Mutex<Vec<Vec<u8>>>,
}

impl Seam for Spy {
    fn around(
        &self,
        call: Call,
        path: &Path,
        run: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        let is_commit = call == Call::Write && path.starts_with("/data/journal");
        if let Some(log) = self.log.get().filter(|_| is_commit) {
            let seen = log.checkpoint().into_iter();
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).extend(seen);
        }
        run()
    }
}

#[test]
fn mutant_sign_before_commit_is_killed() {
    check("sign before commit", &["I4", "I5"], |seed, on| {
        let (mut world, mut client) = (World::started(seed), Client::new());
        let spy = Arc::new(Spy::default());
        world.seam = Some(Arc::clone(&spy) as _);
        let cell = live(&world, &mut client, &[ONE, Step::Seal])?.expect("starts");
        if on {
            cell.mutants().switch_on(Mutant::SignBeforeCommit);
        }
        drop(spy.log.set(cell.log("main").expect("is there")));
        let kind = FaultKind::Io { persisted: false };
        world.disk.fail(Fault { on: On::Write, after: 0, forever: true, kind });
        client.step(&cell, ONE)?;
        world.end(Some(&cell), End::PowerCut);
        world.seam = None;
        let seen = std::mem::take(&mut *spy.seen.lock().unwrap_or_else(PoisonError::into_inner));
        assert!(!seen.is_empty(), "seed {seed}: nobody looked");
        for note in seen {
            client.history.saw_checkpoint("main", &note, &[])?;
        }
        look(&world, &mut client)
    });
}

#[test]
fn mutant_truncate_on_any_bad_frame_is_killed() {
    check("truncate on any bad frame", &["I1", "I4", "I8"], |seed, on| {
        let (mut world, mut client) = (World::started(seed), Client::new());
        let cell = live(&world, &mut client, &[ONE, Step::Seal])?.expect("starts");
        world.disk.fail(Fault {
            on: On::Write,
            after: 0,
            forever: false,
            kind: FaultKind::LostWrite,
        });
        for step in [ONE, Step::Seal, ONE, Step::Seal] {
            client.step(&cell, step)?;
        }
        world.end(Some(&cell), End::PowerCut);
        world.mutants = if on { vec![Mutant::TruncateBadFrames] } else { Vec::new() };
        match world.open() {
            // The log halts and says where: what was acknowledged is not there, and nobody is told otherwise.
            Err(_) => Ok(()),
            Ok((cell, _)) => check_cell(&cell, &mut client.history),
        }
    });
}

#[test]
fn mutant_skip_rehash_is_killed() {
    check("skip re-hash", &["I1", "I7", "I8", "I9"], |seed, on| {
        let (world, mut client) = (World::started(seed), Client::new());
        let cell = live(&world, &mut client, &[ONE])?.expect("starts");
        if on {
            cell.mutants().switch_on(Mutant::SkipRehash);
        }
        cell.mutants().switch_on(Mutant::FlipBeforeFlush);
        client.step(&cell, MANY)?;
        world.end(Some(&cell), End::PowerCut);
        look(&world, &mut client)
    });
}

#[test]
fn mutant_guard_ignored_is_killed() {
    check("guard ignored", &["I1", "I4", "I5", "I8"], |seed, on| {
        let (mut world, mut client) = (World::started(seed), Client::new());
        let cell = live(&world, &mut client, &[ONE, Step::Keep])?.expect("starts");
        world.end(Some(&cell), End::Stop);
        // A backup of the data directory, without the guard's device.
        let backup = world.files_below("/data");
        let cell = live(&world, &mut client, &[ONE, ONE, Step::Keep])?.expect("starts");
        world.end(Some(&cell), End::Stop);
        put_back(&world, &backup);
        world.mutants = if on { vec![Mutant::GuardIgnored] } else { Vec::new() };
        let (cell, report) = world.open().expect("a backup starts, read-only or not");
        if report.ended.iter().any(|(name, _)| name == "main") {
            return Ok(());
        }
        client.step(&cell, ONE)?;
        check_cell(&cell, &mut client.history)
    });
}

fn put_back(world: &World, files: &[(String, Vec<u8>)]) {
    use env::Disk;
    for (path, _) in world.files_below("/data") {
        world.disk.remove(Path::new(&path)).expect("a file of the list");
    }
    for (path, bytes) in files {
        world.disk.put_file(Path::new(path), bytes).expect("its directory is there");
    }
}

#[test]
fn mutant_sidecar_lost_is_killed() {
    check("sidecar lost", &["I1"], |seed, on| {
        let (world, mut client) = (World::started(seed), Client::new());
        let cell = live(&world, &mut client, &[ONE])?.expect("starts");
        if on {
            cell.mutants().switch_on(Mutant::SidecarLost);
        }
        client.step(&cell, MANY)?;
        world.end(Some(&cell), End::PowerCut);
        look(&world, &mut client)
    });
}

/// The checker itself: what it is told wrongly, it sees.
#[test]
fn the_checker_sees_what_is_wrong() {
    let tell = |lie: fn(&mut Client)| {
        let (world, mut client) = (World::started(1), Client::new());
        let cell = live(&world, &mut client, &[ONE, MANY]).expect("holds").expect("starts");
        lie(&mut client);
        let online = check_cell(&cell, &mut client.history.clone()).err();
        let offline = check_offline(&world, &client.history).err();
        (online.map(|v| v.invariant), offline.map(|v| v.invariant))
    };
    assert_eq!(tell(|_| ()), (None, None));
    let other = tell(|client| {
        client.history.sent.get_mut(&0).expect("sent").event = event(77, 0).into();
    });
    assert_eq!(other, (Some("I1"), None));
    let refused = tell(|client| {
        client.history.sent.get_mut(&0).expect("sent").outcome = sim::Outcome::Refused;
    });
    assert_eq!(refused, (Some("I2"), None));
    let forked = tell(|client| {
        let roots = client.history.signed.get_mut("main").expect("signed");
        let root = graven_merkle::leaf_hash(b"another");
        *roots.values_mut().next().expect("a root") = root;
    });
    assert_eq!(forked, (Some("I5"), Some("I7")));
    let ahead = tell(|client| {
        let note = "acme.example/x\n900\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
        let checkpoint = Checkpoint::parse(note).expect("a checkpoint's text");
        let roots = client.history.signed.get_mut("main").expect("signed");
        roots.insert(checkpoint.size, checkpoint.root);
    });
    assert_eq!(ahead, (Some("I4"), Some("I7")));
    let unlike = tell(|client| client.history.read = read_elsewhere());
    assert_eq!(unlike, (Some("I8"), None));
}

/// What a reader saw of another machine's `main`, which has an event of another size.
fn read_elsewhere() -> BTreeMap<String, ReadLog> {
    let (world, mut client) = (World::started(2), Client::new());
    let other = Step::Append { events: 1, padding_bytes: 41, blob: false };
    let cell = live(&world, &mut client, &[other]).expect("holds").expect("starts");
    check_cell(&cell, &mut client.history).expect("a sound machine");
    client.history.read
}
