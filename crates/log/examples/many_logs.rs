//! Appends to many logs of one cell at once, beside as many appends to one log.
//!
//! `cargo run --release -p graven-log --example many_logs -- [EVENTS] [LOGS] [IN_FLIGHT] [DIRECTORY]`
//!
//! Every log signs its own checkpoint for each frame that holds an entry of it: with few events in flight a log, that is
//! what most of the time goes into.

#[path = "support/events.rs"]
mod events;
mod support;

use append::Code;
use events::Events;
use graven_entry::LogName;
use log::{Cell, CellOptions, Env, LogHandle, NewLog, Pending};
use std::collections::VecDeque;
use support::{Cost, Failure, Place, print, submit};

/// A submission without its answer: the log, the event's number, and what brings the answer.
type InFlight<'a> = (&'a LogHandle, u64, Pending);

/// Events a second, and processor time of one event in microseconds.
struct Rate {
    rate: f64,
    cpu_us: f64,
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let events: u64 = args.next().map_or(Ok(300_000), |text| text.parse())?;
    let logs: usize = args.next().map_or(Ok(1_000), |text| text.parse())?;
    let in_flight: usize = args.next().map_or(Ok(16_000), |text| text.parse())?;
    let place = Place::new("many-logs", args.next())?;
    let (cell, _) = Cell::open(Env::real(), CellOptions::new(place.0.join("data")))?;
    let mut handles = Vec::with_capacity(logs);
    for number in 0..logs {
        let new = NewLog { origin: None, public: false, succeeds: None };
        handles.push(cell.create_log(&LogName::new(&format!("log-{number}"))?, new)?);
    }
    let one = cell.log("main").ok_or("no log main")?;
    let one = append(std::slice::from_ref(&one), 0..events, in_flight)?;
    let many = append(&handles, events..2 * events, in_flight)?;
    cell.stop();
    place.remove()?;
    print(&format!(
        concat!(
            r#"{{"bench":"many_logs","events":{},"logs":{},"in_flight":{},"rate":{:.0},"limit":{:.0},"#,
            r#""ratio":{:.3},"cpu_us":{:.2},"limit_cpu_us":{:.2}}}"#
        ),
        events,
        logs,
        in_flight,
        many.rate,
        one.rate,
        many.rate / one.rate,
        many.cpu_us,
        one.cpu_us,
    ));
    Ok(())
}

/// Appends one event a batch to the logs in turn.
fn append(
    logs: &[LogHandle],
    numbers: std::ops::Range<u64>,
    in_flight: usize,
) -> Result<Rate, Failure> {
    let (writer, texts) = (support::writer()?, Events::new());
    let events = (numbers.end - numbers.start) as f64;
    let cost = Cost::begin()?;
    let mut waiting: VecDeque<InFlight> = VecDeque::with_capacity(in_flight);
    let hand_in = |log: &LogHandle, number: u64| submit(log, &writer, || vec![texts.event(number)]);
    let answered = |(log, number, pending): InFlight| -> Result<(), Failure> {
        let mut answer = pending.wait();
        // Taken into the queue, refused when its turn came: the journal waits for the unloader. It is sent again.
        while answer.as_ref().is_err_and(|refusal| refusal.code == Code::Busy) {
            answer = hand_in(log, number)?.wait();
        }
        answer?;
        Ok(())
    };
    for (number, log) in numbers.zip(logs.iter().cycle()) {
        let oldest = if waiting.len() >= in_flight { waiting.pop_front() } else { None };
        oldest.map_or(Ok(()), answered)?;
        waiting.push_back((log, number, hand_in(log, number)?));
    }
    waiting.into_iter().try_for_each(answered)?;
    Ok(Rate { rate: events / cost.seconds(), cpu_us: cost.cpu_seconds()? * 1e6 / events })
}
