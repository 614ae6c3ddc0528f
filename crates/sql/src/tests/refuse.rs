//! What is refused: statements that do more than read, that cannot be read, and that want too much.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pgwire::api::portal::Format;
use tokio::sync::watch;

use super::{Memory, ask, columns, company, engine};
use crate::limits::{STATEMENT_BYTES_MAX, STATEMENT_TOKENS_MAX};
use crate::{Columns, Engine, Limits, PgAsked, Position, QueryError, Question, RowFilter};

/// Statements of the test that mangles them.
const MANGLED: usize = 400;

fn check(text: &str, code: &str, expected: &str) {
    check_on(&columns(&company(9)), text, code, expected);
}

fn check_on(columns: &Arc<Columns>, text: &str, code: &str, expected: &str) {
    let error = ask(columns, text).err();
    let shown: String = text.chars().take(100).collect();
    let error = error.unwrap_or_else(|| panic!("{shown}: it was answered"));
    assert_eq!(error.code(), code, "{shown}: {error}");
    assert!(error.to_string().contains(expected), "{shown}: {error}");
}

#[test]
fn what_writes_is_refused() {
    let read_only = "the log is read-only";
    for text in [
        "INSERT INTO events VALUES (1)",
        "INSERT INTO events SELECT * FROM events",
        "UPDATE events SET action = 'x'",
        "DELETE FROM events",
        "TRUNCATE TABLE events",
        "MERGE INTO events USING changes ON true WHEN MATCHED THEN DELETE",
        "DROP TABLE events",
        "DROP VIEW gaps",
        "ALTER TABLE events ADD COLUMN x INT",
        "CREATE TABLE x AS SELECT * FROM events",
        "CREATE VIEW x AS SELECT 1",
        "CREATE SCHEMA x",
        "CREATE DATABASE x",
        "CREATE INDEX i ON events (index)",
        "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "COPY events TO '/var/x.csv'",
        "COPY (SELECT 1) TO 's3://bucket/x' STORED AS PARQUET",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "BEGIN",
        "COMMIT",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "DEALLOCATE p",
        "ANALYZE TABLE events",
        "EXPLAIN INSERT INTO events VALUES (1)",
        "EXPLAIN ANALYZE COPY events TO '/var/x.csv'",
        "EXPLAIN EXPLAIN DROP TABLE events",
        "USE other",
        "SHOW ALL",
        "LOAD x",
        "CALL x()",
        "GRANT SELECT ON events TO bob",
        "KILL 1",
    ] {
        let error = ask(&columns(&company(1)), text).err();
        let error = error.unwrap_or_else(|| panic!("{text}: it was answered"));
        assert_eq!(error.code(), "bad_query", "{text}: {error}");
    }
    check("DROP TABLE events", "bad_query", read_only);
    check("EXPLAIN INSERT INTO events VALUES (1)", "bad_query", read_only);
    check("SELECT 1; DROP TABLE events", "bad_query", "there are 2 statements");
    check("", "bad_query", "there is no statement");
    check("-- nothing", "bad_query", "there is no statement");
    check("SELECT * INTO x FROM events", "bad_query", "");
    check("WITH x AS (DELETE FROM events RETURNING *) SELECT * FROM x", "bad_query", "");
}

/// Checked twice: what the parser's tree lets through, the plan does not.
#[test]
fn a_plan_that_writes_is_refused_too() {
    use datafusion::prelude::SessionContext;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for text in
        ["CREATE TABLE x (a INT)", "COPY (SELECT 1) TO '/nowhere' STORED AS PARQUET", "SET a.b = 1"]
    {
        let state = SessionContext::new().state();
        let plan = runtime.block_on(state.create_logical_plan(text)).unwrap();
        let error = crate::statement::check_plan(&plan, &RowFilter::Everything).unwrap_err();
        assert!(error.to_string().contains("read-only"), "{text}: {error}");
    }
}

#[test]
fn files_and_urls_are_no_tables() {
    for text in [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM 'file:///etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT * FROM 's3://bucket/x.parquet'",
        "SELECT * FROM 'https://example.com/x.csv'",
        "SELECT * FROM 'graven://lake/events'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('/etc/passwd')",
        "SELECT * FROM parquet_metadata('/etc/passwd')",
        "SELECT * FROM other.public.events",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT repeat('x', 1000000000)",
        "SELECT range(1, 1000000000)",
    ] {
        check(text, "bad_query", "");
    }
}

#[test]
fn a_fault_is_named_with_its_place() {
    let columns = columns(&company(9));
    let check = |text: &str, expected: &str, line: u64, column: u64| {
        check_on(&columns, text, "bad_query", expected);
        let Err(QueryError::Bad { position, .. }) = ask(&columns, text) else { panic!("{text}") };
        assert_eq!(position, Some(Position { line, column }), "{text}");
    };
    check("SELECT * FORM events", "cannot be read", 1, 10);
    check("SELECT *\nFROM events WHERE index = = 1", "cannot be read", 2, 27);
    check("SELECT 'open", "cannot be read", 1, 8);
    check("SELECT index, actr_id FROM events", "actr_id", 1, 15);
    check("SELECT *\nFROM evnts", "evnts", 2, 6);
}

#[test]
fn faults_of_values_are_the_askers() {
    check("SELECT 1 / 0", "bad_query", "ivide by zero");
    check("SELECT CAST(action AS INT) FROM events", "bad_query", "invoice");
    check("SELECT no_such(1)", "bad_query", "no_such");
    check("SELECT action + 1 FROM events", "bad_query", "");
    check("SELECT regexp_like(action, '(') FROM events", "bad_query", "");
    check(
        "SELECT count(*) FROM events WHERE regexp_like(action, '(((a{1000}){1000}){1000})')",
        "bad_query",
        "",
    );
}

#[test]
fn long_statements_are_refused() {
    let long = format!("SELECT '{}'", "x".repeat(STATEMENT_BYTES_MAX));
    check(&long, "query_limit", "the limit is 65536");
    let terms = vec!["index=1"; 100_000].join(" OR ");
    check(&format!("SELECT 1 FROM events WHERE {terms}"), "query_limit", "the limit is 65536");
    let many = vec!["1"; STATEMENT_TOKENS_MAX].join(",");
    check(&format!("SELECT 1 WHERE 1 IN ({many})"), "query_limit", "the limit is 2048");
}

/// A statement as long or as deep as it may be is answered or refused: its planning does not run out of stack.
#[test]
fn deep_statements_do_not_break_the_engine() {
    // Of its own: planning these takes the threads that other tests ask.
    let (engine, columns) = (Engine::start().unwrap(), columns(&company(9)));
    let ask_it =
        |text: &str| engine.query(&columns, text, &Limits::default(), RowFilter::Everything);
    let half = STATEMENT_TOKENS_MAX / 2 - 20;
    let quarter = STATEMENT_TOKENS_MAX / 4 - 20;
    let statements = [
        format!("SELECT {}", vec!["1"; half].join("+")),
        format!("SELECT index FROM events WHERE {}", vec!["index=1"; quarter].join(" OR ")),
        format!("SELECT index FROM events WHERE {}", vec!["id='a'"; quarter].join(" AND ")),
        format!("SELECT {}", vec!["'a'"; half].join("||")),
        vec!["SELECT 1"; quarter].join(" UNION ALL "),
        format!("SELECT {}1{}", "(".repeat(half), ")".repeat(half)),
        format!("SELECT {} true", "NOT ".repeat(half)),
        format!("SELECT {}1", "- ".repeat(half)),
        format!("SELECT {}1{}", "abs(".repeat(quarter), ")".repeat(quarter)),
        format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(300), " END".repeat(300)),
        format!("{}SELECT 1{}", "SELECT * FROM (".repeat(200), ") x".repeat(200)),
        format!("SELECT {}", vec!["1"; half].join(",")),
        format!("SELECT 1{}", "::INT".repeat(quarter)),
    ];
    for text in statements {
        let answer = ask_it(&text);
        let shown: String = text.chars().take(60).collect();
        if let Err(error) = answer {
            assert!(matches!(error.code(), "query_limit" | "bad_query"), "{shown}: {error}");
        }
    }
    assert!(ask_it("SELECT 1").is_ok());
}

#[test]
fn answers_have_limits() {
    let columns = columns(&company(37));
    let check = |text: &str, limits: &Limits, expected: &str| {
        let error = engine().query(&columns, text, limits, RowFilter::Everything).err();
        let error = error.unwrap_or_else(|| panic!("{text}: it was answered"));
        assert_eq!(error.code(), "query_limit", "{text}: {error}");
        assert!(error.to_string().contains(expected), "{text}: {error}");
    };
    let rows = Limits { rows: 36, ..Limits::default() };
    check("SELECT index FROM events", &rows, "more than 36 rows; add LIMIT");
    let exactly = Limits { rows: 37, ..Limits::default() };
    assert!(
        engine()
            .query(&columns, "SELECT index FROM events", &exactly, RowFilter::Everything)
            .is_ok()
    );
    let bytes = Limits { answer_bytes: 1_000, ..Limits::default() };
    check("SELECT * FROM events", &bytes, "more than 1000 bytes");
    let memory = Limits { memory_bytes: 1 << 20, ..Limits::default() };
    check(
        "SELECT count(*) FROM (SELECT DISTINCT a.value, b.value FROM generate_series(1, 1000) a, generate_series(1, 1000) b) x",
        &memory,
        "more memory than it may",
    );
}

#[test]
fn queries_without_end_end() {
    let (engine, columns) = (Engine::start().unwrap(), columns(&company(37)));
    let limits = Limits { time: Duration::from_millis(300), ..Limits::default() };
    for text in [
        "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE (a.value * b.value) % 7 = 3",
        "SELECT count(*) FROM events a, events b, events c, events d, events e, events f WHERE a.index + b.index + c.index + d.index + e.index + f.index = -1",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n FROM t) SELECT max(n) FROM t",
        "SELECT max(length(x)) FROM (SELECT regexp_replace(CAST(a.value AS VARCHAR), '(.*)(.*)(.*)x', 'y') AS x FROM generate_series(1, 100000000) a) y",
    ] {
        let error = engine.query(&columns, text, &limits, RowFilter::Everything).unwrap_err();
        assert_eq!(error.code(), "query_limit", "{text}: {error}");
        assert!(error.to_string().contains("longer than 0.3 s"), "{text}: {error}");
    }
    // What nobody waits for any more ends too, and gives its place back.
    let began = Instant::now();
    while engine.running() > 0 {
        assert!(began.elapsed() < Duration::from_mins(1), "queries run on");
        std::thread::yield_now();
    }
    let rows = "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT n FROM t";
    let error = ask(&columns, rows).unwrap_err();
    assert!(matches!(error, QueryError::Limit(_)), "{error}");
}

/// Nothing in the log makes a query fail: events of any shape lie in it.
#[test]
fn a_query_ends_with_its_asker() {
    let (engine, columns) = (Engine::start().unwrap(), columns(&company(9)));
    let text = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE a.value + b.value < 0";
    let (asker, gone) = watch::channel(());
    let (filter, limits) = (RowFilter::Everything, Limits::default());
    let question = Question { columns, filter, text: text.to_owned(), limits, gone: Some(gone) };
    let first = PgAsked { place: 0, parameters: None, format: Format::UnifiedText };
    let outcome = std::thread::scope(|scope| {
        let asked = scope.spawn(|| engine.pg_query("main", question, first));
        while engine.running() == 0 {
            std::thread::yield_now();
        }
        drop(asker);
        asked.join().unwrap()
    });
    assert_eq!(outcome.unwrap_err().to_string(), "its asker has gone");
}

#[test]
fn odd_events_do_not_break_queries() {
    let odd = [
        r#"{"action":7,"actor":[],"target":"x","time":{},"changes":[{}],"context":"c"}"#,
        r#"{"action":"a","target":[[[]],{}],"changes":{"":{"before":[],"after":{}}}}"#,
        r#"{"time":"9999-12-31T23:59:59Z","action":"\u0000"}"#,
        "{}",
    ];
    let columns = columns(&Memory::of(&odd));
    for text in [
        "SELECT * FROM events",
        "SELECT * FROM changes",
        "SELECT * FROM entries",
        "SELECT * FROM gaps",
    ] {
        assert!(ask(&columns, text).is_ok(), "{text}");
    }
}

/// Whatever is sent is answered or refused, in either grammar: the engine never breaks off.
#[test]
fn mangled_statements_are_answered_or_refused() {
    const SEEDS: [&str; 8] = [
        "SELECT actor_id, count(*) FROM events WHERE index < 9 GROUP BY 1 HAVING count(*) > 1 ORDER BY 2 DESC LIMIT 3",
        "WITH a AS (SELECT * FROM changes) SELECT e.index FROM events e LEFT JOIN a ON a.index = e.index",
        "SELECT CASE WHEN time > TIMESTAMP '2026-01-01' THEN 'x' ELSE NULL END, $1 FROM events",
        "SELECT sum(index) OVER (PARTITION BY action ORDER BY index ROWS 2 PRECEDING) FROM events",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r",
        "SELECT index FROM entries WHERE index IN (1, 2) OR bytes LIKE '%a%' UNION SELECT size FROM checkpoints",
        "SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = 'events'::regclass AND c.relname ~ '^e'",
        "SHOW server_version; SET x = 'y'; BEGIN; EXPLAIN SELECT ARRAY[1,2][1]; COMMIT",
    ];
    let columns = columns(&company(12));
    let mut state: u64 = 20_261_121;
    let mut draw = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut answered = 0;
    for round in 0..MANGLED {
        let mut words: Vec<&str> = SEEDS[round % SEEDS.len()].split(' ').collect();
        for _ in 0..draw(4) {
            let (from, to) = (draw(words.len()), draw(words.len()));
            match draw(4) {
                0 => drop(words.remove(from)),
                1 => words.swap(from, to),
                2 => words.insert(to, words[from]),
                _ => words[to] = SEEDS[draw(SEEDS.len())].split(' ').nth(draw(6)).unwrap_or("("),
            }
            if words.is_empty() {
                words.push("SELECT");
            }
        }
        let text = words.join(" ");
        let question = || Question {
            columns: Arc::clone(&columns),
            filter: RowFilter::Everything,
            text: text.clone(),
            limits: Limits::default(),
            gone: None,
        };
        let format = Format::UnifiedText;
        let first = PgAsked { place: 0, parameters: None, format };
        let asked = [
            ask(&columns, &text).map(drop),
            engine().pg_statements(text.clone()).map(drop),
            engine().pg_prepare("main", question()).map(drop),
            engine().pg_query("main", question(), first).map(drop),
        ];
        for outcome in asked {
            match outcome {
                Ok(()) => answered += 1,
                Err(error) => {
                    let told = error.to_string();
                    assert!(!told.contains("gave up"), "{round}: {text}: {told}");
                }
            }
        }
    }
    assert!(answered > MANGLED / 4, "{answered} answers: the statements are mangled too much");
}
