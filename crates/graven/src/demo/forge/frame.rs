//! The body of a forged frame, of one log (`docs/format.md`, "Frame body").
//!
//! Written by the format's description and not by `log`'s own writer, as an outsider would.

use graven_entry::Name;
use graven_merkle::{Hash, TreeSize};

const BODY_VERSION: u8 = 1;
const RECORD_RUN: u8 = 1;
const RECORD_STREAM: u8 = 4;
const RECORD_FOOTER: u8 = 0xff;
const NONCE_SEED_BYTES: usize = 16;

/// The log's line in the footer.
pub(super) struct FrameLog<'a> {
    pub(super) name: &'a str,
    pub(super) size_before: TreeSize,
    pub(super) size_after: TreeSize,
    pub(super) root_after: Hash,
    /// Segments whose first entry is in the frame.
    pub(super) segments: Vec<u64>,
}

/// A stream after the frame.
pub(super) struct StreamAfter<'a> {
    pub(super) name: &'a Name,
    pub(super) next_seq: u64,
    pub(super) head: &'a Hash,
}

/// A checkpoint for the footer.
pub(super) struct SignedCheckpoint {
    pub(super) size: TreeSize,
    pub(super) note: String,
}

/// A body of entries, each with the hash of its event.
pub(super) fn body(
    log: &FrameLog<'_>,
    entries: &[(Vec<u8>, Hash)],
    streams: &[StreamAfter<'_>],
    checkpoints: &[SignedCheckpoint],
) -> Vec<u8> {
    let mut out = vec![BODY_VERSION];
    out.push(RECORD_RUN);
    put_u32(&mut out, 0);
    put_u64(&mut out, log.size_before.0);
    put_u32(&mut out, entries.len());
    for (entry, intake) in entries {
        put_bytes(&mut out, entry);
        out.extend_from_slice(intake.as_bytes());
    }
    for stream in streams {
        out.push(RECORD_STREAM);
        put_u32(&mut out, 0);
        put_bytes(&mut out, stream.name.as_str().as_bytes());
        put_u64(&mut out, stream.next_seq);
        out.extend_from_slice(stream.head.as_bytes());
        // No cursor.
        out.push(0);
        put_bytes(&mut out, b"");
    }
    out.push(RECORD_FOOTER);
    put_u32(&mut out, 1);
    put_bytes(&mut out, log.name.as_bytes());
    put_u64(&mut out, log.size_before.0);
    put_u64(&mut out, log.size_after.0);
    out.extend_from_slice(log.root_after.as_bytes());
    put_u32(&mut out, log.segments.len());
    for segment in &log.segments {
        put_u64(&mut out, *segment);
        // Any seed does: entries whose nonces it does not give are stored with them.
        out.extend_from_slice(&[0; NONCE_SEED_BYTES]);
    }
    put_u32(&mut out, checkpoints.len());
    for checkpoint in checkpoints {
        put_bytes(&mut out, log.name.as_bytes());
        put_u64(&mut out, checkpoint.size.0);
        put_bytes(&mut out, checkpoint.note.as_bytes());
    }
    out
}

fn put_u32(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(&(value as u32).to_be_bytes());
}

fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_u32(out, bytes.len());
    out.extend_from_slice(bytes);
}
