//! A reusable buffer for one frame, with room for the envelope in front and padding behind.
//!
//! The body is written into the place from which it goes to the disk: the whole frame is one
//! aligned run of bytes, so that one write without a copy makes it durable.

use std::fmt;
use std::io;

use env::BLOCK_BYTES;

use crate::limits::ENVELOPE_BYTES;

/// Room for the body in a buffer that was made without a size.
const BODY_BYTES_FIRST: usize = 16 * 1024 - ENVELOPE_BYTES;

/// The body of one frame, growable, aligned for direct I/O.
pub struct FrameBuf {
    /// Initialised up to the end of the body. The capacity always holds the padding too, so that
    /// sealing never moves the frame.
    raw: Vec<u8>,
    /// Where the frame starts in `raw`: the first address that is a multiple of a block.
    start: usize,
}

impl FrameBuf {
    /// An empty buffer.
    pub fn new() -> Self {
        FrameBuf::with_capacity(BODY_BYTES_FIRST)
    }

    /// An empty buffer that takes a body of `body_bytes` without growing.
    pub fn with_capacity(body_bytes: usize) -> Self {
        let (raw, start) = aligned(body_bytes);
        FrameBuf { raw, start }
    }

    /// Appends to the body.
    pub fn push(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.raw.extend_from_slice(bytes);
    }

    /// Makes room for `more_bytes` more of body.
    pub fn reserve(&mut self, more_bytes: usize) {
        let needed = self.len() + more_bytes;
        if self.start + frame_bytes(needed) <= self.raw.capacity() {
            return;
        }
        // Growing a Vec in place may move it to an address of another alignment.
        let (mut raw, start) = aligned(needed.max(self.len() * 2));
        raw.extend_from_slice(self.body());
        self.raw = raw;
        self.start = start;
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.raw[self.start + ENVELOPE_BYTES..]
    }

    /// The body, to fill in what was not known when it was pushed.
    pub fn body_mut(&mut self) -> &mut [u8] {
        let from = self.start + ENVELOPE_BYTES;
        &mut self.raw[from..]
    }

    /// Length of the body in bytes.
    pub fn len(&self) -> usize {
        self.raw.len() - self.start - ENVELOPE_BYTES
    }

    /// Length that the body can have without growing, in bytes.
    pub fn room_bytes(&self) -> usize {
        let whole_blocks = (self.raw.capacity() - self.start) / BLOCK_BYTES * BLOCK_BYTES;
        whole_blocks - ENVELOPE_BYTES
    }

    /// The body has no bytes yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Empties the body and keeps the room.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Cuts the body to `len_bytes`; a shorter body stays as it is.
    pub fn truncate(&mut self, len_bytes: usize) {
        self.raw.truncate(self.start + ENVELOPE_BYTES + len_bytes);
    }

    /// CRC32C of the body as it is now.
    pub fn crc(&self) -> u32 {
        crc32c::crc32c(self.body())
    }

    /// The frame as it goes to the disk: envelope, body, zeros up to a whole block. The body is
    /// untouched; `unseal` must follow before the buffer is used again.
    pub(crate) fn seal(&mut self, envelope: &[u8; ENVELOPE_BYTES]) -> &[u8] {
        let end = self.start + frame_bytes(self.len());
        self.raw[self.start..self.start + ENVELOPE_BYTES].copy_from_slice(envelope);
        debug_assert!(end <= self.raw.capacity(), "sealing must not move the frame");
        self.raw.resize(end, 0);
        &self.raw[self.start..]
    }

    /// Takes the padding off again after `seal`.
    pub(crate) fn unseal(&mut self, body_bytes: usize) {
        self.truncate(body_bytes);
    }
}

/// Size on the disk of a frame whose body has `body_bytes`.
pub(crate) fn frame_bytes(body_bytes: usize) -> usize {
    (ENVELOPE_BYTES + body_bytes).next_multiple_of(BLOCK_BYTES)
}

/// A Vec with room for a frame whose start is aligned to a block, filled up to its body.
fn aligned(body_bytes: usize) -> (Vec<u8>, usize) {
    let mut raw: Vec<u8> = Vec::with_capacity(frame_bytes(body_bytes) + BLOCK_BYTES);
    let start = raw.as_ptr().align_offset(BLOCK_BYTES);
    assert!(start < BLOCK_BYTES, "bytes can be aligned to a block");
    raw.resize(start + ENVELOPE_BYTES, 0);
    (raw, start)
}

impl Default for FrameBuf {
    fn default() -> Self {
        FrameBuf::new()
    }
}

impl Clone for FrameBuf {
    fn clone(&self) -> Self {
        FrameBuf::from(self.body())
    }
}

impl From<&[u8]> for FrameBuf {
    fn from(body: &[u8]) -> Self {
        let mut buf = FrameBuf::with_capacity(body.len());
        buf.push(body);
        buf
    }
}

impl io::Write for FrameBuf {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for FrameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameBuf").field("len", &self.len()).finish_non_exhaustive()
    }
}
