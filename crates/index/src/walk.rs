//! Walking through matches in the order of the log, oldest first, a page at a time.

use std::collections::VecDeque;
use std::ops::Range;

use graven_merkle::{LeafIndex, TreeSize};
use tantivy::query::Weight;

use crate::compile::CompileError;
use crate::index::Index;
use crate::limits::SEARCH_LIMIT_MAX;
use crate::query::Ast;
use crate::search::SearchError;
use crate::snapshot::Snapshot;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    /// What to find.
    pub query: &'a Ast,
    /// What the asker may see at all: nothing else is found.
    pub scope: &'a Ast,
    /// When it is asked, in nanoseconds since 1970.
    pub now_ns: u64,
    /// Indexes among which to look.
    pub range: Range<u64>,
    /// Matches a page; at most [`SEARCH_LIMIT_MAX`] are given.
    pub limit: usize,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The page's matches, oldest first.
    pub results: Vec<LeafIndex>,
    /// The match after them, where the next page begins.
    pub next: Option<LeafIndex>,
    /// Entries, from index 0 on, among which was searched.
    pub indexed_through: TreeSize,
}

impl Index {
    /// The first matches of a range. No page moves while the log grows: what comes is behind all of them.
    pub fn walk(&self, walk: &Walk<'_>) -> Result<Walked, SearchError> {
        self.reading(|snapshot| snapshot.walk(walk))
    }
}

impl Snapshot {
    fn walk(&self, walk: &Walk<'_>) -> Result<Walked, CompileError> {
        let weight = self.weight((walk.query, walk.scope, walk.now_ns))?;
        let limit = walk.limit.min(SEARCH_LIMIT_MAX);
        let mut found = self.oldest(&*weight, &walk.range, limit + 1)?;
        let next = found.get(limit).copied().map(LeafIndex);
        found.truncate(limit);
        let results = found.into_iter().map(LeafIndex).collect();
        Ok(Walked { results, next, indexed_through: self.through })
    }

    /// The oldest matches of a range. A segment whose oldest is newer than all that was found is not looked at.
    fn oldest(
        &self,
        weight: &dyn Weight,
        range: &Range<u64>,
        count: usize,
    ) -> tantivy::Result<Vec<u64>> {
        let mut places: Vec<usize> = (0..self.segments.len()).collect();
        let oldest = |place: usize| self.segments[place].index.min_value();
        places.sort_by_key(|place| oldest(*place));
        let mut found: Vec<u64> = Vec::new();
        for place in places {
            if found.len() >= count && found.last().is_some_and(|newest| *newest < oldest(place)) {
                break;
            }
            found.extend(self.oldest_of(weight, place, (range, count))?);
            found.sort_unstable();
            found.truncate(count);
        }
        Ok(found)
    }

    /// The oldest matches of one segment. It lies newest first and is read forwards only, so the last stretch of the range
    /// is read, and where that has too few a longer one.
    fn oldest_of(
        &self,
        weight: &dyn Weight,
        place: usize,
        (range, count): (&Range<u64>, usize),
    ) -> tantivy::Result<Vec<u64>> {
        let (segment, reader) = (&self.segments[place], &self.searcher.segment_readers()[place]);
        let first = segment.first_below(&segment.index, range.end);
        let end = segment.first_below(&segment.index, range.start);
        let mut stretch = u32::try_from(count).unwrap_or(u32::MAX);
        loop {
            let start = end.saturating_sub(stretch).max(first);
            let mut docs = weight.scorer(reader, 1.0)?;
            if docs.doc() < start {
                docs.seek(start);
            }
            let mut last = VecDeque::new();
            while docs.doc() < end {
                if last.len() == count {
                    last.pop_front();
                }
                last.push_back(docs.doc());
                docs.advance();
            }
            if last.len() == count || start == first {
                return Ok(last.into_iter().filter_map(|doc| segment.index.first(doc)).collect());
            }
            stretch = stretch.saturating_mul(8);
        }
    }
}
