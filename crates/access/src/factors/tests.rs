//! Tests of factors: what is planned, applied and replayed.

use std::collections::BTreeSet;

use graven_entry::Time;

use super::{Factor, FactorError, FactorId, FactorKind, FactorName, Factors, SealedAt, Used};
use crate::Privilege;
use crate::limits::FACTORS_PER_PRINCIPAL_MAX;
use crate::principal::PrincipalId;
use crate::webauthn::{PasskeyId, PasskeyKey, Registered};

fn who(name: &str) -> PrincipalId {
    PrincipalId::new(name).unwrap()
}

fn factor(number: u64) -> FactorId {
    FactorId::parse(&format!("{number:016x}")).unwrap()
}

fn secret() -> SealedAt {
    SealedAt { origin: "acme.example/system".to_owned(), index: 17 }
}

fn passkey(number: u8, counter: u32) -> Registered {
    let key = PasskeyKey::from_base64(&("BA".to_owned() + &"A".repeat(85) + "=")).unwrap();
    Registered { id: PasskeyId::new(&[number; 20]).unwrap(), key, counter }
}

fn time() -> Time {
    "2026-11-20T22:55:01.000000000Z".parse().unwrap()
}

/// The factors after these events; a second time from the events alone.
fn after(events: &[Vec<u8>]) -> Factors {
    let mut factors = Factors::default();
    for event in events {
        factors.apply(time(), event).unwrap();
    }
    factors
}

#[test]
fn a_code_and_a_counter_are_not_taken_twice_also_after_a_replay() {
    let audrey = who("audrey");
    let mut events = vec![
        after(&[]).plan_totp(&audrey, &factor(1), (&secret(), 100)).unwrap(),
        after(&[]).plan_passkey(&audrey, &factor(2), &passkey(1, 5)).unwrap(),
        after(&[]).plan_passkey(&audrey, &factor(3), &passkey(2, 0)).unwrap(),
    ];
    let mut check = |number: u64, used: Used, expected: Result<(), FactorError>| {
        let planned = after(&events).plan_login(&audrey, &factor(number), used, "192.0.2.1");
        assert_eq!(planned.as_ref().map(drop), expected.as_ref().map(drop), "{number} {used:?}");
        assert_eq!(planned.as_ref().err(), expected.as_ref().err());
        events.extend(planned);
    };
    check(1, Used::Step(100), Err(FactorError::Used));
    check(1, Used::Step(101), Ok(()));
    check(1, Used::Step(101), Err(FactorError::Used));
    check(1, Used::Step(99), Err(FactorError::Used));
    check(1, Used::Step(102), Ok(()));
    check(1, Used::Counter(200), Err(FactorError::Used));
    check(2, Used::Counter(5), Err(FactorError::Used));
    check(2, Used::Counter(6), Ok(()));
    check(2, Used::Counter(6), Err(FactorError::Used));
    check(2, Used::Counter(0), Err(FactorError::Used));
    check(3, Used::Counter(0), Ok(()));
    check(3, Used::Counter(0), Ok(()));
    check(3, Used::Counter(9), Ok(()));
    check(3, Used::Counter(0), Err(FactorError::Used));
    check(4, Used::Step(1), Err(FactorError::Unknown));
    let planned = after(&events).plan_login(&who("bob"), &factor(1), Used::Step(500), "");
    assert_eq!(planned, Err(FactorError::Unknown), "another's factor");
}

#[test]
fn factors_are_added_found_and_removed() {
    let (audrey, bob) = (who("audrey"), who("bob"));
    let none = after(&[]);
    let mut events = vec![
        none.plan_totp(&audrey, &factor(1), (&secret(), 100)).unwrap(),
        none.plan_passkey(&audrey, &factor(2), &passkey(1, 5)).unwrap(),
    ];
    let factors = after(&events);
    let kinds: Vec<_> = factors.of(&audrey).iter().map(Factor::name).collect();
    assert_eq!(kinds, [FactorName::Totp, FactorName::Passkey]);
    let totp = FactorKind::Totp { secret: secret(), last_step: 100 };
    assert_eq!(factors.of(&audrey)[0], Factor { id: factor(1), added: time(), kind: totp });
    assert!(factors.of(&bob).is_empty());
    let found = factors.passkey(&passkey(1, 0).id).map(|(who, factor)| (who, &factor.id));
    assert_eq!(found, Some((&audrey, &factor(2))));
    let again = factors.plan_passkey(&bob, &factor(9), &passkey(1, 0));
    assert_eq!(again, Err(FactorError::Done), "a passkey is one principal's");
    let again = factors.plan_totp(&audrey, &factor(1), (&secret(), 200));
    assert_eq!(again, Err(FactorError::Done), "a secret is confirmed once");
    assert_eq!(factors.plan_remove(&bob, &bob, &factor(1)), Err(FactorError::Unknown));
    events.push(factors.plan_remove(&bob, &audrey, &factor(2)).unwrap());
    let factors = after(&events);
    assert_eq!(factors.of(&audrey).len(), 1);
    assert_eq!(factors.passkey(&passkey(1, 0).id), None);
    let lost = crate::Directory::plan_lost_key();
    events.push(lost);
    assert!(after(&events).of(&audrey).is_empty(), "whoever runs the server begins anew");
}

#[test]
fn a_principal_has_only_so_many() {
    let mut events = Vec::new();
    for number in 0..FACTORS_PER_PRINCIPAL_MAX as u64 {
        let planned = after(&events).plan_totp(&who("audrey"), &factor(number), (&secret(), 1));
        events.push(planned.unwrap());
    }
    let planned = after(&events).plan_totp(&who("audrey"), &factor(99), (&secret(), 1));
    assert_eq!(planned, Err(FactorError::TooMany));
}

#[test]
fn what_waits_for_its_first_code_is_no_factor() {
    let begun = Factors::begin_totp(&who("audrey"), &factor(1), "GEZD");
    assert!(after(std::slice::from_ref(&begun)).of(&who("audrey")).is_empty());
    assert_eq!(Factors::begun(&who("audrey"), &begun), Some(factor(1)));
    assert_eq!(Factors::begun(&who("bob"), &begun), None);
    let added = after(&[]).plan_totp(&who("audrey"), &factor(1), (&secret(), 100)).unwrap();
    assert_eq!(Factors::begun(&who("audrey"), &added), None);
}

#[test]
fn what_is_demanded_changes_by_an_event() {
    let reveal = BTreeSet::from([Privilege::Reveal]);
    let event = after(&[]).plan_demanded(&reveal).unwrap();
    let factors = after(&[event]);
    assert_eq!(factors.demanded(), &reveal);
    assert_eq!(factors.plan_demanded(&reveal), None);
    assert_eq!(after(&[]).plan_demanded(&BTreeSet::new()), None);
}

#[test]
fn an_event_that_is_not_understood_is_an_error_and_a_refusal_is_none() {
    let added = after(&[]).plan_passkey(&who("audrey"), &factor(2), &passkey(1, 5)).unwrap();
    let added = String::from_utf8(added).unwrap();
    let check = |from: &str, to: &str, is_good: bool| {
        let event = added.replace(from, to);
        assert_ne!(event, added, "{from}");
        let mut factors = Factors::default();
        let applied = factors.apply(time(), event.as_bytes());
        assert_eq!(applied.is_ok(), is_good, "{event} {applied:?}");
        assert!(factors.of.is_empty());
    };
    check("\"add\"", "\"other\"", false);
    check("\"passkey\",\"factor", "\"other\",\"factor", false);
    check("\"counter\":5", "\"counter\":-5", false);
    check("\"counter\":5", "\"counter\":4294967296", false);
    check("\"audrey\"}", "\"Audrey!\"}", false);
    check("\"success\"", "\"denied\"", true);
}
