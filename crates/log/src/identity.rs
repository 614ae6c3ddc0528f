//! Idempotency: who said it before, and where it stands (design §3).
//!
//! An event without a stream is identified by its writer and its `id`, an event in a stream by its `seq`. What is kept is
//! keyed by a secret of the cell, so that the window tells a thief of the disk nothing of the bytes. The window is bounded
//! for the whole cell and forgets the oldest identity first.

use graven_merkle::Hash;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// A keyed, truncated hash of an identity: (log, writer, id) or (log, stream, seq).
pub(crate) type IdentityKey = [u8; 16];
/// A keyed, truncated hash of the bytes that were received.
pub(crate) type ReceivedHash = [u8; 16];

/// The cell's secret for identities.
#[derive(Clone)]
pub(crate) struct IdentityHasher {
    mac: Hmac<Sha256>,
}

impl IdentityHasher {
    /// Prepares the key schedule.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        IdentityHasher { mac }
    }

    /// Identity of an event by its writer and id.
    pub(crate) fn by_id(&self, log: &str, writer: &str, id: &str) -> IdentityKey {
        self.hash(&[b"id", log.as_bytes(), writer.as_bytes(), id.as_bytes()])
    }

    /// Identity of an event by its place in a stream.
    pub(crate) fn by_seq(&self, log: &str, stream: &str, seq: u64) -> IdentityKey {
        self.hash(&[b"seq", log.as_bytes(), stream.as_bytes(), &seq.to_be_bytes()])
    }

    /// What is compared to tell a repeat from a conflict, from the SHA-256 of the received bytes.
    pub(crate) fn received(&self, sha256: &Hash) -> ReceivedHash {
        self.hash(&[b"bytes", sha256.as_bytes()])
    }

    fn hash(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut mac = self.mac.clone();
        for part in parts {
            mac.update(&(part.len() as u32).to_be_bytes());
            mac.update(part);
        }
        let full = mac.finalize().into_bytes();
        let mut cut = [0u8; 16];
        cut.copy_from_slice(&full[..16]);
        cut
    }
}

/// One remembered identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) key: IdentityKey,
    pub(crate) received: ReceivedHash,
    /// The entry's index in its log.
    pub(crate) index: u64,
}

/// The bounded window of remembered identities.
pub(crate) struct IdentityWindow {
    oldest_first: VecDeque<Identity>,
    /// How many were forgotten: what stands first in `oldest_first` came as number `forgotten`.
    forgotten: u64,
    /// When each came.
    by_key: HashMap<IdentityKey, u64, BuildHasherDefault<KeyHasher>>,
    max: usize,
}

impl IdentityWindow {
    /// An empty window for at most `max` identities.
    pub(crate) fn new(max: usize) -> Self {
        let (oldest_first, by_key) = (VecDeque::new(), HashMap::default());
        IdentityWindow { oldest_first, forgotten: 0, by_key, max }
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.oldest_first.len()
    }

    /// What is remembered of an identity.
    pub(crate) fn get(&self, key: &IdentityKey) -> Option<(ReceivedHash, u64)> {
        let place = self.place(*self.by_key.get(key)?);
        self.oldest_first.get(place).map(|identity| (identity.received, identity.index))
    }

    /// Remembers an identity; replaying the same one twice changes nothing.
    pub(crate) fn insert(&mut self, identity: Identity) {
        let next = self.forgotten + self.oldest_first.len() as u64;
        let place = *self.by_key.entry(identity.key).or_insert(next);
        if place < next {
            let place = self.place(place);
            self.oldest_first[place] = identity;
            return;
        }
        // The oldest goes first: one place more than `max` would double what the queue takes.
        if self.oldest_first.len() >= self.max
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.by_key.remove(&oldest.key);
            self.forgotten += 1;
        }
        self.oldest_first.push_back(identity);
    }

    /// Every remembered identity, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Identity> {
        self.oldest_first.iter()
    }

    fn place(&self, came: u64) -> usize {
        (came - self.forgotten) as usize
    }
}

/// Takes an identity's key for its own hash: it is one already, keyed by a secret, so nobody can choose keys that collide.
#[derive(Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_be_bytes(*first);
        }
    }

    /// The length that stands before an array's bytes.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
