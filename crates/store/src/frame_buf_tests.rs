//! The frame buffer keeps its body, its alignment and its zeros.

use env::BLOCK_BYTES;

use crate::FrameBuf;
use crate::limits::ENVELOPE_BYTES;

/// Pushes pieces, seals, unseals: the frame must be aligned, whole and padded with zeros.
#[track_caller]
fn check(first_bytes: usize, pieces: &[usize]) {
    let mut buf = FrameBuf::with_capacity(first_bytes);
    let mut expected = Vec::new();
    for (i, len_bytes) in pieces.iter().enumerate() {
        let piece = vec![i as u8 + 1; *len_bytes];
        buf.push(&piece);
        expected.extend_from_slice(&piece);
    }
    for round in 0..2 {
        let sealed = buf.seal(&[9; ENVELOPE_BYTES]);
        assert_eq!(sealed.as_ptr().align_offset(BLOCK_BYTES), 0, "round {round}");
        assert_eq!(sealed.len() % BLOCK_BYTES, 0);
        assert_eq!(sealed[..ENVELOPE_BYTES], [9; ENVELOPE_BYTES]);
        let (body, padding) = sealed[ENVELOPE_BYTES..].split_at(expected.len());
        assert_eq!(body, expected);
        assert!(padding.len() < BLOCK_BYTES && padding.iter().all(|b| *b == 0));
        buf.unseal(expected.len());
        assert_eq!(buf.body(), expected);
    }
    buf.clear();
    assert!(buf.is_empty());
    buf.push(b"again");
    buf.body_mut()[0] = b'A';
    assert_eq!((buf.body(), buf.len()), (&b"Again"[..], 5));
    assert_eq!(buf.crc(), crc32c::crc32c(b"Again"));
    assert_eq!(buf.clone().body(), b"Again");
}

#[test]
fn bodies_of_many_sizes() {
    let block = BLOCK_BYTES;
    check(0, &[]);
    check(0, &[1]);
    check(0, &[block - ENVELOPE_BYTES]);
    check(0, &[block - ENVELOPE_BYTES + 1]);
    check(10, &[3, 5000, 70_000, 1]);
    check(1 << 20, &[1 << 20, 1]);
    check(100_000, &[99_999, 2, 300_000]);
}
