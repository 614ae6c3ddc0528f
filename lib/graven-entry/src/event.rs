//! The event: what a producer may say, and what an index needs to know of it.
//!
//! An event is hashed as it was written, so it is never built anew from what was understood:
//! two readers must understand the same from the same bytes. That is why duplicate keys, lone
//! surrogates and the like, which readers take differently, are refused.

use std::borrow::Cow;
use std::ops::Range;

use crate::event_error::{EventError, EventFault};
use crate::json::Walk;
use crate::limits::{EVENT_BYTES_MAX, EVENT_INPUT_BYTES_MAX};
use crate::scan::{Scan, scan};
use crate::sealed_digest::SealedDigest;

/// What [`check_event`] learned of an event in its one pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFacts<'a> {
    /// Where the event lies in the bytes: white space around the object is not part of it.
    pub range: Range<usize>,
    /// Its bytes after [`compact`](crate::compact), its line feed not counted.
    pub compacted_bytes: usize,
    /// Whether CR or LF stands in it: an unsigned event is compacted then, a signed one refused.
    pub has_line_break: bool,
    /// `action`, never empty.
    pub action: Cow<'a, str>,
    /// Whether the action is `graven.*`, which only the log itself may write.
    pub is_reserved_action: bool,
    /// `actor.type`.
    pub actor_type: Option<Cow<'a, str>>,
    /// `actor.id`.
    pub actor_id: Option<Cow<'a, str>>,
    /// `id`, with the writer the event's identity.
    pub id: Option<Cow<'a, str>>,
    /// The digests of its sealed values, in the order written, each different.
    pub digests: Vec<SealedDigest<'a>>,
}

/// Reads one event as its producer sent it, white space around it allowed, and checks everything
/// that does not depend on a log's policy.
///
/// The first fault in the bytes is reported, of JSON before those of the event. A `graven.*`
/// action, digests without a disclosure and a line break are reported as facts: whether they are
/// refused is for the caller to say.
pub fn check_event(bytes: &[u8]) -> Result<EventFacts<'_>, EventError> {
    if bytes.len() > EVENT_INPUT_BYTES_MAX {
        return Err(too_large(bytes.len(), EVENT_INPUT_BYTES_MAX));
    }
    let scan = scan(bytes)?;
    let compacted_bytes = scan.range.len() - scan.white_bytes;
    let stored_bytes = if scan.has_line_break { compacted_bytes } else { scan.range.len() };
    if stored_bytes >= EVENT_BYTES_MAX {
        return Err(too_large(stored_bytes + 1, EVENT_BYTES_MAX));
    }
    let fields = Fields { bytes, scan: &scan };
    let (actor_type, actor_id) = fields.actor()?;
    let action = fields.action()?;
    let id = match &scan.id {
        Some(range) => Some(fields.string("id", range)?),
        None => None,
    };
    Ok(EventFacts {
        compacted_bytes,
        has_line_break: scan.has_line_break,
        is_reserved_action: action.starts_with("graven."),
        action,
        actor_type,
        actor_id,
        id,
        range: scan.range,
        digests: scan.digests,
    })
}

/// The event's own fields, by the ranges that the scan has found.
struct Fields<'a, 's> {
    bytes: &'a [u8],
    scan: &'s Scan<'a>,
}

/// A text of the event, or none.
type OptionalText<'a> = Option<Cow<'a, str>>;

impl<'a> Fields<'a, '_> {
    fn action(&self) -> Result<Cow<'a, str>, EventError> {
        let Some(range) = &self.scan.action else { return Err(self.missing("action")) };
        let action = self.string("action", range)?;
        if action.is_empty() {
            return Err(self.wrong_type("action", "a non-empty string", range.start));
        }
        Ok(action)
    }

    fn actor(&self) -> Result<(OptionalText<'a>, OptionalText<'a>), EventError> {
        let Some(range) = &self.scan.actor else { return Err(self.missing("actor")) };
        let raw = self.bytes.get(range.clone()).unwrap_or_default();
        if raw.first() != Some(&b'{') {
            return Err(self.wrong_type("actor", "an object such as {\"id\":\"…\"}", range.start));
        }
        let (mut actor_type, mut actor_id) = (None, None);
        let mut walk = Walk::inside(raw, b'{');
        while let Some((key, value)) = walk.member() {
            let value = range.start + value.start..range.start + value.end;
            match &*key {
                "type" => actor_type = Some(self.string("actor.type", &value)?),
                "id" => actor_id = Some(self.string("actor.id", &value)?),
                _ => {}
            }
        }
        Ok((actor_type, actor_id))
    }

    fn string(
        &self,
        field: &'static str,
        range: &Range<usize>,
    ) -> Result<Cow<'a, str>, EventError> {
        let raw = self.bytes.get(range.clone()).unwrap_or_default();
        crate::json::string_value(raw)
            .ok_or_else(|| self.wrong_type(field, "a string", range.start))
    }

    fn missing(&self, field: &'static str) -> EventError {
        let fault = EventFault::Missing { field };
        EventError::new(self.bytes, fault, format!("/{field}"), self.scan.range.start)
    }

    fn wrong_type(
        &self,
        field: &'static str,
        expected: &'static str,
        position: usize,
    ) -> EventError {
        let fault = EventFault::Type { field, expected };
        EventError::new(self.bytes, fault, format!("/{}", field.replace('.', "/")), position)
    }
}

fn too_large(length_bytes: usize, max_bytes: usize) -> EventError {
    let fault = EventFault::TooLarge { length_bytes, max_bytes };
    EventError { fault, path: String::new(), position: 0, line: 1, column: 1 }
}

#[cfg(test)]
mod tests;
