//! Buffers of frames that nobody reads any more, kept for the next frames.
//!
//! A frame's memory lives from its first entry until its last entry stands in a segment. Memory from the system has to
//! be zeroed page by page, which under load costs more than anything else that the commit thread does with a frame.

use crate::limits::FRAME_POOL_BYTES_MAX;
use env::BLOCK_BYTES;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use store::FrameBuf;

/// The free buffers of one cell.
#[derive(Default)]
pub(crate) struct FramePool {
    free: Mutex<Free>,
}

#[derive(Default)]
struct Free {
    bufs: Vec<FrameBuf>,
    bytes: usize,
}

/// The body of a permanent frame. Its buffer goes back to the pool when the last reader lets go.
pub(crate) struct PooledFrame {
    /// Taken out only by the drop.
    body: Option<FrameBuf>,
    pool: Weak<FramePool>,
}

impl FramePool {
    /// An empty buffer with room for a body of about `room_bytes`. One that is much larger is not given: a small frame
    /// that waits to be unloaded must not hold the memory of a large one. Sizes are rounded by an eighth, so that frames
    /// of about one size fit each other's.
    pub(crate) fn take(&self, room_bytes: usize) -> FrameBuf {
        let step = (room_bytes / 8).next_power_of_two().max(BLOCK_BYTES);
        let room_bytes = room_bytes.max(1).next_multiple_of(step);
        // Envelope and alignment may round a buffer up by two blocks.
        let fits = room_bytes..=room_bytes + room_bytes / 4 + 2 * BLOCK_BYTES;
        let mut free = self.lock();
        let Some(place) = free.bufs.iter().rposition(|buf| fits.contains(&buf.room_bytes())) else {
            return FrameBuf::with_capacity(room_bytes);
        };
        let mut buf = free.bufs.swap_remove(place);
        free.bytes -= buf.room_bytes();
        buf.clear();
        buf
    }

    fn give(&self, buf: FrameBuf) {
        let mut free = self.lock();
        if free.bytes + buf.room_bytes() <= FRAME_POOL_BYTES_MAX {
            free.bytes += buf.room_bytes();
            free.bufs.push(buf);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PooledFrame {
    /// A permanent frame, whose buffer `pool` gets back.
    pub(crate) fn new(body: FrameBuf, pool: &Arc<FramePool>) -> Arc<PooledFrame> {
        Arc::new(PooledFrame { body: Some(body), pool: Arc::downgrade(pool) })
    }

    /// A frame of no pool.
    pub(crate) fn alone(body: FrameBuf) -> Arc<PooledFrame> {
        Arc::new(PooledFrame { body: Some(body), pool: Weak::new() })
    }
}

impl Deref for PooledFrame {
    type Target = FrameBuf;

    fn deref(&self) -> &FrameBuf {
        self.body.as_ref().expect("taken out only by the drop")
    }
}

impl Drop for PooledFrame {
    fn drop(&mut self) {
        if let (Some(body), Some(pool)) = (self.body.take(), self.pool.upgrade()) {
            pool.give(body);
        }
    }
}

impl std::fmt::Debug for PooledFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.body.fmt(f)
    }
}
