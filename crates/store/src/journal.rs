//! The Journal trait: the whole contract between `log` and durability.

use std::fmt;

use crate::{FrameBuf, JournalError};

/// The position of a frame in its journal, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u64);

/// The number of a writer's reign. A higher epoch fences every lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// SHA-256 of a frame's logical envelope; each frame names the hash of the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameHash(pub [u8; 32]);

/// A frame as it was read: its slot and its body.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its position.
    pub slot: Slot,
    /// Its body.
    pub body: FrameBuf,
}

/// A frame that is durable, with its buffer given back.
#[derive(Debug)]
pub struct Completed {
    /// Its position.
    pub slot: Slot,
    /// The buffer that was submitted, its body unchanged; the caller checks its CRC again, since
    /// a bit that flipped in memory must not be signed.
    pub body: FrameBuf,
}

/// What bodies are handed to, in slot order; an error ends the reading and is returned.
pub type EachBody<'a> = &'a mut dyn FnMut(Slot, &[u8]) -> Result<(), JournalError>;

/// An ordered, durable sequence of frames with one writer at a time.
///
/// * **Slots** are numbered from 0 without a gap and are created once: whoever creates slot n owns
///   it for ever, and its bytes never change. Creating a slot *is* the commit; there is no second
///   record that could disagree.
/// * **Order.** Slots complete in order. When slot n is durable, so is every slot below it. A frame
///   names the hash of its predecessor, so a later frame vouches for all before it.
/// * **Epoch and fencing.** Every frame carries its writer's epoch. A writer that takes over calls
///   [`Journal::fence`], which creates the next slot with a higher epoch; from then on every
///   `submit` and `complete` of the old writer answers [`JournalError::Fenced`], and it must exit.
///   Locks and leases may decide who tries to take over, never who is right.
/// * **Ambiguous answers** (a time-out, a 503 after which nobody knows whether the slot exists) are
///   resolved inside the implementation by reading the slot: ours means committed, another's means
///   fenced, none means that the identical bytes are offered again. The caller only ever learns
///   durable, fenced, or an error that ends the process.
/// * **Errors.** After [`JournalError::Io`] or [`JournalError::Fenced`] every further call fails
///   the same way: what was submitted has an unknown outcome, which the next start learns by
///   reading. [`JournalError::Full`] and [`JournalError::TooLarge`] mean that nothing was written
///   and the journal goes on.
/// * **Concurrency.** One thread owns the journal and blocks in `complete`; readers of the past
///   read through `read` on the same thread or, for the local form, with `check_journal`.
pub trait Journal: Send {
    /// The epoch of this writer.
    fn epoch(&self) -> Epoch;

    /// The slot that the next `submit` will take.
    fn next_slot(&self) -> Slot;

    /// How many frames may be submitted and not yet completed.
    fn in_flight_max(&self) -> usize;

    /// Hands over the body of the next slot. It is not durable before `complete` names its slot.
    ///
    /// # Panics
    /// When `in_flight_max` frames are in flight already: the caller's own invariant is broken.
    fn submit(&mut self, body: FrameBuf) -> Result<Slot, JournalError>;

    /// Blocks until the oldest submitted frame is durable. Slots complete in order.
    ///
    /// # Panics
    /// When nothing is in flight.
    fn complete(&mut self) -> Result<Completed, JournalError>;

    /// Hands every durable body from slot `from` on to `each`, in slot order. A fence takes a slot
    /// and has no body, so slots rise but may skip one. A `from` below the oldest slot that is
    /// still held is an error, one at or after `next_slot` reads nothing.
    fn read(&self, from: Slot, each: EachBody<'_>) -> Result<(), JournalError>;

    /// Takes the journal over: creates the next slot with a higher epoch and returns that epoch.
    /// Nothing may be in flight.
    fn fence(&mut self) -> Result<Epoch, JournalError>;

    /// Everything below `below` has been unloaded into segments and read back from the device:
    /// its space may be reused, zeroed first. How much is given back at once is the journal's own
    /// affair; slots that are still held can still be read.
    fn release(&mut self, below: Slot) -> Result<(), JournalError>;

    /// Bytes of frames that surely find room without new space: a caller that takes on no more than this is never
    /// answered [`JournalError::Full`].
    fn ready_bytes(&self) -> u64 {
        u64::MAX
    }

    /// Bytes of the frames that have not been released: what a start has to read.
    fn retained_bytes(&self) -> u64;
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
