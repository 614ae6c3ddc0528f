//! One check of a case: what was claimed, what was seen.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::super::program::Answer;
use super::super::voice::Voice;

/// What the tour says beforehand of a check.
#[derive(Clone, Debug)]
pub(super) enum Claim {
    /// It sees nothing, and says among what it did not check something that contains these words.
    Passes { not_checked: &'static str },
    /// It finds this fault, at an index in this range or at none.
    Finds { what: &'static str, indexes: Option<RangeInclusive<u64>> },
}

/// A verdict.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Whether it says that nothing is wrong; `None` where there was no verdict.
    pub(super) is_good: Option<bool>,
    pub(super) what: Option<String>,
    pub(super) first_bad_index: Option<u64>,
    /// The verdict in words, and for a fault its details.
    pub(super) words: String,
    pub(super) not_checked: Vec<String>,
}

/// A check with its result.
#[derive(Debug)]
pub(super) struct Check {
    /// The command that makes it; `None` where it is a comparison of two checkpoints.
    pub(super) command: Option<String>,
    pub(super) noticed_by: &'static str,
    pub(super) claim: Claim,
    pub(super) seen: Seen,
}

impl Seen {
    /// The verdict in the answer of `graven verify --json`. Its exit code has to agree.
    pub(super) fn of(answer: &Answer) -> Seen {
        let json = &answer.json;
        let is_good = match (answer.exit, json.get("ok").and_then(Value::as_bool)) {
            (Some(0), Some(true)) => Some(true),
            (Some(1), Some(false)) => Some(false),
            _ => None,
        };
        let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
        // What a fault is about is more than that it is "bad"; a command that failed has said why.
        let words =
            text("detail").or_else(|| text("verdict")).unwrap_or_else(|| answer.said.clone());
        let not_checked = json.get("not_checked").and_then(Value::as_array);
        let not_checked = not_checked.into_iter().flatten().filter_map(Value::as_str);
        Seen {
            is_good,
            what: text("what"),
            first_bad_index: json.get("first_bad_index").and_then(Value::as_u64),
            words,
            not_checked: not_checked.map(str::to_owned).collect(),
        }
    }
}

impl Claim {
    fn expected(&self) -> &'static str {
        match self {
            Claim::Passes { .. } => "pass",
            Claim::Finds { what, .. } => what,
        }
    }
}

impl Check {
    /// Whether the verdict is the one that was claimed.
    pub(super) fn is_as_claimed(&self) -> bool {
        let seen = &self.seen;
        match &self.claim {
            Claim::Passes { not_checked } => {
                seen.is_good == Some(true)
                    && seen.not_checked.iter().any(|what| what.contains(not_checked))
            }
            Claim::Finds { what, indexes } => {
                let is_there = match (indexes, seen.first_bad_index) {
                    (Some(indexes), Some(index)) => indexes.contains(&index),
                    (None, None) => true,
                    _ => false,
                };
                seen.is_good == Some(false) && seen.what.as_deref() == Some(what) && is_there
            }
        }
    }

    /// Whether something was noticed, as claimed.
    pub(super) fn is_detection(&self) -> bool {
        matches!(self.claim, Claim::Finds { .. }) && self.is_as_claimed()
    }

    /// Says what was seen.
    pub(super) fn tell(&self, voice: Voice) {
        let seen = &self.seen;
        let what = seen.what.as_deref().unwrap_or("no fault");
        let place = match seen.first_bad_index {
            Some(index) => format!("{what}, first bad entry {index}"),
            None => what.to_owned(),
        };
        if !self.is_as_claimed() {
            let text = format!(
                "{} was claimed, and this is what came: {place}: {}",
                self.claim.expected(),
                seen.words
            );
            voice.result(false, "missed", &text);
        } else if self.is_detection() {
            voice.result(true, "detected", &format!("{place}: {}", seen.words));
            voice.fact("by", self.noticed_by);
        } else {
            voice.fact("not seen", &seen.words);
            voice.fact("not checked", &seen.not_checked.join("; "));
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let seen = &self.seen;
        json!({
            "command": self.command,
            "noticed_by": self.is_detection().then_some(self.noticed_by),
            "claimed": self.claim.expected(),
            "ok": seen.is_good,
            "what": seen.what,
            "first_bad_index": seen.first_bad_index,
            "detail": seen.words,
            "not_checked": seen.not_checked,
            "as_claimed": self.is_as_claimed(),
        })
    }
}

#[cfg(test)]
mod tests;
