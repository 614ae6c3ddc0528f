//! The entries of a log that are permanent in the journal and not yet in a part.
//!
//! They are read from the frames' own buffers, which stay in memory until every log has been unloaded from them; the
//! journal's size bounds that memory.

use crate::frame::SidecarKind;
use crate::frame_pool::PooledFrame;
use graven_merkle::Hash;
use std::collections::VecDeque;
use std::sync::Arc;

/// One log's entries of one frame.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    /// Index of the first entry.
    pub(crate) first: u64,
    /// The frame's body.
    pub(crate) frame: Arc<PooledFrame>,
    /// Where each entry stands in the body: offset and length.
    pub(crate) spans: Vec<(u32, u32)>,
    /// Leaf hash of each entry.
    pub(crate) leaves: Vec<Hash>,
    /// CRC32C of each entry, taken with its leaf hash: the entry that goes into a part must be the one that was hashed.
    pub(crate) crcs: Vec<u32>,
    /// Sidecars of these entries, where they stand in the body.
    pub(crate) sidecars: Vec<SidecarSpan>,
    /// Chain marks: index of the first entry of an attested batch, and its stream's chain head before it.
    pub(crate) marks: Vec<(u64, Hash)>,
}

/// Where a sidecar stands in a frame's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SidecarSpan {
    pub(crate) index: u64,
    pub(crate) kind: SidecarKind,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

impl Chunk {
    /// Index after the last entry.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.spans.len() as u64
    }

    /// The bytes of the entry at `index`, where it is in this chunk.
    pub(crate) fn entry(&self, index: u64) -> Option<&[u8]> {
        let place = usize::try_from(index.checked_sub(self.first)?).ok()?;
        let (offset, len) = *self.spans.get(place)?;
        self.frame.body().get(offset as usize..offset as usize + len as usize)
    }

    /// The chain head before the entry, where it begins an attested batch.
    pub(crate) fn chain_before(&self, index: u64) -> Option<Hash> {
        self.marks.iter().find(|(at, _)| *at == index).map(|(_, chain)| *chain)
    }

    /// The sidecars of these entries with index and kind.
    pub(crate) fn sidecars(&self) -> impl Iterator<Item = (u64, SidecarKind, &[u8])> {
        self.sidecars.iter().filter_map(|span| {
            let (start, end) = (span.offset as usize, span.offset as usize + span.len as usize);
            Some((span.index, span.kind, self.frame.body().get(start..end)?))
        })
    }

    /// The leaf hash of the entry at `index`, where it is in this chunk.
    pub(crate) fn leaf(&self, index: u64) -> Option<Hash> {
        self.leaves.get(usize::try_from(index.checked_sub(self.first)?).ok()?).copied()
    }

    /// The CRC32C of the entry at `index`, where it is in this chunk.
    pub(crate) fn crc(&self, index: u64) -> Option<u32> {
        self.crcs.get(usize::try_from(index.checked_sub(self.first)?).ok()?).copied()
    }
}

/// A log's chunks in index order, without a gap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail {
    chunks: VecDeque<Arc<Chunk>>,
}

impl Tail {
    /// Adds the chunk that continues the last.
    pub(crate) fn push(&mut self, chunk: Arc<Chunk>) {
        let expected = self.chunks.back().map_or(chunk.first, |last| last.end());
        assert_eq!(chunk.first, expected, "chunks continue each other");
        self.chunks.push_back(chunk);
    }

    /// Forgets the chunks that end at or before `index`.
    pub(crate) fn trim(&mut self, index: u64) {
        while self.chunks.front().is_some_and(|chunk| chunk.end() <= index) {
            self.chunks.pop_front();
        }
    }

    /// The chunk that holds `index`.
    pub(crate) fn chunk(&self, index: u64) -> Option<&Arc<Chunk>> {
        let after = self.chunks.partition_point(|chunk| chunk.first <= index);
        self.chunks.get(after.checked_sub(1)?).filter(|chunk| index < chunk.end())
    }

    /// The chunks in index order.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.chunks.iter()
    }
}
