//! The hashes of a log that are kept in memory: enough to compute any root and any node above level 7.
//!
//! A segment of 65,536 entries costs 32 bytes here, a complete bundle of the unsealed part 32 bytes and the
//! entries of the last incomplete bundle 32 bytes each. Everything below is computed from the entries on read.

use crate::limits::{BUNDLE_ENTRIES, SEGMENT_ENTRIES};
use graven_merkle::{Frontier, Hash, TILE_WIDTH, TreeSize};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bundles in a segment.
const SEGMENT_BUNDLES: usize = (SEGMENT_ENTRIES / BUNDLE_ENTRIES) as usize;

/// Levels of the nodes over a whole bundle and a whole segment.
const BUNDLE_LEVEL: u8 = BUNDLE_ENTRIES.trailing_zeros() as u8;
const SEGMENT_LEVEL: u8 = SEGMENT_ENTRIES.trailing_zeros() as u8;

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

/// What further leaves make of a skeleton: hashed, not yet taken in.
pub(crate) struct Growth {
    frontier: Frontier,
    completed: Completed,
}

/// Nodes that leaves completed, in index order.
#[derive(Default)]
struct Completed {
    bundle_roots: VecDeque<Hash>,
    segment_roots: VecDeque<Hash>,
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
        let lists =
            [(SEGMENT_LEVEL, &segment_roots), (BUNDLE_LEVEL, &bundle_roots), (0, &open_leaves)];
        for (level, hashes) in lists {
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
        let mut completed = Completed::default();
        self.frontier.push_with(leaf, |level, node| completed.note(level, node));
        self.take(leaf, &mut completed)
    }

    /// Begins to hash further leaves, without taking them in.
    pub(crate) fn grow(&self) -> Growth {
        Growth { frontier: self.frontier.clone(), completed: Completed::default() }
    }

    /// Takes in what [`Skeleton::grow`] began with these leaves, on a skeleton that has not changed since; returns the
    /// level-1 tiles of the segments that they completed.
    pub(crate) fn take_in(&mut self, growth: Growth, leaves: &[Hash]) -> Vec<SegmentTile> {
        let Growth { frontier, mut completed } = growth;
        self.frontier = frontier;
        leaves.iter().filter_map(|leaf| self.take(*leaf, &mut completed)).collect()
    }

    fn take(&mut self, leaf: Hash, completed: &mut Completed) -> Option<SegmentTile> {
        self.open_leaves.push(leaf);
        if self.open_leaves.len() < BUNDLE_ENTRIES as usize {
            return None;
        }
        self.open_leaves.clear();
        let bundle = completed.bundle_roots.pop_front().expect("the frontier saw the 256th leaf");
        self.bundle_roots.push(bundle);
        if self.bundle_roots.len() < SEGMENT_BUNDLES {
            return None;
        }
        let segment = completed.segment_roots.pop_front().expect("the frontier saw the last leaf");
        self.segment_roots.push(segment);
        Some(Arc::new(std::mem::take(&mut self.bundle_roots)))
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

    /// The roots of complete segments in the level-2 tile `number`.
    pub(crate) fn segment_roots(&self, number: u64) -> &[Hash] {
        let mut tiles = self.segment_roots.chunks(TILE_WIDTH);
        usize::try_from(number).ok().and_then(|number| tiles.nth(number)).unwrap_or_default()
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

impl Growth {
    /// Hashes the next leaf.
    pub(crate) fn push(&mut self, leaf: Hash) {
        let completed = &mut self.completed;
        self.frontier.push_with(leaf, |level, node| completed.note(level, node));
    }

    /// The tree's right edge with the leaves so far.
    pub(crate) fn frontier(&self) -> &Frontier {
        &self.frontier
    }
}

impl Completed {
    fn note(&mut self, level: u8, node: Hash) {
        match level {
            BUNDLE_LEVEL => self.bundle_roots.push_back(node),
            SEGMENT_LEVEL => self.segment_roots.push_back(node),
            _ => {}
        }
    }
}
