//! The help of every command, as a golden file: it is part of the surface.

use std::path::Path;

use super::fixture::Fixture;

const COMMANDS: [&[&str]; 67] = [
    &[],
    &["serve"],
    &["demo"],
    &["log"],
    &["log", "create"],
    &["log", "list"],
    &["log", "show"],
    &["log", "succeed"],
    &["append"],
    &["get"],
    &["prove"],
    &["verify"],
    &["export"],
    &["search"],
    &["sql"],
    &["history"],
    &["asof"],
    &["diff"],
    &["blame"],
    &["timeline"],
    &["replay"],
    &["query"],
    &["query", "save"],
    &["query", "list"],
    &["query", "show"],
    &["query", "test"],
    &["query", "rotate"],
    &["query", "delete"],
    &["tail"],
    &["key"],
    &["key", "list"],
    &["key", "rotate"],
    &["key", "add"],
    &["key", "revoke"],
    &["key", "sign"],
    &["token"],
    &["token", "create"],
    &["token", "list"],
    &["token", "revoke"],
    &["token", "grant"],
    &["access"],
    &["access", "explain"],
    &["access", "scope"],
    &["access", "approvals"],
    &["access", "approve"],
    &["access", "deny"],
    &["access", "policy"],
    &["access", "policy", "list"],
    &["access", "policy", "set"],
    &["access", "policy", "remove"],
    &["reveal"],
    &["disclose"],
    &["blob"],
    &["blob", "add"],
    &["blob", "get"],
    &["subject"],
    &["subject", "erase"],
    &["subject", "hold"],
    &["subject", "release"],
    &["subject", "show"],
    &["backup"],
    &["restore"],
    &["config"],
    &["config", "check"],
    &["completions"],
    &["man"],
    &["version"],
];

/// `GRAVEN_BLESS=1` writes the file anew.
#[test]
fn help_is_as_it_was() {
    let fixture = Fixture::empty();
    let mut text = String::new();
    for command in COMMANDS {
        let mut args = command.to_vec();
        args.push("--help");
        let ran = fixture.check(&args, 0, &["Usage: graven"], &[]);
        text.push_str(&format!("$ graven {}\n{}\n", args.join(" "), ran.stdout));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/help.txt");
    if std::env::var_os("GRAVEN_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "help.txt is old; run with GRAVEN_BLESS=1 to write it anew, and read the difference"
    );
}
