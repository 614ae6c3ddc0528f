//! Tests of challenges, by a clock of our own.

use env::SimRandom;

use super::Challenges;
use crate::limits::{CHALLENGE_NS, CHALLENGES_MAX, CHALLENGES_PER_SOURCE_MAX};
use crate::principal::PrincipalId;
use crate::throttle::Source;

fn source(number: usize) -> Source {
    let address = std::net::Ipv4Addr::from(0x0a00_0000 + number as u32);
    Source::new(address.into(), None)
}

#[test]
fn a_challenge_is_good_once_in_its_time_and_for_its_purpose() {
    let random = SimRandom::new(7);
    let (audrey, bob) = (PrincipalId::new("audrey").unwrap(), PrincipalId::new("bob").unwrap());
    let check = |made_for: Option<&PrincipalId>, taken_for, after_ns, expected| {
        let mut challenges = Challenges::default();
        let challenge = challenges.draw(&random, source(1), made_for.cloned(), 5).unwrap();
        let what = format!("{made_for:?} {taken_for:?} {after_ns}");
        assert_eq!(challenges.take(&challenge, taken_for, 5 + after_ns), expected, "{what}");
        assert!(!challenges.take(&challenge, taken_for, 5 + after_ns), "twice: {what}");
    };
    check(None, None, 0, true);
    check(None, None, CHALLENGE_NS - 1, true);
    check(None, None, CHALLENGE_NS, false);
    check(Some(&audrey), Some(&audrey), 0, true);
    check(Some(&audrey), Some(&bob), 0, false);
    check(Some(&audrey), None, 0, false);
    check(None, Some(&audrey), 0, false);
    assert!(!Challenges::default().take(&[0; 32], None, 0), "one that was never drawn");
}

#[test]
fn one_address_does_not_take_the_room_of_all() {
    let random = SimRandom::new(7);
    let mut challenges = Challenges::default();
    let mut draw = |number, now_ns| challenges.draw(&random, source(number), None, now_ns);
    let first = draw(1, 0).unwrap();
    for now_ns in 1..=CHALLENGES_PER_SOURCE_MAX as u64 {
        assert!(draw(1, now_ns).is_some());
    }
    let others = CHALLENGES_MAX - CHALLENGES_PER_SOURCE_MAX;
    for number in 0..others {
        assert!(draw(2 + number, 100).is_some(), "{number}");
    }
    assert_eq!(draw(others + 2, 100), None, "full");
    assert!(draw(1, 100).is_some(), "one of its own goes");
    assert!(draw(others + 2, CHALLENGE_NS + 50).is_some(), "some have expired");
    assert!(!challenges.take(&first, None, 100), "the oldest went");
}
