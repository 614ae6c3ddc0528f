//! Appends over HTTP, beside a bare server of the same stack and beside a raw write.

use crate::bench::log::kit::Kit;
use crate::bench::log::line::{Goal, Line};
use crate::bench::log::load::{Load, Loaded};
use crate::bench::log::number::median;
use crate::bench::log::process::Server;

/// Where the log takes events.
const EVENTS: &str = "/api/v1/logs/main/events";
/// The same, answered with proofs.
const EVENTS_PROVED: &str = "/api/v1/logs/main/events?proof=true";
/// Turns of raw writes and appends: a disk that others use is not the same from second to second.
const LATENCY_TURNS: u64 = 5;
/// Where the bare server does.
const BARE: &str = "/events";

/// One server's way to take a load, and what came of it in each round.
struct Runner<'a> {
    server: &'a Server,
    path: &'static str,
    loads: Vec<Loaded>,
}

/// Runs all in turns, so that what else the machine does falls on each alike. Event numbers never repeat.
fn in_turns(kit: &Kit, runners: &mut [Runner<'_>], load: Load) -> Result<(), String> {
    let mut first = load.first;
    let warm_up = load.events / 10;
    for round in 0..=kit.counts.rounds {
        for runner in runners.iter_mut() {
            // The first round warms up and is not counted.
            let events = if round == 0 { warm_up.max(1) } else { load.events };
            let loaded = kit.load(runner.server, runner.path, Load { events, first, ..load })?;
            first += events;
            if round > 0 {
                runner.loads.push(loaded);
            }
        }
    }
    Ok(())
}

impl Runner<'_> {
    fn new<'a>(server: &'a Server, path: &'static str) -> Runner<'a> {
        Runner { server, path, loads: Vec::new() }
    }

    fn median(&self, of: impl Fn(&Loaded) -> f64) -> Result<f64, String> {
        median(self.loads.iter().map(of).collect())
    }

    fn per_s(&self) -> Result<f64, String> {
        self.median(|loaded| loaded.per_s)
    }

    /// What the last round says of who was busy, and how long requests took.
    fn note(&self, who: &str) -> String {
        let Some(last) = self.loads.last() else { return String::new() };
        let (p50_ms, p99_ms) = (last.p50_us / 1e3, last.p99_us / 1e3);
        format!("{who}: {}; request p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms", last.bound())
    }
}

/// Single events, 512 connections.
pub(super) fn single(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let ours = kit.serve(&kit.folder("http-single")?)?;
    let bare = kit.serve_bare("bare-single", false)?;
    let mut runners =
        [Runner::new(&ours, EVENTS), Runner::new(&ours, EVENTS_PROVED), Runner::new(&bare, BARE)];
    let load = Load { events: kit.counts.single_events, first: 0, connections: 512, batch: 1 };
    in_turns(kit, &mut runners, load)?;
    let [plain, proved, bare] = &runners;
    let line = |runner: &Runner<'_>, figure: &str| {
        let line = Line::new(figure, "/s", runner.per_s()?, "bare server", Ok(bare.per_s()?));
        Ok::<Line, String>(line.note(runner.note("graven")))
    };
    let plain = line(plain, "appends over HTTP, 512 connections")?.note(bare.note("bare server"));
    Ok(vec![plain.asked(Goal::AtLeast(0.6)).of_limit(), line(proved, "the same with proofs")?])
}

/// Batches of 100, 64 connections.
pub(super) fn batch(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let ours = kit.serve(&kit.folder("http-batch")?)?;
    let bare = kit.serve_bare("bare-batch", true)?;
    let mut runners = [Runner::new(&ours, EVENTS), Runner::new(&bare, BARE)];
    let load = Load { events: kit.counts.batch_events, first: 0, connections: 64, batch: 100 };
    in_turns(kit, &mut runners, load)?;
    let [ours, bare] = &runners;
    let line = Line::new(
        "events over HTTP in batches of 100, 64 connections",
        "/s",
        ours.per_s()?,
        "bare server that hashes leaves and nodes",
        Ok(bare.per_s()?),
    );
    let line = line.note(ours.note("graven")).note(bare.note("bare server"));
    Ok(vec![line.asked(Goal::AtLeast(0.5)).of_limit()])
}

/// One client that waits for each receipt.
pub(super) fn latency(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let ours = kit.serve(&kit.folder("latency")?)?;
    let (mut append_us, mut write_us) = (Vec::new(), Vec::new());
    let events = (kit.counts.latency_events / LATENCY_TURNS).max(1);
    for turn in 0..LATENCY_TURNS {
        write_us.push(raw_write_us(kit)?);
        let load = Load { events, first: turn * events, connections: 1, batch: 1 };
        append_us.push(kit.load(&ours, EVENTS_PROVED, load)?.p50_us);
    }
    let note = format!("p50 of each turn: receipt {append_us:.0?} µs, raw write {write_us:.0?} µs");
    let line = Line::new(
        "one client, append to receipt with proof, p50",
        "µs",
        median(append_us)?,
        "durable write of 4 KiB, p50",
        Ok(median(write_us)?),
    );
    Ok(vec![line.asked(Goal::AtMost(2.0)).of_limit().note(note)])
}

/// The faster way's median of a durable 4 KiB write, in microseconds.
fn raw_write_us(kit: &Kit) -> Result<f64, String> {
    let mut command = kit.example("flush_cost");
    command.arg(kit.dir());
    let output = kit.run("flush_cost", &mut kit.cores.server(command))?;
    raw_p50_us(&output).ok_or_else(|| "flush_cost printed no 4 KiB line".to_owned())
}

/// The smallest p50 of the table's lines of 4 KiB.
pub(in crate::bench::log) fn raw_p50_us(table: &str) -> Option<f64> {
    let p50 = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        (cells.first() == Some(&"4")).then(|| cells.get(2)?.parse::<f64>().ok()).flatten()
    };
    table.lines().filter_map(p50).reduce(f64::min)
}
