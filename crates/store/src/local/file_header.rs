//! The first block of a journal file.
//!
//! | bytes | field |
//! |---|---|
//! | 0..8 | magic `GRVNJRNL` |
//! | 8..12 | version, 1 |
//! | 12..28 | journal id |
//! | 28..36 | number of the file, as in its name |
//! | 36..44 | size of the file |
//! | 44..52 | slot of its first frame |
//! | 52..60 | epoch before its first frame |
//! | 60..92 | hash of the frame before its first |
//! | 92..100 | number of the file of which it is the copy, all ones for none |
//! | 100..104 | CRC32C of bytes 0..100 |
//!
//! The rest of the block is zero. A file whose header block is all zero is a spare: prepared, and
//! not yet part of the journal.

use env::BLOCK_BYTES;

use super::envelope::{JournalId, field};
use super::position::Position;
use crate::{Epoch, FrameHash, Slot};

const MAGIC: [u8; 8] = *b"GRVNJRNL";
const VERSION: u32 = 1;
const CHECKED_BYTES: usize = 100;
const HEADER_BYTES: usize = CHECKED_BYTES + 4;
/// Stands for "not a copy".
const NO_COPY: u64 = u64::MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileHeader {
    pub(crate) journal: JournalId,
    pub(crate) number: u64,
    pub(crate) size_bytes: u64,
    pub(crate) first: Slot,
    pub(crate) epoch: Epoch,
    pub(crate) prev: FrameHash,
    pub(crate) copied_from: Option<u64>,
}

/// What the first block of a file is.
#[derive(Debug)]
pub(crate) enum HeaderBlock {
    Whole(FileHeader),
    Blank,
    Broken(String),
}

impl FileHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(BLOCK_BYTES);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&self.journal.0);
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.size_bytes.to_be_bytes());
        out.extend_from_slice(&self.first.0.to_be_bytes());
        out.extend_from_slice(&self.epoch.0.to_be_bytes());
        out.extend_from_slice(&self.prev.0);
        out.extend_from_slice(&self.copied_from.unwrap_or(NO_COPY).to_be_bytes());
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_be_bytes());
        debug_assert_eq!(out.len(), HEADER_BYTES);
        out.resize(BLOCK_BYTES, 0);
        out
    }

    pub(crate) fn decode(block: &[u8; BLOCK_BYTES]) -> HeaderBlock {
        if block.iter().all(|byte| *byte == 0) {
            return HeaderBlock::Blank;
        }
        let crc = crc32c::crc32c(&block[..CHECKED_BYTES]);
        if block[..8] != MAGIC || block[100..104] != crc.to_be_bytes() {
            return HeaderBlock::Broken("the file header is not whole".into());
        }
        let version = u32::from_be_bytes(field(block, 8));
        if version != VERSION {
            return HeaderBlock::Broken(format!("file of format version {version}"));
        }
        if block[HEADER_BYTES..].iter().any(|byte| *byte != 0) {
            return HeaderBlock::Broken("bytes after the file header are not zero".into());
        }
        let (number, copied_from) =
            (u64::from_be_bytes(field(block, 28)), u64::from_be_bytes(field(block, 92)));
        // A copy comes after its original; one that stood for itself would take itself out of the journal.
        if copied_from != NO_COPY && copied_from >= number {
            return HeaderBlock::Broken(
                "the file says it is a copy of itself or a later one".into(),
            );
        }
        HeaderBlock::Whole(FileHeader {
            journal: JournalId(field(block, 12)),
            number,
            size_bytes: u64::from_be_bytes(field(block, 36)),
            first: Slot(u64::from_be_bytes(field(block, 44))),
            epoch: Epoch(u64::from_be_bytes(field(block, 52))),
            prev: FrameHash(field(block, 60)),
            copied_from: (copied_from != NO_COPY).then_some(copied_from),
        })
    }

    /// Where its first frame goes.
    pub(crate) fn start(&self) -> Position {
        let offset_bytes = BLOCK_BYTES as u64;
        Position { slot: self.first, prev: self.prev, epoch: self.epoch, offset_bytes }
    }
}
