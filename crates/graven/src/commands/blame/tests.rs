//! What an entry has to say for a field to be proved by it.

use serde_json::json;

use super::check;

/// An entry with this event.
fn entry(event: &str) -> Vec<u8> {
    let header = concat!(
        r#"{"graven":"entry/v1","origin":"test.example/log","index":7,"time":"2026-11-20T22:55:01.123456789Z","#,
        r#""clock":"unsynced","prev":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","nonce":"AAAAAAAAAAAAAAAAAAAAAA==","#,
        r#""writer":"web","auth":"token","grade":"asserted"}"#,
    );
    format!("{header}\n{event}\n").into_bytes()
}

#[test]
fn an_entry_proves_only_what_it_says_itself() {
    let event = |outcome: &str, target: &str, change: &str| {
        entry(&format!(
            r#"{{"actor":"a","action":"x","outcome":"{outcome}","target":"{target}","changes":{{"n":{change}}}}}"#
        ))
    };
    let check = |bytes: Vec<u8>, expected: Option<&str>| {
        let checked = check(&bytes, "t/1", ("n", &json!(5)));
        assert_eq!(checked.err().as_deref(), expected, "{}", String::from_utf8_lossy(&bytes));
    };
    check(event("success", "t/1", r#"{"after":5}"#), None);
    check(event("success", "t/1", r#"{"after":6}"#), Some("it sets it to 6"));
    check(event("success", "t/1", r#"{"after":"5"}"#), Some("it sets it to \"5\""));
    check(event("success", "t/1", r#"{"before":5}"#), Some("it changes it otherwise"));
    check(event("success", "t/2", r#"{"after":5}"#), Some("it is not about the resource"));
    check(event("denied", "t/1", r#"{"after":5}"#), Some("it did not succeed"));
    let other = r#"{"actor":"a","action":"x","target":"t/1","changes":{"m":{"after":5}}}"#;
    check(entry(other), Some("it changes it otherwise"));
}
