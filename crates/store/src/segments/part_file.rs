//! The bytes of a part.
//!
//! | bytes | field |
//! |---|---|
//! | 0..8 | magic `GRVNSEGM` |
//! | 8..12 | version, 1 |
//! | 12..20 | index of the first entry |
//! | 20..24 | number of entries |
//! | 24..28 | number of bundles |
//! | 28..36 | length of all bundles |
//! | 36..40 | length of the log's header |
//! | 40..44 | length of the tile |
//! | 44..52 | length of the file |
//! | 52..56 | CRC32C of bytes 0..52 |
//! | 56.. | the bundles, back to back |
//! | | the log's header, the tile |
//! | | index: per bundle offset (8), length (4), CRC32C (4), entries (2); per entry CRC32C (4) |
//! | last 60 | CRC32C of the log's header, of the tile, of the index; length of the file (8); magic `GRVNSEND`; SHA-256 of everything before it |
//!
//! Integers are big-endian. Every byte is covered by the SHA-256, and what is read alone by a CRC.

use std::path::Path;

use env::DiskFile;
use sha2::{Digest, Sha256};

use super::PartContents;
use crate::StoreError;
use crate::limits::{PART_BUNDLES_MAX, PART_BYTES_MAX, SEGMENT_ENTRIES};
use crate::local::field;

const MAGIC: [u8; 8] = *b"GRVNSEGM";
const END_MAGIC: [u8; 8] = *b"GRVNSEND";
const VERSION: u32 = 1;
pub(super) const HEADER_BYTES: usize = 56;
const HEADER_CHECKED_BYTES: usize = 52;
pub(super) const TRAILER_BYTES: usize = 60;
const DIGEST_BYTES: usize = 32;
pub(super) const BUNDLE_INDEX_BYTES: usize = 18;
/// A file is read in pieces of this size to digest it.
const READ_BYTES: usize = 1 << 20;

/// The first bytes of a part: what lies where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartHeader {
    pub(super) first: u64,
    pub(super) count: u32,
    pub(super) bundle_count: u32,
    pub(super) bundles_bytes: u64,
    pub(super) header_bytes: u32,
    pub(super) tile_bytes: u32,
    pub(super) file_bytes: u64,
}

/// The CRC32Cs in the last bytes of a part, of the pieces that are read alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartTrailer {
    pub(super) header: u32,
    pub(super) tile: u32,
    pub(super) index: u32,
}

/// Where a bundle lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BundleIndex {
    pub(super) offset_bytes: u64,
    pub(super) len_bytes: u32,
    pub(super) crc: u32,
    pub(super) entries: u16,
}

impl PartHeader {
    pub(super) fn index_bytes(&self) -> u64 {
        u64::from(self.bundle_count) * BUNDLE_INDEX_BYTES as u64 + u64::from(self.count) * 4
    }

    pub(super) fn log_header_offset(&self) -> u64 {
        HEADER_BYTES as u64 + self.bundles_bytes
    }

    pub(super) fn tile_offset(&self) -> u64 {
        self.log_header_offset() + u64::from(self.header_bytes)
    }

    pub(super) fn index_offset(&self) -> u64 {
        self.tile_offset() + u64::from(self.tile_bytes)
    }

    fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_be_bytes());
        out[12..20].copy_from_slice(&self.first.to_be_bytes());
        out[20..24].copy_from_slice(&self.count.to_be_bytes());
        out[24..28].copy_from_slice(&self.bundle_count.to_be_bytes());
        out[28..36].copy_from_slice(&self.bundles_bytes.to_be_bytes());
        out[36..40].copy_from_slice(&self.header_bytes.to_be_bytes());
        out[40..44].copy_from_slice(&self.tile_bytes.to_be_bytes());
        out[44..52].copy_from_slice(&self.file_bytes.to_be_bytes());
        let crc = crc32c::crc32c(&out[..HEADER_CHECKED_BYTES]);
        out[52..56].copy_from_slice(&crc.to_be_bytes());
        out
    }

    /// The header, if it is whole and its lengths add up to the file's.
    pub(super) fn decode(bytes: &[u8; HEADER_BYTES], file_bytes: u64) -> Result<Self, String> {
        let crc = crc32c::crc32c(&bytes[..HEADER_CHECKED_BYTES]);
        if bytes[..8] != MAGIC || bytes[52..56] != crc.to_be_bytes() {
            return Err("the header is not whole".into());
        }
        let version = u32::from_be_bytes(field(bytes, 8));
        if version != VERSION {
            return Err(format!("the part has format version {version}"));
        }
        let header = PartHeader {
            first: u64::from_be_bytes(field(bytes, 12)),
            count: u32::from_be_bytes(field(bytes, 20)),
            bundle_count: u32::from_be_bytes(field(bytes, 24)),
            bundles_bytes: u64::from_be_bytes(field(bytes, 28)),
            header_bytes: u32::from_be_bytes(field(bytes, 36)),
            tile_bytes: u32::from_be_bytes(field(bytes, 40)),
            file_bytes: u64::from_be_bytes(field(bytes, 44)),
        };
        let fits = header.count <= SEGMENT_ENTRIES
            && header.bundle_count as usize <= PART_BUNDLES_MAX
            && header.bundles_bytes <= PART_BYTES_MAX;
        let end = || header.index_offset() + header.index_bytes() + TRAILER_BYTES as u64;
        if !fits || header.file_bytes != file_bytes || end() != file_bytes {
            return Err(format!("the file has {file_bytes} bytes, its header says otherwise"));
        }
        Ok(header)
    }
}

impl PartTrailer {
    /// Everything of the trailer but the digest.
    fn encode(&self, file_bytes: u64) -> [u8; TRAILER_BYTES - DIGEST_BYTES] {
        let mut out = [0; TRAILER_BYTES - DIGEST_BYTES];
        out[0..4].copy_from_slice(&self.header.to_be_bytes());
        out[4..8].copy_from_slice(&self.tile.to_be_bytes());
        out[8..12].copy_from_slice(&self.index.to_be_bytes());
        out[12..20].copy_from_slice(&file_bytes.to_be_bytes());
        out[20..28].copy_from_slice(&END_MAGIC);
        out
    }

    pub(super) fn decode(bytes: &[u8; TRAILER_BYTES], file_bytes: u64) -> Result<Self, String> {
        if bytes[12..20] != file_bytes.to_be_bytes() || bytes[20..28] != END_MAGIC {
            return Err("the trailer is not whole".into());
        }
        Ok(PartTrailer {
            header: u32::from_be_bytes(field(bytes, 0)),
            tile: u32::from_be_bytes(field(bytes, 4)),
            index: u32::from_be_bytes(field(bytes, 8)),
        })
    }
}

/// The bytes of a part, or why its contents are none.
pub(super) fn encode_part(contents: &PartContents) -> Result<Vec<u8>, StoreError> {
    let header = describe(contents)?;
    let mut out = Vec::with_capacity(header.file_bytes as usize);
    out.extend_from_slice(&header.encode());
    let mut index = Vec::with_capacity(header.index_bytes() as usize);
    for bundle in &contents.bundles {
        index.extend_from_slice(&(out.len() as u64).to_be_bytes());
        index.extend_from_slice(&(bundle.bytes.len() as u32).to_be_bytes());
        index.extend_from_slice(&crc32c::crc32c(&bundle.bytes).to_be_bytes());
        index.extend_from_slice(&bundle.entries.to_be_bytes());
        out.extend_from_slice(&bundle.bytes);
    }
    index.extend(contents.entry_crcs.iter().flat_map(|crc| crc.to_be_bytes()));
    out.extend_from_slice(&contents.header);
    out.extend_from_slice(&contents.tile);
    out.extend_from_slice(&index);
    let trailer = PartTrailer {
        header: crc32c::crc32c(&contents.header),
        tile: crc32c::crc32c(&contents.tile),
        index: crc32c::crc32c(&index),
    };
    out.extend_from_slice(&trailer.encode(header.file_bytes));
    let digest = Sha256::digest(&out);
    out.extend_from_slice(&digest);
    assert_eq!(out.len() as u64, header.file_bytes, "a part is as long as its header says");
    Ok(out)
}

/// Splits a part's index into bundles and entry checksums, if it is consistent.
pub(super) fn decode_index(
    header: &PartHeader,
    index: &[u8],
) -> Result<(Vec<BundleIndex>, Vec<u32>), String> {
    let (bundles, crcs) = index.split_at(header.bundle_count as usize * BUNDLE_INDEX_BYTES);
    let mut next_offset = HEADER_BYTES as u64;
    let mut entries = 0u64;
    let mut decoded = Vec::with_capacity(header.bundle_count as usize);
    for (k, bytes) in bundles.chunks_exact(BUNDLE_INDEX_BYTES).enumerate() {
        let bundle = BundleIndex {
            offset_bytes: u64::from_be_bytes(field(bytes, 0)),
            len_bytes: u32::from_be_bytes(field(bytes, 8)),
            crc: u32::from_be_bytes(field(bytes, 12)),
            entries: u16::from_be_bytes(field(bytes, 16)),
        };
        if bundle.offset_bytes != next_offset {
            return Err(format!("bundle {k} does not follow the one before it"));
        }
        next_offset += u64::from(bundle.len_bytes);
        entries += u64::from(bundle.entries);
        decoded.push(bundle);
    }
    if next_offset != header.log_header_offset() || entries != u64::from(header.count) {
        return Err("the index does not add up to the part".into());
    }
    Ok((decoded, crcs.chunks_exact(4).map(|crc| u32::from_be_bytes(field(crc, 0))).collect()))
}

/// Whether the whole file matches the digest at its end; where not, why.
pub(super) fn check_digest(file: &dyn DiskFile, path: &Path) -> Result<(), StoreError> {
    let file_bytes = file.len_bytes().map_err(StoreError::Io)?;
    let corrupt = |why: &str| {
        let (file, why) = (path.to_owned(), why.to_owned());
        Err(StoreError::Corrupt { file, offset_bytes: 0, why })
    };
    let Some(covered_bytes) = file_bytes.checked_sub(DIGEST_BYTES as u64) else {
        return corrupt("the file is shorter than its digest");
    };
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; READ_BYTES.min(covered_bytes as usize)];
    let mut at = 0;
    while at < covered_bytes {
        let piece = (covered_bytes - at).min(READ_BYTES as u64) as usize;
        file.read_exact_at(&mut buffer[..piece], at).map_err(StoreError::Io)?;
        hasher.update(&buffer[..piece]);
        at += piece as u64;
    }
    let mut digest = [0; DIGEST_BYTES];
    file.read_exact_at(&mut digest, covered_bytes).map_err(StoreError::Io)?;
    if hasher.finalize()[..] != digest {
        return corrupt("the file does not match its digest");
    }
    Ok(())
}

/// The first byte at which a file differs from `expected`; `None` where it does not.
pub(super) fn first_difference(
    file: &dyn DiskFile,
    expected: &[u8],
) -> Result<Option<u64>, StoreError> {
    let file_bytes = file.len_bytes().map_err(StoreError::Io)?;
    if file_bytes != expected.len() as u64 {
        return Ok(Some(file_bytes.min(expected.len() as u64)));
    }
    let mut buffer = vec![0; READ_BYTES.min(expected.len())];
    for (i, piece) in expected.chunks(READ_BYTES).enumerate() {
        let at = (i * READ_BYTES) as u64;
        let read = &mut buffer[..piece.len()];
        file.read_exact_at(read, at).map_err(StoreError::Io)?;
        if read != piece {
            let within = read.iter().zip(piece).position(|(a, b)| a != b).unwrap_or(0);
            return Ok(Some(at + within as u64));
        }
    }
    Ok(None)
}

/// Checks the contents and works out the header.
fn describe(contents: &PartContents) -> Result<PartHeader, StoreError> {
    let invalid = |why| StoreError::Invalid { what: format!("part at {}", contents.first), why };
    let bundles_bytes: u64 = contents.bundles.iter().map(|b| b.bytes.len() as u64).sum();
    let entries: u64 = contents.bundles.iter().map(|b| u64::from(b.entries)).sum();
    let count = contents.entry_crcs.len();
    if entries != count as u64 {
        return Err(invalid("must have one checksum an entry"));
    }
    if count == 0 || count > SEGMENT_ENTRIES as usize || contents.bundles.len() > PART_BUNDLES_MAX {
        return Err(invalid("must have 1 to 65,536 entries"));
    }
    if contents.first.checked_add(count as u64).is_none() {
        return Err(invalid("must end below 2^64"));
    }
    let size_bytes = bundles_bytes + contents.header.len() as u64 + contents.tile.len() as u64;
    let u32_max = u32::MAX as usize;
    let short = |bytes: &Vec<u8>| bytes.len() <= u32_max;
    let all_short = short(&contents.header)
        && short(&contents.tile)
        && contents.bundles.iter().all(|bundle| short(&bundle.bytes));
    if !all_short || size_bytes > PART_BYTES_MAX {
        return Err(invalid("is over 5 GiB"));
    }
    let mut header = PartHeader {
        first: contents.first,
        count: count as u32,
        bundle_count: contents.bundles.len() as u32,
        bundles_bytes,
        header_bytes: contents.header.len() as u32,
        tile_bytes: contents.tile.len() as u32,
        file_bytes: 0,
    };
    header.file_bytes = header.index_offset() + header.index_bytes() + TRAILER_BYTES as u64;
    Ok(header)
}
