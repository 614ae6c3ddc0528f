//! The pace of a replay.

use std::time::Duration;

use super::Speed;

#[test]
fn entries_are_due_as_they_came_so_many_times_as_fast() {
    let check = |speed: &str, ns: u64, expected: Option<Duration>| {
        let due = speed.parse::<Speed>().ok().map(|speed| speed.after(ns));
        assert_eq!(due, expected, "{speed} after {ns} ns");
    };
    let minute_ns = 60_000_000_000;
    check("1x", minute_ns, Some(Duration::from_mins(1)));
    check("10x", minute_ns, Some(Duration::from_secs(6)));
    check("0.5x", minute_ns, Some(Duration::from_mins(2)));
    check("max", minute_ns, Some(Duration::ZERO));
    check("1x", 0, Some(Duration::ZERO));
    check("1e-300x", minute_ns, Some(Duration::MAX));
    for speed in ["0x", "-1x", "infx", "nanx", "10", "x", "", "fast"] {
        check(speed, minute_ns, None);
    }
}
