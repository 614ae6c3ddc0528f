//! What the server seals and discloses, opened by RFC 9901 implementations that are not ours: `sd-jwt` from PyPI and
//! `@sd-jwt/core` from npm, in the versions of `xtask/conformance/sd-jwt`.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::files;
use super::kit::Kit;
use super::live::Server;
use super::npm;
use super::python;
use super::report::Report;
use crate::limits::VERIFIER_WAIT_MAX;

/// What is sealed: members, one below `changes`, and elements of an array.
const POLICY: &str = r#"{"main":{"rules":[
    {"path":"data.*","class":"pii","subject":"target.id"},
    {"path":"changes.iban","class":"pii","subject":"target.id"},
    {"path":"context.hops.*","class":"pii","subject":"target.id"}]}}"#;
/// An event with something for each rule.
const EVENT: &str = r#"{"actor":{"id":"a"},"action":"pay","target":{"id":"c-42"},"changes":{"iban":{"before":"DE111","after":"DE\u00e9 \"2\""}},"context":{"hops":["a",{"b":[1,null]}]},"data":{"n":-1.5e0,"deep":{"x":[true]},"name":"\ud83d\ude00"}}"#;
/// Where its sealed values stand.
const PATHS: [&str; 7] = [
    "/data/n",
    "/data/deep",
    "/data/name",
    "/changes/iban/before",
    "/changes/iban/after",
    "/context/hops/0",
    "/context/hops/1",
];

/// One of the implementations: what runs it before the file.
struct Opener {
    name: &'static str,
    words: Vec<PathBuf>,
}

/// Runs the part, against a server that is built.
pub(super) fn run(kit: &Kit, report: &mut Report) -> Result<(), String> {
    let openers: Vec<Opener> =
        [of_python(kit, report)?, of_node(kit, report)?].into_iter().flatten().collect();
    if openers.is_empty() {
        return Ok(());
    }
    let folder = kit.folder("sd-jwt")?;
    let policy = folder.join("policy.json");
    files::write(&policy, POLICY.as_bytes())?;
    let policy = policy.to_str().expect("paths below target/ are UTF-8");
    let server = Server::start(kit, "sd-jwt-server", &["--seal-policy", policy])?;
    let (index, event) = server.append_one(EVENT)?;
    let mut disclosures = Vec::new();
    for path in PATHS {
        disclosures.push(server.reveal(index, path)?);
    }
    let sealed: Value =
        serde_json::from_str(&event).map_err(|e| format!("the entry's event: {e}"))?;
    let clear: Value = serde_json::from_str(EVENT).map_err(|e| format!("the event: {e}"))?;
    for opener in &openers {
        let name = opener.name;
        let opened = opener.open(kit, &event, &disclosures)?;
        report.check(&format!("{name} opens what was disclosed"), same(&opened, &clear));
        let one = opener.open(kit, &event, &disclosures[..1])?;
        let only = json!({"n": clear["data"]["n"]});
        report.check(&format!("{name} opens one value and no other"), same(&one["data"], &only));
        for (at, path) in PATHS.iter().enumerate() {
            let mut changed = disclosures.clone();
            changed[at] = change(&changed[at]);
            let refused = match opener.open(kit, &event, &changed) {
                Ok(opened) if opened == clear || opened == sealed => {
                    Err(format!("opened to {opened}"))
                }
                // It says so, or leaves the value out.
                _ => Ok(()),
            };
            report.check(&format!("{name} does not open {path} by a changed disclosure"), refused);
        }
    }
    Ok(())
}

impl Opener {
    /// What the event opens to.
    fn open(&self, kit: &Kit, event: &str, disclosures: &[String]) -> Result<Value, String> {
        let given = kit.folder("sd-jwt")?.join("given.json");
        let text = json!({"event": event, "disclosures": disclosures}).to_string();
        files::write(&given, text.as_bytes())?;
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).arg(&given);
        let outcome = kit.stages.run_limited(self.name, &mut command, VERIFIER_WAIT_MAX)?;
        let line = outcome.output.lines().last().unwrap_or_default();
        match serde_json::from_str(line) {
            Ok(opened) if outcome.good => Ok(opened),
            _ => Err(format!("{} gave no answer: {}", self.name, outcome.output.trim())),
        }
    }
}

/// `sd-jwt` in an environment of its own.
fn of_python(kit: &Kit, report: &mut Report) -> Result<Option<Opener>, String> {
    let python = python::environment(kit, report, "sd-jwt", "requirements.txt")?;
    let script = kit.root.join("xtask/conformance/sd-jwt/open.py");
    Ok(python.map(|python| Opener { name: "sd-jwt (PyPI)", words: vec![python, script] }))
}

/// `@sd-jwt/core`, as the lock file has it.
fn of_node(kit: &Kit, report: &mut Report) -> Result<Option<Opener>, String> {
    let packages = npm::packages(&kit.root, kit.stages, report, "sd-jwt")?;
    let script = kit.root.join("xtask/conformance/sd-jwt/open.mjs");
    let words = |packages| vec![PathBuf::from("node"), script, packages];
    Ok(packages.map(|packages| Opener { name: "@sd-jwt/core (npm)", words: words(packages) }))
}

fn same(opened: &Value, expected: &Value) -> Result<(), String> {
    if opened == expected { Ok(()) } else { Err(format!("opened to {opened}, not {expected}")) }
}

/// The disclosure with one character of its salt changed, so that it still reads.
fn change(disclosure: &str) -> String {
    let (head, rest) = disclosure.split_at(8);
    let other = if rest.starts_with('A') { "B" } else { "A" };
    [head, other, &rest[1..]].concat()
}
