//! Four eyes: what one person may not do alone. A request, another's approval, its one use; each an entry of `system`.

pub(crate) mod events;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use graven_entry::Time;

use crate::Class;
use crate::approvals::events::Told;
use crate::directory::ReplayError;
use crate::limits::{APPROVAL_NS, APPROVAL_WHAT_BYTES_MAX, APPROVALS_OPEN_MAX};
use crate::principal::PrincipalId;
use crate::role::Right;

/// What may be asked a second person for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// Making principals, giving and taking roles, setting policies.
    Grant,
    /// Opening a sealed value.
    Reveal,
    /// Erasing a subject.
    Erase,
    /// Changing a stream's or a log's keys.
    Key,
}

/// The requests that are open, and what needs one.
#[derive(Clone, Debug, Default)]
pub struct Approvals {
    needed: BTreeSet<Privilege>,
    open: BTreeMap<u64, Request>,
    /// The number of the last request; none is used twice.
    last: u64,
}

/// Something that waits for a second person, or was approved and not done yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who wants to do it.
    pub who: PrincipalId,
    /// What kind of thing it is.
    pub privilege: Privilege,
    /// The right that it needs, of whoever approves it too.
    pub right: Right,
    /// The log that it is on; without one, the server.
    pub log: Option<String>,
    /// The class of the sealed value that it is about, which whoever approves it may open too.
    pub class: Option<Class>,
    /// Exactly what, in words: another thing is another request.
    pub what: String,
    /// When it ends, approved or not.
    pub expires: Time,
    /// Who approved it.
    pub approved_by: Option<PrincipalId>,
}

/// What is said to someone who wants to do a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// No second person is needed.
    Free,
    /// It is approved: this is the event of its use, after which it is approved no more.
    Approved(Vec<u8>),
    /// The request of this number waits already.
    Waits(u64),
    /// It is asked for by this event; the request gets this number.
    Asked(u64, Vec<u8>),
}

/// Why a request or an approval is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// None of this number, or it has expired.
    #[error("no request of this number waits")]
    Unknown,
    /// Nobody approves their own.
    #[error("nobody approves their own request; ask someone else who has the right")]
    Own,
    /// It is done.
    #[error("the request is approved already")]
    Done,
    /// One principal has asked for too much.
    #[error(
        "you have {APPROVALS_OPEN_MAX} requests open, as many as you may; they end after a day"
    )]
    TooMany,
    /// It cannot be told in an entry.
    #[error("what is asked for has {0} bytes in words; at most {APPROVAL_WHAT_BYTES_MAX} fit")]
    TooLarge(usize),
}

impl Privilege {
    /// All of them.
    pub const ALL: [Privilege; 4] =
        [Privilege::Grant, Privilege::Reveal, Privilege::Erase, Privilege::Key];

    /// The kind of privileged thing that a right is for, if any.
    pub const fn of(right: Right) -> Option<Privilege> {
        match right {
            Right::Grant => Some(Privilege::Grant),
            Right::Reveal | Right::FindSubject => Some(Privilege::Reveal),
            Right::Erase => Some(Privilege::Erase),
            Right::ManageKeys => Some(Privilege::Key),
            _ => None,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Privilege::Grant => "grant",
            Privilege::Reveal => "reveal",
            Privilege::Erase => "erase",
            Privilege::Key => "key",
        }
    }

    /// The one of this name.
    pub fn parse(text: &str) -> Option<Privilege> {
        Privilege::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Approvals {
    /// What needs a second person.
    pub fn needed(&self) -> &BTreeSet<Privilege> {
        &self.needed
    }

    /// The requests that have not ended, by number.
    pub fn open(&self, now: Time) -> impl Iterator<Item = (u64, &Request)> {
        let open = self.open.iter().filter(move |(_, request)| now < request.expires);
        open.map(|(number, request)| (*number, request))
    }

    /// What is said to someone who wants to do a thing, `expires` and `approved_by` of which do not count. An approval by
    /// somebody who may not give it any more is none.
    pub(crate) fn ask(
        &self,
        wanted: &Request,
        now: Time,
        may: impl Fn(&PrincipalId, &Request) -> bool,
    ) -> Result<Answer, ApprovalError> {
        if !self.needed.contains(&wanted.privilege) {
            return Ok(Answer::Free);
        }
        let is_same = |other: &Request| {
            other.who == wanted.who
                && other.privilege == wanted.privilege
                && other.right == wanted.right
                && other.log == wanted.log
                && other.class == wanted.class
                && other.what == wanted.what
        };
        if let Some((number, found)) = self.open(now).find(|(_, request)| is_same(request)) {
            return Ok(match &found.approved_by {
                Some(by) if may(by, found) => {
                    Answer::Approved(events::step(&wanted.who, "use", number))
                }
                _ => Answer::Waits(number),
            });
        }
        if wanted.what.len() > APPROVAL_WHAT_BYTES_MAX {
            return Err(ApprovalError::TooLarge(wanted.what.len()));
        }
        if self.open(now).filter(|(_, other)| other.who == wanted.who).count() >= APPROVALS_OPEN_MAX
        {
            return Err(ApprovalError::TooMany);
        }
        let expires = now.unix_ns().saturating_add(APPROVAL_NS);
        let expires = Time::from_unix_ns(expires).unwrap_or(Time::MAX);
        let number = self.last + 1;
        let request = Request { expires, approved_by: None, ..wanted.clone() };
        Ok(Answer::Asked(number, events::request(number, &request)))
    }

    /// The event of an approval. A request that `who` may not approve looks like one that is not there.
    pub(crate) fn approve(
        &self,
        who: &PrincipalId,
        number: u64,
        now: Time,
        may: impl Fn(&PrincipalId, &Request) -> bool,
    ) -> Result<Vec<u8>, ApprovalError> {
        let found = self.open(now).find(|(other, _)| *other == number);
        let (_, request) = found.ok_or(ApprovalError::Unknown)?;
        if request.who == *who {
            return Err(ApprovalError::Own);
        }
        if !may(who, request) {
            return Err(ApprovalError::Unknown);
        }
        if request.approved_by.as_ref().is_some_and(|by| may(by, request)) {
            return Err(ApprovalError::Done);
        }
        Ok(events::step(who, "approve", number))
    }

    /// The event by which a request ends undone: by whoever asked, or by whoever may approve it. To everyone else it looks like
    /// one that is not there.
    pub(crate) fn deny(
        &self,
        who: &PrincipalId,
        number: u64,
        now: Time,
        may: impl Fn(&PrincipalId, &Request) -> bool,
    ) -> Result<Vec<u8>, ApprovalError> {
        let found = self.open(now).find(|(other, _)| *other == number);
        let found = found.filter(|(_, request)| request.who == *who || may(who, request));
        found.map(|_| events::step(who, "deny", number)).ok_or(ApprovalError::Unknown)
    }

    /// The event by which other things need a second person; none where nothing changes.
    pub fn plan_needed(&self, needed: &BTreeSet<Privilege>) -> Option<Vec<u8>> {
        (self.needed != *needed).then(|| events::needed(&self.needed, needed))
    }

    /// Takes in an event of a `system` log, with its entry's time. Others than ours change nothing.
    pub fn apply(&mut self, time: Time, event: &[u8]) -> Result<(), ReplayError> {
        let Some(told) = events::read(event)? else { return Ok(()) };
        match told {
            Told::Needed(needed) => self.needed = needed,
            Told::Request(number, request) => {
                self.open.retain(|_, request| time < request.expires);
                self.last = self.last.max(number);
                self.open.insert(number, request);
            }
            Told::Approve(number, who) => {
                let request = self.open.get_mut(&number);
                // Checked again: nobody's own approval counts, whoever wrote it.
                if let Some(request) = request.filter(|request| request.who != who) {
                    request.approved_by = Some(who);
                }
            }
            Told::End(number) => drop(self.open.remove(&number)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
