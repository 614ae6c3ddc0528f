//! The limits of a tree and of what is read from one.

use crate::TreeSize;

/// The largest tree that every function here accepts: 2⁶³ − 1 leaves.
pub const SIZE_MAX: TreeSize = TreeSize((1 << 63) - 1);

/// How many hashes or entries a full tile or bundle holds (C2SP `tlog-tiles`).
pub const TILE_WIDTH: usize = 256;

/// The most hashes that C2SP formats let a proof have.
///
/// No inclusion proof has more. A consistency proof could have one more in a tree of over 2⁶²
/// leaves only.
pub const PROOF_HASHES_MAX: usize = 63;

/// The longest entry that a bundle can hold, in bytes: its length prefix has 16 bits.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// The highest level of a hash tile that has a path (C2SP `tlog-tiles`).
pub(crate) const TILE_LEVEL_MAX: u8 = 63;

/// The most base-1000 digits that a tile's index needs: 1000⁷ is above 2⁶⁴.
pub(crate) const TILE_INDEX_GROUPS_MAX: usize = 7;
