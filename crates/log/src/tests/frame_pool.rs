//! The pool of frame buffers: they come back empty, and only to frames of about their size.

use crate::frame_pool::{FramePool, PooledFrame};
use std::sync::Arc;

/// Lets a frame of `given` bytes of room go, then asks for `wanted`: whether it gets the same buffer.
fn check(given: usize, wanted: usize, expected: bool) {
    let pool = Arc::new(FramePool::default());
    let mut body = pool.take(given);
    body.push(b"an old frame");
    let address = body.body().as_ptr();
    drop(PooledFrame::new(body, &pool));
    let next = pool.take(wanted);
    assert!(next.is_empty(), "room {given}, then {wanted}");
    assert!(next.room_bytes() >= wanted, "room {given}, then {wanted}");
    let is_same = next.body().as_ptr() == address;
    assert_eq!(is_same, expected, "room {given}, then {wanted}");
}

#[test]
fn a_buffer_goes_to_a_frame_of_its_size() {
    check(400_000, 400_000, true);
    check(400_000, 380_000, true);
    check(400_000, 1_000, false);
    check(1_000, 400_000, false);
    check(1_000, 1_000, true);
}

/// A server with little to do commits an entry a frame, and keeps tens of thousands of them until it unloads.
#[test]
fn a_small_frame_takes_little_memory() {
    for room in [0, 1, 1_000, 3_000] {
        let taken = FramePool::default().take(room).room_bytes();
        assert!(taken <= 3 * env::BLOCK_BYTES, "{taken} bytes for {room}");
    }
}

#[test]
fn a_frame_lives_while_anyone_reads_it() {
    let pool = Arc::new(FramePool::default());
    let mut body = pool.take(100);
    body.push(b"entries");
    let frame = PooledFrame::new(body, &pool);
    let reader = Arc::clone(&frame);
    drop(frame);
    let mut next = pool.take(100);
    next.push(b"others!");
    assert_eq!(reader.body(), b"entries");
}
