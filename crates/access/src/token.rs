//! API tokens: 256 random bits, of which only a keyed hash is kept.
//!
//! `graven_<16 hex digits: id>_<64 hex digits: secret>`. The id finds the credential without a search that could be timed;
//! the whole token is hashed with HMAC-SHA-256 and compared in constant time.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use env::Random;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::principal::PrincipalId;

const PREFIX: &str = "graven_";
/// Keeps these hashes apart from whatever else the key may ever be used for.
const LABEL: &[u8] = b"graven/token/v1\n";
/// The same, for view links.
const VIEW_LABEL: &[u8] = b"graven/view/v1\n";
/// The same, for ids of an issuer's subjects.
const SUBJECT_LABEL: &[u8] = b"graven/subject/v1\n";
/// The same, for secrets of webhooks.
const WEBHOOK_LABEL: &[u8] = b"graven/webhook/v1\n";
/// Bytes of the keyed hash in such an id: none is met twice, nor by trying.
const SUBJECT_BYTES: usize = 20;

/// The public part of a token, 16 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenId(String);

/// A keyed hash of a whole token.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

/// A new token. Its text is shown once and kept nowhere.
pub struct Token {
    /// Its public part.
    pub id: TokenId,
    /// All of it.
    pub text: Zeroizing<String>,
}

/// The key under which tokens are hashed.
pub struct TokenKey(Hmac<Sha256>);

impl TokenKey {
    /// Prepares the key schedule.
    pub fn new(key: &[u8; 32]) -> TokenKey {
        TokenKey(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"))
    }

    /// The hash of a token's text.
    pub fn hash(&self, token: &[u8]) -> TokenHash {
        let mut mac = self.0.clone();
        mac.update(LABEL);
        mac.update(token);
        TokenHash(mac.finalize().into_bytes().into())
    }

    /// The hash by which a view link is this server's.
    pub(crate) fn hash_view(&self, claims: &[u8]) -> TokenHash {
        let mut mac = self.0.clone();
        mac.update(VIEW_LABEL);
        mac.update(claims);
        TokenHash(mac.finalize().into_bytes().into())
    }

    /// The id of whom an issuer knows as `subject`: `oidc-` and 32 characters of base32, the same each time under this key, and
    /// telling nothing of the subject to anyone without it.
    pub fn subject_id(&self, issuer: &str, subject: &str) -> PrincipalId {
        let mut mac = self.0.clone();
        for part in [SUBJECT_LABEL, issuer.as_bytes(), b"\n", subject.as_bytes()] {
            mac.update(part);
        }
        let hash: [u8; 32] = mac.finalize().into_bytes().into();
        let id = format!("oidc-{}", base32(&hash[..SUBJECT_BYTES]));
        PrincipalId::parse(&id).expect("37 lower-case letters, digits and a hyphen are an id")
    }

    /// The secret that signs the webhooks of a saved query with this salt.
    pub fn webhook_secret(&self, salt: &str) -> Zeroizing<[u8; 32]> {
        let mut mac = self.0.clone();
        mac.update(WEBHOOK_LABEL);
        mac.update(salt.as_bytes());
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

impl Token {
    /// Draws a token.
    pub fn draw(random: &dyn Random) -> Token {
        let mut bytes = Zeroizing::new([0; 40]);
        random.fill(bytes.as_mut());
        let mut hex = Zeroizing::new(String::with_capacity(80));
        for byte in bytes.iter() {
            hex.push(digit(byte >> 4));
            hex.push(digit(byte & 15));
        }
        let (id, secret) = hex.split_at(16);
        let text = Zeroizing::new(format!("{PREFIX}{id}_{secret}"));
        Token { id: TokenId(id.to_owned()), text }
    }
}

impl TokenId {
    /// The id within a token's text, whatever its secret; `None` where the text is no token.
    pub fn of(token: &[u8]) -> Option<TokenId> {
        let rest = std::str::from_utf8(token).ok()?.strip_prefix(PREFIX)?;
        let (id, secret) = rest.split_once('_')?;
        (secret.len() == 64).then(|| TokenId::parse(id)).flatten()
    }

    /// Checks `text` as an id.
    pub fn parse(text: &str) -> Option<TokenId> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        (text.len() == 16 && text.bytes().all(is_hex)).then(|| TokenId(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TokenHash {
    /// Whether both are equal, in a time that does not tell how much of them is.
    pub fn matches(&self, other: &TokenHash) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    pub(crate) fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> TokenHash {
        TokenHash(bytes)
    }

    /// The hash as an entry holds it, padded standard base64.
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads [`TokenHash::to_base64`].
    pub fn from_base64(text: &str) -> Option<TokenHash> {
        STANDARD.decode(text).ok()?.try_into().ok().map(TokenHash)
    }
}

/// Shows nothing: a hash in a log line helps only those who should not have it.
impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

/// Base32 (RFC 4648 section 6) in lower case, of a multiple of five bytes.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: [char; 32] = [
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r',
        's', 't', 'u', 'v', 'w', 'x', 'y', 'z', '2', '3', '4', '5', '6', '7',
    ];
    let groups =
        bytes.chunks(5).map(|five| five.iter().fold(0u64, |all, byte| all << 8 | u64::from(*byte)));
    let digits =
        groups.flat_map(|group| (0..8).rev().map(move |place| (group >> (5 * place)) & 31));
    digits.map(|digit| ALPHABET[digit as usize]).collect()
}

fn digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

#[cfg(test)]
mod tests;
