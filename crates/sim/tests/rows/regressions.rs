//! What seeded runs once found, each as the one failure that shows it, so that no later change of the runs can hide it.

use crate::support::{MANY, ONE, live, look, pass};
use sim::{Call, Client, End, Late, Step, Target, Violation, World};
use std::sync::Arc;

/// A batch that no first journal file has room for.
const HUGE: Step = Step::Append { events: 6, padding_bytes: 9_000, blob: false };

/// Seeds that the power cut after the failure is drawn with.
const CUTS: u64 = 24;

/// When a call fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// In the start.
    Starting,
    /// While the cell does the steps.
    Running,
}

/// The call fails, at any cut of the power behind it: the next start must find everything, and go on to unload it.
fn check(
    make: fn(u64) -> World,
    when: When,
    (path_part, call): (&'static str, Call),
    steps: &[Step],
) {
    for (seed, is_persisted) in (0..CUTS).flat_map(|seed| [(seed, false), (seed, true)]) {
        let context = format!("seed {seed}, {call:?} of {path_part}, persisted {is_persisted}");
        let mut world = make(seed);
        let target = Arc::new(Target::new(path_part, call, is_persisted, 0));
        let late = Arc::new(Late::new(Arc::clone(&target)));
        world.seam = Some(Arc::clone(&late) as _);
        if when == When::Starting {
            late.begin();
        }
        let lived = live_and_look(&world, &late, steps);
        assert!(target.has_struck(), "{context}: nothing was struck");
        pass(lived, &context);
    }
}

fn live_and_look(world: &World, late: &Late, steps: &[Step]) -> Result<(), Violation> {
    let mut client = Client::new();
    let cell = live(world, &mut client, &[])?;
    late.begin();
    // A cell that stopped is asked on, as producers do that do not know yet.
    for (cell, step) in cell.iter().flat_map(|cell| steps.iter().map(move |step| (cell, step))) {
        client.step(cell, *step)?;
    }
    world.end(cell.as_ref(), End::PowerCut);
    look(world, &mut client)?;
    let cell = live(world, &mut client, &[ONE, Step::Unload])?;
    world.end(cell.as_ref(), End::PowerCut);
    look(world, &mut client)
}

#[test]
fn a_log_whose_directories_a_crash_cut_off_does_not_stop_the_next_start() {
    check(
        World::started,
        When::Running,
        ("logs/log-1/segments", Call::Name),
        &[ONE, Step::CreateLog],
    );
}

#[test]
fn a_log_without_its_meta_file_is_not_damage() {
    check(World::started, When::Running, ("logs/log-1/meta", Call::Name), &[ONE, Step::CreateLog]);
}

#[test]
fn a_guard_that_the_first_start_did_not_get_to_is_not_lost() {
    check(World::empty, When::Starting, ("/guard/", Call::Name), &[]);
}

#[test]
fn a_sidecar_is_told_once_after_an_unloading_that_was_cut_off() {
    check(World::started, When::Running, ("main/segments/", Call::Write), &[MANY, Step::Unload]);
}

#[test]
fn a_spare_file_whose_name_may_not_last_stops_the_cell() {
    let steps = [ONE, HUGE, Step::Keep, HUGE, Step::Seal];
    check(World::started, When::Running, ("/data/journal", Call::FlushDir), &steps);
}
