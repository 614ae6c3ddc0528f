//! `graven append`: events in, receipts out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use append::{AckLevel, Appended, Batch, Code, Refusal, StreamClaim};
use client::ClientError;
use graven_entry::limits::EVENT_INPUT_BYTES_MAX;
use graven_entry::pointer;
use serde_json::json;

use crate::connect::{self, Connection};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::flags::{KeyArg, LogArg};
use crate::progress::Progress;

/// Events of one request: enough to share a flush, few enough to be answered soon.
const REQUEST_EVENTS_MAX: usize = 1_000;
/// Bytes of events in one request, a quarter of what a server takes.
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Arguments of `graven append`.
#[derive(Debug, clap::Args)]
pub(crate) struct AppendArgs {
    /// Files of events, one JSON object a line; `-` is standard input [default: -]
    files: Vec<PathBuf>,
    /// Append to this stream; the log numbers its events without a gap
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// The seq of the first event in the stream: with it, appending the same events again is recognised [default: the
    /// stream's next]
    #[arg(long, value_name = "SEQ", requires = "stream")]
    first_seq: Option<u64>,
    /// How safe entries are before their receipts come: local, replicated, object or witnessed
    #[arg(long, value_name = "LEVEL", default_value_t = AckLevel::Local)]
    ack: AckLevel,
    /// Ask for each entry's header and .tlog-proof; they are in the receipts of --json
    #[arg(long)]
    proof: bool,
    #[command(flatten)]
    log: LogArg,
    #[command(flatten)]
    key: KeyArg,
}

/// Where an event comes from, so that its refusal can be named.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// The file's place among the arguments.
    file: usize,
    /// From 1.
    number: u64,
}

/// What was appended so far.
#[derive(Debug, Default)]
struct Tally {
    events: u64,
    repeated: u64,
    /// Events of a stream that were recorded so long ago that there is no receipt to repeat.
    skipped: u64,
    without_id: u64,
    /// Events that the log's audit policy does not take, by the name of its rule.
    dropped: BTreeMap<String, u64>,
    late: bool,
    first: Option<u64>,
    last: Option<u64>,
}

/// The events of one request in the making.
#[derive(Debug, Default)]
struct Pending {
    events: Vec<Vec<u8>>,
    lines: Vec<Line>,
    bytes: usize,
}

/// One run of the command.
struct Appender<'a> {
    context: &'a Context,
    args: &'a AppendArgs,
    connection: Connection,
    files: Vec<PathBuf>,
    /// The stream's next `seq`, where there is a stream.
    next_seq: Option<u64>,
    tally: Tally,
    pending: Pending,
    progress: Progress,
}

/// Reads the files line by line and appends their events in order.
pub(crate) fn run(context: &Context, args: &AppendArgs) -> Result<Exit, Failure> {
    let files = if args.files.is_empty() { vec![PathBuf::from("-")] } else { args.files.clone() };
    let connection = connect::log(context)?;
    let progress = Progress::new(context.out, None, "events");
    let next_seq = next_seq(args, &connection)?;
    let (tally, pending) = (Tally::default(), Pending::default());
    let mut appender =
        Appender { context, args, connection, files, next_seq, tally, pending, progress };
    let result = appender.append_files();
    appender.progress.finish();
    if result.is_err() && appender.tally.events > 0 {
        context
            .out
            .note(format!("before that, {}", appender.tally.summary(&appender.connection.log)));
    }
    result?;
    appender.report()?;
    Ok(Exit::Good)
}

impl Appender<'_> {
    fn append_files(&mut self) -> Result<(), Failure> {
        for (file, path) in self.files.clone().iter().enumerate() {
            if path == Path::new("-") {
                self.append_lines(file, io::stdin().lock())?;
            } else {
                let opened = File::open(path);
                let opened = opened.map_err(|error| Failure::file("read", path, &error))?;
                self.append_lines(file, BufReader::new(opened))?;
            }
        }
        self.send()
    }

    fn append_lines(&mut self, file: usize, mut reader: impl BufRead) -> Result<(), Failure> {
        let path = self.files.get(file).cloned().unwrap_or_default();
        for number in 1.. {
            let line = Line { file, number };
            let Some(event) =
                read_event(&mut reader).map_err(|error| Failure::file("read", &path, &error))?
            else {
                break;
            };
            if event.len() > EVENT_INPUT_BYTES_MAX {
                let limit = format!("the line is longer than {EVENT_INPUT_BYTES_MAX} bytes");
                return Err(Failure::usage(format!("{}: {limit}", self.name_of(line))));
            }
            if event.trim_ascii().is_empty() {
                continue;
            }
            let is_full = self.pending.events.len() >= REQUEST_EVENTS_MAX
                || self.pending.bytes + event.len() > REQUEST_BYTES_MAX;
            if is_full {
                self.send()?;
            }
            self.pending.push(event, line);
        }
        Ok(())
    }

    /// Appends what is pending, as one request.
    fn send(&mut self) -> Result<(), Failure> {
        let Pending { events, mut lines, .. } = std::mem::take(&mut self.pending);
        if events.is_empty() {
            return Ok(());
        }
        let mut batch = self.batch(events);
        let mut result = self.request(&batch);
        if let Err(ClientError::Refused(refusal)) = &result
            && let Some(skip) = recorded_long_ago(&batch, refusal)
        {
            self.tally.skipped += skip as u64;
            batch.events.drain(..skip);
            lines.drain(..skip);
            self.advance(skip);
            if batch.events.is_empty() {
                return Ok(());
            }
            batch.stream = self.claim();
            result = self.request(&batch);
        }
        let appended = result.map_err(|error| self.name_refused(error, &lines))?;
        self.advance(batch.events.len());
        self.tally.count(&batch, &appended);
        let mut taken = 0..lines.len();
        lines.retain(|_| {
            let place = taken.next();
            !appended.dropped.iter().any(|dropped| Some(dropped.event) == place)
        });
        self.progress.add(batch.events.len() as u64);
        if self.context.out.json { self.print_receipts(&appended, &lines) } else { Ok(()) }
    }

    fn request(&self, batch: &Batch) -> Result<Appended, ClientError> {
        self.connection.client.append(&self.connection.log, batch)
    }

    fn batch(&self, events: Vec<Vec<u8>>) -> Batch {
        let (ack, proof) = (self.args.ack, self.args.proof);
        Batch { events, stream: self.claim(), ack, proof, ..Batch::default() }
    }

    /// The stream with an explicit `seq`, so that a request may be repeated after a broken connection.
    fn claim(&self) -> Option<StreamClaim> {
        let name = self.args.stream.clone()?;
        Some(StreamClaim { name, first_seq: self.next_seq })
    }

    fn advance(&mut self, events: usize) {
        self.next_seq = self.next_seq.map(|next| next + events as u64);
    }

    /// A refusal, with the file and the line of its event.
    fn name_refused(&self, error: ClientError, lines: &[Line]) -> Failure {
        let event = error.refusal().and_then(|refusal| refusal.event);
        // A request of one event has nobody else to blame.
        let event = event.or((lines.len() == 1 && error.refusal().is_some()).then_some(0));
        let line = event.and_then(|event| lines.get(event).copied());
        let details = error.refusal().map(|refusal| {
            let field = refusal.field.as_deref().map(|field| format!(", field {field}"));
            let position = refusal.position.map(|position| format!(", byte {position}"));
            format!("{}{}", field.unwrap_or_default(), position.unwrap_or_default())
        });
        let mut failure = Failure::from(error);
        if let Some(line) = line {
            let place = format!("{}{}", self.name_of(line), details.unwrap_or_default());
            failure.message = format!("{place}: {}", failure.message);
        }
        if failure.hint.is_none() && lines.len() > 1 {
            let first = lines.first().map(|line| self.name_of(*line)).unwrap_or_default();
            failure.hint = Some(format!(
                "Nothing from {first} on was appended. Appending all again is safe where events have ids."
            ));
        }
        failure
    }

    fn name_of(&self, line: Line) -> String {
        match self.files.get(line.file) {
            Some(path) if path != Path::new("-") => format!("{}:{}", path.display(), line.number),
            _ => format!("standard input, line {}", line.number),
        }
    }

    /// One line a receipt; the last of a request carries the signed checkpoint that covers them all.
    fn print_receipts(&self, appended: &Appended, lines: &[Line]) -> Result<(), Failure> {
        let mut text = String::new();
        let last = appended.receipts.len().saturating_sub(1);
        for (place, receipt) in appended.receipts.iter().enumerate() {
            let mut value = json!({
                "index": receipt.index.0,
                "leaf_hash": receipt.leaf_hash.to_string(),
                "time": receipt.time,
                "ack": receipt.ack.as_str(),
            });
            if receipt.repeated {
                value["repeated"] = true.into();
            }
            if let Some(proof) = appended.proofs.get(place) {
                value["header"] = proof.header.as_str().into();
                value["proof"] = proof.proof.as_str().into();
            }
            if let Some(line) = lines.get(place) {
                let path = self.files.get(line.file).map(|path| path.display().to_string());
                value["file"] = path.unwrap_or_default().into();
                value["line"] = line.number.into();
            }
            if place == last {
                value["checkpoint"] = appended.checkpoint.as_str().into();
            }
            text.push_str(&value.to_string());
            text.push('\n');
        }
        self.context.out.data(text.as_bytes())
    }

    fn report(&self) -> Result<(), Failure> {
        let (out, tally) = (self.context.out, &self.tally);
        if !out.json {
            out.line(tally.summary(&self.connection.log))?;
        }
        for (rule, count) in &tally.dropped {
            let events = if *count == 1 { "event was" } else { "events were" };
            out.note(format!(
                "{count} {events} not recorded, by the rule {rule} of the log's audit policy"
            ));
        }
        if tally.late {
            out.warn(format!(
                "entries are permanent, but the ack level `{}` was not reached in time",
                self.args.ack
            ));
        }
        if tally.without_id > 0 {
            out.note(format!(
                "{} of the events have no id: appending them again would record them a second time",
                tally.without_id
            ));
        }
        Ok(())
    }
}

impl Pending {
    fn push(&mut self, event: Vec<u8>, line: Line) {
        self.bytes += event.len();
        self.events.push(event);
        self.lines.push(line);
    }
}

impl Tally {
    fn count(&mut self, batch: &Batch, appended: &Appended) {
        self.events += appended.receipts.len() as u64;
        for dropped in &appended.dropped {
            *self.dropped.entry(dropped.rule.clone()).or_default() += 1;
        }
        self.late |= !appended.ack_reached;
        // In a stream the seq is what tells events apart.
        if batch.stream.is_none() {
            let has_id = |event: &&Vec<u8>| pointer(event, "/id").is_some();
            self.without_id += batch.events.iter().filter(|event| !has_id(event)).count() as u64;
        }
        for receipt in &appended.receipts {
            self.repeated += u64::from(receipt.repeated);
            let index = receipt.index.0;
            self.first = Some(self.first.map_or(index, |first| first.min(index)));
            self.last = Some(self.last.map_or(index, |last| last.max(index)));
        }
    }

    fn summary(&self, log: &str) -> String {
        let skipped = match self.skipped {
            0 => String::new(),
            skipped => format!("; {skipped} more were recorded long ago"),
        };
        let (Some(first), Some(last)) = (self.first, self.last) else {
            let none =
                if self.dropped.is_empty() { "no events to append" } else { "appended no events" };
            return format!("{none} to {log}{skipped}");
        };
        let events = if self.events == 1 { "event" } else { "events" };
        let entries = match (first, last) {
            _ if first == last => format!("entry {first}"),
            _ => format!("entries {first} to {last}"),
        };
        let repeated = match self.repeated {
            0 => String::new(),
            repeated => format!(", {repeated} of them recorded before"),
        };
        format!("appended {} {events} to {log}: {entries}{repeated}{skipped}", self.events)
    }
}

/// Where the stream goes on: where the user says, or where the log says.
fn next_seq(args: &AppendArgs, connection: &Connection) -> Result<Option<u64>, Failure> {
    let Some(stream) = &args.stream else {
        return Ok(None);
    };
    if args.first_seq.is_some() {
        return Ok(args.first_seq);
    }
    let head = connection.client.stream(&connection.log, stream)?;
    Ok(Some(head.map_or(0, |head| head.next_seq)))
}

/// How many events at the batch's start the stream has recorded so long ago that their receipts are forgotten.
fn recorded_long_ago(batch: &Batch, refusal: &Refusal) -> Option<usize> {
    let first_seq = batch.stream.as_ref()?.first_seq?;
    let next_seq = refusal.next_seq.filter(|_| refusal.code == Code::SeqRecorded)?;
    let recorded = usize::try_from(next_seq.checked_sub(first_seq)?).ok()?;
    (recorded > 0).then_some(recorded.min(batch.events.len()))
}

/// The next line without its line end; `None` at the end. A line too long is cut one byte over the limit.
fn read_event(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let limit = EVENT_INPUT_BYTES_MAX as u64 + 2;
    let read = io::Read::take(reader, limit).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok((read > 0).then_some(line))
}
