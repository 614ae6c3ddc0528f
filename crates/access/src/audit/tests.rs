//! Tests of the audit scope: which rule is for what, and what becomes of an event.

use super::*;
use crate::PrincipalId;

const POLICY: &str = r#"{
    "rules": [
        {"name": "probes", "action": "health.*", "actor_type": "service", "level": "none"},
        {"action": "*.read", "target_type": "invoice", "target": "4*", "level": "metadata"},
        {"name": "cards", "action": "pay*ment", "level": "full", "drop": ["data.card", "changes.*.before", "/data/a.b", "data.in", "data.in-x", "data.in.y"]}
    ],
    "catalogue": [
        {"action": "payment", "require": ["reason", "context.request_id"]},
        {"action": "pay*", "require": ["target.id"]}
    ]}"#;

fn policy() -> AuditPolicy {
    AuditPolicy::parse(POLICY.as_bytes()).expect("a policy")
}

fn judge(event: &str) -> Verdict {
    let about = EventAbout::of(event.as_bytes()).expect("an event");
    policy().judge(event.as_bytes(), &about, &[])
}

/// What is sealed in an event's place, opened by what it was sealed with: the event, and the disclosures.
fn seal(event: &str, paths: &[&str]) -> (String, Vec<String>) {
    let salts: Vec<String> =
        (0..paths.len()).map(|n| format!("salt-of-22-characters-{n}")).collect();
    let values: Vec<ToSeal<'_>> =
        paths.iter().zip(&salts).map(|(path, salt)| ToSeal { path, salt }).collect();
    let sealed = seal_event(event.as_bytes(), &values).expect("they stand there");
    (String::from_utf8(sealed.event).unwrap(), sealed.disclosures)
}

/// Level, rule, missing and dropped of an event.
fn check(event: &str, (level, rule): (Level, &str), missing: &[&str], dropped: &[&str]) {
    let verdict = judge(event);
    assert_eq!((verdict.level, verdict.rule_name.as_str()), (level, rule), "{event}");
    assert_eq!((verdict.missing, verdict.dropped), (owned(missing), owned(dropped)), "{event}");
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn the_first_rule_that_fits_counts() {
    let service = r#"{"actor":{"type":"service"},"action":"health.live"}"#;
    check(service, (Level::None, "probes"), &[], &[]);
    let user = r#"{"actor":{"type":"user"},"action":"health.live"}"#;
    check(user, (Level::Full, "default"), &[], &[]);
    let targets = |ids: &str| {
        format!(
            r#"{{"actor":{{}},"action":"x.read","target":{ids},"data":1,"odd":2,"reason":"r"}}"#
        )
    };
    let metadata = (Level::Metadata, "rule 1");
    check(&targets(r#"{"type":"invoice","id":"42"}"#), metadata, &[], &["/data", "/odd"]);
    check(
        &targets(r#"[{"type":"x"},{"type":"invoice","id":"4"}]"#),
        metadata,
        &[],
        &["/data", "/odd"],
    );
    // Both patterns have to fit the same target.
    let other = r#"[{"type":"x","id":"42"},{"type":"invoice","id":"7"}]"#;
    check(&targets(other), (Level::Full, "default"), &[], &[]);
    check(&targets("\"invoice\""), (Level::Full, "default"), &[], &[]);
}

#[test]
fn what_an_action_must_carry_is_named() {
    let full = (Level::Full, "cards");
    let bare = r#"{"actor":{},"action":"payment","reason":null}"#;
    check(bare, full, &["/reason", "/context/request_id", "/target/id"], &[]);
    let whole = r#"{"actor":{},"action":"payment","reason":"r","context":{"request_id":"q"},"target":{"id":"1"}}"#;
    check(whole, full, &[], &[]);
    check(r#"{"actor":{},"action":"payout"}"#, (Level::Full, "default"), &["/target/id"], &[]);
}

#[test]
fn fields_are_dropped_where_they_stand() {
    let event = r#"{"actor":{},"action":"payxment","target":{"id":"1"},"data":{"card":"4111","a.b":[1],"n":1.0},"changes":{"x":{"before":1,"after":2},"y":{"before":null}}}"#;
    let dropped = ["/changes/x/before", "/changes/y/before", "/data/a.b", "/data/card"];
    check(event, (Level::Full, "cards"), &[], &dropped);
    let mut salts = (0..).map(|n| format!("salt-of-22-characters-{n}"));
    let salt = || salts.next().expect("there is always one more");
    let (after, digests) = judge(event).apply(event.as_bytes(), salt).expect("they stand there");
    let after = String::from_utf8(after).unwrap();
    let (expected, disclosures) = seal(event, &dropped);
    let expected_digests: Vec<String> = disclosures.iter().map(|d| disclosure_digest(d)).collect();
    assert_eq!((&after, digests), (&expected, expected_digests));
    assert!(!after.contains("4111") && !after.contains("card"), "{after}");
    check_event(after.as_bytes()).expect("an event that verifiers take");
    let inside = event.replace("\"n\":1.0", "\"in-x\":1,\"in\":{\"y\":1}");
    let dropped = [&dropped[..], &["/data/in", "/data/in-x"]].concat();
    check(&inside, (Level::Full, "cards"), &[], &dropped);
    let salt = || "salt-of-22-characters-x".to_owned();
    judge(&inside).apply(inside.as_bytes(), salt).expect("none inside another");
}

/// Which values of an event are dropped, and which of its sealed ones are never disclosed.
fn check_sealed(event: &str, paths: &[&str], dropped: &[&str], undisclosed: &[&str]) {
    let (sealed, disclosures) = seal(event, paths);
    let disclosed = paths.iter().zip(&disclosures);
    let disclosed: Vec<Disclosed<'_>> =
        disclosed.map(|(path, encoded)| Disclosed { path, encoded }).collect();
    let about = EventAbout::of(sealed.as_bytes()).expect("an event");
    let verdict = policy().judge(sealed.as_bytes(), &about, &disclosed);
    let got = (verdict.dropped.clone(), verdict.undisclosed.clone());
    assert_eq!(got, (owned(dropped), owned(undisclosed)), "{sealed}");
    let salt = || "salt-of-22-characters-x".to_owned();
    let (less, _) = verdict.apply(sealed.as_bytes(), salt).expect("nothing sealed is sealed again");
    check_event(&less).expect("an event that verifiers take");
}

#[test]
fn what_its_producer_sealed_is_dropped_with_what_opens_it() {
    let pay = |data: &str| {
        format!(
            r#"{{"actor":{{}},"action":"payment","reason":"r","target":{{"id":"1"}},"data":{data}}}"#
        )
    };
    let card = pay(r#"{"card":"4111","n":1}"#);
    check_sealed(&card, &["/data/card"], &[], &["/data/card"]);
    check_sealed(&card, &["/data/n"], &["/data/card"], &[]);
    // Around it, it cannot be cut out of what is sealed.
    check_sealed(&card, &["/data"], &[], &["/data"]);
    check_sealed(&pay(r#"{"n":1}"#), &["/data"], &[], &[]);
    // Inside it, the rest is dropped piece by piece.
    let deep = pay(r#"{"in":{"a":1,"b":[1,{"c":2,"d":3}]}}"#);
    let (dropped, inside) = (["/data/in/a", "/data/in/b/0", "/data/in/b/1/d"], "/data/in/b/1/c");
    check_sealed(&deep, &[inside], &dropped, &[inside]);
    check_sealed(&deep, &["/data/in/b/0"], &["/data/in/a", "/data/in/b/1"], &["/data/in/b/0"]);
    let view = r#"{"actor":{},"action":"x.read","target":{"type":"invoice","id":"4"},"context":{"ip":"1"},"data":1,"odd":2}"#;
    check_sealed(view, &["/data", "/context/ip"], &["/odd"], &["/data"]);
    // A sealed field is there.
    let (sealed, disclosures) = seal(&card, &["/reason"]);
    let disclosed = [Disclosed { path: "/reason", encoded: &disclosures[0] }];
    let about = EventAbout::of(sealed.as_bytes()).expect("an event");
    let verdict = policy().judge(sealed.as_bytes(), &about, &disclosed);
    assert_eq!(verdict.missing, ["/context/request_id"]);
}

#[test]
fn what_is_no_policy_is_refused() {
    for (json, expected) in [
        ("[]", "the policy is not"),
        (r#"{"rule":[]}"#, "the policy is not"),
        (r#"{"rules":[{"level":"some"}]}"#, "the policy is not"),
        (r#"{"rules":[{"level":"none","drop":["data"]}]}"#, "rule 0: `drop` is for"),
        (r#"{"rules":[{"level":"full","drop":["action"]}]}"#, "rule 0: an event needs"),
        (r#"{"rules":[{"level":"full","drop":["*"]}]}"#, "rule 0: an event needs"),
        (r#"{"rules":[{"level":"full","drop":["actor"]}]}"#, "rule 0: an event needs its actor"),
        (r#"{"rules":[{"level":"full","drop":["a..b"]}]}"#, "rule 0: a path is dotted"),
        (r#"{"catalogue":[{"action":"a","require":["x.*"]}]}"#, "catalogue 0: a required"),
    ] {
        let error = AuditPolicy::parse(json.as_bytes()).expect_err(json).to_string();
        assert!(error.starts_with(expected), "{json}: {error}");
    }
    let long = format!(r#"{{"rules":[{{"level":"none","name":"{}"}}]}}"#, "x".repeat(30_000));
    assert!(matches!(AuditPolicy::parse(long.as_bytes()), Err(AuditPolicyError::TooLarge { .. })));
    let many = format!(r#"{{"rules":[{}{{"level":"none"}}]}}"#, r#"{"level":"none"},"#.repeat(500));
    assert!(matches!(AuditPolicy::parse(many.as_bytes()), Err(AuditPolicyError::Rule { .. })));
}

#[test]
fn changes_are_entries_with_before_and_after() {
    let mut scopes = Scopes::default();
    let admin = PrincipalId::admin();
    let first = scopes.plan(&admin, "main", &policy()).expect("a change");
    assert!(scopes.of("main").is_none(), "nothing counts before it is permanent");
    scopes.apply(&first).expect("ours");
    assert!(matches!(scopes.plan(&admin, "main", &policy()), Err(ScopeError::Same(_))));
    let second =
        scopes.plan(&admin, "main", &AuditPolicy::parse(b"{}").unwrap()).expect("a change");
    scopes.apply(&second).expect("ours");
    let text = String::from_utf8(second).unwrap();
    assert!(text.contains(r#""version":2,"before":{"rules":[{"name":"probes""#), "{text}");
    assert!(text.ends_with(r#""after":{}}}"#), "{text}");
    let mut again = Scopes::default();
    again.apply(&first).expect("ours");
    assert_eq!(again.of("main").map(|scoped| scoped.version), Some(1));
    assert_eq!(again.of("main").map(|scoped| scoped.policy.clone()), Some(policy()));
    let denied = String::from_utf8(first).unwrap().replace("\"success\"", "\"denied\"");
    again.apply(denied.as_bytes()).expect("nothing to it");
    let broken = text.replace("\"after\":{}", "\"after\":[]");
    again.apply(broken.as_bytes()).expect_err("not passed over");
    let system = scopes.plan(&admin, "system-2", &policy());
    assert!(matches!(system, Err(ScopeError::System(_))));
}

#[test]
fn stars_take_any_characters() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("", "", true),
        ("", "a", false),
        ("a*", "a", true),
        ("*a*b*", "xxaxxbxx", true),
        ("*ab", "aab", true),
        ("a*b", "ab c", false),
        ("a.b", "axb", false),
    ] {
        let json = format!(r#"{{"rules":[{{"actor":"{pattern}","level":"none"}}]}}"#);
        let policy = AuditPolicy::parse(json.as_bytes()).unwrap();
        let about = EventAbout { actor: text.to_owned(), ..EventAbout::default() };
        let level = policy.judge(b"{}", &about, &[]).level;
        assert_eq!(level == Level::None, expected, "{pattern} on {text}");
    }
}
