//! Sealing by policy: what an event's rules say of it, and the event that comes out.
//!
//! Pure: [`SealPlan::of`] finds the values, the caller fetches what keys are needed, [`SealPlan::apply`] puts digests and
//! pseudonyms in their places. Everything else stays as the producer wrote it.

mod detect;
mod events;
mod rules;

use std::borrow::Cow;

use graven_entry::{
    Outline, SealError, SealedEvent, ToSeal, elements, members, push_token, replace_values,
    seal_outlined, string_value, write_json_string,
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

/// A value to treat.
struct Found {
    path: String,
    treatment: Treatment,
    subject: String,
}

/// One value that a rule's path leads to, and what its stars took.
struct Match<'a> {
    path: String,
    raw: &'a [u8],
    taken: Vec<String>,
}

impl SealPlan {
    /// What the rules say of an event that is well-formed, with this action.
    pub fn of(
        event: &Outline<'_>,
        action: &str,
        rules: &SealRules,
    ) -> Result<SealPlan, SealRefusal> {
        let mut found = Vec::new();
        for rule in rules.rules.iter().filter(|rule| rule.is_for(action)) {
            for one in matches(event, &rule.path) {
                let Some(subject) = subject_of(event, rule, &one)? else { continue };
                push_places(&mut found, rule, one, subject);
                if found.len() >= 2 * SEALED_VALUES_MAX {
                    keep_first(&mut found)?;
                }
            }
        }
        keep_first(&mut found)?;
        let inside = insides(&found);
        let mut plan = SealPlan::default();
        let outer = found.into_iter().zip(inside).filter(|(_, is_inside)| !is_inside);
        for (Found { path, treatment, subject }, _) in outer {
            match treatment {
                Treatment::Seal(class) => plan.values.push(PlannedValue { path, class, subject }),
                Treatment::Pseudonym => {
                    let id = event.pointer(&path).and_then(string_value);
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
        event: &Outline<'_>,
        mut pseudonym: impl FnMut(&PlannedPseudonym) -> String,
        salts: &[String],
    ) -> Result<SealedEvent, SealRefusal> {
        let mut texts = Vec::with_capacity(self.pseudonyms.len());
        for planned in &self.pseudonyms {
            let mut json = Vec::new();
            write_json_string(&mut json, &pseudonym(planned));
            texts.push((planned.path.as_str(), String::from_utf8_lossy(&json).into_owned()));
        }
        let values: Vec<ToSeal<'_>> = self
            .values
            .iter()
            .zip(salts)
            .map(|(value, salt)| ToSeal { path: &value.path, salt })
            .collect();
        let sealed = if texts.is_empty() {
            seal_outlined(event, &values)
        } else {
            let replaced = replace_values(event.event(), &texts);
            replaced.and_then(|replaced| seal_outlined(&Outline::of(&replaced), &values))
        };
        sealed.map_err(SealRefusal::Value)
    }
}

/// Every value that the pattern leads to, in the order written.
fn matches<'a>(event: &Outline<'a>, pattern: &Pattern) -> Vec<Match<'a>> {
    let (start, named) = &pattern.start;
    let raw = event.pointer(start).filter(|_| !pattern.names_digest);
    let Some(raw) = raw else { return Vec::new() };
    let mut found = vec![Match { path: start.clone(), raw, taken: Vec::new() }];
    for step in &pattern.steps[*named..] {
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
        let mut keys = members(one.raw).map(|(key, _)| key).peekable();
        keys.peek().is_none() || keys.any(|key| key != "_sd" && key != "...")
    });
    found
}

impl<'a> Match<'a> {
    fn descend<'k>(
        &self,
        step: Option<&str>,
        children: impl Iterator<Item = (Cow<'k, str>, &'a [u8])>,
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
            if step.is_some() {
                // A key stands once in its object.
                break;
            }
        }
    }
}

/// What of a match is sealed: under `changes` the values before and after each on its own, so that it still shows that the
/// field changed.
fn push_places(found: &mut Vec<Found>, rule: &Rule, one: Match<'_>, subject: String) {
    let treatment = rule.treatment;
    let before = found.len();
    if rule.path.steps.first().and_then(Option::as_deref) == Some("changes") {
        for (key, _) in members(one.raw) {
            if key != "before" && key != "after" {
                found.truncate(before);
                break;
            }
            let path = [&one.path, "/", &*key].concat();
            found.push(Found { path, treatment, subject: subject.clone() });
        }
    }
    if found.len() == before {
        found.push(Found { path: one.path, treatment, subject });
    }
}

/// Sorts by path, and of each path keeps what the first rule says.
fn keep_first(found: &mut Vec<Found>) -> Result<(), SealRefusal> {
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.dedup_by(|later, first| later.path == first.path);
    if found.len() > SEALED_VALUES_MAX { Err(SealRefusal::TooMany) } else { Ok(()) }
}

/// Which of these, sorted by path, stand inside another one that is sealed.
fn insides(found: &[Found]) -> Vec<bool> {
    let shortest_bytes = found.iter().map(|one| one.path.len()).min().unwrap_or(0);
    let is_sealed = |outer: &str| {
        let at = found.binary_search_by(|one| one.path.as_str().cmp(outer)).ok();
        at.is_some_and(|at| matches!(found[at].treatment, Treatment::Seal(_)))
    };
    let is_inside = |one: &Found| {
        let longer = one.path.match_indices('/').map(|(at, _)| at);
        longer.skip(1).filter(|at| *at >= shortest_bytes).any(|at| is_sealed(&one.path[..at]))
    };
    found.iter().map(is_inside).collect()
}

/// Whom a match is about; none where it is a pseudonym already.
fn subject_of(
    event: &Outline<'_>,
    rule: &Rule,
    one: &Match<'_>,
) -> Result<Option<String>, SealRefusal> {
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
    let path = rule.subject.as_ref().map_or(Cow::default(), |subject| subject.filled(&one.taken));
    let raw = event.pointer(&path);
    let id = raw.and_then(|raw| match raw.first() {
        Some(b'"') => string_value(raw).map(Cow::into_owned),
        Some(b'-' | b'0'..=b'9') => String::from_utf8(raw.to_vec()).ok(),
        _ => None,
    });
    let id = id.filter(|id| !id.is_empty());
    id.map(Some).ok_or_else(|| SealRefusal::NoSubject {
        path: one.path.clone(),
        subject: path.into_owned(),
    })
}

#[cfg(test)]
mod tests;
