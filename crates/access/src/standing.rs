//! All that the `system` logs say of access, as one state: who there is, what logs take, what policies forbid.

use std::collections::BTreeSet;

use graven_entry::Time;

use crate::approvals::{Answer, ApprovalError, Approvals, Privilege, Request};
use crate::audit::Scopes;
use crate::directory::{Directory, ReplayError};
use crate::factors::Factors;
use crate::policies::{Policies, Slice};
use crate::principal::PrincipalId;
use crate::queries::Queries;
use crate::role::Right;
use crate::scope::{Asked, Decision};
use crate::seal::SealStanding;

/// The state that entries of `system` add up to.
#[derive(Debug, Default)]
pub struct Standing {
    /// Principals, credentials, roles.
    pub directory: Directory,
    /// What each log takes of which events.
    pub scopes: Scopes,
    /// What is forbidden although a role would give it.
    pub policies: Policies,
    /// What one person may not do alone.
    pub approvals: Approvals,
    /// What principals sign in with beside their tokens.
    pub factors: Factors,
    /// What was last recorded to be sealed.
    pub sealing: SealStanding,
    /// What is looked for all the time.
    pub queries: Queries,
}

impl Standing {
    /// Takes in an event of a `system` log, with its entry's time. Others than ours change nothing.
    pub fn apply(&mut self, time: Time, event: &[u8]) -> Result<(), ReplayError> {
        if self.directory.apply(time, event)? {
            self.policies.forget();
        }
        self.scopes.apply(event)?;
        self.policies.apply(event)?;
        self.factors.apply(time, event)?;
        self.sealing.apply(event)?;
        self.queries.apply(time, event)?;
        self.approvals.apply(time, event)
    }

    /// What is said to someone who wants to do a thing. Grants need a second person from the second owner on, for ever: before,
    /// there was nobody to approve them.
    pub fn ask(&self, wanted: &Request, now: Time) -> Result<Answer, ApprovalError> {
        if wanted.privilege == Privilege::Grant && !self.directory.had_two_owners() {
            return Ok(Answer::Free);
        }
        self.approvals.ask(wanted, now, |who, request| self.may_approve(who, request, now))
    }

    /// The event of an approval.
    pub fn approve(
        &self,
        who: &PrincipalId,
        number: u64,
        now: Time,
    ) -> Result<Vec<u8>, ApprovalError> {
        self.approvals.approve(who, number, now, |who, request| self.may_approve(who, request, now))
    }

    /// The event by which a request ends undone.
    pub fn deny(
        &self,
        who: &PrincipalId,
        number: u64,
        now: Time,
    ) -> Result<Vec<u8>, ApprovalError> {
        self.approvals.deny(who, number, now, |who, request| self.may_approve(who, request, now))
    }

    /// Whether somebody has what it takes to approve a request: as well when it is approved as when it is done.
    pub fn may_approve(&self, who: &PrincipalId, request: &Request, now: Time) -> bool {
        let log = request.log.as_deref();
        let asked = Asked { right: request.right, log, stream: None };
        let opens = |class| self.directory.may_reveal(who, log.unwrap_or_default(), class, now);
        request.who != *who
            && self.decide(who, &asked, now) == Decision::Allowed
            && request.class.is_none_or(opens)
    }

    /// Whether a principal, whose credential is still good, has a right. Where it depends on the event, [`Standing::slice`]
    /// is asked again for each.
    pub fn decide(&self, id: &PrincipalId, asked: &Asked<'_>, now: Time) -> Decision {
        let decision = self.directory.decide(id, asked, now);
        if decision != Decision::Allowed || self.policies.is_empty() {
            return decision;
        }
        let is_narrowed = match self.slice(id, asked.right, asked.log) {
            Slice::Forbidden => true,
            // What may not be read entry by entry may not be read in bulk.
            _ if asked.right == Right::Export => {
                !matches!(self.slice(id, Right::ReadEntries, asked.log), Slice::Free)
            }
            Slice::Free | Slice::Asks(_) => false,
        };
        if is_narrowed { Decision::Narrowed } else { Decision::Allowed }
    }

    /// What policies say of a principal's right on a log.
    pub fn slice(&self, id: &PrincipalId, right: Right, log: Option<&str>) -> Slice {
        if self.directory.has_every_right(id) {
            return Slice::Free;
        }
        let roles = || {
            let grants = self.directory.account(id.as_str()).into_iter().flat_map(|a| &a.grants);
            grants
                .filter(|grant| grant.covers(log))
                .map(|grant| grant.role)
                .collect::<BTreeSet<_>>()
        };
        self.policies.slice(id, right, log, roles)
    }
}
