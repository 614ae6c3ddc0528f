//! Tests of what `system` tells.

use super::*;
use graven_entry::{AuthMethod, Clock, Grade, Header, Name, Time, build_entry};
use graven_merkle::{EMPTY_ROOT, LeafIndex, leaf_hash};

fn entry(index: u64, auth: &str, event: &str) -> Vec<u8> {
    let header = Header {
        origin: Name::origin("test.example/system").expect("an origin"),
        index: LeafIndex(index),
        time: Time::from_unix_ns(1_800_000_000_000_000_000).expect("in range"),
        clock: Clock::Synced,
        error_ns: None,
        wall: None,
        prev: EMPTY_ROOT,
        nonce: [1; 16],
        writer: Name::new("graven").expect("a name"),
        auth: AuthMethod::new(auth).expect("a method"),
        grade: Grade::Asserted,
        stream: None,
        seq: None,
        altered: Vec::new(),
    };
    let mut out = Vec::new();
    build_entry(&mut out, &header, event.as_bytes(), None).expect("builds");
    out
}

fn roots(origin: &str, size: u64) -> String {
    let root = leaf_hash(&size.to_be_bytes());
    format!(
        r#"{{"actor":{{"type":"service","id":"graven"}},"action":"graven.roots","data":{{"logs":[{{"origin":"{origin}","size":{size},"root":"{root}"}}]}}}}"#
    )
}

/// The size that is there, and the first index that `system` misses.
fn check(told: &Told, size: u64, missing: Option<u64>) {
    let finding = told.missing("test.example/main", TreeSize(size));
    assert_eq!(finding.map(|finding| finding.index), missing.map(Some), "size {size}");
}

#[test]
fn a_log_that_is_shorter_than_system_tells_is_missed() {
    let mut told = Told::default();
    told.take("system", &entry(1, "log", &roots("test.example/main", 7)));
    told.take("system", &entry(2, "log", &roots("test.example/main", 9)));
    told.take("system", &entry(3, "token", &roots("test.example/main", 99)));
    check(&told, 9, None);
    check(&told, 12, None);
    check(&told, 8, Some(8));
    assert_eq!(told.roots["test.example/main"].len(), 2, "only the log's own entries count");
}

#[test]
fn a_log_that_is_gone_is_missed() {
    let event = r#"{"actor":{"type":"service","id":"graven"},"action":"graven.log","target":{"type":"log","id":"billing"},"data":{"op":"create","origin":"test.example/billing","size":1,"root":"x"}}"#;
    let mut told = Told::default();
    told.take("system", &entry(5, "log", event));
    let origins = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert!(told.vanished(&origins(&["test.example/billing"])).is_none());
    let finding = told.vanished(&origins(&["test.example/main"])).expect("missed");
    assert!(finding.detail.contains("billing"), "{}", finding.detail);
}
