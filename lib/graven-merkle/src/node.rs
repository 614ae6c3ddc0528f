//! A complete subtree's place in the tree, and whoever can look up its hash.

use crate::Hash;

/// The place of a complete subtree: its hash covers leaves `[index << level, (index + 1) <<
/// level)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// The subtree's height: 0 is a leaf.
    pub level: u8,
    /// Its position among the nodes of its level, from 0.
    pub index: u64,
}

/// Where a node's hash comes from in tiles: the root of `count` neighbouring hashes of one tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileSpan {
    /// The tile's level.
    pub tile_level: u8,
    /// The tile's index in its level.
    pub tile_index: u64,
    /// The first hash's position in the tile.
    pub first: usize,
    /// How many hashes: a power of two up to 128, never past the tile's end.
    pub count: usize,
}

/// Whoever holds the hashes of a tree.
///
/// Only complete subtrees of the tree that was named in the call are asked for, in no promised
/// order and each at most once a call, so an implementation may cache nothing or everything.
pub trait NodeSource {
    /// Why a hash could not be had.
    type Error;

    /// The hash of a complete subtree.
    fn node(&self, node: Node) -> Result<Hash, Self::Error>;
}

impl<S: NodeSource + ?Sized> NodeSource for &S {
    type Error = S::Error;

    fn node(&self, node: Node) -> Result<Hash, S::Error> {
        (**self).node(node)
    }
}

impl Node {
    /// The tile, and the hashes in it, whose complete-tree root is this node's hash.
    pub const fn tile_span(self) -> TileSpan {
        let height = self.level % 8;
        let slots = 1 << (8 - height);
        TileSpan {
            tile_level: self.level / 8,
            tile_index: self.index / slots,
            first: ((self.index % slots) as usize) << height,
            count: 1 << height,
        }
    }
}
