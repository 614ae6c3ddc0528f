//! Second factors of principals, as the entries of `system` say: codes of an app (TOTP) and passkeys.
//!
//! What must not be used twice stands in the entry of the log-in itself: the step of a code, the counter of a passkey. So a
//! restart forgets neither.

mod events;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use env::Random;
use graven_entry::Time;

use crate::approvals::Privilege;
use crate::directory::ReplayError;
use crate::factors::events::Told;
use crate::limits::FACTORS_PER_PRINCIPAL_MAX;
use crate::principal::PrincipalId;
use crate::webauthn::{PasskeyId, PasskeyKey, Registered, check_counter};

pub use events::TOTP_SECRET_PATH;

/// The name of a factor, 16 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FactorId(String);

/// The kinds of factors by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorName {
    /// Codes of an app.
    Totp,
    /// A passkey.
    Passkey,
}

/// One factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    /// Its name.
    pub id: FactorId,
    /// When it was added.
    pub added: Time,
    /// What it takes to check it.
    pub kind: FactorKind,
}

/// What it takes to check a factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactorKind {
    /// Codes of an app, by a secret that is sealed.
    Totp {
        /// Where the secret is.
        secret: SealedAt,
        /// The step of the last code that was taken.
        last_step: u64,
    },
    /// A passkey.
    Passkey {
        /// Its id.
        id: PasskeyId,
        /// Its key.
        key: PasskeyKey,
        /// Where its counter stood.
        counter: u32,
    },
}

/// The entry of `system` that holds a sealed secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedAt {
    /// The log's origin.
    pub origin: String,
    /// The entry.
    pub index: u64,
}

/// What shows that a factor was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// The step of the code.
    Step(u64),
    /// The passkey's counter.
    Counter(u32),
}

/// Why a factor is not added, removed or taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactorError {
    /// Over the limit.
    #[error(
        "{FACTORS_PER_PRINCIPAL_MAX} second factors are as many as a principal has; remove one"
    )]
    TooMany,
    /// The passkey, or the entry of the secret, is a factor already.
    #[error("it is a second factor already")]
    Done,
    /// There is none of this name.
    #[error("no second factor of this name")]
    Unknown,
    /// The code was used, or the counter did not grow.
    #[error("used before")]
    Used,
}

/// The factors of all principals, and what needs one.
#[derive(Debug, Default)]
pub struct Factors {
    of: BTreeMap<PrincipalId, Vec<Factor>>,
    passkeys: HashMap<PasskeyId, (PrincipalId, FactorId)>,
    demanded: BTreeSet<Privilege>,
}

impl FactorId {
    /// Draws a name.
    pub fn draw(random: &dyn Random) -> FactorId {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        FactorId(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Checks `text` as a name.
    pub fn parse(text: &str) -> Option<FactorId> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        (text.len() == 16 && text.bytes().all(is_hex)).then(|| FactorId(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FactorName {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            FactorName::Totp => "totp",
            FactorName::Passkey => "passkey",
        }
    }

    /// How a session that began with it stands in headers and records.
    pub const fn auth(self) -> &'static str {
        match self {
            FactorName::Totp => "session-totp",
            FactorName::Passkey => "session-passkey",
        }
    }
}

impl Factor {
    /// What kind it is.
    pub const fn name(&self) -> FactorName {
        match self.kind {
            FactorKind::Totp { .. } => FactorName::Totp,
            FactorKind::Passkey { .. } => FactorName::Passkey,
        }
    }
}

impl Factors {
    /// A principal's factors.
    pub fn of(&self, who: &PrincipalId) -> &[Factor] {
        self.of.get(who).map_or(&[], Vec::as_slice)
    }

    /// Whether a principal has this factor.
    pub fn has(&self, who: &PrincipalId, id: &FactorId) -> bool {
        self.of(who).iter().any(|factor| factor.id == *id)
    }

    /// Whose passkey this is.
    pub fn passkey(&self, id: &PasskeyId) -> Option<(&PrincipalId, &Factor)> {
        let (who, factor) = self.passkeys.get(id)?;
        Some((who, self.of(who).iter().find(|other| other.id == *factor)?))
    }

    /// What needs strong authentication.
    pub fn demanded(&self) -> &BTreeSet<Privilege> {
        &self.demanded
    }

    /// The event of a secret that waits for its first code, before it is sealed at [`TOTP_SECRET_PATH`].
    pub fn begin_totp(who: &PrincipalId, id: &FactorId, secret: &str) -> Vec<u8> {
        events::begin(who, id, secret)
    }

    /// Whether the event is that of such a secret of this principal: then the name of its factor.
    pub fn begun(who: &PrincipalId, event: &[u8]) -> Option<FactorId> {
        events::begun(who, event)
    }

    /// The event by which a secret counts, as its first code was right.
    pub fn plan_totp(
        &self,
        who: &PrincipalId,
        id: &FactorId,
        (secret, step): (&SealedAt, u64),
    ) -> Result<Vec<u8>, FactorError> {
        self.check_new(who, id)?;
        Ok(events::add_totp(who, id, secret, step))
    }

    /// The event by which a passkey counts.
    pub fn plan_passkey(
        &self,
        who: &PrincipalId,
        id: &FactorId,
        passkey: &Registered,
    ) -> Result<Vec<u8>, FactorError> {
        self.check_new(who, id)?;
        if self.passkeys.contains_key(&passkey.id) {
            return Err(FactorError::Done);
        }
        Ok(events::add_passkey(who, id, passkey))
    }

    /// The event by which `actor` takes a factor away.
    pub fn plan_remove(
        &self,
        actor: &PrincipalId,
        who: &PrincipalId,
        id: &FactorId,
    ) -> Result<Vec<u8>, FactorError> {
        if !self.has(who, id) {
            return Err(FactorError::Unknown);
        }
        Ok(events::remove(actor, who, id))
    }

    /// The event of a log-in with a factor, by which it is used.
    pub fn plan_login(
        &self,
        who: &PrincipalId,
        id: &FactorId,
        used: Used,
        address: &str,
    ) -> Result<Vec<u8>, FactorError> {
        let factor = self.of(who).iter().find(|factor| factor.id == *id);
        let factor = factor.ok_or(FactorError::Unknown)?;
        let is_new = match (&factor.kind, used) {
            (FactorKind::Totp { last_step, .. }, Used::Step(step)) => step > *last_step,
            (FactorKind::Passkey { counter, .. }, Used::Counter(next)) => {
                check_counter(*counter, next).is_ok()
            }
            _ => false,
        };
        if !is_new {
            return Err(FactorError::Used);
        }
        Ok(events::login(who, factor, used, address))
    }

    /// The event by which other things need strong authentication; none where nothing changes.
    pub fn plan_demanded(&self, demanded: &BTreeSet<Privilege>) -> Option<Vec<u8>> {
        (self.demanded != *demanded).then(|| events::demanded(&self.demanded, demanded))
    }

    /// Takes in an event of a `system` log, with its entry's time. Others than ours change nothing.
    pub fn apply(&mut self, time: Time, event: &[u8]) -> Result<(), ReplayError> {
        let Some(told) = events::read(event)? else { return Ok(()) };
        match told {
            Told::Add(who, id, kind) => {
                if let FactorKind::Passkey { id: passkey, .. } = &kind {
                    self.passkeys.insert(passkey.clone(), (who.clone(), id.clone()));
                }
                self.of.entry(who).or_default().push(Factor { id, added: time, kind });
            }
            Told::Remove(who, id) => {
                if let Some(factors) = self.of.get_mut(&who) {
                    factors.retain(|factor| factor.id != id);
                }
                self.passkeys.retain(|_, (_, factor)| *factor != id);
            }
            Told::Used(who, id, used) => {
                let factors = self.of.get_mut(&who).into_iter().flatten();
                for factor in factors.filter(|factor| factor.id == id) {
                    match (&mut factor.kind, used) {
                        (FactorKind::Totp { last_step, .. }, Used::Step(step)) => *last_step = step,
                        (FactorKind::Passkey { counter, .. }, Used::Counter(next)) => {
                            *counter = next;
                        }
                        _ => {}
                    }
                }
            }
            Told::LostKey => {
                self.of.clear();
                self.passkeys.clear();
            }
            Told::Demanded(demanded) => self.demanded = demanded,
        }
        Ok(())
    }

    fn check_new(&self, who: &PrincipalId, id: &FactorId) -> Result<(), FactorError> {
        if self.has(who, id) {
            return Err(FactorError::Done);
        }
        if self.of(who).len() >= FACTORS_PER_PRINCIPAL_MAX {
            return Err(FactorError::TooMany);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
