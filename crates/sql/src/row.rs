//! An entry as rows: one of `events`, one of `changes` for each changed field.
//!
//! Any event gives rows: what is missing or of another type than it should be is null.

use std::borrow::Cow;

use chrono::DateTime;
use graven_entry::{Header, Name, elements, members, string_value};

use crate::filter::RowAbout;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Int(i64),
    /// Nanoseconds since 1970.
    Time(i64),
    Text(Cow<'a, str>),
    Flag(bool),
}

/// Columns of `events`.
pub(crate) const EVENT_CELLS: usize = 29;
/// Columns of `changes`.
pub(crate) const CHANGE_CELLS: usize = 16;

/// An entry, taken apart.
pub(crate) struct EntryRow<'a> {
    index: u64,
    /// None where this version cannot read it.
    header: Option<Header>,
    id: Text<'a>,
    event_time: Option<i64>,
    action: Text<'a>,
    outcome: Text<'a>,
    reason: Text<'a>,
    /// Type, id, name, session, on_behalf_of.
    actor: [Text<'a>; 5],
    targets: Targets<'a>,
    /// Trace id, span id, request id, address, user agent.
    context: [Text<'a>; 5],
    changes: &'a [u8],
    data: &'a [u8],
}

type Text<'a> = Option<Cow<'a, str>>;

/// The first target, and the rest as it stands.
#[derive(Default)]
struct Targets<'a> {
    /// Type, id, name.
    first: [Text<'a>; 3],
    /// A JSON array of the others. It is there, and may be empty, also where the first has neither type nor id: so one can
    /// tell a target that says nothing from none.
    more: Option<String>,
}

impl<'a> EntryRow<'a> {
    /// Takes an entry's bytes apart.
    pub(crate) fn read(index: u64, entry: &'a [u8]) -> EntryRow<'a> {
        let mut lines = entry.split_inclusive(|byte| *byte == b'\n');
        let header = Header::parse(lines.next().unwrap_or_default()).ok();
        let event = lines.next().unwrap_or_default();
        let names = [
            "id", "time", "action", "outcome", "reason", "actor", "target", "context", "changes",
            "data",
        ];
        let [id, time, action, outcome, reason, actor, target, context, changes, data] =
            values(event, names);
        EntryRow {
            index,
            header,
            id: string_value(id),
            event_time: string_value(time).and_then(|text| unix_ns(&text)),
            action: string_value(action),
            outcome: string_value(outcome),
            reason: string_value(reason),
            actor: texts(actor, ["type", "id", "name", "session", "on_behalf_of"]),
            targets: Targets::read(target),
            context: texts(context, ["trace_id", "span_id", "request_id", "ip", "user_agent"]),
            changes,
            data,
        }
    }

    /// The row of `events`.
    pub(crate) fn event(&self) -> [Cell<'_>; EVENT_CELLS] {
        let [actor_type, actor_id, actor_name, session, on_behalf_of] = &self.actor;
        let [target_type, target_id, target_name] = &self.targets.first;
        let [trace_id, span_id, request_id, ip, user_agent] = &self.context;
        let is_own = self.header.as_ref().map(|header| header.auth.as_str() == "log");
        // What producers say at length stays in the log alone (ADR 0011).
        let data = is_own.filter(|is_own| *is_own).and_then(|_| json(self.data));
        [
            int(self.index),
            self.time(),
            self.event_time.map_or(Cell::Null, Cell::Time),
            self.of_header(|header| Some(header.writer.as_str())),
            self.of_header(|header| Some(header.auth.as_str())),
            self.of_header(|header| Some(header.grade.as_str())),
            self.of_header(|header| header.stream.as_ref().map(Name::as_str)),
            self.header.as_ref().and_then(|header| header.seq).map_or(Cell::Null, int),
            is_own.map_or(Cell::Null, Cell::Flag),
            text(&self.id),
            text(actor_type),
            text(actor_id),
            text(actor_name),
            text(session),
            text(on_behalf_of),
            text(&self.action),
            text(target_type),
            text(target_id),
            text(target_name),
            self.more_targets(),
            text(&self.outcome),
            text(&self.reason),
            text(trace_id),
            text(span_id),
            text(request_id),
            text(ip),
            text(user_agent),
            data.map_or(Cell::Null, |text| Cell::Text(Cow::Borrowed(text))),
            self.header.as_ref().map_or(Cell::Null, altered),
        ]
    }

    /// The rows of `changes`.
    pub(crate) fn changes(&self) -> impl Iterator<Item = [Cell<'_>; CHANGE_CELLS]> {
        let fields = members(self.changes).map(|(name, change)| {
            if name == "_sd" {
                // Sealed whole: not even the name is open.
                return (Cell::Null, [&[][..], &[][..]], elements(change).count());
            }
            let [before, after, sealed] = values(change, ["before", "after", "_sd"]);
            (Cell::Text(name), [before, after], elements(sealed).count())
        });
        fields.map(|(field, [before, after], sealed)| self.change(field, before, after, sealed))
    }

    fn change<'b>(
        &'b self,
        field: Cell<'b>,
        before: &'b [u8],
        after: &'b [u8],
        sealed: usize,
    ) -> [Cell<'b>; CHANGE_CELLS] {
        let value = |raw| json(raw).map_or(Cell::Null, |text| Cell::Text(Cow::Borrowed(text)));
        [
            int(self.index),
            self.time(),
            self.of_header(|header| Some(header.writer.as_str())),
            self.of_header(|header| Some(header.grade.as_str())),
            self.of_header(|header| header.stream.as_ref().map(Name::as_str)),
            text(&self.actor[0]),
            text(&self.actor[1]),
            text(&self.action),
            text(&self.targets.first[0]),
            text(&self.targets.first[1]),
            self.more_targets(),
            text(&self.outcome),
            field,
            value(before),
            value(after),
            int(sealed as u64),
        ]
    }

    /// What a filter looks at.
    pub(crate) fn about(&self) -> RowAbout<'_> {
        let owned = |text: &Text<'a>| text.as_deref().map(ToOwned::to_owned);
        let [kind, id, _] = &self.targets.first;
        let header = self.header.as_ref();
        RowAbout {
            writer: header.map_or("", |header| header.writer.as_str()),
            stream: header.and_then(|header| header.stream.as_ref()).map_or("", |s| s.as_str()),
            action: self.action.as_deref().unwrap_or(""),
            actor_type: self.actor[0].as_deref().unwrap_or(""),
            actor: self.actor[1].as_deref().unwrap_or(""),
            outcome: self.outcome.as_deref().unwrap_or(""),
            targets: RowAbout::targets(owned(kind), owned(id), self.targets.more.as_deref()),
        }
    }

    fn time(&self) -> Cell<'static> {
        let time = self.header.as_ref().map(|header| header.time.unix_ns());
        time.and_then(|ns| i64::try_from(ns).ok()).map_or(Cell::Null, Cell::Time)
    }

    fn more_targets(&self) -> Cell<'_> {
        let more = self.targets.more.as_deref();
        more.map_or(Cell::Null, |more| Cell::Text(Cow::Borrowed(more)))
    }

    fn of_header<'b>(&'b self, field: impl FnOnce(&'b Header) -> Option<&'b str>) -> Cell<'b> {
        let found = self.header.as_ref().and_then(field);
        found.map_or(Cell::Null, |text| Cell::Text(Cow::Borrowed(text)))
    }
}

impl<'a> Targets<'a> {
    fn read(target: &'a [u8]) -> Targets<'a> {
        let mut all = match target.first() {
            Some(b'[') => elements(target).collect::<Vec<_>>().into_iter(),
            Some(b'{') => vec![target].into_iter(),
            _ => return Targets::default(),
        };
        let Some(first) = all.next() else { return Targets::default() };
        let first = texts(first, ["type", "id", "name"]);
        let is_silent = first[0].is_none() && first[1].is_none();
        let others: Vec<&str> = all.filter_map(json).collect();
        let more = (is_silent || !others.is_empty()).then(|| format!("[{}]", others.join(",")));
        Targets { first, more }
    }
}

/// The raw values of an object's members of these names; empty where there is none.
fn values<'a, const N: usize>(object: &'a [u8], names: [&str; N]) -> [&'a [u8]; N] {
    let mut found = [&[][..]; N];
    for (key, value) in members(object) {
        let place = names.iter().position(|name| *name == key);
        if let Some(place) = place.filter(|place| found[*place].is_empty()) {
            found[place] = value;
        }
    }
    found
}

/// The same of members that are strings.
fn texts<'a, const N: usize>(object: &'a [u8], names: [&str; N]) -> [Text<'a>; N] {
    values(object, names).map(string_value)
}

/// A raw value as text; none for nothing.
pub(crate) fn json(raw: &[u8]) -> Option<&str> {
    std::str::from_utf8(raw).ok().filter(|text| !text.is_empty())
}

fn text<'b>(text: &'b Text<'_>) -> Cell<'b> {
    text.as_deref().map_or(Cell::Null, |text| Cell::Text(Cow::Borrowed(text)))
}

/// A number of ours; all are below 2⁵³.
fn int(number: u64) -> Cell<'static> {
    i64::try_from(number).map_or(Cell::Null, Cell::Int)
}

/// An RFC 3339 time; none where it is not one, or before 1677 or after 2262, which 64 bits of nanoseconds do not reach.
fn unix_ns(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt()
}

/// What was done to the event before it was written, as words.
fn altered(header: &Header) -> Cell<'static> {
    let words: Vec<&str> = header.altered.iter().map(|what| what.as_str()).collect();
    if words.is_empty() { Cell::Null } else { Cell::Text(Cow::Owned(words.join(" "))) }
}
