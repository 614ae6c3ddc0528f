//! `graven replay`: what a query finds once more, in order and at its pace, marked so that nobody takes it for new.

use std::str::FromStr;
use std::time::{Duration, Instant};

use client::Sink;
use graven_entry::{Time, elements, members, string_value, with_causes, write_json_string};
use graven_merkle::LeafIndex;
use server::limits::SEARCH_RESULTS_MAX;

use super::resource::{AskArgs, Asking};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Arguments of `graven replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// What to replay, as docs/search.md has it: 'actor:alice since:24h'; '*' is everything
    query: String,
    /// How many times as fast as it was, as 10x or 0.5x; max is without pauses
    #[arg(long, value_name = "SPEED", default_value = "1x")]
    speed: Speed,
    /// Where to: standard output, one line an entry, or a URL, one POST an entry
    #[arg(long, value_name = "URL|-", default_value = "-")]
    to: String,
    /// Start at this index
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    from: u64,
    #[command(flatten)]
    ask: AskArgs,
}

/// How fast; nothing is without pauses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Speed(Option<f64>);

/// An entry as a timeline has it.
struct Old<'a> {
    index: u64,
    time: Time,
    writer: &'a [u8],
    grade: &'a [u8],
    event: &'a [u8],
}

/// When the first entry went out, and when the log had taken it.
struct Pace {
    speed: Speed,
    began: Instant,
    first_ns: u64,
}

/// Sends what is found when it starts, and then ends. Exit 1 where nothing is.
pub(crate) fn run(context: &Context, args: &ReplayArgs) -> Result<Exit, Failure> {
    let sink = if args.to == "-" { None } else { Some(Sink::new(&args.to)?) };
    let asking = Asking::new(context, ("timeline", &args.ask), [("q", Some(&*args.query))])?;
    let origin = asking.connection.client.log(&asking.connection.log)?.origin;
    let (mut from, mut sent, mut pace) = (args.from, 0_u64, None);
    loop {
        let page = asking.page_bytes(&[("from", from), ("limit", SEARCH_RESULTS_MAX)])?;
        let read = |key: &str| members(&page).find(|(name, _)| name == key).map(|(_, raw)| raw);
        let next = read("next").and_then(number).filter(|next| *next < asking.size);
        for old in elements(read("results").unwrap_or_default()) {
            let old = Old::read(old).ok_or_else(|| unreadable(from))?;
            if old.index >= asking.size {
                break;
            }
            let pace = pace.get_or_insert_with(|| Pace::new(args.speed, old.time));
            pace.wait(old.time);
            let line = old.line(&origin);
            match &sink {
                None => context.out.data(&line)?,
                Some(sink) => sink
                    .post(&origin, LeafIndex(old.index), &line)
                    .map_err(|error| broken_off(&args.to, old.index, &error))?,
            }
            sent += 1;
        }
        match next {
            Some(next) if next > from => from = next,
            Some(_) => return Err(unreadable(from)),
            None => {
                asking.note_lag(context, read("indexed_through").and_then(number));
                break;
            }
        }
    }
    context.out.note(format!("{sent} entries replayed"));
    Ok(if sent > 0 { Exit::Good } else { Exit::Bad })
}

fn unreadable(from: u64) -> Failure {
    Failure::bad(format!("the server's page from {from} on is none of a timeline"))
}

fn broken_off(to: &str, index: u64, error: &client::ClientError) -> Failure {
    let message = format!("{to} did not take entry {index}: {}", with_causes(error));
    Failure::new(Exit::Unreachable, message).hint(format!("Go on there with --from {index}."))
}

fn number(raw: &[u8]) -> Option<u64> {
    std::str::from_utf8(raw).ok()?.parse().ok()
}

impl<'a> Old<'a> {
    fn read(raw: &'a [u8]) -> Option<Old<'a>> {
        let member = |key: &str| members(raw).find(|(name, _)| name == key).map(|(_, raw)| raw);
        Some(Old {
            index: number(member("index")?)?,
            time: string_value(member("time")?)?.parse().ok()?,
            writer: member("writer")?,
            grade: member("grade")?,
            event: member("event")?,
        })
    }

    /// One line that says what it is and is no event itself; the event stands in it as it was written.
    fn line(&self, origin: &str) -> Vec<u8> {
        let mut line = br#"{"graven":"replay/v1","origin":"#.to_vec();
        write_json_string(&mut line, origin);
        let head = format!(r#","index":{},"time":"{}","writer":"#, self.index, self.time);
        let parts: [&[u8]; 7] = [
            head.as_bytes(),
            self.writer,
            br#","grade":"#,
            self.grade,
            br#","event":"#,
            self.event,
            b"}\n",
        ];
        line.extend(parts.concat());
        line
    }
}

impl Pace {
    fn new(speed: Speed, first: Time) -> Pace {
        Pace { speed, began: Instant::now(), first_ns: first.unix_ns() }
    }

    /// Waits until it is this entry's turn.
    fn wait(&self, time: Time) {
        let due = self.speed.after(time.unix_ns().saturating_sub(self.first_ns));
        std::thread::sleep(due.saturating_sub(self.began.elapsed()));
    }
}

impl Speed {
    /// How long after the first an entry is due that came so many nanoseconds after it.
    fn after(self, ns: u64) -> Duration {
        let Some(times) = self.0 else { return Duration::ZERO };
        Duration::try_from_secs_f64(ns as f64 / 1e9 / times).unwrap_or(Duration::MAX)
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Speed, String> {
        if text == "max" {
            return Ok(Speed(None));
        }
        let times = text.strip_suffix('x').and_then(|times| times.parse::<f64>().ok());
        let times = times.filter(|times| times.is_finite() && *times > 0.0);
        times.map(|times| Speed(Some(times))).ok_or_else(|| "write 10x, 0.5x or max".to_owned())
    }
}

#[cfg(test)]
#[path = "replay/tests.rs"]
mod tests;
