//! T04 and T09 around the seal: a log of 65,536 entries and some is unloaded into its first sealed segment, and the power
//! goes in every call of that.

use crate::support::{is_full, live, look, pass};
use env::{Fault, FaultKind, On, SimSnapshot};
use log::limits::SEGMENT_ENTRIES;
use sim::{Client, End, Step, World};

/// Events of one batch while the log is filled.
const BATCH: u64 = 4_000;
/// Entries that are missing to a whole segment before the crashes.
const SHORT_BY: u64 = 3;
/// Crashes that the small run tries.
const CRASHES_SMALL: usize = 6;
/// The steps that fill the segment, seal it and go on.
const SEAL: [Step; 3] = [events(6), Step::Unload, events(2)];

const fn events(events: u64) -> Step {
    Step::Append { events, padding_bytes: 0, blob: false }
}

/// A machine whose log `main` is three entries short of a segment, unloaded as far as it goes, and what is known of it.
fn almost_sealed() -> (World, SimSnapshot, Client) {
    let (world, mut client) = (World::started(4), Client::new());
    let (cell, _) = world.open().expect("a sound machine starts");
    let wanted = SEGMENT_ENTRIES - SHORT_BY;
    let size = || cell.log("main").expect("is there").info().size.0;
    while size() < wanted {
        let step = events(BATCH.min(wanted - size()));
        assert_eq!(client.step(&cell, step), Ok(true), "at {} entries", size());
        assert_eq!(client.step(&cell, Step::Unload), Ok(true), "at {} entries", size());
    }
    world.end(Some(&cell), End::Stop);
    // What was there before is read and checked once; from then on it must stay, byte for byte.
    pass(look(&world, &mut client), "before the seal");
    let snapshot = world.disk.snapshot();
    (world, snapshot, client)
}

#[test]
fn t04_a_crash_in_every_call_around_the_seal() {
    let (world, almost, told) = almost_sealed();
    let before = world.disk.operations();
    let cell = live(&world, &mut told.clone(), &SEAL).expect("a sound disk").expect("starts");
    let calls = world.disk.operations() - before;
    assert_eq!(cell.metrics().sealed_segments, 1, "nothing was sealed");
    world.end(Some(&cell), End::Stop);
    world.disk.restore(&almost);
    let (from, cell) = (world.disk.operations(), world.open().expect("starts").0);
    let start = world.disk.operations() - from;
    world.end(Some(&cell), End::Stop);
    let count = if is_full() { (calls - start) as usize } else { CRASHES_SMALL };
    for place in 0..count {
        let call = start + (calls - start) * place as u64 / count as u64;
        let mut client = told.clone();
        world.disk.restore(&almost);
        world.disk.reseed(call);
        world.disk.fail(Fault { on: On::Any, after: call, forever: false, kind: FaultKind::Halt });
        let lived = live(&world, &mut client, &SEAL).and_then(|cell| {
            world.end(cell.as_ref(), End::PowerCut);
            look(&world, &mut client)
        });
        pass(lived, &format!("seed {call}, crash in call {call} of {calls}"));
    }
}
