//! Appends over HTTP from many keep-alive connections on one thread, and prints one line of JSON.
//!
//! `cargo run --release -p graven-server --example http_load -- URL EVENTS [--connections N] [--batch N] …`
//!
//! `{"events","elapsed_s","per_s","p50_us","p99_us","cpu_s","busy","marks_s"}`: latencies are those of requests, `cpu_s` is
//! what this generator used itself, `busy` counts answers 429, after which a request is sent again, `marks_s` says when
//! each tenth of the events was answered.

mod connection;
mod event;

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use connection::{Answer, Connection};
use event::{EVENT_BYTES, Events};

type Failure = Box<dyn Error + Send + Sync>;

/// Ticks of `/proc/self/stat` in a second: the same on every Linux.
const TICKS_PER_S: f64 = 100.0;
/// Pause after an answer 429, and how many of them one request takes: together a minute.
const BUSY_PAUSE: Duration = Duration::from_millis(5);
const BUSY_ANSWERS_MAX: usize = 12_000;
/// Parts of a run whose ends are marked.
const MARKS: u64 = 10;

/// Appends over HTTP from many keep-alive connections.
#[derive(Parser, Clone)]
struct Args {
    /// Where to: http://HOST:PORT/PATH
    url: String,
    /// How many events
    events: u64,
    /// Connections that send at once
    #[arg(long, default_value_t = 512)]
    connections: u64,
    /// Events of one request: 1 is sent as JSON, more as NDJSON
    #[arg(long, default_value_t = 1)]
    batch: u64,
    /// The first event's number: events of one number have the same bytes and the same id
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// A bearer token
    #[arg(long, env = "GRAVEN_TOKEN", default_value = "")]
    token: String,
}

/// What the connections share.
struct Run {
    args: Args,
    host: String,
    path: String,
    texts: Events,
    began: Instant,
    /// The number of the next event that nobody has taken.
    next: AtomicU64,
    answered: AtomicU64,
    busy: AtomicU64,
    /// Microseconds after the start when each tenth was answered; 0 where it is not yet.
    marks_us: [AtomicU64; MARKS as usize],
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (run, mut micros) = runtime.block_on(load(args))?;
    let elapsed_s = run.began.elapsed().as_secs_f64();
    micros.sort_unstable();
    let at = |percent: usize| micros.get(micros.len().saturating_sub(1) * percent / 100).copied();
    let marks_s: Vec<f64> =
        run.marks_us.iter().map(|mark| mark.load(Ordering::Relaxed) as f64 / 1e6).collect();
    let line = serde_json::json!({
        "events": run.args.events,
        "elapsed_s": elapsed_s,
        "per_s": run.args.events as f64 / elapsed_s,
        "p50_us": at(50),
        "p99_us": at(99),
        "cpu_s": cpu_s()?,
        "busy": run.busy.load(Ordering::Relaxed),
        "marks_s": marks_s,
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// Runs all connections to their end; the latencies in microseconds come back with the run.
async fn load(args: Args) -> Result<(Arc<Run>, Vec<u32>), Failure> {
    let rest = args.url.strip_prefix("http://").ok_or("the URL is not an http:// one")?;
    let (host, path) = rest.split_once('/').ok_or("the URL has no path")?;
    let (host, path) = (host.to_owned(), path.to_owned());
    let mut open = Vec::new();
    for _ in 0..args.connections {
        open.push(Connection::open(&host).await?);
    }
    let next = AtomicU64::new(args.first);
    let run = Run {
        args,
        host,
        path,
        texts: Events::new(),
        began: Instant::now(),
        next,
        answered: AtomicU64::new(0),
        busy: AtomicU64::new(0),
        marks_us: Default::default(),
    };
    let run = Arc::new(run);
    let tasks: Vec<_> = open.into_iter().map(|c| tokio::spawn(send(Arc::clone(&run), c))).collect();
    let mut micros = Vec::new();
    for task in tasks {
        micros.extend(task.await??);
    }
    Ok((run, micros))
}

/// Sends one request after the other until no event is left.
async fn send(run: Arc<Run>, mut connection: Connection) -> Result<Vec<u32>, Failure> {
    let Args { batch, first, events, .. } = run.args;
    let end = first + events;
    let mut micros = Vec::new();
    let mut request = Vec::new();
    loop {
        let from = run.next.fetch_add(batch, Ordering::Relaxed);
        if from >= end {
            return Ok(micros);
        }
        let to = end.min(from + batch);
        write_request(&mut request, &run, from, to);
        let sent = Instant::now();
        run.send_until_taken(&mut connection, &request).await?;
        micros.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        run.note_answered(to - from);
    }
}

fn write_request(out: &mut Vec<u8>, run: &Run, from: u64, to: u64) {
    let Args { batch, token, .. } = &run.args;
    let kind = if *batch == 1 { "application/json" } else { "application/x-ndjson" };
    let length = (to - from) as usize * (EVENT_BYTES + 1);
    out.clear();
    out.extend_from_slice(
        format!(
            "POST /{} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
             content-type: {kind}\r\ncontent-length: {length}\r\n\r\n",
            run.path, run.host
        )
        .as_bytes(),
    );
    for number in from..to {
        run.texts.push(out, number);
        out.push(b'\n');
    }
}

impl Run {
    /// Sends a request until the server takes it; the wait is part of what the request took.
    async fn send_until_taken(&self, to: &mut Connection, request: &[u8]) -> Result<(), Failure> {
        for _ in 0..BUSY_ANSWERS_MAX {
            if to.exchange(request).await? == Answer::Good {
                return Ok(());
            }
            self.busy.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(BUSY_PAUSE).await;
        }
        Err("the server answered 429 for a minute".into())
    }

    fn note_answered(&self, events: u64) {
        let before = self.answered.fetch_add(events, Ordering::Relaxed);
        let tenth = |answered: u64| answered * MARKS / self.args.events;
        let elapsed_us = self.began.elapsed().as_micros() as u64;
        for mark in tenth(before)..tenth(before + events) {
            if let Some(mark) = self.marks_us.get(mark as usize) {
                mark.store(elapsed_us, Ordering::Relaxed);
            }
        }
    }
}

/// Seconds of processor time that this process has used (proc(5), fields 14 and 15 of `stat`).
fn cpu_s() -> Result<f64, Failure> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, after_name) = text.rsplit_once(')').ok_or("the stat file has no name")?;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_S)
}
