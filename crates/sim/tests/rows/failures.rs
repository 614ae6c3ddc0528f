//! T01, T02, T03: calls fail, once, for ever, and again while the log recovers.

use crate::support::{MANY, ONE, count_calls, live, look, pass, stride};
use append::{Batch, Code};
use env::{Fault, FaultKind, On};
use sim::{Call, Client, End, Late, Step, Target, World, event, writer};
use std::sync::Arc;

/// What the failures strike.
const STEPS: [Step; 6] = [MANY, Step::Keep, ONE, Step::Unload, MANY, Step::Seal];

/// The call of this number fails; the process ends, and the next one finds everything.
fn fail_at(fault: &Fault) {
    let seed = fault.after;
    let (world, mut client) = (World::started(seed), Client::new());
    world.disk.set_direct(seed.is_multiple_of(2));
    world.disk.fail(fault.clone());
    let lived = live(&world, &mut client, &STEPS).and_then(|cell| {
        world.end(cell.as_ref(), End::Kill);
        look(&world, &mut client)
    });
    pass(lived, &format!("seed {seed}, {fault:?}"));
}

#[test]
fn t01_every_call_fails_once_and_for_ever() {
    let calls = count_calls(World::started, &STEPS);
    for forever in [false, true] {
        for persisted in [false, true] {
            for call in (0..calls).step_by(stride(9)) {
                let (after, kind) = (call as u64, FaultKind::Io { persisted });
                fail_at(&Fault { on: On::Any, after, forever, kind });
            }
        }
        for call in (0..calls / 4).step_by(stride(5)) {
            let (after, kind) = (call as u64, FaultKind::NoSpace);
            fail_at(&Fault { on: On::Write, after, forever, kind });
        }
    }
}

/// One kind of file fails at one kind of call: the cell stops at once, and the next start finds everything.
fn fail_on(path_part: &'static str, call: Call) {
    for is_persisted in [false, true] {
        let context = format!("{call:?} of {path_part}, persisted {is_persisted}");
        let (mut world, mut client) = (World::started(2), Client::new());
        world.disk.set_direct(false);
        let cell = live(&world, &mut client, &[MANY, Step::Keep]).expect("sound").expect("starts");
        world.end(Some(&cell), End::Stop);
        let target = Arc::new(Target::new(path_part, call, is_persisted, 0));
        // The failure comes after the start: what fails in a start is T03's.
        let late = Arc::new(Late::new(Arc::clone(&target)));
        world.seam = Some(Arc::clone(&late) as _);
        let (cell, _) = world.open().unwrap_or_else(|error| panic!("{context}: {error}"));
        late.begin();
        for step in [ONE, Step::Keep, Step::Unload, Step::CreateLog, ONE, Step::Seal] {
            let went = client.step(&cell, step);
            let went = went.unwrap_or_else(|violation| panic!("{context}: {violation}"));
            if !went {
                break;
            }
        }
        assert!(target.has_struck(), "{context}: nothing was struck");
        assert!(!cell.health().ready, "{context}: the cell goes on");
        world.end(Some(&cell), End::PowerCut);
        pass(look(&world, &mut client), &context);
    }
}

#[test]
fn t02_each_kind_of_file_fails_persisted_or_not() {
    // The commit, segments with their tiles, the state with its checkpoint, the signer's guard, a new log's meta file.
    fail_on(".journal", Call::Write);
    fail_on(".journal", Call::Flush);
    fail_on("segments/", Call::Write);
    fail_on("segments/", Call::Flush);
    fail_on("segments/", Call::Name);
    fail_on("segments", Call::FlushDir);
    fail_on("state", Call::Write);
    fail_on("state", Call::Name);
    fail_on("/guard/", Call::Write);
    fail_on("/guard/", Call::Flush);
    fail_on("/guard/", Call::Name);
    fail_on("/guard", Call::FlushDir);
    fail_on("log-1/", Call::Write);
    fail_on("log-1/", Call::Name);
}

#[test]
fn t03_a_second_failure_while_recovering_from_the_first() {
    let calls = count_calls(World::started, &STEPS);
    let start = count_calls(World::started, &[]);
    for first in (start..calls).step_by(stride(23)) {
        for second in (0..start).step_by(stride(11)) {
            fail_twice(first as u64, second as u64);
        }
    }
}

fn fail_twice(first: u64, second: u64) {
    let context = format!("seed {first}, failures in calls {first} and {second} of the next start");
    let io = |after| Fault {
        on: On::Any,
        after,
        forever: false,
        kind: FaultKind::Io { persisted: false },
    };
    let (world, mut client) = (World::started(first), Client::new());
    world.disk.fail(io(first));
    let lived = live(&world, &mut client, &STEPS);
    let cell = lived.unwrap_or_else(|violation| panic!("{context}: {violation}"));
    if let Some(cell) = cell.as_ref().filter(|cell| !cell.health().ready) {
        // A cell that stopped never goes on by itself.
        let log = cell.log("main").expect("is there");
        let refused = log.submit(&writer(), Batch::of(vec![event(9_999, 0)])).map(|_| ());
        assert_eq!(refused.expect_err("it has stopped").code, Code::Unavailable, "{context}");
    }
    world.end(cell.as_ref(), End::Kill);
    world.disk.fail(io(second));
    let opened = world.open().ok().map(|(cell, _)| cell);
    world.end(opened.as_ref(), End::Kill);
    pass(look(&world, &mut client), &context);
}
