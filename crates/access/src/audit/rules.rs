//! An audit policy as an operator writes it.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::EventAbout;
use crate::limits::{AUDIT_POLICY_BYTES_MAX, AUDIT_RULES_MAX};
use crate::seal::Pattern;

/// How much of an event is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing; it is counted.
    None,
    /// Who did what to what, when, and how it ended; not the data.
    Metadata,
    /// All of it.
    Full,
}

/// The audit policy of one log. The first rule that is for an event counts; without one it is taken whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPolicy {
    pub(super) rules: Vec<Rule>,
    catalogue: Vec<Required>,
    /// As it was written, without what makes no difference.
    written: Value,
}

/// Why a text is no audit policy.
#[derive(Debug, thiserror::Error)]
pub enum AuditPolicyError {
    /// It has to fit an entry twice, as what was before and after.
    #[error("the policy has {size_bytes} bytes; at most {AUDIT_POLICY_BYTES_MAX} are allowed")]
    TooLarge {
        /// Its bytes without white space.
        size_bytes: usize,
    },
    /// Not JSON of this form.
    #[error("the policy is not {{\"rules\":[…],\"catalogue\":[…]}}")]
    Form(#[source] serde_json::Error),
    /// A rule means nothing that can be done.
    #[error("{place}: {why}")]
    Rule {
        /// Which one, counted from 0.
        place: String,
        /// What is wrong.
        why: &'static str,
    },
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) name: Option<String>,
    pub(super) level: Level,
    pub(super) drop: Vec<Pattern>,
    action: Option<String>,
    actor: Option<String>,
    actor_type: Option<String>,
    target: Option<String>,
    target_type: Option<String>,
}

/// What an action has to carry.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Required {
    action: String,
    /// RFC 6901 pointers.
    paths: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    rules: Vec<WrittenRule>,
    #[serde(default)]
    catalogue: Vec<WrittenRequired>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    name: Option<String>,
    level: Level,
    #[serde(default)]
    drop: Vec<String>,
    action: Option<String>,
    actor: Option<String>,
    actor_type: Option<String>,
    target: Option<String>,
    target_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRequired {
    action: String,
    require: Vec<String>,
}

impl AuditPolicy {
    /// Reads `{"rules":[{"name","action","actor","actor_type","target","target_type","level","drop"}],
    /// "catalogue":[{"action","require"}]}`. In a pattern each `*` stands for any characters; a path is dotted
    /// (`data.card`), or an RFC 6901 pointer where a key holds a dot, and in `drop` a step `*` takes all of its level.
    pub fn parse(json: &[u8]) -> Result<AuditPolicy, AuditPolicyError> {
        let value: Value = serde_json::from_slice(json).map_err(AuditPolicyError::Form)?;
        AuditPolicy::from_value(value)
    }

    /// The same of JSON that was read already.
    pub(super) fn from_value(value: Value) -> Result<AuditPolicy, AuditPolicyError> {
        let size_bytes = value.to_string().len();
        if size_bytes > AUDIT_POLICY_BYTES_MAX {
            return Err(AuditPolicyError::TooLarge { size_bytes });
        }
        // A list would be taken for the fields in their order.
        if !value.is_object() {
            return Err(AuditPolicyError::Form(serde::de::Error::custom("it is no object")));
        }
        let read: Written =
            serde_json::from_value(value.clone()).map_err(AuditPolicyError::Form)?;
        if read.rules.len() + read.catalogue.len() > AUDIT_RULES_MAX {
            let why = "there are more rules than a policy may have";
            return Err(AuditPolicyError::Rule { place: format!("rule {AUDIT_RULES_MAX}"), why });
        }
        let fail = |what: &str, number: usize| {
            let place = format!("{what} {number}");
            move |why| AuditPolicyError::Rule { place, why }
        };
        let rules = read.rules.into_iter().enumerate();
        let rules = rules.map(|(number, rule)| Rule::read(rule).map_err(fail("rule", number)));
        let catalogue = read.catalogue.into_iter().enumerate();
        let catalogue =
            catalogue.map(|(number, one)| Required::read(one).map_err(fail("catalogue", number)));
        Ok(AuditPolicy {
            rules: rules.collect::<Result<_, _>>()?,
            catalogue: catalogue.collect::<Result<_, _>>()?,
            written: value,
        })
    }

    /// The policy as it was written.
    pub fn written(&self) -> &Value {
        &self.written
    }

    /// What an event of this action has to carry.
    pub(super) fn required(&self, action: &str) -> impl Iterator<Item = &str> {
        let for_it = self.catalogue.iter().filter(move |one| fits(&one.action, action));
        for_it.flat_map(|one| one.paths.iter().map(String::as_str))
    }
}

impl Rule {
    fn read(written: WrittenRule) -> Result<Rule, &'static str> {
        let WrittenRule { name, level, drop, action, actor, actor_type, target, target_type } =
            written;
        if level != Level::Full && !drop.is_empty() {
            return Err("`drop` is for the level `full`; the others drop by themselves");
        }
        let drop = drop.iter().map(|path| Pattern::parse(path)).collect::<Result<Vec<_>, _>>()?;
        let first = |pattern: &Pattern| pattern.steps.first().cloned().flatten();
        if drop
            .iter()
            .any(|path| matches!(first(path).as_deref(), None | Some("action" | "id" | "time")))
        {
            return Err("an event needs its action, id and time; name another field");
        }
        if drop.iter().any(|path| path.steps.len() == 1 && first(path).as_deref() == Some("actor"))
        {
            return Err("an event needs its actor; name a field inside");
        }
        Ok(Rule { name, level, drop, action, actor, actor_type, target, target_type })
    }

    /// Whether the rule is for such events: each of its patterns fits, those of the target on one target.
    pub(super) fn is_for(&self, about: &EventAbout) -> bool {
        let is = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| fits(pattern, text))
        };
        let is_target =
            |(kind, id): &(String, String)| is(&self.target_type, kind) && is(&self.target, id);
        let asks_target = self.target.is_some() || self.target_type.is_some();
        is(&self.action, &about.action)
            && is(&self.actor, &about.actor)
            && is(&self.actor_type, &about.actor_type)
            && (!asks_target || about.targets.iter().any(is_target))
    }
}

impl Required {
    fn read(written: WrittenRequired) -> Result<Required, &'static str> {
        let path = |text: &String| {
            let steps = Pattern::parse(text)?.steps;
            let mut path = String::new();
            for step in steps {
                let step = step.ok_or("a required field is named without `*`")?;
                graven_entry::push_token(&mut path, &step);
            }
            Ok(path)
        };
        let paths = written.require.iter().map(path).collect::<Result<_, &'static str>>()?;
        Ok(Required { action: written.action, paths })
    }
}

/// Whether a text fits a pattern in which each `*` stands for any characters. Linear but for one way back.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut read) = (0, 0);
    // Where the last star stands, and how far it reaches.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, read));
            at += 1;
        } else if pattern.get(at) == text.get(read) {
            at += 1;
            read += 1;
        } else if let Some((star_at, reach)) = star {
            star = Some((star_at, reach + 1));
            at = star_at + 1;
            read = reach + 1;
        } else {
            return false;
        }
    }
    pattern.iter().skip(at).all(|byte| *byte == b'*')
}

impl Level {
    /// The level's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Metadata => "metadata",
            Level::Full => "full",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
