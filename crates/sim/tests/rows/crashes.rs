//! T04, T05, T09: the power goes, after every call and in the middle of every write.

use crate::support::{MANY, ONE, count_calls, is_full, live, look, pass, seeds, stride};
use env::{Fault, FaultKind, On};
use sim::{Client, End, Step, World};

/// A batch of three blocks.
const SEVERAL: Step = Step::Append { events: 3, padding_bytes: 2_000, blob: false };

/// Every order of at most `length` steps.
fn workloads(length: usize) -> Vec<Vec<Step>> {
    let letters = [ONE, MANY, Step::Unload, Step::Keep];
    let mut all: Vec<Vec<Step>> = vec![Vec::new()];
    let mut from = 0;
    for _ in 0..length {
        let to = all.len();
        for place in from..to {
            for letter in letters {
                let mut longer = all[place].clone();
                longer.push(letter);
                all.push(longer);
            }
        }
        from = to;
    }
    all.split_off(1)
}

/// The machine stops in the call of this number, then loses what the seed says.
fn crash_at(make: fn(u64) -> World, steps: &[Step], call: usize) {
    let seed = call as u64 * 31 + steps.len() as u64;
    let (world, mut client) = (make(seed), Client::new());
    world.disk.set_direct(seed.is_multiple_of(2));
    let kind = FaultKind::Halt;
    world.disk.fail(Fault { on: On::Any, after: call as u64, forever: false, kind });
    let lived = live(&world, &mut client, steps).and_then(|cell| {
        world.end(cell.as_ref(), End::PowerCut);
        look(&world, &mut client)
    });
    pass(lived, &format!("seed {seed}, {steps:?}, crash in call {call}"));
}

#[test]
fn t04_a_crash_after_every_call_of_short_workloads() {
    let short = workloads(if is_full() { 3 } else { 1 });
    let long = [ONE, Step::Unload, MANY].to_vec();
    for steps in short.iter().chain([&long]) {
        let calls = count_calls(World::started, steps);
        for call in (0..calls).step_by(stride(5)) {
            crash_at(World::started, steps, call);
        }
    }
}

#[test]
fn t04_a_crash_after_every_call_of_the_first_start() {
    let steps = [ONE, Step::CreateLog, ONE];
    let calls = count_calls(World::empty, &steps);
    for call in (0..calls).step_by(stride(4)) {
        crash_at(World::empty, &steps, call);
    }
}

#[test]
fn t05_a_torn_commit_leaves_out_only_what_nobody_was_told() {
    let (mut kept, mut left_out) = (0, 0);
    for is_direct in [true, false] {
        let (world, mut client) = (World::started(5), Client::new());
        world.disk.set_direct(is_direct);
        let cell = live(&world, &mut client, &[ONE, Step::Seal]).expect("sound").expect("starts");
        let (on, kind) = (if is_direct { On::Write } else { On::Sync }, FaultKind::Halt);
        world.disk.fail(Fault { on, after: 0, forever: false, kind });
        client.step(&cell, SEVERAL).expect("its outcome is unknown");
        let torn = world.disk.snapshot();
        world.end(Some(&cell), End::Kill);
        for seed in seeds(60, 5_000) {
            let mut client = client.clone();
            world.disk.restore(&torn);
            world.disk.reseed(seed);
            world.disk.crash();
            let (cell, report) =
                world.open().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            let size = cell.log("main").expect("is there").info().size.0;
            kept += u64::from(size == 5);
            left_out += u64::from(report.truncated_slot.is_some());
            world.end(Some(&cell), End::Stop);
            pass(look(&world, &mut client), &format!("seed {seed}, direct writes {is_direct}"));
        }
    }
    assert!(kept > 0 && left_out > 0, "kept {kept} times, left out {left_out} times");
}

#[test]
fn t09_names_that_were_not_flushed_vanish() {
    let steps = [MANY, Step::Unload, ONE, Step::CreateLog, ONE, Step::Unload, Step::Keep];
    let world = World::started(9);
    world.disk.start_trace();
    let cell = live(&world, &mut Client::new(), &steps).expect("sound").expect("starts");
    let flushes = world.disk.trace().iter().filter(|c| c.starts_with("flush directory")).count();
    world.end(Some(&cell), End::Stop);
    assert!(flushes > 10, "the steps flush directories only {flushes} times");
    for after in (0..flushes as u64).step_by(stride(2)) {
        for seed in seeds(2, 40) {
            let (world, mut client) = (World::started(seed), Client::new());
            world.disk.fail(Fault {
                on: On::SyncDir,
                after,
                forever: false,
                kind: FaultKind::Halt,
            });
            let lived = live(&world, &mut client, &steps).and_then(|cell| {
                world.end(cell.as_ref(), End::PowerCut);
                look(&world, &mut client)
            });
            pass(lived, &format!("seed {seed}, crash in directory flush {after}"));
        }
    }
}
