//! The digest that commits an event to a sealed value.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::scan::DIGEST_CHARS;

/// SHA-256 over a disclosure's encoded text, and how it is written in an event: 43 characters of base64url (RFC 9901
/// §4.2.3). Digests go by what is written, as they do in `_sd`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisclosureDigest {
    text: [u8; DIGEST_CHARS],
    hash: [u8; 32],
}

impl DisclosureDigest {
    /// The digest of a disclosure in its encoded form.
    pub fn of(encoded: &str) -> Self {
        let hash = Sha256::digest(encoded).into();
        let mut text = [0; DIGEST_CHARS];
        URL_SAFE_NO_PAD.encode_slice(hash, &mut text).expect("32 bytes fill 43 characters");
        Self { text, hash }
    }

    /// As it stands in an event.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).expect("base64url is ASCII")
    }

    /// What was hashed to.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

impl fmt::Display for DisclosureDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for DisclosureDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
