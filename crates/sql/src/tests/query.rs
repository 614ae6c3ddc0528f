//! Queries: every table, every type, and that a query sees everything indexed, wherever it lies.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use graven_merkle::{TreeSize, leaf_hash};
use serde_json::{Value, json};

use super::{Made, Memory, ask, columns, company, disk, engine, follow, open, place, rows};
use crate::{Columns, Limits, RowFilter};

/// 37 entries in files of 8: four files and a tail.
fn check(text: &str, expected: Value) {
    assert_eq!(rows(&columns(&company(37)), text), expected, "{text}");
}

#[test]
fn files_and_tail_are_one_table() {
    check("SELECT count(*) FROM events", json!([[37]]));
    check(
        "SELECT count(*), count(DISTINCT index), min(index), max(index) FROM events",
        json!([[37, 37, 0, 36]]),
    );
    check("SELECT count(*) FROM changes", json!([[38]]));
    check(
        "SELECT index, actor_id FROM events WHERE index IN (7, 8, 31, 32, 36) ORDER BY index",
        json!([[7, "bob"], [8, "carol"], [31, "bob"], [32, "carol"], [36, "alice"]]),
    );
    check("SELECT index FROM events WHERE id = 'e35'", json!([[35]]));
    check("SELECT index FROM events WHERE id = 'e3'", json!([[3]]));
    check("SELECT index FROM events ORDER BY index DESC LIMIT 3", json!([[36], [35], [34]]));
    check("SELECT index FROM events ORDER BY index LIMIT 2 OFFSET 7", json!([[7], [8]]));
    check(
        "SELECT actor_id, count(*) AS n FROM events GROUP BY actor_id ORDER BY n DESC, actor_id",
        json!([["alice", 13], ["bob", 12], ["carol", 12]]),
    );
    check(
        "SELECT e.action, count(c.field) FROM events e LEFT JOIN changes c ON c.index = e.index AND c.field = 'amount' GROUP BY 1 ORDER BY 1",
        json!([["invoice.read", 0], ["invoice.update", 19]]),
    );
    check(
        "WITH last AS (SELECT target_id, max(index) AS index FROM events GROUP BY target_id) SELECT count(*) FROM last JOIN events USING (index)",
        json!([[7]]),
    );
}

#[test]
fn numbers_keep_their_text_and_sealed_values_are_closed() {
    check(
        "SELECT field, before, after, sealed FROM changes WHERE index = 2 ORDER BY field",
        json!([["amount", "200", "200.50", 0], ["iban", null, null, 1]]),
    );
    check("SELECT sum(CAST(after AS DOUBLE)) FROM changes WHERE index < 4", json!([[201.0]]));
}

#[test]
fn times_compare_and_are_shown_whole() {
    check(
        "SELECT time, event_time FROM events WHERE index = 36",
        json!([["2026-11-20T22:55:36.000000036Z", null]]),
    );
    check(
        "SELECT count(*) FROM events WHERE time >= '2026-11-20T22:55:10Z' AND time < '2026-11-20T22:55:20Z'",
        json!([[10]]),
    );
    check(
        "SELECT date_trunc('minute', time) AS minute, count(*) FROM events GROUP BY 1",
        json!([["2026-11-20T22:55:00.000000000Z", 37]]),
    );
}

#[test]
fn values_are_json() {
    check(
        "SELECT 1, -1, 9007199254740991, 9007199254740992, -9007199254740992, CAST(18446744073709551615 AS BIGINT UNSIGNED)",
        json!([[
            1,
            -1,
            9_007_199_254_740_991_i64,
            "9007199254740992",
            "-9007199254740992",
            "18446744073709551615"
        ]]),
    );
    check(
        "SELECT 1.5, CAST('NaN' AS DOUBLE), CAST('-inf' AS DOUBLE)",
        json!([[1.5, "NaN", "-inf"]]),
    );
    check(
        "SELECT CAST(1.50 AS DECIMAL(10, 2)), true, NULL, 'a\"b'",
        json!([["1.50", true, null, "a\"b"]]),
    );
    check(
        "SELECT [1, 2], named_struct('a', 1), DATE '2026-11-20'",
        json!([[[1, 2], {"a": 1}, "2026-11-20"]]),
    );
    check("SELECT X'00ff'", json!([["AP8="]]));
}

#[test]
fn columns_have_names_and_types() {
    let answer =
        ask(&columns(&company(1)), "SELECT index, time, is_own, action AS a, 1.5 AS f FROM events");
    let answer = answer.unwrap();
    let kinds: Vec<String> =
        answer.columns.iter().map(|c| format!("{} {}", c.name, c.kind)).collect();
    assert_eq!(kinds, ["index bigint", "time timestamp", "is_own boolean", "a text", "f double"]);
    assert_eq!(answer.indexed_through, TreeSize(1));
}

#[test]
fn entries_are_the_log() {
    let log = company(37);
    let columns = columns(&log);
    let all = log.entries.lock().unwrap().clone();
    for (at, bytes) in all.iter().enumerate() {
        let expected =
            json!([[at, STANDARD.encode(leaf_hash(bytes).as_bytes()), STANDARD.encode(bytes)]]);
        let text = format!("SELECT * FROM entries WHERE index = {at}");
        assert_eq!(rows(&columns, &text), expected);
    }
    let check = |text: &str, expected: Value| assert_eq!(rows(&columns, text), expected, "{text}");
    check("SELECT count(*) FROM entries", json!([[37]]));
    check("SELECT index FROM entries WHERE index BETWEEN 35 AND 90", json!([[35], [36]]));
    check(
        "SELECT index FROM entries WHERE index IN (36, 2) OR index < 1 ORDER BY 1",
        json!([[0], [2], [36]]),
    );
    check(
        "SELECT index FROM entries WHERE index > 3 AND index % 10 = 5 ORDER BY 1",
        json!([[5], [15], [25], [35]]),
    );
    check("SELECT index FROM entries WHERE 36 <= index", json!([[36]]));
    check("SELECT index FROM entries WHERE index < -1 OR index > 9000000000000", json!([]));
    check("SELECT count(*) FROM (SELECT * FROM entries LIMIT 5) x", json!([[5]]));
    check(
        "SELECT count(*) FROM entries WHERE CAST(bytes AS VARCHAR) LIKE '%\"actor\":{\"type\":\"user\",\"id\":\"bob\"}%'",
        json!([[12]]),
    );
}

/// A range of indexes reads only its entries: the rest of the log may be as large as it likes.
#[test]
fn entries_are_read_in_their_range_only() {
    struct Counted(Arc<Memory>, std::sync::Mutex<Vec<u64>>);
    impl crate::EntrySource for Counted {
        fn size(&self) -> TreeSize {
            self.0.size()
        }
        fn read(
            &self,
            from: graven_merkle::LeafIndex,
            count: usize,
        ) -> Result<Vec<(graven_merkle::LeafIndex, Vec<u8>)>, crate::SourceError> {
            let read = self.0.read(from, count)?;
            self.1.lock().unwrap().extend(read.iter().map(|(index, _)| index.0));
            Ok(read)
        }
        fn checkpoint(&self) -> Result<Vec<u8>, crate::SourceError> {
            self.0.checkpoint()
        }
        fn streams(&self, after: Option<&str>, limit: usize) -> Vec<crate::StreamNow> {
            self.0.streams(after, limit)
        }
    }
    let source = Arc::new(Counted(company(37), std::sync::Mutex::default()));
    let columns = Columns::open_place(place(&disk(0), 8), Arc::clone(&source) as _).unwrap();
    follow(&columns, TreeSize(37));
    let columns = Arc::new(columns);
    let check = |condition: &str, expected: std::ops::Range<u64>| {
        source.1.lock().unwrap().clear();
        ask(&columns, &format!("SELECT index FROM entries WHERE {condition}")).unwrap();
        assert_eq!(*source.1.lock().unwrap(), expected.collect::<Vec<_>>(), "{condition}");
    };
    check("index = 5", 5..6);
    check("index >= 5 AND index <= 6", 5..7);
    check("index > 30 AND length(bytes) > 3", 31..37);
    check("index IN (3, 9, 6, 12)", 3..13);
    check("length(bytes) > 3", 0..37);
    check("index = 5 OR length(bytes) > 3", 0..37);
}

#[test]
fn checkpoints_streams_and_gaps() {
    let gap = r#"{"action":"graven.gap","target":{"type":"source","id":"db/main"},"reason":"slot lost","data":{"from":"0/1","to":"0/9"}}"#;
    let plain = r#"{"action":"graven.gap"}"#;
    let log = Memory::made(&[
        Made { event: r#"{"action":"a"}"#, auth: "token", stream: None },
        Made { event: gap, auth: "log", stream: None },
        Made { event: plain, auth: "token", stream: None },
    ]);
    let columns = columns(&log);
    let check = |text: &str, expected: Value| assert_eq!(rows(&columns, text), expected, "{text}");
    let root = STANDARD.encode([7; 32]);
    check("SELECT origin, size, root FROM checkpoints", json!([["test.example/log", 3, root]]));
    check(
        "SELECT stream, next_seq, cursor FROM streams ORDER BY 1",
        json!([["a/1", 3, null], ["b/2", 3, "0/16B3748"], ["c/3", 3, null]]),
    );
    check(
        "SELECT index, target_type, target_id, reason, data FROM gaps",
        json!([[1, "source", "db/main", "slot lost", r#"{"from":"0/1","to":"0/9"}"#]]),
    );
}

#[test]
fn explain_describe_and_show() {
    let columns = columns(&company(9));
    let check = |text: &str, expected: &str| {
        let shown = rows(&columns, text).to_string();
        assert!(shown.contains(expected), "{text}: {shown}");
    };
    check("EXPLAIN SELECT count(*) FROM events WHERE id = 'x'", "FilterExec");
    check("EXPLAIN ANALYZE SELECT count(*) FROM events WHERE id = 'x'", "metrics");
    check("DESCRIBE events", "on_behalf_of");
    check("SHOW TABLES", "gaps");
    check("SHOW COLUMNS FROM changes", "sealed");
    check("SELECT table_name FROM information_schema.tables", "entries");
}

/// What a query sees grows with the columns, and each query sees one moment.
#[test]
fn an_answer_says_how_far_it_goes() {
    let log = company(20);
    let columns = Columns::open_place(place(&disk(0), 8), Arc::clone(&log) as _).unwrap();
    let columns = Arc::new(columns);
    for size in [0, 1, 8, 9, 20] {
        follow(&columns, TreeSize(size));
        let text = "SELECT (SELECT count(*) FROM events) AS a, (SELECT count(*) FROM entries) AS b, (SELECT count(DISTINCT index) FROM changes) AS c";
        let answer = ask(&columns, text).unwrap();
        assert_eq!(answer.indexed_through, TreeSize(size));
        assert_eq!(answer.rows, [[size, size, size.div_ceil(2)].map(Value::from)]);
    }
}

/// Queries run side by side with the follower, and each is of one moment.
#[test]
fn queries_run_while_the_columns_grow() {
    let log = company(200);
    let columns = Columns::open_place(place(&disk(0), 16), Arc::clone(&log) as _).unwrap();
    let columns = Arc::new(columns);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for size in 0..=200 {
                follow(&columns, TreeSize(size));
            }
        });
        let mut seen = 0;
        while seen < 200 {
            let answer =
                ask(&columns, "SELECT count(*), count(id), max(index) + 1 FROM events").unwrap();
            seen = answer.indexed_through.0;
            let last = if seen == 0 { Value::Null } else { seen.into() };
            assert_eq!(answer.rows, [[seen.into(), seen.into(), last]]);
        }
    });
}

#[test]
fn one_engine_answers_for_many_logs() {
    let (one, other) = (columns(&company(3)), open(&disk(1), &company(30)));
    for (columns, count) in [(&one, 3), (&other, 30), (&one, 3)] {
        let limits = Limits::default();
        let answer =
            engine().query(columns, "SELECT count(*) FROM events", &limits, RowFilter::Everything);
        assert_eq!(answer.unwrap().rows, [[Value::from(count)]]);
    }
}
