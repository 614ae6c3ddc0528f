//! Policies of a running server: what a role gives and a policy forbids, entry by entry, and nothing in bulk beside it.

use serde_json::{Value, json};

use super::site::{Ask, Reply, Site};

/// Makes a principal, and gives the header with its token.
fn token(site: &Site, name: &str, roles: &[&str]) -> String {
    let body = json!({"name": name, "role": roles[0]}).to_string();
    let made = site.post("/api/v1/tokens", "application/json", body.as_bytes());
    assert_eq!(made.status, 201, "{}", made.text());
    for role in &roles[1..] {
        let body = json!({"role": role}).to_string();
        let path = format!("/api/v1/tokens/{name}/roles");
        assert_eq!(site.post(&path, "application/json", body.as_bytes()).status, 200);
    }
    format!("Bearer {}", made.json()["token"].as_str().unwrap())
}

fn set(site: &Site, id: &str, body: &Value) -> Reply {
    let path = format!("/api/v1/policies/{id}");
    site.post(&path, "application/json", body.to_string().as_bytes())
}

fn get(site: &Site, token: &str, path: &str) -> Reply {
    site.ask(&Ask::get(path).anonymous().with("authorization", token))
}

fn event(kind: &str) -> String {
    json!({"actor": {"type": "user"}, "action": "x", "target": {"type": kind}}).to_string()
}

const SALARY: &str = r#"forbid(principal in Role::"reader", action == Action::"read_entries", resource == Log::"main") when { context.event.target_types.contains("salary") };"#;

#[test]
fn a_scoped_reader_sees_its_entries_and_nothing_in_bulk() {
    let site = Site::start();
    let audrey = token(&site, "audrey", &["reader", "auditor"]);
    let otto = token(&site, "otto", &["auditor"]);
    let (open, shut) = (site.append(&event("invoice")), site.append(&event("salary")));
    let last = site.append(&event("invoice"));
    let entry = |index: u64| format!("/api/v1/logs/main/entries/{index}");
    let bundle = format!("/log/main/tile/entries/000.p/{}", last + 1);
    for path in [entry(shut), bundle.clone()] {
        assert_eq!(get(&site, &audrey, &path).status, 200, "{path}");
    }
    let reply = set(&site, "salaries", &json!({"text": SALARY}));
    assert_eq!(reply.status, 200, "{}", reply.text());
    for (token, path, expected) in [
        (&audrey, entry(open), 200),
        (&audrey, entry(shut), 403),
        (&audrey, entry(0), 200),
        (&audrey, format!("{}/proof", entry(shut)), 200),
        (&audrey, "/log/main/tile/0/000.p/1".to_owned(), 200),
        (&audrey, bundle.clone(), 403),
        (&audrey, "/api/v1/logs/main/search?q=target.type:invoice".to_owned(), 200),
        (&otto, "/api/v1/logs/main/search?q=salary".to_owned(), 200),
        (&audrey, "/api/v1/logs/main/history?target=1".to_owned(), 200),
        (&otto, "/api/v1/logs/main/history?target=1".to_owned(), 200),
        (&otto, entry(shut), 200),
        (&otto, bundle.clone(), 200),
    ] {
        let reply = get(&site, token, &path);
        assert_eq!(reply.status, expected, "{path}: {}", reply.text());
        assert!(expected == 200 || !reply.text().contains("salar"), "{}", reply.text());
    }
    let search = format!("/api/v1/logs/main/search?limit=0&wait={last}");
    assert_eq!(get(&site, &otto, &search).status, 200);
    let suggest = "/api/v1/logs/main/suggest?field=target.type";
    for (token, expected) in
        [(&audrey, json!(["invoice", "log"])), (&otto, json!(["invoice", "log", "salary"]))]
    {
        assert_eq!(get(&site, token, suggest).json()["suggestions"], expected);
    }
    // A tail leaves out what policies do not show, and says by an id without data which.
    let (mut stream, path) = (site.connect(), format!("/api/v1/logs/main/tail?from={open}"));
    let ask = Ask::get(&path).anonymous().with("authorization", &audrey);
    std::io::Write::write_all(&mut stream, &ask.bytes("connection: close\r\n")).unwrap();
    let mut bytes = Vec::new();
    let wanted = format!("id: {last}\n");
    while super::site::find(&bytes, wanted.as_bytes()).is_none() {
        assert!(super::site::read_more(&mut stream, &mut bytes), "the tail ended");
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains(&format!("id: {open}\n")) && !text.contains("salary"), "{text}");
    assert!(text.contains(&format!("id: {shut}\n\n")), "{text}");
    // Taken away, it counts no more.
    assert_eq!(set(&site, "salaries", &json!({"remove": true})).status, 200);
    for path in [entry(shut), bundle] {
        assert_eq!(get(&site, &audrey, &path).status, 200, "{path}");
    }
}

#[test]
fn blobs_are_shown_and_taken_as_their_entries_are() {
    let site = Site::start();
    let audrey = token(&site, "audrey", &["reader", "writer"]);
    let add = |status: u16| {
        let ask = Ask::post("/api/v1/logs/main/blobs", "image/png", b"bytes").anonymous();
        let reply = site.ask(&ask.with("authorization", &audrey));
        assert_eq!(reply.status, status, "{}", reply.text());
    };
    add(200);
    let index = site.size() - 1;
    let digest = "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9";
    let path = format!("/api/v1/logs/main/entries/{index}/blobs/{digest}");
    assert_eq!(get(&site, &audrey, &path).body, b"bytes");
    let text = |right: &str| {
        format!(
            r#"forbid(principal, action == Action::"{right}", resource) when {{ context.event.action == "blob.add" }};"#
        )
    };
    assert_eq!(set(&site, "read", &json!({"text": text("read_entries")})).status, 200);
    assert_eq!(get(&site, &audrey, &path).status, 403);
    add(200);
    assert_eq!(set(&site, "add", &json!({"text": text("append")})).status, 200);
    add(403);
}

#[test]
fn a_policy_says_what_a_writer_may_append() {
    let site = Site::start();
    let billing = token(&site, "billing", &["writer"]);
    let text = r#"forbid(principal == Principal::"billing", action == Action::"append", resource) unless { context.event.target_types.contains("invoice") };"#;
    assert_eq!(set(&site, "billing", &json!({"text": text})).status, 200);
    let size = site.size();
    let lines = format!("{}\n{}\n", event("invoice"), event("salary"));
    let path = "/api/v1/logs/main/events";
    let ask = |body: &str| {
        let ask = Ask::post(path, "application/x-ndjson", body.as_bytes()).anonymous();
        site.ask(&ask.with("authorization", &billing))
    };
    let refused = ask(&lines);
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("forbidden")));
    assert_eq!((&refused.json()["event"], site.size()), (&json!(1), size), "{}", refused.text());
    assert_eq!(ask(&event("invoice")).status, 200);
}

#[test]
fn policies_are_entries_and_survive_a_restart() {
    let mut site = Site::start();
    let audrey = token(&site, "audrey", &["reader"]);
    for (id, body, expected) in [
        ("a", json!({"text": "permit(principal, action, resource);"}), 400),
        ("a", json!({"text": "forbid(principal, action, resource) when { 1 };"}), 400),
        ("a", json!({}), 400),
        ("a", json!({"text": SALARY, "remove": true}), 400),
        ("A", json!({"text": SALARY}), 400),
        ("a", json!({"remove": true}), 404),
        ("a", json!({"text": format!("// {}\n{SALARY}", "x".repeat(9_000))}), 413),
        ("a", json!({"text": SALARY}), 200),
        ("a", json!({"text": SALARY}), 409),
    ] {
        let reply = set(&site, id, &body);
        assert_eq!(reply.status, expected, "{id} {body}: {}", reply.text());
    }
    let shut = site.append(&event("salary"));
    site.reopen(log::CellLimits::default());
    let path = format!("/api/v1/logs/main/entries/{shut}");
    assert_eq!(get(&site, &audrey, &path).status, 403);
    let list = site.get("/api/v1/policies").json();
    assert_eq!(list["policies"], json!([{"id": "a", "text": SALARY}]));
    assert!(list["schema"].as_str().unwrap().contains("entity Principal in [Role];"));
}
