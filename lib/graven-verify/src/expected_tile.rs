//! What a tile has to be.

use graven_merkle::{Hash, TilePath};

/// A hash tile as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedTile {
    /// Its name: level, index and width.
    pub path: TilePath,
    /// As many hashes as it is wide.
    pub hashes: Vec<Hash>,
}
