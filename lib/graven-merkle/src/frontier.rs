//! A tree's right edge: all that is needed to append to it and to know its root.

use crate::subtree::complete_nodes;
use crate::{EMPTY_ROOT, Hash, NodeSource, ProofError, SIZE_MAX, TreeSize, node_hash};

/// The most nodes an edge has: one for each bit of a size.
const NODES_MAX: usize = 64;

/// The hashes of the largest complete subtrees of a tree, from left to right: one for each set bit
/// of its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// As many as `size` has set bits; allocated once for all sizes.
    nodes: Vec<Hash>,
}

/// Why an edge can't be as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrontierError {
    /// The number of nodes does not fit the size.
    #[error("frontier of {size} leaves has {count} nodes, it must have {expected}")]
    NodeCount {
        /// The tree's size.
        size: TreeSize,
        /// How many nodes were given.
        count: usize,
        /// How many set bits the size has.
        expected: usize,
    },
    /// The tree would be larger than [`SIZE_MAX`].
    #[error("frontier would have more than {SIZE_MAX} leaves")]
    TooLarge,
    /// A subtree was pushed that is not aligned to where the tree ends.
    #[error(
        "subtree of level {level} can't follow {size} leaves, which is no multiple of its size"
    )]
    Unaligned {
        /// The subtree's level.
        level: u8,
        /// The tree's size.
        size: TreeSize,
    },
}

impl Frontier {
    /// The edge of the empty tree.
    pub fn new() -> Frontier {
        Frontier { size: 0, nodes: Vec::with_capacity(NODES_MAX) }
    }

    /// The edge of a tree of `size` leaves, with nodes as [`Frontier::nodes`] gave them.
    pub fn from_nodes(size: TreeSize, mut nodes: Vec<Hash>) -> Result<Frontier, FrontierError> {
        if size > SIZE_MAX {
            return Err(FrontierError::TooLarge);
        }
        let expected = size.0.count_ones() as usize;
        if nodes.len() != expected {
            return Err(FrontierError::NodeCount { size, count: nodes.len(), expected });
        }
        nodes.reserve_exact(NODES_MAX - expected);
        Ok(Frontier { size: size.0, nodes })
    }

    /// The edge of a tree of `size` leaves whose nodes `source` holds.
    pub fn from_source<S: NodeSource>(
        size: TreeSize,
        source: &S,
    ) -> Result<Frontier, ProofError<S::Error>> {
        if size > SIZE_MAX {
            return Err(ProofError::SizeOutOfRange { size, max: SIZE_MAX });
        }
        let mut nodes = Vec::with_capacity(NODES_MAX);
        for node in complete_nodes(0, size.0) {
            nodes.push(source.node(node).map_err(ProofError::Source)?);
        }
        Ok(Frontier { size: size.0, nodes })
    }

    /// Appends a leaf, by its leaf hash. Never allocates; amortised one node hash.
    ///
    /// Past [`SIZE_MAX`] the tree is one that no proof function accepts; the size itself could only
    /// overflow after 2⁶³ more calls.
    pub fn push(&mut self, leaf: Hash) {
        self.merge(0, leaf, |_, _| {});
    }

    /// As [`Frontier::push`], and tells `complete` the level and the hash of every subtree of two
    /// or more leaves that the leaf completes, from small to large: who keeps the tree's tiles
    /// need not hash them again.
    pub fn push_with(&mut self, leaf: Hash, complete: impl FnMut(u8, Hash)) {
        self.merge(0, leaf, complete);
    }

    /// Appends a complete subtree of 2^`level` leaves, by its hash.
    pub fn push_subtree(&mut self, level: u8, hash: Hash) -> Result<(), FrontierError> {
        let leaves = 1_u64.checked_shl(u32::from(level)).ok_or(FrontierError::TooLarge)?;
        if leaves > SIZE_MAX.0.saturating_sub(self.size) {
            return Err(FrontierError::TooLarge);
        }
        if !self.size.is_multiple_of(leaves) {
            return Err(FrontierError::Unaligned { level, size: self.size() });
        }
        self.merge(level, hash, |_, _| {});
        Ok(())
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> TreeSize {
        TreeSize(self.size)
    }

    /// The tree's root.
    pub fn root(&self) -> Hash {
        let folded =
            self.nodes.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or(EMPTY_ROOT)
    }

    /// The hashes of the complete subtrees, from left to right, so from large to small.
    pub fn nodes(&self) -> &[Hash] {
        &self.nodes
    }

    /// Puts an aligned complete subtree at the end, joining it with each equal neighbour on its
    /// left.
    fn merge(&mut self, level: u8, hash: Hash, mut complete: impl FnMut(u8, Hash)) {
        let mut joined = hash;
        for step in 1..=(self.size >> level).trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                joined = node_hash(&left, &joined);
                // A size has 64 bits, so the sum has no more than 8.
                complete(level + step as u8, joined);
            }
        }
        self.nodes.push(joined);
        self.size += 1 << level;
    }
}

impl Default for Frontier {
    fn default() -> Frontier {
        Frontier::new()
    }
}
