//! Consecutive entries, read but not checked yet.

use graven_merkle::{Hash, leaf_hash};

/// Entries in one buffer, which is cheaper than a vector each. Each is hashed here as it comes in, once, so that nobody else's
/// hash is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    leaves: Vec<Hash>,
}

impl Entries {
    /// Adds the next entry; its leaf hash (RFC 6962 §2.1), which the one after states as its `prev`.
    pub fn push(&mut self, entry: &[u8]) -> Hash {
        let leaf = leaf_hash(entry);
        self.add(entry, leaf);
        leaf
    }

    /// Makes room for so many more, of this size together.
    pub fn reserve(&mut self, count: usize, size_bytes: usize) {
        self.bytes.reserve(size_bytes);
        self.ends.reserve(count);
        self.leaves.reserve(count);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Their bytes, in index order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default())
    }

    /// The same without the first `count`.
    #[must_use]
    pub fn skip(self, count: usize) -> Entries {
        let mut rest = Entries::default();
        self.with_leaves().skip(count).for_each(|(entry, leaf)| rest.add(entry, leaf));
        rest
    }

    /// Each with its leaf hash.
    pub(crate) fn with_leaves(&self) -> impl Iterator<Item = (&[u8], Hash)> {
        self.iter().zip(self.leaves.iter().copied())
    }

    fn add(&mut self, entry: &[u8], leaf: Hash) {
        self.bytes.extend_from_slice(entry);
        self.ends.push(self.bytes.len());
        self.leaves.push(leaf);
    }
}

impl<E: AsRef<[u8]>> FromIterator<E> for Entries {
    fn from_iter<I: IntoIterator<Item = E>>(entries: I) -> Entries {
        let mut all = Entries::default();
        for entry in entries {
            all.push(entry.as_ref());
        }
        all
    }
}
