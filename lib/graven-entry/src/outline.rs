//! Where the members of an event stand: found in one walk, for whoever looks for many of its values.

use std::ops::Range;

use crate::json::{Walk, is_written, range_from, unescape_token};

/// An event and where each of its members stands.
#[derive(Clone, Debug)]
pub struct Outline<'a> {
    event: &'a [u8],
    members: Vec<Member<'a>>,
}

#[derive(Clone, Debug)]
struct Member<'a> {
    /// The key as it is written, with its quotes.
    key: &'a [u8],
    value: Range<usize>,
}

/// Members that an event usually has at most.
const MEMBERS_USUAL: usize = 12;

impl<'a> Outline<'a> {
    /// Walks through an event that [`check_event`](crate::check_event) has accepted.
    pub fn of(event: &'a [u8]) -> Self {
        let mut members = Vec::with_capacity(MEMBERS_USUAL);
        let mut walk = Walk::inside(event, b'{');
        while let Some((key, value)) = walk.raw_member() {
            members.push(Member { key: event.get(key).unwrap_or_default(), value });
        }
        Self { event, members }
    }

    /// The event.
    pub fn event(&self) -> &'a [u8] {
        self.event
    }

    /// The raw value at an RFC 6901 pointer, as [`pointer`](crate::pointer) gives it.
    pub fn pointer(&self, pointer: &str) -> Option<&'a [u8]> {
        self.event.get(self.range(pointer)?)
    }

    /// Where the value at an RFC 6901 pointer stands.
    pub(crate) fn range(&self, pointer: &str) -> Option<Range<usize>> {
        let Some(path) = pointer.strip_prefix('/') else {
            return range_from(self.event, 0, pointer);
        };
        let (token, _) = path.split_once('/').unwrap_or((path, ""));
        let name = unescape_token(token)?;
        let member = self.members.iter().find(|member| is_written(member.key, &name))?;
        match path.get(token.len()..) {
            None | Some("") => Some(member.value.clone()),
            Some(inner) => range_from(self.event, member.value.start, inner),
        }
    }
}

#[cfg(test)]
mod tests;
