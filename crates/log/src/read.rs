//! Reading: entries, bundles, tiles and proofs, from the tail in memory or from parts, through bounded caches.
//!
//! Nothing at or above the committed size is ever read. Complete bundles and tiles never change, so caches hold only those.

use crate::bundle::Entries;
use crate::limits::{BUNDLE_CACHE_BYTES, BUNDLE_ENTRIES, SEGMENT_ENTRIES, TILE_CACHE_BYTES};
use crate::part::{OpenPart, PartError, store_error};
use crate::shared::{LogShared, SignedHead};
use append::{Code, Refusal};
use graven_entry::{EntryParts, Header, Time, with_causes};
use graven_merkle::{
    Hash, LeafIndex, Node, NodeSource, ProofError, TILE_WIDTH, TileKind, TilePath, TreeSize,
    consistency_proof, inclusion_proof, inclusion_proof_of_many, leaf_hash, node_hash,
    push_bundle_entry,
};
use graven_note::TlogProof;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::StoreError;
use store::segments::{PartMeta, SegmentStore};

/// How often a read is tried again when a part was merged away under it.
const MOVED_RETRIES: usize = 4;

/// A read that gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such thing in the log.
    #[error("{what} is not in the log, which has {size} entries")]
    NotFound {
        /// What was asked for.
        what: String,
        /// The log's size.
        size: TreeSize,
    },
    /// The entry is there, and no signed checkpoint covers it: its log ended before one was written down.
    #[error(
        "entry {index} can be read, not proved: its log has ended and signs no more, and the newest signed checkpoint that is left covers {signed_size} entries"
    )]
    Unsigned {
        /// The entry.
        index: LeafIndex,
        /// Entries that the newest signed checkpoint covers.
        signed_size: TreeSize,
    },
    /// The stored bytes are not what was written.
    #[error("stored bytes cannot be read")]
    Part(#[from] PartError),
    /// The read raced with unloading more often than it should.
    #[error("entry {0} moved while it was read; try again")]
    Moved(LeafIndex),
    /// The log stopped, or its signing key is missing.
    #[error("{0}")]
    Unavailable(String),
    /// An entry in the store is not an entry.
    #[error("entry {index} is malformed: {why}")]
    Malformed {
        /// Which.
        index: LeafIndex,
        /// What is wrong.
        why: String,
    },
}

impl From<&ReadError> for Refusal {
    fn from(error: &ReadError) -> Refusal {
        match error {
            ReadError::NotFound { .. } | ReadError::Unsigned { .. } => {
                Refusal::new(Code::NotFound, error.to_string())
            }
            ReadError::Unavailable(why) => {
                Refusal::new(Code::Unavailable, why.clone()).retry_after(5)
            }
            ReadError::Moved(_) => {
                Refusal::new(Code::Unavailable, error.to_string()).retry_after(1)
            }
            ReadError::Part(_) | ReadError::Malformed { .. } => {
                let detail =
                    "stored bytes of this log are damaged; an operator should run `graven verify`";
                Refusal::new(Code::Unavailable, detail).retry_after(60)
            }
        }
    }
}

#[derive(Clone)]
struct EntriesWeight;

impl Weighter<(u32, u64), Arc<Entries>> for EntriesWeight {
    fn weight(&self, _: &(u32, u64), entries: &Arc<Entries>) -> u64 {
        entries.size_bytes() as u64 + 64
    }
}

#[derive(Clone)]
struct TileWeight;

impl Weighter<(u32, u8, u64), Arc<TileNodes>> for TileWeight {
    fn weight(&self, _: &(u32, u8, u64), tile: &Arc<TileNodes>) -> u64 {
        tile.size_bytes() as u64 + 64
    }
}

/// A tile's hashes and every node over them. What is there never changes; an incomplete tile may get more.
struct TileNodes {
    /// From the tile's own hashes up, each level half as long.
    levels: Vec<Vec<Hash>>,
}

impl TileNodes {
    fn new(hashes: Vec<Hash>) -> TileNodes {
        let mut levels = vec![hashes];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let pairs = below.chunks_exact(2);
            levels.push(pairs.map(|pair| node_hash(&pair[0], &pair[1])).collect());
        }
        TileNodes { levels }
    }

    /// The node `height` levels over the tile's own.
    fn node(&self, height: u8, place: u64) -> Option<Hash> {
        self.levels.get(usize::from(height))?.get(usize::try_from(place).ok()?).copied()
    }

    fn size_bytes(&self) -> usize {
        self.levels.iter().map(|level| level.len() * 32 + 24).sum()
    }
}

/// Hash tiles by log number, tile level and tile index.
type TileCache = Cache<(u32, u8, u64), Arc<TileNodes>, TileWeight>;

/// How often the caches helped.
#[derive(Debug, Default)]
pub(crate) struct CacheStats {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
}

/// Reads any log of a cell.
#[derive(Clone)]
pub(crate) struct Reader {
    store: SegmentStore,
    bundles: Arc<Cache<(u32, u64), Arc<Entries>, EntriesWeight>>,
    tiles: Arc<TileCache>,
    pub(crate) stats: Arc<CacheStats>,
}

impl Reader {
    pub(crate) fn new(store: SegmentStore) -> Self {
        let bundles = Cache::with_weighter(1_024, BUNDLE_CACHE_BYTES, EntriesWeight);
        let tiles = Cache::with_weighter(4_096, TILE_CACHE_BYTES, TileWeight);
        let stats = Arc::default();
        Reader { store, bundles: Arc::new(bundles), tiles: Arc::new(tiles), stats }
    }

    /// The bytes of a committed entry.
    pub(crate) fn entry(&self, log: &LogShared, index: LeafIndex) -> Result<Vec<u8>, ReadError> {
        if let Some(entry) = entry_in_tail(log, index) {
            return Ok(entry);
        }
        let size = log.head().size;
        if index.0 >= size.0 {
            return Err(ReadError::NotFound { what: format!("entry {index}"), size });
        }
        let first = index.0 - index.0 % BUNDLE_ENTRIES;
        let bundle = self.bundle(log, index.0 / BUNDLE_ENTRIES, size.0)?;
        let entry = bundle.get((index.0 - first) as usize).ok_or(ReadError::Moved(index))?;
        Ok(entry.to_vec())
    }

    /// What committed entries say: their bytes, perhaps with zeros for `prev` and `nonce`. A bundle is decoded once for those of it
    /// that stand side by side in the list.
    pub(crate) fn unlinked(
        &self,
        log: &LogShared,
        indexes: &[LeafIndex],
    ) -> Result<Vec<Vec<u8>>, ReadError> {
        let (mut entries, mut retries) = (Vec::with_capacity(indexes.len()), 0);
        while let Some((index, after)) = indexes.get(entries.len()..).and_then(<[_]>::split_first) {
            let is_at_hand = log.tail().chunk(index.0).is_some()
                || self.bundles.peek(&(log.no, index.0 / BUNDLE_ENTRIES)).is_some();
            if is_at_hand || index.0 >= log.head().size.0 {
                entries.push(self.entry(log, *index)?);
                continue;
            }
            let part = find_part(&log.parts(), index.0).ok_or(ReadError::Moved(*index));
            let part = part.and_then(|meta| self.open(&meta));
            match part.and_then(|part| Ok(part.unlinked(*index, after)?)) {
                Err(error) if is_moved(&error) && retries < MOVED_RETRIES => retries += 1,
                some => entries.extend(some?),
            }
        }
        Ok(entries)
    }

    /// The header line of an entry, without its line end.
    pub(crate) fn header_line(
        &self,
        log: &LogShared,
        index: LeafIndex,
    ) -> Result<String, ReadError> {
        let entry = self.entry(log, index)?;
        let parts = EntryParts::split(&entry).map_err(|error| malformed(index, &error))?;
        let line = parts.header_line.strip_suffix(b"\n").unwrap_or(parts.header_line);
        String::from_utf8(line.to_vec()).map_err(|error| malformed(index, &error))
    }

    /// The chain head before the entry, where it begins an attested batch.
    pub(crate) fn chain_before(
        &self,
        log: &LogShared,
        index: LeafIndex,
    ) -> Result<Option<Hash>, ReadError> {
        if let Some(chunk) = log.tail().chunk(index.0).cloned() {
            return Ok(chunk.chain_before(index.0));
        }
        let number = index.0 / BUNDLE_ENTRIES;
        let bundle = self.bundle(log, number, log.head().size.0)?;
        Ok(bundle.chain_before((index.0 - number * BUNDLE_ENTRIES) as usize))
    }

    /// The leaf hash and the time of an entry.
    pub(crate) fn leaf_and_time(
        &self,
        log: &LogShared,
        index: LeafIndex,
    ) -> Result<(Hash, Time), ReadError> {
        let entry = self.entry(log, index)?;
        let parts = EntryParts::split(&entry).map_err(|error| malformed(index, &error))?;
        let header = Header::parse(parts.header_line).map_err(|error| malformed(index, &error))?;
        Ok((leaf_hash(&entry), header.time))
    }

    /// The tlog-proof of an entry against a signed head.
    pub(crate) fn proof(
        &self,
        log: &LogShared,
        index: LeafIndex,
        signed: &SignedHead,
        extra: Option<Vec<u8>>,
    ) -> Result<String, ReadError> {
        let nodes = LogNodes { reader: self, log };
        let hashes =
            inclusion_proof(index, signed.head.size, &nodes).map_err(|e| from_proof(log, e))?;
        let checkpoint = signed.note.clone().into_bytes();
        Ok(TlogProof { extra, index, hashes, checkpoint }.to_string())
    }

    /// The hashes that lead from entries at increasing indexes to the root at `size`.
    pub(crate) fn proof_of_many(
        &self,
        log: &LogShared,
        indexes: &[LeafIndex],
        size: TreeSize,
    ) -> Result<Vec<Hash>, ReadError> {
        let nodes = LogNodes { reader: self, log };
        inclusion_proof_of_many(indexes, size, &nodes).map_err(|e| from_proof(log, e))
    }

    /// The consistency proof between two sizes.
    pub(crate) fn consistency(
        &self,
        log: &LogShared,
        old: TreeSize,
        new: TreeSize,
    ) -> Result<Vec<Hash>, ReadError> {
        consistency_proof(old, new, &LogNodes { reader: self, log }).map_err(|e| from_proof(log, e))
    }

    /// The root at a committed size.
    pub(crate) fn root_at(&self, log: &LogShared, size: TreeSize) -> Result<Hash, ReadError> {
        graven_merkle::root(size, &LogNodes { reader: self, log }).map_err(|e| from_proof(log, e))
    }

    /// A C2SP hash tile or entry bundle of the log at `size`.
    pub(crate) fn tile(
        &self,
        log: &LogShared,
        path: &TilePath,
        size: TreeSize,
    ) -> Result<Vec<u8>, ReadError> {
        let level = match path.kind {
            TileKind::Hashes(level) => level,
            TileKind::Entries => 0,
        };
        let there = graven_merkle::tile_width_at(level, path.index, size);
        if path.width == 0 || path.width > there {
            return Err(ReadError::NotFound { what: path.to_string(), size });
        }
        match path.kind {
            TileKind::Entries => self.entry_bundle(log, path, size),
            TileKind::Hashes(level) => self.hash_tile(log, level, path),
        }
    }

    fn entry_bundle(
        &self,
        log: &LogShared,
        path: &TilePath,
        size: TreeSize,
    ) -> Result<Vec<u8>, ReadError> {
        let entries = self.bundle(log, path.index, size.0)?;
        let mut out = Vec::new();
        for (place, entry) in entries.iter().take(usize::from(path.width)).enumerate() {
            let index = LeafIndex(path.index * BUNDLE_ENTRIES + place as u64);
            push_bundle_entry(&mut out, entry).map_err(|error| malformed(index, &error))?;
        }
        Ok(out)
    }

    fn hash_tile(&self, log: &LogShared, level: u8, path: &TilePath) -> Result<Vec<u8>, ReadError> {
        let nodes = LogNodes { reader: self, log };
        let first = path.index * TILE_WIDTH as u64;
        let mut out = Vec::with_capacity(usize::from(path.width) * 32);
        for place in 0..u64::from(path.width) {
            let node = Node { level: level * 8, index: first + place };
            out.extend_from_slice(nodes.node(node)?.as_bytes());
        }
        Ok(out)
    }

    /// The entries of bundle `number`, all that lie below `size`.
    pub(crate) fn bundle(
        &self,
        log: &LogShared,
        number: u64,
        size: u64,
    ) -> Result<Arc<Entries>, ReadError> {
        let key = (log.no, number);
        if let Some(entries) = self.bundles.get(&key) {
            self.stats.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(entries);
        }
        self.stats.misses.fetch_add(1, Ordering::Relaxed);
        let first = number * BUNDLE_ENTRIES;
        let end = size.min(first + BUNDLE_ENTRIES);
        let entries = Arc::new(self.gather(log, first, end)?);
        if entries.len() as u64 == BUNDLE_ENTRIES {
            self.bundles.insert(key, Arc::clone(&entries));
        }
        Ok(entries)
    }

    /// Entries `first..end` of one bundle, from parts and the tail. A part that is merged away meanwhile is looked up again.
    pub(crate) fn gather(
        &self,
        log: &LogShared,
        first: u64,
        end: u64,
    ) -> Result<Entries, ReadError> {
        let mut entries = Entries::default();
        self.gather_into(log, (first, end), &mut entries)?;
        Ok(entries)
    }

    /// As [`Reader::gather`], into memory that was used before.
    pub(crate) fn gather_into(
        &self,
        log: &LogShared,
        (first, end): (u64, u64),
        entries: &mut Entries,
    ) -> Result<(), ReadError> {
        entries.clear();
        let (mut index, mut retries) = (first, 0);
        while index < end {
            match self.gather_some(log, index, end, entries) {
                Ok(after) => index = after,
                Err(error) if is_moved(&error) && retries < MOVED_RETRIES => retries += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Adds entries from `index` on out of one part or chunk; returns the index after them.
    fn gather_some(
        &self,
        log: &LogShared,
        index: u64,
        end: u64,
        entries: &mut Entries,
    ) -> Result<u64, ReadError> {
        if let Some(chunk) = log.tail().chunk(index).cloned() {
            let until = end.min(chunk.end());
            for index in index..until {
                let known = chunk.entry(index).zip(chunk.leaf(index)).zip(chunk.crc(index));
                let Some(((entry, leaf), crc)) = known else { continue };
                chunk.chain_before(index).into_iter().for_each(|chain| entries.mark(chain));
                entries.push(entry, leaf, crc);
            }
            return Ok(until);
        }
        let meta = find_part(&log.parts(), index).ok_or(ReadError::Moved(LeafIndex(index)))?;
        let part = self.open(&meta)?;
        let (first, bundle) = part.bundle_at(index)?;
        let until = end.min(first + bundle.len() as u64);
        for place in (index - first) as usize..(until - first) as usize {
            let Some(entry) = bundle.get(place) else { continue };
            bundle.chain_before(place).into_iter().for_each(|chain| entries.mark(chain));
            entries.push(entry, bundle.leaves()[place], bundle.crcs()[place]);
        }
        Ok(until)
    }

    /// Opens a part.
    pub(crate) fn open(&self, meta: &PartMeta) -> Result<OpenPart, ReadError> {
        let part = self.store.open(meta).map_err(|source| store_error(meta, source))?;
        Ok(OpenPart::open(part)?)
    }

    /// A node that lies in the tiles of `tile_level`, if all of it is committed.
    fn tile_node(
        &self,
        log: &LogShared,
        tile_level: u8,
        node: Node,
    ) -> Result<Option<Hash>, ReadError> {
        let height = node.level - 8 * tile_level;
        let first = node.index << height;
        let number = first / TILE_WIDTH as u64;
        let place = (first % TILE_WIDTH as u64) >> height;
        let key = (log.no, tile_level, number);
        let known = self.tiles.get(&key).and_then(|tile| tile.node(height, place));
        if known.is_some() {
            return Ok(known);
        }
        let tile = Arc::new(TileNodes::new(self.tile_hashes(log, tile_level, number)?));
        self.tiles.insert(key, Arc::clone(&tile));
        Ok(tile.node(height, place))
    }

    /// The hashes of a tile, as many as are committed.
    fn tile_hashes(
        &self,
        log: &LogShared,
        tile_level: u8,
        number: u64,
    ) -> Result<Vec<Hash>, ReadError> {
        match tile_level {
            0 => self.leaves(log, number),
            1 => self.bundle_hashes(log, number),
            _ => Ok(log.state().skeleton.segment_roots(number).to_vec()),
        }
    }

    /// The leaf hashes of bundle `number`, as many as are committed.
    fn leaves(&self, log: &LogShared, number: u64) -> Result<Vec<Hash>, ReadError> {
        let state = log.state();
        if number == state.size() / BUNDLE_ENTRIES {
            return Ok(state.skeleton.open_leaves().to_vec());
        }
        drop(state);
        let first = number * BUNDLE_ENTRIES;
        if let Some(leaves) = leaves_in_tail(log, first) {
            return Ok(leaves);
        }
        Ok(self.bundle(log, number, first + BUNDLE_ENTRIES)?.leaves().to_vec())
    }

    /// The bundle hashes of segment `number`, as many as are complete.
    fn bundle_hashes(&self, log: &LogShared, number: u64) -> Result<Vec<Hash>, ReadError> {
        let state = log.state();
        if let Some(tile) = state.tile(number) {
            return Ok(tile.to_vec());
        }
        if number == state.size() / SEGMENT_ENTRIES {
            return Ok(state.skeleton.parts().1.to_vec());
        }
        drop(state);
        let first = number * SEGMENT_ENTRIES;
        let meta = find_part(&log.parts(), first).ok_or(ReadError::Moved(LeafIndex(first)))?;
        Ok(self.open(&meta)?.tile()?)
    }
}

/// The nodes of one log's tree, for proofs.
pub(crate) struct LogNodes<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) log: &'a LogShared,
}

impl NodeSource for LogNodes<'_> {
    type Error = ReadError;

    fn node(&self, node: Node) -> Result<Hash, ReadError> {
        let missing = || ReadError::NotFound {
            what: format!("tree node {}/{}", node.level, node.index),
            size: self.log.head().size,
        };
        match node.level {
            level @ 0..=23 => self.reader.tile_node(self.log, level / 8, node)?.ok_or_else(missing),
            level => {
                let left = self.node(Node { level: level - 1, index: node.index * 2 })?;
                let right = self.node(Node { level: level - 1, index: node.index * 2 + 1 })?;
                Ok(node_hash(&left, &right))
            }
        }
    }
}

fn entry_in_tail(log: &LogShared, index: LeafIndex) -> Option<Vec<u8>> {
    let chunk = log.tail().chunk(index.0).cloned()?;
    chunk.entry(index.0).map(<[u8]>::to_vec)
}

fn leaves_in_tail(log: &LogShared, first: u64) -> Option<Vec<Hash>> {
    let tail = log.tail();
    let mut leaves = Vec::with_capacity(BUNDLE_ENTRIES as usize);
    while (leaves.len() as u64) < BUNDLE_ENTRIES {
        let index = first + leaves.len() as u64;
        let chunk = tail.chunk(index)?;
        let until = (first + BUNDLE_ENTRIES).min(chunk.end());
        leaves.extend((index..until).filter_map(|index| chunk.leaf(index)));
    }
    Some(leaves)
}

/// The part that holds an index.
pub(crate) fn find_part(parts: &[PartMeta], index: u64) -> Option<PartMeta> {
    let after = parts.partition_point(|part| part.first <= index);
    let part = parts.get(after.checked_sub(1)?)?;
    (index < part.first + u64::from(part.count)).then(|| part.clone())
}

fn is_moved(error: &ReadError) -> bool {
    let gone = |error: &StoreError| matches!(error, StoreError::NotFound { .. });
    matches!(error, ReadError::Moved(_))
        || matches!(error, ReadError::Part(PartError::Store { source, .. }) if gone(source))
}

pub(crate) fn malformed(index: LeafIndex, error: &dyn std::error::Error) -> ReadError {
    ReadError::Malformed { index, why: with_causes(error) }
}

fn from_proof(log: &LogShared, error: ProofError<ReadError>) -> ReadError {
    match error {
        ProofError::Source(error) => error,
        other => ReadError::NotFound { what: other.to_string(), size: log.head().size },
    }
}
