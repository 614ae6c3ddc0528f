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
    assert_eq!((&json["ok"], &json["settings"][8]["key"]), (&true.into(), &"listen".into()));
    fixture.check(&["config", "reference"], 0, &["# Configuration", "## `guard`"], &[]);
}

/// The variables are those of the reference page, where each setting has its own.
#[test]
fn every_setting_is_to_be_had_from_the_environment() {
    let fixture = Fixture::empty();
    let page = fixture.check(&["config", "reference"], 0, &[], &[]).stdout;
    let parts: Vec<&str> = page.split("\n## `").skip(1).collect();
    assert!(parts.len() > 30, "{}", parts.len());
    for part in parts {
        let key = part.split('`').next().unwrap();
        let cell = |row: &str| {
            let line = part.lines().find(|line| line.starts_with(&format!("| {row} | "))).unwrap();
            line.split(" | ").nth(1).unwrap().trim_end_matches(" |").trim_matches('`').to_owned()
        };
        let value = match cell("value").split([',', ' ']).next().unwrap() {
            "URL" | "https://`" => "https://audit.example.com",
            "IP" if part.contains("IP addresses") => "10.0.0.1",
            "IP" => "127.0.0.1:1",
            "number" => "7",
            "true`" => "true",
            "on`" => "off",
            "of" => "grant",
            "pkcs11:`" => "pkcs11:token=t;object=o?module-path=/m&pin-source=/p",
            "text`" => "json",
            "log" => "billing",
            "networks" => "10.1.0.0/16",
            _ => "x",
        };
        let variable = cell("environment");
        let ran = fixture.run_in(&["config", "check", "--json"], "", &[(&variable, value)]);
        assert_eq!(ran.exit, 0, "{variable}={value}: {ran:?}");
        let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let rows = told["settings"].as_array().unwrap();
        let row = rows.iter().find(|row| row["key"] == key).unwrap();
        assert_eq!(row["source"], "environment", "{row}");
        assert!(row["value"] == value || row["value"] == "(hidden)", "{row}");
    }
}

#[test]
fn an_issuer_that_signs_browsers_in_needs_the_public_url() {
    let fixture = Fixture::empty();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--oidc-issuer", "http://127.0.0.1:1"];
    for (more, said) in
        [(&["--oidc-client-id", "graven"][..], "public URL"), (&[], "no audience and no client id")]
    {
        fixture.check(&[&serve[..], more].concat(), 2, &[], &[said]);
    }
}
