//! Idempotency: who said it before, and where it stands (design §3).
//!
//! An event without a stream is identified by its writer and its `id`, an event in a stream by its `seq`. What is kept is
//! keyed by a secret of the cell, so that the window tells a thief of the disk nothing of the bytes. The window is bounded
//! for the whole cell and forgets the oldest identity first.

use graven_merkle::Hash;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::{HashMap, VecDeque};

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
    by_key: HashMap<IdentityKey, (ReceivedHash, u64)>,
    oldest_first: VecDeque<IdentityKey>,
    max: usize,
}

impl IdentityWindow {
    /// An empty window for at most `max` identities.
    pub(crate) fn new(max: usize) -> Self {
        IdentityWindow { by_key: HashMap::new(), oldest_first: VecDeque::new(), max }
    }

    /// What is remembered of an identity.
    pub(crate) fn get(&self, key: &IdentityKey) -> Option<(ReceivedHash, u64)> {
        self.by_key.get(key).copied()
    }

    /// Remembers an identity; replaying the same one twice changes nothing.
    pub(crate) fn insert(&mut self, identity: Identity) {
        let value = (identity.received, identity.index);
        if self.by_key.insert(identity.key, value).is_none() {
            self.oldest_first.push_back(identity.key);
        }
        while self.oldest_first.len() > self.max {
            if let Some(key) = self.oldest_first.pop_front() {
                self.by_key.remove(&key);
            }
        }
    }

    /// Every remembered identity, oldest first.
    pub(crate) fn each(&self, mut visit: impl FnMut(Identity)) {
        for key in &self.oldest_first {
            if let Some((received, index)) = self.by_key.get(key) {
                visit(Identity { key: *key, received: *received, index: *index });
            }
        }
    }
}
