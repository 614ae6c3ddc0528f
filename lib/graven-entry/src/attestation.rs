//! Attestations: a producer's signed note over its stream's length and chain head.
//!
//! ```text
//! graven/stream/v1
//! <origin>
//! <stream>
//! <length, decimal>
//! <chain head, base64>
//!
//! — <stream> <base64 of key id and Ed25519 signature>
//! ```
//!
//! The first line is fixed and the second is an origin, never a number, so no attestation can pass
//! for a checkpoint; and the origin keeps it from being replayed into another log.

use graven_merkle::Hash;
use graven_note::{Algorithm, KeyId, Note, NoteError, SignatureLine, SigningKey, VerifierKey};

use crate::encode::read_decimal;
use crate::limits::{ATTESTATION_BYTES_MAX, INTEGER_MAX};
use crate::name::{Name, NameError, STREAM_LINE};

/// Bytes of an Ed25519 signature.
const SIGNATURE_BYTES: usize = 64;

/// A producer's signature over everything in its stream so far, read but not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// The log that the stream goes into.
    pub origin: Name,
    /// The stream, and the name of the key.
    pub stream: Name,
    /// How many events the stream has up to here: the last one's `seq` plus one.
    pub length: u64,
    /// The chain's head after them.
    pub head: Hash,
    /// The id of the key that signed.
    pub key_id: KeyId,
    /// The Ed25519 signature over the five lines.
    pub signature: [u8; SIGNATURE_BYTES],
}

/// What an attestation must say to be believed.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The log's origin.
    pub origin: &'a Name,
    /// The stream.
    pub stream: &'a Name,
    /// Events in the stream.
    pub length: u64,
    /// The chain's head after them.
    pub head: &'a Hash,
}

/// Why an attestation is refused or can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttestationError {
    /// More bytes than an entry has room for.
    #[error("the attestation has {length_bytes} bytes; at most {ATTESTATION_BYTES_MAX} fit")]
    TooLarge {
        /// Its length.
        length_bytes: usize,
    },
    /// The first line is not `graven/stream/v1`.
    #[error("the attestation's first line is not graven/stream/v1")]
    FirstLine,
    /// Not a signed note.
    #[error("the attestation is not a signed note")]
    Note(#[source] NoteError),
    /// Not five lines of text.
    #[error("the attestation's text is not exactly five lines")]
    Lines,
    /// The origin or the stream is no name.
    #[error("the attestation's {field} is not valid")]
    Name {
        /// `origin` or `stream`.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: NameError,
    },
    /// The length is not a canonical decimal from 1 to 2⁵³.
    #[error("the attestation's length is not a decimal from 1 to 2^53 without leading zeros")]
    Length,
    /// The head is not a hash.
    #[error("the attestation's head is not 32 bytes in canonical padded base64")]
    Head,
    /// None or several signatures.
    #[error("the attestation has {count} signatures; it needs exactly one")]
    Signatures {
        /// How many.
        count: usize,
    },
    /// The key is not named like the stream.
    #[error("the attestation is signed by key {key}; the key must be named like the stream")]
    KeyName {
        /// The key's name.
        key: String,
    },
    /// The signature is not of type Ed25519 (0x01).
    #[error("the attestation's signature is not Ed25519 of type 0x01")]
    Algorithm,
    /// It says something else than it should.
    #[error("the attestation's {field} is {found}, but {expected} was expected")]
    Mismatch {
        /// `origin`, `stream`, `length` or `head`.
        field: &'static str,
        /// What it says.
        found: String,
        /// What it should say.
        expected: String,
    },
    /// None of the keys at hand has the name and id in the signature line.
    #[error("no key of stream {stream} with id {id} is known; register it before it signs")]
    UnknownKey {
        /// The stream.
        stream: Name,
        /// The id in the signature line.
        id: KeyId,
    },
    /// The signature does not fit the text.
    #[error("the attestation's signature does not verify")]
    Signature(#[source] NoteError),
    /// The key refused to sign.
    #[error("the attestation can't be signed")]
    Signing(#[source] NoteError),
}

impl Attestation {
    /// Reads an attestation in exactly the form above. Nothing is verified yet.
    pub fn parse(bytes: &[u8]) -> Result<Self, AttestationError> {
        if bytes.len() > ATTESTATION_BYTES_MAX {
            return Err(AttestationError::TooLarge { length_bytes: bytes.len() });
        }
        let first_line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if first_line != STREAM_LINE.as_bytes() {
            return Err(AttestationError::FirstLine);
        }
        let note = Note::parse(bytes).map_err(AttestationError::Note)?;
        let mut lines = note.text().split_terminator('\n').skip(1);
        let (Some(origin), Some(stream), Some(length), Some(head), None) =
            (lines.next(), lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(AttestationError::Lines);
        };
        let invalid = |field| move |source| AttestationError::Name { field, source };
        let origin = Name::origin(origin).map_err(invalid("origin"))?;
        let stream = Name::new(stream).map_err(invalid("stream"))?;
        let length = read_decimal(length.as_bytes()).filter(|n| (1..=INTEGER_MAX + 1).contains(n));
        let length = length.ok_or(AttestationError::Length)?;
        let head = head.parse().map_err(|_| AttestationError::Head)?;
        let (key_id, signature) = only_signature(&note, &stream)?;
        Ok(Self { origin, stream, length, head, key_id, signature })
    }

    /// The five lines that are signed.
    pub fn text(claim: &Claim<'_>) -> String {
        let Claim { origin, stream, length, head } = claim;
        format!("{STREAM_LINE}\n{origin}\n{stream}\n{length}\n{head}\n")
    }

    /// Makes the attestation of `claim`, as the whole signed note.
    ///
    /// The key must be of type Ed25519 and named like the stream.
    pub fn sign(key: &SigningKey, claim: &Claim<'_>) -> Result<Vec<u8>, AttestationError> {
        let verifier = key.verifier();
        if verifier.algorithm() != Algorithm::Ed25519 {
            return Err(AttestationError::Algorithm);
        }
        if verifier.name().as_str() != claim.stream.as_str() {
            return Err(AttestationError::KeyName { key: verifier.name().to_string() });
        }
        let text = Self::text(claim);
        let signature = key.sign_note(&text).map_err(AttestationError::Signing)?;
        Ok(format!("{text}\n{signature}").into_bytes())
    }

    /// Reads an attestation, checks that it says what `claim` says, and verifies its signature
    /// under the one of `keys` that it names.
    pub fn verify(
        bytes: &[u8],
        claim: &Claim<'_>,
        keys: &[VerifierKey],
    ) -> Result<Self, AttestationError> {
        let attestation = Self::parse(bytes)?;
        attestation.check(claim)?;
        attestation.verify_signature(keys)?;
        Ok(attestation)
    }

    /// Checks that this attestation says what `claim` says, without a look at the signature.
    pub fn check(&self, claim: &Claim<'_>) -> Result<(), AttestationError> {
        expect("origin", &self.origin, claim.origin)?;
        expect("stream", &self.stream, claim.stream)?;
        expect("length", &self.length, &claim.length)?;
        expect("head", &self.head, claim.head)
    }

    /// Verifies the signature under the one of `keys` whose name is the stream's and whose id
    /// stands in the signature line.
    pub fn verify_signature(&self, keys: &[VerifierKey]) -> Result<(), AttestationError> {
        let key = keys.iter().find(|key| {
            key.algorithm() == Algorithm::Ed25519
                && key.name().as_str() == self.stream.as_str()
                && key.id() == self.key_id
        });
        let Some(key) = key else {
            let stream = self.stream.clone();
            return Err(AttestationError::UnknownKey { stream, id: self.key_id });
        };
        let claim = Claim {
            origin: &self.origin,
            stream: &self.stream,
            length: self.length,
            head: &self.head,
        };
        let line = SignatureLine {
            name: key.name().clone(),
            id: self.key_id,
            signature: self.signature.to_vec(),
        };
        key.verify_note(&Self::text(&claim), &line).map_err(AttestationError::Signature)?;
        Ok(())
    }
}

fn only_signature(
    note: &Note,
    stream: &Name,
) -> Result<(KeyId, [u8; SIGNATURE_BYTES]), AttestationError> {
    let [line] = note.signatures() else {
        return Err(AttestationError::Signatures { count: note.signatures().len() });
    };
    if line.name.as_str() != stream.as_str() {
        return Err(AttestationError::KeyName { key: line.name.to_string() });
    }
    let signature = line.signature.as_slice().try_into();
    Ok((line.id, signature.map_err(|_| AttestationError::Algorithm)?))
}

fn expect<T: PartialEq + ToString>(
    field: &'static str,
    found: &T,
    expected: &T,
) -> Result<(), AttestationError> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (found.to_string(), expected.to_string());
    Err(AttestationError::Mismatch { field, found, expected })
}

#[cfg(test)]
mod tests;
