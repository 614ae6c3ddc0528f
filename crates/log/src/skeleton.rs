//! The hashes of a log that are kept in memory: enough to compute any root and any node above level 7.
//!
//! A segment of 65,536 entries costs 32 bytes here, a complete bundle of the unsealed part 32 bytes and the
//! entries of the last incomplete bundle 32 bytes each. Everything below is computed from the entries on read.

use crate::limits::{BUNDLE_ENTRIES, SEGMENT_ENTRIES};
use graven_merkle::{Frontier, Hash, TreeSize, complete_tree_root};
use std::sync::Arc;

/// Bundles in a segment.
const SEGMENT_BUNDLES: usize = (SEGMENT_ENTRIES / BUNDLE_ENTRIES) as usize;

/// The level-1 tile of a segment: one hash a bundle.
pub(crate) type SegmentTile = Arc<Vec<Hash>>;

/// The upper hashes of one log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Skeleton {
    /// Level-16 nodes, one for each complete segment.
    segment_roots: Vec<Hash>,
    /// Level-8 nodes of the open segment's complete bundles; always fewer than 256.
    bundle_roots: Vec<Hash>,
    /// Leaf hashes of the last incomplete bundle; always fewer than 256.
    open_leaves: Vec<Hash>,
    frontier: Frontier,
}

/// A skeleton's parts do not fit together.
#[derive(Debug, thiserror::Error)]
#[error(
    "tree skeleton with {segments} segments, {bundles} bundles and {leaves} leaves is not whole"
)]
pub(crate) struct BrokenSkeleton {
    segments: usize,
    bundles: usize,
    leaves: usize,
}

impl Skeleton {
    /// Rebuilds a skeleton from its three lists.
    pub(crate) fn from_parts(
        segment_roots: Vec<Hash>,
        bundle_roots: Vec<Hash>,
        open_leaves: Vec<Hash>,
    ) -> Result<Skeleton, BrokenSkeleton> {
        let broken = BrokenSkeleton {
            segments: segment_roots.len(),
            bundles: bundle_roots.len(),
            leaves: open_leaves.len(),
        };
        if bundle_roots.len() >= SEGMENT_BUNDLES || open_leaves.len() >= BUNDLE_ENTRIES as usize {
            return Err(broken);
        }
        let mut frontier = Frontier::new();
        for (level, hashes) in [(16, &segment_roots), (8, &bundle_roots), (0, &open_leaves)] {
            for hash in hashes {
                if frontier.push_subtree(level, *hash).is_err() {
                    return Err(broken);
                }
            }
        }
        Ok(Skeleton { segment_roots, bundle_roots, open_leaves, frontier })
    }

    /// Appends a leaf; returns the level-1 tile of the segment that it completed, if it did.
    pub(crate) fn push(&mut self, leaf: Hash) -> Option<SegmentTile> {
        self.frontier.push(leaf);
        self.open_leaves.push(leaf);
        if self.open_leaves.len() < BUNDLE_ENTRIES as usize {
            return None;
        }
        let bundle = complete_tree_root(&self.open_leaves).expect("256 leaves make a full tree");
        self.open_leaves.clear();
        self.bundle_roots.push(bundle);
        if self.bundle_roots.len() < SEGMENT_BUNDLES {
            return None;
        }
        let tile = Arc::new(std::mem::take(&mut self.bundle_roots));
        self.segment_roots.push(complete_tree_root(&tile).expect("256 bundles make a full tree"));
        Some(tile)
    }

    /// Number of leaves.
    pub(crate) fn size(&self) -> TreeSize {
        self.frontier.size()
    }

    /// Root over all leaves.
    pub(crate) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The tree's right edge.
    pub(crate) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The root of segment `number`, where it is complete.
    pub(crate) fn segment_root(&self, number: u64) -> Option<Hash> {
        self.segment_roots.get(usize::try_from(number).ok()?).copied()
    }

    /// The leaf hashes of the last, incomplete bundle.
    pub(crate) fn open_leaves(&self) -> &[Hash] {
        &self.open_leaves
    }

    /// The three lists, for persisting.
    pub(crate) fn parts(&self) -> (&[Hash], &[Hash], &[Hash]) {
        (&self.segment_roots, &self.bundle_roots, &self.open_leaves)
    }
}
