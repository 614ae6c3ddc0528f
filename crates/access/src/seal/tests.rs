//! Rules find what they should, and nothing else of the event changes.

use graven_entry::{Outline, check_event, disclosure_digest, open_event};

use super::{FindingKind, OnFinding, SealPlan, SealPolicy, SealRefusal, SealRules, detect};

const EVENT: &str = r#"{"actor":{"type":"user","id":"anna@example.org","on_behalf_of":"p_0123456789abcdefghijkl"}, "action":"invoice.update","target":{"id":42},"changes":{"iban":{"before":"DE1","after":"DE2"},"amount":{"before":1.50,"after":2}},"data":{"patient":{"name":"B","notes":["x","y"]},"people":[{"id":"p1","mail":"m1"},{"id":"p2","mail":"m2"}],"a.b":1}}"#;

fn plan(rules: &str, event: &str) -> Result<SealPlan, SealRefusal> {
    let rules = SealRules::parse(rules.as_bytes()).unwrap();
    let action = check_event(event.as_bytes()).unwrap().action.into_owned();
    SealPlan::of(&Outline::of(event.as_bytes()), &action, &rules)
}

/// Seals, opens again, and expects these `path class subject`.
fn check(rules: &str, expected: &[&str]) {
    let plan = plan(rules, EVENT).unwrap();
    let mut found: Vec<String> = plan
        .values
        .iter()
        .map(|value| format!("{} {} {}", value.path, value.class.as_str(), value.subject))
        .collect();
    found.extend(plan.pseudonyms.iter().map(|p| format!("{} {} {}", p.path, p.id, p.subject)));
    assert_eq!(found, expected, "{rules}");
    let salts: Vec<String> = (0..plan.values.len()).map(|n| format!("salt{n:018}")).collect();
    let sealed =
        plan.apply(&Outline::of(EVENT.as_bytes()), |p| format!("<{}>", p.id), &salts).unwrap();
    let facts = check_event(&sealed.event).unwrap();
    assert_eq!(facts.digests.len(), plan.values.len());
    for (disclosure, value) in sealed.disclosures.iter().zip(&plan.values) {
        let digest = disclosure_digest(disclosure);
        let placed = facts.digests.iter().find(|sealed| sealed.digest == digest).unwrap();
        assert!(value.path.starts_with(&placed.path), "{}", value.path);
    }
    let opened = open_event(&sealed.event, &sealed.disclosures).unwrap();
    let mut opened: serde_json::Value = serde_json::from_slice(&opened).unwrap();
    for planned in &plan.pseudonyms {
        let place = opened.pointer_mut(&planned.path).unwrap();
        assert_eq!(*place, format!("<{}>", planned.id));
        *place = planned.id.clone().into();
    }
    assert_eq!(opened, serde_json::from_str::<serde_json::Value>(EVENT).unwrap(), "{rules}");
}

#[test]
fn rules_find_their_values() {
    let rule = |path: &str, class: &str, subject: &str| {
        format!(r#"[{{"path":"{path}","class":"{class}","subject":"{subject}"}}]"#)
    };
    check("[]", &[]);
    let both = ["/changes/iban/after pii 42", "/changes/iban/before pii 42"];
    check(&rule("changes.iban", "pii", "target.id"), &both);
    check(
        &rule("changes.*", "pan", "actor.id"),
        &[
            "/changes/amount/after pan anna@example.org",
            "/changes/amount/before pan anna@example.org",
            "/changes/iban/after pan anna@example.org",
            "/changes/iban/before pan anna@example.org",
        ],
    );
    check(
        &rule("changes.*.after", "pii", "target.id"),
        &["/changes/amount/after pii 42", "/changes/iban/after pii 42"],
    );
    check(
        &rule("data.patient.*", "phi", "target.id"),
        &["/data/patient/name phi 42", "/data/patient/notes phi 42"],
    );
    check(&rule("data.patient.notes.1", "phi", "target.id"), &["/data/patient/notes/1 phi 42"]);
    check(
        &rule("data.people.*.mail", "pii", "data.people.*.id"),
        &["/data/people/0/mail pii p1", "/data/people/1/mail pii p2"],
    );
    check(&rule("/data/a.b", "secret", "/target/id"), &["/data/a.b secret 42"]);
    check(&rule("data.nothing.here", "pii", "nowhere"), &[]);
    check(
        r#"[{"path":"actor.id","class":"pseudonym"}]"#,
        &["/actor/id anna@example.org anna@example.org"],
    );
    let other = r#"[{"path":"actor.id","class":"pseudonym","action":"user.*"}]"#;
    check(other, &[]);
    check(&other.replace("user", "invoice"), &["/actor/id anna@example.org anna@example.org"]);
    check(r#"[{"path":"actor.on_behalf_of","class":"pseudonym"}]"#, &[]);
}

#[test]
fn the_first_rule_counts_and_the_outer_value() {
    let rules = r#"[
        {"path":"data.patient.name","class":"phi","subject":"target.id"},
        {"path":"data.*.name","class":"pii","subject":"actor.id"},
        {"path":"data.people","class":"pii","subject":"target.id"},
        {"path":"data.people.*.mail","class":"pan","subject":"target.id"},
        {"path":"actor.id","class":"pseudonym"}
    ]"#;
    check(
        rules,
        &[
            "/data/patient/name phi 42",
            "/data/people pii 42",
            "/actor/id anna@example.org anna@example.org",
        ],
    );
}

#[test]
fn what_is_sealed_already_stays() {
    let rules = r#"[{"path":"changes.iban","class":"pii","subject":"target.id"}]"#;
    let first = plan(rules, EVENT).unwrap();
    let salts = ["a".repeat(22), "b".repeat(22)];
    let sealed = first.apply(&Outline::of(EVENT.as_bytes()), |_| String::new(), &salts).unwrap();
    let again = plan(rules, std::str::from_utf8(&sealed.event).unwrap()).unwrap();
    assert!(again.is_empty(), "{again:?}");
}

#[test]
fn an_event_that_names_nobody_is_refused() {
    let rules = r#"[{"path":"data.patient.name","class":"phi","subject":"data.patient.id"}]"#;
    let subject = "/data/patient/id".to_owned();
    let path = "/data/patient/name".to_owned();
    assert_eq!(plan(rules, EVENT), Err(SealRefusal::NoSubject { path, subject }));
    for value in ["null", "{}", "\"\"", "true"] {
        let event = EVENT.replace("\"patient\":{", &format!("\"patient\":{{\"id\":{value},"));
        let refused = plan(rules, &event);
        assert!(matches!(refused, Err(SealRefusal::NoSubject { .. })), "{value}");
    }
    let id = r#"[{"path":"target.id","class":"pseudonym"}]"#;
    let path = "/target/id".to_owned();
    assert_eq!(plan(id, EVENT), Err(SealRefusal::NoId { path }));
}

#[test]
fn too_many_values_are_refused() {
    let rules = r#"[{"path":"l.*","class":"pii","subject":"actor.id"}]"#;
    let event = |count: usize| {
        format!(r#"{{"actor":{{"id":"a"}},"action":"x","l":[{}1]}}"#, "1,".repeat(count - 1))
    };
    assert_eq!(plan(rules, &event(1_000)).unwrap().values.len(), 1_000);
    assert_eq!(plan(rules, &event(1_001)), Err(SealRefusal::TooMany));
}

#[test]
fn rules_that_mean_nothing_are_refused() {
    let good = r#"{"path":"a.b","class":"pii","subject":"actor.id"}"#;
    assert!(SealRules::parse(format!("[{good}]").as_bytes()).is_ok());
    let many = vec![good; 1_001].join(",");
    for bad in [
        ",".to_owned(),
        "{}".to_owned(),
        many,
        good.replace("a.b", "a..b"),
        good.replace("a.b", ""),
        good.replace("a.b", "/"),
        good.replace("a.b", "actor"),
        good.replace("a.b", "*"),
        good.replace("a.b", "/id"),
        good.replace("a.b", &"a.".repeat(64)),
        good.replace("pii", "PII"),
        good.replace("pii", ""),
        good.replace("actor.id", "*.id"),
        good.replace("\"subject\":\"actor.id\"", "\"action\":\"x\""),
        good.replace("path", "paths"),
    ] {
        assert!(SealRules::parse(format!("[{bad}]").as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn sensitive_forms_are_found() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N";
    let key = "-----BEGIN EC PRIVATE KEY-----\\nMHc\\n-----END EC PRIVATE KEY-----";
    let aws = format!("\"AKI{}\"", "AIOSFODNN7EXAMPLE");
    for (value, expected) in [
        ("\"4111 1111 1111 1111\"", Some(FindingKind::Card)),
        ("\"paid with 5500-0055-5555-5559.\"", Some(FindingKind::Card)),
        ("4111111111111111", Some(FindingKind::Card)),
        ("\"4111111111111112\"", None),
        ("\"411111111111\"", None),
        ("\"9111111111111111\"", None),
        ("\"4111  1111 1111 1111\"", None),
        ("\"2026-11-20T22:55:01.123456789Z\"", None),
        ("1.5", None),
        (&format!("\"{key}\""), Some(FindingKind::PrivateKey)),
        ("\"-----BEGIN PUBLIC KEY-----\"", None),
        (&format!("\"Bearer {jwt}\""), Some(FindingKind::Token)),
        ("\"eyJ.a.b\"", None),
        (&aws, Some(FindingKind::Token)),
        (&format!("\"token=ghp_{}\"", "a1".repeat(18)), Some(FindingKind::Token)),
        ("\"AKIA\"", None),
    ] {
        let event = format!("{{\"data\":{{\"l\":[{value}]}}}}");
        let found = detect(event.as_bytes());
        assert_eq!(found.first().map(|finding| finding.kind), expected, "{value}");
        assert!(found.iter().all(|finding| finding.path == "/data/l/0"));
    }
    let sealed = r#"{"_sd":["4111111111111111"],"l":[{"...":"4111111111111111"}]}"#;
    assert_eq!(detect(sealed.as_bytes()), []);
}

#[test]
fn a_policy_has_its_logs() {
    let rule = r#"{"path":"a.b","class":"pii","subject":"actor.id"}"#;
    let policy = format!(r#"{{"main":{{"rules":[{rule}]}},"pay":{{"unsealed":"refuse"}}}}"#);
    let policy = SealPolicy::parse(policy.as_bytes()).unwrap();
    assert_eq!(
        policy.logs["main"].rules,
        SealRules::parse(format!("[{rule}]").as_bytes()).unwrap()
    );
    assert_eq!(policy.logs["main"].unsealed, OnFinding::Flag);
    assert_eq!(policy.logs["pay"].unsealed, OnFinding::Refuse);
    for bad in ["[]", r#"{"main":1}"#, r#"{"main":{"unsealed":"drop"}}"#, r#"{"main":{"rule":[]}}"#]
    {
        assert!(SealPolicy::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}
