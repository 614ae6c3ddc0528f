//! Which field a name means: of the log's header, or any path of the event.

use super::special::is_special;

/// A field that a query can ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// When it happened: the event's own `time`, or the header's where it has none.
    Time,
    /// When the log took it: the header's `time`.
    Received,
    /// The entry's index.
    Index,
    /// Its number in its stream.
    Seq,
    /// Who handed it in.
    Writer,
    /// How the writer was authenticated.
    Auth,
    /// How well the actor is known.
    Grade,
    /// Its stream.
    Stream,
    /// A path of the event: keys joined by dots. Elements of an array have the array's path.
    Path(String),
}

/// What a field's values are compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Time,
    Number,
    /// A name: it has no order.
    Text,
    Any,
}

/// Fields of the header, and the time.
const OWN: [(&str, Field); 8] = [
    ("time", Field::Time),
    ("received", Field::Received),
    ("index", Field::Index),
    ("seq", Field::Seq),
    ("writer", Field::Writer),
    ("auth", Field::Auth),
    ("grade", Field::Grade),
    ("stream", Field::Stream),
];

/// Short names of paths.
const SHORT: [(&str, &str); 5] = [
    ("actor", "actor.id"),
    ("ip", "context.ip"),
    ("request", "context.request_id"),
    ("session", "actor.session"),
    ("trace", "context.trace_id"),
];

/// Paths of the event that need no `event.` before them; those with objects below them also with a path after them.
const TOP: [&str; 10] =
    ["action", "actor", "changes", "context", "data", "id", "outcome", "reason", "target", "event"];

/// Paths that are offered for a name that is none.
const OFFERED: [&str; 14] = [
    "actor.id",
    "actor.name",
    "actor.on_behalf_of",
    "actor.session",
    "actor.type",
    "context.ip",
    "context.request_id",
    "context.span_id",
    "context.trace_id",
    "context.user_agent",
    "target.id",
    "target.name",
    "target.type",
    "changes",
];

/// Beyond this many edits a name is not a misspelling of another.
const EDITS_MAX: usize = 2;

impl Field {
    /// The field of this name; `since` and `until` are the time.
    pub(crate) fn named(name: &str) -> Option<Field> {
        if let Some((_, field)) = OWN.into_iter().find(|(own, _)| *own == name) {
            return Some(field);
        }
        if matches!(name, "since" | "until" | "event.time") {
            return Some(Field::Time);
        }
        if let Some((_, path)) = SHORT.into_iter().find(|(short, _)| *short == name) {
            return Some(Field::Path(path.to_owned()));
        }
        let top = name.split('.').next().unwrap_or_default();
        if !TOP.contains(&top) || name == "event" || name.ends_with('.') {
            return None;
        }
        let path = name.strip_prefix("event.").unwrap_or(name);
        (!path.is_empty()).then(|| Field::Path(path.to_owned()))
    }

    /// The names that the language knows; some stand twice.
    pub(crate) fn known() -> impl Iterator<Item = &'static str> {
        let short = SHORT.into_iter().map(|(short, _)| short);
        let own = OWN.into_iter().map(|(own, _)| own);
        let names = own.chain(short).chain(TOP).chain(OFFERED).chain(["since", "until"]);
        names.filter(|known| *known != "event")
    }

    /// The known name that is nearest to one that is none.
    pub(crate) fn nearest(name: &str) -> Option<&'static str> {
        let near = Field::known().map(|known| (edits(name, known), known));
        near.min().filter(|(count, known)| *count <= EDITS_MAX && *count < known.len()).map(|n| n.1)
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Field::Time | Field::Received => Kind::Time,
            Field::Index | Field::Seq => Kind::Number,
            Field::Writer | Field::Auth | Field::Grade | Field::Stream => Kind::Text,
            Field::Path(_) => Kind::Any,
        }
    }

    /// How a query names a path of the event in full.
    pub(crate) fn name_of(path: &str) -> String {
        let is_own = Field::named(path).is_some_and(|field| field == Field::Path(path.to_owned()));
        let name = if is_own { path.to_owned() } else { format!("event.{path}") };
        if name.contains(|c| is_special(c) || matches!(c, '*' | '?' | '\\')) {
            return format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
        }
        name
    }

    /// The shortest name of the field.
    pub(crate) fn name(&self) -> String {
        let Field::Path(path) = self else {
            let own = OWN.into_iter().find(|(_, field)| field == self);
            return own.map_or_else(String::new, |(name, _)| name.to_owned());
        };
        if let Some((short, _)) = SHORT.into_iter().find(|(_, long)| long == path) {
            return short.to_owned();
        }
        match Field::named(path) {
            Some(Field::Path(same)) if same == *path => path.clone(),
            _ => format!("event.{path}"),
        }
    }
}

/// How many characters are put in, left out or changed between two short texts.
fn edits(a: &str, b: &str) -> usize {
    if a.chars().count().abs_diff(b.chars().count()) > EDITS_MAX {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, from) in a.chars().enumerate() {
        let mut diagonal = line;
        row[0] = line + 1;
        for (column, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = change.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}
