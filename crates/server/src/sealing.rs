//! Where the log's seam for sealed values meets rules, keyring and vault.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use access::{
    Class, Keyring, KeyringError, LogSealing, OnFinding, PlannedValue, SealPlan, SealPolicy,
    SealRefusal, SubjectKeys, ToClose, close, detect,
};
use append::{Code, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use env::Random;
use graven_entry::{Name, Outline, check_event, event_hash};
use graven_merkle::Hash;
use log::{PlacedValue, SealFault, Sealed, SealedValue, Sealer, ToSeal};

use crate::erased::Erased;
use crate::findings::Findings;
use crate::limits::ERASURES_REMEMBERED_MAX;

/// Bytes of a salt (RFC 9901 §9.3 asks for 128 bits).
const SALT_BYTES: usize = 16;

/// Whom a value that only looks sensitive is about, where the event names no actor.
const UNATTRIBUTED: &str = "unattributed";

/// Seals by a policy, with the keys of a keyring.
pub struct Sealing {
    /// The subjects' keys.
    pub keyring: Keyring,
    policy: SealPolicy,
    random: Arc<dyn Random>,
    /// Values that looked sensitive, and were let pass.
    pub(crate) findings: Findings,
    /// Held by whoever erases or holds: one at a time.
    erasures: Mutex<Erasures>,
}

/// What this process erased, each under a keyed hash of the subject: the ids themselves are gone.
struct Erasures {
    key: [u8; SALT_BYTES],
    erased: VecDeque<(Hash, Erased)>,
}

/// The turn of one who erases or holds.
pub(crate) struct Custody<'a>(MutexGuard<'a, Erasures>);

impl Custody<'_> {
    /// What was told of the erasure of this subject.
    pub(crate) fn erased(&self, subject: &str) -> Option<Erased> {
        let name = self.0.name(subject);
        let told = self.0.erased.iter().rev().find(|(other, _)| *other == name);
        told.map(|(_, erased)| Erased { repeated: true, ..erased.clone() })
    }

    pub(crate) fn remember(&mut self, subject: &str, erased: &Erased) {
        let name = self.0.name(subject);
        if self.0.erased.len() == ERASURES_REMEMBERED_MAX {
            self.0.erased.pop_front();
        }
        self.0.erased.push_back((name, erased.clone()));
    }
}

impl Erasures {
    fn name(&self, subject: &str) -> Hash {
        event_hash(&[&self.key, subject.as_bytes()].concat())
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Sealing {
    /// Seals by this policy.
    pub fn new(keyring: Keyring, policy: SealPolicy, random: Arc<dyn Random>) -> Sealing {
        let mut key = [0; SALT_BYTES];
        random.fill(&mut key);
        let erasures = Mutex::new(Erasures { key, erased: VecDeque::new() });
        Sealing { keyring, policy, random, findings: Findings::new(), erasures }
    }

    /// Waits for one's turn to erase or hold.
    pub(crate) fn custody(&self) -> Custody<'_> {
        Custody(self.erasures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is sealed in which log.
    pub fn policy(&self) -> &SealPolicy {
        &self.policy
    }

    fn apply(&self, event: &Outline<'_>, plan: SealPlan) -> Result<Sealed, SealFault> {
        let subjects: Vec<&str> = plan.pseudonyms.iter().map(|p| p.subject.as_str()).collect();
        let keys = self.keys(&subjects)?;
        let pseudonym = |planned: &access::PlannedPseudonym| {
            keys.get(planned.subject.as_str())
                .map_or_else(String::new, |k| k.pseudonym(&planned.id))
        };
        let salts: Vec<String> = plan.values.iter().map(|_| self.salt()).collect();
        let sealed = plan.apply(event, pseudonym, &salts).map_err(|refusal| refused(&refusal))?;
        let values = sealed.disclosures.into_iter().zip(plan.values).map(|(disclosure, value)| {
            let PlannedValue { path, class, subject } = value;
            SealedValue { disclosure, path, subject, class: class.as_str().to_owned() }
        });
        Ok(Sealed { event: sealed.event, values: values.collect() })
    }

    /// What looks sensitive and no rule names: counted, planned to be sealed, or refused.
    fn find(&self, log: &str, event: &[u8], sealing: &LogSealing) -> Result<SealPlan, SealFault> {
        let found = detect(event);
        let Some(first) = found.first() else { return Ok(SealPlan::default()) };
        match sealing.unsealed {
            OnFinding::Flag => {
                self.findings.add(log, &found);
                Ok(SealPlan::default())
            }
            OnFinding::Refuse => {
                let detail = "the value looks like a card number, a private key or a token; seal it, or leave it out";
                let refusal = Refusal::new(Code::BadEvent, detail).in_field(first.path.clone());
                Err(SealFault::Refused(refusal))
            }
            OnFinding::Seal => {
                let facts = check_event(event).ok();
                let subject = facts.and_then(|facts| facts.actor_id);
                let subject = subject.map_or_else(|| UNATTRIBUTED.to_owned(), String::from);
                let values = found.into_iter().map(|finding| PlannedValue {
                    path: finding.path,
                    class: finding.kind.class(),
                    subject: subject.clone(),
                });
                Ok(SealPlan { values: values.collect(), pseudonyms: Vec::new() })
            }
        }
    }

    /// One subject's keys; a new subject gets some.
    pub(crate) fn keys_of(&self, subject: &str) -> Result<Arc<SubjectKeys>, Refusal> {
        let failed = |fault| match fault {
            SealFault::Refused(refusal) => refusal,
            SealFault::Fatal(why) => Refusal::new(Code::Unavailable, why),
        };
        let mut keys = self.keys(&[subject]).map_err(failed)?;
        Ok(keys.remove(subject).expect("every subject was asked for"))
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.random
    }

    pub(crate) fn salt(&self) -> String {
        salt(&*self.random)
    }

    /// The keys of these subjects, by subject.
    fn keys<'a>(
        &self,
        subjects: &[&'a str],
    ) -> Result<BTreeMap<&'a str, Arc<SubjectKeys>>, SealFault> {
        let mut unique = subjects.to_vec();
        unique.sort_unstable();
        unique.dedup();
        let keys = self.keyring.keys_for(&unique).map_err(|error| keyring_fault(&error))?;
        Ok(unique.into_iter().zip(keys).collect())
    }
}

impl Sealer for Sealing {
    fn seal(&self, event: &ToSeal<'_>) -> Result<Option<Sealed>, SealFault> {
        let Some(sealing) = self.policy.logs.get(event.log.as_str()) else { return Ok(None) };
        let outline = Outline::of(event.event);
        let plan = SealPlan::of(&outline, event.action, &sealing.rules)
            .map_err(|refusal| refused(&refusal))?;
        refuse_signed(event, &plan)?;
        let by_rule = if plan.is_empty() { None } else { Some(self.apply(&outline, plan)?) };
        let line = by_rule.as_ref().map_or(event.event, |sealed| &sealed.event);
        let plan = self.find(event.log.as_str(), line, sealing)?;
        if plan.is_empty() {
            return Ok(by_rule);
        }
        refuse_signed(event, &plan)?;
        let mut sealed = self.apply(&Outline::of(line), plan)?;
        sealed.values.extend(by_rule.into_iter().flat_map(|sealed| sealed.values));
        Ok(Some(sealed))
    }

    fn close(&self, origin: &Name, values: &[PlacedValue]) -> Result<Vec<Vec<u8>>, SealFault> {
        let class_of = |placed: &PlacedValue| class_of(&placed.value);
        let classes = values.iter().map(class_of).collect::<Result<Vec<_>, _>>()?;
        let subjects: Vec<&str> = values.iter().map(|one| one.value.subject.as_str()).collect();
        let keys = self.keys(&subjects)?;
        let mut closed = Vec::with_capacity(values.len());
        for (PlacedValue { value, digest }, class) in values.iter().zip(classes) {
            let SealedValue { disclosure, path, subject, .. } = value;
            let value = ToClose { origin: origin.as_str(), path, class, disclosure, digest };
            let keys = keys.get(subject.as_str()).expect("every subject was asked for");
            let bytes = close(keys, &value, &*self.random);
            closed.push(bytes.map_err(|error| bad("path", error.to_string()))?);
        }
        Ok(closed)
    }
}

/// The salt of one sealed value.
pub(crate) fn salt(random: &dyn Random) -> String {
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt);
    URL_SAFE_NO_PAD.encode(salt)
}

/// A signed event is never altered: what policy wants sealed its producer has to seal.
fn refuse_signed(event: &ToSeal<'_>, plan: &SealPlan) -> Result<(), SealFault> {
    let value = plan.values.first().map(|value| &value.path);
    let path = value.or_else(|| plan.pseudonyms.first().map(|planned| &planned.path));
    match path {
        Some(path) if event.is_signed => {
            let detail = "policy wants this value sealed, and a signed event is never altered; seal it before it is signed";
            Err(bad(path, detail.to_owned()))
        }
        _ => Ok(()),
    }
}

fn class_of(value: &SealedValue) -> Result<Class, SealFault> {
    Class::parse(&value.class).ok_or_else(|| {
        let names = Class::ALL.map(Class::as_str).join(", ");
        bad("class", format!("the class is one of {names}, not {:?}", value.class))
    })
}

fn refused(refusal: &SealRefusal) -> SealFault {
    let field = match refusal {
        SealRefusal::NoSubject { path, .. } | SealRefusal::NoId { path } => path.as_str(),
        SealRefusal::TooMany | SealRefusal::Value(_) => "",
    };
    bad(field, refusal.to_string())
}

fn bad(field: &str, detail: String) -> SealFault {
    SealFault::Refused(Refusal::new(Code::BadEvent, detail).in_field(field))
}

fn keyring_fault(error: &KeyringError) -> SealFault {
    let refuse = |code, detail| SealFault::Refused(Refusal::new(code, detail));
    match error {
        KeyringError::Subject { .. } => bad("subject", error.to_string()),
        KeyringError::Full { .. } => refuse(Code::DiskFull, error.to_string()),
        KeyringError::TooMany => refuse(Code::Busy, error.to_string()),
        other => SealFault::Fatal(format!("the keyring failed: {other}")),
    }
}

#[cfg(test)]
#[path = "tests/sealing.rs"]
pub(crate) mod tests;
