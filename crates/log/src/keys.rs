//! A log's signing keys: made, kept, read, used.
//!
//! `<keys>/<log>.keys` holds one C2SP private key a line, the current ones last: an Ed25519 key and an ML-DSA-44 key, both named by
//! the log's origin. The file is 0600 and never part of a backup of the log.

use crate::limits::READY_KEYS_MAX;
use env::{Disk, OpenMode, Random};
use graven_note::{Algorithm, KeyName, SigningKey, VerifierKey};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// Longest key file that is read.
const KEY_FILE_BYTES_MAX: u64 = 256 * 1024;

/// Keys that were made ready for signing, by their text: for a process that starts the same cell over and over, where
/// making them ready would take longer than the rest of a start. The default remembers nothing, as a server must.
#[derive(Clone, Default)]
pub struct ReadyKeys(Option<Arc<Mutex<KeysByText>>>);

type KeysByText = BTreeMap<String, Arc<SigningKey>>;

impl ReadyKeys {
    /// Remembers the first keys that it is asked for, for as long as a copy of it lives.
    pub fn remembering() -> ReadyKeys {
        ReadyKeys(Some(Arc::default()))
    }

    /// The key of a line of a key file.
    fn parse(&self, line: &str) -> Result<Arc<SigningKey>, graven_note::KeyError> {
        let Some(ready) = &self.0 else { return Ok(Arc::new(line.parse()?)) };
        let mut ready = ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = ready.get(line) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(line.parse()?);
        if ready.len() < READY_KEYS_MAX {
            ready.insert(line.to_owned(), Arc::clone(&key));
        }
        Ok(key)
    }
}

impl fmt::Debug for ReadyKeys {
    /// Says nothing of the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadyKeys").field(&self.0.is_some()).finish()
    }
}

/// The keys a log signs with now.
pub(crate) struct LogKeys {
    pub(crate) ed25519: Arc<SigningKey>,
    pub(crate) ml_dsa: Arc<SigningKey>,
    /// The Ed25519 verifier key as text.
    pub(crate) ed25519_vkey: String,
    /// What both were made from, until they have their final name.
    seeds: Option<Zeroizing<[[u8; 32]; 2]>>,
}

/// A key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is not there; without it the log can be read and verified, but not continued.
    #[error("signing key {} is missing: put it back, or is --keys another directory? If it is lost, start with --lost-keys: the log ends, and `graven log succeed` continues it", .0.display())]
    Missing(PathBuf),
    /// The file does not hold what a key file holds.
    #[error("signing key file {} is not usable: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The file could not be read or written.
    #[error("cannot use signing key file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl LogKeys {
    /// Draws new keys for an origin.
    pub(crate) fn generate(origin: &str, random: &dyn Random) -> Result<LogKeys, String> {
        let mut seeds = Zeroizing::new([[0u8; 32]; 2]);
        for seed in seeds.iter_mut() {
            random.fill(seed);
        }
        LogKeys::from_seeds(origin, seeds)
    }

    /// The same keys under another origin: only for keys that were just drawn.
    pub(crate) fn renamed(mut self, origin: &str) -> Result<LogKeys, String> {
        let seeds = self.seeds.take().ok_or("keys keep the name that they were used with")?;
        LogKeys::from_seeds(origin, seeds)
    }

    /// The same keys again: only for keys that were just drawn.
    pub(crate) fn duplicate(&self) -> Result<LogKeys, String> {
        let seeds = self.seeds.clone().ok_or("only new keys are duplicated")?;
        LogKeys::from_seeds(self.ed25519.name().as_str(), seeds)
    }

    fn from_seeds(origin: &str, seeds: Zeroizing<[[u8; 32]; 2]>) -> Result<LogKeys, String> {
        let name = KeyName::from_str(origin).map_err(|error| error.to_string())?;
        let ed25519 = SigningKey::from_seed(name.clone(), Algorithm::Ed25519, seeds[0]);
        let ml_dsa = SigningKey::from_seed(name, Algorithm::MlDsa44, seeds[1]);
        let (ed25519, ml_dsa) = (Arc::new(ed25519), Arc::new(ml_dsa));
        let ed25519_vkey = ed25519.verifier().to_string();
        Ok(LogKeys { ed25519, ml_dsa, ed25519_vkey, seeds: Some(seeds) })
    }

    /// The public keys as C2SP vkeys, Ed25519 first.
    pub(crate) fn vkeys(&self) -> Vec<VerifierKey> {
        vec![self.ed25519.verifier(), self.ml_dsa.verifier()]
    }
}

/// Where a log's private keys lie.
pub(crate) fn key_path(keys_dir: &Path, log: &str) -> PathBuf {
    keys_dir.join(format!("{log}.keys"))
}

/// Writes a key file durably: a temporary file, flushed, then renamed. A crash leaves the old file or the new.
///
/// During a rotation the file holds the old keys and the new: which of them count is what the log's own entries say.
pub(crate) fn write_keys(
    disk: &dyn Disk,
    keys_dir: &Path,
    log: &str,
    keys: &[&LogKeys],
) -> Result<(), KeyError> {
    let path = key_path(keys_dir, log);
    let temporary = keys_dir.join(format!("{log}.keys.new"));
    let lines = keys.iter().map(|keys| format!("{}\n{}\n", keys.ed25519, keys.ml_dsa));
    let text = Zeroizing::new(lines.collect::<String>());
    let write = || {
        match disk.remove(&temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = disk.open(&temporary, OpenMode::CreateNew)?;
        disk.set_mode(&temporary, 0o600)?;
        file.write_at(text.as_bytes(), 0)?;
        file.sync_all()?;
        disk.rename(&temporary, &path)?;
        disk.sync_dir(keys_dir)
    };
    write().map_err(|source| KeyError::Io { path: path.clone(), source })
}

/// Reads the keys that count: those among `current`, the verifier keys by the log's own entries, or the last ones
/// where the log has no entry yet.
pub(crate) fn read_keys(
    disk: &dyn Disk,
    (keys_dir, ready): (&Path, &ReadyKeys),
    log: &str,
    current: &[String],
) -> Result<LogKeys, KeyError> {
    let path = key_path(keys_dir, log);
    let text = read_text(disk, &path)?;
    let malformed = |why: String| KeyError::Malformed { path: path.clone(), why };
    let mut keys: Vec<Arc<SigningKey>> = Vec::new();
    for line in text.lines() {
        keys.push(ready.parse(line).map_err(|error| malformed(error.to_string()))?);
    }
    if !current.is_empty() {
        keys.retain(|key| current.contains(&key.verifier().to_string()));
    }
    let mut take = |algorithm: Algorithm| {
        let place = keys.iter().rposition(|key| key.verifier().algorithm() == algorithm);
        place.map(|place| keys.swap_remove(place))
    };
    let missing = || malformed("it needs the log's current Ed25519 and ML-DSA-44 keys".to_owned());
    let ml_dsa = take(Algorithm::MlDsa44).ok_or_else(missing)?;
    let ed25519 = take(Algorithm::Ed25519).ok_or_else(missing)?;
    let ed25519_vkey = ed25519.verifier().to_string();
    Ok(LogKeys { ed25519, ml_dsa, ed25519_vkey, seeds: None })
}

fn read_text(disk: &dyn Disk, path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let io = |source: std::io::Error| KeyError::Io { path: path.to_owned(), source };
    let file = match disk.open(path, OpenMode::Read) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(KeyError::Missing(path.to_owned()));
        }
        other => other.map_err(io)?,
    };
    let len = file.len_bytes().map_err(io)?;
    if len > KEY_FILE_BYTES_MAX {
        let why = format!("{len} bytes, a key file has at most {KEY_FILE_BYTES_MAX}");
        return Err(KeyError::Malformed { path: path.to_owned(), why });
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0).map_err(io)?;
    String::from_utf8(bytes)
        .map(Zeroizing::new)
        .map_err(|_| KeyError::Malformed { path: path.to_owned(), why: "not text".to_owned() })
}
