//! Results of a search that are to be proved: what is shown of them is what their entries say.

use serde_json::{Value, json};

use super::fake::Fake;
use super::tails::entries;
use crate::{Client, Search};

/// An answer with entries 2 and 1 of a log, made otherwise by `spoil`; the error has to have this text.
fn check(spoil: impl Fn(&mut Value), expected: Option<&str>) {
    let entries = entries("o", 3);
    let result = |index: usize| {
        json!({
            "index": index, "time": format!("1970-01-01T00:00:00.00000{}Z", 1_000 + index),
            "writer": "w", "grade": "asserted",
            "event": {"actor": {}, "action": "a.b", "id": index.to_string()},
            "entry": String::from_utf8_lossy(&entries[index]),
        })
    };
    let mut answer = json!({
        "total": 2, "indexed_through": 3, "next": null, "results": [result(2), result(1)],
        "proof": {"checkpoint": "note", "hashes": []},
    });
    spoil(&mut answer);
    let fake = Fake::start(vec![("200 OK", answer.to_string().into_bytes())]);
    let found = Client::new(&fake.url, None).unwrap().proved_search("main", &Search::default());
    let line = fake.seen()[0].line.clone();
    assert_eq!(line, "GET /api/v1/logs/main/search?q=&limit=0&facets=&histogram=false&proofs=true");
    match (found, expected) {
        (Ok(found), None) => {
            let indexes: Vec<u64> =
                found.results.entries.iter().map(|(index, _)| index.0).collect();
            assert_eq!((indexes, found.is_verified), (vec![1, 2], false));
        }
        (Err(error), Some(text)) => assert!(error.to_string().contains(text), "{error}"),
        (found, expected) => panic!("{found:?}, and not {expected:?}"),
    }
}

#[test]
fn what_is_shown_is_what_is_proved() {
    let otherwise = "result 1 does not hold: it is shown otherwise";
    check(|_| {}, None);
    check(|answer| answer["results"][1]["event"]["id"] = "x".into(), Some(otherwise));
    check(|answer| answer["results"][1]["event"]["more"] = "x".into(), Some(otherwise));
    check(|answer| answer["results"][1]["writer"] = "x".into(), Some(otherwise));
    check(|answer| answer["results"][1]["grade"] = "signed".into(), Some(otherwise));
    check(|answer| answer["results"][1]["time"] = "x".into(), Some(otherwise));
    check(|answer| answer["results"][1]["index"] = 0.into(), Some("result 0 does not hold"));
    check(|answer| answer["results"][1]["entry"] = "x".into(), Some("result 1 does not hold"));
    check(|answer| answer["results"][1]["entry"] = Value::Null, Some("entry"));
    check(|answer| answer["proof"] = Value::Null, Some("checkpoint"));
}
