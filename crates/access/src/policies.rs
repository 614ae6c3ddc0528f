//! Finer rules in the Cedar language: what a role gives, a policy may forbid, by principal, action, log and event.
//!
//! Policies only narrow (ADR 0007): without any, roles decide alone. Those that can concern a principal's right on a log are
//! picked once and kept ([`Slice`]), so that a request pays for its own policies and not for all that there are.

mod cedar;
mod events;
mod hidden;
mod question;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::audit::EventAbout;
use crate::directory::ReplayError;
use crate::limits::{POLICIES_MAX, POLICY_ID_BYTES_MAX, POLICY_SLICES_MAX, POLICY_TEXT_BYTES_MAX};
use crate::policies::cedar::{Asks, Forbid};
use crate::principal::PrincipalId;
use crate::role::{Right, Role};

pub use hidden::{AboutField, Hidden};

/// The policies in force, by id.
pub struct Policies {
    policies: BTreeMap<String, Policy>,
    /// Emptied whenever a policy or somebody's role changes.
    slices: Cache<(PrincipalId, Right, Option<Box<str>>), Slice>,
}

/// One policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its text, as it was written.
    pub text: String,
    forbid: Forbid,
}

/// What policies say of one principal's right on one log.
#[derive(Clone, Debug)]
pub enum Slice {
    /// Nothing.
    Free,
    /// They forbid it, whatever the event.
    Forbidden,
    /// It depends on the event.
    Asks(Arc<Asks>),
}

/// Why a change of a policy is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not a name.
    #[error("a policy's id has 1 to {POLICY_ID_BYTES_MAX} of a-z, 0-9 and '-'")]
    Id,
    /// Not Cedar, or nothing that this server knows.
    #[error("the policy does not hold: {0}")]
    Text(String),
    /// It would give a right.
    #[error("a policy only narrows what roles give; write `forbid`, not `permit`")]
    Permit,
    /// Longer than an entry holds twice.
    #[error("the policy has {0} bytes; at most {POLICY_TEXT_BYTES_MAX} are allowed")]
    TooLarge(usize),
    /// One more than there may be.
    #[error("there are {POLICIES_MAX} policies, as many as there may be")]
    TooMany,
    /// Nothing would change.
    #[error("{0}")]
    Done(String),
    /// Nothing to take away.
    #[error("there is no policy {0}")]
    Unknown(String),
}

impl Default for Policies {
    fn default() -> Self {
        Policies { policies: BTreeMap::new(), slices: Cache::new(POLICY_SLICES_MAX) }
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Policies").field(&self.policies).finish()
    }
}

impl Policy {
    /// Reads one policy and checks it against the schema, [`Policies::SCHEMA`].
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        if text.len() > POLICY_TEXT_BYTES_MAX {
            return Err(PolicyError::TooLarge(text.len()));
        }
        Ok(Policy { text: text.to_owned(), forbid: Forbid::parse(text)? })
    }
}

impl Policies {
    /// The schema that every policy has to fit, in Cedar's own form.
    pub const SCHEMA: &str = cedar::SCHEMA;

    /// All policies, by id.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Policy)> {
        self.policies.iter().map(|(id, policy)| (id.as_str(), policy))
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// What policies say of a principal's right on a log, or with `None` on the server. `roles` are those that it holds there.
    pub fn slice(
        &self,
        id: &PrincipalId,
        right: Right,
        log: Option<&str>,
        roles: impl FnOnce() -> BTreeSet<Role>,
    ) -> Slice {
        // Never forbidden: nobody could mend what forbids it.
        if self.is_empty() || matches!(right, Right::Grant) {
            return Slice::Free;
        }
        let key = (id.clone(), right, log.map(Box::from));
        if let Some(slice) = self.slices.get(&key) {
            return slice;
        }
        let forbids = self.policies.values().map(|policy| &policy.forbid);
        let slice = cedar::slice(forbids, id, right, log, &roles());
        self.slices.insert(key, slice.clone());
        slice
    }

    /// The event that a change is, in the name of `actor`, with what was before and after; nothing has changed until it is
    /// applied. Without a policy the one of this id is taken away.
    pub fn plan(
        &self,
        actor: &PrincipalId,
        id: &str,
        policy: Option<&Policy>,
    ) -> Result<Vec<u8>, PolicyError> {
        let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if id.is_empty() || id.len() > POLICY_ID_BYTES_MAX || !id.bytes().all(is_good) {
            return Err(PolicyError::Id);
        }
        let before = self.policies.get(id).map(|policy| policy.text.as_str());
        let after = policy.map(|policy| policy.text.as_str());
        match (before, after) {
            (None, None) => return Err(PolicyError::Unknown(id.to_owned())),
            (before, after) if before == after => {
                return Err(PolicyError::Done(format!("this is the policy {id} already")));
            }
            (None, Some(_)) if self.policies.len() >= POLICIES_MAX => {
                return Err(PolicyError::TooMany);
            }
            _ => {}
        }
        Ok(events::change(actor, id, before, after))
    }

    /// Takes in an event of a `system` log. Others than ours change nothing. One that this version does not understand is an
    /// error: what it forbids must not be allowed instead.
    pub fn apply(&mut self, event: &[u8]) -> Result<(), ReplayError> {
        let Some((id, after)) = events::read(event)? else { return Ok(()) };
        match after {
            Some(text) => {
                let policy =
                    Policy::parse(&text).map_err(|error| events::fail(&error.to_string()))?;
                self.policies.insert(id, policy);
            }
            None => drop(self.policies.remove(&id)),
        }
        self.forget();
        Ok(())
    }

    /// Somebody's roles changed.
    pub(crate) fn forget(&self) {
        self.slices.clear();
    }
}

impl Slice {
    /// Whether the policies let this event pass.
    pub fn allows(&self, about: &EventAbout) -> bool {
        match self {
            Slice::Free => true,
            Slice::Forbidden => false,
            Slice::Asks(asks) => asks.allows(about),
        }
    }

    /// The events that policies do not let pass, where that can be asked of an index.
    pub fn hidden(&self) -> Option<Hidden> {
        match self {
            Slice::Free => Some(Hidden::NOTHING),
            Slice::Forbidden => Some(Hidden::EVERYTHING),
            Slice::Asks(asks) => asks.hidden.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
