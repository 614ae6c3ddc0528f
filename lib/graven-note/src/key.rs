//! What names a key: its name, its id and its algorithm (C2SP `signed-note`, "Signatures").

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::base64::Base64Error;
use crate::limits::KEY_NAME_BYTES_MAX;

/// A key's name: 1 to 255 bytes without white space, `+` and control characters.
///
/// For a log's own key it is the log's origin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// A key's short id: the first four bytes of `SHA-256(name ‖ LF ‖ type ‖ public key)`.
///
/// It is an identifier, not a fingerprint: anyone can make a key with a given id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 4]);

/// The signature types that Graven makes and checks. The numbers are C2SP's and are persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Algorithm {
    /// Ed25519 over the note's text, without a timestamp (C2SP `signed-note`).
    Ed25519 = 0x01,
    /// Ed25519 cosignature of a checkpoint, with a timestamp (C2SP `tlog-cosignature`).
    Ed25519Cosignature = 0x04,
    /// ML-DSA-44 cosignature of a checkpoint or a subtree, with a timestamp (C2SP
    /// `tlog-cosignature`). A log also signs its own checkpoints with it.
    MlDsa44 = 0x06,
}

/// Why a key, or a key's name, is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The name is empty.
    #[error("key name is empty, give it at least one character")]
    NameEmpty,
    /// The name is longer than [`KEY_NAME_BYTES_MAX`].
    #[error("key name has {size_bytes} bytes, at most {KEY_NAME_BYTES_MAX} are allowed")]
    NameTooLong {
        /// The refused name's length.
        size_bytes: usize,
    },
    /// The name has a space of any kind, a `+` or a control character.
    #[error("key name has {character:?}, white space, '+' and control characters are not allowed")]
    NameCharacter {
        /// The first character that is not allowed.
        character: char,
    },
    /// A verifier key without its three parts.
    #[error("verifier key is not of the form <name>+<8 hex digits>+<base64>")]
    VerifierKeyForm,
    /// A signing key without its prefix and its three parts.
    #[error("signing key is not of the form PRIVATE+KEY+<name>+<8 hex digits>+<base64>")]
    SigningKeyForm,
    /// The key id is not eight lowercase hexadecimal digits.
    #[error("key id is not 8 lowercase hexadecimal digits")]
    IdForm,
    /// The key material is not canonical base64.
    #[error("key material is not canonical base64")]
    Base64(#[from] Base64Error),
    /// The key material is empty, so not even a type stands in it.
    #[error("key material is empty, it starts with a byte for the signature type")]
    NoType,
    /// A signature type that this crate does not know.
    #[error("key has signature type {type_byte:#04x}, known are 0x01, 0x04 and 0x06")]
    UnknownType {
        /// The unknown type.
        type_byte: u8,
    },
    /// A public key of the wrong length.
    #[error(
        "{algorithm} public key has {size_bytes} bytes, it needs {}",
        algorithm.public_key_bytes()
    )]
    PublicKeyLength {
        /// The key's type.
        algorithm: Algorithm,
        /// The refused length.
        size_bytes: usize,
    },
    /// A seed of the wrong length.
    #[error("signing key's seed has {size_bytes} bytes, it needs 32")]
    SeedLength {
        /// The refused length.
        size_bytes: usize,
    },
    /// Public key bytes that are no canonical point of the curve.
    #[error("Ed25519 public key is not a canonical point of the curve")]
    NotAPoint,
    /// A public key under which one signature can fit many messages.
    #[error("Ed25519 public key is weak: its point is of small order")]
    Weak,
    /// The stated key id is not that of the key.
    #[error("key id is stated as {stated}, but name, type and key give {computed}")]
    WrongId {
        /// The id in the text.
        stated: KeyId,
        /// The id of the key.
        computed: KeyId,
    },
}

impl KeyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<KeyName, KeyError> {
        if name.is_empty() {
            return Err(KeyError::NameEmpty);
        }
        if name.len() > KEY_NAME_BYTES_MAX {
            return Err(KeyError::NameTooLong { size_bytes: name.len() });
        }
        match name.chars().find(|&c| c.is_whitespace() || c == '+' || c < ' ') {
            Some(character) => Err(KeyError::NameCharacter { character }),
            None => Ok(KeyName(name.to_owned())),
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for KeyName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl KeyId {
    /// The id of the key with this name, type and public key.
    pub fn of(name: &KeyName, algorithm: Algorithm, public_key: &[u8]) -> KeyId {
        let mut hasher = Sha256::new_with_prefix(name.as_str());
        hasher.update([b'\n', algorithm.type_byte()]);
        hasher.update(public_key);
        let [a, b, c, d, ..] = <[u8; 32]>::from(hasher.finalize());
        KeyId([a, b, c, d])
    }
}

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<KeyId, KeyError> {
        // The digits are checked first: from_str_radix would take a sign and uppercase.
        let is_hex =
            text.len() == 8 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_hex {
            return Err(KeyError::IdForm);
        }
        let id = u32::from_str_radix(text, 16).map_err(|_| KeyError::IdForm)?;
        Ok(KeyId(id.to_be_bytes()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl Algorithm {
    /// The signature type byte of C2SP `signed-note`.
    pub const fn type_byte(self) -> u8 {
        self as u8
    }

    /// The algorithm with this signature type byte; `None` where it is unknown.
    pub const fn from_type_byte(type_byte: u8) -> Option<Algorithm> {
        match type_byte {
            0x01 => Some(Algorithm::Ed25519),
            0x04 => Some(Algorithm::Ed25519Cosignature),
            0x06 => Some(Algorithm::MlDsa44),
            _ => None,
        }
    }

    /// The length of a public key, in bytes.
    pub const fn public_key_bytes(self) -> usize {
        match self {
            Algorithm::Ed25519 | Algorithm::Ed25519Cosignature => 32,
            Algorithm::MlDsa44 => 1312,
        }
    }

    /// The length of a note signature without its key id, in bytes: with the 8 bytes of the
    /// timestamp where there is one.
    pub const fn signature_bytes(self) -> usize {
        match self {
            Algorithm::Ed25519 => 64,
            Algorithm::Ed25519Cosignature => 8 + 64,
            Algorithm::MlDsa44 => 8 + 2420,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Algorithm::Ed25519 => "Ed25519",
            Algorithm::Ed25519Cosignature => "Ed25519 cosignature",
            Algorithm::MlDsa44 => "ML-DSA-44",
        })
    }
}
