//! The keys that a log's own entries name, and whose keys are believed.

use graven_entry::{Name, with_causes};
use graven_merkle::{LeafIndex, TreeSize};
use graven_note::VerifierKey;

use crate::fault::{Fault, FaultKind};
use crate::limits::KEYS_PER_NAME_MAX;
use crate::own::{KeyChange, KeyOp, key_statement};

/// Whose keys a checkpoint is judged by.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// Keys that the verifier's user has from elsewhere. The log's own entries may add others to
    /// them, each with a signature by one that is believed already, and end them.
    Given(Vec<VerifierKey>),
    /// The keys that the log itself names, in entry 0 and since, on its word alone: this shows that
    /// the log is whole in itself, not whose it is.
    FromLog,
}

/// The keys that ever were a log's or a stream's, in the order of their entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyRing {
    pub(crate) keys: Vec<NamedKey>,
}

/// A key, and when it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedKey {
    pub(crate) key: VerifierKey,
    pub(crate) added_at: LeafIndex,
    /// The entry that retired or revoked it.
    pub(crate) ended_at: Option<LeafIndex>,
    pub(crate) origin: KeyOrigin,
}

/// By whose word a key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyOrigin {
    /// It is one of the first ones.
    First,
    /// The key at this position in the ring, which counted then, signed for it.
    Signed(u32),
    /// Only the log says so.
    LogOnly,
}

impl KeyRing {
    /// The first keys of a log.
    pub(crate) fn opened(keys: Vec<VerifierKey>) -> KeyRing {
        let first = |key| NamedKey {
            key,
            added_at: LeafIndex(0),
            ended_at: None,
            origin: KeyOrigin::First,
        };
        KeyRing { keys: keys.into_iter().map(first).collect() }
    }

    /// Takes in the key entry at `index` of the log `origin`.
    pub(crate) fn change(
        &mut self,
        origin: &Name,
        index: LeafIndex,
        change: &KeyChange,
    ) -> Result<(), Fault> {
        let voucher = self.check_signature(origin, index, change)?;
        match change.op {
            KeyOp::Add if self.current(&change.key).is_some() => Ok(()),
            KeyOp::Add => self.add(index, change.key.clone(), voucher),
            KeyOp::Retire | KeyOp::Revoke => {
                if let Some(named) = self.keys.iter_mut().find(|key| key.is_current(&change.key)) {
                    named.ended_at = Some(index);
                }
                Ok(())
            }
        }
    }

    /// Whether the name ever had a key.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys for which only the log's word stands.
    pub(crate) fn unannounced(&self) -> impl Iterator<Item = &VerifierKey> {
        let by_log_only = |named: &&NamedKey| named.origin == KeyOrigin::LogOnly;
        self.keys.iter().filter(by_log_only).map(|named| &named.key)
    }

    /// Whether the key at this position of the ring is believed: because the log's word is enough,
    /// or it was given, or a believed key signed for it.
    pub(crate) fn is_believed(&self, place: usize, source: &KeySource) -> bool {
        let KeySource::Given(given) = source else { return true };
        let mut place = place;
        // A key is vouched for by an earlier one, so the way ends at the ring's beginning.
        while let Some(named) = self.keys.get(place) {
            if given.contains(&named.key) {
                return true;
            }
            match named.origin {
                KeyOrigin::Signed(voucher) if (voucher as usize) < place => {
                    place = voucher as usize;
                }
                _ => return false,
            }
        }
        false
    }

    /// The keys that are believed and were not ended.
    pub(crate) fn believed(&self, source: &KeySource) -> Vec<VerifierKey> {
        let keys =
            self.keys.iter().enumerate().filter(|(place, named)| {
                named.ended_at.is_none() && self.is_believed(*place, source)
            });
        keys.map(|(_, named)| named.key.clone()).collect()
    }

    fn add(
        &mut self,
        index: LeafIndex,
        key: VerifierKey,
        voucher: Option<u32>,
    ) -> Result<(), Fault> {
        if self.keys.len() >= KEYS_PER_NAME_MAX {
            let detail = format!("{} has more than {KEYS_PER_NAME_MAX} keys", key.name());
            return Err(Fault::at(index, FaultKind::LimitExceeded, detail));
        }
        let origin = match voucher {
            Some(place) => KeyOrigin::Signed(place),
            None if self.is_empty() => KeyOrigin::First,
            None => KeyOrigin::LogOnly,
        };
        self.keys.push(NamedKey { key, added_at: index, ended_at: None, origin });
        Ok(())
    }

    /// Verifies the signature of a change, where it has one, under a key that counts at `index`;
    /// gives that key's position. A key's signature for itself is verified, but vouches nothing.
    fn check_signature(
        &self,
        origin: &Name,
        index: LeafIndex,
        change: &KeyChange,
    ) -> Result<Option<u32>, Fault> {
        let Some(line) = &change.signature else { return Ok(None) };
        let is_by = |key: &VerifierKey| line.is_by(key.name(), key.id());
        let current =
            self.keys.iter().position(|named| named.ended_at.is_none() && is_by(&named.key));
        let by_itself = Some(&change.key).filter(|key| is_by(key));
        let key = current.and_then(|place| self.keys.get(place)).map(|named| &named.key);
        let Some(key) = key.or(by_itself) else {
            let detail = format!(
                "the change is signed by {} {}, which is no key of it at this entry",
                line.name, line.id
            );
            return Err(Fault::at(index, FaultKind::KeyNotValidThen, detail));
        };
        let statement = key_statement(origin, &change.target, change.op, &change.key.to_string());
        key.verify_note(&statement, line).map_err(|error| {
            let detail = format!("the signature of the change of keys: {}", with_causes(&error));
            Fault::at(index, FaultKind::SignatureBad, detail)
        })?;
        Ok(current.map(|place| place as u32))
    }

    fn current(&self, key: &VerifierKey) -> Option<&NamedKey> {
        self.keys.iter().find(|named| named.is_current(key))
    }
}

impl NamedKey {
    /// Whether it counts for the entry at `index`.
    pub(crate) fn counts_at(&self, index: LeafIndex) -> bool {
        self.added_at < index && self.ended_at.is_none_or(|ended_at| ended_at > index)
    }

    /// Whether a checkpoint of this size may be signed by it: it is named by an entry that the
    /// checkpoint covers, and ended by none.
    pub(crate) fn counts_for(&self, size: TreeSize) -> bool {
        self.added_at.is_in(size) && !self.ended_at.is_some_and(|ended_at| ended_at.is_in(size))
    }

    fn is_current(&self, key: &VerifierKey) -> bool {
        self.ended_at.is_none() && self.key == *key
    }
}
