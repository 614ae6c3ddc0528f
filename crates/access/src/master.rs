//! The master key: what every subject's key is wrapped under, and where it comes from.
//!
//! It never lies in the keyring's file. Who has both has every sealed value; who has one has nothing.

mod pkcs11;

use std::io;
use std::path::{Path, PathBuf};

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use env::{Disk, OpenMode, Random};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::sealed_limits::{MASTER_KEYS_MAX, MASTER_TEXT_BYTES_MAX};
pub use pkcs11::{TokenError, TokenKeyUri, UriError};

/// Bytes of a GCM nonce.
pub(crate) const NONCE_BYTES: usize = 12;
/// Bytes of a GCM tag.
pub(crate) const TAG_BYTES: usize = 16;
/// Name of the file in the keys' directory.
const FILE_NAME: &str = "master.key";

/// One master key, ready for use.
pub struct MasterKey {
    id: [u8; 8],
    wrapping: Aes256Gcm,
    lookup: Hmac<Sha256>,
}

/// The master key in force, and those before it that slots may still be wrapped under.
pub struct MasterKeys {
    /// What new slots are wrapped under, and old ones again.
    pub current: MasterKey,
    /// Older keys, for reading alone.
    pub older: Vec<MasterKey>,
}

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The text is not a list of keys.
    #[error(
        "{place} does not hold master keys: write 1 to {MASTER_KEYS_MAX} lines, each the base64 of 32 random bytes, the one in force first"
    )]
    Form {
        /// Where it was read.
        place: String,
    },
    /// The environment lacks it.
    #[error("{place} is not set, and it is where the master key is configured to be")]
    Missing {
        /// What was looked for.
        place: String,
    },
    /// The file could not be read or written.
    #[error("cannot read or make the master key {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file of encrypted keys is not a list of them.
    #[error(
        "{} does not hold master keys under a token: it has to be 1 to {MASTER_KEYS_MAX} lines as a start wrote them, lines of a `master.key`, or `new`",
        path.display()
    )]
    WrappedForm {
        /// The file.
        path: PathBuf,
    },
    /// What should name keys in tokens does not.
    #[error("the master key's URI names no key of a token")]
    Uri(#[from] UriError),
    /// A token does not give it.
    #[error("a PKCS#11 token does not give it")]
    Token(#[from] TokenError),
}

impl MasterKey {
    /// Derives what is needed from 32 random bytes; they are not kept.
    pub fn new(secret: &[u8; 32]) -> MasterKey {
        let root = Hkdf::<Sha256>::from_prk(secret).expect("32 bytes are as long as a hash");
        let mut wrapping = Zeroizing::new([0; 32]);
        let mut lookup = Zeroizing::new([0; 32]);
        let mut id = [0; 8];
        expand(&root, b"graven/master/wrap/v1", &mut *wrapping);
        expand(&root, b"graven/master/lookup/v1", &mut *lookup);
        expand(&root, b"graven/master/id/v1", &mut id);
        MasterKey {
            id,
            wrapping: Aes256Gcm::new((&*wrapping).into()),
            lookup: Hmac::new_from_slice(&*lookup).expect("HMAC takes a key of any length"),
        }
    }

    /// Names the key without telling anything of it.
    pub fn id(&self) -> [u8; 8] {
        self.id
    }

    /// Where a subject is found in the keyring.
    pub(crate) fn lookup(&self, subject: &str) -> [u8; 16] {
        let mut mac = self.lookup.clone();
        mac.update(subject.as_bytes());
        *mac.finalize().into_bytes().first_chunk().expect("a SHA-256 has more than 16 bytes")
    }

    /// Encrypts `plain` in place and gives the tag.
    pub(crate) fn wrap(
        &self,
        nonce: &[u8; NONCE_BYTES],
        bound_to: &[u8],
        plain: &mut [u8],
    ) -> [u8; TAG_BYTES] {
        let tag = self.wrapping.encrypt_inout_detached(nonce.into(), bound_to, plain.into());
        tag.expect("a slot is far below the cipher's limit").into()
    }

    /// Decrypts in place; false where anything of it was changed.
    pub(crate) fn unwrap(
        &self,
        nonce: &[u8; NONCE_BYTES],
        bound_to: &[u8],
        sealed: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> bool {
        let (nonce, tag): (&Nonce<_>, &Tag) = (nonce.into(), tag.into());
        self.wrapping.decrypt_inout_detached(nonce, bound_to, sealed.into(), tag).is_ok()
    }
}

impl MasterKeys {
    /// One key alone.
    pub fn one(current: MasterKey) -> MasterKeys {
        MasterKeys { current, older: Vec::new() }
    }

    /// Reads lines of base64, the key in force first; `place` is for the error.
    pub fn parse(text: &str, place: &str) -> Result<MasterKeys, MasterKeyError> {
        let bad = || MasterKeyError::Form { place: place.to_owned() };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let keys: Vec<MasterKey> = lines.map(read_key).collect::<Option<_>>().ok_or_else(bad)?;
        if keys.len() > MASTER_KEYS_MAX {
            return Err(bad());
        }
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or_else(bad)?;
        Ok(MasterKeys { current, older: keys.collect() })
    }

    /// Reads `master.key` in `keys_dir`, mode 0600; a first start makes it.
    ///
    /// A crash while it is made leaves none, and the next start makes another: nothing was wrapped yet. So the caller
    /// must not let it be made (`may_be_new`) where a keyring is already there.
    pub fn from_file(
        disk: &dyn Disk,
        random: &dyn Random,
        keys_dir: &Path,
        may_be_new: bool,
    ) -> Result<MasterKeys, MasterKeyError> {
        let path = keys_dir.join(FILE_NAME);
        match read_text(disk, &path) {
            Ok(text) => MasterKeys::parse(&text, &path.display().to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && may_be_new => {
                let mut secret = Zeroizing::new([0; 32]);
                random.fill(&mut *secret);
                let io = |source| MasterKeyError::Io { path: path.clone(), source };
                let text = Zeroizing::new(format!("{}\n", STANDARD.encode(secret.as_slice())));
                write_text(disk, keys_dir, FILE_NAME, &text).map_err(io)?;
                Ok(MasterKeys::one(MasterKey::new(&secret)))
            }
            Err(source) => Err(MasterKeyError::Io { path, source }),
        }
    }

    /// Reads a credential that the service manager handed over: a file of its directory, in the form of `master.key`.
    pub fn from_credential(
        disk: &dyn Disk,
        credentials_dir: Option<&Path>,
        name: &str,
    ) -> Result<MasterKeys, MasterKeyError> {
        let missing = || MasterKeyError::Missing { place: "CREDENTIALS_DIRECTORY".to_owned() };
        let path = credentials_dir.ok_or_else(missing)?.join(name);
        let text = read_text(disk, &path)
            .map_err(|source| MasterKeyError::Io { path: path.clone(), source })?;
        MasterKeys::parse(&text, &path.display().to_string())
    }

    /// The key of this name.
    pub(crate) fn by_id(&self, id: [u8; 8]) -> Option<&MasterKey> {
        std::iter::once(&self.current).chain(&self.older).find(|key| key.id == id)
    }
}

fn expand(root: &Hkdf<Sha256>, label: &[u8], out: &mut [u8]) {
    root.expand(label, out).expect("at most 32 bytes are asked for");
}

fn read_key(line: &str) -> Option<MasterKey> {
    let bytes = Zeroizing::new(STANDARD.decode(line).ok()?);
    Some(MasterKey::new(bytes.as_slice().try_into().ok()?))
}

fn read_text(disk: &dyn Disk, path: &Path) -> io::Result<Zeroizing<String>> {
    let file = disk.open(path, OpenMode::Read)?;
    let mut bytes = Zeroizing::new([0; MASTER_TEXT_BYTES_MAX]);
    let len = file.len_bytes()?.min(MASTER_TEXT_BYTES_MAX as u64) as usize;
    file.read_exact_at(&mut bytes[..len], 0)?;
    // What is not text, or cut off, is no list of keys.
    Ok(Zeroizing::new(String::from_utf8_lossy(&bytes[..len]).into_owned()))
}

fn write_text(disk: &dyn Disk, keys_dir: &Path, name: &str, text: &str) -> io::Result<()> {
    let temporary = keys_dir.join(format!("{name}.new"));
    match disk.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.open(&temporary, OpenMode::CreateNew)?;
    file.write_at(text.as_bytes(), 0)?;
    file.sync_all()?;
    disk.rename(&temporary, &keys_dir.join(name))?;
    disk.sync_dir(keys_dir)
}

#[cfg(test)]
mod tests;
