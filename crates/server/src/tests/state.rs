//! History, state, difference, blame and timeline over HTTP.

use graven_entry::Entry;
use graven_merkle::{LeafIndex, TreeSize};
use serde_json::{Value, json};

use super::site::{Ask, Reply, Site};

/// An event about `invoice/1`.
fn event(actor: &str, action: &str, rest: &str) -> String {
    format!(
        r#"{{"actor":{{"type":"user","id":"{actor}","session":"s-{actor}"}},"action":"{action}","target":{{"type":"invoice","id":"1"}}{rest}}}"#
    )
}

/// A log with the life of an invoice, and the index of its first entry.
fn told() -> (Site, u64) {
    let site = Site::start();
    let first = site.append(&event(
        "alice",
        "invoice.create",
        r#","changes":{"amount":{"after":100.50},"status":{"after":"open"},"iban":{"after":"x"}}"#,
    ));
    site.append(&event("bob", "invoice.view", ""));
    site.append(&event(
        "bob",
        "invoice.update",
        r#","outcome":"denied","changes":{"amount":{"before":100.50,"after":1}}"#,
    ));
    site.append(&event(
        "carol",
        "invoice.update",
        r#","outcome":"success","context":{"trace_id":"t1"},"changes":{"amount":{"before":100.50,"after":12345678901234567890},"iban":{"before":"x"},"odd":7}"#,
    ));
    site.append(r#"{"actor":{"id":"eve"},"action":"x","target":{"type":"invoice","id":"2"}}"#);
    let last = site.append(&event("dave", "invoice.delete", ""));
    assert_eq!(last, first + 5);
    (site, first)
}

fn ask(site: &Site, what: &str) -> Reply {
    site.get(&format!("/api/v1/logs/main/{what}"))
}

/// The answer, once all is indexed.
fn answer(site: &Site, what: &str) -> Value {
    let last = site.cell.log("main").unwrap().info().size.0 - 1;
    let reply = ask(site, &format!("{what}&wait={last}"));
    assert_eq!(reply.status, 200, "{what}: {}", reply.text());
    let answer = reply.json();
    assert!(answer["indexed_through"].as_u64() > Some(last), "{answer}");
    answer
}

/// What an answer says of the entry that did something.
fn setter(site: &Site, index: u64, actor: &str, action: &str) -> Value {
    let bytes = site.cell.log("main").unwrap().entry(LeafIndex(index)).unwrap();
    let header = Entry::parse(&bytes).unwrap().header;
    json!({"index": index, "time": header.time.to_string(), "actor":
        {"type": "user", "id": actor, "session": format!("s-{actor}")}, "action": action,
        "grade": header.grade.as_str()})
}

fn with(mut object: Value, more: Value) -> Value {
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

#[test]
fn the_history_lists_every_entry_and_what_it_did() {
    let (site, first) = told();
    let found = answer(&site, "history?target=invoice/1");
    let version = |index, actor, action, more| with(setter(&site, index, actor, action), more);
    let expected = json!([
        version(
            first,
            "alice",
            "invoice.create",
            json!({"counts": true, "ends": false, "hidden": 0,
            "changes": {"amount": {"after": 100.5}, "status": {"after": "open"}, "iban": {"after": "x"}}})
        ),
        version(
            first + 1,
            "bob",
            "invoice.view",
            json!({"counts": true, "ends": false,
            "hidden": 0, "changes": {}})
        ),
        version(
            first + 2,
            "bob",
            "invoice.update",
            json!({"outcome": "denied", "counts": false,
            "ends": false, "hidden": 0, "changes": {"amount": {"before": 100.5, "after": 1}}})
        ),
        version(
            first + 3,
            "carol",
            "invoice.update",
            json!({"outcome": "success", "counts": true,
            "ends": false, "hidden": 0, "changes": {
                "amount": {"before": 100.5, "after": 12_345_678_901_234_567_890_u64},
                "iban": {"before": "x", "after": null}, "odd": {}}})
        ),
        version(
            first + 5,
            "dave",
            "invoice.delete",
            json!({"counts": true, "ends": true,
            "hidden": 0, "changes": {}})
        ),
    ]);
    assert_eq!((&found["versions"], &found["next"]), (&expected, &Value::Null));
    // Numbers keep their text.
    assert!(ask(&site, "history?target=invoice/1").text().contains("\"after\":100.50}"));
    let mut paged = Vec::new();
    let mut from = json!(0);
    while let Some(start) = from.as_u64() {
        let page = answer(&site, &format!("history?target=invoice/1&limit=2&from={start}"));
        paged.extend(page["versions"].as_array().unwrap().clone());
        from = page["next"].clone();
    }
    assert_eq!(json!(paged), expected);
    assert_eq!(answer(&site, "history?target=invoice/3")["versions"], json!([]));
}

#[test]
fn the_state_at_a_moment_and_who_set_it() {
    let (site, first) = told();
    let state = |at: &str| answer(&site, &format!("asof?target=invoice/1{at}"));
    let check = |at: &str, exists: Value, entries: u64, fields: Value| {
        let found = state(at);
        let of_found = (&found["exists"], &found["entries"], &found["state"]);
        assert_eq!(of_found, (&exists, &json!(entries), &fields), "{at}: {found}");
        assert!(found.get("removed").is_none() && found["next"].is_null(), "{found}");
    };
    let created = json!({"amount": 100.5, "iban": "x", "status": "open"});
    let updated = json!({"amount": 12_345_678_901_234_567_890_u64, "status": "open"});
    check("&at=0", Value::Null, 0, json!({}));
    check(&format!("&at={first}"), json!(true), 1, created.clone());
    check(&format!("&at={}", first + 2), json!(true), 3, created.clone());
    check(&format!("&at={}", first + 4), json!(true), 4, updated.clone());
    check("", json!(false), 5, json!({}));
    let log = site.cell.log("main").unwrap();
    let taken = |index| Entry::parse(&log.entry(LeafIndex(index)).unwrap()).unwrap().header.time;
    check(&format!("&at={}", taken(first + 2)), json!(true), 3, created);
    check(&format!("&at={}", taken(first + 3)), json!(true), 4, updated);
    assert_eq!(state("")["last"], setter(&site, first + 5, "dave", "invoice.delete"));
    assert_eq!(state("&at=17")["at"], 17);
    assert_eq!(state("&at=2026-11")["at"], "2026-11-01T00:00:00Z");
    let blamed = answer(&site, &format!("blame?target=invoice/1&at={}", first + 3));
    let amount = with(
        json!({"value": 12_345_678_901_234_567_890_u64}),
        setter(&site, first + 3, "carol", "invoice.update"),
    );
    let status = with(json!({"value": "open"}), setter(&site, first, "alice", "invoice.create"));
    assert_eq!(blamed["fields"], json!({"amount": amount, "status": status}));
    // From an index on: what those entries do to the state before.
    let stretch = state(&format!("&from={}&at={}", first + 1, first + 3));
    let of_stretch = (&stretch["state"], &stretch["removed"], &stretch["cleared"]);
    let amount = json!({"amount": 12_345_678_901_234_567_890_u64});
    assert_eq!(of_stretch, (&amount, &json!(["iban"]), &json!(false)));
    assert_eq!(state(&format!("&from={}", first + 1))["cleared"], true);
}

#[test]
fn two_moments_differ_by_these_entries() {
    let (site, first) = told();
    let diff = |a: u64, b: u64| {
        answer(&site, &format!("diff?target=invoice/1&a={a}&b={b}"))["fields"].clone()
    };
    let (create, update, delete) = (
        setter(&site, first, "alice", "invoice.create"),
        setter(&site, first + 3, "carol", "invoice.update"),
        setter(&site, first + 5, "dave", "invoice.delete"),
    );
    let big = 12_345_678_901_234_567_890_u64;
    let expected = json!({
        "amount": with(json!({"before": 100.5, "after": big}), update.clone()),
        "iban": with(json!({"before": "x"}), update.clone()),
    });
    assert_eq!(diff(first, first + 4), expected);
    assert_eq!(diff(first, first + 2), json!({}));
    let expected = json!({"amount": with(json!({"before": big}), delete.clone()),
        "status": with(json!({"before": "open"}), delete)});
    assert_eq!(diff(first + 3, first + 5), expected);
    let whole = diff(0, first);
    assert_eq!(whole["status"], with(json!({"after": "open"}), create));
    assert_eq!(whole.as_object().unwrap().len(), 3);
    let now = answer(&site, &format!("diff?target=invoice/1&a={first}"));
    assert_eq!((&now["b"], now["fields"].as_object().unwrap().len()), (&Value::Null, 3));
}

#[test]
fn a_timeline_is_in_the_order_of_the_log() {
    let (site, first) = told();
    let indexes = |what: &str| {
        let found = answer(&site, &format!("timeline?{what}"));
        let results = found["results"].as_array().unwrap().clone();
        results.iter().map(|one| one["index"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(indexes("actor=bob"), [first + 1, first + 2]);
    assert_eq!(indexes("actor=bob&limit=1"), [first + 1]);
    assert_eq!(indexes(&format!("actor=bob&from={}", first + 2)), [first + 2]);
    assert_eq!(indexes("session=s-dave"), [first + 5]);
    assert_eq!(indexes("trace=t1"), [first + 3]);
    assert_eq!(indexes("actor=bob&q=outcome:denied"), [first + 2]);
    assert_eq!(indexes("actor=bob&session=s-alice"), [0; 0]);
    assert_eq!(indexes("q=target:invoice/*").len(), 6);
    assert_eq!(answer(&site, "timeline?actor=bob&limit=1")["next"], first + 2);
}

#[test]
fn what_cannot_be_asked_is_refused_with_its_field() {
    let site = Site::start();
    let rows = [
        ("history", 400, "bad_query", "target", "missing"),
        ("history?target=", 400, "bad_query", "target", "missing"),
        ("history?target=x&limit=257", 422, "query_limit", "limit", "256"),
        ("history?target=x&limit=0", 422, "query_limit", "limit", "256"),
        ("history?target=x&from=-1", 400, "bad_query", "from", "number"),
        ("history?target=x&at=1", 400, "bad_query", "at", "no such parameter"),
        ("asof?target=x&at=soon", 400, "bad_query", "at", "neither an index nor a time"),
        ("asof?target=x&at=", 400, "bad_query", "at", "neither an index nor a time"),
        ("blame", 400, "bad_query", "target", "missing"),
        ("diff?target=x", 400, "bad_query", "a", "missing"),
        ("diff?target=x&a=5&b=4", 400, "bad_query", "b", "before `a`"),
        ("diff?target=x&a=2026-02&b=2026-01", 400, "bad_query", "b", "before `a`"),
        ("diff?target=x&a=5&b=2026-01", 400, "bad_query", "b", "give both alike"),
        ("timeline", 400, "bad_query", "actor", "`trace` or `q`"),
        ("timeline?q=acter:x", 400, "bad_query", "q", "did you mean"),
    ];
    for (what, status, code, field, detail) in rows {
        let reply = ask(&site, what);
        let problem = reply.json();
        let of_problem = (reply.status, &problem["code"], &problem["field"]);
        assert_eq!(of_problem, (status, &json!(code), &json!(field)), "{what}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{what}: {problem}");
    }
    for count in 0..5 {
        let fields: Vec<String> =
            (0..1_000).map(|n| format!(r#""f{}":{{"after":1}}"#, count * 1_000 + n)).collect();
        let rest = format!(r#","changes":{{{}}}"#, fields.join(","));
        site.append(&event("alice", "invoice.update", &rest));
    }
    let last = site.cell.log("main").unwrap().info().size.0 - 1;
    let reply = ask(&site, &format!("asof?target=invoice/1&wait={last}"));
    let problem = reply.json();
    assert_eq!((reply.status, &problem["code"]), (422, &json!("query_limit")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("5000 fields"), "{problem}");
}

#[test]
fn what_was_asked_is_told_as_the_query_that_it_is() {
    let (site, _) = told();
    let system = site.cell.log("system").unwrap();
    let mut next = system.info().size.0;
    answer(&site, "history?target=invoice/1");
    answer(&site, "asof?target=the%20lot");
    answer(&site, "timeline?actor=bob&trace=t1");
    let mut told = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    while told.len() < 3 {
        runtime.block_on(system.wait_past(TreeSize(next)));
        let entry = system.entry(LeafIndex(next)).unwrap();
        let event: Value = serde_json::from_slice(Entry::parse(&entry).unwrap().event).unwrap();
        next += 1;
        if event["action"] == "graven.search" {
            let data = &event["data"];
            told.push((data["detail"].clone(), data["queries"].clone(), data["results"].clone()));
        }
    }
    told.sort_by_key(|(detail, ..)| detail.to_string());
    let one =
        |detail: &str, query: &str, results: u64| (json!(detail), json!([query]), json!(results));
    let expected = [
        one("asof", "target:\"the lot\"", 0),
        one("history", "target:invoice/1", 5),
        one("timeline", "actor:bob trace:t1", 0),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_line_of_a_replay_is_refused_as_an_event() {
    let site = Site::start();
    let size = site.cell.log("main").unwrap().info().size;
    let line = r#"{"graven":"replay/v1","origin":"o","index":1,"time":"t","event":{"actor":"a","action":"x"}}"#;
    for (media_type, status) in [
        ("application/vnd.graven.replay+json", 415),
        ("application/json", 422),
        ("application/x-ndjson", 422),
    ] {
        let reply = site.post("/api/v1/logs/main/events", media_type, line.as_bytes());
        assert_eq!(reply.status, status, "{media_type}: {}", reply.text());
    }
    assert_eq!(site.cell.log("main").unwrap().info().size, size);
}

/// Each route for a reader from whom a policy hides what was denied, and carol's: as if these were not there.
#[test]
fn a_narrowed_reader_gets_the_state_of_what_it_may_see() {
    let (site, first) = told();
    let last = site.cell.log("main").unwrap().info().size.0 - 1;
    let create = json!({"name": "rita", "role": "reader"}).to_string();
    let made = site.post("/api/v1/tokens", "application/json", create.as_bytes());
    let token = format!("Bearer {}", made.json()["token"].as_str().unwrap());
    let text = r#"forbid(principal == Principal::"rita", action == Action::"read_entries", resource) when { context.event.outcome == "denied" || context.event.actor == "carol" };"#;
    let policy = json!({"text": text}).to_string();
    let set = site.post("/api/v1/policies/narrow", "application/json", policy.as_bytes());
    assert_eq!(set.status, 200, "{}", set.text());
    let narrowed = |what: &str| {
        let path = format!("/api/v1/logs/main/{what}&wait={last}");
        let reply = site.ask(&Ask::get(&path).anonymous().with("authorization", &token));
        assert_eq!(reply.status, 200, "{what}: {}", reply.text());
        for hidden in ["carol", "denied", "12345678901234567890"] {
            assert!(!reply.text().contains(hidden), "{what}: {}", reply.text());
        }
        assert_eq!(reply.json()["narrowed"], true, "{what}");
        assert_eq!(answer(&site, what)["narrowed"], Value::Null, "{what}");
        reply.json()
    };
    let indexes = |list: &Value| -> Vec<u64> {
        list.as_array().unwrap().iter().map(|one| one["index"].as_u64().unwrap() - first).collect()
    };
    assert_eq!(indexes(&narrowed("history?target=invoice/1")["versions"]), [0, 1, 5]);
    // A page of one leads to the next that may be seen.
    let page = narrowed(&format!("history?target=invoice/1&limit=1&from={}", first + 1));
    assert_eq!((indexes(&page["versions"]), &page["next"]), (vec![1], &json!(first + 5)));
    let state = narrowed(&format!("asof?target=invoice/1&at={}", first + 4));
    assert_eq!(state["state"], json!({"amount": 100.50, "status": "open", "iban": "x"}));
    assert_eq!((&state["entries"], &state["last"]["index"]), (&json!(2), &json!(first + 1)));
    let blame = narrowed(&format!("blame?target=invoice/1&at={}", first + 4));
    assert_eq!(blame["fields"]["amount"]["index"], first);
    let diff = narrowed(&format!("diff?target=invoice/1&a={first}&b={}", first + 4));
    assert_eq!(diff["fields"], json!({}));
    assert_eq!(indexes(&narrowed("timeline?q=target:invoice/1")["results"]), [0, 1, 5]);
    assert!(indexes(&narrowed("timeline?actor=carl")["results"]).is_empty());
}
