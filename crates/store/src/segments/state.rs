//! The file that holds a log's state at a size: what a start needs besides segments and journal.
//!
//! Bytes 0..8 magic `GRVNSTAT`, 8..12 version 1, 12..20 size of the log, 20..28 length of the state,
//! 28..32 CRC32C of bytes 0..28 and of the state, then the state, opaque to the store.

use std::path::Path;

use crate::StoreError;
use crate::local::field;

const MAGIC: [u8; 8] = *b"GRVNSTAT";
const VERSION: u32 = 1;
const CHECKED_BYTES: usize = 28;
/// Bytes in front of the state.
pub(super) const FRAME_BYTES: usize = 32;
const PREFIX: &str = "state-";

pub(super) fn file_name(size: u64) -> String {
    format!("{PREFIX}{size:016x}")
}

pub(super) fn parse_name(name: &str) -> Option<u64> {
    let size = u64::from_str_radix(name.strip_prefix(PREFIX)?, 16).ok()?;
    (file_name(size) == name).then_some(size)
}

pub(crate) fn encode(size: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(FRAME_BYTES + bytes.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&out), bytes);
    out.extend_from_slice(&crc.to_be_bytes());
    out.extend_from_slice(bytes);
    out
}

pub(crate) fn decode(path: &Path, size: u64, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let why = match bytes.split_at_checked(FRAME_BYTES) {
        None => "the state is shorter than its frame".to_owned(),
        Some((frame, state)) => match check(frame, state, size) {
            Ok(()) => return Ok(state.to_vec()),
            Err(why) => why,
        },
    };
    Err(StoreError::Corrupt { file: path.to_owned(), offset_bytes: 0, why })
}

fn check(frame: &[u8], state: &[u8], size: u64) -> Result<(), String> {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&frame[..CHECKED_BYTES]), state);
    if frame[..8] != MAGIC || frame[28..32] != crc.to_be_bytes() {
        return Err("the state does not match its checksum".into());
    }
    let version = u32::from_be_bytes(field(frame, 8));
    if version != VERSION {
        return Err(format!("the state has format version {version}"));
    }
    let (says, len_bytes) =
        (u64::from_be_bytes(field(frame, 12)), u64::from_be_bytes(field(frame, 20)));
    if says != size || len_bytes != state.len() as u64 {
        return Err(format!("it holds {len_bytes} bytes of state at size {says}"));
    }
    Ok(())
}
