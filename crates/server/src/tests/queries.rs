//! Saved queries of a running server, and a receiver that hears, fails, waits and lies.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use log::CellLimits;
use serde_json::{Value, json};

use super::site::{Ask, Reply, Site};

/// How long something is waited for that has to come.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a receiver does with one webhook.
#[derive(Clone, Copy)]
enum Does {
    Answer(u16),
    /// Hears it, and never answers.
    Hold,
}

/// What a receiver was told.
struct Heard {
    head: String,
    body: String,
}

/// A receiver that does as it is told, then answers 200. Ends with its test.
struct Receiver {
    url: String,
    heard: mpsc::Receiver<Heard>,
}

impl Receiver {
    fn start(does: &[Does]) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (tell, heard) = mpsc::channel();
        let mut does: VecDeque<Does> = does.iter().copied().collect();
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(one) = hear(&mut stream) else { continue };
                if tell.send(one).is_err() {
                    return;
                }
                match does.pop_front().unwrap_or(Does::Answer(200)) {
                    Does::Answer(status) => {
                        let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
                        drop(stream.write_all(answer.as_bytes()));
                    }
                    Does::Hold => held.push(stream),
                }
            }
        });
        Receiver { url, heard }
    }

    fn next(&self) -> Heard {
        self.heard.recv_timeout(PATIENCE).expect("a webhook comes")
    }
}

fn hear(stream: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let heard = Heard { head: head.to_owned(), body: body.to_owned() };
            if body.len() >= heard.header("content-length").parse().unwrap() {
                return Some(heard);
            }
        }
        let mut buffer = [0; 4_096];
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

impl Heard {
    fn header(&self, name: &str) -> String {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(other, _)| other.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value.to_owned()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn indexes(&self) -> Vec<u64> {
        let json = self.json();
        json["data"]["indexes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_u64().unwrap())
            .collect()
    }

    /// How many of its signatures are by this secret, as it was shown.
    fn signatures(&self, secret: &str) -> usize {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
        let (id, time) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let signed = format!("{id}.{time}.{}", self.body);
        let all = self.header("webhook-signature");
        let all = all.split(' ').map(|one| STANDARD.decode(one.strip_prefix("v1,").unwrap()));
        all.filter(|one| ring::hmac::verify(&key, signed.as_bytes(), one.as_ref().unwrap()).is_ok())
            .count()
    }
}

fn change(site: &Site, name: &str, body: &Value) -> Reply {
    let path = format!("/api/v1/logs/main/queries/{name}");
    site.post(&path, "application/json", body.to_string().as_bytes())
}

/// Saves a query, and gives its secret.
fn save(site: &Site, name: &str, body: &Value) -> String {
    let reply = change(site, name, body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["secret"].as_str().unwrap().to_owned()
}

/// A query as the server lists it.
fn listed(site: &Site, name: &str) -> Value {
    let reply = site.get("/api/v1/logs/main/queries").json();
    let all = reply["queries"].as_array().unwrap();
    assert!(!reply.to_string().contains("whsec_"), "secrets are not listed");
    all.iter().find(|one| one["name"] == name).cloned().unwrap_or_default()
}

/// Waits until a query is listed so.
fn wait_until(site: &Site, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let one = listed(site, name);
        if is_so(&one) {
            return one;
        }
        assert!(started.elapsed() < PATIENCE, "{one}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn event(outcome: &str) -> String {
    json!({"actor": {"id": "alice"}, "action": "door.open", "outcome": outcome}).to_string()
}

/// Entries of `system` with this action.
fn recorded(site: &Site, action: &str) -> Vec<Value> {
    let log = site.cell.log("system").unwrap();
    let entries = (0..log.info().size.0).map(|index| {
        let entry = log.entry(graven_merkle::LeafIndex(index)).unwrap();
        serde_json::from_slice::<Value>(graven_entry::Entry::parse(&entry).unwrap().event).unwrap()
    });
    entries.filter(|event| event["action"] == action).collect()
}

#[test]
fn what_is_found_is_told_and_recorded() {
    let (site, receiver) = (Site::start(), Receiver::start(&[]));
    site.append(&event("failure"));
    let body = json!({"query": "outcome:failure", "url": receiver.url});
    let secret = save(&site, "failures", &body);
    site.append(&event("success"));
    let found = site.append(&event("failure"));
    let heard = receiver.next();
    assert_eq!(heard.signatures(&secret), 1, "{}", heard.head);
    assert_eq!(heard.indexes(), [found], "what was there before is not told");
    let json = heard.json();
    assert_eq!(json["type"], "graven.query.fired");
    let data = &json["data"];
    assert_eq!(
        (&data["count"], &data["name"], &data["left_out"]),
        (&json!(1), &json!("failures"), &json!(0))
    );
    assert_eq!(data["entries"][0]["index"], found);
    assert_eq!(data["entries"][0]["event"]["outcome"], "failure");
    wait_until(&site, "failures", |one| one["delivered"] == 1);
    let (fired, told) =
        (recorded(&site, "graven.query.fired"), recorded(&site, "graven.query.delivered"));
    assert_eq!((fired.len(), told.len()), (1, 1));
    assert_eq!(fired[0]["data"]["indexes"], json!([found]));
    assert_eq!(fired[0]["data"]["id"].as_str().unwrap(), heard.header("webhook-id"));
    assert_eq!(told[0]["data"]["id"], fired[0]["data"]["id"]);
    let metrics = site.get("/metrics").text();
    let row = "graven_query_delivered_total{log=\"main\",query=\"failures\"} 1\n";
    assert!(metrics.contains(row), "{metrics}");
    // From an index on, what was there is told too.
    save(&site, "failures", &json!({"query": "outcome:failure", "url": receiver.url, "from": 0}));
    assert_eq!(receiver.next().indexes().len(), 2);
    // Removed, nothing is.
    assert_eq!(change(&site, "failures", &json!({"remove": true})).status, 200);
    assert_eq!(listed(&site, "failures"), Value::Null);
    assert_eq!(change(&site, "failures", &json!({"remove": true})).status, 404);
}

#[test]
fn a_receiver_that_fails_hears_the_same_until_it_answers() {
    let down = [Does::Answer(500), Does::Answer(302), Does::Hold, Does::Answer(429)];
    let (site, receiver) = (Site::start(), Receiver::start(&down));
    save(&site, "all", &json!({"query": "action:door.open", "url": receiver.url}));
    let first = site.append(&event("failure"));
    let heard: Vec<Heard> = (0..=down.len()).map(|_| receiver.next()).collect();
    for one in &heard {
        assert_eq!(one.header("webhook-id"), heard[0].header("webhook-id"));
        assert_eq!(one.body, heard[0].body);
        assert_eq!(one.indexes(), [first]);
    }
    let second = site.append(&event("failure"));
    let next = receiver.next();
    assert_eq!(next.indexes(), [second]);
    assert_ne!(next.header("webhook-id"), heard[0].header("webhook-id"));
    wait_until(&site, "all", |one| one["delivered"] == 2 && one["pending"].is_null());
}

#[test]
fn what_cannot_be_told_is_given_up_and_the_next_is_told() {
    let attempts = Site::WEBHOOK_ATTEMPTS as usize;
    let (site, receiver) = (Site::start(), Receiver::start(&vec![Does::Answer(500); attempts]));
    save(&site, "all", &json!({"query": "action:door.open", "url": receiver.url}));
    site.append(&event("failure"));
    let id = receiver.next().header("webhook-id");
    for _ in 1..attempts {
        assert_eq!(receiver.next().header("webhook-id"), id);
    }
    let second = site.append(&event("failure"));
    let heard = receiver.next();
    assert_eq!((heard.indexes(), heard.header("webhook-id") == id), (vec![second], false));
    let one = wait_until(&site, "all", |one| one["delivered"] == 1);
    assert_eq!((&one["dead"], &one["dead_letters"][0]["id"]), (&json!(1), &json!(id)));
    assert_eq!(one["dead_letters"][0]["why"], "it answered 500");
    let told = recorded(&site, "graven.query.delivered");
    assert_eq!(told[0]["outcome"], "failure");
    assert_eq!(told[0]["data"]["attempts"], attempts);
    // Whoever answers 410 is not asked again.
    let gone = Receiver::start(&[Does::Answer(410)]);
    save(&site, "gone", &json!({"query": "action:door.open", "url": gone.url}));
    site.append(&event("failure"));
    gone.next();
    wait_until(&site, "gone", |one| one["dead"] == 1);
}

#[test]
fn a_stop_before_the_answer_tells_the_same_again() {
    let (mut site, receiver) = (Site::start(), Receiver::start(&[Does::Hold]));
    let secret = save(&site, "all", &json!({"query": "action:door.open", "url": receiver.url}));
    let first = site.append(&event("failure"));
    let heard = receiver.next();
    site.append(&event("failure"));
    site.reopen(CellLimits::default());
    let again = receiver.next();
    assert_eq!(again.header("webhook-id"), heard.header("webhook-id"));
    assert_eq!((again.indexes(), again.body == heard.body), (vec![first], true));
    assert_eq!(again.signatures(&secret), 1, "the secret outlives a restart");
    assert_eq!(receiver.next().indexes(), [first + 1]);
    wait_until(&site, "all", |one| one["delivered"] == 2);
    // What was told is not told again, with the place of it and without.
    site.reopen(CellLimits::default());
    site.stop();
    site.join();
    std::fs::remove_dir_all(site.derived()).unwrap();
    site.reopen(CellLimits::default());
    let third = site.append(&event("failure"));
    assert_eq!(receiver.next().indexes(), [third]);
}

/// A start counts the attempts of the runs before it: what nobody takes is given up all the same.
#[test]
fn attempts_are_not_counted_anew_after_a_restart() {
    let does = [&[Does::Answer(500), Does::Hold][..], &[Does::Answer(500); 64]].concat();
    let (mut site, receiver) = (Site::start(), Receiver::start(&does));
    save(&site, "all", &json!({"query": "action:door.open", "url": receiver.url}));
    site.append(&event("failure"));
    let mut heard = vec![receiver.next(), receiver.next()];
    site.reopen(CellLimits::default());
    wait_until(&site, "all", |one| one["dead"] == 1);
    heard.extend(receiver.heard.try_iter());
    assert!(heard.len() > 2, "a start tries at least once");
    assert!(heard.len() <= Site::WEBHOOK_ATTEMPTS as usize, "{} attempts", heard.len());
    let told = recorded(&site, "graven.query.delivered");
    assert_eq!(told[0]["data"]["attempts"], Site::WEBHOOK_ATTEMPTS);
}

#[test]
fn conditions_count_and_wait() {
    let (site, receiver) = (Site::start(), Receiver::start(&[]));
    let failures =
        |when: &str| json!({"query": "outcome:failure", "when": when, "url": receiver.url});
    save(&site, "count", &failures("at least 3 in 1h"));
    let indexes: Vec<u64> = (0..5).map(|_| site.append(&event("failure"))).collect();
    let heard = receiver.next();
    assert_eq!(
        (heard.indexes(), &heard.json()["data"]["reason"]),
        (indexes[..3].to_vec(), &json!("count"))
    );
    assert_eq!(change(&site, "count", &json!({"remove": true})).status, 200);
    save(&site, "silence", &failures("none in 1s"));
    assert_eq!(receiver.next().json()["data"]["reason"], "silence");
    wait_until(&site, "silence", |one| one["delivered"] == 1);
    assert_eq!(change(&site, "silence", &json!({"remove": true})).status, 200);
    save(&site, "disk", &failures("disk under 8000T"));
    let heard = receiver.next().json();
    assert_eq!(heard["data"]["reason"], "disk");
    assert!(heard["data"]["measured"].as_u64().unwrap() > 0);
}

#[test]
fn a_log_that_is_not_what_it_was_is_told() {
    let (mut site, receiver) = (Site::start(), Receiver::start(&[]));
    for _ in 0..50 {
        site.append(&event("failure"));
    }
    site.cell.unload().unwrap();
    site.reopen(CellLimits::default());
    save(&site, "good", &json!({"when": "unverified in 1s", "url": receiver.url}));
    wait_until(&site, "good", |one| one["stands"].is_null() && one["dead"] == 0);
    let damaged = site.damage("main");
    assert!(!damaged.is_empty(), "there is nothing to damage");
    save(&site, "bad", &json!({"when": "unverified in 1s", "url": receiver.url}));
    let heard = receiver.next().json();
    assert_eq!(heard["data"]["reason"], "unverified", "{damaged:?}");
}

#[test]
fn only_what_its_owner_may_read_is_found_and_told() {
    let (site, receiver) = (Site::start(), Receiver::start(&[]));
    let body = json!({"name": "audrey", "role": "auditor"}).to_string();
    let made = site.post("/api/v1/tokens", "application/json", body.as_bytes());
    let token = format!("Bearer {}", made.json()["token"].as_str().unwrap());
    let text = r#"forbid(principal == Principal::"audrey", action == Action::"read_entries", resource) when { context.event.outcome == "denied" };"#;
    let policy = json!({"text": text}).to_string();
    assert_eq!(
        site.post("/api/v1/policies/denied", "application/json", policy.as_bytes()).status,
        200
    );
    let body = json!({"query": "action:door.open", "url": receiver.url}).to_string();
    let path = "/api/v1/logs/main/queries/all";
    let ask = Ask::post(path, "application/json", body.as_bytes()).anonymous();
    assert_eq!(site.ask(&ask.with("authorization", &token)).status, 200);
    site.append(&event("denied"));
    let shown = site.append(&event("success"));
    let heard = receiver.next();
    assert_eq!(heard.indexes(), [shown]);
    assert!(!heard.body.contains("denied"), "{}", heard.body);
    // Whoever may not read any more is not told.
    assert_eq!(site.post("/api/v1/tokens/audrey/revoke", "application/json", b"").status, 200);
    site.append(&event("success"));
    let one = wait_until(&site, "all", |one| one["stands"].is_string());
    assert!(one["stands"].as_str().unwrap().contains("audrey may not read it"), "{one}");
}

#[test]
fn a_secret_drawn_anew_signs_beside_the_one_before() {
    let (site, receiver) = (Site::start(), Receiver::start(&[]));
    let old = save(&site, "all", &json!({"query": "action:door.open", "url": receiver.url}));
    let rotated = change(&site, "all", &json!({"rotate": true})).json();
    let new = rotated["secret"].as_str().unwrap();
    assert_ne!(old, new);
    let tested = site.post("/api/v1/logs/main/queries/all/test", "application/json", b"{}");
    assert_eq!(tested.json(), json!({"delivered": true, "why": null}));
    let heard = receiver.next();
    assert_eq!((heard.signatures(&old), heard.signatures(new)), (1, 1));
    assert_eq!(heard.json()["type"], "graven.query.test");
    // Saved again it keeps its secret; taken away and saved it has another.
    let body = json!({"query": "x", "url": receiver.url});
    assert_eq!(save(&site, "all", &body), new);
    assert_eq!(change(&site, "all", &json!({"remove": true})).status, 200);
    assert_ne!(save(&site, "all", &body), new);
}

#[test]
fn a_query_of_the_servers_own_log_does_not_find_itself() {
    let (site, receiver) = (Site::start(), Receiver::start(&[]));
    let body = json!({"query": "action:graven.query*", "url": receiver.url, "from": 0}).to_string();
    let path = "/api/v1/logs/system/queries/own";
    assert_eq!(site.post(path, "application/json", body.as_bytes()).status, 200);
    // It finds that it was saved, and that others were; never that it fired.
    for number in 0..3 {
        let heard = receiver.next().json();
        assert_eq!(heard["data"]["entries"][0]["event"]["action"], "graven.query");
        assert!(heard["data"]["entries"].as_array().unwrap().len() == 1, "{heard}");
        save(&site, &format!("other-{number}"), &json!({"query": "x", "url": receiver.url}));
    }
}

#[test]
fn what_is_no_saved_query_is_refused() {
    let site = Site::start();
    let url = "https://hooks.example/";
    for (name, body, status, field) in [
        ("a", json!({"query": "acter:x", "url": url}), 400, "query"),
        ("a", json!({"query": "x".repeat(5_000), "url": url}), 413, "query"),
        ("a", json!({"when": "often", "url": url}), 400, "when"),
        ("a", json!({"url": "ftp://hooks.example/"}), 400, "url"),
        ("A", json!({"url": url}), 400, "query"),
        ("a", json!({}), 400, "body"),
        ("a", json!({"url": url, "remove": true}), 400, "body"),
        ("a", json!({"rotate": true}), 404, "query"),
        ("a", json!({"uri": url}), 400, "body"),
    ] {
        let reply = change(&site, name, &body);
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
        assert_eq!(reply.json()["field"], field, "{}", reply.text());
    }
    assert!(recorded(&site, "graven.query").is_empty());
    // A network that nobody named is not reached, and says no more than that.
    save(&site, "inside", &json!({"url": "http://10.0.0.1/"}));
    let tested = site.post("/api/v1/logs/main/queries/inside/test", "application/json", b"{}");
    assert_eq!(tested.json()["delivered"], false);
    assert!(tested.json()["why"].as_str().unwrap().contains("not public"), "{}", tested.text());
}
