//! The stored bundle: every entry survives, `prev` and `nonce` cost nothing.

use super::{SEED, first_entries, made_entries};
use crate::bundle::{Entries, decode, encode};
use crate::nonce::{NonceMaker, NonceSeed};
use graven_merkle::{EMPTY_ROOT, Hash, LeafIndex, leaf_hash};

fn check(first: u64, prev: Hash, entries: &[Vec<u8>]) -> Vec<u8> {
    let nonces = NonceMaker::new(SEED);
    let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    let stored = encode(LeafIndex(first), &prev, &slices, &nonces).expect("encodes");
    let back = decode(LeafIndex(first), &stored, &nonces).expect("decodes");
    assert_eq!(back.iter().collect::<Vec<_>>(), slices, "first {first}, {} entries", entries.len());
    stored
}

#[test]
fn entries_come_back_byte_for_byte() {
    for count in [1, 2, 255, 256] {
        check(0, EMPTY_ROOT, &first_entries(count));
    }
    let before = first_entries(300);
    let prev = leaf_hash(&before[299]);
    check(300, prev, &made_entries(300, 100, prev));
}

#[test]
fn an_entry_that_does_not_chain_is_stored_whole() {
    let mut entries = first_entries(3);
    // Another log's entry: neither its prev nor its nonce is what would be computed here.
    entries[1] = made_entries(77, 1, leaf_hash(b"other"))[0].clone();
    check(0, EMPTY_ROOT, &entries);
    check(
        0,
        EMPTY_ROOT,
        &[b"not an entry at all".to_vec(), b"\"prev\":\"\",\"nonce\":\"\"\n".to_vec()],
    );
}

#[test]
fn prev_and_nonce_are_not_stored() {
    let entries = first_entries(256);
    let stored = check(0, EMPTY_ROOT, &entries);
    // 32 + 16 incompressible bytes an entry would alone be 12,288.
    assert!(stored.len() < 6_000, "{} bytes", stored.len());
}

#[test]
fn another_seed_gives_other_entries() {
    let entries = first_entries(4);
    let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    let stored =
        encode(LeafIndex(0), &EMPTY_ROOT, &slices, &NonceMaker::new(SEED)).expect("encodes");
    let other = NonceMaker::new(NonceSeed([8; 16]));
    let back = decode(LeafIndex(0), &stored, &other).expect("decodes");
    assert_ne!(back.iter().collect::<Vec<_>>(), slices);
}

#[test]
fn damaged_bundles_never_decode_to_the_same_entries() {
    let entries = first_entries(20);
    let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    let nonces = NonceMaker::new(SEED);
    let stored = encode(LeafIndex(0), &EMPTY_ROOT, &slices, &nonces).expect("encodes");
    for bit in 0..stored.len() * 8 {
        let mut bad = stored.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        if let Ok(back) = decode(LeafIndex(0), &bad, &nonces) {
            let same = back.iter().eq(slices.iter().copied());
            // zstd has header bits without a meaning; the store's CRC32C covers those.
            assert!(same || back != Entries::default(), "bit {bit}");
        }
    }
    for cut in 0..stored.len() {
        assert!(decode(LeafIndex(0), &stored[..cut], &nonces).is_err(), "cut at {cut}");
    }
}
