//! Sealing values of an event: digests take their places, and everything else stays as it was written.
//!
//! The other direction of [`open_event`](crate::open_event). Bytes are cut out and put in; nothing
//! is written anew.

use std::borrow::Cow;
use std::ops::Range;

use crate::digest::DisclosureDigest;
use crate::disclosure::{DisclosureError, disclose};
use crate::json::{Walk, element_number, elements, string_value, unescape_token};
use crate::outline::Outline;
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
    pub digests: Vec<DisclosureDigest>,
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
    seal_outlined(&Outline::of(event), values)
}

/// The same for an event whose outline is known.
pub fn seal_outlined(
    outline: &Outline<'_>,
    values: &[ToSeal<'_>],
) -> Result<SealedEvent, SealError> {
    let event = outline.event();
    let mut places = Vec::with_capacity(values.len());
    for (number, ToSeal { path, salt }) in values.iter().enumerate() {
        let (parent, token) = path.rsplit_once('/').ok_or_else(|| not_there(path))?;
        places.push(ToPlace { number, path, parent, token, salt });
    }
    places.sort_by_key(|place| place.parent);
    let mut edits = Vec::with_capacity(values.len());
    let mut made = Made(vec![None; values.len()]);
    for places in places.chunk_by(|a, b| a.parent == b.parent) {
        let Some(ToPlace { path, parent, .. }) = places.first() else { continue };
        let range = outline.range(parent).ok_or_else(|| not_there(path))?;
        let group = Group { event, range, places };
        match event.get(group.range.start) {
            Some(b'{') => group.seal_members(&mut edits, &mut made)?,
            _ => group.seal_elements(&mut edits, &mut made)?,
        }
    }
    let (disclosures, digests) = made.0.into_iter().flatten().unzip();
    Ok(SealedEvent { event: apply(event, edits)?, disclosures, digests })
}

/// Replaces values, each given by its RFC 6901 pointer and its new JSON text.
pub fn replace_values(event: &[u8], values: &[(&str, String)]) -> Result<Vec<u8>, SealError> {
    let outline = Outline::of(event);
    let mut edits = Vec::with_capacity(values.len());
    for (path, json) in values {
        let range = outline.range(path).ok_or_else(|| not_there(path))?;
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

/// What was made of each value so far: its disclosure and the digest.
struct Made(Vec<Option<(String, DisclosureDigest)>>);

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
        let names = self.names()?;
        let mut digests = Vec::with_capacity(self.places.len());
        let mut known = Vec::new();
        let mut members = Vec::new();
        let raw = self.event.get(self.range.clone()).unwrap_or_default();
        let mut walk = Walk::inside(raw, b'{');
        while let Some((key, span, value)) = walk.member_span() {
            let value = raw.get(value).unwrap_or_default();
            let place = names.binary_search_by(|(name, _)| name.cmp(&key)).ok();
            let place = place.and_then(|at| names.get(at)).map(|(_, place)| *place);
            let is_digests = key == "_sd";
            if let Some(place) = place {
                digests.push(place.disclose(Some(&key), value, made)?);
            } else if is_digests {
                known.extend(elements(value).filter_map(string_value));
            }
            let span = self.range.start + span.start..self.range.start + span.end;
            members.push(Member { span, sealed: place.map(|place| place.path), is_digests });
        }
        if let Some(place) = self.places.iter().find(|place| !made.has(place.number)) {
            return Err(not_there(place.path));
        }
        let known = known.iter().map(|digest| &**digest);
        let mut digests: Vec<&str> =
            digests.iter().map(DisclosureDigest::as_str).chain(known).collect();
        digests.sort_unstable();
        self.cut_members(&members, write_digests(&digests), edits);
        Ok(())
    }

    /// The members to seal by name.
    fn names(&self) -> Result<Vec<(Cow<'a, str>, &ToPlace<'a>)>, SealError> {
        let name = |place: &ToPlace<'a>| unescape_token(place.token);
        let named = self.places.iter().map(|place| {
            name(place).map(|name| (name, place)).ok_or_else(|| not_there(place.path))
        });
        let mut names = named.collect::<Result<Vec<_>, _>>()?;
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        let twice = names.array_windows().find(|[(a, _), (b, _)]| a == b);
        twice.map_or(Ok(()), |[_, (_, place)]| Err(inside(place.path)))?;
        Ok(names)
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
            let with = [&b"{\"...\":\""[..], digest.as_str().as_bytes(), b"\"}"].concat();
            let range = self.range.start + span.start..self.range.start + span.end;
            edits.push(Edit { range, with, path: place.path });
        }
        Ok(())
    }
}

impl Made {
    fn has(&self, number: usize) -> bool {
        self.0.get(number).is_some_and(Option::is_some)
    }

    fn put(&mut self, number: usize, disclosure: String, digest: DisclosureDigest) {
        if let Some(place) = self.0.get_mut(number) {
            *place = Some((disclosure, digest));
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
    ) -> Result<DisclosureDigest, SealError> {
        let path = || self.path.to_owned();
        let encoded = disclose(self.salt, name, value);
        let encoded = encoded.map_err(|source| SealError::Disclosure { path: path(), source })?;
        let digest = DisclosureDigest::of(&encoded);
        made.put(self.number, encoded, digest);
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

fn write_digests(digests: &[&str]) -> Vec<u8> {
    const DIGEST_BYTES: usize = DIGEST_CHARS + b"\"\",".len();
    let mut out = Vec::with_capacity(b"\"_sd\":[]".len() + DIGEST_BYTES * digests.len());
    out.extend_from_slice(b"\"_sd\":[");
    for (at, digest) in digests.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        // Base64url needs no escapes.
        out.push(b'"');
        out.extend_from_slice(digest.as_bytes());
        out.push(b'"');
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
