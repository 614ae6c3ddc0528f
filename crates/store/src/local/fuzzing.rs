//! The parsers of journal files for the fuzz targets.

use env::BLOCK_BYTES;

use super::envelope::{Decoded, Envelope, FrameKind, JournalId};
use super::file_header::{FileHeader, HeaderBlock};
use crate::{Epoch, FrameHash, Slot};

/// A frame's envelope, its checksum made to fit: what is accepted, encoded again.
pub(crate) fn envelope(bytes: &mut [u8]) -> Option<Vec<u8>> {
    fix(bytes, 96);
    match Envelope::decode(bytes) {
        Decoded::Envelope(envelope) => Some(envelope.encode().to_vec()),
        Decoded::Unknown(_) | Decoded::Nothing => None,
    }
}

/// A file's first block, zeros up to its end, its checksum made to fit: what is accepted, encoded again.
pub(crate) fn file_header(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    bytes.resize(BLOCK_BYTES, 0);
    fix(bytes, 100);
    let block = bytes.first_chunk().expect("it was made a block");
    match FileHeader::decode(block) {
        HeaderBlock::Whole(header) => Some(header.encode()),
        HeaderBlock::Blank | HeaderBlock::Broken(_) => None,
    }
}

/// An envelope and a header that are accepted.
pub(crate) fn seeds() -> [Vec<u8>; 2] {
    let (journal, prev) = (JournalId([7; 16]), FrameHash([9; 32]));
    let envelope = Envelope {
        kind: FrameKind::Body,
        body_bytes: 30,
        body_crc: 5,
        epoch: Epoch(1),
        slot: Slot(2),
        journal,
        prev,
        file_number: 3,
        offset_bytes: 4_096,
    };
    let header = FileHeader {
        journal,
        number: 3,
        size_bytes: 12_288,
        first: Slot(2),
        epoch: Epoch(1),
        prev,
        copied_from: Some(2),
    };
    let mut block = header.encode();
    block.truncate(104);
    [envelope.encode().to_vec(), block]
}

fn fix(bytes: &mut [u8], at: usize) {
    if let Some((checked, rest)) = bytes.split_at_mut_checked(at)
        && let Some(crc) = rest.first_chunk_mut()
    {
        *crc = crc32c::crc32c(checked).to_be_bytes();
    }
}
