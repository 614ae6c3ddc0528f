//! Marks: states of resources that many entries name, kept so that the next answer is folded from there on.
//!
//! Entries never change, and an index takes them in order: what was folded up to an index stays right for as long as the index is of
//! this log. Kept in memory alone, within a limit; without them an answer is the same, and slower.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::at::At;
use super::fold::State;
use crate::limits::{STATE_MARK_ENTRIES, STATE_MARKS_BYTES};
use crate::query::Ast;

/// Of which resource, and of which of its entries.
type Key = (String, String);

/// The state after some of a resource's entries.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) state: State,
    /// Entries that were looked at, and those of them that name the resource.
    pub(super) looked: usize,
    pub(super) versions: usize,
    /// Behind the last of them: its index and one, and its time in nanoseconds since 1970.
    pub(super) next: u64,
    pub(super) time_ns: u64,
}

/// All marks of an index.
pub(crate) struct Marks(Cache<Key, Arc<Vec<Mark>>, MarkWeight>);

#[derive(Clone)]
struct MarkWeight;

impl Weighter<Key, Arc<Vec<Mark>>> for MarkWeight {
    fn weight(&self, key: &Key, marks: &Arc<Vec<Mark>>) -> u64 {
        let states: usize = marks.iter().map(|mark| mark.state.memory_bytes()).sum();
        (key.0.len() + key.1.len() + states + 128) as u64
    }
}

impl Marks {
    pub(crate) fn new() -> Marks {
        Marks(Cache::with_weighter(1_024, STATE_MARKS_BYTES, MarkWeight))
    }

    /// Forgets all: the index is of another history.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }

    /// The last mark of a resource before a moment, of fewer than `limit` entries.
    pub(super) fn last(
        &self,
        (target, scope): (&str, &Ast),
        at: Option<At>,
        limit: usize,
    ) -> Option<Mark> {
        let marks = self.0.get(&key(target, scope))?;
        let is_before = |mark: &Mark| match at {
            None => true,
            Some(At::Index(index)) => mark.next <= index.0.saturating_add(1),
            Some(At::Time(ns)) => mark.time_ns <= ns,
        };
        let usable = marks.partition_point(|mark| mark.looked < limit && is_before(mark));
        marks.get(usable.checked_sub(1)?).cloned()
    }

    /// Keeps marks of a resource, in the order of the log, beside those that there are.
    pub(super) fn keep(&self, (target, scope): (&str, &Ast), new: Vec<Mark>) {
        let Some(first) = new.first().map(|mark| mark.looked) else { return };
        let key = key(target, scope);
        let known = self.0.get(&key);
        let before = known.iter().flat_map(|marks| marks.iter().filter(|mark| mark.looked < first));
        let after = new.last().map_or(0, |mark| mark.looked);
        let behind = known.iter().flat_map(|marks| marks.iter().filter(|mark| mark.looked > after));
        let all = before.chain(&new).chain(behind).cloned().collect();
        self.0.insert(key, Arc::new(all));
    }
}

/// Whether there is to be a mark after so many entries.
pub(super) fn is_due(looked: usize) -> bool {
    looked.is_multiple_of(STATE_MARK_ENTRIES)
}

fn key(target: &str, scope: &Ast) -> Key {
    (target.to_owned(), scope.to_string())
}
