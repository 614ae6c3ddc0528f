//! The README's steps with roles and secrets, as a shell runs them: who may do what, revealed, erased, verified.

use std::process::Command;

use super::fixture::Fixture;

/// The steps of the README. A line that begins with `# ` says how the line above ends, and what it prints.
const STEPS: &str = r#"
graven token create billing-api --role writer > writer.token
echo '{"id":"7","actor":{"id":"anna@example.org"},"action":"card.add","data":{"iban":"DE111"}}' | GRAVEN_TOKEN=$(cat writer.token) graven append
# 0 appended 1 event to main: entry 1
GRAVEN_TOKEN=$(cat writer.token) graven get 1
# 3 read_entries
graven get 1
# 0 "_sd":[
graven token create dpo --role revealer --class pii > revealer.token
GRAVEN_TOKEN=$(cat revealer.token) graven reveal 1 /data/iban --reason "ticket 7"
# 0 "DE111"
graven subject show anna@example.org --reason "request 12"
# 0 p_
graven subject erase anna@example.org --reason "request 12"
# 0 1 sealed values
GRAVEN_TOKEN=$(cat revealer.token) graven reveal 1 /data/iban --reason "ticket 8"
# 1 no sealed value
graven verify graven-data
# 0 system
"#;

/// What the steps are taken from.
const README: &str = include_str!("../../../../README.md");

const POLICY: &str = r#"{"main":{"rules":[{"path":"data.iban","class":"pii","subject":"actor.id"},{"path":"actor.id","class":"pseudonym"}]}}"#;

#[test]
fn the_steps_of_the_readme_do_what_they_say() {
    let mut fixture = Fixture::empty();
    fixture.write("policy.json", POLICY);
    fixture.serve(&["--seal-policy", "policy.json"]);
    let graven = std::path::Path::new(env!("CARGO_BIN_EXE_graven"));
    let folder = graven.parent().unwrap().to_str().unwrap();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let mut last = (String::new(), 0, String::new());
    let mut checked = 0;
    assert!(README.contains(&format!("    echo '{POLICY}' > policy.json\n")), "the policy");
    for line in STEPS.lines().filter(|line| !line.is_empty()) {
        if let Some(expected) = line.strip_prefix("# ") {
            let (exit, words) = expected.split_once(' ').unwrap();
            let (step, found, output) = &last;
            assert_eq!(found.to_string(), exit, "{step}: {output}");
            assert!(output.contains(words), "{step}: {output} lacks {words}");
            checked += 1;
            continue;
        }
        assert!(README.contains(&format!("    {line}\n")), "the README has another step: {line}");
        let mut shell = fixture.command_by(&["sh", "-c", line], &[]);
        let ran = run(shell.env("PATH", &path));
        last = (line.to_owned(), ran.0, ran.1);
    }
    assert_eq!(checked, 8);
}

/// Exit code, and all that was printed.
fn run(command: &mut Command) -> (i32, String) {
    let ran = command.output().unwrap();
    let text = [ran.stdout, ran.stderr].concat();
    (ran.status.code().unwrap(), String::from_utf8_lossy(&text).into_owned())
}
