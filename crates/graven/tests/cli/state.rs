//! `graven history`, `asof`, `diff`, `blame`, `timeline` and `replay`: what they print, their exit codes, and a sink.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use super::fixture::Fixture;

const EVENTS: &str = concat!(
    r#"{"actor":{"id":"alice"},"action":"invoice.create","target":{"type":"invoice","id":"1"},"changes":{"amount":{"after":100.50},"status":{"after":"open"}}}"#,
    "\n",
    r#"{"actor":{"id":"bob"},"action":"invoice.update","target":{"type":"invoice","id":"1"},"outcome":"denied","changes":{"amount":{"after":7}}}"#,
    "\n",
    r#"{"actor":{"id":"carol"},"action":"invoice.update","target":"invoice/1","changes":{"amount":{"before":100.50,"after":9},"note":{"after":"late"}}}"#,
    "\n",
);

/// A server with the life of an invoice in entries 1 to 3.
fn serving() -> Fixture {
    let fixture = Fixture::serving();
    fixture.check_with(&["append"], EVENTS, 0, &[], &[]);
    fixture
}

#[test]
fn a_resource_is_shown_as_people_ask_for_it() {
    let fixture = serving();
    let ran = fixture.check(
        &["history", "invoice/1", "--wait"],
        0,
        &[
            "  alice  invoice.create  asserted  -  amount=100.5  status=open\n",
            "  bob  invoice.update  asserted  denied  amount=7  (does not count)\n",
            "  carol  invoice.update  asserted  -  amount=9  note=late\n",
        ],
        &["!of"],
    );
    assert_eq!(ran.stdout.lines().count(), 3, "{ran:#?}");
    fixture.check(&["history", "invoice/1", "--limit", "1"], 0, &["alice", "!bob"], &["--from 2"]);
    fixture.check(
        &["asof", "invoice/1"],
        0,
        &["amount  9\nnote  late\nstatus  open\n"],
        &["last changed by 3  "],
    );
    fixture.check(&["asof", "invoice/1", "--at", "2"], 0, &["amount  100.5\nstatus  open\n"], &[]);
    fixture.check(&["asof", "invoice/1", "--at", "0"], 1, &["!amount"], &["no entry says"]);
    fixture.check(&["asof", "invoice/2"], 1, &[], &[]);
    fixture.check(&["asof", "invoice/1", "--at", "soon"], 2, &[], &["neither an index nor a time"]);
    let ran = fixture.check(&["diff", "invoice/1", "1"], 0, &["amount  100.5 -> 9  3  "], &[]);
    assert!(ran.stdout.contains("note  (none) -> late  3  "), "{ran:#?}");
    fixture.check(&["diff", "invoice/1", "1", "2"], 1, &[], &[]);
    fixture.check(&["timeline", "carol"], 0, &["  carol  invoice.update  invoice/1  -\n"], &[]);
    fixture.check(&["timeline", "--session", "none"], 1, &["!carol"], &[]);
    fixture.check(&["timeline"], 2, &[], &["--session"]);
    let deletion = r#"{"actor":{"id":"dave"},"action":"invoice.delete","target":"invoice/1"}"#;
    fixture.check_with(&["append"], deletion, 0, &[], &[]);
    fixture.check(
        &["asof", "invoice/1", "--wait"],
        0,
        &["!amount"],
        &["it was deleted; the last entry is 4  "],
    );
    fixture.check(&["history", "invoice/1"], 0, &["(ends it)\n"], &[]);
}

#[test]
fn blame_names_the_entries_and_proves_them() {
    let fixture = serving();
    fixture.check(
        &["blame", "invoice/1", "--wait", "--prove"],
        0,
        &["amount  9  3  ", "note  late  3  ", "status  open  1  "],
        &["2 entries are in the log", "is not proved"],
    );
    let answer = fixture.json(&["blame", "invoice/1", "--prove"], 0);
    assert_eq!(
        (&answer["verified"], answer["proofs"].as_object().unwrap().len()),
        (&json!(true), 2)
    );
    // What it hands out can be checked by itself.
    let vkey = fixture.read("graven-data/logs/main/vkey");
    for (name, text) in [("entry", "entry"), ("proof", "tlog-proof")] {
        fixture.write(text, answer["proofs"]["3"][name].as_str().unwrap());
    }
    let verify = ["verify", "tlog-proof", "--entry", "entry", "--vkey", vkey.trim()];
    fixture.check(&verify, 0, &[], &[]);
    // A key of another log proves nothing.
    let other = fixture.read("graven-data/logs/system/vkey");
    fixture.check(
        &["blame", "invoice/1", "--prove", "--vkey", other.trim()],
        1,
        &[],
        &["does not hold"],
    );
}

#[test]
fn a_state_of_many_entries_is_one_answer() {
    let fixture = Fixture::serving();
    let count = 10_050;
    let events: String = (0..count)
        .map(|n| {
            let change = match n {
                5 => r#"{"early":{"after":1}}"#.to_owned(),
                10_020 => r#"{"early":{"before":1}}"#.to_owned(),
                _ => format!(r#"{{"f{}":{{"after":{n}}}}}"#, n % 3),
            };
            format!("{{\"actor\":{{\"id\":\"a\"}},\"action\":\"u\",\"target\":\"t\",\"changes\":{change}}}\n")
        })
        .collect();
    fixture.check_with(&["append"], &events, 0, &[], &[]);
    let answer = fixture.json(&["asof", "t", "--wait"], 0);
    assert_eq!(answer["state"], json!({"f0": 10_047, "f1": 10_048, "f2": 10_049}));
    assert_eq!(answer["entries"], json!(count));
    let answer = fixture.json(&["asof", "t", "--at", "10019"], 0);
    assert_eq!(answer["state"]["early"], 1);
    let answer = fixture.json(&["diff", "t", "10018", "10020"], 0);
    let fields = &answer["fields"];
    assert_eq!((&fields["early"], &fields["f1"]["after"]), (&Value::Null, &json!(10_018)));
    let answer = fixture.json(&["history", "t", "--limit", "600"], 0);
    assert_eq!((answer["versions"].as_array().unwrap().len(), &answer["next"]), (600, &json!(601)));
}

/// Requests of a replay, as a sink got them.
struct Sink {
    url: String,
    requests: JoinHandle<Vec<(String, String)>>,
}

impl Sink {
    /// Takes so many requests, head and body, and answers each with this status.
    fn taking(count: usize, status: &'static str) -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/take?x=1", listener.local_addr().unwrap());
        let requests = std::thread::spawn(move || {
            let mut requests = Vec::new();
            while requests.len() < count {
                let (stream, _) = listener.accept().unwrap();
                requests.push(take(stream, status));
            }
            requests
        });
        Sink { url, requests }
    }
}

fn take(stream: TcpStream, status: &str) -> (String, String) {
    let mut lines = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let from = head.len();
        assert!(lines.read_line(&mut head).unwrap() > 0, "a whole head: {head}");
        let line = head[from..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).unwrap();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    lines.get_mut().write_all(answer.as_bytes()).unwrap();
    (head.to_ascii_lowercase(), String::from_utf8(body).unwrap())
}

#[test]
fn a_replay_is_marked_in_order_and_never_taken_for_new() {
    let fixture = serving();
    let query = ["replay", "target:invoice/1", "--speed", "max", "--wait"];
    let ran = fixture.check(&query, 0, &[], &["3 entries replayed"]);
    let origin = fixture.json(&["log", "show"], 0)["origin"].as_str().unwrap().to_owned();
    let lines: Vec<&str> = ran.stdout.lines().collect();
    for (index, (line, event)) in (1..).zip(lines.iter().zip(EVENTS.lines())) {
        let start =
            format!(r#"{{"graven":"replay/v1","origin":"{origin}","index":{index},"time":""#);
        assert!(line.starts_with(&start), "{line}");
        assert!(line.ends_with(&format!(r#","event":{event}}}"#)), "the event as it was: {line}");
    }
    assert_eq!(lines.len(), 3);
    let sink = Sink::taking(2, "204 No Content");
    let to = ["--to", &sink.url, "--from", "2", "--speed", "1000x"];
    fixture.check(&[&query[..2], &to].concat(), 0, &[], &["2 entries replayed"]);
    for (index, (head, body)) in (2..).zip(sink.requests.join().unwrap()) {
        assert!(head.starts_with("post /take?x=1 "), "{head}");
        assert!(head.contains(&format!("graven-replay: {origin}/{index}\r\n")), "{head}");
        assert!(head.contains("content-type: application/vnd.graven.replay+json\r\n"), "{head}");
        assert!(!head.contains("authorization"), "{head}");
        assert_eq!(body.trim_end(), lines[index - 1]);
    }
    let sink = Sink::taking(1, "500 Internal Server Error");
    let ran = fixture.run_with(&[&query[..], &["--to", &sink.url]].concat(), "");
    assert_eq!(ran.exit, 3, "{ran:#?}");
    assert!(ran.stderr.contains("entry 1") && ran.stderr.contains("--from 1"), "{ran:#?}");
    assert_eq!(sink.requests.join().unwrap().len(), 1);
    // A Graven server takes none of it, for its type, and were that another one, for its form.
    let append = format!("{}/api/v1/logs/main/events", fixture.url());
    let ran = fixture.run_with(&[&query[..], &["--to", &append]].concat(), "");
    assert_eq!(ran.exit, 3, "{ran:#?}");
    fixture.check_with(&["append"], lines[0], 2, &[], &["actor"]);
    assert_eq!(fixture.json(&["log", "show"], 0)["size"], 4);
    fixture.check(&["replay", "actor:nobody"], 1, &[], &["0 entries replayed"]);
    fixture.check(&["replay", "*", "--speed", "0x"], 2, &[], &["0.5x or max"]);
    fixture.check(&["replay", "*", "--to", "ftp://x"], 2, &[], &["http://"]);
}
