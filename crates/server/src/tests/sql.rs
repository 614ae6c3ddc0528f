//! SQL over HTTP: the same as a search finds, the tail too, within rights and limits, told in `system`.

use serde_json::{Value, json};

use super::site::{Ask, Reply, Site};

const PATH: &str = "/api/v1/logs/main/sql";

fn ask(site: &Site, query: &str) -> Reply {
    let body = json!({ "query": query }).to_string();
    site.post(PATH, "application/json", body.as_bytes())
}

/// A build without SQL says which command gives one that has it.
#[cfg(not(feature = "sql"))]
#[test]
fn a_build_without_sql_says_how_to_get_it() {
    let site = Site::start();
    let reply = ask(&site, "SELECT 1");
    let problem = reply.json();
    assert_eq!((reply.status, &problem["code"]), (503, &json!("unavailable")));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("`cargo build --release -p graven --features sql`"), "{detail}");
}

#[cfg(feature = "sql")]
mod with_sql {
    use std::time::Duration;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use graven_entry::Entry;
    use graven_merkle::{LeafIndex, TreeSize};
    use log::CellLimits;

    use super::*;

    fn event(actor: &str, outcome: &str, n: u64) -> String {
        json!({"actor": {"id": actor}, "action": "invoice.update", "outcome": outcome,
            "target": {"type": "invoice", "id": n.to_string()}, "changes": {"n": {"after": n}}})
        .to_string()
    }

    /// Appends events of one actor, every other one a failure; the index of the last.
    fn append(site: &Site, actor: &str, count: u64) -> u64 {
        let outcome = |n| if n % 2 == 0 { "success" } else { "failure" };
        (0..count).map(|n| site.append(&event(actor, outcome(n), n))).max().unwrap()
    }

    fn rows_of(reply: Reply) -> Value {
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["rows"].clone()
    }

    /// Asks for what there is up to an index.
    fn rows_at(site: &Site, index: u64, query: &str) -> Value {
        let body = json!({ "query": query }).to_string();
        let path = format!("{PATH}?wait={index}");
        rows_of(site.post(&path, "application/json", body.as_bytes()))
    }

    #[test]
    fn answers_are_those_of_a_search_and_go_as_far_as_they_say() {
        let site = Site::start();
        let last = append(&site, "alice", 5);
        let reply = site.post(
            &format!("{PATH}?wait={last}"),
            "application/json",
            br#"{"query":"SELECT outcome, count(*) AS n FROM events WHERE actor_id = 'alice' GROUP BY 1 ORDER BY 1"}"#,
        );
        let answer = reply.json();
        let columns = json!([{"name": "outcome", "type": "text"}, {"name": "n", "type": "bigint"}]);
        assert_eq!(answer["columns"], columns, "{answer}");
        assert_eq!(answer["rows"], json!([["failure", 2], ["success", 3]]));
        assert!(answer["indexed_through"].as_u64() > Some(last), "{answer}");
        let total = |query: &str| {
            let path = format!("/api/v1/logs/main/search?q={query}&wait={last}");
            site.get(&path).json()["total"].clone()
        };
        for (query, condition) in [
            ("actor:alice", "actor_id = 'alice'"),
            ("outcome:failure", "outcome = 'failure'"),
            ("target:invoice/3", "target_type = 'invoice' AND target_id = '3'"),
            ("*", "true"),
        ] {
            let rows =
                rows_at(&site, last, &format!("SELECT count(*) FROM events WHERE {condition}"));
            assert_eq!(rows, json!([[total(query)]]), "{query}");
        }
        let raw = rows_at(&site, last, &format!("SELECT bytes FROM entries WHERE index = {last}"));
        let entry = site.cell.log("main").unwrap().entry(LeafIndex(last)).unwrap();
        let bytes = STANDARD.encode(entry);
        assert_eq!(raw, json!([[bytes]]));
    }

    /// Segments that are sealed and a tail that is not, after a restart, and after all of it was deleted.
    #[test]
    fn restarted_or_deleted_the_columns_say_the_same() {
        let mut site = Site::start();
        let last = append(&site, "alice", 30);
        let query = "SELECT * FROM events ORDER BY index";
        let expected = rows_at(&site, last, query);
        assert_eq!(expected.as_array().unwrap().len() as u64, last + 1);
        for is_deleted in [false, true] {
            site.stop();
            site.join();
            if is_deleted {
                std::fs::remove_dir_all(site.derived().parent().unwrap()).unwrap();
            }
            site.reopen(CellLimits::default());
            assert_eq!(rows_at(&site, last, query), expected);
        }
        // Columns of another log are set aside.
        site.stop();
        site.join();
        let lake = site.derived().join("lake");
        let other = site.derived().parent().unwrap().join("system/lake");
        std::fs::remove_dir_all(&lake).unwrap();
        std::fs::rename(&other, &lake).unwrap();
        site.reopen(CellLimits::default());
        assert_eq!(rows_at(&site, last, query), expected);
    }

    /// The status, the code, and a part of the detail.
    type Refused<'a> = (&'a str, u16, &'a str, &'a str);

    #[test]
    fn what_does_more_than_read_is_refused() {
        let site = Site::start();
        let last = append(&site, "alice", 3);
        rows_at(&site, last, "SELECT 1");
        let long = format!("SELECT {} 1", "1 + ".repeat(2_000));
        let rows: [Refused; 16] = [
            ("COPY events TO 'x.csv'", 400, "bad_query", "read-only"),
            ("COPY (SELECT 1) TO 's3://x/y'", 400, "bad_query", "read-only"),
            ("SELECT * FROM read_csv('/etc/passwd')", 400, "bad_query", "read_csv"),
            ("SELECT * FROM '/etc/passwd'", 400, "bad_query", "passwd"),
            ("SELECT * FROM \"http://example.com/x.parquet\"", 400, "bad_query", "example"),
            (
                "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
                400,
                "bad_query",
                "read-only",
            ),
            ("CREATE TABLE x AS SELECT 1", 400, "bad_query", "read-only"),
            ("INSERT INTO events SELECT * FROM events", 400, "bad_query", "read-only"),
            ("UPDATE events SET action = 'x'", 400, "bad_query", "read-only"),
            ("DROP TABLE events", 400, "bad_query", "read-only"),
            ("SET datafusion.execution.batch_size = 1", 400, "bad_query", "read-only"),
            ("SELECT 1; SELECT 2", 400, "bad_query", "2 statements"),
            ("SELECT nothing FROM events", 400, "bad_query", "nothing"),
            ("SELECT repeat('x', 1000000000)", 400, "bad_query", "repeat"),
            (&long, 422, "query_limit", "words and signs"),
            (
                "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
                422,
                "query_limit",
                "more than 10000 rows",
            ),
        ];
        for (query, status, code, detail) in rows {
            let reply = ask(&site, query);
            let problem = reply.json();
            assert_eq!(
                (reply.status, &problem["code"]),
                (status, &json!(code)),
                "{query}: {problem}"
            );
            assert_eq!(problem["field"], "query", "{query}");
            assert!(problem["detail"].as_str().unwrap().contains(detail), "{query}: {problem}");
        }
        for (body, code) in [("{}", "bad_json"), (r#"{"query":"SELECT 1","x":1}"#, "bad_json")] {
            let reply = site.post(PATH, "application/json", body.as_bytes());
            assert_eq!((reply.status, &reply.json()["code"]), (400, &json!(code)));
        }
        assert_eq!(site.post(PATH, "text/plain", b"SELECT 1").status, 415);
        assert_eq!(
            rows_of(ask(&site, "SELECT count(*) FROM events WHERE actor_id = 'alice'")),
            json!([[3]])
        );
    }

    fn token(site: &Site, role: &str) -> String {
        let create = json!({"name": format!("a-{role}"), "role": role}).to_string();
        let made = site.post("/api/v1/tokens", "application/json", create.as_bytes());
        format!("Bearer {}", made.json()["token"].as_str().unwrap())
    }

    fn ask_as(site: &Site, token: &str, query: &str) -> Reply {
        let body = json!({ "query": query }).to_string();
        let ask = Ask::post(PATH, "application/json", body.as_bytes());
        site.ask(&ask.anonymous().with("authorization", token))
    }

    /// Whatever a policy asks for, the tables show what reading entry by entry shows, and nothing else is counted.
    #[test]
    fn a_narrowed_reader_is_told_of_what_it_may_read() {
        let site = Site::start();
        append(&site, "alice", 6);
        let last = append(&site, "bob", 5);
        let last = site
            .append(r#"{"actor":{"id":"carol"},"action":"x","target":[{"id":"1"},{"type":"invoice","id":"z"}]}"#)
            .max(last);
        let reader = token(&site, "reader");
        let clauses = r#"principal in Role::"reader", action == Action::"read_entries", resource"#;
        for condition in [
            r#"context.event.outcome == "failure""#,
            r#"context.event.outcome like "*ure""#,
            r#"context.event.actor == "alice""#,
            r#"context.event.targets.contains("z")"#,
            r#"context.event.action != "invoice.update""#,
        ] {
            let text = format!("forbid({clauses}) when {{ {condition} }};");
            let policy = json!({ "text": text }).to_string();
            let set = site.post("/api/v1/policies/narrow", "application/json", policy.as_bytes());
            assert_eq!(set.status, 200, "{condition}: {}", set.text());
            rows_at(&site, last, "SELECT 1");
            let is_shown = |index: &u64| {
                let path = format!("/api/v1/logs/main/entries/{index}");
                let ask = Ask::get(&path).anonymous().with("authorization", &reader);
                site.ask(&ask).status == 200
            };
            let shown: Vec<u64> = (0..=last).filter(is_shown).collect();
            assert!(!shown.is_empty() && shown.len() as u64 <= last, "{condition}: {shown:?}");
            let told = |query: &str| rows_of(ask_as(&site, &reader, query));
            let indexes: Vec<Value> = shown.iter().map(|index| json!([index])).collect();
            for table in ["events", "entries"] {
                let all = format!("SELECT index FROM {table} ORDER BY index");
                assert_eq!(told(&all), json!(indexes), "{condition}");
                let count = format!("SELECT count(*) FROM {table}");
                assert_eq!(told(&count), json!([[shown.len()]]), "{condition}");
            }
            assert_eq!(told("SELECT count(*) FROM streams"), json!([[0]]));
            assert_eq!(told("SELECT count(*) FROM checkpoints"), json!([[0]]));
            assert_eq!(ask_as(&site, &reader, "EXPLAIN SELECT 1").status, 400);
        }
        let writer = token(&site, "writer");
        let reply = ask_as(&site, &writer, "SELECT 1");
        assert_eq!((reply.status, &reply.json()["code"]), (403, &json!("forbidden")));
    }

    /// Longest wait for an entry that has to come.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn statements_are_told_with_how_many_rows_they_gave() {
        let site = Site::start();
        let last = append(&site, "alice", 3);
        let system = site.cell.log("system").unwrap();
        let mut next = system.info().size.0;
        let long =
            format!("SELECT index FROM events WHERE actor_id <> '{}' LIMIT 2", "x".repeat(2_000));
        rows_at(&site, last, &long);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let event = loop {
            let more = system.wait_past(TreeSize(next));
            let more = async { tokio::time::timeout(PATIENCE, more).await };
            runtime.block_on(more).expect("the statement is told");
            let entry = system.entry(LeafIndex(next)).unwrap();
            let event: Value = serde_json::from_slice(Entry::parse(&entry).unwrap().event).unwrap();
            next += 1;
            if event["action"] == "graven.search" {
                break event;
            }
        };
        let data = &event["data"];
        assert_eq!((&data["detail"], &data["results"]), (&json!("sql"), &json!(2)), "{event}");
        assert_eq!(data["queries"], json!([&long[..1_024]]));
    }

    #[test]
    fn a_log_made_later_has_columns_and_metrics_say_how_far() {
        let site = Site::start();
        assert_eq!(site.post("/api/v1/logs", "application/json", br#"{"name":"new"}"#).status, 201);
        let path = "/api/v1/logs/new/events";
        let reply = site.post(path, "application/json", event("eve", "success", 1).as_bytes());
        assert_eq!(reply.status, 200, "{}", reply.text());
        let body = br#"{"query":"SELECT actor_id FROM events WHERE NOT is_own"}"#;
        let path = "/api/v1/logs/new/sql?wait=1";
        assert_eq!(rows_of(site.post(path, "application/json", body)), json!([["eve"]]));
        let auditor = token(&site, "auditor");
        let metrics = site.ask(&Ask::get("/metrics").anonymous().with("authorization", &auditor));
        for line in
            ["graven_columns_through{log=\"new\"} 2\n", "graven_columns_lag{log=\"new\"} 0\n"]
        {
            assert!(metrics.text().contains(line), "{line} in {}", metrics.text());
        }
    }

    /// A log to which nothing comes keeps little in memory; a file that cannot be read any more costs one answer, and is made
    /// anew from the log.
    #[test]
    fn a_damaged_file_is_made_anew() {
        let site = Site::start();
        let long = "x".repeat(50_000);
        let event = json!({"actor": {"id": "alice"}, "action": "x", "reason": long}).to_string();
        let last = (0..25).map(|_| site.append(&event)).max().unwrap();
        let ask_length = "SELECT sum(length(reason)) FROM events WHERE actor_id = 'alice'";
        assert_eq!(rows_at(&site, last, ask_length), json!([[25 * 50_000]]));
        let lake = site.derived().join("lake");
        let named = || std::fs::read_to_string(lake.join("manifest.ndjson")).unwrap_or_default();
        let since = std::time::Instant::now();
        while !named().contains("events/segment=00000000/") {
            assert!(since.elapsed() < PATIENCE, "it does not come to rest");
            std::thread::yield_now();
        }
        assert_eq!(rows_of(ask(&site, ask_length)), json!([[25 * 50_000]]));
        let mut files = std::fs::read_dir(lake.join("events/segment=00000000")).unwrap();
        let file = files.next().unwrap().unwrap().path();
        std::fs::write(&file, "no parquet").unwrap();
        let reply = ask(&site, ask_length);
        assert_eq!((reply.status, &reply.json()["code"]), (503, &json!("unavailable")));
        while ask(&site, ask_length).status == 503 {}
        assert_eq!(rows_of(ask(&site, ask_length)), json!([[25 * 50_000]]));
    }
}
