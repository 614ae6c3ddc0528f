//! Rows out of entries: every field in its column, and any event without a panic.

use graven_merkle::EMPTY_ROOT;

use super::{Made, entry};
use crate::filter::RowAbout;
use crate::row::{Cell, EntryRow};
use crate::table::Table;

/// A row as `column=value` words, nulls left out.
fn words(table: Table, cells: &[Cell<'_>]) -> Vec<String> {
    let columns = table.columns().iter().zip(cells);
    columns
        .filter_map(|((name, _), cell)| match cell {
            Cell::Null => None,
            Cell::Int(value) | Cell::Time(value) => Some(format!("{name}={value}")),
            Cell::Text(value) => Some(format!("{name}={value}")),
            Cell::Flag(value) => Some(format!("{name}={value}")),
        })
        .collect()
}

/// What the event gives beside the columns of its header.
fn event_words(event: &str) -> Vec<String> {
    let bytes = entry(0, EMPTY_ROOT, &Made { event, auth: "token", stream: None });
    let row = EntryRow::read(0, &bytes);
    let of_header = ["index", "time", "writer", "auth", "grade", "is_own"];
    let mut words = words(Table::Events, &row.event());
    words.retain(|word| !of_header.contains(&word.split('=').next().unwrap()));
    words
}

fn change_words(event: &str) -> Vec<String> {
    let bytes = entry(0, EMPTY_ROOT, &Made { event, auth: "token", stream: None });
    let row = EntryRow::read(0, &bytes);
    let of_change = ["field", "before", "after", "sealed"];
    let rows = row.changes().map(|cells| {
        let mut words = words(Table::Changes, &cells);
        words.retain(|word| of_change.contains(&word.split('=').next().unwrap()));
        words.join(" ")
    });
    rows.collect()
}

#[test]
fn the_header_gives_its_columns() {
    let made = Made { event: r#"{"action":"a"}"#, auth: "log", stream: Some(("db/main", 5)) };
    let bytes = entry(1, EMPTY_ROOT, &made);
    let expected = [
        "index=1",
        "time=1795215301000000001",
        "writer=billing-api",
        "auth=log",
        "grade=signed",
        "stream=db/main",
        "seq=5",
        "is_own=true",
        "action=a",
        "altered=compacted",
    ];
    assert_eq!(words(Table::Events, &EntryRow::read(1, &bytes).event()), expected);
}

#[test]
fn an_event_gives_its_columns() {
    let check =
        |event: &str, expected: &[&str]| assert_eq!(event_words(event), expected, "{event}");
    check(
        r#"{"id":"x","time":"2026-11-20T22:55:01.12Z","actor":{"type":"user","id":"u","name":"U","session":"s","on_behalf_of":"o"},"action":"a.b","target":{"type":"t","id":"1","name":"n"},"outcome":"denied","reason":"r","context":{"trace_id":"ti","span_id":"si","request_id":"ri","ip":"10.0.0.1","user_agent":"ua"},"data":{"k":1}}"#,
        &[
            "event_time=1795215301120000000",
            "id=x",
            "actor_type=user",
            "actor_id=u",
            "actor_name=U",
            "actor_session=s",
            "actor_on_behalf_of=o",
            "action=a.b",
            "target_type=t",
            "target_id=1",
            "target_name=n",
            "outcome=denied",
            "reason=r",
            "trace_id=ti",
            "span_id=si",
            "request_id=ri",
            "ip=10.0.0.1",
            "user_agent=ua",
        ],
    );
    // Escapes are read; other types than text are null.
    check(
        r#"{"id":7,"actor":"u","action":"a\u00e9\"","outcome":null,"context":[1]}"#,
        &["action=aé\""],
    );
    check("{}", &[]);
    check(
        r#"{"target":[{"type":"t","id":"1"},{"id":"2"},7]}"#,
        &["target_type=t", "target_id=1", r#"more_targets=[{"id":"2"},7]"#],
    );
    check(r#"{"target":[]}"#, &[]);
    check(r#"{"target":{"id":7}}"#, &["more_targets=[]"]);
}

#[test]
fn times_that_do_not_fit_are_null() {
    let check = |time: &str, expected: Option<i64>| {
        let expected: Vec<String> =
            expected.map(|ns| format!("event_time={ns}")).into_iter().collect();
        assert_eq!(event_words(&format!(r#"{{"time":"{time}"}}"#)), expected, "{time}");
    };
    check("1970-01-01T00:00:00.000000001Z", Some(1));
    check("1970-01-01T02:00:00+02:00", Some(0));
    check("1960-01-01T00:00:00Z", Some(-315_619_200_000_000_000));
    check("2262-04-11T23:47:16.854775807Z", Some(i64::MAX));
    check("2262-04-11T23:47:16.854775808Z", None);
    check("1677-01-01T00:00:00Z", None);
    check("9999-12-31T23:59:59Z", None);
    check("2026-11-20", None);
    check("yesterday", None);
    check("", None);
}

#[test]
fn changes_keep_the_text_of_values() {
    let check = |changes: &str, expected: &[&str]| {
        assert_eq!(change_words(&format!(r#"{{"changes":{changes}}}"#)), expected, "{changes}");
    };
    check(
        r#"{"a":{"before":1.50,"after":1e400},"b":{"after":{"x":[null,"y"]}}}"#,
        &["field=a before=1.50 after=1e400 sealed=0", r#"field=b after={"x":[null,"y"]} sealed=0"#],
    );
    // JSON's null was said; nothing was not.
    check(r#"{"a":{"before":null}}"#, &["field=a before=null sealed=0"]);
    check(r#"{"a":{"before":1,"_sd":["d"]}}"#, &["field=a before=1 sealed=1"]);
    check(r#"{"a":{"_sd":["d","e"]}}"#, &["field=a sealed=2"]);
    check(r#"{"_sd":["d"]}"#, &["sealed=1"]);
    check(r#"{"a":7,"b":[]}"#, &["field=a sealed=0", "field=b sealed=0"]);
    check("[1]", &[]);
    check("7", &[]);
}

#[test]
fn only_the_logs_own_data_is_kept() {
    let check = |auth: &str, expected: bool| {
        let made = Made { event: r#"{"action":"graven.gap","data":{"k":1}}"#, auth, stream: None };
        let bytes = entry(0, EMPTY_ROOT, &made);
        let words = words(Table::Events, &EntryRow::read(0, &bytes).event());
        assert_eq!(words.contains(&r#"data={"k":1}"#.to_owned()), expected, "{auth}");
    };
    check("log", true);
    check("token", false);
}

#[test]
fn a_filter_is_told_every_target() {
    let check = |target: &str, expected: &[(&str, &str)]| {
        let event =
            format!(r#"{{"actor":{{"type":"user","id":"u"}},"action":"a","target":{target}}}"#);
        let made = Made { event: &event, auth: "token", stream: Some(("s", 0)) };
        let bytes = entry(0, EMPTY_ROOT, &made);
        let targets = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let expected = RowAbout {
            writer: "billing-api",
            stream: "s",
            action: "a",
            actor_type: "user",
            actor: "u",
            outcome: "",
            targets,
        };
        assert_eq!(EntryRow::read(0, &bytes).about(), expected, "{target}");
    };
    check(r#"{"type":"t","id":"1"}"#, &[("t", "1")]);
    check(r#"[{"type":"t","id":"1"},{"id":"2"},7]"#, &[("t", "1"), ("", "2"), ("", "")]);
    check("[]", &[]);
    check("{}", &[("", "")]);
    check("[7]", &[("", "")]);
    check("7", &[]);
}

/// Whatever lies in a log, its rows are made without a panic.
#[test]
fn any_bytes_give_rows() {
    let whole = entry(
        3,
        EMPTY_ROOT,
        &Made {
            event: r#"{"actor":{"id":"é"},"target":[{"id":"1"}],"changes":{"a":{"before":"\ud83d\ude00","_sd":["x"]}}}"#,
            auth: "token",
            stream: None,
        },
    );
    let read = |bytes: &[u8]| {
        let row = EntryRow::read(3, bytes);
        assert_eq!(row.event()[0], Cell::Int(3));
        let _ = (row.about(), row.changes().count());
    };
    for end in 0..=whole.len() {
        read(&whole[..end]);
    }
    for at in 0..whole.len() {
        for byte in [0, b'"', b'{', b'\\', b'\n', 0xFF] {
            let mut changed = whole.clone();
            changed[at] = byte;
            read(&changed);
        }
    }
}
