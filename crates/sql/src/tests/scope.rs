//! What a reader may not see is not there: not as a row, not in a count, not by a failure.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Made, Memory, columns, company, engine};
use crate::{Columns, Limits, QueryError, RowAbout, RowFilter};

/// Entries of the company that are not Bob's: 25 of 37, of which 13 are updates.
fn not_bobs() -> RowFilter {
    RowFilter::Only(Arc::new(|about: &RowAbout<'_>| about.actor != "bob"))
}

fn ask(columns: &Arc<Columns>, text: &str, filter: RowFilter) -> Result<Value, QueryError> {
    let answer = engine().query(columns, text, &Limits::default(), filter)?;
    Ok(Value::Array(answer.rows.into_iter().map(Value::Array).collect()))
}

#[test]
fn every_table_shows_only_what_may_be_seen() {
    let columns = columns(&company(37));
    let check = |text: &str, all: Value, seen: Value| {
        assert_eq!(ask(&columns, text, RowFilter::Everything).unwrap(), all, "{text}");
        assert_eq!(ask(&columns, text, not_bobs()).unwrap(), seen, "{text}");
        let nothing = RowFilter::Only(Arc::new(|_: &RowAbout<'_>| false));
        let columns =
            ask(&columns, &format!("SELECT count(*) FROM ({text}) x WHERE false"), nothing);
        assert_eq!(columns.unwrap(), json!([[0]]), "{text}");
    };
    check("SELECT count(*) FROM events", json!([[37]]), json!([[25]]));
    check("SELECT count(1) FROM events WHERE index >= 0", json!([[37]]), json!([[25]]));
    check("SELECT count(*) FROM changes", json!([[38]]), json!([[26]]));
    check("SELECT count(*) FROM entries", json!([[37]]), json!([[25]]));
    check("SELECT count(*) FROM checkpoints", json!([[1]]), json!([[0]]));
    check("SELECT count(*) FROM streams", json!([[3]]), json!([[0]]));
    check(
        "SELECT DISTINCT actor_id FROM events ORDER BY 1",
        json!([["alice"], ["bob"], ["carol"]]),
        json!([["alice"], ["carol"]]),
    );
    check(
        "SELECT DISTINCT actor_id FROM changes ORDER BY 1",
        json!([["alice"], ["bob"], ["carol"]]),
        json!([["alice"], ["carol"]]),
    );
    check("SELECT max(id) FROM events WHERE index < 2", json!([["e1"]]), json!([["e0"]]));
    check(
        "SELECT index FROM entries WHERE index < 4",
        json!([[0], [1], [2], [3]]),
        json!([[0], [2], [3]]),
    );
    check("SELECT index FROM entries ORDER BY index LIMIT 2", json!([[0], [1]]), json!([[0], [2]]));
    check("SELECT index FROM events ORDER BY index LIMIT 2", json!([[0], [1]]), json!([[0], [2]]));
    check(
        "SELECT count(*) FROM events a JOIN entries b USING (index)",
        json!([[37]]),
        json!([[25]]),
    );
    check(
        "SELECT count(*) FROM (SELECT index FROM events LIMIT 30) x",
        json!([[30]]),
        json!([[25]]),
    );
}

#[test]
fn gaps_are_scoped_too() {
    let gap =
        |id: &str| format!(r#"{{"action":"graven.gap","target":{{"type":"source","id":"{id}"}}}}"#);
    let (a, b) = (gap("a"), gap("b"));
    let own = |event| Made { event, auth: "log", stream: None };
    let columns = columns(&Memory::made(&[own(&a), own(&b)]));
    let about_a = RowFilter::Only(Arc::new(|about: &RowAbout<'_>| {
        about.targets == [("source".to_owned(), "a".to_owned())]
    }));
    let text = "SELECT index, target_id FROM gaps";
    assert_eq!(ask(&columns, text, RowFilter::Everything).unwrap(), json!([[0, "a"], [1, "b"]]));
    assert_eq!(ask(&columns, text, about_a).unwrap(), json!([[0, "a"]]));
}

/// Files and log tell a filter the same of an entry.
#[test]
fn every_table_asks_the_same() {
    let events = [
        r#"{"actor":{"type":"user","id":"u"},"action":"a","target":{"type":"t","id":"1"},"outcome":"success","changes":{"f":{}}}"#,
        r#"{"actor":{"id":7},"action":"b","target":[{"type":"t","id":"1"},{"type":"u","id":"2"},7],"changes":{"f":{}}}"#,
        r#"{"action":"c","target":{},"changes":{"f":{}}}"#,
        r#"{"action":"d","target":[],"changes":{"f":{}}}"#,
        r#"{"changes":{"f":{}}}"#,
    ];
    let made = events.iter().map(|event| Made { event, auth: "token", stream: Some(("s/1", 3)) });
    let columns = columns(&Memory::made(&made.collect::<Vec<_>>()));
    let told = |table: &str| {
        let told = Arc::new(std::sync::Mutex::new(Vec::new()));
        let into = Arc::clone(&told);
        let filter = RowFilter::Only(Arc::new(move |about: &RowAbout<'_>| {
            into.lock().unwrap().push(format!("{about:?}"));
            true
        }));
        ask(&columns, &format!("SELECT index FROM {table}"), filter).unwrap();
        let mut told = told.lock().unwrap().clone();
        told.sort();
        told
    };
    let of_events = told("events");
    assert_eq!(of_events.len(), 5);
    assert_eq!(told("changes"), of_events);
    assert_eq!(told("entries"), of_events);
}

/// A condition of the query never meets a row that its reader may not see: it could fail there, or take its time.
#[test]
fn conditions_come_after_the_filter() {
    let columns = columns(&company(37));
    for text in [
        "SELECT count(*) FROM events WHERE 10 / (index - 1) > 100",
        "SELECT count(*) FROM entries WHERE 10 / (index - 1) > 100",
        "SELECT sum(1 / (length(actor_id) - 3)) FROM events WHERE actor_id <> 'x'",
        "SELECT count(*) FROM changes WHERE 10 / (length(actor_id) - 3) > 100",
    ] {
        assert!(
            ask(&columns, text, RowFilter::Everything).is_err(),
            "{text}: it has nothing to fail on"
        );
        assert!(ask(&columns, text, not_bobs()).is_ok(), "{text}");
    }
}

#[test]
fn plans_are_for_who_sees_everything() {
    let columns = columns(&company(37));
    for how in ["", "ANALYZE", "VERBOSE", "FORMAT TREE"] {
        let text = format!("EXPLAIN {how} SELECT * FROM events");
        assert!(ask(&columns, &text, RowFilter::Everything).is_ok(), "{text}");
        let error = ask(&columns, &text, not_bobs()).unwrap_err();
        assert!(error.to_string().contains("entries that you may not see"), "{error}");
    }
}
