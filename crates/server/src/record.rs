//! Records of access: who read, proved, exported, changed or was refused what, as entries of `system`.
//!
//! Requests are counted here by principal, action, log and outcome, and written every [`RECORD_EVERY`] as one entry each: a
//! reader of a million entries does not make a million. Writing them is no access, so nothing is ever recorded of it. What
//! waits is bounded: over that, what has to be recorded is refused. A crash loses what waits, less than a second of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use append::{Code, Refusal};
use log::Cell;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::limits::{
    RECORD_ENTRIES_PER_BATCH, RECORD_EVERY, RECORD_QUERIES_MAX, RECORD_QUERY_BYTES_MAX,
    RECORD_RANGES_MAX, RECORDS_MAX,
};

/// What is recorded of a route's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// Every request that was served or refused for want of a right, under this action.
    Always(&'static str),
    /// Refusals for want of a right only: what is done is an entry of its own, or tells nothing.
    Refusals(&'static str),
}

/// How an access ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Success,
    Failure,
    Denied,
}

/// What accesses have in common that are told in one entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Access {
    /// The principal, or `anonymous`.
    pub(crate) actor: String,
    pub(crate) action: &'static str,
    pub(crate) outcome: Outcome,
    /// Kind and name of what was accessed: a log, a principal, or the server as a whole.
    pub(crate) target: (&'static str, String),
    /// Why, as the client says.
    pub(crate) reason: Option<String>,
    /// The operation of the API, or why a log-in failed.
    pub(crate) detail: &'static str,
    pub(crate) address: IpAddr,
}

/// How much was accessed.
#[derive(Debug, Default)]
struct Tally {
    requests: u64,
    results: u64,
    /// Indexes of entries whose content was shown, in the order in which they were.
    entries: Vec<Range<u64>>,
    /// What was searched for, each once.
    queries: Vec<String>,
}

/// What waits to be written.
#[derive(Debug, Default)]
struct Waiting {
    open: BTreeMap<Access, Tally>,
    /// Those that hold as many ranges or queries as one entry may.
    full: Vec<(Access, Tally)>,
    /// Refusals and log-ins that found no room, told as a number.
    uncounted: u64,
}

/// The records that are on their way to `system`.
pub(crate) struct Records {
    cell: Cell,
    waiting: Mutex<Waiting>,
    arrived: Notify,
    /// Reads go on where a full disk leaves no room to record them.
    reads_unrecorded: bool,
}

impl Records {
    pub(crate) fn new(cell: Cell, reads_unrecorded: bool) -> Records {
        let (waiting, arrived) = (Mutex::default(), Notify::new());
        Records { cell, waiting, arrived, reads_unrecorded }
    }

    /// Refuses what would have to be recorded where there is no room for that.
    pub(crate) fn check_room(&self) -> Result<(), Refusal> {
        if self.lock().is_full() {
            let detail = "more accesses wait to be recorded than may; try again";
            return Err(Refusal::new(Code::Busy, detail));
        }
        if self.reads_unrecorded { Ok(()) } else { self.cell.check_own_room() }
    }

    /// Takes in one access, of `results` things or of these entries.
    pub(crate) fn add(&self, access: Access, results: u64, entries: Option<Range<u64>>) {
        self.take(access, results, (entries, None));
    }

    /// Takes in a search that gave so many results.
    pub(crate) fn add_search(&self, access: Access, results: u64, query: &str) {
        let end = query.floor_char_boundary(RECORD_QUERY_BYTES_MAX);
        let query = query.get(..end).unwrap_or_default().to_owned();
        self.take(access, results, (None, Some(query)));
    }

    fn take(
        &self,
        access: Access,
        results: u64,
        (entries, query): (Option<Range<u64>>, Option<String>),
    ) {
        let mut waiting = self.lock();
        let is_new = !waiting.open.contains_key(&access);
        if is_new && waiting.is_full() && access.outcome != Outcome::Success {
            waiting.uncounted += 1;
            return;
        }
        let tally = waiting.open.entry(access.clone()).or_default();
        tally.requests += 1;
        tally.results += entries.as_ref().map_or(results, |range| range.end - range.start);
        match (tally.entries.last_mut(), entries) {
            (_, None) => {}
            (Some(last), Some(range)) if last.end == range.start => last.end = range.end,
            (_, Some(range)) => tally.entries.push(range),
        }
        tally.queries.extend(query.filter(|query| !tally.queries.contains(query)));
        if tally.is_full() {
            let tally = std::mem::take(tally);
            waiting.open.remove(&access);
            waiting.full.push((access, tally));
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Writes what comes, until the server stops; then once more by [`Records::write`].
    pub(crate) async fn run(&self, mut stopping: watch::Receiver<bool>) {
        while !*stopping.borrow() {
            tokio::select! {
                () = self.arrived.notified() => {}
                _ = stopping.wait_for(|stops| *stops) => return,
            }
            let stops = stopping.wait_for(|stops| *stops);
            if timeout(RECORD_EVERY, stops).await.is_ok() {
                return;
            }
            self.write().await;
        }
    }

    /// Writes what waits. What the log does not take goes on waiting.
    pub(crate) async fn write(&self) {
        let Waiting { open, full, uncounted } = std::mem::take(&mut *self.lock());
        let mut taken: Vec<(Access, Tally)> = full;
        taken.extend(open);
        if uncounted > 0 {
            tracing::warn!(uncounted, "refused accesses were too many to be recorded one by one");
            taken.push(uncounted_access(uncounted));
        }
        while !taken.is_empty() {
            let count = taken.len().min(RECORD_ENTRIES_PER_BATCH);
            let events = taken.iter().take(count).map(|(access, tally)| event(access, tally));
            let written = match self.cell.record(events.collect()) {
                Ok(pending) => pending.await.map(drop),
                Err(refusal) => Err(refusal),
            };
            if let Err(refusal) = written {
                tracing::error!(%refusal, accesses = taken.len(), "accesses cannot be recorded");
                self.lock().full.append(&mut taken);
                return;
            }
            taken.drain(..count);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    /// Whether one entry holds no more.
    fn is_full(&self) -> bool {
        self.entries.len() >= RECORD_RANGES_MAX || self.queries.len() >= RECORD_QUERIES_MAX
    }
}

impl Waiting {
    fn is_full(&self) -> bool {
        self.open.len() + self.full.len() >= RECORDS_MAX
    }
}

impl Recorded {
    pub(crate) fn action(self) -> &'static str {
        match self {
            Recorded::Always(action) | Recorded::Refusals(action) => action,
        }
    }
}

fn uncounted_access(count: u64) -> (Access, Tally) {
    let access = Access {
        actor: "anonymous".to_owned(),
        action: "graven.login",
        outcome: Outcome::Failure,
        target: ("server", "graven".to_owned()),
        reason: None,
        detail: "too many to tell one by one",
        address: IpAddr::from([0, 0, 0, 0]),
    };
    (access, Tally { requests: count, ..Tally::default() })
}

fn event(access: &Access, tally: &Tally) -> Vec<u8> {
    let outcome = match access.outcome {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
        Outcome::Denied => "denied",
    };
    let (kind, target) = &access.target;
    let mut event = json!({
        "actor": {"id": access.actor},
        "action": access.action,
        "target": {"type": kind, "id": target},
        "outcome": outcome,
    });
    if let Some(reason) = &access.reason {
        event["reason"] = reason.as_str().into();
    }
    event["context"] = json!({"ip": access.address.to_string()});
    let mut data = json!({"detail": access.detail, "requests": tally.requests});
    if access.outcome == Outcome::Success {
        data["results"] = tally.results.into();
    }
    if !tally.entries.is_empty() {
        let ranges: Vec<Value> =
            tally.entries.iter().map(|range| json!([range.start, range.end])).collect();
        data["entries"] = ranges.into();
    }
    if !tally.queries.is_empty() {
        data["queries"] = tally.queries.as_slice().into();
    }
    event["data"] = data;
    event.to_string().into_bytes()
}

#[cfg(test)]
#[path = "tests/record.rs"]
mod tests;
