//! Search over HTTP: what is found, counted, refused and told.

use std::time::Duration;

use graven_entry::Entry;
use graven_merkle::{Hash, LeafIndex, TreeSize, leaf_hash, verify_inclusion_of_many};
use graven_note::{Checkpoint, Note};
use index::{Derived as _, Index};
use serde_json::{Value, json};

use super::site::{Ask, Reply, Site};
use crate::ServerLimits;

fn event(actor: &str, n: u64) -> String {
    let outcome = if n.is_multiple_of(2) { "success" } else { "failure" };
    json!({"actor": {"type": "user", "id": actor}, "action": "invoice.update", "outcome": outcome,
        "data": {"n": n}})
    .to_string()
}

/// Appends to `main` and gives the first index and the last.
fn append(site: &Site, actor: &str, count: u64) -> (u64, u64) {
    let indexes: Vec<u64> = (0..count).map(|n| site.append(&event(actor, n))).collect();
    (indexes[0], indexes[indexes.len() - 1])
}

fn search(site: &Site, query: &str) -> Reply {
    site.get(&format!("/api/v1/logs/main/search?{query}"))
}

fn found(site: &Site, query: &str) -> Value {
    let reply = search(site, query);
    assert_eq!(reply.status, 200, "{query}: {}", reply.text());
    reply.json()
}

fn indexes(answer: &Value) -> Vec<u64> {
    let results = answer["results"].as_array().unwrap();
    results.iter().map(|result| result["index"].as_u64().unwrap()).collect()
}

#[test]
fn what_was_appended_is_found_as_the_log_has_it() {
    let site = Site::start();
    let (first, last) = append(&site, "alice", 4);
    append(&site, "bob", 3);
    let wait = format!("wait={}", last + 3);
    let answer = found(&site, &format!("q=actor:alice&{wait}"));
    assert_eq!(indexes(&answer), (first..=last).rev().collect::<Vec<_>>());
    assert_eq!((&answer["total"], &answer["next"]), (&json!(4), &Value::Null));
    assert!(answer["indexed_through"].as_u64() > Some(last + 3), "{answer}");
    let counted: Vec<_> = answer["facets"].as_object().unwrap().keys().collect();
    assert_eq!(counted, ["action", "actor.id", "outcome", "target.type"]);
    let buckets = answer["histogram"].as_array().unwrap();
    assert_eq!(buckets.iter().filter_map(|one| one["count"].as_u64()).sum::<u64>(), 4);
    let plain = found(&site, "q=actor:alice&facets=&histogram=false");
    assert!(plain.get("facets").is_none() && plain.get("histogram").is_none(), "{plain}");
    let log = site.cell.log("main").unwrap();
    for result in answer["results"].as_array().unwrap() {
        let entry = log.entry(LeafIndex(result["index"].as_u64().unwrap())).unwrap();
        let entry = Entry::parse(&entry).unwrap();
        let event: Value = serde_json::from_slice(entry.event).unwrap();
        let expected = json!({
            "index": result["index"], "time": entry.header.time.to_string(),
            "writer": entry.header.writer.as_str(), "grade": entry.header.grade.as_str(),
            "event": event,
        });
        assert_eq!(*result, expected);
    }
    assert_eq!(found(&site, "q=actor:alice+outcome:failure")["total"], 2);
    assert_eq!(found(&site, "q=actor:nobody")["results"], json!([]));
    assert_eq!(found(&site, "limit=0")["total"], last + 4);
}

#[test]
fn pages_facets_and_histogram_are_of_the_same_entries() {
    let site = Site::start();
    let (first, last) = append(&site, "alice", 7);
    let asked = format!("q=actor:alice&limit=3&facets=outcome,actor.id&histogram=true&wait={last}");
    let answer = found(&site, &asked);
    let outcomes = json!({"values": [{"value": "success", "count": 4}, {"value": "failure", "count": 3}],
        "distinct": 2, "others": 0});
    let actors = json!({"values": [{"value": "alice", "count": 7}], "distinct": 1, "others": 0});
    assert_eq!(answer["facets"], json!({"outcome": outcomes, "actor.id": actors}));
    let buckets = answer["histogram"].as_array().unwrap();
    assert_eq!(buckets.iter().filter_map(|one| one["count"].as_u64()).sum::<u64>(), 7);
    for bucket in buckets {
        assert!(bucket["from"].as_str() < bucket["until"].as_str(), "{bucket}");
    }
    // What comes between two pages is on none of them.
    let (_, later) = append(&site, "alice", 1);
    assert_eq!(found(&site, &format!("q=actor:alice&wait={later}"))["total"], 8);
    let mut all = indexes(&answer);
    let mut next = answer["next"].clone();
    while let Some(cursor) = next.as_str() {
        let page = found(&site, &format!("q=actor:alice&limit=3&cursor={cursor}"));
        assert_eq!(page["total"], 7);
        assert!(page.get("facets").is_none() && page.get("histogram").is_none(), "{page}");
        all.extend(indexes(&page));
        next = page["next"].clone();
    }
    assert_eq!(all, (first..=last).rev().collect::<Vec<_>>());
}

#[test]
fn a_page_is_proved_as_a_whole_to_who_may_have_proofs() {
    let site = Site::start();
    let (_, last) = append(&site, "alice", 9);
    let asked = format!("q=outcome:success&limit=3&wait={last}");
    let answer = found(&site, &format!("{asked}&proofs=true"));
    let entry = |result: &Value| {
        let bytes = result["entry"].as_str().unwrap().as_bytes().to_vec();
        assert_eq!(Entry::parse(&bytes).unwrap().header.index.0, result["index"]);
        (LeafIndex(result["index"].as_u64().unwrap()), leaf_hash(&bytes))
    };
    let leaves: Vec<_> = answer["results"].as_array().unwrap().iter().rev().map(entry).collect();
    assert_eq!(leaves.len(), 3);
    let note = answer["proof"]["checkpoint"].as_str().unwrap();
    let checkpoint = Checkpoint::parse(Note::parse(note.as_bytes()).unwrap().text()).unwrap();
    let hashes = answer["proof"]["hashes"].as_array().unwrap().iter();
    let hashes: Vec<Hash> = hashes.map(|hash| hash.as_str().unwrap().parse().unwrap()).collect();
    verify_inclusion_of_many(&leaves, checkpoint.size, &hashes, &checkpoint.root).unwrap();
    let plain = found(&site, &asked);
    assert!(plain.get("proof").is_none() && plain["results"][0].get("entry").is_none(), "{plain}");
    let none = found(&site, "q=actor:nobody&proofs=true");
    assert_eq!(none["proof"]["hashes"].as_array().unwrap().len(), 1, "the root alone");

    let create = json!({"name": "rita", "role": "reader"}).to_string();
    let made = site.post("/api/v1/tokens", "application/json", create.as_bytes());
    let token = format!("Bearer {}", made.json()["token"].as_str().unwrap());
    let text = r#"forbid(principal, action == Action::"read_proofs", resource);"#;
    let policy = json!({ "text": text }).to_string();
    let path = "/api/v1/policies/no-proofs";
    assert_eq!(site.post(path, "application/json", policy.as_bytes()).status, 200);
    for (more, status) in [("", 200), ("&proofs=false", 200), ("&proofs=true", 403)] {
        let path = format!("/api/v1/logs/main/search?q=x{more}");
        let reply = site.ask(&Ask::get(&path).anonymous().with("authorization", &token));
        assert_eq!(reply.status, status, "{more}: {}", reply.text());
    }
}

/// The parameters, the status, code, field, position, and a part of the detail.
type Refused = (&'static str, u16, &'static str, &'static str, Option<u64>, &'static str);

#[test]
fn a_search_that_cannot_be_is_refused_with_its_place() {
    let site = Site::start();
    let rows: [Refused; 10] = [
        ("q=acter:bob", 400, "bad_query", "q", Some(0), "column 1: found `acter`"),
        ("q=acter:bob", 400, "bad_query", "q", Some(0), "did you mean `actor`?"),
        ("q=%C3%BC+AND", 400, "bad_query", "q", Some(6), "column 6:"),
        ("q=%C3%BC+acter:b", 400, "bad_query", "q", Some(3), "column 3:"),
        ("limit=257", 422, "query_limit", "limit", None, "the limit is 256"),
        ("cursor=x", 400, "bad_query", "cursor", None, "leave it out"),
        ("facets=actor", 400, "bad_query", "facets", None, "actor.id"),
        ("histogram=yes", 400, "bad_query", "histogram", None, "true"),
        ("proofs=1", 400, "bad_query", "proofs", None, "true"),
        ("wait=-1", 400, "bad_query", "wait", None, "number"),
    ];
    for (query, status, code, field, position, detail) in rows {
        let reply = search(&site, query);
        let problem = reply.json();
        assert_eq!((reply.status, &problem["code"]), (status, &json!(code)), "{query}");
        assert_eq!((&problem["field"], problem["position"].as_u64()), (&json!(field), position));
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    let brackets = format!("q={}x{}", "(".repeat(33), ")".repeat(33));
    let reply = search(&site, &brackets);
    assert_eq!((reply.status, &reply.json()["code"]), (422, &json!("query_limit")));
}

#[test]
fn one_search_too_many_is_busy() {
    let site = Site::with_limits(ServerLimits { searches_max: 0, ..ServerLimits::default() });
    let reply = search(&site, "q=x");
    assert_eq!((reply.status, &reply.json()["code"]), (429, &json!("busy")), "{}", reply.text());
}

#[test]
fn an_entry_that_does_not_come_is_not_waited_for_for_ever() {
    let search_wait = Duration::from_millis(500);
    let site = Site::with_limits(ServerLimits { search_wait, ..ServerLimits::default() });
    // The index is opened within a time of its own.
    while search(&site, "").status == 503 {}
    let answer = found(&site, "wait=1000000");
    assert!(answer["indexed_through"].as_u64() < Some(1_000_000), "{answer}");
}

#[test]
fn a_log_made_later_is_searched_too_and_metrics_say_how_far() {
    let site = Site::start();
    let body = br#"{"name":"new"}"#;
    assert_eq!(site.post("/api/v1/logs", "application/json", body).status, 201);
    let path = "/api/v1/logs/new/events";
    let reply = site.post(path, "application/json", event("eve", 1).as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer = site.get("/api/v1/logs/new/search?q=actor:eve&wait=1").json();
    assert_eq!((&answer["total"], &answer["indexed_through"]), (&json!(1), &json!(2)));
    let create = json!({"name": "otto", "role": "auditor"}).to_string();
    let made = site.post("/api/v1/tokens", "application/json", create.as_bytes());
    let token = format!("Bearer {}", made.json()["token"].as_str().unwrap());
    let metrics = site.ask(&Ask::get("/metrics").anonymous().with("authorization", &token));
    for line in ["graven_index_through{log=\"new\"} 2\n", "graven_index_lag{log=\"new\"} 0\n"] {
        assert!(metrics.text().contains(line), "{line} in {}", metrics.text());
    }
}

/// Sets a policy, and gives the header of a reader.
fn narrowed(site: &Site, condition: &str) -> String {
    let create = json!({"name": "rita", "role": "reader"}).to_string();
    let made = site.post("/api/v1/tokens", "application/json", create.as_bytes());
    let clauses = r#"principal in Role::"reader", action == Action::"read_entries", resource"#;
    let policy =
        json!({ "text": format!("forbid({clauses}) when {{ {condition} }};") }).to_string();
    let set = site.post("/api/v1/policies/narrow", "application/json", policy.as_bytes());
    assert_eq!(set.status, 200, "{}", set.text());
    format!("Bearer {}", made.json()["token"].as_str().unwrap())
}

fn search_as(site: &Site, token: &str, query: &str) -> Reply {
    let path = format!("/api/v1/logs/main/search?{query}");
    site.ask(&Ask::get(&path).anonymous().with("authorization", token))
}

#[test]
fn a_narrowed_reader_finds_and_counts_what_it_may_see() {
    let site = Site::start();
    let (first, last) = append(&site, "alice", 7);
    let token = narrowed(&site, r#"context.event.outcome == "failure""#);
    let search = |query: &str| {
        let reply = search_as(&site, &token, query);
        assert_eq!(reply.status, 200, "{query}: {}", reply.text());
        reply.json()
    };
    let asked = "q=action:invoice.update&limit=3&facets=outcome,actor.id&histogram=true";
    let answer = search(&format!("{asked}&wait={last}&proofs=true"));
    let outcomes =
        json!({"values": [{"value": "success", "count": 4}], "distinct": 1, "others": 0});
    let actors = json!({"values": [{"value": "alice", "count": 4}], "distinct": 1, "others": 0});
    assert_eq!(answer["facets"], json!({"outcome": outcomes, "actor.id": actors}));
    assert_eq!(answer["total"], 4);
    let buckets = answer["histogram"].as_array().unwrap().iter();
    assert_eq!(buckets.filter_map(|one| one["count"].as_u64()).sum::<u64>(), 4);
    assert_eq!(indexes(&answer), [last, last - 2, last - 4]);
    let cursor = answer["next"].as_str().unwrap();
    let page = search(&format!("q=action:invoice.update&limit=3&cursor={cursor}"));
    assert_eq!(
        (indexes(&page), &page["total"], &page["next"]),
        (vec![first], &json!(4), &Value::Null)
    );
    for (query, total) in
        [("q=outcome:failure", 0), ("q=-outcome:success+actor:alice", 0), ("q=n+OR+data.n:1", 0)]
    {
        assert_eq!(search(query)["total"], total, "{query}");
    }
    // An owner's token finds all of it.
    assert_eq!(found(&site, "q=outcome:failure")["total"], 3);
}

#[test]
fn a_policy_that_an_index_cannot_be_asked_refuses_the_search() {
    let site = Site::start();
    let (_, last) = append(&site, "alice", 1);
    let token = narrowed(&site, r#"context.event.outcome like "*ure""#);
    let reply = search_as(&site, &token, "q=actor:alice");
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (403, &json!("forbidden")),
        "{}",
        reply.text()
    );
    let path = format!("/api/v1/logs/main/entries/{last}");
    let entry = site.ask(&Ask::get(&path).anonymous().with("authorization", &token));
    assert_eq!(entry.status, 200, "{}", entry.text());
}

/// Whatever the index says, an entry that a policy hides is not shown.
#[test]
fn an_index_that_says_otherwise_shows_nothing_hidden() {
    let mut site = Site::start();
    let (_, last) = append(&site, "alice", 2);
    append(&site, "bob", 1);
    site.stop();
    site.join();
    let log = site.cell.log("main").unwrap();
    std::fs::remove_dir_all(site.derived()).unwrap();
    let mut writer = Index::open(&site.derived(), &log.info().origin).unwrap().writer();
    // By the last one, which is bob's, the server knows the log again.
    for index in (0..=last + 1).map(LeafIndex) {
        let told = String::from_utf8(log.entry(index).unwrap()).unwrap();
        let told = if index.0 == last { told.replace("failure", "success") } else { told };
        writer.take(index, told.as_bytes()).unwrap();
    }
    writer.commit().unwrap();
    drop((writer, log));
    site.reopen(log::CellLimits::default());
    let token = narrowed(&site, r#"context.event.outcome == "failure""#);
    let reply = search_as(&site, &token, "q=actor:alice");
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(!reply.text().contains("alice"), "{}", reply.text());
}

/// Longest wait for an entry that has to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first event of `system` from an index on that tells of a search, and the index after it; waits for it.
fn told(site: &Site, from: u64) -> (Value, u64) {
    let system = site.cell.log("system").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut next = from;
    loop {
        let more = async { tokio::time::timeout(PATIENCE, system.wait_past(TreeSize(next))).await };
        runtime.block_on(more).expect("the search is told");
        let entry = system.entry(LeafIndex(next)).unwrap();
        let event: Value = serde_json::from_slice(Entry::parse(&entry).unwrap().event).unwrap();
        next += 1;
        if event["action"] == "graven.search" {
            return (event, next);
        }
    }
}

#[test]
fn searches_are_told_with_their_queries_and_how_much_they_found() {
    let site = Site::start();
    let (_, last) = append(&site, "alice", 3);
    let mut next = site.cell.log("system").unwrap().info().size.0;
    let long = "x".repeat(2_000);
    for query in [format!("actor:alice&wait={last}"), "actor:alice".to_owned(), long.clone()] {
        found(&site, &format!("q={query}"));
    }
    let (mut requests, mut results, mut queries) = (0, 0, Vec::new());
    // One entry, or more where the time of writing them came between.
    while requests < 3 {
        let (event, after) = told(&site, next);
        next = after;
        assert_eq!(event["target"], json!({"type": "log", "id": "main"}));
        let data = &event["data"];
        assert_eq!((&event["outcome"], &data["detail"]), (&json!("success"), &json!("search")));
        requests += data["requests"].as_u64().unwrap();
        results += data["results"].as_u64().unwrap();
        queries.extend(data["queries"].as_array().unwrap().clone());
    }
    queries.dedup();
    assert_eq!((requests, results), (3, 6));
    assert_eq!(queries, [json!("actor:alice"), json!(&long[..1_024])]);
}

#[test]
fn what_is_typed_is_completed_by_what_there_is() {
    let site = Site::start();
    let (_, last) = append(&site, "alice", 2);
    append(&site, "alina", 1);
    found(&site, &format!("limit=0&wait={}", last + 1));
    let check = |asked: &str, expected: &[&str]| {
        let reply = site.get(&format!("/api/v1/logs/main/suggest?{asked}"));
        assert_eq!(
            (reply.status, reply.json()),
            (200, json!({ "suggestions": expected })),
            "{asked}"
        );
    };
    check("field=actor&begin=al", &["alice", "alina"]);
    check("field=actor.id&begin=ali%63", &["alice"]);
    check("field=outcome", &["failure", "success"]);
    check("field=nothing&begin=a", &[]);
    check("begin=data.n", &["data.n"]);
    check("begin=outc", &["outcome"]);
}
