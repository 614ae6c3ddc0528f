//! `graven config`: settings, where they come from, and what is wrong with them.

use super::fixture::Fixture;

#[test]
fn every_setting_says_where_it_comes_from() {
    let fixture = Fixture::empty();
    fixture.write(
        "graven.toml",
        "log = \"billing\"\nlisten = \"127.0.0.1:8080\"\ntoken = \"s3cret\"\n",
    );
    let check = ["config", "check", "--data", "here"];
    let ran = fixture.run_in(&check, "", &[("GRAVEN_LISTEN", "127.0.0.1:9090")]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let row = |key: &str| {
        let line = ran.stdout.lines().find(|line| line.starts_with(&format!("{key} "))).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("data"), ["data", "here", "flag"]);
    assert_eq!(row("listen"), ["listen", "127.0.0.1:9090", "environment"]);
    assert_eq!(row("log"), ["log", "billing", "graven.toml"]);
    assert_eq!(row("url"), ["url", "http://127.0.0.1:7070", "default"]);
    assert_eq!(row("guard"), ["guard", "unset"]);
    assert_eq!(row("token"), ["token", "(hidden)", "graven.toml"]);
    assert!(!ran.stdout.contains("s3cret"));
}

#[test]
fn mistakes_are_named() {
    let fixture = Fixture::empty();
    fixture.write("typo.toml", "data = \"d\"\nlissten = \"127.0.0.1:1\"\n");
    fixture.write("value.toml", "listen = \"everywhere\"\n");
    fixture.write("good.toml", "listen = \"127.0.0.1:1\"\n");
    let check = |file: &str, exit: i32, stdout: &[&str], stderr: &[&str]| {
        fixture.check(&["config", "check", file], exit, stdout, stderr);
    };
    check(
        "typo.toml",
        2,
        &[],
        &["typo.toml: line 2: unknown key `lissten`; did you mean `listen`?"],
    );
    check("value.toml", 2, &[], &["`listen` in value.toml is `everywhere`"]);
    check("good.toml", 0, &["good.toml"], &[]);
    check("missing.toml", 3, &[], &["missing.toml"]);
    // A bad file stops every command, not only the one that checks it.
    fixture.check(&["version", "--config", "typo.toml"], 2, &[], &["unknown key"]);
    let json = fixture.json(&["config", "check", "good.toml"], 0);
    assert_eq!((&json["ok"], &json["settings"][6]["key"]), (&true.into(), &"listen".into()));
    fixture.check(&["config", "reference"], 0, &["# Configuration", "## `guard`"], &[]);
}
