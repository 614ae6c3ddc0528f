//! What one entry says of a resource.

use std::borrow::Cow;

use graven_entry::{Entry, Grade, Time, elements, members, string_value};
use graven_merkle::LeafIndex;

use crate::doc::kind_and_id;

/// One entry, as far as it is about one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Which entry, and whose.
    pub by: Setter,
    /// The event's `outcome`, if it is a string.
    pub outcome: Option<String>,
    /// Whether it goes into the state: what failed or was denied changed nothing.
    pub counts: bool,
    /// Whether it ended the resource's life, if it counts.
    pub ends: bool,
    /// What it says of the fields, in the order in which it does.
    pub changes: Vec<Change>,
    /// Digests of changes whose very fields are sealed.
    pub hidden: u64,
}

/// The entry that set something, and who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setter {
    /// The entry.
    pub index: LeafIndex,
    /// The header's time.
    pub time: Time,
    /// How well the actor is known.
    pub grade: Grade,
    /// The event's `actor` as it is written, `null` where it has none.
    pub actor: Vec<u8>,
    /// The event's `action`.
    pub action: String,
}

/// A change of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key under `changes`.
    pub field: String,
    /// What it was before as the event has it; the fold does not go by it.
    pub before: Option<Vec<u8>>,
    /// What became of it.
    pub effect: Effect,
}

/// What became of a field. Values are JSON as the event has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It has this value.
    Set(Vec<u8>),
    /// It has a sealed value, one of those whose digests these are: `{"_sd":[...]}`.
    Sealed(Vec<u8>),
    /// It is gone: what came after is `null` or not there.
    Removed,
    /// The change is not of the form `{"before":...,"after":...}`; it is left out of the state.
    Unread,
}

impl Version {
    /// What an entry says of a resource, if it names it: as its target, or as one of many.
    pub fn of(entry: &Entry<'_>, target: &str) -> Option<Version> {
        let (named, version) = Version::read(entry);
        named.is_some_and(|named| names(named, target)).then_some(version)
    }

    /// The event's target, and what the entry says of whatever that names.
    pub(crate) fn read<'a>(entry: &Entry<'a>) -> (Option<&'a [u8]>, Version) {
        let (mut target, mut changes, mut hidden) = (None, Vec::new(), 0);
        let (mut actor, mut action, mut outcome) = (&b"null"[..], Cow::Borrowed(""), None);
        for (key, raw) in members(entry.event) {
            match &*key {
                "target" => target = Some(raw),
                "actor" => actor = raw,
                "action" => action = string_value(raw).unwrap_or_default(),
                "outcome" => outcome = string_value(raw).map(Cow::into_owned),
                "changes" => (changes, hidden) = read_changes(raw),
                _ => {}
            }
        }
        let header = &entry.header;
        let (index, time, grade) = (header.index, header.time, header.grade);
        let counts = outcome.as_deref().is_none_or(|outcome| outcome == "success");
        let goes_on = changes.iter().any(|(_, has_after)| *has_after);
        let verb = action.rsplit('.').next().unwrap_or_default();
        let ends = counts && matches!(verb, "delete" | "remove") && !goes_on;
        let by = Setter { index, time, grade, actor: actor.to_vec(), action: action.into_owned() };
        let changes = changes.into_iter().map(|(change, _)| change).collect();
        (target, Version { by, outcome, counts, ends, changes, hidden })
    }

    /// Whether there is such a resource from here on, if the entry counts.
    pub(crate) fn begins(&self) -> bool {
        let sets = |change: &Change| matches!(change.effect, Effect::Set(_) | Effect::Sealed(_));
        !self.ends
            && (self.changes.iter().any(sets)
                || self.by.action.rsplit('.').next() == Some("create"))
    }
}

/// Whether a target, or one of a list, has this name.
fn names(target: &[u8], name: &str) -> bool {
    match target.first() {
        Some(b'[') => elements(target).any(|target| names(target, name)),
        Some(b'"') => string_value(target).is_some_and(|id| id == name),
        _ => match kind_and_id(target) {
            Some((Some(kind), id)) => name
                .strip_prefix(&*kind)
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|rest| rest == id),
            Some((None, id)) => id == name,
            None => false,
        },
    }
}

/// Each change and whether the field has a value after it for certain; and how many are sealed with their fields.
fn read_changes(changes: &[u8]) -> (Vec<(Change, bool)>, u64) {
    let mut hidden = 0;
    let mut read = Vec::new();
    for (field, raw) in members(changes) {
        if field == "_sd" {
            hidden += elements(raw).count() as u64;
        } else {
            read.push(read_change(field.into_owned(), raw));
        }
    }
    (read, hidden)
}

fn read_change(field: String, raw: &[u8]) -> (Change, bool) {
    let (mut before, mut after, mut sealed) = (None, None, None);
    for (key, raw) in members(raw) {
        match &*key {
            "before" => before = Some(raw.to_vec()),
            "after" => after = Some(raw),
            "_sd" => sealed = Some(raw),
            _ => {}
        }
    }
    let digests = sealed.map_or(0, |sealed| elements(sealed).count());
    let (effect, has_after) = match (after, sealed) {
        (Some(b"null"), _) => (Effect::Removed, false),
        (Some(after), _) => (Effect::Set(after.to_vec()), true),
        // One digest alone may be of what was there before.
        (None, Some(sealed)) if digests > 0 => {
            let value = [b"{\"_sd\":", sealed, b"}"].concat();
            (Effect::Sealed(value), digests > 1 || before.is_some())
        }
        (None, _) if before.is_some() => (Effect::Removed, false),
        (None, _) => (Effect::Unread, false),
    };
    (Change { field, before, effect }, has_after)
}
