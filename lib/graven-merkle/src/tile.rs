//! Hash tiles and the paths of tiles and bundles (C2SP `tlog-tiles`).

use std::fmt;
use std::str::FromStr;

use crate::limits::{TILE_INDEX_GROUPS_MAX, TILE_LEVEL_MAX};
use crate::{Frontier, Hash, TILE_WIDTH, TreeSize};

/// The width of a full tile, as a path has it.
const WIDTH_FULL: u16 = 256;
/// The bytes of one hash in a tile.
const HASH_BYTES: usize = 32;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Up to 256 hashes of nodes of tree level 8 × this tile level, which is 0 to 63.
    Hashes(u8),
    /// Up to 256 entries: an entry bundle.
    Entries,
}

/// The name of a tile or a bundle, whose text form is its path below a log's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    /// What it holds, and at which level.
    pub kind: TileKind,
    /// Its position among the tiles of its level, from 0.
    pub index: u64,
    /// How many hashes or entries it holds: 1 to 256, and 256 means full.
    pub width: u16,
}

/// A text that is no tile path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TilePathError {
    /// It doesn't begin with `tile/`, a level or `entries`, and a slash.
    #[error("tile path must begin with `tile/`, a level from 0 to 63 or `entries`, and `/`")]
    Level,
    /// The index isn't groups of three digits, or is too large.
    #[error(
        "tile index must be groups of three digits, all but the last after `x`, without a \
             leading group of zeros, and below 2^64"
    )]
    Index,
    /// The partial width isn't a number from 1 to 255.
    #[error("tile width after `.p/` must be a number from 1 to 255 without leading zeros")]
    Width,
}

/// Bytes that are no hash tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashTileError {
    /// The length is not that of 1 to 256 whole hashes.
    #[error("hash tile has {len_bytes} bytes, it must have a multiple of 32 from 32 to 8192")]
    Length {
        /// The length, in bytes.
        len_bytes: usize,
    },
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        for place in (1..TILE_INDEX_GROUPS_MAX as u32).rev() {
            let group = self.index / 1000_u64.pow(place);
            if group > 0 {
                write!(f, "x{:03}/", group % 1000)?;
            }
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.width < WIDTH_FULL { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = TilePathError;

    fn from_str(text: &str) -> Result<TilePath, TilePathError> {
        let rest = text.strip_prefix("tile/").ok_or(TilePathError::Level)?;
        let (level, rest) = rest.split_once('/').ok_or(TilePathError::Level)?;
        let kind = parse_kind(level).ok_or(TilePathError::Level)?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, parse_width(width).ok_or(TilePathError::Width)?),
            None => (rest, WIDTH_FULL),
        };
        let index = parse_index(index).ok_or(TilePathError::Index)?;
        Ok(TilePath { kind, index, width })
    }
}

/// Every bundle and hash tile that a checkpoint of `size` implies, partial ones included: the
/// bundles, then the hash tiles level by level from 0.
pub fn tiles_of(size: TreeSize) -> impl Iterator<Item = TilePath> {
    new_tiles(TreeSize(0), size)
}

/// Those of [`tiles_of`] `new` that a tree of `old` leaves did not have at that width: they
/// appeared or grew. None where `new` is not above `old`.
pub fn new_tiles(old: TreeSize, new: TreeSize) -> impl Iterator<Item = TilePath> {
    let kinds = std::iter::once(TileKind::Entries).chain((0..8).map(TileKind::Hashes));
    kinds.flat_map(move |kind| {
        let level = match kind {
            TileKind::Hashes(level) => level,
            TileKind::Entries => 0,
        };
        let (had, has) = (hashes_at(level, old), hashes_at(level, new));
        // The first tile that isn't full yet is where growth begins.
        let first = had / TILE_WIDTH as u64;
        let end = if has > had { has.div_ceil(TILE_WIDTH as u64) } else { first };
        (first..end).map(move |index| TilePath {
            kind,
            index,
            width: tile_width_at(level, index, new),
        })
    })
}

/// How many hashes the tile at this level and index has in a tree of `size` leaves; 0 where there
/// is no such tile. Bundles are as wide as the tiles of level 0.
pub fn tile_width_at(level: u8, index: u64, size: TreeSize) -> u16 {
    let Some(before) = index.checked_mul(TILE_WIDTH as u64) else { return 0 };
    let width = hashes_at(level, size).saturating_sub(before);
    width.min(u64::from(WIDTH_FULL)) as u16
}

/// The hashes of a full or partial hash tile.
pub fn parse_hashes(tile: &[u8]) -> Result<Vec<Hash>, HashTileError> {
    let (hashes, rest) = tile.as_chunks::<HASH_BYTES>();
    if !rest.is_empty() || hashes.is_empty() || hashes.len() > TILE_WIDTH {
        return Err(HashTileError::Length { len_bytes: tile.len() });
    }
    Ok(hashes.iter().copied().map(Hash::new).collect())
}

/// The root of a complete tree with these nodes at its lowest level; none where their number is no
/// power of two.
pub fn complete_tree_root(hashes: &[Hash]) -> Option<Hash> {
    if !hashes.len().is_power_of_two() {
        return None;
    }
    let mut frontier = Frontier::new();
    for hash in hashes {
        frontier.push(*hash);
    }
    Some(frontier.root())
}

/// How many complete subtrees of 256^`level` leaves a tree has.
fn hashes_at(level: u8, size: TreeSize) -> u64 {
    size.0.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

fn parse_kind(text: &str) -> Option<TileKind> {
    if text == "entries" {
        return Some(TileKind::Entries);
    }
    let level = parse_number(text)?;
    (level <= u16::from(TILE_LEVEL_MAX)).then_some(TileKind::Hashes(level as u8))
}

fn parse_width(text: &str) -> Option<u16> {
    parse_number(text).filter(|width| (1..WIDTH_FULL).contains(width))
}

/// A number as it is written, without sign or leading zeros.
fn parse_number(text: &str) -> Option<u16> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { text.parse().ok() } else { None }
}

fn parse_index(text: &str) -> Option<u64> {
    let (leading, last) = match text.rsplit_once('/') {
        Some((leading, last)) => (Some(leading), last),
        None => (None, text),
    };
    let mut index = 0_u64;
    for (place, group) in leading.iter().flat_map(|groups| groups.split('/')).enumerate() {
        let value = parse_group(group.strip_prefix('x')?)?;
        // A first group of zeros would give one tile two paths.
        if place == 0 && value == 0 {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(value)?;
    }
    index.checked_mul(1000)?.checked_add(parse_group(last)?)
}

fn parse_group(text: &str) -> Option<u64> {
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}
