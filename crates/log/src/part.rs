//! Parts: runs of a log's entries as they leave the journal (`docs/format.md`, "Part").
//!
//! `store` keeps the bytes; what is in them is decided here. A part lies within one segment, so it has one nonce seed.

use crate::bundle::{self, BundleError, Decoder, Encoder, Entries};
use crate::frame::{BadBody, Reader};
use crate::limits::{BUNDLE_ENTRIES, SEGMENT_ENTRIES};
use crate::nonce::{NonceMaker, NonceSeed};
use graven_entry::with_causes;
use graven_merkle::{Hash, LeafIndex, leaf_hash, parse_hashes};
use std::ops::ControlFlow;
use store::StoreError;
use store::segments::{EncodedBundle, Part, PartContents, PartMeta};

/// Version of the header's format.
const HEADER_VERSION: u8 = 1;

/// A part cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The store cannot give it.
    #[error("part {first}+{count} of log {log}")]
    Store {
        /// The log.
        log: String,
        /// First index.
        first: u64,
        /// Number of entries.
        count: u32,
        /// The cause.
        #[source]
        source: StoreError,
    },
    /// Its content is not what was written.
    #[error("part {first}+{count} of log {log} is corrupt near entry {near}: {why}")]
    Corrupt {
        /// The log.
        log: String,
        /// First index.
        first: u64,
        /// Number of entries.
        count: u32,
        /// First entry of the bundle at fault.
        near: u64,
        /// What is wrong.
        why: String,
    },
}

/// The log's own header of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartHeader {
    pub(crate) origin: String,
    pub(crate) seed: NonceSeed,
    /// The newest checkpoint that had been signed when the part was written, so that a rewritten part contradicts a
    /// signature that lies beside it.
    pub(crate) checkpoint: Option<String>,
}

impl PartHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![HEADER_VERSION];
        out.extend_from_slice(&self.seed.0);
        out.extend_from_slice(&(self.origin.len() as u32).to_be_bytes());
        out.extend_from_slice(self.origin.as_bytes());
        let checkpoint = self.checkpoint.as_deref().unwrap_or_default();
        out.extend_from_slice(&(checkpoint.len() as u32).to_be_bytes());
        out.extend_from_slice(checkpoint.as_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<PartHeader, BadBody> {
        let mut reader = Reader { body: bytes, at: 0 };
        if reader.u8()? != HEADER_VERSION {
            return Err(BadBody { at: 0, what: "unknown version of the part's header" });
        }
        let seed = reader.seed()?;
        let origin = reader.text()?.to_owned();
        let checkpoint = Some(reader.text()?.to_owned()).filter(|note| !note.is_empty());
        if reader.at != bytes.len() {
            return Err(BadBody { at: reader.at, what: "bytes after the part's header" });
        }
        Ok(PartHeader { origin, seed, checkpoint })
    }
}

/// Builds a part bundle by bundle, so that a segment is never in memory whole.
pub(crate) struct PartBuilder {
    encoder: Encoder,
    prev: Hash,
    next: u64,
    contents: PartContents,
}

impl PartBuilder {
    /// A part from `first` on; `prev` is the leaf hash of the entry before it.
    pub(crate) fn new(first: u64, prev: Hash, header: &PartHeader) -> Result<Self, BundleError> {
        let contents = PartContents {
            first,
            header: header.encode(),
            bundles: Vec::new(),
            entry_crcs: Vec::new(),
            tile: Vec::new(),
        };
        let encoder = Encoder::new(NonceMaker::new(header.seed))?;
        Ok(PartBuilder { encoder, prev, next: first, contents })
    }

    /// Index of the next entry.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Adds the next entries, all of one bundle.
    pub(crate) fn push(&mut self, entries: &Entries) -> Result<(), BundleError> {
        let bytes = bundle::encode(LeafIndex(self.next), &self.prev, entries, &mut self.encoder)?;
        let count = entries.len();
        self.contents.bundles.push(EncodedBundle { bytes, entries: count as u16 });
        self.contents.entry_crcs.extend(entries.crcs());
        self.prev = entries.leaves().last().copied().unwrap_or(self.prev);
        self.next += count as u64;
        Ok(())
    }

    /// The finished part. The level-1 tile is stated only for a whole segment.
    pub(crate) fn finish(mut self, tile: Option<&[Hash]>) -> PartContents {
        let hashes = tile.unwrap_or_default();
        self.contents.tile = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
        self.contents
    }
}

/// What is done with an entry, unless that is to stop. Its leaf hash comes back, which the one after states as its `prev` and which is not
/// stored: whoever verifies hashes entries anyway.
pub type EachEntry<'a> = dyn FnMut(LeafIndex, &[u8]) -> ControlFlow<(), Hash> + 'a;

/// An open part with its header read.
pub(crate) struct OpenPart {
    part: std::sync::Arc<Part>,
    meta: PartMeta,
    nonces: NonceMaker,
    pub(crate) header: PartHeader,
}

impl OpenPart {
    /// Reads the header of a part.
    pub(crate) fn open(part: std::sync::Arc<Part>) -> Result<OpenPart, PartError> {
        let meta = part.meta().clone();
        let header = PartHeader::decode(part.header())
            .map_err(|error| corrupt(&meta, meta.first, error.to_string()))?;
        Ok(OpenPart { part, nonces: NonceMaker::new(header.seed), meta, header })
    }

    /// Index after the last entry.
    pub(crate) fn end(&self) -> u64 {
        self.meta.first + u64::from(self.meta.count)
    }

    /// The entries of the bundle that holds `index`, with the index of the first.
    pub(crate) fn bundle_at(&self, index: u64) -> Result<(u64, Entries), PartError> {
        let (first, stored) = self.stored_bundle(index)?;
        let entries = bundle::decode(LeafIndex(first), &stored, &self.nonces)
            .map_err(|error| corrupt(&self.meta, first, with_causes(&error)))?;
        self.check_count(first, entries.len())?;
        for (index, crc) in (first..).zip(entries.crcs()) {
            self.check_crc(index, *crc)?;
        }
        Ok((first, entries))
    }

    /// Hands on the entries of the bundle that holds `index`, from that one on, until told to stop; the index after the last.
    pub(crate) fn each_from(
        &self,
        index: u64,
        each: &mut EachEntry<'_>,
    ) -> Result<ControlFlow<(), u64>, PartError> {
        let (first, stored) = self.stored_bundle(index)?;
        let failed = |error| corrupt(&self.meta, first, with_causes(&error));
        let mut decoder = Decoder::new(LeafIndex(first), &stored, &self.nonces).map_err(failed)?;
        self.check_count(first, decoder.left())?;
        let (mut next, mut prev, mut entry) = (first, decoder.first_prev, Vec::new());
        while decoder.next(&prev, &mut entry).map_err(failed)? {
            self.check_crc(next, crc32c::crc32c(&entry))?;
            prev = if next < index {
                leaf_hash(&entry)
            } else {
                match each(LeafIndex(next), &entry) {
                    ControlFlow::Continue(leaf) => leaf,
                    ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
                }
            };
            next += 1;
        }
        decoder.marks().map_err(failed)?;
        Ok(ControlFlow::Continue(next))
    }

    /// The bundle that holds `index`, as it is stored, with the index of its first entry.
    fn stored_bundle(&self, index: u64) -> Result<(u64, Vec<u8>), PartError> {
        let place = (index / BUNDLE_ENTRIES - self.meta.first / BUNDLE_ENTRIES) as usize;
        let first = self.meta.first.max(index - index % BUNDLE_ENTRIES);
        let stored = self.part.bundle(place).map_err(|source| store_error(&self.meta, source))?;
        Ok((first, stored))
    }

    fn check_count(&self, first: u64, count: usize) -> Result<(), PartError> {
        let expected = (BUNDLE_ENTRIES - first % BUNDLE_ENTRIES).min(self.end() - first);
        if count as u64 == expected {
            return Ok(());
        }
        let why = format!("its bundle holds {count} entries, not {expected}");
        Err(corrupt(&self.meta, first, why))
    }

    /// The entry at `index`, and those after it in the list as far as they lie in the same bundle, with zeros for their `prev` and
    /// `nonce`. What is stored of them has a checksum all the same.
    pub(crate) fn unlinked(
        &self,
        index: LeafIndex,
        after: &[LeafIndex],
    ) -> Result<Vec<Vec<u8>>, PartError> {
        let number = index.0 / BUNDLE_ENTRIES;
        let place = (number - self.meta.first / BUNDLE_ENTRIES) as usize;
        let first = self.meta.first.max(number * BUNDLE_ENTRIES);
        let here = first..self.end().min((number + 1) * BUNDLE_ENTRIES);
        let after = after.iter().take_while(|index| here.contains(&index.0));
        let places: Vec<usize> =
            std::iter::once(&index).chain(after).map(|index| (index.0 - first) as usize).collect();
        let stored = self.part.bundle(place).map_err(|source| store_error(&self.meta, source))?;
        let count = places.len();
        let entries = bundle::decode_unlinked(&stored, places)
            .map_err(|error| corrupt(&self.meta, first, with_causes(&error)))?;
        if entries.len() < count {
            return Err(corrupt(&self.meta, first, "its bundle lacks an entry".to_owned()));
        }
        Ok(entries)
    }

    fn check_crc(&self, index: u64, crc: u32) -> Result<(), PartError> {
        if self.part.entry_crc((index - self.meta.first) as u32) == Some(crc) {
            return Ok(());
        }
        Err(corrupt(&self.meta, index, "the entry's CRC32C differs".to_owned()))
    }

    /// The level-1 tile that a sealed segment states.
    pub(crate) fn tile(&self) -> Result<Vec<Hash>, PartError> {
        let bytes = self.part.tile().map_err(|source| store_error(&self.meta, source))?;
        parse_hashes(&bytes)
            .map_err(|error| corrupt(&self.meta, self.meta.first, error.to_string()))
    }

    /// Checks every byte of the file against its digests.
    pub(crate) fn verify_all(&self) -> Result<(), PartError> {
        self.part.verify_all().map_err(|source| store_error(&self.meta, source))
    }
}

pub(crate) fn store_error(meta: &PartMeta, source: StoreError) -> PartError {
    PartError::Store { log: meta.log.clone(), first: meta.first, count: meta.count, source }
}

fn corrupt(meta: &PartMeta, near: u64, why: String) -> PartError {
    PartError::Corrupt { log: meta.log.clone(), first: meta.first, count: meta.count, near, why }
}

/// The segment that an index belongs to.
pub(crate) fn segment_of(index: u64) -> u64 {
    index / SEGMENT_ENTRIES
}
