//! The state of a resource: what the entries that name it as their target say of it. `docs/state.md` describes it.
//!
//! ```text
//! index (marks of a target's entries) -> Standing (those that still count) -> log (their bytes) -> Version ... -> State
//! index (entries of a target, oldest first) -> log (their bytes) -> Version ...
//! ```
//!
//! No state is stored. The index has what each entry does, not what a field's value is: that is read from the log.

mod at;
mod diff;
mod fold;
mod standing;

use std::collections::BTreeSet;
use std::ops::{Bound, Range};

use graven_merkle::{LeafIndex, TreeSize};
use log::ReadError;

pub use crate::version::{Change, Effect, Setter, Version};
pub use at::At;
pub use diff::Difference;
use diff::difference;
pub use fold::{Life, OverLimit, SetField, State};
use standing::Standing;

use crate::doc::NAME;
use crate::error::IndexError;
use crate::index::Index;
use crate::limits::STATE_READ_ENTRIES;
use crate::query::{Ast, Field, Point, Test};
use crate::search::SearchError;
use crate::walk::{Walk, Walked};
use crate::whole::whole;

/// The entries of a resource that are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The resource's name: `type/id`, or the id alone where its target has no type.
    pub target: &'a str,
    /// What the asker may see at all: nothing else counts.
    pub scope: &'a Ast,
    /// The first index that counts.
    pub from: LeafIndex,
    /// The last moment that counts; without it all do.
    pub at: Option<At>,
}

/// Versions of a resource, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Entries that name it, those that change nothing among them.
    pub versions: Vec<Version>,
    /// Where to go on, if there are more.
    pub next: Option<LeafIndex>,
    /// Entries, from index 0 on, among which was searched.
    pub indexed_through: TreeSize,
}

/// What a stretch of a resource's entries makes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    /// Its state, or what the stretch does to the state before it.
    pub state: State,
    /// Entries that name the resource.
    pub versions: usize,
    /// Entries, from index 0 on, among which was searched.
    pub indexed_through: TreeSize,
}

/// In what two states of a resource differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Field by field, in the order of their names.
    pub differences: Vec<Difference>,
    /// Entries that name the resource, of both states.
    pub versions: usize,
    /// Entries, from index 0 on, among which was searched.
    pub indexed_through: TreeSize,
}

/// No answer about a resource.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Its entries cannot be found.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// An entry cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It has more than may be kept at once.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
}

/// Reads the bytes of committed entries, in the order in which they are asked for.
pub type Read<'a> = &'a dyn Fn(&[LeafIndex]) -> Result<Vec<Vec<u8>>, ReadError>;

impl Index {
    /// The entries of a resource, oldest first, at most so many.
    pub fn history(
        &self,
        ask: &Ask<'_>,
        limit: usize,
        read: Read<'_>,
    ) -> Result<History, StateError> {
        let (query, range) = named(ask, None);
        let (scope, now_ns) = (ask.scope, 0);
        let found = self.walk(&Walk { query: &query, scope, now_ns, range, limit })?;
        let Walked { results, next, indexed_through } = found;
        let versions = self.versions(ask.target, &results, read)?;
        Ok(History { versions, next, indexed_through })
    }

    /// The state of a resource, from its first entry on or, where `from` is later, what the entries from there do to it.
    pub fn state(&self, ask: &Ask<'_>, read: Read<'_>) -> Result<Folded, StateError> {
        let (query, range) = named(ask, None);
        let (standing, indexed_through) = self.reading(|snapshot| {
            Ok((snapshot.standing((&query, ask.scope), &range)?, snapshot.through))
        })?;
        let state = self.build(ask.target, (&standing, ask.from.0 > 0), read)?;
        Ok(Folded { state, versions: standing.versions, indexed_through })
    }

    /// In what the state that is asked for differs from the one at an earlier moment.
    pub fn compare(
        &self,
        ask: &Ask<'_>,
        earlier: At,
        read: Read<'_>,
    ) -> Result<Compared, StateError> {
        let (before, before_range) = named(&Ask { at: Some(earlier), ..*ask }, None);
        let (after, after_range) = named(ask, Some(earlier));
        let (before, after, indexed_through) = self.reading(|snapshot| {
            let before = snapshot.standing((&before, ask.scope), &before_range)?;
            let after = snapshot.standing((&after, ask.scope), &after_range)?;
            Ok((before, after, snapshot.through))
        })?;
        let state = self.build(ask.target, (&before, false), read)?;
        let stretch = self.build(ask.target, (&after, true), read)?;
        let differences = difference(&state, &stretch)?;
        Ok(Compared { differences, versions: before.versions + after.versions, indexed_through })
    }

    /// The state, or what a stretch does, out of the entries that stand.
    fn build(
        &self,
        target: &str,
        (standing, is_stretch): (&Standing, bool),
        read: Read<'_>,
    ) -> Result<State, StateError> {
        let is_shown = |(_, sets): &&(u64, bool)| *sets || is_stretch;
        let by = standing.fields.values().filter(is_shown).map(|(index, _)| *index);
        let indexes: BTreeSet<u64> = by.chain(standing.ended).chain(standing.last).collect();
        let indexes: Vec<LeafIndex> = indexes.into_iter().map(LeafIndex).collect();
        let mut state = if is_stretch { State::stretch() } else { State::new() };
        for some in indexes.chunks(STATE_READ_ENTRIES) {
            for mut version in self.versions(target, some, read)? {
                let index = version.by.index.0;
                let last = |field: &str| standing.fields.get(&*whole(field)).map(|(by, _)| *by);
                version.changes.retain(|change| last(&change.field) == Some(index));
                state.apply(&version)?;
            }
        }
        state.hidden = standing.hidden;
        state.life = match (standing.is_begun, standing.ended) {
            (true, _) => Life::Begun,
            (false, Some(_)) => Life::Ended,
            (false, None) => Life::Unsaid,
        };
        Ok(state)
    }

    /// What entries say of a resource that the index has them name.
    fn versions(
        &self,
        target: &str,
        indexes: &[LeafIndex],
        read: Read<'_>,
    ) -> Result<Vec<Version>, StateError> {
        let entries = read(indexes)?;
        let mut versions = Vec::with_capacity(entries.len());
        for (index, bytes) in indexes.iter().zip(entries) {
            let malformed = |why: String| ReadError::Malformed { index: *index, why };
            let entry = graven_entry::Entry::parse(&bytes).map_err(|e| malformed(e.to_string()))?;
            let Some(version) = Version::of(&entry, target) else {
                tracing::error!(%index, "the index has an entry name what it does not name");
                self.report_damage();
                return Err(SearchError::Index(IndexError::Damaged).into());
            };
            versions.push(version);
        }
        Ok(versions)
    }
}

/// What finds the entries of a resource, behind a moment if there is one, and the indexes among which to look.
fn named(ask: &Ask<'_>, after: Option<At>) -> (Ast, Range<u64>) {
    let name = Test::Equals(whole(ask.target).into_owned());
    let mut query = vec![Ast::Field(Field::Path(NAME.to_owned()), name)];
    let received = |from, to| Ast::Field(Field::Received, Test::Range(from, to));
    let (mut start, mut end) = (ask.from.0, u64::MAX);
    // No part of the query goes by when it is asked.
    match after {
        Some(At::Index(index)) => start = start.max(index.0.saturating_add(1)),
        Some(At::Time(ns)) => {
            query.push(received(Bound::Excluded(Point::At(ns)), Bound::Unbounded));
        }
        None => {}
    }
    match ask.at {
        Some(At::Index(index)) => end = index.0.saturating_add(1),
        Some(At::Time(ns)) => {
            query.push(received(Bound::Unbounded, Bound::Included(Point::At(ns))));
        }
        None => {}
    }
    (Ast::And(query), start..end)
}
