//! What policies hide, as a condition that a search can ask of its index.
//!
//! An index holds what events say, cut and taken apart; so only conditions are translated that mean the same of both: a text that
//! is this or begins with this, and what `&&`, `||`, `!` and sets make of such. A policy with another condition has no translation.

use std::borrow::Cow;

use cedar_policy::{EntityUid, Policy};
use serde_json::Value;

use super::question::Question;
use crate::limits::HIDDEN_TEXT_BYTES_MAX;

/// What an event says of itself ([`crate::EventAbout`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AboutField {
    /// `action`.
    Action,
    /// `actor.id`.
    Actor,
    /// `actor.type`.
    ActorType,
    /// `outcome`.
    Outcome,
    /// `id` of each target.
    Targets,
    /// `type` of each target.
    TargetTypes,
}

/// A condition on what an event says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// All of these hold; they always do where there are none.
    All(Vec<Hidden>),
    /// One of these holds; never where there are none.
    Any(Vec<Hidden>),
    /// This does not hold.
    Not(Box<Hidden>),
    /// A value of this field is this text of 1 to [`HIDDEN_TEXT_BYTES_MAX`] bytes.
    Is(AboutField, String),
    /// A value of this field begins with such a text.
    Begins(AboutField, String),
}

impl Hidden {
    /// Nothing is hidden.
    pub(super) const NOTHING: Hidden = Hidden::Any(Vec::new());
    /// Everything is.
    pub(super) const EVERYTHING: Hidden = Hidden::All(Vec::new());

    /// What one of these policies, whose heads are about the question, forbids; `None` where one has no translation.
    pub(super) fn of(policies: &[&Policy], question: &Question) -> Option<Hidden> {
        let each = policies.iter().map(|policy| {
            let policy = policy.to_json().ok()?;
            let clauses = policy.get("conditions")?.as_array()?.iter();
            clauses.map(|clause| question.clause(clause)).collect::<Option<_>>().map(Hidden::All)
        });
        each.collect::<Option<_>>().map(Hidden::Any)
    }
}

impl Question {
    fn clause(&self, clause: &Value) -> Option<Hidden> {
        let body = self.condition(clause.get("body")?)?;
        match clause.get("kind")?.as_str()? {
            "when" => Some(body),
            "unless" => Some(not(body)),
            _ => None,
        }
    }

    /// An expression of Cedar's JSON form that is true or false. It nests as deep as the policy's text, which Cedar bounds.
    fn condition(&self, expression: &Value) -> Option<Hidden> {
        let (operator, operands) = only_member(expression)?;
        let both = || Some((operands.get("left")?, operands.get("right")?));
        Some(match operator {
            "&&" => Hidden::All(self.conditions(both()?)?),
            "||" => Hidden::Any(self.conditions(both()?)?),
            "!" => not(self.condition(operands.get("arg")?)?),
            "==" => self.equal(both()?)?,
            "!=" => not(self.equal(both()?)?),
            "contains" => contains(both()?)?,
            "containsAny" => Hidden::Any(contains_each(both()?)?),
            "containsAll" => Hidden::All(contains_each(both()?)?),
            "like" => like(text_field(operands.get("left")?)?, operands.get("pattern")?)?,
            "in" => constant(self.is_in(both()?)?),
            "Value" => constant(operands.as_bool()?),
            _ => return None,
        })
    }

    fn conditions(&self, (left, right): (&Value, &Value)) -> Option<Vec<Hidden>> {
        Some(vec![self.condition(left)?, self.condition(right)?])
    }

    fn equal(&self, (left, right): (&Value, &Value)) -> Option<Hidden> {
        if let (Some(field), Some(text)) = (text_field(left), text(right)) {
            return is(field, text);
        }
        if let (Some(text), Some(field)) = (text(left), text_field(right)) {
            return is(field, text);
        }
        Some(constant(self.entity(left)? == self.entity(right)?))
    }

    /// Whether the principal is in a role, or is what it is compared with.
    fn is_in(&self, (left, right): (&Value, &Value)) -> Option<bool> {
        let (left, right) = (self.entity(left)?, self.entity(right)?);
        Some(left == right || *left == self.principal && self.roles.contains(&*right))
    }

    fn entity(&self, expression: &Value) -> Option<Cow<'_, EntityUid>> {
        match only_member(expression)? {
            ("Var", name) => match name.as_str()? {
                "principal" => Some(Cow::Borrowed(&self.principal)),
                "resource" => Some(Cow::Borrowed(&self.resource)),
                "action" => Some(Cow::Borrowed(&self.action)),
                _ => None,
            },
            ("Value", value) => EntityUid::from_json(value.clone()).ok().map(Cow::Owned),
            _ => None,
        }
    }
}

/// `set.contains(text)`, where the set is one of the event's or a literal one.
fn contains((set, member): (&Value, &Value)) -> Option<Hidden> {
    if let Some(field) = set_field(set) {
        return is(field, text(member)?);
    }
    let field = text_field(member)?;
    let each = texts(set)?.into_iter().map(|text| is(field, text));
    each.collect::<Option<_>>().map(Hidden::Any)
}

fn contains_each((set, members): (&Value, &Value)) -> Option<Vec<Hidden>> {
    let field = set_field(set)?;
    texts(members)?.into_iter().map(|text| is(field, text)).collect()
}

/// A pattern without a wildcard, or with one at its end alone: more cannot be told of a value that an index has cut.
fn like(field: AboutField, pattern: &Value) -> Option<Hidden> {
    let mut parts = pattern.as_array()?.as_slice();
    let is_open = parts.last()?.as_str() == Some("Wildcard");
    if is_open {
        parts = parts.split_last()?.1;
    }
    let literal = |part: &Value| Some(part.get("Literal")?.as_str()?.to_owned());
    let text: String = parts.iter().map(literal).collect::<Option<_>>()?;
    match is(field, &text)? {
        Hidden::Is(field, text) if is_open => Some(Hidden::Begins(field, text)),
        whole => Some(whole),
    }
}

/// The empty text stands for a value that is not there, and a long one is cut in an index.
fn is(field: AboutField, text: &str) -> Option<Hidden> {
    let fits = (1..=HIDDEN_TEXT_BYTES_MAX).contains(&text.len());
    fits.then(|| Hidden::Is(field, text.to_owned()))
}

fn not(condition: Hidden) -> Hidden {
    Hidden::Not(Box::new(condition))
}

fn constant(holds: bool) -> Hidden {
    if holds { Hidden::EVERYTHING } else { Hidden::NOTHING }
}

fn text_field(expression: &Value) -> Option<AboutField> {
    Some(match attribute(expression)? {
        "action" => AboutField::Action,
        "actor" => AboutField::Actor,
        "actor_type" => AboutField::ActorType,
        "outcome" => AboutField::Outcome,
        _ => return None,
    })
}

fn set_field(expression: &Value) -> Option<AboutField> {
    Some(match attribute(expression)? {
        "targets" => AboutField::Targets,
        "target_types" => AboutField::TargetTypes,
        _ => return None,
    })
}

/// The name in `context.event.<name>`.
fn attribute(expression: &Value) -> Option<&str> {
    let (event, name) = member_of(expression)?;
    let (context, "event") = member_of(event)? else { return None };
    let ("Var", variable) = only_member(context)? else { return None };
    (variable == "context").then_some(name)
}

/// What stands on both sides of the dot.
fn member_of(expression: &Value) -> Option<(&Value, &str)> {
    let (".", operands) = only_member(expression)? else { return None };
    Some((operands.get("left")?, operands.get("attr")?.as_str()?))
}

fn text(expression: &Value) -> Option<&str> {
    match only_member(expression)? {
        ("Value", value) => value.as_str(),
        _ => None,
    }
}

fn texts(expression: &Value) -> Option<Vec<&str>> {
    match only_member(expression)? {
        ("Set", members) => members.as_array()?.iter().map(text).collect(),
        _ => None,
    }
}

fn only_member(expression: &Value) -> Option<(&str, &Value)> {
    let members = expression.as_object()?;
    members.iter().next().filter(|_| members.len() == 1).map(|(name, value)| (name.as_str(), value))
}
