//! Tests of sessions, by a clock of our own.

use env::SimRandom;

use super::{SessionBy, Sessions};
use crate::factors::{FactorId, FactorName};
use crate::limits::{SESSION_IDLE_NS, SESSION_NS, SESSIONS_MAX, SESSIONS_PER_PRINCIPAL_MAX};
use crate::principal::PrincipalId;

const START_NS: u64 = 1_000_000_000;

fn begin(sessions: &mut Sessions, who: &str, now_ns: u64) -> Option<String> {
    let random = SimRandom::new(now_ns + sessions.open.len() as u64);
    let factor = FactorId::parse("0123456789abcdef").unwrap();
    let by = SessionBy::Factor(factor, FactorName::Totp);
    let who = PrincipalId::new(who).unwrap();
    sessions.begin(&random, &who, by, now_ns).map(|cookie| cookie.to_string())
}

#[test]
fn a_session_lasts_while_it_is_used_and_not_for_ever() {
    // When it is used after its start, and whether it is there the last time.
    let check = |uses_ns: &[u64], expected: bool| {
        let mut sessions = Sessions::new(&SimRandom::new(7));
        let cookie = begin(&mut sessions, "audrey", START_NS).unwrap();
        let mut found = None;
        for use_ns in uses_ns {
            found = sessions.find(cookie.as_bytes(), START_NS + use_ns);
        }
        assert_eq!(found.is_some(), expected, "{uses_ns:?}");
    };
    check(&[0], true);
    check(&[SESSION_IDLE_NS - 1], true);
    check(&[SESSION_IDLE_NS], false);
    check(&[SESSION_IDLE_NS - 1, 2 * SESSION_IDLE_NS - 2], true);
    check(&[SESSION_IDLE_NS, 1], false);
    let busy = |last_ns| (0..SESSION_NS).step_by(SESSION_IDLE_NS as usize / 2).chain([last_ns]);
    check(&busy(SESSION_NS - 1).collect::<Vec<_>>(), true);
    check(&busy(SESSION_NS).collect::<Vec<_>>(), false);
}

#[test]
fn only_its_own_cookie_opens_a_session_and_only_its_own_csrf_token_goes_with_it() {
    let mut sessions = Sessions::new(&SimRandom::new(7));
    let one = begin(&mut sessions, "audrey", START_NS).unwrap();
    let two = begin(&mut sessions, "bob", START_NS).unwrap();
    assert_eq!(sessions.find(two.as_bytes(), START_NS).unwrap().principal.as_str(), "bob");
    for bad in ["", "x", &one[1..], &sessions.csrf(one.as_bytes()).clone()] {
        assert_eq!(sessions.find(bad.as_bytes(), START_NS), None, "{bad}");
    }
    let other = Sessions::new(&SimRandom::new(8));
    let table = [
        (sessions.csrf(one.as_bytes()), true),
        (sessions.csrf(two.as_bytes()), false),
        (other.csrf(one.as_bytes()), false),
        (one.clone(), false),
        (String::new(), false),
    ];
    for (brought, expected) in table {
        assert_eq!(sessions.is_csrf(one.as_bytes(), brought.as_bytes()), expected, "{brought}");
    }
    sessions.end(one.as_bytes());
    assert_eq!(sessions.find(one.as_bytes(), START_NS), None);
    assert!(sessions.find(two.as_bytes(), START_NS).is_some());
    let kept = format!("{:?}", sessions.open);
    assert!(!kept.contains(&two), "the cookie itself is not kept");
}

#[test]
fn there_are_only_so_many() {
    let mut sessions = Sessions::new(&SimRandom::new(7));
    let cookies: Vec<_> = (0..=SESSIONS_PER_PRINCIPAL_MAX as u64)
        .map(|at| begin(&mut sessions, "audrey", START_NS + at).unwrap())
        .collect();
    let now_ns = START_NS + 100;
    assert_eq!(sessions.find(cookies[0].as_bytes(), now_ns), None, "the oldest went");
    assert!(cookies[1..].iter().all(|one| sessions.find(one.as_bytes(), now_ns).is_some()));
    for number in 0..SESSIONS_MAX - SESSIONS_PER_PRINCIPAL_MAX {
        let who = format!("p{}", number / SESSIONS_PER_PRINCIPAL_MAX);
        assert!(begin(&mut sessions, &who, now_ns).is_some(), "{number}");
    }
    assert_eq!(begin(&mut sessions, "last", now_ns), None);
    assert!(begin(&mut sessions, "last", now_ns + SESSION_IDLE_NS).is_some(), "others ended");
}
