//! How many attempts at a webhook a restart counts.

use std::time::Duration;

use super::attempts_in;

#[test]
fn attempts_are_counted_by_the_time_that_there_was_for_them() {
    let check = |time_s: u64, most: u32, expected: u32| {
        let attempts = attempts_in(Duration::from_secs(time_s), Duration::from_secs(1), most);
        assert_eq!(attempts, expected, "{time_s} s, at most {most}");
    };
    // At 0, 1, 3, 7, 15 s and so on, with pauses of up to ten minutes.
    check(0, 299, 1);
    check(1, 299, 2);
    check(2, 299, 2);
    check(3, 299, 3);
    check(1_023, 299, 11);
    check(1_623, 299, 12);
    check(2 * 86_400, 299, 297);
    check(u64::MAX, 299, 299);
    check(u64::MAX, 0, 0);
}
