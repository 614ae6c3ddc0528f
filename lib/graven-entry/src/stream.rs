//! The hash chain of a stream: each link commits to one event and to all before it.

use graven_merkle::Hash;
use sha2::{Digest, Sha256};

use crate::name::{Name, STREAM_LINE};

/// The prefix of a hashed link, apart from those of leaves (0) and nodes (1) of a tree.
const LINK_PREFIX: [u8; 1] = [0x02];

/// The chain's head before the first event:
/// `SHA-256("graven/stream/v1\n" ‖ origin ‖ "\n" ‖ stream ‖ "\n")`.
pub fn chain_start(origin: &Name, stream: &Name) -> Hash {
    let mut hasher = Sha256::new();
    for line in [STREAM_LINE, origin.as_str(), stream.as_str()] {
        hasher.update(line);
        hasher.update(b"\n");
    }
    Hash::new(hasher.finalize().into())
}

/// The chain's head after one more event: `SHA-256(0x02 ‖ head ‖ event hash)`.
pub fn chain_next(head: &Hash, event_hash: &Hash) -> Hash {
    let mut hasher = Sha256::new_with_prefix(LINK_PREFIX);
    hasher.update(head.as_bytes());
    hasher.update(event_hash.as_bytes());
    Hash::new(hasher.finalize().into())
}

/// The hash of an event, its line feed excluded: `SHA-256(event)`.
pub fn event_hash(event: &[u8]) -> Hash {
    Hash::new(Sha256::digest(event).into())
}

#[cfg(test)]
mod tests;
