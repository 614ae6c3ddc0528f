//! What the commit thread hands to the journal thread, and that to those who sign and answer.

use crate::budget::Reservation;
use crate::inbox::Reply;
use crate::limits::EVENTS_WORTH_WAKING;
use crate::nonce::NonceSeed;
use crate::shared::LogShared;
use crate::sync::mpsc::Sender;
use crate::tail::SidecarSpan;
use append::StreamHead;
use graven_entry::Time;
use graven_merkle::{Hash, TreeSize};
use std::sync::Arc;
use store::{FrameBuf, Slot};

/// A frame that is ready for the journal.
pub(crate) struct SealedFrame {
    pub(crate) body: FrameBuf,
    /// CRC32C of the body when it was sealed; compared again after the flush, before anything is signed.
    pub(crate) crc: u32,
    pub(crate) logs: Vec<LogDelta>,
    /// Waiters whose every event is a repeat, with the log that they asked.
    pub(crate) repeats: Vec<(Arc<LogShared>, Waiter)>,
    /// Whom to tell the frame's slot.
    pub(crate) carries: Vec<Sender<Slot>>,
}

/// What a frame adds to one log.
pub(crate) struct LogDelta {
    pub(crate) log: Arc<LogShared>,
    pub(crate) first: u64,
    /// Where each entry stands in the body: offset and length.
    pub(crate) spans: Vec<(u32, u32)>,
    /// Leaf hashes as the commit thread computed them.
    pub(crate) leaves: Vec<Hash>,
    pub(crate) size_after: TreeSize,
    pub(crate) root_after: Hash,
    pub(crate) streams: Vec<(String, StreamHead)>,
    pub(crate) seeds: Vec<(u64, NonceSeed)>,
    pub(crate) sidecars: Vec<SidecarSpan>,
    pub(crate) marks: Vec<(u64, Hash)>,
    pub(crate) waiters: Vec<Waiter>,
}

/// A producer that waits for its answer.
pub(crate) struct Waiter {
    pub(crate) reply: Reply,
    pub(crate) items: Vec<WaitItem>,
    pub(crate) proof: bool,
    /// Held until the answer is sent.
    pub(crate) room: Option<Reservation>,
}

/// What one event of a waiter became.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WaitItem {
    New { index: u64, leaf: Hash, time: Time },
    Repeat { index: u64 },
}

impl SealedFrame {
    /// Whether it is answered in less time than a thread takes to get up.
    pub(crate) fn is_small(&self) -> bool {
        self.logs.iter().map(|delta| delta.spans.len()).sum::<usize>() <= EVENTS_WORTH_WAKING
    }

    /// Whether one client waits for it, with one event.
    pub(crate) fn is_lone(&self) -> bool {
        let [delta] = &self.logs[..] else { return false };
        let [waiter] = &delta.waiters[..] else { return false };
        waiter.items.len() == 1 && self.repeats.is_empty()
    }
}

impl WaitItem {
    /// The entry's index.
    pub(crate) fn index(&self) -> u64 {
        match self {
            WaitItem::New { index, .. } | WaitItem::Repeat { index } => *index,
        }
    }
}
