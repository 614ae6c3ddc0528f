//! The keyring: where subjects' keys lie, and where they can die.
//!
//! One file of fixed slots that are overwritten in place (`docs/adr/0005-keyring.md`). A key is durable before it is handed out. A
//! destroyed key is overwritten before `destroy` returns; its id stays, so that "erased" is told from "never there".
//!
//! After a failed write or flush nothing more is written: the caller ends the process, and the next start finds for every
//! slot the old or the new content. A crash at any moment leaves the same.

mod copy;
mod slot;
mod slot_file;
mod subject_keys;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use env::{Disk, Random};
use zeroize::Zeroizing;

use crate::master::MasterKeys;
use crate::sealed_limits::{KEYRING_SLOTS_MAX, SUBJECT_BYTES_MAX, SUBJECT_KEYS_CACHED_MAX};
pub use copy::{copy_keyring, is_keyring};
use slot::{Copy, Facts, Secret, State};
use slot_file::{SlotBytes, SlotFile};
pub use subject_keys::SubjectKeys;

/// The random name of a subject's key. It is never used again, and says nothing of the subject.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 16]);

/// What opening found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyringReport {
    /// There was no keyring; an empty one was made.
    pub created: bool,
    /// Slots whose two copies differed, after a crash or a bad sector, and were made equal.
    pub mended: u64,
    /// Slots that were under an older master key and are now under the current one.
    pub rewrapped: u64,
}

/// How many keys there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyringCounts {
    /// Keys that are there.
    pub live: u64,
    /// Of these, under legal hold.
    pub held: u64,
    /// Keys that were destroyed.
    pub destroyed: u64,
}

/// Why the keyring did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// A read, a write or a flush failed. The process must stop; nothing more is written.
    #[error("keyring i/o failed, the process must stop")]
    Io(#[from] io::Error),
    /// An earlier write failed.
    #[error("the keyring stopped after a failed write; the next start finds out what was written")]
    Stopped,
    /// There is no room to grow. Nothing was written.
    #[error("no room for the keyring to grow by {needed_bytes} bytes")]
    Full {
        /// What it needs.
        needed_bytes: u64,
    },
    /// It has as many slots as it may.
    #[error("the keyring has {KEYRING_SLOTS_MAX} slots, its limit")]
    TooMany,
    /// Not a keyring, or of another version.
    #[error("{} is not a keyring that this version knows; put its backup back, or use the version that wrote it", file.display())]
    NotAKeyring {
        /// The file.
        file: PathBuf,
    },
    /// Both copies of a slot are broken, which no crash leaves.
    #[error("{} is corrupt at byte {offset_bytes}: {why}; put its backup back", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// Where the slot's first copy starts.
        offset_bytes: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// A slot is wrapped under a master key that was not given.
    #[error("the keyring has keys under master key {id}, which was not given: add it below the current one", id = hex(id))]
    UnknownMaster {
        /// The master key's id.
        id: [u8; 8],
    },
    /// The subject's id does not fit a slot.
    #[error("the subject's id has {size_bytes} bytes; 1 to {SUBJECT_BYTES_MAX} are allowed")]
    Subject {
        /// Its length.
        size_bytes: usize,
    },
    /// Under legal hold, so not to be destroyed.
    #[error("key {key} is under legal hold; release the hold first")]
    Held {
        /// The key.
        key: KeyId,
    },
    /// The key was destroyed: what was sealed under it is erased.
    #[error("key {key} was destroyed; what was sealed under it is erased")]
    Destroyed {
        /// The key.
        key: KeyId,
    },
    /// The keyring never had the key, or was lost.
    #[error("key {key} is not in this keyring")]
    NoSuchKey {
        /// The key.
        key: KeyId,
    },
}

/// The keys of all subjects of a data directory.
pub struct Keyring {
    random: Arc<dyn Random>,
    masters: MasterKeys,
    path: PathBuf,
    inner: Mutex<Inner>,
}

/// What one thread at a time may touch.
struct Inner {
    file: SlotFile,
    /// What each slot says, from slot 0; the slots behind are free.
    slots: Vec<Option<Facts>>,
    /// Live slots by where their subject is found.
    by_subject: HashMap<[u8; 16], u64>,
    by_key: HashMap<KeyId, u64>,
    unlocked: quick_cache::unsync::Cache<KeyId, Arc<SubjectKeys>>,
    /// A write failed: nothing more is written.
    is_stopped: bool,
}

impl KeyringCounts {
    /// Counts what one slot says.
    fn add(&mut self, facts: Option<Facts>) {
        match facts.map(|facts| facts.state) {
            Some(State::Live { is_held, .. }) => {
                self.live += 1;
                self.held += u64::from(is_held);
            }
            Some(State::Destroyed) => self.destroyed += 1,
            None => {}
        }
    }
}

impl Keyring {
    /// Opens the keyring at `path` or makes an empty one, mends what a crash left half-done, and re-wraps what is under an older
    /// master key. The caller holds the data directory's lock.
    pub fn open(
        disk: &dyn Disk,
        random: Arc<dyn Random>,
        path: &Path,
        masters: MasterKeys,
    ) -> Result<(Keyring, KeyringReport), KeyringError> {
        let (file, created) = SlotFile::open(disk, path)?;
        let mut slots = Vec::new();
        let mut stale: [BTreeMap<u64, SlotBytes>; 2] = Default::default();
        file.read_all(|number, first, second| {
            let facts = judge(number, [first, second], &mut stale);
            let facts = facts.map_err(|why| corrupt(path, number, why))?;
            if facts.is_some() {
                // A crash in the middle of several new keys may leave a hole, which is then never used.
                slots.resize(number as usize, None);
                slots.push(facts);
            }
            Ok(())
        })?;
        for (copy, slots) in (0..).zip(&stale) {
            file.write_copies(slots, copy)?;
        }
        let mended = stale.iter().map(|slots| slots.len() as u64).sum();
        let inner = Inner {
            file,
            slots,
            by_subject: HashMap::new(),
            by_key: HashMap::new(),
            unlocked: quick_cache::unsync::Cache::new(SUBJECT_KEYS_CACHED_MAX),
            is_stopped: false,
        };
        let keyring = Keyring { random, masters, path: path.to_owned(), inner: Mutex::new(inner) };
        let rewrapped = keyring.index(&mut keyring.lock())?;
        Ok((keyring, KeyringReport { created, mended, rewrapped }))
    }

    /// The keys of subjects, in their order; a subject without one gets a new key, durable when this returns. A subject whose
    /// key was destroyed counts as one without.
    pub fn keys_for(&self, subjects: &[&str]) -> Result<Vec<Arc<SubjectKeys>>, KeyringError> {
        let too_long = |subject: &&&str| !(1..=SUBJECT_BYTES_MAX).contains(&subject.len());
        if let Some(subject) = subjects.iter().find(too_long) {
            return Err(KeyringError::Subject { size_bytes: subject.len() });
        }
        let lookups: Vec<[u8; 16]> =
            subjects.iter().map(|subject| self.masters.current.lookup(subject)).collect();
        let mut inner = self.lock();
        let mut new = BTreeMap::new();
        for (lookup, subject) in lookups.iter().zip(subjects) {
            if !inner.by_subject.contains_key(lookup) {
                new.insert(*lookup, *subject);
            }
        }
        if !new.is_empty() {
            self.create(&mut inner, &new)?;
        }
        let mut keys = Vec::with_capacity(subjects.len());
        for lookup in &lookups {
            let slot = inner.by_subject[lookup];
            let facts = inner.facts(slot).expect("what is in the map is in a slot");
            keys.push(self.unlock(&mut inner, slot, facts)?);
        }
        Ok(keys)
    }

    /// The key of a subject, if it has one.
    pub fn find(&self, subject: &str) -> Option<KeyId> {
        let inner = self.lock();
        let slot = *inner.by_subject.get(&self.masters.current.lookup(subject))?;
        Some(inner.facts(slot)?.key)
    }

    /// The keys behind a key's id.
    pub fn keys(&self, key: KeyId) -> Result<Arc<SubjectKeys>, KeyringError> {
        let mut inner = self.lock();
        let (slot, facts) = inner.live(key)?;
        self.unlock(&mut inner, slot, facts)
    }

    /// Whose key it is.
    pub fn subject(&self, key: KeyId) -> Result<Zeroizing<String>, KeyringError> {
        let inner = self.lock();
        let (slot, facts) = inner.live(key)?;
        Ok(self.open_slot(&inner, slot, facts)?.subject)
    }

    /// Whether the key is under legal hold.
    pub fn is_held(&self, key: KeyId) -> Result<bool, KeyringError> {
        let (_, facts) = self.lock().live(key)?;
        Ok(facts.is_held())
    }

    /// Puts a key under legal hold, or releases it; durable when this returns.
    pub fn set_held(&self, key: KeyId, is_held: bool) -> Result<(), KeyringError> {
        let mut inner = self.lock();
        let (slot, facts) = inner.live(key)?;
        let secret = self.open_slot(&inner, slot, facts)?;
        let head = (facts.generation + 1, key, is_held);
        let bytes = slot::write_live(head, &secret, &self.masters.current, &*self.random);
        inner.write(&BTreeMap::from([(slot, bytes)]))
    }

    /// Destroys a key: nothing that was sealed under it opens from here on. `false` where it was destroyed before.
    pub fn destroy(&self, key: KeyId) -> Result<bool, KeyringError> {
        let mut inner = self.lock();
        let (slot, facts) = match inner.live(key) {
            Err(KeyringError::Destroyed { .. }) => return Ok(false),
            other => other?,
        };
        if facts.is_held() {
            return Err(KeyringError::Held { key });
        }
        inner.destroy(&BTreeMap::from([(slot, facts)]))?;
        Ok(true)
    }

    /// Destroys those of the keys that are there, whatever hold they are under, and says how many were. For the start, with
    /// the keys that erasure entries name: this keyring may be an old one that was put back.
    pub fn destroy_again(
        &self,
        keys: impl IntoIterator<Item = KeyId>,
    ) -> Result<u64, KeyringError> {
        let mut inner = self.lock();
        let live = keys.into_iter().filter_map(|key| inner.live(key).ok()).collect();
        inner.destroy(&live)?;
        Ok(live.len() as u64)
    }

    /// How many keys there are.
    pub fn counts(&self) -> KeyringCounts {
        let mut counts = KeyringCounts::default();
        for facts in &self.lock().slots {
            counts.add(*facts);
        }
        counts
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Builds the maps; slots under an older master key are written again under the current one first.
    fn index(&self, inner: &mut Inner) -> Result<u64, KeyringError> {
        let current = self.masters.current.id();
        let mut rewrapped = BTreeMap::new();
        for (slot, facts) in (0..).zip(&inner.slots) {
            let Some(facts) = facts.filter(|facts| facts.is_under_another(current)) else {
                continue;
            };
            let secret = self.open_slot(inner, slot, facts)?;
            let head = (facts.generation + 1, facts.key, facts.is_held());
            let bytes = slot::write_live(head, &secret, &self.masters.current, &*self.random);
            rewrapped.insert(slot, bytes);
        }
        for slot in 0..inner.slots.len() {
            inner.note(slot as u64, inner.slots[slot]);
        }
        inner.write(&rewrapped)?;
        Ok(rewrapped.len() as u64)
    }

    /// New keys for subjects, all in one durable change.
    fn create(
        &self,
        inner: &mut Inner,
        subjects: &BTreeMap<[u8; 16], &str>,
    ) -> Result<(), KeyringError> {
        let first = inner.slots.len();
        if first + subjects.len() > KEYRING_SLOTS_MAX {
            return Err(KeyringError::TooMany);
        }
        inner.make_room(first + subjects.len())?;
        let mut new = BTreeMap::new();
        for (slot, subject) in (first as u64..).zip(subjects.values()) {
            let mut key = KeyId([0; 16]);
            self.random.fill(&mut key.0);
            let mut data_key = Zeroizing::new([0; 32]);
            self.random.fill(&mut *data_key);
            let secret = Secret { data_key, subject: Zeroizing::new((*subject).to_owned()) };
            let head = (1, key, false);
            let bytes = slot::write_live(head, &secret, &self.masters.current, &*self.random);
            new.insert(slot, bytes);
        }
        inner.write(&new)
    }

    fn unlock(
        &self,
        inner: &mut Inner,
        slot: u64,
        facts: Facts,
    ) -> Result<Arc<SubjectKeys>, KeyringError> {
        if let Some(keys) = inner.unlocked.get(&facts.key) {
            return Ok(Arc::clone(keys));
        }
        let secret = self.open_slot(inner, slot, facts)?;
        let keys = Arc::new(SubjectKeys::new(facts.key, &secret.data_key));
        inner.unlocked.insert(facts.key, Arc::clone(&keys));
        Ok(keys)
    }

    fn open_slot(&self, inner: &Inner, slot: u64, facts: Facts) -> Result<Secret, KeyringError> {
        let State::Live { master: id, .. } = facts.state else {
            return Err(KeyringError::Destroyed { key: facts.key });
        };
        let master = self.masters.by_id(id).ok_or(KeyringError::UnknownMaster { id })?;
        for copy in 0..2 {
            if let Some(secret) = slot::open(&inner.file.read(slot, copy)?, master) {
                return Ok(secret);
            }
        }
        Err(corrupt(&self.path, slot, "it was not written under its master key"))
    }
}

impl Inner {
    /// What a slot says, if it is taken.
    fn facts(&self, slot: u64) -> Option<Facts> {
        self.slots.get(slot as usize).copied().flatten()
    }

    fn live(&self, key: KeyId) -> Result<(u64, Facts), KeyringError> {
        let slot = *self.by_key.get(&key).ok_or(KeyringError::NoSuchKey { key })?;
        match self.facts(slot) {
            Some(facts @ Facts { state: State::Live { .. }, .. }) => Ok((slot, facts)),
            _ => Err(KeyringError::Destroyed { key }),
        }
    }

    fn make_room(&mut self, slots: usize) -> Result<(), KeyringError> {
        while self.file.slots() < slots as u64 {
            let grown = self.file.grow();
            self.is_stopped |= matches!(grown, Err(KeyringError::Io(_)));
            grown?;
        }
        Ok(())
    }

    fn destroy(&mut self, slots: &BTreeMap<u64, Facts>) -> Result<(), KeyringError> {
        let mut gone = BTreeMap::new();
        for (slot, facts) in slots {
            self.unlocked.remove(&facts.key);
            gone.insert(*slot, slot::write_destroyed(facts.generation + 1, facts.key));
        }
        self.write(&gone)
    }

    /// Writes slots and takes in what they say.
    fn write(&mut self, slots: &BTreeMap<u64, SlotBytes>) -> Result<(), KeyringError> {
        if self.is_stopped {
            return Err(KeyringError::Stopped);
        }
        self.is_stopped = true;
        self.file.write(slots)?;
        self.is_stopped = false;
        for (slot, bytes) in slots {
            if let Copy::Whole(facts) = slot::read(bytes) {
                self.note(*slot, Some(facts));
            }
        }
        Ok(())
    }

    /// Takes what a slot says into the maps.
    fn note(&mut self, slot: u64, facts: Option<Facts>) {
        let at = slot as usize;
        if self.slots.len() <= at {
            self.slots.resize(at + 1, None);
        }
        let before = std::mem::replace(&mut self.slots[at], facts);
        if let Some(Facts { state: State::Live { lookup, .. }, .. }) = before {
            self.by_subject.remove(&lookup);
        }
        if let Some(facts) = facts {
            self.by_key.insert(facts.key, slot);
            if let State::Live { lookup, .. } = facts.state {
                self.by_subject.insert(lookup, slot);
            }
        }
    }
}

/// What counts of the two copies of a slot; the copy that does not is put into `stale` with what belongs there.
fn judge(
    number: u64,
    copies: [&SlotBytes; 2],
    stale: &mut [BTreeMap<u64, SlotBytes>; 2],
) -> Result<Option<Facts>, &'static str> {
    let mut mend = |copy: usize| {
        stale[1 - copy].insert(number, *copies[copy]);
    };
    match copies.map(slot::read) {
        [Copy::Blank, Copy::Blank] => Ok(None),
        [Copy::Whole(first), Copy::Whole(second)] => {
            if copies[0] == copies[1] {
                return Ok(Some(first));
            }
            if first.generation == second.generation {
                return Err("its two copies have one generation and differ");
            }
            let newer = usize::from(second.generation > first.generation);
            mend(newer);
            Ok(Some([first, second][newer]))
        }
        [Copy::Whole(facts), _] => {
            mend(0);
            Ok(Some(facts))
        }
        [_, Copy::Whole(facts)] => {
            mend(1);
            Ok(Some(facts))
        }
        // The first write of a slot, torn: nobody was given the key.
        [Copy::Broken, Copy::Blank] => {
            mend(1);
            Ok(None)
        }
        [Copy::Blank | Copy::Broken, Copy::Broken] => Err("neither copy of the slot is whole"),
    }
}

fn corrupt(path: &Path, slot: u64, why: &'static str) -> KeyringError {
    let offset_bytes = slot_file::slot_at(slot, 0);
    KeyringError::Corrupt { file: path.to_owned(), offset_bytes, why }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl KeyId {
    /// Reads 32 hexadecimal digits, as [`KeyId`] is shown.
    pub fn parse(text: &str) -> Option<KeyId> {
        let mut bytes = [0; 16];
        if text.len() != 32 || !text.is_ascii() {
            return None;
        }
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
        }
        Some(KeyId(bytes))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[cfg(test)]
mod tests;
