//! A frame's envelope: the fixed-size header in front of a body.
//!
//! | bytes | field |
//! |---|---|
//! | 0..4 | magic `GRFR` |
//! | 4..6 | version, 1 |
//! | 6..8 | kind: 1 body, 2 fence |
//! | 8..12 | length of the body |
//! | 12..16 | CRC32C of the body |
//! | 16..24 | epoch |
//! | 24..32 | slot |
//! | 32..48 | journal id |
//! | 48..80 | hash of the previous frame |
//! | 80..88 | number of the file |
//! | 88..96 | offset of the frame in the file |
//! | 96..100 | CRC32C of bytes 0..96 |
//!
//! Integers are big-endian. Bytes 0..80 are the logical part: the frame's hash is their SHA-256, so a
//! frame that is copied forward into another file keeps its hash and the chain holds. File and
//! offset detect a write that landed in the wrong place.

use sha2::{Digest, Sha256};

use crate::limits::{ENVELOPE_BYTES, FRAME_BODY_BYTES_MAX};
use crate::{Epoch, FrameHash, Slot};

const MAGIC: [u8; 4] = *b"GRFR";
const VERSION: u16 = 1;
/// End of the part that is hashed.
const LOGICAL_BYTES: usize = 80;
/// End of the part that the envelope's CRC covers.
const CHECKED_BYTES: usize = 96;

const _: () = assert!(CHECKED_BYTES + 4 == ENVELOPE_BYTES);
const _: () = assert!(FRAME_BODY_BYTES_MAX <= u32::MAX as usize);

/// Which journal a file or frame belongs to: 16 random bytes, drawn when the journal was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JournalId(pub(crate) [u8; 16]);

/// What a frame is. Persisted, so the numbers must be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    Body = 1,
    Fence = 2,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) kind: FrameKind,
    pub(crate) body_bytes: u32,
    pub(crate) body_crc: u32,
    pub(crate) epoch: Epoch,
    pub(crate) slot: Slot,
    pub(crate) journal: JournalId,
    pub(crate) prev: FrameHash,
    pub(crate) file_number: u64,
    pub(crate) offset_bytes: u64,
}

/// What the first bytes of a block are.
pub(crate) enum Decoded {
    /// A whole envelope.
    Envelope(Envelope),
    /// Something whole that this version does not understand.
    Unknown(String),
    /// No envelope, or not a whole one.
    Nothing,
}

impl Envelope {
    pub(crate) fn encode(&self) -> [u8; ENVELOPE_BYTES] {
        let mut out = [0; ENVELOPE_BYTES];
        out[0..4].copy_from_slice(&MAGIC);
        out[4..6].copy_from_slice(&VERSION.to_be_bytes());
        out[6..8].copy_from_slice(&(self.kind as u16).to_be_bytes());
        out[8..12].copy_from_slice(&self.body_bytes.to_be_bytes());
        out[12..16].copy_from_slice(&self.body_crc.to_be_bytes());
        out[16..24].copy_from_slice(&self.epoch.0.to_be_bytes());
        out[24..32].copy_from_slice(&self.slot.0.to_be_bytes());
        out[32..48].copy_from_slice(&self.journal.0);
        out[48..80].copy_from_slice(&self.prev.0);
        out[80..88].copy_from_slice(&self.file_number.to_be_bytes());
        out[88..96].copy_from_slice(&self.offset_bytes.to_be_bytes());
        let crc = crc32c::crc32c(&out[..CHECKED_BYTES]);
        out[96..100].copy_from_slice(&crc.to_be_bytes());
        out
    }

    pub(crate) fn decode(block: &[u8]) -> Decoded {
        let Some(bytes) = block.first_chunk::<ENVELOPE_BYTES>() else { return Decoded::Nothing };
        let crc = crc32c::crc32c(&bytes[..CHECKED_BYTES]);
        if bytes[0..4] != MAGIC || bytes[96..100] != crc.to_be_bytes() {
            return Decoded::Nothing;
        }
        let version = u16::from_be_bytes(field(bytes, 4));
        if version != VERSION {
            return Decoded::Unknown(format!("a frame of format version {version}"));
        }
        let kind = match u16::from_be_bytes(field(bytes, 6)) {
            1 => FrameKind::Body,
            2 => FrameKind::Fence,
            other => return Decoded::Unknown(format!("a frame of kind {other}")),
        };
        Decoded::Envelope(Envelope {
            kind,
            body_bytes: u32::from_be_bytes(field(bytes, 8)),
            body_crc: u32::from_be_bytes(field(bytes, 12)),
            epoch: Epoch(u64::from_be_bytes(field(bytes, 16))),
            slot: Slot(u64::from_be_bytes(field(bytes, 24))),
            journal: JournalId(field(bytes, 32)),
            prev: FrameHash(field(bytes, 48)),
            file_number: u64::from_be_bytes(field(bytes, 80)),
            offset_bytes: u64::from_be_bytes(field(bytes, 88)),
        })
    }

    /// The frame's hash: of what it is, not of where it lies.
    pub(crate) fn hash(&self) -> FrameHash {
        FrameHash(Sha256::digest(&self.encode()[..LOGICAL_BYTES]).into())
    }
}

/// The `N` bytes at `at`, of a slice that is known to be longer.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}
