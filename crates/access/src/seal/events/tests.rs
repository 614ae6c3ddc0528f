//! A change of the seal policy is told once, with before and after.

use serde_json::{Value, json};

use super::SealStanding;
use crate::SealPolicy;
use crate::sealed_limits::SEAL_RULES_BYTES_MAX;

/// Of each event that `policy` makes: log, before, after, and their digests.
fn check(standing: &mut SealStanding, policy: &str, expected: &[(&str, Value, Value)]) {
    let policy = SealPolicy::parse(policy.as_bytes()).unwrap();
    let events = standing.plan(&policy);
    let told = events.iter().map(|event| serde_json::from_slice::<Value>(event).unwrap());
    let told: Vec<_> = told
        .map(|event| {
            let data = &event["data"];
            assert_eq!(
                (&event["action"], &data["kind"]),
                (&json!("graven.policy"), &json!("seal"))
            );
            for side in ["before", "after"] {
                assert_eq!(data[side].is_null(), data[format!("{side}_sha256")].is_null());
            }
            (event["target"]["id"].clone(), data["before"].clone(), data["after"].clone())
        })
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(log, before, after)| (json!(log), before.clone(), after.clone()))
        .collect();
    assert_eq!(told, expected);
    for event in events {
        standing.apply(&event).unwrap();
    }
    assert_eq!(standing.plan(&policy).len(), 0, "told once");
}

#[test]
fn each_change_is_told_once() {
    let mut standing = SealStanding::default();
    let (flag, seal) = (json!({"unsealed": "flag"}), json!({"rules": [], "unsealed": "seal"}));
    check(&mut standing, "{}", &[]);
    check(&mut standing, r#"{"b":{"unsealed":"flag"}}"#, &[("b", Value::Null, flag.clone())]);
    check(&mut standing, "{ \"b\": {\n \"unsealed\": \"flag\" } }", &[]);
    let both = r#"{"b":{"rules":[],"unsealed":"seal"},"a":{"unsealed":"flag"}}"#;
    check(
        &mut standing,
        both,
        &[("a", Value::Null, flag.clone()), ("b", flag.clone(), seal.clone())],
    );
    check(&mut standing, "{}", &[("a", flag, Value::Null), ("b", seal, Value::Null)]);
}

#[test]
fn the_digest_is_of_the_text_as_it_stands() {
    let policy = SealPolicy::parse(br#"{ "b": {"unsealed" : "flag"} }"#).unwrap();
    let event = SealStanding::default().plan(&policy).remove(0);
    let event = String::from_utf8(event).unwrap();
    // printf '{"unsealed":"flag"}' | sha256sum
    let digest = "39f41194f1e81a28afebd8726bd8ff9bd25cc07c86c37a817b58b04037c1adef";
    assert!(event.contains(r#""after":{"unsealed":"flag"}"#), "{event}");
    assert!(event.contains(&format!(r#""after_sha256":"{digest}""#)), "{event}");
}

#[test]
fn an_entry_has_room_for_the_largest_policies() {
    let policy = |c: &str| {
        let empty = r#"{"b":{"rules":[{"path":"data.","class":"pseudonym"}]}}"#;
        let fill = c.repeat(SEAL_RULES_BYTES_MAX - (empty.len() - 6));
        SealPolicy::parse(empty.replace("data.", &format!("data.{fill}")).as_bytes())
    };
    let mut standing = SealStanding::default();
    for event in standing.plan(&policy("x").unwrap()) {
        standing.apply(&event).unwrap();
    }
    let event = standing.plan(&policy("y").unwrap()).remove(0);
    assert!(event.len() <= graven_entry::limits::EVENT_BYTES_MAX, "{}", event.len());
    assert!(policy("xx").is_err());
}

#[test]
fn what_is_not_whole_is_no_policy() {
    let mut standing = SealStanding::default();
    for bad in [
        r#"{"action":"graven.policy","outcome":"success","data":{"kind":"seal","after":null}}"#,
        r#"{"action":"graven.policy","outcome":"success","target":{"id":"b"},"data":{"kind":"seal"}}"#,
    ] {
        assert!(standing.apply(bad.as_bytes()).is_err(), "{bad}");
    }
    let other = r#"{"action":"graven.policy","outcome":"denied","data":{"kind":"seal"}}"#;
    standing.apply(other.as_bytes()).unwrap();
}
