//! Marks: what an entry does to the state of whatever it names, as a column of the index. By them a state is made of the few
//! entries that still count in it, however many there are.

use graven_entry::Entry;

use crate::version::{Effect, Version};
use crate::whole::whole;

/// A mark of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It changes nothing, for its outcome.
    Void,
    /// It begins it, though it sets no field.
    Begins,
    /// It sets the field of this key.
    Sets(String),
    /// It takes it away.
    Removes(String),
    /// So many digests of fields that are sealed with their names.
    Hides(u64),
}

impl Mark {
    /// Whether an entry ends what it names, which is no mark, and its marks; none, where it names nothing.
    pub(crate) fn of(entry: &Entry<'_>) -> (bool, Vec<Mark>) {
        let (target, version) = Version::read(entry);
        if target.is_none() || version.ends {
            return (target.is_some() && version.ends, Vec::new());
        }
        if !version.counts {
            return (false, vec![Mark::Void]);
        }
        let fields = version.changes.iter().filter_map(|change| match change.effect {
            Effect::Set(_) | Effect::Sealed(_) => Some(Mark::Sets(key(&change.field))),
            Effect::Removed => Some(Mark::Removes(key(&change.field))),
            Effect::Unread => None,
        });
        let mut marks: Vec<Mark> = fields.collect();
        let sets = marks.iter().any(|mark| matches!(mark, Mark::Sets(_)));
        marks.extend((version.begins() && !sets).then_some(Mark::Begins));
        marks.extend((version.hidden > 0).then_some(Mark::Hides(version.hidden)));
        (false, marks)
    }

    /// As it stands in the index.
    pub(crate) fn text(&self) -> String {
        match self {
            Mark::Void => "-".to_owned(),
            Mark::Begins => "+".to_owned(),
            Mark::Sets(field) => format!("={field}"),
            Mark::Removes(field) => format!("!{field}"),
            Mark::Hides(count) => format!("#{count}"),
        }
    }

    /// Reads it again; nothing where it is none.
    pub(crate) fn read(text: &str) -> Option<Mark> {
        let (kind, rest) = text.split_at_checked(1)?;
        Some(match kind {
            "-" => Mark::Void,
            "+" => Mark::Begins,
            "=" => Mark::Sets(rest.to_owned()),
            "!" => Mark::Removes(rest.to_owned()),
            "#" => Mark::Hides(rest.parse().ok()?),
            _ => return None,
        })
    }
}

/// The key of a field.
pub(crate) fn key(field: &str) -> String {
    whole(field).into_owned()
}
