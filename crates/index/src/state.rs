//! The state of a resource: what the entries that name it as their target say of it. `docs/state.md` describes it.
//!
//! ```text
//! index (entries of a target, oldest first) -> log (their bytes) -> Version ... -> State (fold of their changes)
//! ```
//!
//! Nothing of it is stored: each answer is folded from the log, of what many entries name from a state on that is kept in memory.

mod at;
mod diff;
mod fold;
mod marks;
mod version;

use graven_merkle::{LeafIndex, TreeSize};
use log::ReadError;

pub use at::At;
pub use diff::Difference;
use diff::difference;
pub use fold::{Life, OverLimit, SetField, State};
use marks::Mark;
pub(crate) use marks::Marks;
pub use version::{Change, Effect, Setter, Version};

use crate::index::Index;
use crate::query::{Ast, Field, Test};
use crate::search::SearchError;
use crate::walk::{Walk, Walked};

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
    /// Entries that are looked at; the answer says where to go on.
    pub limit: usize,
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
    /// Where to go on, if there are more.
    pub next: Option<LeafIndex>,
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
    /// It has more entries than two states are made of at once.
    #[error(
        "more than {limit} entries name the resource until then; read both states in steps and compare them"
    )]
    Entries {
        /// The limit.
        limit: usize,
    },
}

/// Reads the bytes of a committed entry.
pub type Read<'a> = &'a dyn Fn(LeafIndex) -> Result<Vec<u8>, ReadError>;

impl Index {
    /// The entries of a resource, oldest first.
    pub fn history(&self, ask: &Ask<'_>, read: Read<'_>) -> Result<History, StateError> {
        let found = self.of_target(ask)?;
        let mut versions = Vec::new();
        for index in &found.results {
            versions.extend(version(ask.target, *index, read)?);
        }
        Ok(History { versions, next: found.next, indexed_through: found.indexed_through })
    }

    /// The state of a resource, from its first entry on or, where `from` is later, what the entries from there do to it.
    pub fn state(&self, ask: &Ask<'_>, read: Read<'_>) -> Result<Folded, StateError> {
        let of = (ask.target, ask.scope);
        let is_whole = ask.from.0 == 0;
        let mark = is_whole.then(|| self.marks().last(of, ask.at, ask.limit)).flatten();
        let start = if is_whole { State::new() } else { State::stretch() };
        let start = Mark { state: start, looked: 0, versions: 0, next: ask.from.0, time_ns: 0 };
        let mut now = mark.unwrap_or(start);
        let (from, limit) = (LeafIndex(now.next), ask.limit - now.looked);
        let found = self.of_target(&Ask { from, limit, ..*ask })?;
        let mut marks = Vec::new();
        for index in &found.results {
            let version = version(ask.target, *index, read)?;
            (now.looked, now.next) = (now.looked + 1, index.0 + 1);
            let Some(version) = version else { continue };
            now.versions += 1;
            now.time_ns = version.by.time.unix_ns();
            now.state.apply(&version)?;
            if is_whole && marks::is_due(now.looked) {
                marks.push(now.clone());
            }
        }
        self.marks().keep(of, marks);
        let Mark { state, versions, .. } = now;
        Ok(Folded { state, versions, next: found.next, indexed_through: found.indexed_through })
    }

    /// In what the state that is asked for differs from the one at an earlier moment.
    pub fn compare(
        &self,
        ask: &Ask<'_>,
        earlier: At,
        read: Read<'_>,
    ) -> Result<Compared, StateError> {
        let history = self.history(ask, read)?;
        if history.next.is_some() {
            return Err(StateError::Entries { limit: ask.limit });
        }
        let (mut state, mut stretch) = (State::new(), State::stretch());
        for version in &history.versions {
            let goes_to = if earlier.counts(&version.by) { &mut state } else { &mut stretch };
            goes_to.apply(version)?;
        }
        let differences = difference(&state, &stretch)?;
        let (versions, indexed_through) = (history.versions.len(), history.indexed_through);
        Ok(Compared { differences, versions, indexed_through })
    }

    /// Indexes of what may name the resource: another with the same id is among them where the name has no type.
    fn of_target(&self, ask: &Ask<'_>) -> Result<Walked, SearchError> {
        let target =
            Ast::Field(Field::Path("target".to_owned()), Test::Equals(ask.target.to_owned()));
        let until = ask.at.and_then(At::received);
        let query = until.map_or(target.clone(), |until| Ast::And(vec![target, until]));
        let range = ask.from.0..ask.at.map_or(u64::MAX, At::end);
        // No part of the query goes by when it is asked.
        self.walk(&Walk { query: &query, scope: ask.scope, now_ns: 0, range, limit: ask.limit })
    }
}

fn version(target: &str, index: LeafIndex, read: Read<'_>) -> Result<Option<Version>, ReadError> {
    let bytes = read(index)?;
    let malformed = |why| ReadError::Malformed { index, why };
    let entry = graven_entry::Entry::parse(&bytes).map_err(|error| malformed(error.to_string()))?;
    Ok(Version::of(&entry, target))
}
