//! Tests of the rates, by a clock of our own.

use super::{NS_PER_S, RateLimits, Rates};
use crate::principal::PrincipalId;

fn rates(requests_per_s: Option<u32>, bytes_per_s: Option<u32>) -> Rates {
    Rates::new(RateLimits { requests_per_s, bytes_per_s, body_bytes_max: Some(1) })
}

fn id(text: &str) -> PrincipalId {
    PrincipalId::new(text).unwrap()
}

#[test]
fn requests_pass_at_their_rate_with_a_second_in_advance() {
    let mut rates = rates(Some(10), None);
    let passed = (0..100).filter(|_| rates.request(&id("a"), 5).is_ok()).count();
    assert_eq!(passed, 11, "a second's worth, and the one that reaches it");
    assert_eq!(rates.request(&id("a"), 5), Err(1));
    assert_eq!(rates.request(&id("b"), 5), Ok(()), "another's rate is another's");
    let later = 5 + 3 * NS_PER_S;
    let passed = (0..100).filter(|_| rates.request(&id("a"), later).is_ok()).count();
    assert_eq!(passed, 11, "no more than a second's worth is saved up");
}

#[test]
fn a_large_body_passes_and_is_waited_for() {
    let mut rates = rates(None, Some(1_000));
    assert_eq!(rates.request(&id("a"), 0), Ok(()));
    rates.bytes(&id("a"), 6_000, 0);
    assert_eq!(rates.request(&id("a"), 0), Err(5));
    assert_eq!(rates.request(&id("a"), 4 * NS_PER_S), Err(1));
    assert_eq!(rates.request(&id("a"), 5 * NS_PER_S), Ok(()));
}

#[test]
fn without_limits_nothing_is_kept() {
    let mut rates = rates(None, None);
    for _ in 0..1_000 {
        assert_eq!(rates.request(&id("a"), 0), Ok(()));
    }
    assert!(rates.ahead.is_empty());
}
