//! The verifier key (C2SP `signed-note`, "Verifier keys"): a public key with its name.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use graven_merkle::{Hash, LeafIndex, TreeSize, is_valid_subtree};
use ml_dsa::{EncodedVerifyingKey, MlDsa44};

use crate::base64;
use crate::checkpoint::Checkpoint;
use crate::key::{Algorithm, KeyError, KeyId, KeyName};
use crate::limits::TIMESTAMP_S_MAX;
use crate::message::{SubtreeMessage, cosignature_v1};
use crate::note_error::NoteError;
use crate::signature::SignatureLine;

/// A public key with its name and algorithm: what a verifier trusts.
///
/// Its text form, the vkey, is `<name>+<8 hex digits of id>+<base64 of type and key>`.
#[derive(Clone)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    algorithm: Algorithm,
    bytes: Vec<u8>,
    decoded: DecodedKey,
}

/// The key made ready for verification, once. Any bytes of the right length are an ML-DSA-44 key, and expanding one takes
/// longer than most of what a key is parsed for: it is done at the first verification, and shared, as it is large then.
#[derive(Clone)]
enum DecodedKey {
    Ed25519(ed25519_dalek::VerifyingKey),
    MlDsa44(Arc<OnceLock<ml_dsa::VerifyingKey<MlDsa44>>>),
}

impl VerifierKey {
    /// The key of these parts. Keys that are malformed or weak are refused.
    pub fn new(
        name: KeyName,
        algorithm: Algorithm,
        public_key: &[u8],
    ) -> Result<VerifierKey, KeyError> {
        let decoded = decode(algorithm, public_key)?;
        let id = KeyId::of(&name, algorithm, public_key);
        Ok(VerifierKey { name, id, algorithm, bytes: public_key.to_vec(), decoded })
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The algorithm of the signatures that the key checks.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key as its algorithm encodes it: 32 bytes for Ed25519, 1,312 for ML-DSA-44.
    pub fn public_key(&self) -> &[u8] {
        &self.bytes
    }

    /// Checks one signature line over a note's text; the answer is its timestamp in POSIX seconds,
    /// where its algorithm has one.
    ///
    /// Ed25519 is verified strictly: one text has one acceptable signature. A cosignature is
    /// refused over a text that is no checkpoint, an ML-DSA-44 one also over extension lines.
    pub fn verify_note(
        &self,
        text: &str,
        signature: &SignatureLine,
    ) -> Result<Option<u64>, NoteError> {
        self.check_line(signature)?;
        match self.algorithm {
            Algorithm::Ed25519 => {
                self.check(text.as_bytes(), &signature.signature)?;
                Ok(None)
            }
            Algorithm::Ed25519Cosignature => {
                let (timestamp_s, bytes) = self.split_timestamp(signature)?;
                Checkpoint::parse(text).map_err(NoteError::NotACheckpoint)?;
                self.check(&cosignature_v1(timestamp_s, text), bytes)?;
                Ok(Some(timestamp_s))
            }
            Algorithm::MlDsa44 => {
                let (timestamp_s, bytes) = self.split_timestamp(signature)?;
                let message = checkpoint_message(&self.name, timestamp_s, text)?;
                self.check(&message, bytes)?;
                Ok(Some(timestamp_s))
            }
        }
    }

    /// Checks an ML-DSA-44 cosignature of the subtree `[start, end)` of the log `origin`; the
    /// answer is its timestamp in POSIX seconds, 0 unless `start` is 0.
    pub fn verify_subtree(
        &self,
        origin: &str,
        start: LeafIndex,
        end: LeafIndex,
        hash: &Hash,
        signature: &SignatureLine,
    ) -> Result<u64, NoteError> {
        self.check_line(signature)?;
        if self.algorithm != Algorithm::MlDsa44 {
            return Err(self.cannot("cosign a subtree"));
        }
        let (timestamp_s, bytes) = self.split_timestamp(signature)?;
        let message = subtree_message(&SubtreeMessage {
            cosigner: &self.name,
            timestamp_s,
            origin,
            start,
            end,
            hash,
        })?;
        self.check(&message, bytes)?;
        Ok(timestamp_s)
    }

    /// The error for a task that the key's algorithm can't do.
    pub(crate) fn cannot(&self, purpose: &'static str) -> NoteError {
        NoteError::WrongAlgorithm { name: self.name.clone(), algorithm: self.algorithm, purpose }
    }

    /// Refuses a line that is not this key's, or not as long as its signatures are.
    fn check_line(&self, line: &SignatureLine) -> Result<(), NoteError> {
        if !line.is_by(&self.name, self.id) {
            return Err(NoteError::OtherKey { name: line.name.clone(), id: line.id });
        }
        let size_bytes = line.signature.len();
        if size_bytes != self.algorithm.signature_bytes() {
            return Err(NoteError::SignatureLength { algorithm: self.algorithm, size_bytes });
        }
        Ok(())
    }

    /// The timestamp of a cosignature, and the signature after it.
    fn split_timestamp<'a>(&self, line: &'a SignatureLine) -> Result<(u64, &'a [u8]), NoteError> {
        let (timestamp_s, bytes) = line.signature.split_first_chunk().ok_or({
            NoteError::SignatureLength {
                algorithm: self.algorithm,
                size_bytes: line.signature.len(),
            }
        })?;
        let timestamp_s = u64::from_be_bytes(*timestamp_s);
        check_timestamp(timestamp_s)?;
        Ok((timestamp_s, bytes))
    }

    /// Refuses any `signature` but this key's over `message`.
    fn check(&self, message: &[u8], signature: &[u8]) -> Result<(), NoteError> {
        let is_good = match &self.decoded {
            DecodedKey::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            DecodedKey::MlDsa44(key) => {
                ml_dsa::Signature::try_from(signature).is_ok_and(|signature| {
                    let key = key.get_or_init(|| expand(&self.bytes));
                    key.verify_with_context(message, &[], &signature)
                })
            }
        };
        let bad = || NoteError::BadSignature { name: self.name.clone(), id: self.id };
        if is_good { Ok(()) } else { Err(bad()) }
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(vkey: &str) -> Result<VerifierKey, KeyError> {
        let (name, rest) = vkey.split_once('+').ok_or(KeyError::VerifierKeyForm)?;
        let (id, material) = rest.split_once('+').ok_or(KeyError::VerifierKeyForm)?;
        let name = name.parse()?;
        let stated = id.parse()?;
        let material = base64::decode_canonical(material)?;
        let (&type_byte, public_key) = material.split_first().ok_or(KeyError::NoType)?;
        let algorithm =
            Algorithm::from_type_byte(type_byte).ok_or(KeyError::UnknownType { type_byte })?;
        let key = VerifierKey::new(name, algorithm, public_key)?;
        if key.id != stated {
            return Err(KeyError::WrongId { stated, computed: key.id });
        }
        Ok(key)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&[self.algorithm.type_byte()], self.bytes.as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, base64::encode(&material))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifierKey").field(&self.to_string()).finish()
    }
}

/// The decoded form follows from the rest, so it is not compared.
impl PartialEq for VerifierKey {
    fn eq(&self, other: &VerifierKey) -> bool {
        self.name == other.name && self.algorithm == other.algorithm && self.bytes == other.bytes
    }
}

impl Eq for VerifierKey {}

/// The message of an ML-DSA-44 signature over a whole checkpoint.
pub(crate) fn checkpoint_message(
    cosigner: &KeyName,
    timestamp_s: u64,
    text: &str,
) -> Result<Vec<u8>, NoteError> {
    let checkpoint = Checkpoint::parse(text).map_err(NoteError::NotACheckpoint)?;
    if !checkpoint.extensions.is_empty() {
        return Err(NoteError::ExtensionLines);
    }
    subtree_message(&SubtreeMessage {
        cosigner,
        timestamp_s,
        origin: &checkpoint.origin,
        start: LeafIndex(0),
        end: LeafIndex(checkpoint.size.0),
        hash: &checkpoint.root,
    })
}

/// The bytes of an ML-DSA-44 message whose fields are legal together.
pub(crate) fn subtree_message(message: &SubtreeMessage<'_>) -> Result<Vec<u8>, NoteError> {
    let SubtreeMessage { start, end, origin, .. } = *message;
    if !is_valid_subtree(start, end, TreeSize(end.0)) {
        return Err(NoteError::NotASubtree { start, end });
    }
    if start != LeafIndex(0) && message.timestamp_s != 0 {
        return Err(NoteError::SubtreeTimestamp { start });
    }
    message.to_bytes().ok_or(NoteError::OriginLength { size_bytes: origin.len() })
}

/// Refuses timestamps beyond what `tlog-cosignature` allows.
pub(crate) fn check_timestamp(timestamp_s: u64) -> Result<(), NoteError> {
    if timestamp_s > TIMESTAMP_S_MAX { Err(NoteError::Timestamp { timestamp_s }) } else { Ok(()) }
}

/// The key behind the bytes, checked for what a signature's meaning depends on.
fn decode(algorithm: Algorithm, bytes: &[u8]) -> Result<DecodedKey, KeyError> {
    let wrong_length = KeyError::PublicKeyLength { algorithm, size_bytes: bytes.len() };
    match algorithm {
        Algorithm::Ed25519 | Algorithm::Ed25519Cosignature => {
            let bytes = bytes.try_into().map_err(|_| wrong_length)?;
            let key =
                ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
            if key.to_edwards().compress().as_bytes() != bytes {
                return Err(KeyError::NotAPoint);
            }
            if key.is_weak() {
                return Err(KeyError::Weak);
            }
            Ok(DecodedKey::Ed25519(key))
        }
        Algorithm::MlDsa44 => {
            EncodedVerifyingKey::<MlDsa44>::try_from(bytes).map_err(|_| wrong_length)?;
            Ok(DecodedKey::MlDsa44(Arc::default()))
        }
    }
}

/// The key of bytes that [`decode`] took.
fn expand(bytes: &[u8]) -> ml_dsa::VerifyingKey<MlDsa44> {
    let bytes = EncodedVerifyingKey::<MlDsa44>::try_from(bytes).expect("decode took the length");
    ml_dsa::VerifyingKey::decode(&bytes)
}
