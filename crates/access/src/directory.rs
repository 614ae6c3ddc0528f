//! The directory: every principal with its credential and its grants, as the entries of `system` say.
//!
//! [`Directory::plan`] checks a change against the state and makes its entries; [`Directory::apply`] takes entries in, the
//! same way after a commit as in a replay at start.

mod events;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use graven_entry::Time;

use crate::Class;
use crate::certificate::CertificateName;
use crate::directory::events::Told;
use crate::grant::Grant;
use crate::limits::{GRANTS_PER_PRINCIPAL_MAX, PRINCIPALS_MAX};
use crate::principal::PrincipalId;
use crate::role::{Reach, Right, Role};
use crate::scope::{Asked, Decision};
use crate::token::{TokenHash, TokenId};

/// All principals. The holder of `admin.token` is always among them.
#[derive(Debug)]
pub struct Directory {
    accounts: BTreeMap<PrincipalId, Account>,
    tokens: HashMap<TokenId, PrincipalId>,
    /// Each name that was ever bound: a stolen certificate must not become the next holder's.
    certificates: HashMap<CertificateName, PrincipalId>,
    /// Some time someone was made owner: from then on the admin has only what it is granted.
    had_owner: bool,
    /// Some time there were two: from then on one of them can be asked to approve what the other grants.
    had_two_owners: bool,
}

/// One principal.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: PrincipalId,
    /// What it proves itself with; the admin's is not kept here.
    pub credential: Option<Credential>,
    /// What it may do.
    pub grants: BTreeSet<Grant>,
    /// When it was made.
    pub created: Time,
    /// When its credential was revoked, for ever.
    pub revoked: Option<Time>,
    /// About when it was last used, to the hour.
    pub last_used: Option<Time>,
}

/// A credential as it is kept.
#[derive(Clone, Debug)]
pub struct Credential {
    /// What it is.
    pub proof: Proof,
    /// When it stops being good.
    pub expires: Option<Time>,
}

/// What a principal proves itself with.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A token: its public part, and its keyed hash.
    Token(TokenId, TokenHash),
    /// A client certificate that has this name.
    Certificate(CertificateName),
    /// The word of this issuer, in tokens of its own.
    Issuer(String),
}

/// A change of the directory.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new principal with a credential and a first grant.
    Create(PrincipalId, Credential, Grant),
    /// A principal's credential is good no more.
    Revoke(PrincipalId),
    /// A principal gets a role.
    Grant(PrincipalId, Grant),
    /// A principal loses a role.
    Take(PrincipalId, Grant),
}

/// Why a credential is not good. All read the same to whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthFailure {
    /// Nobody's.
    Unknown,
    /// It has the public part of this principal's token, and another secret.
    WrongSecret(PrincipalId),
    /// This principal's, revoked.
    Revoked(PrincipalId),
    /// This principal's, expired.
    Expired(PrincipalId),
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The name is or was someone's.
    #[error("principal {0} exists or existed; names are never used twice")]
    Exists(PrincipalId),
    /// The certificate's name is or was someone's.
    #[error("certificates of {0} are or were a principal's; names are never used twice")]
    Bound(CertificateName),
    /// Nobody has that name.
    #[error("there is no principal {0}")]
    Unknown(PrincipalId),
    /// It is done already.
    #[error("{0}")]
    Done(String),
    /// Nobody would be left who can grant.
    #[error(
        "no owner without expiry would be left, and nobody could grant; make another owner first"
    )]
    LastOwner,
    /// Its roles are its issuer's to say.
    #[error("the roles of {0} are those that its issuer's tokens give it")]
    OfIssuer(PrincipalId),
    /// Nobody, and without a role it does not become somebody.
    #[error("the token gives no role here; ask whoever runs its issuer")]
    NoRole,
    /// An owner's grant is on the server.
    #[error("an owner's role is not for one log; leave the log out")]
    OwnerOfLog,
    /// Only a revealer's grant is on a class of sealed values.
    #[error("only a revealer's role is for one class; leave the class out")]
    ClassOfRole,
    /// Over a limit.
    #[error("{0}")]
    Limit(String),
}

/// An entry of `system` that cannot be taken in: written by a newer version, or not by this server at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{action}: {why}")]
pub struct ReplayError {
    /// The entry's action.
    pub action: String,
    /// What is wrong.
    pub why: String,
}

impl Default for Directory {
    fn default() -> Self {
        let admin = Account::new(PrincipalId::admin(), None, Time::MIN);
        Directory {
            accounts: BTreeMap::from([(admin.id.clone(), admin)]),
            tokens: HashMap::new(),
            certificates: HashMap::new(),
            had_owner: false,
            had_two_owners: false,
        }
    }
}

impl Account {
    fn new(id: PrincipalId, credential: Option<Credential>, created: Time) -> Account {
        let grants = BTreeSet::new();
        Account { id, credential, grants, created, revoked: None, last_used: None }
    }

    /// Whether its credential is neither revoked nor expired.
    fn is_good(&self, now: Time) -> bool {
        let expires = self.credential.as_ref().and_then(|credential| credential.expires);
        self.revoked.is_none() && expires.is_none_or(|expires| now < expires)
    }

    /// The same, with what is wrong.
    fn check(&self, now: Time) -> Result<&Account, AuthFailure> {
        match self.is_good(now) {
            true => Ok(self),
            false if self.revoked.is_some() => Err(AuthFailure::Revoked(self.id.clone())),
            false => Err(AuthFailure::Expired(self.id.clone())),
        }
    }

    /// Whether it counts and dies with the key of tokens, under which its token's hash is or its id itself.
    fn needs_key(&self) -> bool {
        let proof = self.credential.as_ref().map(|credential| &credential.proof);
        self.revoked.is_none() && matches!(proof, Some(Proof::Token(..) | Proof::Issuer(_)))
    }

    fn is_of_issuer(&self) -> bool {
        let proof = self.credential.as_ref().map(|credential| &credential.proof);
        matches!(proof, Some(Proof::Issuer(_)))
    }

    /// Whether it can grant, and will not stop by itself.
    fn is_standing_owner(&self) -> bool {
        let expires = self.credential.as_ref().and_then(|credential| credential.expires);
        let is_owner = self.grants.iter().any(|grant| grant.role == Role::Owner);
        is_owner && self.revoked.is_none() && expires.is_none() && !self.is_of_issuer()
    }
}

impl Directory {
    /// The principal whose token this is, by its public part and its hash.
    pub fn authenticate(
        &self,
        token: &[u8],
        hash: &TokenHash,
        now: Time,
    ) -> Result<&Account, AuthFailure> {
        let known = TokenId::of(token).and_then(|id| self.tokens.get(&id));
        let account = known.and_then(|id| self.accounts.get(id)).ok_or(AuthFailure::Unknown)?;
        let credential = account.credential.as_ref().ok_or(AuthFailure::Unknown)?;
        match &credential.proof {
            Proof::Token(_, own) if own.matches(hash) => account.check(now),
            _ => Err(AuthFailure::WrongSecret(account.id.clone())),
        }
    }

    /// The principal of a certificate that has these names. Names of several principals are nobody's.
    pub fn of_certificate(
        &self,
        names: &[CertificateName],
        now: Time,
    ) -> Result<&Account, AuthFailure> {
        let owners: BTreeSet<_> =
            names.iter().filter_map(|name| self.certificates.get(name)).collect();
        let owner = owners.first().filter(|_| owners.len() == 1);
        let account = owner.and_then(|id| self.accounts.get(*id)).ok_or(AuthFailure::Unknown)?;
        account.check(now)
    }

    /// The principal for whom an issuer's token speaks.
    pub fn of_subject(&self, id: &PrincipalId) -> Result<&Account, AuthFailure> {
        let account = self.accounts.get(id).filter(|account| account.is_of_issuer());
        account.ok_or(AuthFailure::Unknown)?.check(Time::MIN)
    }

    /// Whether a principal, whose credential is still good, has a right.
    pub fn decide(&self, id: &PrincipalId, asked: &Asked<'_>, now: Time) -> Decision {
        let Asked { right, log, stream } = *asked;
        let Some(account) = self.accounts.get(id).filter(|account| account.is_good(now)) else {
            return Decision::Hidden;
        };
        if self.has_every_right(id) {
            return Decision::Allowed;
        }
        let is_own = stream.is_some_and(|stream| id.owns_stream(stream));
        let mut decision = if log.is_some() { Decision::Hidden } else { Decision::Forbidden };
        for grant in account.grants.iter().filter(|grant| grant.covers(log)) {
            decision = Decision::Forbidden;
            match grant.role.reach(right) {
                Reach::Whole => return Decision::Allowed,
                Reach::OwnStreams if is_own => return Decision::Allowed,
                Reach::OwnStreams | Reach::Nothing => {}
            }
        }
        decision
    }

    /// Whether a principal, whose credential is still good, may open sealed values of this class.
    pub fn may_reveal(&self, id: &PrincipalId, log: &str, class: Class, now: Time) -> bool {
        let Some(account) = self.accounts.get(id).filter(|account| account.is_good(now)) else {
            return false;
        };
        let opens = |grant: &Grant| {
            let is_class = grant.class.is_none_or(|only| only == class);
            is_class && grant.covers(Some(log)) && grant.role.reach(Right::Reveal) == Reach::Whole
        };
        self.has_every_right(id) || account.grants.iter().any(opens)
    }

    /// Whether `id` may append to a stream: not where it is another principal's own.
    pub fn may_use_stream(&self, id: &PrincipalId, stream: &str) -> bool {
        if self.has_every_right(id) {
            return true;
        }
        let owner = stream.split('/').next().unwrap_or_default();
        id.as_str() == owner || owner == "admin" || !self.accounts.contains_key(owner)
    }

    /// Whether there is such a principal, neither revoked nor expired.
    pub fn is_good(&self, id: &PrincipalId, now: Time) -> bool {
        self.accounts.get(id).is_some_and(|account| account.is_good(now))
    }

    /// The holder of `admin.token`; its id where that was revoked.
    pub fn admin(&self) -> Result<&Account, PrincipalId> {
        let id = PrincipalId::admin();
        self.accounts.get(&id).filter(|admin| admin.revoked.is_none()).ok_or(id)
    }

    /// Whose token has this public part.
    pub fn owner_of(&self, token: &TokenId) -> Option<&PrincipalId> {
        self.tokens.get(token)
    }

    /// Takes in that a principal's credential was used, ahead of the entry that says so. Whether there is one to write.
    pub fn used(&mut self, id: &PrincipalId, now: Time) -> bool {
        let account = self.accounts.get_mut(id);
        let last = account.map(|account| account.last_used.replace(now));
        last.is_some_and(|last| last < Some(now))
    }

    /// One principal.
    pub fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.get(id)
    }

    /// All principals by id, the admin among them.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// Whether anyone has a token that counts, so that the key of its hash is needed.
    pub fn has_tokens(&self) -> bool {
        self.accounts.values().any(Account::needs_key)
    }

    /// The event that says that the key of all hashes is gone, and every token with it: whoever runs the server begins
    /// anew with `admin.token`.
    pub fn plan_lost_key() -> Vec<u8> {
        events::lost_key()
    }

    /// The events that a change is, in the name of `actor`; nothing has changed until they are applied.
    pub fn plan(&self, actor: &PrincipalId, change: &Change) -> Result<Vec<Vec<u8>>, ChangeError> {
        match change {
            Change::Create(id, credential, grant) => {
                self.check_new(id, credential, grant)?;
                Ok(vec![
                    events::create(actor, id, credential),
                    events::grant(actor, id, "add", grant),
                ])
            }
            Change::Revoke(id) => {
                if self.existing(id)?.revoked.is_some() {
                    return Err(ChangeError::Done(format!("{id} is revoked already")));
                }
                self.check_owner_without(id)?;
                Ok(vec![events::revoke(actor, id)])
            }
            Change::Grant(id, _) | Change::Take(id, _) if self.existing(id)?.is_of_issuer() => {
                Err(ChangeError::OfIssuer(id.clone()))
            }
            Change::Grant(id, grant) => {
                self.check_grant(id, grant)?;
                Ok(vec![events::grant(actor, id, "add", grant)])
            }
            Change::Take(id, grant) => {
                if !self.existing(id)?.grants.contains(grant) {
                    return Err(ChangeError::Done(format!("{id} is not {grant}")));
                }
                if grant.role == Role::Owner {
                    self.check_owner_without(id)?;
                }
                Ok(vec![events::grant(actor, id, "remove", grant)])
            }
        }
    }

    /// The events by which a principal of an issuer is there and has these roles and no others: none where it has. An owner
    /// by an issuer's word is one only beside another, since an issuer may take it back at any time.
    pub fn plan_subject(
        &self,
        id: &PrincipalId,
        issuer: &str,
        grants: &BTreeSet<Grant>,
    ) -> Result<Vec<Vec<u8>>, ChangeError> {
        let known = self.accounts.get(id);
        if known.is_some_and(|account| account.revoked.is_some()) {
            return Ok(Vec::new());
        }
        let counts = |grant: &&Grant| grant.role != Role::Owner || self.has_standing_owner_but(id);
        let wanted: BTreeSet<&Grant> = grants.iter().filter(counts).collect();
        let held: BTreeSet<&Grant> = known.iter().flat_map(|account| &account.grants).collect();
        let graven = PrincipalId::graven();
        let mut events = Vec::new();
        if known.is_none() {
            if wanted.is_empty() {
                return Err(ChangeError::NoRole);
            }
            self.check_room()?;
            let credential = Credential { proof: Proof::Issuer(issuer.to_owned()), expires: None };
            events.push(events::create(&graven, id, &credential));
        }
        let changes = [("remove", held.difference(&wanted)), ("add", wanted.difference(&held))];
        for (op, grants) in changes {
            events.extend(grants.map(|grant| events::grant(&graven, id, op, grant)));
        }
        Ok(events)
    }

    /// Takes in an event of a `system` log, with its entry's time. Others than ours change nothing. Whether what somebody may
    /// do has changed.
    pub fn apply(&mut self, time: Time, event: &[u8]) -> Result<bool, ReplayError> {
        let Some(told) = events::read(event)? else { return Ok(false) };
        let is_change = !matches!(told, Told::Login(_));
        let fail = |action: &str, why: String| ReplayError { action: action.to_owned(), why };
        match told {
            Told::Create(id, credential) => {
                let before = match &credential.proof {
                    Proof::Token(token, _) => self.tokens.insert(token.clone(), id.clone()),
                    Proof::Certificate(name) => self.certificates.insert(name.clone(), id.clone()),
                    Proof::Issuer(_) => None,
                };
                if before.is_some() || self.accounts.contains_key(&id) {
                    let why = format!("{id} or its credential exists already");
                    return Err(fail(events::TOKEN, why));
                }
                self.accounts.insert(id.clone(), Account::new(id, Some(credential), time));
            }
            Told::Revoke(id) => {
                let unknown = || fail(events::TOKEN, format!("there is no {id}"));
                self.accounts.get_mut(&id).ok_or_else(unknown)?.revoked = Some(time);
            }
            Told::LostKey => {
                for account in self.accounts.values_mut().filter(|account| account.needs_key()) {
                    account.revoked = Some(time);
                }
                let admin = Account::new(PrincipalId::admin(), None, Time::MIN);
                self.accounts.insert(admin.id.clone(), admin);
                self.had_owner = false;
                self.had_two_owners = false;
            }
            Told::Add(id, grant) => {
                let is_owner = grant.role == Role::Owner;
                self.had_owner |= is_owner;
                let unknown = || fail(events::GRANT, format!("there is no {id}"));
                self.accounts.get_mut(&id).ok_or_else(unknown)?.grants.insert(grant);
                self.had_two_owners |= is_owner && self.has_standing_owner_but(&id);
            }
            Told::Remove(id, grant) => {
                let unknown = || fail(events::GRANT, format!("there is no {id}"));
                self.accounts.get_mut(&id).ok_or_else(unknown)?.grants.remove(&grant);
            }
            Told::Login(id) => {
                if let Some(account) = self.accounts.get_mut(&id) {
                    account.last_used = Some(time);
                }
            }
        }
        Ok(is_change)
    }

    /// Whether there were ever two owners at once.
    pub(crate) fn had_two_owners(&self) -> bool {
        self.had_two_owners
    }

    /// Whether this is the admin, and nobody was made an owner yet.
    pub(crate) fn has_every_right(&self, id: &PrincipalId) -> bool {
        !self.had_owner && *id == PrincipalId::admin()
    }

    fn existing(&self, id: &PrincipalId) -> Result<&Account, ChangeError> {
        self.accounts.get(id).ok_or_else(|| ChangeError::Unknown(id.clone()))
    }

    fn check_new(
        &self,
        id: &PrincipalId,
        credential: &Credential,
        grant: &Grant,
    ) -> Result<(), ChangeError> {
        if self.accounts.contains_key(id) {
            return Err(ChangeError::Exists(id.clone()));
        }
        self.check_room()?;
        if let Proof::Certificate(name) = &credential.proof
            && self.certificates.contains_key(name)
        {
            return Err(ChangeError::Bound(name.clone()));
        }
        check_form(grant)?;
        let is_first = grant.role == Role::Owner && !self.has_standing_owner_but(id);
        if is_first && credential.expires.is_some() {
            return Err(ChangeError::LastOwner);
        }
        Ok(())
    }

    fn check_room(&self) -> Result<(), ChangeError> {
        if self.accounts.len() >= PRINCIPALS_MAX {
            let limit = format!("{PRINCIPALS_MAX} principals were made, as many as there may be");
            return Err(ChangeError::Limit(limit));
        }
        Ok(())
    }

    fn check_grant(&self, id: &PrincipalId, grant: &Grant) -> Result<(), ChangeError> {
        check_form(grant)?;
        let account = self.existing(id)?;
        if account.revoked.is_some() {
            return Err(ChangeError::Done(format!("{id} is revoked; make a new principal")));
        }
        if account.grants.contains(grant) {
            return Err(ChangeError::Done(format!("{id} is {grant} already")));
        }
        if account.grants.len() >= GRANTS_PER_PRINCIPAL_MAX {
            let limit = format!("{id} holds {GRANTS_PER_PRINCIPAL_MAX} roles, as many as it may");
            return Err(ChangeError::Limit(limit));
        }
        let expires = account.credential.as_ref().is_some_and(|token| token.expires.is_some());
        if grant.role == Role::Owner && expires && !self.has_standing_owner_but(id) {
            return Err(ChangeError::LastOwner);
        }
        Ok(())
    }

    /// Whether somebody could still grant if `id` could not: until there was an owner, the admin.
    fn check_owner_without(&self, id: &PrincipalId) -> Result<(), ChangeError> {
        let admin = PrincipalId::admin();
        let admin_stands = !self.had_owner && *id != admin;
        if admin_stands || self.has_standing_owner_but(id) {
            return Ok(());
        }
        Err(ChangeError::LastOwner)
    }

    fn has_standing_owner_but(&self, id: &PrincipalId) -> bool {
        self.accounts.values().any(|account| account.id != *id && account.is_standing_owner())
    }
}

fn check_form(grant: &Grant) -> Result<(), ChangeError> {
    if grant.class.is_some() && grant.role != Role::Revealer {
        return Err(ChangeError::ClassOfRole);
    }
    if grant.role == Role::Owner && grant.log.is_some() {
        return Err(ChangeError::OwnerOfLog);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
