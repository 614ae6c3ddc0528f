//! What a subject's data key is good for: sealing values, and pseudonyms. Each has a key of its own.

use std::fmt;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::KeyInit;
use hkdf::Hkdf;
use hmac::Hmac;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::KeyId;

/// The unlocked keys of one subject; wiped when dropped.
pub struct SubjectKeys {
    id: KeyId,
    pub(crate) sealing: Aes256Gcm,
    pub(crate) pseudonym: Hmac<Sha256>,
}

impl SubjectKeys {
    /// Derives the keys from the data key by HKDF-Expand (RFC 5869 §3.3: a random key needs no extraction).
    pub(crate) fn new(id: KeyId, data_key: &[u8; 32]) -> SubjectKeys {
        let root = Hkdf::<Sha256>::from_prk(data_key).expect("32 bytes are as long as a hash");
        let derive = |label: &[u8]| {
            let mut key = Zeroizing::new([0; 32]);
            root.expand(label, &mut *key).expect("32 bytes are one hash");
            key
        };
        let pseudonym = derive(b"graven/subject/pseudonym/v1");
        SubjectKeys {
            id,
            sealing: Aes256Gcm::new((&*derive(b"graven/subject/seal/v1")).into()),
            pseudonym: Hmac::new_from_slice(&*pseudonym).expect("HMAC takes a key of any length"),
        }
    }

    /// The key's name in sealed values and erasure entries.
    pub fn id(&self) -> KeyId {
        self.id
    }
}

impl fmt::Debug for SubjectKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectKeys({})", self.id)
    }
}
