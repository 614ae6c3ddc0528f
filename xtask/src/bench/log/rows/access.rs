//! What access and sealed values cost, each figure beside what is asked of it.

use serde_json::Value;

use crate::bench::log::kit::Kit;
use crate::bench::log::line::{Goal, Line};
use crate::bench::log::number::number;
use crate::bench::log::process::Server;

/// What is asked of one core.
const FIELD_US_MAX: f64 = 2.0;
const REVEAL_US_MAX: f64 = 1_000.0;
const REQUEST_US_MAX: f64 = 5.0;
/// What the server of the reveals seals.
const SEAL_POLICY: &str =
    r#"{"main":{"rules":[{"path":"data.iban","class":"pii","subject":"target.id"}]}}"#;

/// A figure of an example's line, which has it in nanoseconds.
fn micros(value: &Value, name: &str) -> Result<f64, String> {
    Ok(number(value, &format!("/{name}_ns"))? / 1e3)
}

/// A figure beside what is asked of it.
fn asked(figure: &str, ours_us: f64, most_us: f64) -> Line {
    Line::new(figure, "µs", ours_us, "asked", Ok(most_us)).asked(Goal::AtMost(1.0))
}

/// Authenticating and authorising a request.
pub(in crate::bench::log) fn authorise(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let output = kit.run("authorise", &mut kit.example("authorise"))?;
    let told: Vec<Value> =
        output.lines().filter_map(|one| serde_json::from_str(one).ok()).collect();
    let mut lines = Vec::new();
    for (policies, what) in [
        ("none", "no policy"),
        ("of_one", "100 policies, each of one principal"),
        ("of_all", "100 policies, each of all"),
    ] {
        let value = told.iter().find(|value| value["policies"] == policies);
        let value = value.ok_or_else(|| format!("no figures of `{policies}`"))?;
        let request_us = micros(value, "request")?;
        lines.push(asked(&format!("a request, 1,000 tokens, {what}"), request_us, REQUEST_US_MAX));
        for (figure, name) in [("a principal's first one", "first"), ("each event read", "event")] {
            let ours_us = micros(value, name)?;
            let figure = format!("{figure}, {what}");
            lines.push(Line::new(figure, "µs", ours_us, "a request", Ok(request_us)));
        }
    }
    Ok(lines)
}

/// Sealing and opening, without the disk.
pub(in crate::bench::log) fn sealing(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let value = kit.run_json("seal_cost", &mut kit.example("seal_cost"))?;
    let seal_us = micros(&value, "seal")?;
    let note =
        "two fields of an event of 331 bytes, one subject; processor time, the least of 15 rounds";
    let mut lines = vec![asked("sealing a field", seal_us, FIELD_US_MAX).note(note)];
    for (figure, name) in [
        ("of that: find it by rules", "find"),
        ("of that: salt, disclosure, digest, the new event", "place"),
        ("of that: its subject's key", "key"),
        ("of that: encrypt it", "encrypt"),
        ("after that: the log's check of what was sealed", "check"),
        ("beside it: look for sensitive forms, a whole event", "detect"),
    ] {
        let ours_us = micros(&value, name)?;
        lines.push(Line::new(figure, "µs", ours_us, "sealing a field", Ok(seal_us)));
    }
    lines.push(asked("opening a field again", micros(&value, "open")?, REVEAL_US_MAX));
    Ok(lines)
}

/// A reveal at a server, which makes its record durable before it answers.
pub(in crate::bench::log) fn reveal(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let policy = kit.dir().join("seal-policy.json");
    std::fs::write(&policy, SEAL_POLICY)
        .map_err(|e| format!("cannot write {}: {e}", policy.display()))?;
    let mut command = kit.cores.server(kit.graven());
    command.env("GRAVEN_SEAL_POLICY", &policy);
    let server = Server::graven(command, &kit.folder("reveal")?, &["--search", "off"])?;
    let mut command = kit.cores.load(kit.example("reveal_time"));
    command.arg(&server.url).env("GRAVEN_TOKEN", &server.token);
    let value = kit.run_json("reveal_time", &mut command)?;
    server.stop()?;
    let line = |figure: &str, name: &str| {
        Ok::<Line, String>(asked(figure, number(&value, name)?, REVEAL_US_MAX))
    };
    let note = format!("{} reveals, one at a time", number(&value, "/reveals")?);
    Ok(vec![
        line("a reveal over HTTP, its record durable first, p50", "/p50_us")?.note(note),
        line("the same, p99", "/p99_us")?,
    ])
}
