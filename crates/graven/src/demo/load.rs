//! Appends the month: each producer its own stream, through the log's intake, with as much on the way as the queues take.

use std::collections::{BTreeMap, VecDeque};
use std::thread::sleep;
use std::time::Duration;

use append::{Appended, Batch, Code, Refusal, StreamClaim};
use graven_entry::{AuthMethod, Grade, Name, pointer, string_value};
use graven_merkle::LeafIndex;
use log::{Cell, LogHandle, Pending, Writer};

use super::LOG;
use super::corpus::{Corpus, DemoEvent};
use super::place::Place;
use super::stop::Stop;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::progress::Progress;

/// One seed, one month: the events of every demo of one size are the same.
const SEED: u64 = 7;
/// 2026-10-01T00:00:00Z.
const START: Duration = Duration::from_hours(497_448);
const DAYS: u32 = 31;

/// Events that are handed in together, a batch for each producer among them.
const WINDOW_EVENTS: usize = 2_048;
/// Batches on their way.
const IN_FLIGHT_MAX: usize = 64;
/// Events at the end of the month that arrive one by one, so that each is a frame of its own.
const LIVE_EVENTS: u64 = 8;
/// How long a full queue is waited for, and how often.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
const BUSY_PAUSES_MAX: u32 = 600;

/// The month in the log.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Events of the month.
    pub(super) events: u64,
    /// Producers.
    pub(super) streams: usize,
    /// Entries of the log, its own among them, at the last receipt.
    pub(super) size: u64,
    /// The entry that somebody will want to be rid of.
    pub(super) victim: Victim,
    /// The last event's index.
    pub(super) last: LeafIndex,
}

/// An entry worth tampering with.
#[derive(Clone, Debug)]
pub(super) struct Victim {
    pub(super) index: LeafIndex,
    pub(super) action: String,
    /// The id of who did it.
    pub(super) actor: String,
}

/// An event that may become the victim; the lower the rank the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    rank: u8,
    /// Its number in the month; the first one of a rank is taken.
    number: u64,
    /// Its place in its batch.
    place: usize,
}

/// A producer and how far its stream got.
struct Producer {
    writer: Writer,
    next_seq: u64,
}

/// A batch that was handed in.
struct InFlight {
    pending: Pending,
    candidate: Option<Candidate>,
}

/// The events of one producer within a window.
#[derive(Default)]
struct Group {
    events: Vec<Vec<u8>>,
    candidate: Option<Candidate>,
}

struct Loader<'a> {
    log: LogHandle,
    producers: BTreeMap<&'static str, Producer>,
    in_flight: VecDeque<InFlight>,
    best: Option<(Candidate, LeafIndex)>,
    progress: Progress,
    stop: &'a Stop,
}

/// Appends `events` events, moves all but the last few into stored parts, and keeps the last receipt's checkpoint.
pub(super) fn load(
    out: Output,
    cell: &Cell,
    events: u64,
    place: &Place,
    stop: &Stop,
) -> Result<Loaded, Failure> {
    let log = cell.log(LOG).ok_or_else(|| Failure::bad(format!("there is no log {LOG}")))?;
    let progress = Progress::new(out, Some(events), "events");
    let (producers, in_flight) = (BTreeMap::new(), VecDeque::new());
    let mut loader = Loader { log, producers, in_flight, best: None, progress, stop };
    let count = usize::try_from(events).unwrap_or(usize::MAX);
    let mut month = Corpus::new(SEED, START, DAYS, count).zip(0..events);
    loader.append_windows(
        &mut month.by_ref().take(count.saturating_sub(LIVE_EVENTS as usize)),
        events,
    )?;
    let unloaded = cell.unload();
    unloaded
        .map_err(|why| Failure::new(Exit::Unreachable, format!("cannot store the month: {why}")))?;
    let last = loader.append_live(month)?;
    let receipt = last.receipts.last().map(|receipt| receipt.index);
    let (Some(last_index), Some((_, index))) = (receipt, loader.best) else {
        return Err(Failure::bad("the month has no event to look at"));
    };
    files::write(&place.receipt(), last.checkpoint.as_bytes())?;
    let victim = loader.victim(index)?;
    let (streams, size) = (loader.producers.len(), last_index.0 + 1);
    Ok(Loaded { events, streams, size, victim, last: last_index })
}

impl Loader<'_> {
    /// The bulk: window by window, a batch for each producer.
    fn append_windows(
        &mut self,
        month: &mut dyn Iterator<Item = (DemoEvent, u64)>,
        total: u64,
    ) -> Result<(), Failure> {
        loop {
            self.stop.check()?;
            let mut groups: BTreeMap<&'static str, Group> = BTreeMap::new();
            let mut count = 0;
            for (event, number) in month.take(WINDOW_EVENTS) {
                let group = groups.entry(event.stream).or_default();
                let place = group.events.len();
                let candidate =
                    rank(&event, number, total).map(|rank| Candidate { rank, number, place });
                group.candidate = group.candidate.into_iter().chain(candidate).min();
                group.events.push(event.json.into_bytes());
                count += 1;
            }
            if groups.is_empty() {
                break;
            }
            for (stream, group) in groups {
                self.hand_in(stream, group)?;
            }
            self.progress.add(count);
        }
        while !self.in_flight.is_empty() {
            self.settle()?;
        }
        Ok(())
    }

    /// The last events, each with its receipt before the next; gives the last answer.
    fn append_live(
        &mut self,
        month: impl Iterator<Item = (DemoEvent, u64)>,
    ) -> Result<Appended, Failure> {
        let mut last = Err(Failure::bad("the month has no last event"));
        for (event, _) in month {
            let group = Group { events: vec![event.json.into_bytes()], candidate: None };
            self.hand_in(event.stream, group)?;
            self.progress.add(1);
            last = self.settle();
        }
        last
    }

    /// Queues a batch; where a queue is full, waits for what is before it.
    fn hand_in(&mut self, stream: &'static str, group: Group) -> Result<(), Failure> {
        if self.in_flight.len() >= IN_FLIGHT_MAX {
            self.settle()?;
        }
        let known = match self.producers.remove(stream) {
            Some(known) => known,
            None => Producer { writer: writer_of(stream)?, next_seq: 0 },
        };
        let producer = self.producers.entry(stream).or_insert(known);
        let claim = StreamClaim { name: stream.to_owned(), first_seq: Some(producer.next_seq) };
        producer.next_seq += group.events.len() as u64;
        let writer = producer.writer.clone();
        let batch = Batch { events: group.events, stream: Some(claim), ..Batch::default() };
        let pending = self.submit(&writer, &batch)?;
        self.in_flight.push_back(InFlight { pending, candidate: group.candidate });
        Ok(())
    }

    fn submit(&mut self, writer: &Writer, batch: &Batch) -> Result<Pending, Failure> {
        let mut pauses = 0;
        loop {
            match self.log.submit(writer, batch.clone()) {
                Ok(pending) => return Ok(pending),
                Err(refusal) if refusal.code != Code::Busy || pauses >= BUSY_PAUSES_MAX => {
                    return Err(refused(&refusal));
                }
                Err(_) if self.in_flight.is_empty() => {
                    self.stop.check()?;
                    sleep(BUSY_PAUSE);
                    pauses += 1;
                }
                Err(_) => drop(self.settle()?),
            }
        }
    }

    /// Waits for the oldest batch.
    fn settle(&mut self) -> Result<Appended, Failure> {
        let Some(InFlight { pending, candidate }) = self.in_flight.pop_front() else {
            return Err(Failure::bad("no batch is on its way"));
        };
        let appended = pending.wait().map_err(|refusal| refused(&refusal))?;
        if let Some(candidate) = candidate
            && let Some(receipt) = appended.receipts.get(candidate.place)
            && self.best.is_none_or(|(best, _)| candidate < best)
        {
            self.best = Some((candidate, receipt.index));
        }
        Ok(appended)
    }

    /// Reads the entry at `index` back.
    fn victim(&self, index: LeafIndex) -> Result<Victim, Failure> {
        let unreadable = |error: &dyn std::error::Error| {
            Failure::caused(Exit::Bad, format!("cannot read entry {index}"), error)
        };
        let bytes = self.log.entry(index).map_err(|error| unreadable(&error))?;
        let entry = graven_entry::Entry::parse(&bytes).map_err(|error| unreadable(&error))?;
        let text = |path| {
            let value = pointer(entry.event, path).and_then(string_value);
            value.unwrap_or_default().into_owned()
        };
        Ok(Victim { index, action: text("/action"), actor: text("/actor/id") })
    }
}

/// How good a victim an event is. Best is an administrator who gives themselves a whole cluster; short months
/// do without that incident.
fn rank(event: &DemoEvent, number: u64, total: u64) -> Option<u8> {
    let is_middle = number == total / 2;
    let is_early = number < total / 3;
    if event.json.contains("\"action\":\"k8s.clusterrolebinding.create\"")
        && event.json.contains("\"tmp-debug\"")
    {
        Some(0)
    } else if !is_early && event.json.contains("\"outcome\":\"denied\"") {
        Some(1)
    } else {
        is_middle.then_some(2)
    }
}

/// Each producer writes as itself.
fn writer_of(stream: &str) -> Result<Writer, Failure> {
    let id = Name::new(stream).map_err(Failure::usage)?;
    let auth = AuthMethod::new("token").map_err(Failure::usage)?;
    Ok(Writer { id, auth, grade: Grade::Asserted })
}

fn refused(refusal: &Refusal) -> Failure {
    Failure::new(
        Exit::Unreachable,
        format!("the month was refused: {}: {}", refusal.code, refusal.detail),
    )
}
