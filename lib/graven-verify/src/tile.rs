//! Hash tiles against the hashes that the entries give.

use graven_merkle::{
    Hash, LeafIndex, Node, TILE_WIDTH, TileKind, TilePath, TreeSize, complete_tree_root,
    parse_hashes,
};

use crate::expected_tile::ExpectedTile;
use crate::fault::{Fault, FaultKind};
use crate::run::RunReport;

/// Levels of hash tiles that a tree of 2^63 leaves can have.
const LEVELS: usize = 8;

/// Works out the hash tiles of a log from its runs, in index order.
///
/// It holds at most one unfinished tile of each level. Tiles that lie whole in one run need no
/// checker: [`RunReport::tile`] has them.
#[derive(Clone, Debug)]
pub struct TileChecker {
    size: TreeSize,
    levels: [Level; LEVELS],
}

/// The tile of a level that is not full yet.
#[derive(Clone, Debug, Default)]
struct Level {
    /// Its index: how many are full.
    index: u64,
    hashes: Vec<Hash>,
}

impl TileChecker {
    /// A checker at the log's beginning.
    pub fn new() -> TileChecker {
        TileChecker { size: TreeSize(0), levels: std::array::from_fn(|_| Level::default()) }
    }

    /// How many entries it has seen.
    pub fn size(&self) -> TreeSize {
        self.size
    }

    /// Takes in the next run; gives the tiles that it fills, a lower one before one above it.
    pub fn push_run(&mut self, run: &RunReport) -> Result<Vec<ExpectedTile>, Fault> {
        if run.first().0 != self.size.0 {
            let detail = format!("the run begins at {}, not at {}", run.first(), self.size);
            return Err(Fault::of_log(FaultKind::SizeMismatch, detail));
        }
        let mut full = Vec::new();
        let mut rest = run.leaf_hashes();
        while !rest.is_empty() {
            let filled = self.levels.first().map_or(0, |level| level.hashes.len());
            let count = rest.len().min(TILE_WIDTH.saturating_sub(filled));
            let (leaves, after) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            if let Some(level) = self.levels.first_mut() {
                level.hashes.extend_from_slice(leaves);
            }
            rest = after;
            self.fill(run, &mut full);
        }
        self.size = run.end();
        Ok(full)
    }

    /// The tiles at the log's end that are not full.
    pub fn partial_tiles(&self) -> Vec<ExpectedTile> {
        let partial = self.levels.iter().zip(0_u8..).filter(|(level, _)| !level.hashes.is_empty());
        partial.map(|(level, number)| level.expected(number)).collect()
    }

    /// Hands every full tile on, from the lowest level up.
    fn fill(&mut self, run: &RunReport, full: &mut Vec<ExpectedTile>) {
        let mut above = None;
        for (number, level) in self.levels.iter_mut().enumerate() {
            level.hashes.extend(above.take());
            if level.hashes.len() < TILE_WIDTH {
                return;
            }
            let number = number as u8;
            // What the run has hashed already need not be hashed again.
            let node = Node { level: 8 * (number + 1), index: level.index };
            above = run.tree.node(node).or_else(|| complete_tree_root(&level.hashes));
            full.push(level.expected(number));
            level.index += 1;
            level.hashes.clear();
        }
    }
}

impl Default for TileChecker {
    fn default() -> TileChecker {
        TileChecker::new()
    }
}

impl Level {
    fn expected(&self, number: u8) -> ExpectedTile {
        // A tile has at most 256 hashes.
        let width = self.hashes.len() as u16;
        let path = TilePath { kind: TileKind::Hashes(number), index: self.index, width };
        ExpectedTile { path, hashes: self.hashes.clone() }
    }
}

/// Checks a tile's bytes. The fault names the first entry under the first hash that differs; at
/// level 0 that is the entry itself.
pub fn check_tile(expected: &ExpectedTile, bytes: &[u8]) -> Result<(), Fault> {
    let path = &expected.path;
    let fault = |position: usize, kind, detail: String| Fault {
        index: first_leaf(path, position),
        kind,
        detail: format!("{path}: {detail}"),
    };
    let hashes = parse_hashes(bytes)
        .map_err(|error| fault(0, FaultKind::TileMismatch, error.to_string()))?;
    if hashes.len() != expected.hashes.len() {
        let detail = format!("the tile has {} hashes, not {}", hashes.len(), expected.hashes.len());
        return Err(fault(0, FaultKind::TileMismatch, detail));
    }
    let pairs = || hashes.iter().zip(&expected.hashes).enumerate();
    let Some((position, (found, computed))) =
        pairs().find(|(_, (found, expected))| found != expected)
    else {
        return Ok(());
    };
    let detail = format!("hash {position} is {found}, the entries give {computed}");
    let is_leaf = path.kind == TileKind::Hashes(0);
    let kind = if is_leaf { FaultKind::LeafMismatch } else { FaultKind::TileMismatch };
    Err(fault(position, kind, detail))
}

/// The first entry under a hash of a tile.
fn first_leaf(path: &TilePath, position: usize) -> Option<LeafIndex> {
    let TileKind::Hashes(level) = path.kind else { return None };
    let node = path.index.checked_mul(TILE_WIDTH as u64)?.checked_add(position as u64)?;
    let first = node.checked_mul(1_u64.checked_shl(8 * u32::from(level))?)?;
    Some(LeafIndex(first))
}
