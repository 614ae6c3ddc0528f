//! RFC 6962 Merkle trees: hashing, tiles, inclusion, consistency and subtree proofs.
//!
//! Pure computation over bytes: no I/O, no clock, no randomness, no panic on any input. Whoever
//! holds a tree's nodes implements [`NodeSource`] and makes proofs; whoever holds only a
//! checkpoint checks them with the `verify_*` functions, which work out a proof's shape alone.
//! Sources: RFC 9162 §2.1, C2SP `tlog-tiles`, and for subtrees
//! draft-ietf-plants-merkle-tree-certs §4.
//!
//! ```
//! use graven_merkle::{Frontier, LeafIndex, leaf_hash, verify_inclusion};
//!
//! let (first, second) = (leaf_hash(b"first entry"), leaf_hash(b"second entry"));
//! let mut log = Frontier::new();
//! log.push(first);
//! log.push(second);
//! // In a tree of two leaves, the other leaf is the whole proof.
//! let proof = [first];
//! assert_eq!(verify_inclusion(LeafIndex(1), log.size(), &second, &proof, &log.root()), Ok(()));
//! assert!(verify_inclusion(LeafIndex(0), log.size(), &second, &proof, &log.root()).is_err());
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing)]

mod bundle;
mod frontier;
mod hash;
mod limits;
mod many;
mod node;
mod position;
mod proof;
mod subtree;
mod tile;
mod verify;

#[cfg(test)]
mod tests;

pub use bundle::{BundleError, BundleReader, EntryTooLong, parse_bundle, push_bundle_entry};
pub use frontier::{Frontier, FrontierError};
pub use hash::{EMPTY_ROOT, Hash, ParseHashError, leaf_hash, leaf_hash_parts, node_hash};
pub use limits::{ENTRY_BYTES_MAX, PROOF_HASHES_MAX, SIZE_MAX, TILE_WIDTH};
pub use many::{inclusion_proof_of_many, verify_inclusion_of_many};
pub use node::{Node, NodeSource, TileSpan};
pub use position::{LeafIndex, TreeSize};
pub use proof::{
    ProofError, consistency_proof, inclusion_proof, root, subtree_consistency_proof, subtree_hash,
    subtree_inclusion_proof,
};
pub use subtree::{find_subtrees, is_valid_subtree};
pub use tile::{
    HashTileError, TileKind, TilePath, TilePathError, complete_tree_root, new_tiles, parse_hashes,
    tile_width_at, tiles_of,
};
pub use verify::{
    VerifyError, root_from_inclusion_proof, verify_consistency, verify_inclusion,
    verify_subtree_consistency, verify_subtree_inclusion,
};
