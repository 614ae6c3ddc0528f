//! Sealing values of an event: digests take their places, and everything else stays as it was written.
//!
//! The other direction of [`open_event`](crate::open_event). Bytes are cut out and put in; nothing
//! is written anew.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::disclosure::{DisclosureError, disclose, disclosure_digest};
use crate::json::{
    Walk, element_number, elements, pointer_range, unescape_token, write_json_string,
};
use crate::scan::DIGEST_CHARS;

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
    /// The digests that stand in the values' places, in the same order.
    pub digests: Vec<String>,
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
    let mut places = Vec::with_capacity(values.len());
    for (number, ToSeal { path, salt }) in values.iter().enumerate() {
        let (parent, token) = path.rsplit_once('/').ok_or_else(|| not_there(path))?;
        places.push(ToPlace { number, path, parent, token, salt });
    }
    places.sort_by_key(|place| place.parent);
    let mut edits = Vec::with_capacity(values.len());
    let mut made = Made::of(values.len());
    for places in places.chunk_by(|a, b| a.parent == b.parent) {
        let Some(ToPlace { path, parent, .. }) = places.first() else { continue };
        let range = pointer_range(event, parent).ok_or_else(|| not_there(path))?;
        let group = Group { event, range, places };
        match event.get(group.range.start) {
            Some(b'{') => group.seal_members(&mut edits, &mut made)?,
            _ => group.seal_elements(&mut edits, &mut made)?,
        }
    }
    let Made { disclosures, digests } = made;
    Ok(SealedEvent { event: apply(event, edits)?, disclosures, digests })
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

/// What was made of each value so far.
struct Made {
    disclosures: Vec<String>,
    digests: Vec<String>,
}

/// A value to seal, and where in the event.
struct ToPlace<'a> {
    /// Which of the values it is.
    number: usize,
    path: &'a str,
    /// The pointer to what stands around it.
    parent: &'a str,
    /// The pointer's last token.
    token: &'a str,
    salt: &'a str,
}

/// Values of one object or array that are to be sealed.
struct Group<'a, 'p> {
    event: &'a [u8],
    range: Range<usize>,
    places: &'p [ToPlace<'a>],
}

/// A member as it stands in the event.
struct Member<'a> {
    /// From its key to the end of its value.
    span: Range<usize>,
    /// The path of the value to seal; none for a member that stays, and for `_sd`.
    sealed: Option<&'a str>,
    is_digests: bool,
}

impl<'a> Group<'a, '_> {
    fn seal_members(&self, edits: &mut Vec<Edit<'a>>, made: &mut Made) -> Result<(), SealError> {
        let mut names = BTreeMap::new();
        for place in self.places {
            let name = unescape_token(place.token).ok_or_else(|| not_there(place.path))?;
            if names.insert(name, place).is_some() {
                return Err(inside(place.path));
            }
        }
        let mut digests = Vec::with_capacity(self.places.len());
        let mut members = Vec::new();
        let raw = self.event.get(self.range.clone()).unwrap_or_default();
        let mut walk = Walk::inside(raw, b'{');
        while let Some((key, span, value)) = walk.member_span() {
            let value = raw.get(value).unwrap_or_default();
            let place = names.remove(&key);
            let is_digests = key == "_sd";
            if let Some(place) = place {
                digests.push(place.disclose(Some(&key), value, made)?);
            } else if is_digests {
                let known = elements(value).filter_map(crate::json::string_value);
                digests.extend(known.map(std::borrow::Cow::into_owned));
            }
            let span = self.range.start + span.start..self.range.start + span.end;
            members.push(Member { span, sealed: place.map(|place| place.path), is_digests });
        }
        if let Some(place) = names.into_values().next() {
            return Err(not_there(place.path));
        }
        digests.sort_unstable();
        self.cut_members(&members, write_digests(&digests), edits);
        Ok(())
    }

    /// Puts `_sd` in its place, or in that of the first sealed member, and cuts out the sealed
    /// members with one comma each.
    fn cut_members(&self, members: &[Member<'a>], digests: Vec<u8>, edits: &mut Vec<Edit<'a>>) {
        let has_digests = members.iter().any(|member| member.is_digests);
        let mut to_write = Some(digests);
        let mut has_one_before = false;
        let mut before_end = self.range.start;
        for (at, member) in members.iter().enumerate() {
            let path = member.sealed.unwrap_or_default();
            let takes_digests = member.is_digests || (member.sealed.is_some() && !has_digests);
            let digests = if takes_digests { to_write.take() } else { None };
            let is_written = digests.is_some();
            let mut edit = |range, with| edits.push(Edit { range, with, path });
            if let Some(digests) = digests {
                edit(member.span.clone(), digests);
            } else if member.sealed.is_some() && has_one_before {
                edit(before_end..member.span.end, Vec::new());
            } else if member.sealed.is_some() {
                let next = members.get(at + 1).map_or(member.span.end, |next| next.span.start);
                edit(member.span.start..next, Vec::new());
            }
            has_one_before |= is_written || member.sealed.is_none();
            before_end = member.span.end;
        }
    }

    fn seal_elements(&self, edits: &mut Vec<Edit<'a>>, made: &mut Made) -> Result<(), SealError> {
        let raw = self.event.get(self.range.clone()).unwrap_or_default();
        let mut spans = Vec::new();
        let mut walk = Walk::inside(raw, b'[');
        while let Some(span) = walk.element() {
            spans.push(span);
        }
        for place in self.places {
            let span = element_number(place.token).and_then(|at| spans.get(at));
            let span = span.cloned().ok_or_else(|| not_there(place.path))?;
            let value = raw.get(span.clone()).unwrap_or_default();
            let digest = place.disclose(None, value, made)?;
            let with = [&b"{\"...\":\""[..], digest.as_bytes(), b"\"}"].concat();
            let range = self.range.start + span.start..self.range.start + span.end;
            edits.push(Edit { range, with, path: place.path });
        }
        Ok(())
    }
}

impl Made {
    fn of(count: usize) -> Made {
        Made { disclosures: vec![String::new(); count], digests: vec![String::new(); count] }
    }

    fn put(&mut self, number: usize, disclosure: String, digest: String) {
        let places = self.disclosures.get_mut(number).zip(self.digests.get_mut(number));
        if let Some((to_disclosure, to_digest)) = places {
            (*to_disclosure, *to_digest) = (disclosure, digest);
        }
    }
}

impl ToPlace<'_> {
    /// Puts disclosure and digest among the others, and gives the digest.
    fn disclose(
        &self,
        name: Option<&str>,
        value: &[u8],
        made: &mut Made,
    ) -> Result<String, SealError> {
        let path = || self.path.to_owned();
        let encoded = disclose(self.salt, name, value);
        let encoded = encoded.map_err(|source| SealError::Disclosure { path: path(), source })?;
        let digest = disclosure_digest(&encoded);
        made.put(self.number, encoded, digest.clone());
        Ok(digest)
    }
}

/// The event with the edits made. Edits that overlap name a value inside another.
fn apply(event: &[u8], mut edits: Vec<Edit<'_>>) -> Result<Vec<u8>, SealError> {
    edits.sort_by_key(|edit| edit.range.start);
    let put_bytes: usize = edits.iter().map(|edit| edit.with.len()).sum();
    let mut out = Vec::with_capacity(event.len() + put_bytes);
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

fn write_digests(digests: &[String]) -> Vec<u8> {
    const DIGEST_BYTES: usize = DIGEST_CHARS + b"\"\",".len();
    let mut out = Vec::with_capacity(b"\"_sd\":[]".len() + DIGEST_BYTES * digests.len());
    out.extend_from_slice(b"\"_sd\":[");
    for (at, digest) in digests.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_json_string(&mut out, digest);
    }
    out.push(b']');
    out
}

fn not_there(path: &str) -> SealError {
    SealError::NotThere { path: path.to_owned() }
}

fn inside(path: &str) -> SealError {
    SealError::Inside { path: path.to_owned() }
}

#[cfg(test)]
mod tests;
