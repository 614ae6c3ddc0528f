//! Looks for a saved query in a log's entries, from the last firing on or from where it was.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use access::{QueryName, Right, Saved, Slice};
use graven_entry::{Entry, pointer, string_value, with_causes};
use graven_merkle::LeafIndex;
use index::Doc;
use index::query::{Ast, matches, parse};
use log::{LogHandle, ReadError};
use tokio::time::Instant;

use super::judge::{Draft, Judge};
use super::looked::Looked;
use super::place::{self, Place};
use crate::limits::{WATCH_ENTRIES_PER_READ, WATCH_PLACE_EVERY};
use crate::narrowing::may_see;
use crate::shared::Shared;

/// What the server says of its own firings: a query that found these would never end.
const OWN_ACTIONS: [&str; 2] = ["graven.query.fired", "graven.query.delivered"];

/// Where a query is in a log.
pub(super) struct Entries {
    query: Arc<Ast>,
    judge: Judge,
    next: u64,
    /// What was last written down, and when.
    placed: (u64, Instant),
}

/// What a read came to.
struct Seen {
    judge: Judge,
    next: u64,
    draft: Option<Draft>,
}

impl Entries {
    pub(super) async fn open(
        shared: &Arc<Shared>,
        name: &QueryName,
        saved: &Saved,
        log: &LogHandle,
    ) -> Result<Entries, String> {
        let query = parse(&saved.query).map_err(|error| error.to_string())?;
        // Without a place it looks again from its last firing on; one that fired for silence waits for an entry.
        let is_armed = saved.fired == 0;
        let start = (saved.next, is_armed.then_some(saved.saved.unix_ns()));
        let folder = shared.watching.places.clone();
        let (name, of, log) = (name.clone(), saved.clone(), log.clone());
        let read = shared.blocking(move || {
            let place = Place::read(&folder?, &name, &of, &log)?;
            Some((place.next, place.since_ns))
        });
        let place = read.await.map_err(|refusal| refusal.detail)?;
        let (next, since_ns) = place.unwrap_or(start);
        let judge = Judge::new(saved.when.clone(), since_ns);
        Ok(Entries { query: Arc::new(query), judge, next, placed: (next, Instant::now()) })
    }

    /// Reads on, or says when to look again.
    pub(super) async fn look(
        &mut self,
        shared: &Arc<Shared>,
        name: &QueryName,
        saved: &Saved,
        log: &LogHandle,
    ) -> Looked {
        let size = log.size().0;
        if self.next < size {
            let range = self.next..size.min(self.next + WATCH_ENTRIES_PER_READ);
            let slice = shared.gate.slice(&saved.owner, Right::ReadEntries, &name.log);
            let (query, judge, of) = (Arc::clone(&self.query), self.judge.clone(), log.clone());
            let read = shared.blocking(move || read(&of, range, (&query, &slice), judge)).await;
            let seen = match read {
                Ok(Ok(seen)) => seen,
                Ok(Err(error)) => return Looked::Stands(with_causes(&error)),
                Err(refusal) => return Looked::Stands(refusal.detail),
            };
            (self.judge, self.next) = (seen.judge, seen.next);
            shared.watching.set(name, |state| state.next = seen.next);
            if let Some(draft) = seen.draft {
                return Looked::Fires(draft, seen.next);
            }
            self.write_place(shared, name, saved, log).await;
            return Looked::More;
        }
        self.write_place(shared, name, saved, log).await;
        shared.watching.set(name, |state| state.next = self.next);
        let now_ns = shared.gate.now().unix_ns();
        match self.judge.silence(now_ns) {
            Ok(draft) => Looked::Fires(draft, self.next),
            Err(until_ns) => {
                let left = |until_ns: u64| Duration::from_nanos(until_ns.saturating_sub(now_ns));
                let until = until_ns.map(|until_ns| Instant::now() + left(until_ns));
                Looked::Nothing(until, Some(self.next))
            }
        }
    }

    /// Writes down where it is, now and then.
    async fn write_place(
        &mut self,
        shared: &Arc<Shared>,
        name: &QueryName,
        saved: &Saved,
        log: &LogHandle,
    ) {
        let next = self.judge.needs().unwrap_or(self.next);
        let is_due = self.placed.0 != next && self.placed.1.elapsed() >= WATCH_PLACE_EVERY;
        let Some(folder) = shared.watching.places.clone().filter(|_| is_due) else { return };
        self.placed = (next, Instant::now());
        let (revision, fired, since_ns) = (saved.revision, saved.fired, self.judge.since_ns());
        let (name, log) = (name.clone(), log.clone());
        let write = move || {
            let Some(last) = place::last(&log, next) else { return };
            let place = Place { revision, fired, next, last, since_ns };
            if let Err(error) = place.write(&folder, &name) {
                tracing::warn!(%error, "where a saved query is cannot be written down");
            }
        };
        // Where it fails, a start looks again from the last firing on.
        drop(shared.blocking(write).await);
    }
}

/// Reads the entries of a range, up to one by which the query fires.
fn read(
    log: &LogHandle,
    range: Range<u64>,
    (query, slice): (&Ast, &Slice),
    mut judge: Judge,
) -> Result<Seen, ReadError> {
    for index in range.clone() {
        let bytes = log.entry(LeafIndex(index))?;
        let malformed = |why| ReadError::Malformed { index: LeafIndex(index), why };
        let entry = Entry::parse(&bytes).map_err(|error| malformed(error.to_string()))?;
        let time = entry.header.time;
        // A length of time counts from the entry, so that it is found or not whenever it is looked at.
        let is_found = !is_own(&entry)
            && may_see(slice, &bytes)
            && matches(&Doc::new(&entry), query, time.unix_ns());
        if is_found && let Some(draft) = judge.take(index, time) {
            return Ok(Seen { judge, next: index + 1, draft: Some(draft) });
        }
    }
    let draft = judge.rest();
    Ok(Seen { judge, next: range.end, draft })
}

fn is_own(entry: &Entry<'_>) -> bool {
    let action = || pointer(entry.event, "/action").and_then(string_value);
    entry.header.auth.is_log() && action().is_some_and(|action| OWN_ACTIONS.contains(&&*action))
}
