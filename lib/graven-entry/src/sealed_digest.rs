//! Where a sealed value's digest stands in an event.

use std::ops::Range;

/// The digest of a sealed value, where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedDigest<'a> {
    /// 43 characters of base64url: SHA-256 over the encoded disclosure.
    pub digest: &'a str,
    /// Whether it stands for a member of an object or for an element of an array.
    pub place: Place,
    /// RFC 6901 pointer: of the object whose `_sd` holds the digest, or of the array element
    /// `{"...":d}`.
    pub path: String,
    /// The bytes that opening replaces: the whole member `"_sd":[…]`, or the whole element.
    pub span: Range<usize>,
}

/// What a digest stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A member of the object whose `_sd` holds the digest; the name goes with the value.
    Member,
    /// An element of an array.
    Element,
}
