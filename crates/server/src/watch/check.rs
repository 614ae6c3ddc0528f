//! Looks at the server and at its log as a whole, for a saved query that asks that.

use std::sync::Arc;
use std::time::Duration;

use access::{Saved, When};
use graven_merkle::{Frontier, Hash, LeafIndex, leaf_hash};
use log::LogHandle;
use tokio::time::Instant;

use super::judge::Draft;
use super::looked::Looked;
use crate::limits::WATCH_ENTRIES_PER_READ;
use crate::shared::Shared;

/// A condition that is measured. A start measures anew: what it fired for before and still is so, fires again.
pub(super) struct Check {
    when: When,
    next: u64,
    /// It was not so when it was last measured.
    is_armed: bool,
    /// How far the log was read again.
    pass: Option<Pass>,
    /// When to measure again.
    due: Instant,
}

/// One reading of a log from its first entry on.
#[derive(Clone)]
struct Pass {
    frontier: Frontier,
    at: u64,
    /// What it has to come to.
    size: u64,
    root: Hash,
}

impl Check {
    pub(super) fn new(saved: &Saved) -> Check {
        let (when, next) = (saved.when.clone(), saved.next);
        Check { when, next, is_armed: true, pass: None, due: Instant::now() }
    }

    /// Measures, or says when it would.
    pub(super) async fn look(&mut self, shared: &Arc<Shared>, log: &LogHandle) -> Looked {
        if Instant::now() < self.due {
            return Looked::Nothing(Some(self.due), None);
        }
        let (reason, every, over) = match self.when {
            When::DiskUnder(limit) => {
                let cell = shared.cell.clone();
                let Ok(health) = shared.blocking(move || cell.health()).await else {
                    return Looked::Stands("the disk cannot be asked".to_owned());
                };
                let free = health.disk_free_bytes;
                ("disk", shared.limits.watch_every, (free < limit).then_some(free))
            }
            When::LagOver(limit) => {
                let lag = lag(shared, log);
                ("lag", shared.limits.watch_every, (lag > limit).then_some(lag))
            }
            When::Unverified(every_s) => match self.read_on(shared, log).await {
                Some(over) => ("unverified", Duration::from_secs(every_s), over),
                None => return Looked::More,
            },
            _ => return Looked::Nothing(None, None),
        };
        self.due = Instant::now() + every;
        let fires = over.is_some() && self.is_armed;
        self.is_armed = over.is_none();
        if !fires {
            return Looked::Nothing(Some(self.due), None);
        }
        Looked::Fires(Draft { reason, count: 0, indexes: Vec::new(), measured: over }, self.next)
    }

    /// Reads on; at the end, or at what cannot be read, says whether the log is bad: the first index that is, as far as one can tell.
    async fn read_on(&mut self, shared: &Arc<Shared>, log: &LogHandle) -> Option<Option<u64>> {
        let pass = self.pass.take().unwrap_or_else(|| {
            let info = log.info();
            Pass { frontier: Frontier::new(), at: 0, size: info.size.0, root: info.root }
        });
        let (log, at) = (log.clone(), pass.at);
        match shared.blocking(move || pass.read(&log)).await {
            Ok(Ok(pass)) if pass.at < pass.size => {
                self.pass = Some(pass);
                None
            }
            // Every entry is there, and one of them is not what it was: which, `graven verify` says.
            Ok(Ok(pass)) => Some((pass.frontier.root() != pass.root).then_some(0)),
            Ok(Err(index)) => Some(Some(index)),
            Err(_) => Some(Some(at)),
        }
    }
}

impl Pass {
    /// Reads a part more, or fails at an index.
    fn read(mut self, log: &LogHandle) -> Result<Pass, u64> {
        let end = self.size.min(self.at + WATCH_ENTRIES_PER_READ);
        while self.at < end {
            let entry = log.entry(LeafIndex(self.at)).map_err(|_| self.at)?;
            self.frontier.push(leaf_hash(&entry));
            self.at += 1;
        }
        Ok(self)
    }
}

/// Entries of a log that a search does not find yet; none where there is no search.
fn lag(shared: &Shared, log: &LogHandle) -> u64 {
    let info = log.info();
    let through = shared.finders.as_ref().map(|finders| finders.through()).unwrap_or_default();
    let through = through.into_iter().find(|(name, _)| *name == info.name.as_str());
    through.map_or(0, |(_, through)| info.size.0.saturating_sub(through.0))
}
