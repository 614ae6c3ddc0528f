//! Sealed values as the vault keeps them: disclosures under their subject's key.
//!
//! Version 1 (1), key id (16), the digest in the entry (32); nonce (12), length of the label (2), the label and its tag; nonce
//! (12), the disclosure and its tag. The label is the class, a line feed and the RFC 6901 path of the value in the opened event: it
//! is encrypted too, since a name may tell as much as a value. AES-256-GCM; the label is bound to origin LF digest, the
//! disclosure to origin LF digest LF path. So no ciphertext can be shown in another's place.

use std::fmt;

use aes_gcm::Tag;
use aes_gcm::aead::AeadInOut;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use env::Random;
use graven_entry::{DisclosureDigest, disclosure_digest};

use crate::master::{NONCE_BYTES, TAG_BYTES};
use crate::sealed_limits::LABEL_BYTES_MAX;
use crate::{KeyId, SubjectKeys};

const VERSION: u8 = 1;
const DIGEST_BYTES: usize = 32;
/// In the place of a path, which begins with `/`.
const BLOB: &str = "blob";
const HEAD_BYTES: usize = 1 + 16 + DIGEST_BYTES;

/// How sensitive a value is: who may reveal it goes by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// About a person.
    Pii,
    /// About a person's health.
    Phi,
    /// A card number.
    Pan,
    /// A key, token or password.
    Secret,
}

/// A disclosure and where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToClose<'a> {
    /// The log's origin.
    pub origin: &'a str,
    /// RFC 6901 path of the value in the opened event.
    pub path: &'a str,
    /// How sensitive it is.
    pub class: Class,
    /// The disclosure in its encoded form.
    pub disclosure: &'a str,
    /// Its digest, as it stands in the entry. Whoever has put it there, or has looked for it, has computed it.
    pub digest: &'a DisclosureDigest,
}

/// An encrypted disclosure, read but not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedValue<'a> {
    /// The subject's key.
    pub key: KeyId,
    digest: &'a [u8],
    label: SealedBox<'a>,
    disclosure: SealedBox<'a>,
}

/// An encrypted blob, read but not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedBlob<'a> {
    /// The subject's key.
    pub key: KeyId,
    digest: &'a [u8],
    blob: SealedBox<'a>,
}

/// An opened disclosure.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedValue {
    /// RFC 6901 path of the value in the opened event.
    pub path: String,
    /// How sensitive it is.
    pub class: Class,
    /// The disclosure in its encoded form.
    pub disclosure: String,
}

/// Why an encrypted disclosure does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Not the form that this version writes.
    #[error("the vault's bytes are not an encrypted disclosure that this version knows")]
    Form,
    /// Not what was encrypted, or not for this place.
    #[error("the vault's bytes are not what was sealed at this place")]
    Tampered,
    /// A label longer than a disclosure can need.
    #[error("class and path have {size_bytes} bytes; at most {LABEL_BYTES_MAX} are allowed")]
    TooLong {
        /// Their length.
        size_bytes: usize,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SealedBox<'a> {
    nonce: [u8; NONCE_BYTES],
    sealed: &'a [u8],
    tag: [u8; TAG_BYTES],
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 4] = [Class::Pii, Class::Phi, Class::Pan, Class::Secret];

    /// Its name in sidecars and rules.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Pii => "pii",
            Class::Phi => "phi",
            Class::Pan => "pan",
            Class::Secret => "secret",
        }
    }

    /// The class of this name.
    pub fn parse(name: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

/// Encrypts a disclosure under its subject's key. With a digest that is not the disclosure's it would never open. The nonces
/// are random: a key is good for 2³¹ values.
pub fn close(
    keys: &SubjectKeys,
    value: &ToClose<'_>,
    random: &dyn Random,
) -> Result<Vec<u8>, VaultError> {
    let label = [value.class.as_str(), "\n", value.path];
    let label_bytes = label.iter().map(|part| part.len()).sum();
    if label_bytes > LABEL_BYTES_MAX {
        return Err(VaultError::TooLong { size_bytes: label_bytes });
    }
    let mut nonces = [0; 2 * NONCE_BYTES];
    random.fill(&mut nonces);
    let size_bytes = label_bytes + value.disclosure.len();
    let mut out = Vec::with_capacity(HEAD_BYTES + 2 * (NONCE_BYTES + TAG_BYTES) + 2 + size_bytes);
    out.push(VERSION);
    out.extend_from_slice(&keys.id().0);
    out.extend_from_slice(value.digest.hash());
    out.extend_from_slice(&nonces[..NONCE_BYTES]);
    out.extend_from_slice(&(label_bytes as u16).to_be_bytes());
    let digest = value.digest.as_str();
    let bound = bound(value.origin, digest, Some(value.path));
    let label_bound = &bound[..value.origin.len() + b"\n".len() + digest.len()];
    seal_into(&mut out, keys, &nonces[..NONCE_BYTES], label_bound, &label);
    out.extend_from_slice(&nonces[NONCE_BYTES..]);
    seal_into(&mut out, keys, &nonces[NONCE_BYTES..], &bound, &[value.disclosure]);
    Ok(out)
}

/// Encrypts a blob under its subject's key, for the log of this origin and the digest that stands in its entry.
pub fn close_blob(
    keys: &SubjectKeys,
    (origin, digest): (&str, &DisclosureDigest),
    blob: &[u8],
    random: &dyn Random,
) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce);
    let mut out = Vec::with_capacity(HEAD_BYTES + NONCE_BYTES + TAG_BYTES + blob.len());
    out.push(VERSION);
    out.extend_from_slice(&keys.id().0);
    out.extend_from_slice(digest.hash());
    out.extend_from_slice(&nonce);
    seal_into(&mut out, keys, &nonce, &bound(origin, digest.as_str(), Some(BLOB)), &[blob]);
    out
}

impl<'a> ClosedBlob<'a> {
    /// Reads what [`close_blob`] has written.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, VaultError> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or(VaultError::Form)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Form)?;
        let (Some(blob), VERSION) = (SealedBox::read(*nonce, rest), head[0]) else {
            return Err(VaultError::Form);
        };
        let key = KeyId(*bytes[1..].first_chunk().ok_or(VaultError::Form)?);
        Ok(ClosedBlob { key, digest: &bytes[17..HEAD_BYTES], blob })
    }

    /// Opens it with its subject's keys, if it is the one of this digest in the log of this origin.
    pub fn open(
        &self,
        keys: &SubjectKeys,
        origin: &str,
        digest: &str,
    ) -> Result<Vec<u8>, VaultError> {
        if URL_SAFE_NO_PAD.encode(self.digest) != digest {
            return Err(VaultError::Tampered);
        }
        self.blob.open(keys, &bound(origin, digest, Some(BLOB)))
    }
}

impl<'a> ClosedValue<'a> {
    /// Reads what [`close`] has written.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, VaultError> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or(VaultError::Form)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Form)?;
        let (len, rest) = rest.split_first_chunk::<2>().ok_or(VaultError::Form)?;
        let label_bytes = usize::from(u16::from_be_bytes(*len)) + TAG_BYTES;
        let (label, rest) = rest.split_at_checked(label_bytes).ok_or(VaultError::Form)?;
        let (second, rest) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Form)?;
        let (label, disclosure) = (SealedBox::read(*nonce, label), SealedBox::read(*second, rest));
        let (Some(label), Some(disclosure), VERSION) = (label, disclosure, head[0]) else {
            return Err(VaultError::Form);
        };
        let key = KeyId(*bytes[1..].first_chunk().ok_or(VaultError::Form)?);
        Ok(ClosedValue { key, digest: &bytes[17..HEAD_BYTES], label, disclosure })
    }

    /// The digest in the entry, 43 characters of base64url.
    pub fn digest(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.digest)
    }

    /// Opens it with its subject's keys, for the log of this origin.
    pub fn open(&self, keys: &SubjectKeys, origin: &str) -> Result<OpenedValue, VaultError> {
        let digest = self.digest();
        let label = self.label.open_text(keys, &bound(origin, &digest, None))?;
        let (class, path) = label.split_once('\n').ok_or(VaultError::Form)?;
        let class = Class::parse(class).ok_or(VaultError::Form)?;
        let disclosure = self.disclosure.open_text(keys, &bound(origin, &digest, Some(path)))?;
        if disclosure_digest(&disclosure) != digest {
            return Err(VaultError::Tampered);
        }
        Ok(OpenedValue { path: path.to_owned(), class, disclosure })
    }
}

impl<'a> SealedBox<'a> {
    fn read(nonce: [u8; NONCE_BYTES], bytes: &'a [u8]) -> Option<Self> {
        let (sealed, tag) = bytes.split_last_chunk::<TAG_BYTES>()?;
        Some(SealedBox { nonce, sealed, tag: *tag })
    }

    fn open(&self, keys: &SubjectKeys, bound: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut plain = self.sealed.to_vec();
        let (nonce, tag): (_, &Tag) = ((&self.nonce).into(), (&self.tag).into());
        let opened =
            keys.sealing.decrypt_inout_detached(nonce, bound, plain.as_mut_slice().into(), tag);
        opened.map_err(|_| VaultError::Tampered)?;
        Ok(plain)
    }

    fn open_text(&self, keys: &SubjectKeys, bound: &[u8]) -> Result<String, VaultError> {
        String::from_utf8(self.open(keys, bound)?).map_err(|_| VaultError::Form)
    }
}

/// Says nothing of what it holds.
impl fmt::Debug for OpenedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenedValue({})", self.class.as_str())
    }
}

fn seal_into(
    out: &mut Vec<u8>,
    keys: &SubjectKeys,
    nonce: &[u8],
    bound: &[u8],
    plain: &[impl AsRef<[u8]>],
) {
    let at = out.len();
    for part in plain {
        out.extend_from_slice(part.as_ref());
    }
    let nonce: &[u8; NONCE_BYTES] = nonce.try_into().expect("half of two nonces");
    let place = out[at..].as_mut().into();
    let tag = keys.sealing.encrypt_inout_detached(nonce.into(), bound, place);
    out.extend_from_slice(&tag.expect("a disclosure is far below the cipher's limit"));
}

/// What a ciphertext is bound to.
fn bound(origin: &str, digest: &str, path: Option<&str>) -> Vec<u8> {
    let bound = match path {
        Some(path) => [origin, "\n", digest, "\n", path].concat(),
        None => [origin, "\n", digest].concat(),
    };
    bound.into_bytes()
}

#[cfg(test)]
mod tests;
