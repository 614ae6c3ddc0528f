//! Reading the frames of one journal file, and judging what stands after the last.
//!
//! A crash can leave at most one frame that is not whole, since one frame is in flight at a time and
//! the next is written only after the flush of the one before it returned. So what stands after the
//! last whole frame is
//!
//! * all zero: the file was cut off nowhere;
//! * a **torn** frame: bytes where the next frame was to be, of which no block is the envelope of a
//!   frame, and none lies outside the next frame where its envelope tells its length. Parts of a
//!   frame may be there without its first block, so any other bytes up to the end of the file
//!   count as torn too;
//! * anything else is **corrupt**: a whole envelope for another place (a misdirected write), a
//!   frame after the bad one (which vouches that the bad one was flushed once), bytes behind the
//!   end of the torn frame, a body that is whole before padding that is not zero.

use env::{BLOCK_BYTES, DiskFile};

use super::envelope::{Decoded, Envelope, FrameKind};
use super::file_header::FileHeader;
use super::position::Position;
use crate::JournalError;
use crate::frame_buf::frame_bytes;
use crate::limits::{ENVELOPE_BYTES, FRAME_BODY_BYTES_MAX};

/// How much of a tail is read at once.
const TAIL_READ_BYTES: usize = 1 << 20;

const _: () = assert!(TAIL_READ_BYTES.is_multiple_of(BLOCK_BYTES));

/// What stands after the last whole frame of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    Zero,
    Torn { why: String },
    Corrupt { offset_bytes: u64, why: String },
}

pub(crate) type EachFrame<'a> = &'a mut dyn FnMut(&Envelope, &[u8]) -> Result<(), JournalError>;

/// Hands every whole frame from `position` on to `each`; where they end and what stands there.
pub(crate) fn scan_frames(
    file: &dyn DiskFile,
    header: &FileHeader,
    mut position: Position,
    each: EachFrame<'_>,
) -> Result<(Position, Tail), JournalError> {
    let mut buffer = Vec::new();
    loop {
        match read_frame(file, header, &position, &mut buffer)? {
            Step::Frame(envelope) => {
                let body_end = ENVELOPE_BYTES + envelope.body_bytes as usize;
                each(&envelope, &buffer[ENVELOPE_BYTES..body_end])?;
                position = position.after(&envelope);
            }
            Step::NoFrame { end_bytes, why } => {
                let tail = judge_tail(file, header, position.offset_bytes, end_bytes, why)?;
                return Ok((position, tail));
            }
            Step::Corrupt { why } => {
                let offset_bytes = position.offset_bytes;
                return Ok((position, Tail::Corrupt { offset_bytes, why }));
            }
        }
    }
}

/// Whether any block of the file is a whole envelope: then its header was durable once.
pub(crate) fn first_envelope(
    file: &dyn DiskFile,
    size_bytes: u64,
) -> Result<Option<u64>, JournalError> {
    let mut found = None;
    for_each_block(file, BLOCK_BYTES as u64, size_bytes, &mut |offset_bytes, block| {
        if found.is_none() && !matches!(Envelope::decode(block), Decoded::Nothing) {
            found = Some(offset_bytes);
        }
    })?;
    Ok(found)
}

/// The first block from `from_bytes` on that is not all zero.
pub(crate) fn first_nonzero(
    file: &dyn DiskFile,
    from_bytes: u64,
    size_bytes: u64,
) -> Result<Option<u64>, JournalError> {
    let mut found = None;
    for_each_block(file, from_bytes, size_bytes, &mut |offset_bytes, _| {
        found.get_or_insert(offset_bytes);
    })?;
    Ok(found)
}

enum Step {
    Frame(Envelope),
    /// No whole frame; it ends at `end_bytes` at the latest where its envelope is whole.
    NoFrame {
        end_bytes: Option<u64>,
        why: String,
    },
    Corrupt {
        why: String,
    },
}

/// Reads the frame at `position` into `buffer`.
fn read_frame(
    file: &dyn DiskFile,
    header: &FileHeader,
    position: &Position,
    buffer: &mut Vec<u8>,
) -> Result<Step, JournalError> {
    let offset = position.offset_bytes;
    if offset + BLOCK_BYTES as u64 > header.size_bytes {
        return Ok(Step::NoFrame { end_bytes: None, why: "the file ends".into() });
    }
    buffer.resize(BLOCK_BYTES, 0);
    file.read_exact_at(buffer, offset).map_err(JournalError::Io)?;
    let envelope = match Envelope::decode(buffer) {
        Decoded::Envelope(envelope) => envelope,
        Decoded::Unknown(why) => return Ok(Step::Corrupt { why }),
        Decoded::Nothing => {
            let why = format!("the envelope of slot {} is not whole", position.slot);
            return Ok(Step::NoFrame { end_bytes: None, why });
        }
    };
    if let Err(why) = check_envelope(&envelope, header, position) {
        return Ok(Step::Corrupt { why });
    }
    let size_bytes = frame_bytes(envelope.body_bytes as usize);
    buffer.resize(size_bytes, 0);
    let rest = offset + BLOCK_BYTES as u64;
    file.read_exact_at(&mut buffer[BLOCK_BYTES..], rest).map_err(JournalError::Io)?;
    let (body, padding) = buffer[ENVELOPE_BYTES..].split_at(envelope.body_bytes as usize);
    if crc32c::crc32c(body) != envelope.body_crc {
        let why = format!("the body of slot {} does not match its checksum", envelope.slot);
        return Ok(Step::NoFrame { end_bytes: Some(offset + size_bytes as u64), why });
    }
    if padding.iter().any(|byte| *byte != 0) {
        let why = format!("the padding of slot {} is not zero", envelope.slot);
        return Ok(Step::Corrupt { why });
    }
    Ok(Step::Frame(envelope))
}

/// Whether a whole envelope is the one that belongs here.
fn check_envelope(
    envelope: &Envelope,
    header: &FileHeader,
    position: &Position,
) -> Result<(), String> {
    let slot = envelope.slot;
    if envelope.journal != header.journal {
        return Err(format!("a frame of slot {slot} of another journal stands here"));
    }
    if envelope.file_number != header.number || envelope.offset_bytes != position.offset_bytes {
        return Err(format!(
            "a frame of slot {slot} stands here that belongs to file {:016x} at byte {}",
            envelope.file_number, envelope.offset_bytes
        ));
    }
    if slot != position.slot {
        return Err(format!("slot {slot} stands here, slot {} must", position.slot));
    }
    if envelope.prev != position.prev {
        return Err(format!("slot {slot} does not follow the frame before it"));
    }
    let epoch_follows = match envelope.kind {
        FrameKind::Body => envelope.epoch == position.epoch,
        FrameKind::Fence => envelope.epoch > position.epoch && envelope.body_bytes == 0,
    };
    if !epoch_follows {
        let (is, was) = (envelope.epoch, position.epoch);
        return Err(format!("slot {slot} has epoch {is} after epoch {was}"));
    }
    let body_bytes = envelope.body_bytes as usize;
    let end = position.offset_bytes + frame_bytes(body_bytes) as u64;
    if body_bytes > FRAME_BODY_BYTES_MAX || end > header.size_bytes {
        return Err(format!("slot {slot} has {body_bytes} bytes and does not fit"));
    }
    Ok(())
}

/// Tells a torn frame at `from_bytes` from corruption; see the module's prose.
fn judge_tail(
    file: &dyn DiskFile,
    header: &FileHeader,
    from_bytes: u64,
    end_bytes: Option<u64>,
    why: String,
) -> Result<Tail, JournalError> {
    let mut nonzero = None;
    let mut corrupt: Option<(u64, String)> = None;
    for_each_block(file, from_bytes, header.size_bytes, &mut |at, block| {
        nonzero.get_or_insert(at);
        if corrupt.is_some() || at == from_bytes {
            return;
        }
        corrupt = match Envelope::decode(block) {
            Decoded::Envelope(later) => Some((
                from_bytes,
                format!("{why}, but byte {at} holds a frame of slot {}", later.slot),
            )),
            Decoded::Unknown(later) => Some((from_bytes, format!("{why}, but byte {at}: {later}"))),
            Decoded::Nothing if end_bytes.is_some_and(|end| at >= end) => {
                Some((at, "bytes behind the last frame are not zero".into()))
            }
            Decoded::Nothing => None,
        };
    })?;
    Ok(match (nonzero, corrupt) {
        (_, Some((offset_bytes, why))) => Tail::Corrupt { offset_bytes, why },
        (Some(_), None) => Tail::Torn { why },
        (None, None) => Tail::Zero,
    })
}

/// Hands every block that is not all zero to `each`, with its offset.
fn for_each_block(
    file: &dyn DiskFile,
    from_bytes: u64,
    size_bytes: u64,
    each: &mut dyn FnMut(u64, &[u8]),
) -> Result<(), JournalError> {
    let mut at = from_bytes;
    let mut buffer = Vec::new();
    while at < size_bytes {
        let piece = (size_bytes - at).min(TAIL_READ_BYTES as u64) as usize;
        buffer.resize(piece, 0);
        file.read_exact_at(&mut buffer, at).map_err(JournalError::Io)?;
        if !is_zero(&buffer) {
            for (i, block) in buffer.chunks(BLOCK_BYTES).enumerate() {
                if !is_zero(block) {
                    each(at + (i * BLOCK_BYTES) as u64, block);
                }
            }
        }
        at += piece as u64;
    }
    Ok(())
}

/// Compares a block at a time, which the compiler turns into wide loads.
fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];
    bytes.chunks(BLOCK_BYTES).all(|chunk| *chunk == ZEROS[..chunk.len()])
}
