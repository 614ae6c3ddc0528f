//! How what was found adds up.

use access::When;
use access::limits::FIRING_INDEXES_MAX;
use graven_entry::Time;

use super::{Draft, Judge};

const S: u64 = 1_000_000_000;

/// Index and second of what is found; the firings, each as its count and its indexes.
fn check(when: &str, found: &[(u64, u64)], expected: &[(u64, &[u64])]) {
    let mut judge = Judge::new(When::parse(when).unwrap(), Some(0));
    let time = |second: u64| Time::from_unix_ns(second * S).unwrap();
    let mut fired: Vec<Draft> =
        found.iter().filter_map(|(index, second)| judge.take(*index, time(*second))).collect();
    fired.extend(judge.rest());
    let fired: Vec<(u64, &[u64])> =
        fired.iter().map(|draft| (draft.count, &draft.indexes[..])).collect();
    assert_eq!(fired, expected, "{when} {found:?}");
}

#[test]
fn what_was_found_fires_as_its_condition_says() {
    check("each", &[], &[]);
    check("each", &[(3, 1), (7, 2)], &[(2, &[3, 7])]);
    check("at least 2 in 10s", &[(3, 1)], &[]);
    check("at least 2 in 10s", &[(3, 1), (7, 11)], &[(2, &[3, 7])]);
    check("at least 2 in 10s", &[(3, 1), (7, 12)], &[]);
    check("at least 2 in 10s", &[(3, 1), (7, 12), (8, 13)], &[(2, &[7, 8])]);
    // It counts anew.
    check("at least 2 in 10s", &[(3, 1), (4, 1), (5, 1), (6, 1)], &[(2, &[3, 4]), (2, &[5, 6])]);
    check("at least 1 in 1s", &[(3, 1), (4, 1)], &[(1, &[3]), (1, &[4])]);
    // 1970 began with a Thursday.
    check("outside 00:00-12:00 thu", &[(3, 43_199), (4, 43_200)], &[(1, &[4])]);
    check("none in 10s", &[(3, 1), (4, 1_000)], &[]);
}

#[test]
fn a_firing_names_the_newest_and_counts_all() {
    let most = FIRING_INDEXES_MAX as u64;
    let all: Vec<(u64, u64)> = (0..=most).map(|index| (index, 1)).collect();
    let names: Vec<u64> = (0..=most).collect();
    check("each", &all, &[(most, &names[..FIRING_INDEXES_MAX]), (1, &names[FIRING_INDEXES_MAX..])]);
    let when = format!("at least {} in 10s", most + 1);
    check(&when, &all, &[(most + 1, &names[1..])]);
}

#[test]
fn silence_fires_once_until_something_is_found() {
    let mut judge = Judge::new(When::parse("none in 10s").unwrap(), Some(5 * S));
    assert_eq!(judge.silence(14 * S), Err(Some(15 * S)));
    assert_eq!(judge.silence(15 * S).unwrap().reason, "silence");
    assert_eq!(judge.silence(99 * S), Err(None));
    assert_eq!(judge.take(3, Time::from_unix_ns(100 * S).unwrap()), None);
    assert_eq!(judge.silence(109 * S), Err(Some(110 * S)));
    assert_eq!(judge.silence(110 * S).unwrap().count, 0);
    // What fired before a crash is not armed by the start.
    let mut judge = Judge::new(When::parse("none in 10s").unwrap(), None);
    assert_eq!(judge.silence(u64::MAX), Err(None));
    assert_eq!(Judge::new(When::Each, Some(0)).silence(u64::MAX), Err(None));
}

#[test]
fn what_it_would_need_again_is_what_made_no_firing() {
    let time = |second: u64| Time::from_unix_ns(second * S).unwrap();
    let mut judge = Judge::new(When::parse("at least 2 in 10s").unwrap(), None);
    assert_eq!(judge.needs(), None);
    judge.take(3, time(1));
    assert_eq!(judge.needs(), Some(3));
    judge.take(9, time(20));
    assert_eq!(judge.needs(), Some(9));
    assert!(judge.take(10, time(21)).is_some());
    assert_eq!(judge.needs(), None);
}
