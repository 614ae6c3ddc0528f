//! The SHA-256 hash of a tree's node, its one text form, and the three ways to make one.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The prefix of a hashed leaf (RFC 9162 §2.1.1).
const LEAF_PREFIX: [u8; 1] = [0x00];
/// The prefix of a hashed inner node (RFC 9162 §2.1.1).
const NODE_PREFIX: [u8; 1] = [0x01];
/// 32 bytes in padded base64.
const TEXT_LEN: usize = 44;

/// A SHA-256 hash: of a leaf, of an inner node or of a whole tree.
///
/// Its text form is canonical padded standard base64 (RFC 4648 §4), 44 characters; any other text
/// is refused, so that one hash has one spelling.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// The root of the empty tree: SHA-256 of nothing (RFC 9162 §2.1.1).
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// A text that is not the base64 of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseHashError {
    /// The text does not have 44 characters.
    #[error("hash has {len_bytes} bytes of text, a base64 SHA-256 hash has 44")]
    Length {
        /// The length of the refused text, in bytes.
        len_bytes: usize,
    },
    /// The text is not canonical padded standard base64.
    #[error("hash is not canonical padded standard base64")]
    NotCanonical,
}

impl Hash {
    /// The hash with these bytes.
    pub const fn new(bytes: [u8; 32]) -> Hash {
        Hash(bytes)
    }

    /// The text form, in ASCII.
    pub fn to_text(&self) -> [u8; TEXT_LEN] {
        let mut text = [0; TEXT_LEN];
        STANDARD.encode_slice(self.0, &mut text).expect("32 bytes are 44 characters");
        text
    }

    /// Reads the text form from bytes that nobody has looked at yet, not even for being text.
    pub fn from_text(text: &[u8]) -> Result<Hash, ParseHashError> {
        if text.len() != TEXT_LEN {
            return Err(ParseHashError::Length { len_bytes: text.len() });
        }
        // The engine refuses missing padding and set trailing bits; the length above refuses the
        // rest. Its slice API wants room for the three bytes of the last group, padding included.
        let mut bytes = [0; 33];
        let len =
            STANDARD.decode_slice(text, &mut bytes).map_err(|_| ParseHashError::NotCanonical)?;
        match bytes.first_chunk::<32>() {
            Some(hash) if len == 32 => Ok(Hash(*hash)),
            _ => Err(ParseHashError::NotCanonical),
        }
    }

    /// The hash's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Hash {
        Hash(bytes)
    }
}

impl From<Hash> for [u8; 32] {
    fn from(hash: Hash) -> [u8; 32] {
        hash.0
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.to_text()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Hash, ParseHashError> {
        Hash::from_text(text.as_bytes())
    }
}

/// The leaf hash of an entry: `SHA-256(0x00 ‖ entry)`.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    leaf_hash_parts(&[entry])
}

/// The leaf hash of the concatenation of `parts`, without making it.
pub fn leaf_hash_parts(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new_with_prefix(LEAF_PREFIX);
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finalize().into())
}

/// The hash of an inner node: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new_with_prefix(NODE_PREFIX);
    hasher.update(left.0);
    hasher.update(right.0);
    Hash(hasher.finalize().into())
}
