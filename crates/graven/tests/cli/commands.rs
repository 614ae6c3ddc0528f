//! Each command: exit codes, what it prints, and the shape of its JSON.

use serde_json::Value;

use super::fixture::{Fixture, event, events};

#[test]
fn usage_is_2_and_out_of_reach_is_3() {
    let fixture = Fixture::empty();
    fixture.write("text", "hello\n");
    std::fs::create_dir(fixture.path("folder")).unwrap();
    let nowhere = "http://127.0.0.1:1";
    fixture.check(&[], 2, &[], &["Usage: graven"]);
    fixture.check(&["frobnicate"], 2, &[], &["unrecognized subcommand"]);
    fixture.check(&["get"], 2, &[], &["<INDEX>"]);
    fixture.check(&["get", "x"], 2, &[], &["invalid digit"]);
    fixture.check(&["get", "1", "--log", "Main"], 2, &[], &["--log is `Main`"]);
    fixture.check(&["get", "1", "--url", "ftp://x"], 2, &[], &["--url is `ftp://x`"]);
    fixture.check(&["serve", "--listen", "0.0.0.0:0"], 2, &[], &["--insecure-listen"]);
    fixture.check(&["serve", "--listen", "nonsense"], 2, &[], &["--listen is `nonsense`"]);
    fixture.check(&["serve", "--origin", "1x"], 2, &[], &["must start with a letter"]);
    fixture.check(&["get", "1", "--url", nowhere], 3, &[], &["cannot reach", "graven serve"]);
    fixture.check(&["append", "missing.ndjson", "--url", nowhere], 3, &[], &["missing.ndjson"]);
    fixture.check(&["verify", "missing"], 3, &[], &["cannot read missing"]);
    fixture.check(&["verify", "text"], 3, &[], &["neither an export, nor a proof"]);
    fixture.check(&["verify", "folder"], 3, &[], &["neither a data directory nor"]);
    fixture.check(&["verify", nowhere], 3, &[], &["cannot reach"]);
    fixture.check(&["verify", "text", "--entry", "text"], 3, &[], &["neither an export"]);
    fixture.check(&["backup", "b"], 3, &[], &["is not a data directory"]);
    fixture.check(&["restore", "text"], 3, &[], &["is not a backup"]);
    fixture.check(&["--config", "missing.toml", "version"], 3, &[], &["missing.toml"]);
    assert!(!fixture.path("graven-data").exists(), "nothing but serve makes a data directory");
}

#[test]
fn not_found_is_1_and_refused_events_are_2_with_file_and_line() {
    let fixture = Fixture::serving();
    let size = fixture.json(&["log", "show"], 0)["size"].as_u64().unwrap();
    fixture.check(&["get", "999"], 1, &[], &["not_found"]);
    fixture.check(&["prove", "999"], 1, &[], &["not_found"]);
    fixture.check(&["get", "0", "--log", "nope"], 1, &[], &["not_found"]);
    fixture.check(&["log", "create", "main"], 2, &[], &["exists"]);
    fixture.check(&["log", "create", "No"], 2, &[], &["bad_json"]);
    fixture.write(
        "bad.ndjson",
        format!("{}{{\"actor\":{{}},\"action\":\"graven.key\"}}\n", events(0, 2)),
    );
    fixture.check(
        &["append", "bad.ndjson"],
        2,
        &[],
        &["bad.ndjson:3", "bad_event", "Nothing from bad.ndjson:1 on"],
    );
    let one = |text: &str, snippets: &[&str]| {
        fixture.check_with(&["append"], text, 2, &[], snippets);
    };
    one("{\"actor\":{}}\n", &["standard input, line 1", "bad_event", "action"]);
    one("\n\n{\"a\":1,\"a\":2}\n", &["standard input, line 3", "bad_json"]);
    one("[]\n", &["standard input, line 1", "bad_json"]);
    let long = format!("{{\"actor\":{{}},\"action\":\"a\",\"x\":\"{}\"}}", "y".repeat(60_000));
    one(&long, &["standard input, line 1", "too_large"]);
    assert_eq!(
        fixture.json(&["log", "show"], 0)["size"].as_u64(),
        Some(size),
        "nothing was written"
    );
    let taken = r#"{"id":"e-1","actor":{},"action":"other"}"#;
    fixture.check_with(&["append"], &event(1), 0, &[], &[]);
    one(taken, &["conflict"]);
    fixture.check_with(&["append", "--ack", "object"], &event(2), 2, &[], &["ack_unavailable"]);
    fixture.check_with(&["append", "--ack", "forever"], &event(2), 2, &[], &["not one of local"]);
}

#[test]
fn credentials_are_found_and_never_sent_elsewhere() {
    let fixture = Fixture::serving();
    let url = fixture.url();
    let token = fixture.read("graven-data/admin.token");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(fixture.path("graven-data/admin.token")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let away = ["log", "list", "--data", "elsewhere", "--url", &url];
    fixture.check(&away, 3, &[], &["unauthenticated", "GRAVEN_TOKEN"]);
    let ran = fixture.run_in(&away, "", &[("GRAVEN_TOKEN", token.trim())]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let ran = fixture.run_in(&["log", "list"], "", &[("GRAVEN_TOKEN", "wrong")]);
    assert_eq!(ran.exit, 3, "{ran:?}");
    // The admin token belongs to the data directory's server, not to whatever listens at another address.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = format!("http://{}", listener.local_addr().unwrap());
    let seen = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let read = stream.read(&mut head).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
        String::from_utf8_lossy(&head[..read]).to_ascii_lowercase()
    });
    fixture.check(&["log", "show", "--url", &other], 3, &[], &["unexpected answer"]);
    let seen = seen.join().unwrap();
    assert!(seen.starts_with("get ") && !seen.contains("authorization"), "{seen}");
}

#[test]
fn logs_and_keys() {
    let fixture = Fixture::serving();
    let created = fixture
        .json(&["log", "create", "billing", "--origin", "acme.example/billing", "--public"], 0);
    assert_eq!(created["origin"], "acme.example/billing");
    assert_eq!((&created["public"], &created["name"]), (&true.into(), &"billing".into()));
    fixture.check(&["log", "list"], 0, &["billing", "main", "system", "acme.example/billing"], &[]);
    let logs = fixture.json(&["log", "list"], 0);
    let names: Vec<&str> =
        logs["logs"].as_array().unwrap().iter().map(|log| log["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["billing", "main", "system"]);
    fixture.check_with(&["append", "--log", "billing"], &events(0, 3), 0, &["to billing"], &[]);
    fixture.check(
        &["log", "show", "billing"],
        0,
        &["origin   acme.example/billing", "public   yes"],
        &[],
    );

    let keys = fixture.json(&["key", "list", "--log", "billing"], 0);
    let vkey = keys["vkeys"][0].as_str().unwrap().to_owned();
    assert!(vkey.starts_with("acme.example/billing+"), "{vkey}");
    fixture.check(&["key", "list", "--log", "billing"], 0, &[&vkey], &[]);

    // A public log is verified by anyone who has its key.
    let anyone =
        ["verify", &fixture.url(), "--data", "elsewhere", "--log", "billing", "--vkey", &vkey];
    fixture.check(&anyone, 0, &["given by you", "internally consistent"], &[]);
    let foreign = ["verify", &fixture.url(), "--log", "main", "--vkey", &vkey];
    fixture.check(&foreign, 1, &["wrong_origin"], &[]);

    fixture.check(&["key", "rotate", "--log", "billing"], 0, &["vkey"], &["keys have changed"]);
    let rotated = fixture.json(&["key", "list", "--log", "billing"], 0);
    assert_ne!(rotated["vkeys"][0].as_str(), Some(vkey.as_str()));
    fixture.check_with(&["append", "--log", "billing"], &events(3, 3), 0, &[], &[]);
    let own =
        ["verify", &fixture.url(), "--log", "billing", "--vkey", "graven-data/logs/billing/vkeys"];
    fixture.check(&own, 0, &["given by you", "internally consistent"], &[]);
    // Whoever kept the first key follows the rotation: it vouched for the next.
    let kept = ["verify", &fixture.url(), "--log", "billing", "--vkey", &vkey];
    fixture.check(&kept, 0, &["given by you", "internally consistent"], &[]);
}

#[test]
fn get_and_tail() {
    let fixture = Fixture::serving();
    let first = fixture.json(&["log", "show"], 0)["size"].as_u64().unwrap();
    fixture.check_with(&["append"], &events(0, 15), 0, &[], &[]);
    let got = fixture.json(&["get", &first.to_string()], 0);
    assert_eq!((&got["index"], &got["verified"]), (&first.into(), &true.into()));
    assert_eq!(got["event"], event(0));
    assert_eq!(got["header"]["index"], first);

    let from = first.to_string();
    let ran = fixture.check(&["tail", "--from", &from, "--count", "15", "--json"], 0, &[], &[]);
    for (place, line) in ran.stdout.lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["index"], first + place as u64);
        assert!(line["entry"].as_str().unwrap().contains(&event(place as u64)));
    }
    let last = fixture.check(&["tail", "--count", "10"], 0, &[], &[]).stdout;
    assert_eq!(last.lines().count(), 10);
    assert!(last.starts_with(&format!("{}  ", first + 5)), "{last}");
}

#[test]
fn streams_are_numbered() {
    let fixture = Fixture::serving();
    let append = ["append", "--stream", "billing-api/7f"];
    let appended = fixture.check_with(&append, &events(0, 3), 0, &[], &[]);
    let last: u64 = appended.stdout.trim().rsplit(' ').next().unwrap().parse().unwrap();
    let got = fixture.json(&["get", &last.to_string()], 0);
    assert_eq!(
        (&got["header"]["stream"], &got["header"]["seq"]),
        (&"billing-api/7f".into(), &2.into())
    );
    // With its seq a repetition is recognised, and without it the stream goes on.
    let again = ["append", "--stream", "billing-api/7f", "--first-seq", "0"];
    fixture.check_with(&again, &events(0, 4), 0, &["4 events", "3 of them recorded before"], &[]);
    fixture.check_with(&append, &events(9, 1), 0, &["1 event"], &[]);
    let got = fixture.json(&["get", &(last + 2).to_string()], 0);
    assert_eq!(got["header"]["seq"], 4);
    let skips = ["append", "--stream", "billing-api/7f", "--first-seq", "9"];
    fixture.check_with(&skips, &events(0, 1), 2, &[], &["seq_gap"]);
    fixture.check(&["append", "--first-seq", "1"], 2, &[], &["--stream"]);
    fixture.check(&["verify", &fixture.url(), "--log", "main"], 0, &["1 stream"], &[]);
}

#[test]
fn verdicts_as_json() {
    let fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 300), 0, &[], &[]);
    let info = fixture.json(&["log", "show"], 0);
    let one = fixture.json(&["verify", &fixture.url(), "--log", "main"], 0);
    assert_eq!(
        (&one["ok"], &one["log"], &one["origin"]),
        (&true.into(), &"main".into(), &info["origin"])
    );
    assert_eq!((&one["size"], &one["root"]), (&info["size"], &info["root"]));
    assert_eq!((&one["first_bad_index"], &one["what"]), (&Value::Null, &Value::Null));
    assert_eq!((&one["key_from"], &one["checked"]["entries"]), (&"target".into(), &info["size"]));
    assert!(one["checked"]["tiles"].as_u64().unwrap() >= 3, "{one}");
    assert!(
        one["not_checked"].is_array() && one["keys_used"].as_array().unwrap().len() == 2,
        "{one}"
    );
    // A habit of the environment must not make an audit leave logs out.
    let habit = fixture.run_in(&["verify", "graven-data", "--json"], "", &[("GRAVEN_LOG", "main")]);
    let all: Value = serde_json::from_str(&habit.stdout).unwrap();
    assert_eq!((&all["ok"], all["logs"].as_array().unwrap().len()), (&true.into(), 2));
    assert!(all["checked"]["journal_frames"].as_u64().unwrap() > 0, "{all}");
    let exported = fixture.json(&["export", "--format", "ndjson", "--output", "e"], 0);
    assert_eq!((&exported["ok"], &exported["size"]), (&true.into(), &info["size"]));
    assert_eq!(fixture.json(&["version"], 0)["name"], "graven");
    fixture.check(&["export", "--format", "ndjson", "--output", "e"], 2, &[], &["never replaces"]);
    fixture.check(&["export", "--format", "csv", "--output", "f"], 2, &[], &["ndjson, tiles"]);
}

#[test]
fn completions_and_pages() {
    let fixture = Fixture::empty();
    for shell in ["bash", "zsh", "fish"] {
        fixture.check(&["completions", shell], 0, &["graven", "verify"], &[]);
    }
    fixture.check(&["man"], 0, &[".TH graven 1", "verify"], &[]);
    fixture.check(&["man", "--output", "man"], 0, &[], &["wrote the pages"]);
    for page in ["graven.1", "graven-verify.1", "graven-log-create.1"] {
        assert!(fixture.path("man").join(page).exists(), "{page}");
    }
    fixture.check(&["version"], 0, &["graven 0."], &[]);
    fixture.check(&["--version"], 0, &["graven 0."], &[]);
}

#[test]
fn a_second_server_is_kept_off() {
    let fixture = Fixture::serving();
    fixture.check(&["serve", "--listen", "127.0.0.1:0"], 3, &[], &["in use by another process"]);
}
