//! The signing key: a seed with a name, and what it signs.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::Signer as _;
use graven_merkle::{Hash, LeafIndex};
use ml_dsa::MlDsa44;
use zeroize::Zeroizing;

use crate::base64;
use crate::checkpoint::Checkpoint;
use crate::key::{Algorithm, KeyError, KeyId, KeyName};
use crate::message::{SubtreeMessage, cosignature_v1};
use crate::note::check_text;
use crate::note_error::NoteError;
use crate::signature::SignatureLine;
use crate::verifier::{VerifierKey, check_timestamp, checkpoint_message, subtree_message};

/// What a signing key's text form starts with.
const PREFIX: &str = "PRIVATE+KEY+";

/// A secret key with its name. It is wiped from memory when dropped.
///
/// Its text form, the secret itself, is `PRIVATE+KEY+<name>+<8 hex digits of id>+<base64 of type
/// and seed>`. `Debug` prints the public half only.
pub struct SigningKey {
    verifier: VerifierKey,
    secret: SecretKey,
}

/// The key made ready for signing. Both kinds keep their seed, and wipe it and the rest on drop.
enum SecretKey {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    MlDsa44(Box<ml_dsa::SigningKey<MlDsa44>>),
}

impl SigningKey {
    /// The key that a seed of 32 random bytes stands for. The caller wipes its own copy.
    pub fn from_seed(name: KeyName, algorithm: Algorithm, seed: [u8; 32]) -> SigningKey {
        let seed = Zeroizing::new(seed);
        let (secret, public_key) = match algorithm {
            Algorithm::Ed25519 | Algorithm::Ed25519Cosignature => {
                let key = Box::new(ed25519_dalek::SigningKey::from_bytes(&seed));
                let public_key = key.verifying_key().to_bytes().to_vec();
                (SecretKey::Ed25519(key), public_key)
            }
            Algorithm::MlDsa44 => {
                let seed = Zeroizing::new(ml_dsa::Seed::from(*seed));
                let key = Box::new(ml_dsa::SigningKey::from_seed(&seed));
                let public_key = key.expanded_key().verifying_key().encode().to_vec();
                (SecretKey::MlDsa44(key), public_key)
            }
        };
        let verifier = VerifierKey::new(name, algorithm, &public_key)
            .expect("a key pair's public half is a canonical key of large order");
        SigningKey { verifier, secret }
    }

    /// The public half.
    pub fn verifier(&self) -> VerifierKey {
        self.verifier.clone()
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        self.verifier.name()
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        self.verifier.id()
    }

    /// The key's algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.verifier.algorithm()
    }

    /// Signs a note's text with an Ed25519 key (type 0x01). The text ends with a line feed.
    pub fn sign_note(&self, text: &str) -> Result<SignatureLine, NoteError> {
        check_text(text)?;
        if self.algorithm() != Algorithm::Ed25519 {
            return Err(self.verifier.cannot("sign a note without a timestamp, use cosign"));
        }
        Ok(self.line(self.sign(text.as_bytes())))
    }

    /// Signs a checkpoint's text with a cosigning key (types 0x04 and 0x06) at a time in POSIX
    /// seconds.
    ///
    /// By this the signer says that it has seen no larger tree of this log, and no tree that is
    /// inconsistent with this one; with time 0 it says only the latter. With an ML-DSA-44 key
    /// whose name is the origin, a log signs its own checkpoint. Such a key refuses extension lines.
    pub fn cosign(
        &self,
        checkpoint_text: &str,
        timestamp_s: u64,
    ) -> Result<SignatureLine, NoteError> {
        check_text(checkpoint_text)?;
        check_timestamp(timestamp_s)?;
        let message = match self.algorithm() {
            Algorithm::Ed25519 => {
                return Err(self.verifier.cannot("cosign a checkpoint, use sign_note"));
            }
            Algorithm::Ed25519Cosignature => {
                Checkpoint::parse(checkpoint_text).map_err(NoteError::NotACheckpoint)?;
                cosignature_v1(timestamp_s, checkpoint_text)
            }
            Algorithm::MlDsa44 => checkpoint_message(self.name(), timestamp_s, checkpoint_text)?,
        };
        Ok(self.timestamped_line(timestamp_s, &message))
    }

    /// Signs the subtree `[start, end)` of the log `origin` with an ML-DSA-44 key, with time 0: it
    /// says that the subtree is consistent with all that the signer has seen of the log.
    pub fn cosign_subtree(
        &self,
        origin: &str,
        start: LeafIndex,
        end: LeafIndex,
        hash: &Hash,
    ) -> Result<SignatureLine, NoteError> {
        if self.algorithm() != Algorithm::MlDsa44 {
            return Err(self.verifier.cannot("cosign a subtree"));
        }
        let message = subtree_message(&SubtreeMessage {
            cosigner: self.name(),
            timestamp_s: 0,
            origin,
            start,
            end,
            hash,
        })?;
        Ok(self.timestamped_line(0, &message))
    }

    fn timestamped_line(&self, timestamp_s: u64, message: &[u8]) -> SignatureLine {
        let mut signature = timestamp_s.to_be_bytes().to_vec();
        signature.extend(self.sign(message));
        self.line(signature)
    }

    fn line(&self, signature: Vec<u8>) -> SignatureLine {
        SignatureLine { name: self.name().clone(), id: self.id(), signature }
    }

    /// The signature over `message`: deterministic, and for ML-DSA-44 pure, with an empty context.
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.secret {
            SecretKey::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            SecretKey::MlDsa44(key) => key
                .expanded_key()
                .sign_deterministic(message, &[])
                .expect("signing fails only for a context over 255 bytes")
                .encode()
                .to_vec(),
        }
    }

    /// The seed, to be written where only the owner reads.
    fn seed(&self) -> &[u8] {
        match &self.secret {
            SecretKey::Ed25519(key) => key.as_bytes(),
            SecretKey::MlDsa44(key) => key.as_seed(),
        }
    }
}

impl FromStr for SigningKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<SigningKey, KeyError> {
        let rest = text.strip_prefix(PREFIX).ok_or(KeyError::SigningKeyForm)?;
        let (name, rest) = rest.split_once('+').ok_or(KeyError::SigningKeyForm)?;
        let (id, material) = rest.split_once('+').ok_or(KeyError::SigningKeyForm)?;
        let name = name.parse()?;
        let stated = id.parse()?;
        let material = Zeroizing::new(base64::decode_canonical(material)?);
        let (&type_byte, seed) = material.split_first().ok_or(KeyError::NoType)?;
        let algorithm =
            Algorithm::from_type_byte(type_byte).ok_or(KeyError::UnknownType { type_byte })?;
        let wrong_length = KeyError::SeedLength { size_bytes: seed.len() };
        let seed = Zeroizing::new(<[u8; 32]>::try_from(seed).map_err(|_| wrong_length)?);
        let key = SigningKey::from_seed(name, algorithm, *seed);
        if key.id() != stated {
            return Err(KeyError::WrongId { stated, computed: key.id() });
        }
        Ok(key)
    }
}

/// Prints the secret.
impl fmt::Display for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = Zeroizing::new([&[self.algorithm().type_byte()], self.seed()].concat());
        let material = Zeroizing::new(base64::encode(&material));
        write!(f, "{PREFIX}{}+{}+{}", self.name(), self.id(), material.as_str())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}
