//! The demo end to end: every tampering is detected as it claims, and what it prints works.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::fixture::Fixture;

/// What one check of a case has to come to: its claim, which is a fault's name or `pass`, and whether an index is named.
type Expected = (&'static str, bool);

#[test]
fn the_tour_detects_every_tampering() {
    let fixture = Fixture::empty();
    let folder = fixture.path("");
    let temporary = [("TMPDIR", folder.to_str().unwrap())];
    let args = ["demo", "--once", "--events", "3000", "--json", "--listen", "127.0.0.1:0"];
    let ran = fixture.run_in(&args, "", &temporary);
    assert_eq!((ran.exit, ran.stderr.as_str()), (0, ""), "{ran:#?}");
    let lines: Vec<Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let victim = lines[0]["entry"]["index"].as_u64().unwrap();
    let check = |line: usize, name: &str, expected: &[Expected]| {
        let case = &lines[line];
        assert_eq!((&case["step"], &case["case"]), (&"tampering".into(), &name.into()), "{case}");
        assert_eq!(
            (&case["detected"], &case["as_claimed"]),
            (&true.into(), &true.into()),
            "{case}"
        );
        let checks = case["checks"].as_array().unwrap();
        assert_eq!(checks.len(), expected.len(), "{case}");
        for (check, (claim, has_index)) in checks.iter().zip(expected) {
            assert_eq!(check["claimed"], *claim, "{check}");
            assert_eq!(check["ok"], *claim == "pass", "{check}");
            assert_eq!(check["what"].as_str().unwrap_or("pass"), *claim, "{check}");
            assert_eq!(check["first_bad_index"].is_u64(), *has_index, "{check}");
            if let Some(index) = check["first_bad_index"].as_u64() {
                // Damage is named by the first entry of its bundle, a root by the last entry below it.
                let is_near = if *claim == "storage_damaged" {
                    (index..index + 256).contains(&victim)
                } else {
                    index >= victim
                };
                assert!(is_near, "entry {victim} was tampered with: {check}");
            }
        }
    };
    check(1, "flipped_byte", &[("storage_damaged", true)]);
    check(2, "dropped_tail", &[("pass", false), ("rollback", false), ("rollback", false)]);
    check(
        3,
        "rewritten_entry",
        &[
            ("root_mismatch", true),
            ("pass", false),
            ("key_unknown", false),
            ("fork", true),
            ("fork", true),
        ],
    );
    check(4, "fork", &[("pass", false), ("fork", true), ("fork", true), ("fork", true)]);
    assert_eq!((&lines[5]["step"], &lines[5]["as_claimed"]), (&"done".into(), &true.into()));
    assert_eq!(lines.len(), 6);
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert!(left.is_empty(), "the demo left {left:?}");
}

#[test]
fn what_it_prints_works() {
    let fixture = Fixture::empty();
    let mut demo = Demo::start(&fixture);
    let serving = demo.next("serving");
    for command in serving["try"].as_array().unwrap() {
        let command = command.as_str().unwrap();
        if command.starts_with("curl") && !has_curl() {
            println!("SKIP what_it_prints_works: curl is missing (apt install curl)");
            continue;
        }
        let output = Command::new("sh")
            .args(["-c", command])
            .current_dir(fixture.path(""))
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        assert!(!said.is_empty() || command.contains(" prove "), "{command} said nothing");
    }
    let again = fixture.run_with(&["demo", "--data", "demo-data", "--once"], "");
    assert_eq!(again.exit, 2, "{again:?}");
    assert_eq!(demo.next("done")["as_claimed"], true);
    demo.interrupt();
    // What was named is kept, with the event of one's own, and can be gone on with.
    fixture.check(&["verify", "demo-data"], 0, &["internally consistent"], &[]);
    fixture.check(&["verify", "demo-data-tour/1-flipped-byte"], 1, &["storage_damaged"], &[]);
    assert!(!fixture.path("demo-data/server.url").exists());
}

#[test]
fn what_it_will_not_do() {
    let fixture = Fixture::empty();
    fixture.check(&["demo", "--once", "--listen", "0.0.0.0:0"], 2, &[], &["loopback"]);
    fixture.check(&["demo", "--once", "--events", "7"], 2, &[], &["200"]);
    std::fs::create_dir(fixture.path("mine")).unwrap();
    fixture.check(&["demo", "--once", "--data", "mine"], 2, &[], &["mine exists"]);
}

/// A demo that goes on until it is interrupted.
struct Demo {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Demo {
    fn start(fixture: &Fixture) -> Demo {
        let args =
            ["demo", "--data", "demo-data", "--events", "600", "--json", "--listen", "127.0.0.1:0"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_graven"));
        let ours = std::env::vars_os().map(|(name, _)| name);
        for name in ours.filter(|name| name.to_string_lossy().starts_with("GRAVEN_")) {
            command.env_remove(name);
        }
        let mut child = command
            .args(args)
            .current_dir(fixture.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Demo { child, lines }
    }

    /// The next line of this step.
    fn next(&mut self, step: &str) -> Value {
        for line in self.lines.by_ref() {
            let value: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if value["step"] == step {
                return value;
            }
        }
        panic!("the demo ended before the step {step}: {:?}", self.child.wait());
    }

    fn interrupt(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status:?}");
    }
}

impl Drop for Demo {
    /// A failed test leaves no server behind.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn has_curl() -> bool {
    Command::new("curl")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
