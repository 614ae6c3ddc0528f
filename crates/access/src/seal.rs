//! Sealing by policy: what an event's rules say of it, and the event that comes out.
//!
//! Pure: [`SealPlan::of`] finds the values, the caller fetches what keys are needed, [`SealPlan::apply`] puts digests and
//! pseudonyms in their places. Everything else stays as the producer wrote it.

mod detect;
mod events;
mod rules;

use std::collections::BTreeMap;

use graven_entry::{
    SealError, SealedEvent, ToSeal, elements, members, pointer, push_token, replace_values,
    seal_event, string_value, write_json_string,
};

use crate::sealed_limits::SEALED_VALUES_MAX;
use crate::{Class, is_pseudonym};
pub use detect::{Finding, FindingKind, detect};
pub use events::SealStanding;
pub(crate) use rules::Pattern;
pub use rules::{LogSealing, OnFinding, RuleError, SealPolicy, SealRules};
use rules::{Rule, Treatment};

/// What is to be done to one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealPlan {
    /// Values to seal, none inside another.
    pub values: Vec<PlannedValue>,
    /// Ids to replace.
    pub pseudonyms: Vec<PlannedPseudonym>,
}

/// A value to seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedValue {
    /// RFC 6901 pointer.
    pub path: String,
    /// How sensitive it is.
    pub class: Class,
    /// Whom it is about.
    pub subject: String,
}

/// An id to replace by its pseudonym.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPseudonym {
    /// RFC 6901 pointer.
    pub path: String,
    /// The id.
    pub id: String,
    /// Whose key makes the pseudonym.
    pub subject: String,
}

/// Why an event cannot be sealed as its rules want.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealRefusal {
    /// The event does not say whom a sensitive value is about.
    #[error("the value at {path} is to be sealed, and its subject's id is not at {subject}")]
    NoSubject {
        /// The sensitive value.
        path: String,
        /// Where the subject's id should stand.
        subject: String,
    },
    /// An id that is to become a pseudonym is no string.
    #[error("the id at {path} is to become a pseudonym, and is no string")]
    NoId {
        /// Where it stands.
        path: String,
    },
    /// More values than one event may have sealed.
    #[error("more than {SEALED_VALUES_MAX} values of the event are to be sealed")]
    TooMany,
    /// A value that makes no disclosure.
    #[error("the event cannot be sealed")]
    Value(#[source] SealError),
}

/// One value that a rule's path leads to, and what its stars took.
struct Match<'a> {
    path: String,
    raw: &'a [u8],
    taken: Vec<String>,
}

impl SealPlan {
    /// What the rules say of an event that is well-formed, with this action.
    pub fn of(event: &[u8], action: &str, rules: &SealRules) -> Result<SealPlan, SealRefusal> {
        let mut found: BTreeMap<String, (Treatment, String)> = BTreeMap::new();
        for rule in rules.rules.iter().filter(|rule| rule.is_for(action)) {
            for one in matches(event, &rule.path) {
                let Some(subject) = subject_of(event, rule, &one)? else { continue };
                for path in places(&rule.path, &one) {
                    found.entry(path).or_insert_with(|| (rule.treatment, subject.clone()));
                }
                if found.len() > SEALED_VALUES_MAX {
                    return Err(SealRefusal::TooMany);
                }
            }
        }
        let mut plan = SealPlan::default();
        for (path, (treatment, subject)) in &found {
            let around = path.match_indices('/').skip(1).map(|(at, _)| &path[..at]);
            let is_sealed = |outer: &str| matches!(found.get(outer), Some((Treatment::Seal(_), _)));
            if around.into_iter().any(is_sealed) {
                continue;
            }
            let (path, subject) = (path.clone(), subject.clone());
            match treatment {
                Treatment::Seal(class) => {
                    plan.values.push(PlannedValue { path, class: *class, subject });
                }
                Treatment::Pseudonym => {
                    let id = pointer(event, &path).and_then(string_value);
                    let id = id.ok_or_else(|| SealRefusal::NoId { path: path.clone() })?;
                    let id = id.into_owned();
                    plan.pseudonyms.push(PlannedPseudonym { path, id, subject });
                }
            }
        }
        Ok(plan)
    }

    /// Nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.pseudonyms.is_empty()
    }

    /// The event with everything done. `pseudonym` gives the pseudonym of an id by its subject's key; `salts` are one for each
    /// value, at least 22 random characters of base64url. The disclosures come in the values' order.
    pub fn apply(
        &self,
        event: &[u8],
        mut pseudonym: impl FnMut(&PlannedPseudonym) -> String,
        salts: &[String],
    ) -> Result<SealedEvent, SealRefusal> {
        let mut texts = Vec::with_capacity(self.pseudonyms.len());
        for planned in &self.pseudonyms {
            let mut json = Vec::new();
            write_json_string(&mut json, &pseudonym(planned));
            texts.push((planned.path.as_str(), String::from_utf8_lossy(&json).into_owned()));
        }
        let replaced = replace_values(event, &texts).map_err(SealRefusal::Value)?;
        let values: Vec<ToSeal<'_>> = self
            .values
            .iter()
            .zip(salts)
            .map(|(value, salt)| ToSeal { path: &value.path, salt })
            .collect();
        seal_event(&replaced, &values).map_err(SealRefusal::Value)
    }
}

/// Every value that the pattern leads to, in the order written.
fn matches<'a>(event: &'a [u8], pattern: &Pattern) -> Vec<Match<'a>> {
    let mut found = vec![Match { path: String::new(), raw: event, taken: Vec::new() }];
    for step in &pattern.steps {
        let mut next = Vec::new();
        for one in &found {
            match one.raw.first() {
                Some(b'[') => {
                    let numbered = elements(one.raw).enumerate();
                    let numbered = numbered.map(|(number, raw)| (number.to_string().into(), raw));
                    one.descend(step.as_deref(), numbered, &mut next);
                }
                _ => one.descend(step.as_deref(), members(one.raw), &mut next),
            }
        }
        found = next;
    }
    // What is a digest is sealed already.
    found.retain(|one| {
        members(one.raw).any(|(key, _)| key != "_sd" && key != "...")
            || members(one.raw).next().is_none()
    });
    found
}

impl<'a> Match<'a> {
    fn descend<'k>(
        &self,
        step: Option<&str>,
        children: impl Iterator<Item = (std::borrow::Cow<'k, str>, &'a [u8])>,
        next: &mut Vec<Match<'a>>,
    ) {
        for (key, raw) in children {
            if step.is_some_and(|step| *step != *key) || key == "_sd" || key == "..." {
                continue;
            }
            let mut one = Match { path: self.path.clone(), raw, taken: self.taken.clone() };
            push_token(&mut one.path, &key);
            if step.is_none() {
                one.taken.push(key.into_owned());
            }
            next.push(one);
        }
    }
}

/// What of a match is sealed: under `changes` the values before and after each on its own, so that it still shows that the
/// field changed.
fn places(pattern: &Pattern, one: &Match<'_>) -> Vec<String> {
    let is_change = pattern.steps.first().and_then(Option::as_deref) == Some("changes");
    let keys: Vec<_> = members(one.raw).map(|(key, _)| key).collect();
    if !is_change || keys.is_empty() || keys.iter().any(|key| *key != "before" && *key != "after") {
        return vec![one.path.clone()];
    }
    keys.iter().map(|key| format!("{}/{key}", one.path)).collect()
}

/// Whom a match is about; none where it is a pseudonym already.
fn subject_of(event: &[u8], rule: &Rule, one: &Match<'_>) -> Result<Option<String>, SealRefusal> {
    if rule.treatment == Treatment::Pseudonym {
        let Some(id) = string_value(one.raw) else {
            return Err(SealRefusal::NoId { path: one.path.clone() });
        };
        if is_pseudonym(&id) {
            return Ok(None);
        }
        if rule.subject.is_none() {
            return Ok(Some(id.into_owned()));
        }
    }
    let mut path = String::new();
    let mut taken = one.taken.iter();
    for step in rule.subject.iter().flat_map(|subject| &subject.steps) {
        let star = || taken.next().map_or("*", String::as_str);
        push_token(&mut path, step.as_deref().unwrap_or_else(star));
    }
    let raw = pointer(event, &path);
    let id = raw.and_then(|raw| match raw.first() {
        Some(b'"') => string_value(raw).map(std::borrow::Cow::into_owned),
        Some(b'-' | b'0'..=b'9') => String::from_utf8(raw.to_vec()).ok(),
        _ => None,
    });
    let id = id.filter(|id| !id.is_empty());
    id.map(Some).ok_or_else(|| SealRefusal::NoSubject { path: one.path.clone(), subject: path })
}

#[cfg(test)]
mod tests;
