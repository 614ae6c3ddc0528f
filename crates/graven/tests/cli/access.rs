//! `graven access`: the audit scope of a log, from the command line.

use super::fixture::{Fixture, event};

const POLICY: &str = r#"{"rules":[{"name":"probes","action":"health.*","level":"none"},{"action":"*.view","level":"metadata"}],"catalogue":[{"action":"pay","require":["reason"]}]}"#;

#[test]
fn a_scope_is_set_explained_and_done() {
    let fixture = Fixture::serving();
    let write = |name: &str, text: &str| std::fs::write(fixture.path(name), text).unwrap();
    write("policy.json", POLICY);
    write("probe.json", r#"{"actor":{},"action":"health.live"}"#);
    write("view.json", r#"{"actor":{},"action":"a.view","data":1}"#);
    write("pay.json", r#"{"actor":{},"action":"pay"}"#);
    fixture.check(&["access", "scope"], 0, &["{}"], &["version 0"]);
    fixture.check(&["access", "scope", "policy.json"], 0, &["\"probes\""], &["version 1"]);
    fixture.check(&["access", "scope", "policy.json"], 2, &[], &["policy of `main` already"]);
    fixture.check(&["access", "scope", "probe.json"], 2, &[], &["the policy is not"]);
    let explain = |args: &[&str], expected: &[&str]| {
        fixture.check(&[&["access", "explain"], args].concat(), 0, expected, &[]);
    };
    explain(&["probe.json"], &["not recorded (none, by probes of version 1)"]);
    explain(&["view.json"], &["recorded in part (metadata, by rule 1", "  drops /data"]);
    explain(&["view.json", "--as", "signed"], &["refused", "never altered"]);
    explain(&["pay.json"], &["refused", "  needs /reason", "has to carry /reason"]);
    let told = fixture.json(&["access", "explain", "view.json"], 0);
    assert_eq!(told["dropped"][0], "/data");
    // The client knows a receipt from an event that was not taken, with proofs that it checks and without.
    let events = format!(
        "{}\n{}\n{}\n",
        r#"{"actor":{},"action":"health.x"}"#,
        event(1),
        r#"{"actor":{},"action":"a.view","data":1}"#
    );
    for args in [&["append"][..], &["append", "--proof", "--vkey", "graven-data/logs/main/vkey"]] {
        fixture.check_with(
            args,
            &events,
            0,
            &["appended 2 events"],
            &["1 event was not recorded", "probes"],
        );
    }
    let json = fixture.check_with(&["append", "--json"], &events, 0, &[], &[]);
    let lines: Vec<&str> = json.stdout.lines().collect();
    assert!(
        lines.len() == 2 && lines[0].contains("\"line\":2") && lines[1].contains("\"line\":3"),
        "{json:#?}"
    );
    fixture.check(&["verify", "graven-data", "--log", "main"], 0, &["main"], &[]);
}

#[test]
fn policies_are_set_listed_and_removed() {
    let fixture = Fixture::serving();
    let text = "forbid(principal, action == Action::\"export\", resource == Log::\"main\");\n";
    std::fs::write(fixture.path("p.cedar"), text).unwrap();
    std::fs::write(fixture.path("bad.cedar"), "permit(principal, action, resource);").unwrap();
    fixture.check(&["access", "policy", "set", "no-exports", "p.cedar"], 0, &[], &[]);
    fixture.check(&["access", "policy", "set", "x", "bad.cedar"], 2, &[], &["only narrows"]);
    fixture.check(&["access", "policy", "list"], 0, &["// no-exports", text.trim()], &[]);
    fixture.check(&["access", "policy", "remove", "no-exports"], 0, &[], &[]);
    fixture.check(&["access", "policy", "remove", "no-exports"], 1, &[], &["no policy no-exports"]);
}

#[test]
fn a_second_person_approves() {
    let mut fixture = Fixture::serving();
    fixture.stop();
    fixture.serve(&["--four-eyes", "grant"]);
    let token = |name: &str, by: &[(&str, &str)]| {
        let ran = fixture.run_in(&["token", "create", name, "--role", "owner", "--json"], "", by);
        assert_eq!(ran.exit, 0, "{ran:#?}");
        let made: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        made["token"].as_str().unwrap().to_owned()
    };
    let olga = token("olga", &[]);
    let by_olga = [("GRAVEN_TOKEN", olga.as_str())];
    let otto = token("otto", &by_olga);
    let by_otto = [("GRAVEN_TOKEN", otto.as_str())];
    let check = |by: &[(&str, &str)], args: &[&str], exit: i32, expected: &str| {
        let ran = fixture.run_in(args, "", by);
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.exit == exit && text.contains(expected), "graven {args:?} gave {ran:#?}");
    };
    let create = ["token", "create", "audrey", "--role", "auditor"];
    check(&by_olga, &create, 3, "has to approve request 1 within a day");
    check(&by_otto, &["access", "approvals"], 0, "1  olga wants to make audrey, a auditor");
    check(&by_olga, &["access", "approve", "1"], 3, "nobody approves their own");
    check(&by_otto, &["access", "approve", "1"], 0, "approved by otto");
    check(&by_olga, &create, 0, "graven_");
    let other = ["token", "create", "anna", "--role", "auditor"];
    check(&by_olga, &other, 3, "has to approve request 2 within a day");
    check(&by_otto, &["access", "deny", "2"], 0, "2  ended undone");
    check(&by_otto, &["access", "approve", "2"], 1, "no request of this number waits");
}
