//! Tests of four eyes: who is asked, who may approve, and what an approval is good for.

use super::*;

fn id(name: &str) -> PrincipalId {
    PrincipalId::parse(name).unwrap()
}

fn at(hours: u64) -> Time {
    Time::from_unix_ns(1_800_000_000_000_000_000 + hours * 3_600_000_000_000).unwrap()
}

fn anyone(_: &PrincipalId, _: &Request) -> bool {
    true
}

fn wanted(who: &str, what: &str) -> Request {
    Request {
        who: id(who),
        privilege: Privilege::Grant,
        right: Right::Grant,
        log: None,
        class: None,
        what: what.to_owned(),
        expires: Time::MIN,
        approved_by: None,
    }
}

/// Approvals that need a second person for grants, and a request of `olga` in the hour 0.
fn asked() -> (Approvals, Vec<u8>) {
    let mut approvals = Approvals::default();
    assert_eq!(approvals.ask(&wanted("olga", "x"), at(0), anyone), Ok(Answer::Free));
    let needed = BTreeSet::from([Privilege::Grant]);
    let event = approvals.plan_needed(&needed).expect("a change");
    approvals.apply(at(0), &event).unwrap();
    assert_eq!(approvals.plan_needed(&needed), None);
    let Ok(Answer::Asked(1, event)) = approvals.ask(&wanted("olga", "x"), at(0), anyone) else {
        panic!("the first request has the number 1");
    };
    approvals.apply(at(0), &event).unwrap();
    (approvals, event)
}

#[test]
fn an_approval_is_another_s_and_good_once_for_one_thing() {
    let (mut approvals, request) = asked();
    assert_eq!(approvals.ask(&wanted("olga", "x"), at(1), anyone), Ok(Answer::Waits(1)));
    assert_eq!(approvals.approve(&id("olga"), 1, at(1), anyone), Err(ApprovalError::Own));
    assert_eq!(approvals.approve(&id("otto"), 2, at(1), anyone), Err(ApprovalError::Unknown));
    let approve = approvals.approve(&id("otto"), 1, at(1), anyone).expect("another's");
    assert_eq!(
        approvals.ask(&wanted("olga", "x"), at(1), anyone),
        Ok(Answer::Waits(1)),
        "not permanent"
    );
    approvals.apply(at(1), &approve).unwrap();
    assert_eq!(approvals.approve(&id("paul"), 1, at(1), anyone), Err(ApprovalError::Done));
    for other in [wanted("olga", "y"), wanted("otto", "x")] {
        assert!(
            matches!(approvals.ask(&other, at(1), anyone), Ok(Answer::Asked(2, _))),
            "{other:?}"
        );
    }
    let other = Request { class: Some(Class::Pan), ..wanted("olga", "x") };
    assert!(matches!(approvals.ask(&other, at(1), anyone), Ok(Answer::Asked(2, _))));
    let other = Request { log: Some("main".to_owned()), ..wanted("olga", "x") };
    assert!(matches!(approvals.ask(&other, at(1), anyone), Ok(Answer::Asked(2, _))));
    let Ok(Answer::Approved(used)) = approvals.ask(&wanted("olga", "x"), at(1), anyone) else {
        panic!("it is approved");
    };
    // Replayed, it is the same state.
    let mut again = asked().0;
    for event in [&request, &approve, &used] {
        again.apply(at(1), event).unwrap();
    }
    approvals.apply(at(1), &used).unwrap();
    for approvals in [approvals, again] {
        assert!(matches!(
            approvals.ask(&wanted("olga", "x"), at(1), anyone),
            Ok(Answer::Asked(2, _))
        ));
    }
}

#[test]
fn an_approval_counts_while_who_gave_it_may_still_give_it() {
    let (mut approvals, _) = asked();
    let not_otto = |who: &PrincipalId, _: &Request| *who != id("otto");
    assert_eq!(approvals.approve(&id("otto"), 1, at(1), not_otto), Err(ApprovalError::Unknown));
    let approve = approvals.approve(&id("otto"), 1, at(1), anyone).expect("another's");
    approvals.apply(at(1), &approve).unwrap();
    assert_eq!(approvals.ask(&wanted("olga", "x"), at(1), not_otto), Ok(Answer::Waits(1)));
    let approve = approvals.approve(&id("paul"), 1, at(1), not_otto).expect("in otto's place");
    approvals.apply(at(1), &approve).unwrap();
    let answer = approvals.ask(&wanted("olga", "x"), at(1), not_otto);
    assert!(matches!(answer, Ok(Answer::Approved(_))), "{answer:?}");
}

#[test]
fn a_request_ends_after_a_day_approved_or_not() {
    let (mut approvals, _) = asked();
    assert_eq!(approvals.ask(&wanted("olga", "x"), at(23), anyone), Ok(Answer::Waits(1)));
    let approve = approvals.approve(&id("otto"), 1, at(23), anyone).expect("in time");
    assert_eq!(approvals.approve(&id("otto"), 1, at(24), anyone), Err(ApprovalError::Unknown));
    approvals.apply(at(23), &approve).unwrap();
    assert!(matches!(approvals.ask(&wanted("olga", "x"), at(23), anyone), Ok(Answer::Approved(_))));
    let Ok(Answer::Asked(2, event)) = approvals.ask(&wanted("olga", "x"), at(24), anyone) else {
        panic!("it has ended");
    };
    approvals.apply(at(24), &event).unwrap();
    assert_eq!(approvals.open(at(24)).count(), 1);
}

#[test]
fn entries_that_break_the_rule_give_nothing() {
    let (mut approvals, _) = asked();
    approvals.apply(at(1), &events::step(&id("olga"), "approve", 1)).unwrap();
    assert_eq!(approvals.ask(&wanted("olga", "x"), at(1), anyone), Ok(Answer::Waits(1)));
    approvals.apply(at(1), &events::step(&id("otto"), "approve", 9)).unwrap();
    approvals.apply(at(1), &events::step(&id("otto"), "bless", 1)).expect_err("unknown");
    let approve = String::from_utf8(events::step(&id("otto"), "approve", 1)).unwrap();
    approvals.apply(at(1), approve.replace("success", "denied").as_bytes()).unwrap();
    assert_eq!(approvals.ask(&wanted("olga", "x"), at(1), anyone), Ok(Answer::Waits(1)));
}

#[test]
fn requests_are_bounded() {
    let (mut approvals, _) = asked();
    for number in 2..=APPROVALS_OPEN_MAX {
        let Ok(Answer::Asked(_, event)) =
            approvals.ask(&wanted("olga", &number.to_string()), at(0), anyone)
        else {
            panic!("{number}");
        };
        approvals.apply(at(0), &event).unwrap();
    }
    assert_eq!(approvals.ask(&wanted("olga", "more"), at(0), anyone), Err(ApprovalError::TooMany));
    assert!(matches!(approvals.ask(&wanted("otto", "more"), at(0), anyone), Ok(Answer::Asked(..))));
    let long = "x".repeat(APPROVAL_WHAT_BYTES_MAX + 1);
    assert!(matches!(
        approvals.ask(&wanted("otto", &long), at(0), anyone),
        Err(ApprovalError::TooLarge(_))
    ));
}
