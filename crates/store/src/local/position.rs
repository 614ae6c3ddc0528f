//! Where the next frame of a journal goes, and what it has to follow.

use super::envelope::Envelope;
use crate::frame_buf::frame_bytes;
use crate::{Epoch, FrameHash, Slot};

/// What the next frame must be, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) slot: Slot,
    pub(crate) prev: FrameHash,
    pub(crate) epoch: Epoch,
    pub(crate) offset_bytes: u64,
}

impl Position {
    /// The position behind a frame that stands here.
    pub(crate) fn after(&self, envelope: &Envelope) -> Position {
        Position {
            slot: Slot(envelope.slot.0 + 1),
            prev: envelope.hash(),
            epoch: envelope.epoch,
            offset_bytes: self.offset_bytes + frame_bytes(envelope.body_bytes as usize) as u64,
        }
    }
}
