//! Saved queries: what is looked for all the time, and whom a webhook tells of it, as the entries of `system` say (ADR 0016).
//!
//! A firing is an entry before it is sent, and how it ended is one too. So what was found and is not told yet is known after a
//! crash, and told again under the same id.

mod built_in;
mod events;
mod when;

use std::collections::{BTreeMap, VecDeque};

use graven_entry::Time;

use crate::directory::ReplayError;
use crate::limits::{
    DEAD_LETTERS_MAX, QUERIES_MAX, QUERY_NAME_BYTES_MAX, QUERY_TEXT_BYTES_MAX, QUERY_URL_BYTES_MAX,
};
use crate::principal::PrincipalId;
use crate::queries::events::Told;

pub use built_in::{BUILT_IN, BuiltIn};
pub use when::{Hours, When, WhenError};

/// The name of a saved query: that of its log, and its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueryName {
    /// The log that it looks in.
    pub log: String,
    /// Its own name.
    pub name: String,
}

/// What an entry says that a query is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The query's text; empty for everything.
    pub query: String,
    /// When it fires.
    pub when: When,
    /// Where it is told.
    pub url: String,
    /// The first index that it looks at. Without it, a query that was saved before and asks the same goes on where it is, and any
    /// other begins with what comes.
    pub from: Option<u64>,
}

/// A saved query as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Who saved it, and whose right to read it has.
    pub owner: PrincipalId,
    /// The query's text.
    pub query: String,
    /// When it fires.
    pub when: When,
    /// Where it is told.
    pub url: String,
    /// What its secret is drawn from, together with the server's key.
    pub salt: String,
    /// What it was drawn from before, and when that ended.
    pub old_salt: Option<(String, Time)>,
    /// When it became what it is.
    pub saved: Time,
    /// Which change of any query made it what it is, counted from 1.
    pub revision: u64,
    /// The first index that no firing has taken in.
    pub next: u64,
    /// What fired and is not told yet.
    pub pending: Option<Firing>,
    /// How often it fired since it became what it is.
    pub fired: u64,
    /// Firings that were told.
    pub delivered: u64,
    /// Firings that were given up.
    pub dead: u64,
    /// The newest of them.
    pub dead_letters: VecDeque<DeadLetter>,
}

/// One firing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// The same in each attempt to tell it, so that who hears it twice can tell.
    pub id: String,
    /// Why, in a word.
    pub reason: String,
    /// How many entries made it fire.
    pub count: u64,
    /// The newest of their indexes, in order.
    pub indexes: Vec<u64>,
    /// What was measured, where it is no entry that made it fire.
    pub measured: Option<u64>,
    /// The first index that it has not taken in.
    pub next: u64,
    /// When, by the log's clock.
    pub time: Time,
}

/// A firing that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub id: String,
    /// Why, in words.
    pub why: String,
    /// When it was given up.
    pub time: Time,
}

/// All saved queries.
#[derive(Debug, Default)]
pub struct Queries {
    all: BTreeMap<QueryName, Saved>,
    /// Changes of any query so far.
    changes: u64,
}

/// Why a change of a query is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SavedQueryError {
    /// Not a name.
    #[error("a query's name has 1 to {QUERY_NAME_BYTES_MAX} of a-z, 0-9 and '-'")]
    Name,
    /// Too long a text.
    #[error("the query has {0} bytes; at most {QUERY_TEXT_BYTES_MAX} are kept")]
    TooLong(usize),
    /// No address that a webhook goes to.
    #[error(
        "a webhook's address is https:// or http://, has at most {QUERY_URL_BYTES_MAX} bytes, and neither a user nor a fragment"
    )]
    Url,
    /// One more than there may be.
    #[error("there are {QUERIES_MAX} saved queries, as many as there may be")]
    TooMany,
    /// Nothing of that name.
    #[error("log {} has no query {}", .0.log, .0.name)]
    Unknown(QueryName),
}

impl Queries {
    /// All, by name.
    pub fn all(&self) -> impl Iterator<Item = (&QueryName, &Saved)> {
        self.all.iter()
    }

    /// The one of this name.
    pub fn of(&self, name: &QueryName) -> Option<&Saved> {
        self.all.get(name)
    }

    /// The event that saves a query, in the name of `actor`, on a log of `size` entries; its secret is drawn from `salt`. One that is
    /// there already keeps its secret, and what it found and did not tell yet.
    pub fn plan_save(
        &self,
        actor: &PrincipalId,
        name: &QueryName,
        wanted: &Wanted,
        (size, salt): (u64, &str),
    ) -> Result<Vec<u8>, SavedQueryError> {
        let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let length = name.name.len();
        if length == 0 || length > QUERY_NAME_BYTES_MAX || !name.name.bytes().all(is_good) {
            return Err(SavedQueryError::Name);
        }
        if wanted.query.len() > QUERY_TEXT_BYTES_MAX {
            return Err(SavedQueryError::TooLong(wanted.query.len()));
        }
        if !is_address(&wanted.url) {
            return Err(SavedQueryError::Url);
        }
        let before = self.all.get(name);
        if before.is_none() && self.all.len() >= QUERIES_MAX {
            return Err(SavedQueryError::TooMany);
        }
        let same = before.filter(|saved| saved.query == wanted.query && saved.when == wanted.when);
        let from = wanted.from.unwrap_or_else(|| same.map_or(size, |saved| saved.next));
        let salt = before.map_or(salt, |saved| &saved.salt);
        let wanted = Wanted { from: Some(from), ..wanted.clone() };
        Ok(events::save(actor, name, (before, &wanted), salt))
    }

    /// The event that draws a query's secret anew, from `salt`.
    pub fn plan_rotate(
        &self,
        actor: &PrincipalId,
        name: &QueryName,
        salt: &str,
    ) -> Result<Vec<u8>, SavedQueryError> {
        self.known(name).map(|_| events::rotate(actor, name, salt))
    }

    /// The event that takes a query away, with what it did not tell yet.
    pub fn plan_remove(
        &self,
        actor: &PrincipalId,
        name: &QueryName,
    ) -> Result<Vec<u8>, SavedQueryError> {
        self.known(name).map(|before| events::remove(actor, name, before))
    }

    /// The event of a firing.
    pub fn plan_fire(name: &QueryName, firing: &Firing) -> Vec<u8> {
        events::fire(name, firing)
    }

    /// The event of a firing's end: told after so many attempts, or given up, and why.
    pub fn plan_end(name: &QueryName, id: &str, attempts: u32, why: Option<&str>) -> Vec<u8> {
        events::end(name, id, attempts, why)
    }

    /// Takes in an event of a `system` log, with its entry's time. Others than ours change nothing.
    pub fn apply(&mut self, time: Time, event: &[u8]) -> Result<(), ReplayError> {
        let Some((name, told)) = events::read(event)? else { return Ok(()) };
        if let Told::Saved(owner, wanted, salt) = told {
            self.changes += 1;
            let saved = Saved::new(owner, *wanted, salt, (time, self.changes));
            let before = self.all.remove(&name);
            self.all.insert(name, before.map_or(saved.clone(), |before| saved.after(before)));
            return Ok(());
        }
        // Of one that was taken away since: nothing.
        let Some(saved) = self.all.get_mut(&name) else { return Ok(()) };
        match told {
            Told::Saved(..) => {}
            Told::Removed => drop(self.all.remove(&name)),
            Told::Rotated(salt) => {
                let old = std::mem::replace(&mut saved.salt, salt);
                saved.old_salt = Some((old, time));
            }
            Told::Fired(firing) => {
                saved.fired += 1;
                saved.next = firing.next;
                saved.pending = Some(Firing { time, ..*firing });
            }
            Told::Ended(id, why) => saved.end(&id, why, time),
        }
        Ok(())
    }

    fn known(&self, name: &QueryName) -> Result<&Saved, SavedQueryError> {
        self.all.get(name).ok_or_else(|| SavedQueryError::Unknown(name.clone()))
    }
}

impl Saved {
    fn new(
        owner: PrincipalId,
        wanted: Wanted,
        salt: String,
        (saved, revision): (Time, u64),
    ) -> Saved {
        let Wanted { query, when, url, from } = wanted;
        let (next, pending, dead_letters) = (from.unwrap_or_default(), None, VecDeque::new());
        Saved {
            owner,
            query,
            when,
            url,
            salt,
            old_salt: None,
            saved,
            revision,
            next,
            pending,
            fired: 0,
            delivered: 0,
            dead: 0,
            dead_letters,
        }
    }

    /// What it is after it was saved over another: what was found is still told.
    fn after(self, before: Saved) -> Saved {
        Saved {
            old_salt: before.old_salt,
            pending: before.pending,
            delivered: before.delivered,
            dead: before.dead,
            dead_letters: before.dead_letters,
            ..self
        }
    }

    fn end(&mut self, id: &str, why: Option<String>, time: Time) {
        self.pending = self.pending.take().filter(|firing| firing.id != id);
        let Some(why) = why else {
            self.delivered += 1;
            return;
        };
        self.dead += 1;
        if self.dead_letters.len() == DEAD_LETTERS_MAX {
            self.dead_letters.pop_front();
        }
        self.dead_letters.push_back(DeadLetter { id: id.to_owned(), why, time });
    }
}

/// Whether a webhook may be said to go there; whether it may really is known when it goes.
fn is_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    url.len() <= QUERY_URL_BYTES_MAX
        && is_plain
        && !host.is_empty()
        && !host.contains('@')
        && !url.contains(['#', '\\'])
}

#[cfg(test)]
mod tests;
