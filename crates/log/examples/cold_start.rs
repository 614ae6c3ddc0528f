//! Time from a start after `kill -9` to the first accepted append, beside the same for a small log.
//!
//! `cargo run --release -p graven-log --example cold_start -- [EVENTS] [SMALL] [DIRECTORY]`
//!
//! A child process fills the log and is killed while it appends.

#[path = "support/events.rs"]
mod events;
#[path = "support/fill.rs"]
mod fill;
mod support;

use events::Events;
use fill::fill;
use log::{Cell, CellOptions, Env, LogHandle};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use support::{Cost, Failure, Place, print, submit};

/// The argument with which this program is its own child.
const FILL: &str = "--fill";
/// What the child says when the log has its size.
const FILLED: &str = "filled";

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if(|arg| arg == FILL).is_some() {
        let data = args.next().ok_or("no directory")?;
        return fill_for_ever(Path::new(&data), args.next().ok_or("no number")?.parse()?);
    }
    let events: u64 = args.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let small: u64 = args.next().map_or(Ok(100_000), |text| text.parse())?;
    let place = Place::new("cold-start", args.next())?;
    let (start_s, cpu_s) = start(&place.0.join("large"), events)?;
    let (limit_s, limit_cpu_s) = start(&place.0.join("small"), small)?;
    place.remove()?;
    print(&format!(
        concat!(
            r#"{{"bench":"cold_start","events":{},"small":{},"start_s":{:.3},"limit_s":{:.3},"#,
            r#""ratio":{:.3},"cpu_s":{:.3},"limit_cpu_s":{:.3}}}"#
        ),
        events,
        small,
        start_s,
        limit_s,
        start_s / limit_s,
        cpu_s,
        limit_cpu_s
    ));
    Ok(())
}

/// Fills a log, kills the process that did, and opens it again up to the first append: seconds, and seconds of processor.
fn start(data: &Path, events: u64) -> Result<(f64, f64), Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .args([FILL.as_ref(), data.as_os_str(), events.to_string().as_ref()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    BufReader::new(child.stdout.take().ok_or("no output of the child")?).read_line(&mut said)?;
    child.kill()?;
    child.wait()?;
    if said.trim() != FILLED {
        return Err("the child did not fill the log".into());
    }
    let cost = Cost::begin()?;
    let (cell, _) = Cell::open(Env::real(), CellOptions::new(data))?;
    let log = main_log(&cell)?;
    let texts = Events::new();
    submit(&log, &support::writer()?, || vec![texts.event(u64::MAX)])?.wait()?;
    let took = (cost.seconds(), cost.cpu_seconds()?);
    cell.stop();
    Ok(took)
}

/// Fills the log, says so, and goes on until it is killed.
fn fill_for_ever(data: &Path, events: u64) -> Result<(), Failure> {
    let (cell, _) = Cell::open(Env::real(), CellOptions::new(data))?;
    let log = main_log(&cell)?;
    fill(&log, events)?;
    print(FILLED);
    let (writer, texts) = (support::writer()?, Events::new());
    for number in events.. {
        submit(&log, &writer, || vec![texts.event(number)])?.wait()?;
    }
    Ok(())
}

fn main_log(cell: &Cell) -> Result<LogHandle, Failure> {
    Ok(cell.log("main").ok_or("no log main")?)
}
