//! Sealed values: disclosures, their digests, and opening an event with them (RFC 9901).
//!
//! An entry holds only the digest of a sealed value; the disclosure `[salt, name, value]`, or
//! `[salt, value]` for an element of an array, opens it. What is hashed is the disclosure's
//! encoded text, so that text is what must be kept.

use crate::digest::DisclosureDigest;
use crate::encode::{base64url, read_base64url};
use crate::event_error::EventError;
use crate::json::{elements, push_token, string_value, write_json_string};
use crate::limits::{DISCLOSURE_BYTES_MAX, SALT_CHARS_MIN};
use crate::scan::{scan, scan_array};
use crate::sealed_digest::{Place, SealedDigest};

/// Names that would be taken for sealing itself.
const NAMES_RESERVED: [&str; 3] = ["_sd", "_sd_alg", "..."];

/// What opens one sealed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// At least 22 characters of base64url, that is 128 random bits.
    pub salt: String,
    /// The name of a sealed member; none for an element of an array.
    pub name: Option<String>,
    /// The value, as the JSON text in which it was written.
    pub value_json: Vec<u8>,
}

/// Disclosures and the digests that they open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matches {
    /// One for each disclosure, in their order.
    pub opened: Vec<OpenedValue>,
    /// Indexes of the digests that none of the disclosures opens.
    pub withheld: Vec<usize>,
}

/// A disclosure at the place where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedValue {
    /// What the disclosure says.
    pub disclosure: Disclosure,
    /// Which digest it opens: an index into the event's digests.
    pub digest_index: usize,
    /// That digest.
    pub digest: DisclosureDigest,
    /// RFC 6901 pointer to the value in the opened event.
    pub path: String,
}

/// Why a disclosure is refused, or does not open an event. Disclosures are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DisclosureError {
    /// Longer than any sealed value can make it.
    #[error("the disclosure has {length_bytes} bytes; at most {DISCLOSURE_BYTES_MAX} are allowed")]
    TooLarge {
        /// Its length.
        length_bytes: usize,
    },
    /// Not base64url.
    #[error("the disclosure is not canonical base64url without padding")]
    Base64,
    /// Not the JSON of an array.
    #[error("the disclosure is not a JSON array by the rules of an event")]
    Json(#[source] EventError),
    /// Not two or three elements, or salt and name are no strings.
    #[error("the disclosure is not [salt, name, value] or [salt, value]")]
    Form,
    /// A salt that could be guessed.
    #[error("the salt is not at least {SALT_CHARS_MIN} characters of base64url (128 bits)")]
    Salt,
    /// A name that would be taken for sealing.
    #[error("the name {name} is reserved for sealing; choose another")]
    Name {
        /// The name.
        name: String,
    },
    /// A sealed value inside a sealed value.
    #[error("the value holds digests itself; seal every value on its own")]
    Nested,
    /// The event can't be read.
    #[error("the event to open can't be read")]
    Event(#[source] EventError),
    /// A disclosure whose digest the event does not hold.
    #[error("disclosure {number} opens nothing in the event")]
    NoDigest {
        /// Which one.
        number: usize,
    },
    /// The same disclosure twice.
    #[error("disclosure {number} stands twice")]
    Repeated {
        /// The second of the two.
        number: usize,
    },
    /// A name for an element of an array, or none for a member.
    #[error("disclosure {number} must have {elements} elements where its digest stands")]
    Place {
        /// Which one.
        number: usize,
        /// How many it should have.
        elements: usize,
    },
    /// The opened event breaks a rule, such as a name that its object already has.
    #[error("the event is not valid once opened")]
    Opened(#[source] EventError),
}

/// The digest that stands in an event for the disclosure `encoded`: the base64url of SHA-256 over
/// its text.
pub fn disclosure_digest(encoded: &str) -> String {
    DisclosureDigest::of(encoded).as_str().to_owned()
}

/// Finds for each disclosure, in its encoded form, the one digest that it opens.
///
/// Whoever takes events in refuses those where `withheld` is not empty.
pub fn match_disclosures<S: AsRef<str>>(
    digests: &[SealedDigest<'_>],
    encoded: &[S],
) -> Result<Matches, DisclosureError> {
    let mut by_digest: Vec<(&str, usize)> =
        digests.iter().enumerate().map(|(index, sealed)| (sealed.digest, index)).collect();
    by_digest.sort_unstable();
    let mut is_open = vec![false; digests.len()];
    let mut opened = Vec::with_capacity(encoded.len());
    for (number, encoded) in encoded.iter().enumerate() {
        let digest = DisclosureDigest::of(encoded.as_ref());
        let found = by_digest.binary_search_by(|(other, _)| (*other).cmp(digest.as_str())).ok();
        let digest_index = found.and_then(|at| by_digest.get(at)).map(|(_, index)| *index);
        let (Some(digest_index), Some(sealed)) =
            (digest_index, digest_index.and_then(|index| digests.get(index)))
        else {
            return Err(DisclosureError::NoDigest { number });
        };
        let is_repeated = is_open.get_mut(digest_index).is_none_or(|o| std::mem::replace(o, true));
        if is_repeated {
            return Err(DisclosureError::Repeated { number });
        }
        let disclosure = Disclosure::parse(encoded.as_ref())?;
        let path = path_of(sealed, &disclosure, number)?;
        opened.push(OpenedValue { disclosure, digest_index, digest, path });
    }
    let closed = is_open.iter().enumerate().filter(|(_, is_open)| !**is_open);
    Ok(Matches { opened, withheld: closed.map(|(index, _)| index).collect() })
}

/// A copy of `event` for display in which the values that `encoded` discloses stand in their
/// places. What none of them opens stays sealed.
pub fn open_event<S: AsRef<str>>(event: &[u8], encoded: &[S]) -> Result<Vec<u8>, DisclosureError> {
    let digests = scan(event).map_err(DisclosureError::Event)?.digests;
    open_matches(event, &digests, &match_disclosures(&digests, encoded)?)
}

/// The same with the event's digests and what opens them, as [`match_disclosures`] has found it.
pub fn open_matches(
    event: &[u8],
    digests: &[SealedDigest<'_>],
    matches: &Matches,
) -> Result<Vec<u8>, DisclosureError> {
    let mut values: Vec<Option<&Disclosure>> = vec![None; digests.len()];
    for opened in &matches.opened {
        if let Some(value) = values.get_mut(opened.digest_index) {
            *value = Some(&opened.disclosure);
        }
    }
    let mut out = Vec::with_capacity(event.len());
    let mut copied = 0;
    let mut rest = digests.iter().zip(values).peekable();
    while let Some((first, _)) = rest.peek() {
        let (span, place) = (first.span.clone(), first.place);
        // Digests of one `_sd` follow each other and share its span.
        let group: Vec<_> =
            std::iter::from_fn(|| rest.next_if(|(sealed, _)| sealed.span == span)).collect();
        out.extend_from_slice(event.get(copied..span.start).unwrap_or_default());
        match place {
            Place::Member => write_members(&mut out, &group),
            Place::Element => write_element(&mut out, &group, event.get(span.clone())),
        }
        copied = span.end;
    }
    out.extend_from_slice(event.get(copied..).unwrap_or_default());
    scan(&out).map_err(DisclosureError::Opened)?;
    Ok(out)
}

impl Disclosure {
    /// Reads a disclosure's encoded form: base64url of a JSON array.
    pub fn parse(encoded: &str) -> Result<Self, DisclosureError> {
        check_size(encoded)?;
        let json = read_base64url(encoded).ok_or(DisclosureError::Base64)?;
        let scan = scan_array(&json).map_err(DisclosureError::Json)?;
        if !scan.digests.is_empty() {
            return Err(DisclosureError::Nested);
        }
        let parts: Vec<&[u8]> = elements(&json).take(4).collect();
        let (salt, name, value) = match *parts.as_slice() {
            [salt, name, value] => (salt, Some(name), value),
            [salt, value] => (salt, None, value),
            _ => return Err(DisclosureError::Form),
        };
        let text = |raw| string_value(raw).ok_or(DisclosureError::Form);
        let disclosure = Self {
            salt: text(salt)?.into_owned(),
            name: name.map(text).transpose()?.map(std::borrow::Cow::into_owned),
            value_json: value.to_vec(),
        };
        check_salt_and_name(&disclosure.salt, disclosure.name.as_deref())?;
        Ok(disclosure)
    }

    /// Makes a disclosure and checks it as [`Disclosure::parse`] would. `value_json` is the JSON
    /// text of the value; white space around it is dropped.
    pub fn new(salt: &str, name: Option<&str>, value_json: &[u8]) -> Result<Self, DisclosureError> {
        Self::make(salt, name, value_json).map(|(disclosure, _)| disclosure)
    }

    /// The same with its encoded form, which costs as much as reading it.
    fn make(
        salt: &str,
        name: Option<&str>,
        value_json: &[u8],
    ) -> Result<(Self, String), DisclosureError> {
        let made = Self {
            salt: salt.to_owned(),
            name: name.map(str::to_owned),
            value_json: value_json.to_vec(),
        };
        // A value such as `1, 2` would change the number of elements: read back what was written.
        let encoded = made.encode();
        let read = Self::parse(&encoded)?;
        let is_same = read.salt == made.salt && read.name == made.name;
        if is_same { Ok((read, encoded)) } else { Err(DisclosureError::Form) }
    }

    /// The encoded form that this crate writes, with a space behind each comma as in RFC 9901.
    ///
    /// Another writer's white space may differ, so the form of a disclosure that was read is the
    /// text that it was read from.
    pub fn encode(&self) -> String {
        encode(&self.salt, self.name.as_deref(), &self.value_json)
    }
}

/// The encoded form of the disclosure of a value that stands in a checked event.
///
/// It is one value there, so a string, a number or a literal has not to be read back to know that
/// it is one here.
pub(crate) fn disclose(
    salt: &str,
    name: Option<&str>,
    value_json: &[u8],
) -> Result<String, DisclosureError> {
    if let Some(b'{' | b'[') = value_json.first() {
        return Disclosure::make(salt, name, value_json).map(|(_, encoded)| encoded);
    }
    check_salt_and_name(salt, name)?;
    let encoded = encode(salt, name, value_json);
    check_size(&encoded)?;
    Ok(encoded)
}

fn encode(salt: &str, name: Option<&str>, value_json: &[u8]) -> String {
    const AROUND_BYTES: usize = b"[\"\", \"\", ]".len();
    let name_bytes = name.map_or(0, str::len);
    let mut json = Vec::with_capacity(AROUND_BYTES + salt.len() + name_bytes + value_json.len());
    json.push(b'[');
    write_json_string(&mut json, salt);
    if let Some(name) = name {
        json.extend_from_slice(b", ");
        write_json_string(&mut json, name);
    }
    json.extend_from_slice(b", ");
    json.extend_from_slice(value_json);
    json.push(b']');
    base64url(&json)
}

fn check_size(encoded: &str) -> Result<(), DisclosureError> {
    match encoded.len() {
        length_bytes if length_bytes > DISCLOSURE_BYTES_MAX => {
            Err(DisclosureError::TooLarge { length_bytes })
        }
        _ => Ok(()),
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn check_salt_and_name(salt: &str, name: Option<&str>) -> Result<(), DisclosureError> {
    if salt.len() < SALT_CHARS_MIN || !salt.bytes().all(is_base64url) {
        return Err(DisclosureError::Salt);
    }
    match name {
        Some(name) if NAMES_RESERVED.contains(&name) => {
            Err(DisclosureError::Name { name: name.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Where the value of `disclosure` belongs, whose digest is `sealed`.
fn path_of(
    sealed: &SealedDigest<'_>,
    disclosure: &Disclosure,
    number: usize,
) -> Result<String, DisclosureError> {
    let mut path = sealed.path.clone();
    match (sealed.place, &disclosure.name) {
        (Place::Member, Some(name)) => push_token(&mut path, name),
        (Place::Element, None) => {}
        (Place::Member, None) => return Err(DisclosureError::Place { number, elements: 3 }),
        (Place::Element, Some(_)) => return Err(DisclosureError::Place { number, elements: 2 }),
    }
    Ok(path)
}

type DigestAndValue<'a, 'b> = (&'a SealedDigest<'a>, Option<&'b Disclosure>);

/// Writes what takes the place of a member `_sd`: what stays sealed, then the opened members.
/// There is at least one of both, so the commas around it stay right.
fn write_members(out: &mut Vec<u8>, group: &[DigestAndValue<'_, '_>]) {
    let mut has_written = false;
    for (sealed, _) in group.iter().filter(|(_, value)| value.is_none()) {
        out.extend_from_slice(if has_written { b"," } else { b"\"_sd\":[" });
        write_json_string(out, sealed.digest);
        has_written = true;
    }
    if has_written {
        out.push(b']');
    }
    for disclosure in group.iter().filter_map(|(_, value)| *value) {
        if has_written {
            out.push(b',');
        }
        write_json_string(out, disclosure.name.as_deref().unwrap_or_default());
        out.push(b':');
        out.extend_from_slice(&disclosure.value_json);
        has_written = true;
    }
}

/// Writes what takes the place of an element: its value, or the digest as it stood.
fn write_element(out: &mut Vec<u8>, group: &[DigestAndValue<'_, '_>], sealed: Option<&[u8]>) {
    let value = group.iter().find_map(|(_, value)| *value);
    let value = value.map(|disclosure| disclosure.value_json.as_slice());
    out.extend_from_slice(value.or(sealed).unwrap_or_default());
}

#[cfg(test)]
mod tests;
