//! What a query found, as it adds up to a firing. Goes by the times of entries alone, so that the same entries make the same firings
//! again after a crash.

use std::collections::VecDeque;

use access::When;
use access::limits::FIRING_INDEXES_MAX;
use graven_entry::Time;

const NS_PER_S: u64 = 1_000_000_000;

/// What a firing is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) reason: &'static str,
    pub(super) count: u64,
    pub(super) indexes: Vec<u64>,
    pub(super) measured: Option<u64>,
}

/// Takes in what a query finds, in the order of the log.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    when: When,
    /// Index and time of what was found and made no firing yet.
    found: VecDeque<(u64, u64)>,
    /// When it was last not silent; nothing once it has fired for that.
    since_ns: Option<u64>,
}

impl Judge {
    pub(super) fn new(when: When, since_ns: Option<u64>) -> Judge {
        Judge { when, found: VecDeque::new(), since_ns }
    }

    /// Takes in one that was found; gives what fires by it.
    pub(super) fn take(&mut self, index: u64, time: Time) -> Option<Draft> {
        let at_ns = time.unix_ns();
        match &self.when {
            When::Outside(hours) if hours.contains(time) => return None,
            When::None(_) => {
                self.since_ns = Some(at_ns);
                return None;
            }
            _ => self.found.push_back((index, at_ns)),
        }
        let count = self.found.len() as u64;
        match self.when {
            When::AtLeast(least, within_s) => {
                let oldest_ns = at_ns.saturating_sub(within_s.saturating_mul(NS_PER_S));
                while self.found.front().is_some_and(|(_, then_ns)| *then_ns < oldest_ns) {
                    self.found.pop_front();
                }
                (self.found.len() as u64 >= least).then(|| self.fire("count"))
            }
            _ => (count >= FIRING_INDEXES_MAX as u64).then(|| self.fire("found")),
        }
    }

    /// What fires where nothing more is there for now.
    pub(super) fn rest(&mut self) -> Option<Draft> {
        let waits = matches!(self.when, When::AtLeast(..)) || self.found.is_empty();
        (!waits).then(|| self.fire("found"))
    }

    /// What fires for silence, or when it would; neither where it has.
    pub(super) fn silence(&mut self, now_ns: u64) -> Result<Draft, Option<u64>> {
        let (When::None(for_s), Some(since_ns)) = (&self.when, self.since_ns) else {
            return Err(None);
        };
        let until_ns = since_ns.saturating_add(for_s.saturating_mul(NS_PER_S));
        if now_ns < until_ns {
            return Err(Some(until_ns));
        }
        self.since_ns = None;
        Ok(Draft { reason: "silence", count: 0, indexes: Vec::new(), measured: None })
    }

    /// The first index that it would have to be told of again, where it forgot everything.
    pub(super) fn needs(&self) -> Option<u64> {
        self.found.front().map(|(index, _)| *index)
    }

    /// When it was last not silent.
    pub(super) fn since_ns(&self) -> Option<u64> {
        self.since_ns
    }

    fn fire(&mut self, reason: &'static str) -> Draft {
        let count = self.found.len() as u64;
        let first = self.found.len().saturating_sub(FIRING_INDEXES_MAX);
        let indexes = self.found.range(first..).map(|(index, _)| *index).collect();
        self.found.clear();
        Draft { reason, count, indexes, measured: None }
    }
}

#[cfg(test)]
#[path = "../tests/judge.rs"]
mod tests;
