//! Tests of the lockout, by a clock of our own.

use super::{NS_PER_S, Source, Throttle};
use crate::limits::{FAILURES_FREE, FAILURES_KEPT_NS, SOURCES_MAX};
use crate::principal::PrincipalId;

fn source(address: &str, claimed: Option<&str>) -> Source {
    let claimed = claimed.map(|id| PrincipalId::new(id).unwrap());
    Source::new(address.parse().unwrap(), claimed)
}

/// Fails `count` times at the start of time and tells how long the source then waits.
fn wait_after(count: u32) -> u32 {
    let mut throttle = Throttle::default();
    let source = source("192.0.2.1", None);
    for _ in 0..count {
        throttle.failed(source.clone(), 0);
    }
    throttle.check(&source, 0).err().unwrap_or(0)
}

#[test]
fn the_wait_doubles_up_to_its_limit() {
    for (beyond, wait_s) in [(0, 0), (1, 1), (2, 2), (3, 4), (10, 512), (11, 900), (200, 900)] {
        let count = FAILURES_FREE + beyond;
        assert_eq!(wait_after(count), wait_s, "{count} failures");
    }
    assert_eq!(wait_after(0), 0);
}

#[test]
fn a_lockout_ends_and_is_forgotten() {
    let mut throttle = Throttle::default();
    let bad = source("192.0.2.1", None);
    let told: Vec<bool> = (0..FAILURES_FREE + 3).map(|_| throttle.failed(bad.clone(), 0)).collect();
    assert_eq!(told.iter().position(|told| *told), Some(FAILURES_FREE as usize));
    assert_eq!(told.iter().filter(|told| **told).count(), 1, "told once");
    assert_eq!(throttle.check(&bad, 4 * NS_PER_S - 1), Err(1));
    assert_eq!(throttle.check(&bad, 4 * NS_PER_S), Ok(()));
    throttle.failed(bad.clone(), FAILURES_KEPT_NS + 1);
    assert_eq!(throttle.check(&bad, FAILURES_KEPT_NS + 1), Ok(()), "the first failure again");
}

#[test]
fn only_the_same_source_with_the_same_claim_waits() {
    let mut throttle = Throttle::default();
    let bad = source("2001:db8::1", Some("a"));
    for _ in 0..FAILURES_FREE + 2 {
        throttle.failed(bad.clone(), 0);
    }
    for (other, waits) in [
        (source("2001:db8::1", Some("a")), true),
        (source("2001:db8::ffff:1", Some("a")), true),
        (source("2001:db8:0:1::1", Some("a")), false),
        (source("2001:db8::1", Some("b")), false),
        (source("2001:db8::1", None), false),
    ] {
        assert_eq!(throttle.check(&other, 0).is_err(), waits, "{other:?}");
    }
    let mapped = source("::ffff:192.0.2.1", None);
    assert_eq!(mapped, source("192.0.2.1", None));
    throttle.succeeded(&bad);
    assert_eq!(throttle.check(&bad, 0), Ok(()));
}

#[test]
fn memory_is_bounded() {
    let mut throttle = Throttle::default();
    for number in 0..=SOURCES_MAX as u32 {
        throttle.failed(Source::new(std::net::Ipv4Addr::from(number).into(), None), 0);
    }
    assert!(throttle.failures.len() <= SOURCES_MAX);
    assert!(
        throttle
            .failures
            .contains_key(&Source::new(std::net::Ipv4Addr::from(SOURCES_MAX as u32).into(), None))
    );
}
