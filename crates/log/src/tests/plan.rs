//! What becomes of a batch: new, repeated, or refused, by identity and by `seq`.

use crate::identity::{Identity, IdentityHasher, IdentityWindow};
use crate::intake::{Prepared, PreparedEvent, PreparedStream, Writer};
use crate::plan::{PlanContext, PlanItem, plan};
use append::{Code, StreamHead};
use graven_entry::{AuthMethod, Grade, Name, chain_next, chain_start, event_hash};
use graven_merkle::Hash;

fn hasher() -> IdentityHasher {
    IdentityHasher::new(&[9; 32])
}

fn event(hasher: &IdentityHasher, bytes: &str, id: Option<&str>) -> PreparedEvent {
    let intake = event_hash(bytes.as_bytes());
    PreparedEvent {
        bytes: bytes.as_bytes().to_vec(),
        intake,
        altered: Vec::new(),
        identity: id.map(|id| hasher.by_id("main", "w", id)),
        received: hasher.received(&intake),
    }
}

fn batch(events: Vec<PreparedEvent>, stream: Option<(&str, Option<u64>)>) -> Prepared {
    let stream = stream.map(|(name, first_seq)| PreparedStream {
        name: Name::new(name).expect("a name"),
        first_seq,
        cursor: None,
        attestation: None,
    });
    let writer = Writer {
        id: Name::new("w").expect("a name"),
        auth: AuthMethod::new("token").expect("a method"),
        grade: Grade::Asserted,
    };
    Prepared { writer, events, stream, sidecars: Vec::new(), proof: false }
}

/// Items by letter (N new, R repeat with index, S same as place), or the refusal's code and event.
fn check(window: &IdentityWindow, prepared: &Prepared, head: Option<&StreamHead>, expected: &str) {
    let hasher = hasher();
    let context = PlanContext {
        window,
        hasher: &hasher,
        log: "main",
        stream: head,
        stream_keys: &[],
        attestation_needed: false,
    };
    let got = match plan(&context, prepared) {
        Ok(plan) => plan
            .items
            .iter()
            .map(|item| match item {
                PlanItem::New { .. } => "N".to_owned(),
                PlanItem::Repeat { index } => format!("R{index}"),
                PlanItem::SameAs { place } => format!("S{place}"),
            })
            .collect::<Vec<_>>()
            .join(" "),
        Err(declined) => format!("{} {:?}", declined.refusal.code, declined.refusal.event),
    };
    assert_eq!(got, expected);
}

#[test]
fn ids_make_repeats_and_conflicts() {
    let hasher = hasher();
    let mut window = IdentityWindow::new(100);
    let old = event(&hasher, "old", Some("1"));
    let key = old.identity.expect("has an id");
    window.insert(Identity { key, received: old.received, index: 40 });
    let e = |bytes: &str, id| event(&hasher, bytes, id);
    check(&window, &batch(vec![e("a", None), e("a", None)], None), None, "N N");
    check(&window, &batch(vec![e("old", Some("1")), e("b", Some("2"))], None), None, "R40 N");
    check(&window, &batch(vec![e("b", Some("2")), e("b", Some("2"))], None), None, "N S0");
    check(&window, &batch(vec![e("b", None), e("new", Some("1"))], None), None, "conflict Some(1)");
    check(
        &window,
        &batch(vec![e("b", Some("2")), e("c", Some("2"))], None),
        None,
        "conflict Some(1)",
    );
}

#[test]
fn the_window_forgets_the_oldest() {
    let mut window = IdentityWindow::new(2);
    for index in 0..3 {
        window.insert(Identity { key: [index; 16], received: [0; 16], index: u64::from(index) });
    }
    let known = [0, 1, 2].map(|key| window.get(&[key; 16]).is_some());
    assert_eq!(known, [false, true, true]);
}

fn stream_head(next_seq: u64) -> StreamHead {
    let origin = Name::origin("test.example/log").expect("an origin");
    let head = chain_start(&origin, &Name::new("s").expect("a name"));
    StreamHead { next_seq, head, cursor: None }
}

#[test]
fn seq_makes_repeats_gaps_and_forks() {
    let hasher = hasher();
    let mut window = IdentityWindow::new(100);
    let recorded = event(&hasher, "five", None);
    let key = hasher.by_seq("main", "s", 5);
    window.insert(Identity { key, received: recorded.received, index: 70 });
    let head = stream_head(6);
    let batch_at = |events: &[&str], first| {
        let events = events.iter().map(|bytes| event(&hasher, bytes, None)).collect();
        batch(events, Some(("s", first)))
    };
    check(&window, &batch_at(&["six"], Some(6)), Some(&head), "N");
    check(&window, &batch_at(&["six", "seven"], None), Some(&head), "N N");
    check(&window, &batch_at(&["five", "six"], Some(5)), Some(&head), "R70 N");
    check(&window, &batch_at(&["fake", "six"], Some(5)), Some(&head), "conflict Some(0)");
    check(&window, &batch_at(&["four"], Some(4)), Some(&head), "seq_recorded Some(0)");
    check(&window, &batch_at(&["eight"], Some(8)), Some(&head), "seq_gap None");
    check(&window, &batch_at(&["x"], Some(u64::MAX)), Some(&head), "seq_gap None");
}

#[test]
fn the_chain_runs_over_new_events_only() {
    let hasher = hasher();
    let mut window = IdentityWindow::new(100);
    let five = event(&hasher, "five", None);
    let key = hasher.by_seq("main", "s", 5);
    window.insert(Identity { key, received: five.received, index: 70 });
    let head = stream_head(6);
    let events = vec![five, event(&hasher, "six", None)];
    let context = PlanContext {
        window: &window,
        hasher: &hasher,
        log: "main",
        stream: Some(&head),
        stream_keys: &[],
        attestation_needed: false,
    };
    let plan = plan(&context, &batch(events, Some(("s", Some(5))))).expect("planned");
    let after = plan.stream_after.expect("a stream");
    let expected: Hash = chain_next(&head.head, &event_hash(b"six"));
    assert_eq!((after.next_seq, after.head), (7, expected));
}

#[test]
fn a_stream_with_a_key_refuses_what_is_not_attested() {
    let hasher = hasher();
    let (window, head) = (IdentityWindow::new(1), stream_head(0));
    let context = PlanContext {
        window: &window,
        hasher: &hasher,
        log: "main",
        stream: Some(&head),
        stream_keys: &[],
        attestation_needed: true,
    };
    let prepared = batch(vec![event(&hasher, "x", None)], Some(("s", Some(0))));
    let declined = plan(&context, &prepared).expect_err("refused");
    assert_eq!(declined.refusal.code, Code::BadAttestation);
}
