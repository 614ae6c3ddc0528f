//! The sequencer's time: strictly increasing, held after a step back, stopped after a leap.

use crate::time_keeper::{ClockFault, LogTime, Reading, TimeKeeper};
use env::{ClockState, SimClock};
use graven_entry::Clock;
use std::sync::Arc;

const NOW: u64 = 1_800_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;

fn reading(wall_ns: u64) -> Reading {
    Reading { wall_ns, state: ClockState { synced: true, error_ns: Some(5) } }
}

/// Readings in, (time, clock, wall) out.
fn check(readings: &[u64], expected: &[(u64, Clock, Option<u64>)]) {
    let mut time = LogTime::default();
    for (wall_ns, (time_ns, clock, wall)) in readings.iter().zip(expected) {
        let stamp = time.next(&reading(*wall_ns));
        assert_eq!(stamp.time.unix_ns(), *time_ns, "reading {wall_ns} of {readings:?}");
        assert_eq!(stamp.clock, *clock, "reading {wall_ns} of {readings:?}");
        assert_eq!(stamp.wall.map(graven_entry::Time::unix_ns), *wall, "reading {wall_ns}");
    }
}

#[test]
fn time_strictly_increases_and_says_when_it_is_held() {
    use Clock::{Held, Synced};
    check(&[NOW, NOW + 5], &[(NOW, Synced, None), (NOW + 5, Synced, None)]);
    // One reading for three entries is no step back.
    check(&[NOW; 3], &[(NOW, Synced, None), (NOW + 1, Synced, None), (NOW + 2, Synced, None)]);
    // A step back is held until the clock is past the last entry again.
    check(
        &[NOW, NOW - SECOND, NOW - SECOND + 9, NOW + 1, NOW + 9],
        &[
            (NOW, Synced, None),
            (NOW + 1, Held, Some(NOW - SECOND)),
            (NOW + 2, Held, Some(NOW - SECOND + 9)),
            (NOW + 3, Held, Some(NOW + 1)),
            (NOW + 9, Synced, None),
        ],
    );
}

#[test]
fn a_start_behind_the_last_entry_is_held() {
    let mut time = LogTime::after(NOW);
    let stamp = time.next(&reading(NOW - 3));
    assert_eq!((stamp.time.unix_ns(), stamp.clock), (NOW + 1, Clock::Held));
}

#[test]
fn a_leap_forward_stops_appends_until_the_clock_returns() {
    let clock = Arc::new(SimClock::new(NOW));
    let mut keeper = TimeKeeper::new(Arc::clone(&clock) as _, None, false);
    assert!(keeper.read(None).is_ok());
    clock.advance(30 * 86_400 * SECOND);
    assert!(keeper.read(None).is_ok(), "time that passed on both clocks is no leap");
    clock.step_wall(86_401 * 1_000_000_000);
    assert_eq!(keeper.read(None).map(|_| ()), Err(ClockFault::Jumped { by_s: 86_401 }));
    clock.step_wall(-86_401 * 1_000_000_000);
    assert!(keeper.read(None).is_ok());
}

#[test]
fn a_start_far_from_the_last_entry_waits_for_the_operator() {
    let days = |count: u64| NOW - count * 86_400 * SECOND;
    let clock: Arc<SimClock> = Arc::new(SimClock::new(NOW));
    for (last, confirmed, refused) in
        [(days(399), false, false), (days(401), false, true), (days(401), true, false)]
    {
        let mut keeper = TimeKeeper::new(Arc::clone(&clock) as _, Some(last), confirmed);
        assert_eq!(keeper.read(Some(last)).is_err(), refused, "last entry {last}, {confirmed}");
    }
    // Ten years ahead, then the clock is set right.
    let late = Arc::new(SimClock::new(NOW + 3_650 * 86_400 * SECOND));
    let mut keeper = TimeKeeper::new(Arc::clone(&late) as _, Some(NOW), false);
    assert!(keeper.read(Some(NOW)).is_err());
    late.step_wall(-3_650 * 86_400 * 1_000_000_000);
    assert!(keeper.read(Some(NOW)).is_ok());
}
