//! Sealing values of an event: digests take their places, and everything else stays as it was written.
//!
//! The other direction of [`open_event`](crate::open_event). Bytes are cut out and put in; nothing
//! is written anew.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::disclosure::{Disclosure, DisclosureError, disclosure_digest};
use crate::json::{
    Walk, element_number, elements, pointer_range, unescape_token, write_json_string,
};

/// One value to seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToSeal<'a> {
    /// RFC 6901 pointer to a member's value or to an element of an array.
    pub path: &'a str,
    /// Random: at least 22 characters of base64url, and of no other value.
    pub salt: &'a str,
}

/// An event whose values are sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedEvent {
    /// The event with digests in the values' places.
    pub event: Vec<u8>,
    /// What opens them, one for each value in their order, in its encoded form.
    pub disclosures: Vec<String>,
}

/// Why a value can't be sealed or replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Nothing stands there.
    #[error("there is no value at {path:?} that could be sealed")]
    NotThere {
        /// The pointer.
        path: String,
    },
    /// Named twice, or inside another value that is named.
    #[error("the value at {path:?} is sealed already by what stands around it")]
    Inside {
        /// The pointer.
        path: String,
    },
    /// The value, its name or its salt makes no disclosure.
    #[error("the value at {path:?} can't be sealed")]
    Disclosure {
        /// The pointer.
        path: String,
        /// Why.
        #[source]
        source: DisclosureError,
    },
}

/// Seals values of an event that [`check_event`](crate::check_event) has accepted. A digest of a
/// member stands in `_sd` of its object, sorted; one of an element takes its place.
pub fn seal_event(event: &[u8], values: &[ToSeal<'_>]) -> Result<SealedEvent, SealError> {
    let mut by_parent: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, value) in values.iter().enumerate() {
        let (parent, _) = split(value.path)?;
        by_parent.entry(parent).or_default().push(number);
    }
    let mut edits = Vec::new();
    let mut disclosures = vec![String::new(); values.len()];
    for (parent, numbers) in by_parent {
        let first = numbers.first().and_then(|number| values.get(*number));
        let path = first.map_or("", |value| value.path);
        let range = pointer_range(event, parent).ok_or_else(|| not_there(path))?;
        let group = Group { event, range, values, numbers };
        match event.get(group.range.start) {
            Some(b'{') => group.seal_members(&mut edits, &mut disclosures)?,
            _ => group.seal_elements(&mut edits, &mut disclosures)?,
        }
    }
    Ok(SealedEvent { event: apply(event, edits)?, disclosures })
}

/// Replaces values, each given by its RFC 6901 pointer and its new JSON text.
pub fn replace_values(event: &[u8], values: &[(&str, String)]) -> Result<Vec<u8>, SealError> {
    let mut edits = Vec::with_capacity(values.len());
    for (path, json) in values {
        let range = pointer_range(event, path).ok_or_else(|| not_there(path))?;
        edits.push(Edit { range, with: json.clone().into_bytes(), path });
    }
    apply(event, edits)
}

/// Bytes to cut out, and what takes their place.
struct Edit<'a> {
    range: Range<usize>,
    with: Vec<u8>,
    /// For the error: the value that it is about.
    path: &'a str,
}

/// Values of one object or array that are to be sealed.
struct Group<'a> {
    event: &'a [u8],
    range: Range<usize>,
    values: &'a [ToSeal<'a>],
    /// Which of the values.
    numbers: Vec<usize>,
}

/// A member as it stands in the event.
struct Member {
    /// From its key to the end of its value.
    span: Range<usize>,
    /// The value to seal; none for a member that stays, and for `_sd`.
    number: Option<usize>,
    is_digests: bool,
}

impl<'a> Group<'a> {
    fn seal_members(
        &self,
        edits: &mut Vec<Edit<'a>>,
        disclosures: &mut [String],
    ) -> Result<(), SealError> {
        let mut names: BTreeMap<_, usize> = BTreeMap::new();
        for number in &self.numbers {
            let (_, token) = split(self.path(*number))?;
            let name = unescape_token(token).ok_or_else(|| not_there(self.path(*number)))?;
            if names.insert(name, *number).is_some() {
                return Err(inside(self.path(*number)));
            }
        }
        let mut digests = Vec::new();
        let mut members = Vec::new();
        let raw = self.event.get(self.range.clone()).unwrap_or_default();
        let mut walk = Walk::inside(raw, b'{');
        while let Some((key, span, value)) = walk.member_span() {
            let value = raw.get(value).unwrap_or_default();
            let number = names.remove(&key);
            let is_digests = key == "_sd";
            if let Some(number) = number {
                let encoded = self.disclose(number, Some(&key), value)?;
                digests.push(disclosure_digest(&encoded));
                keep(disclosures, number, encoded);
            } else if is_digests {
                let known = elements(value).filter_map(crate::json::string_value);
                digests.extend(known.map(std::borrow::Cow::into_owned));
            }
            let span = self.range.start + span.start..self.range.start + span.end;
            members.push(Member { span, number, is_digests });
        }
        if let Some(number) = names.into_values().next() {
            return Err(not_there(self.path(number)));
        }
        digests.sort_unstable();
        self.cut_members(&members, &write_digests(&digests), edits);
        Ok(())
    }

    /// Puts `_sd` in its place, or in that of the first sealed member, and cuts out the sealed
    /// members with one comma each.
    fn cut_members(&self, members: &[Member], digests: &[u8], edits: &mut Vec<Edit<'a>>) {
        let has_digests = members.iter().any(|member| member.is_digests);
        let mut is_written = false;
        let mut has_one_before = false;
        let mut before_end = self.range.start;
        for (at, member) in members.iter().enumerate() {
            let path = member.number.map_or("", |number| self.path(number));
            let takes_digests =
                member.is_digests || (member.number.is_some() && !has_digests && !is_written);
            let mut edit = |range, with| edits.push(Edit { range, with, path });
            if takes_digests {
                edit(member.span.clone(), digests.to_vec());
                is_written = true;
            } else if member.number.is_some() && has_one_before {
                edit(before_end..member.span.end, Vec::new());
            } else if member.number.is_some() {
                let next = members.get(at + 1).map_or(member.span.end, |next| next.span.start);
                edit(member.span.start..next, Vec::new());
            }
            has_one_before |= takes_digests || member.number.is_none();
            before_end = member.span.end;
        }
    }

    fn seal_elements(
        &self,
        edits: &mut Vec<Edit<'a>>,
        disclosures: &mut [String],
    ) -> Result<(), SealError> {
        let raw = self.event.get(self.range.clone()).unwrap_or_default();
        let mut spans = Vec::new();
        let mut walk = Walk::inside(raw, b'[');
        while let Some(span) = walk.element() {
            spans.push(span);
        }
        for number in &self.numbers {
            let path = self.path(*number);
            let (_, token) = split(path)?;
            let span = element_number(token).and_then(|at| spans.get(at));
            let span = span.cloned().ok_or_else(|| not_there(path))?;
            let value = raw.get(span.clone()).unwrap_or_default();
            let encoded = self.disclose(*number, None, value)?;
            let with = format!("{{\"...\":\"{}\"}}", disclosure_digest(&encoded)).into_bytes();
            let range = self.range.start + span.start..self.range.start + span.end;
            edits.push(Edit { range, with, path });
            keep(disclosures, *number, encoded);
        }
        Ok(())
    }

    fn disclose(
        &self,
        number: usize,
        name: Option<&str>,
        value: &[u8],
    ) -> Result<String, SealError> {
        let salt = self.values.get(number).map_or("", |value| value.salt);
        let made = Disclosure::make(salt, name, value);
        let path = || self.path(number).to_owned();
        let made = made.map_err(|source| SealError::Disclosure { path: path(), source });
        made.map(|(_, encoded)| encoded)
    }

    fn path(&self, number: usize) -> &'a str {
        self.values.get(number).map_or("", |value| value.path)
    }
}

/// The event with the edits made. Edits that overlap name a value inside another.
fn apply(event: &[u8], mut edits: Vec<Edit<'_>>) -> Result<Vec<u8>, SealError> {
    edits.sort_by_key(|edit| edit.range.start);
    let mut out = Vec::with_capacity(event.len() + 64 * edits.len());
    let mut copied = 0;
    for edit in edits {
        let between = event.get(copied..edit.range.start).ok_or_else(|| inside(edit.path))?;
        out.extend_from_slice(between);
        out.extend_from_slice(&edit.with);
        copied = edit.range.end;
    }
    out.extend_from_slice(event.get(copied..).unwrap_or_default());
    Ok(out)
}

fn keep(disclosures: &mut [String], number: usize, encoded: String) {
    if let Some(place) = disclosures.get_mut(number) {
        *place = encoded;
    }
}

fn write_digests(digests: &[String]) -> Vec<u8> {
    let mut out = b"\"_sd\":[".to_vec();
    for (at, digest) in digests.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_json_string(&mut out, digest);
    }
    out.push(b']');
    out
}

/// A pointer's parent and last token; the whole event has none.
fn split(path: &str) -> Result<(&str, &str), SealError> {
    path.rsplit_once('/').ok_or_else(|| not_there(path))
}

fn not_there(path: &str) -> SealError {
    SealError::NotThere { path: path.to_owned() }
}

fn inside(path: &str) -> SealError {
    SealError::Inside { path: path.to_owned() }
}

#[cfg(test)]
mod tests;
