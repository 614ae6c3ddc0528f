//! Pseudonyms: what stands in the place of a personal id, searchable while its subject's key lives.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;

use crate::SubjectKeys;

/// What a pseudonym begins with.
const PREFIX: &str = "p_";
/// Characters of base64url behind it: 132 bits.
const CHARS: usize = 22;

impl SubjectKeys {
    /// The pseudonym of an id: `p_` and 22 characters of base64url(HMAC-SHA-256(the subject's pseudonym key, id)).
    pub fn pseudonym(&self, id: &str) -> String {
        let mut mac = self.pseudonym.clone();
        mac.update(id.as_bytes());
        let mut text = PREFIX.to_owned();
        text.push_str(&URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())[..CHARS]);
        text
    }
}

/// Whether a text has the form of a pseudonym, so that a producer's own is not made one of again.
pub fn is_pseudonym(text: &str) -> bool {
    let is_base64url = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    text.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.len() == CHARS && rest.bytes().all(is_base64url))
}

#[cfg(test)]
mod tests;
