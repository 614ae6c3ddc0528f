//! The stored bundle: every entry survives, `prev` and `nonce` cost nothing.

use super::{SEED, first_entries, made_entries};
use crate::bundle::{Encoder, Entries, decode, decode_unlinked, encode};
use crate::nonce::{NonceMaker, NonceSeed};
use graven_entry::Entry;
use graven_merkle::{EMPTY_ROOT, Hash, LeafIndex, leaf_hash};

/// The entries with every third marked as the start of a batch.
fn marked(entries: &[Vec<u8>]) -> Entries {
    let mut out = Entries::default();
    for (place, entry) in entries.iter().enumerate() {
        if place % 3 == 1 {
            out.mark(leaf_hash(entry));
        }
        out.push(entry, leaf_hash(entry), crc32c::crc32c(entry));
    }
    out
}

fn plain(entries: &[Vec<u8>]) -> Entries {
    let mut out = Entries::default();
    for entry in entries {
        out.push(entry, leaf_hash(entry), crc32c::crc32c(entry));
    }
    out
}

fn encoder() -> Encoder {
    Encoder::new(NonceMaker::new(SEED)).expect("a compressor")
}

fn check(first: u64, prev: Hash, entries: &[Vec<u8>]) -> Vec<u8> {
    let nonces = NonceMaker::new(SEED);
    let entries = marked(entries);
    let stored = encode(LeafIndex(first), &prev, &entries, &mut encoder()).expect("encodes");
    let back = decode(LeafIndex(first), &stored, &nonces).expect("decodes");
    assert_eq!(back, entries, "first {first}, {} entries", entries.len());
    let backwards = (0..entries.len()).rev();
    let said = decode_unlinked(&stored, backwards).expect("decodes");
    assert_eq!(said.len(), entries.len(), "first {first}");
    for (place, (entry, said)) in entries.iter().zip(said.into_iter().rev()).enumerate() {
        // All but `prev` and `nonce`, which stand in the header's line.
        assert_eq!(said.len(), entry.len(), "first {first}, place {place}");
        if let (Ok(said), Ok(entry)) = (Entry::parse(&said), Entry::parse(entry)) {
            assert_eq!((said.event, said.header.time), (entry.event, entry.header.time));
            assert_eq!(said.header.index, entry.header.index);
        } else {
            assert_eq!(said, entry, "what is no entry is stored whole");
        }
    }
    let beyond = [0, entries.len(), 0];
    assert_eq!(decode_unlinked(&stored, beyond).expect("decodes").len(), 1, "ends before it");
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
    let entries = plain(&first_entries(256));
    let stored = encode(LeafIndex(0), &EMPTY_ROOT, &entries, &mut encoder()).expect("encodes");
    // 32 + 16 incompressible bytes an entry would alone be 12,288.
    assert!(stored.len() < 6_000, "{} bytes", stored.len());
}

/// A bit that flips between the commit and the sealing is found before it stands in a part.
#[test]
fn an_entry_that_changed_since_it_was_hashed_is_not_stored() {
    let entries = first_entries(3);
    for bit in 0..entries[1].len() * 8 {
        let mut out = Entries::default();
        for (place, entry) in entries.iter().enumerate() {
            let mut read = entry.clone();
            read[bit / 8] ^= u8::from(place == 1) << (bit % 8);
            out.push(&read, leaf_hash(entry), crc32c::crc32c(entry));
        }
        assert!(encode(LeafIndex(0), &EMPTY_ROOT, &out, &mut encoder()).is_err(), "bit {bit}");
    }
}

#[test]
fn another_seed_gives_other_entries() {
    let entries = plain(&first_entries(4));
    let stored = encode(LeafIndex(0), &EMPTY_ROOT, &entries, &mut encoder()).expect("encodes");
    let other = NonceMaker::new(NonceSeed([8; 16]));
    let back = decode(LeafIndex(0), &stored, &other).expect("decodes");
    assert_ne!(back, entries);
}

#[test]
fn damaged_bundles_never_decode_to_the_same_entries() {
    let entries = plain(&first_entries(20));
    let nonces = NonceMaker::new(SEED);
    let stored = encode(LeafIndex(0), &EMPTY_ROOT, &entries, &mut encoder()).expect("encodes");
    for bit in 0..stored.len() * 8 {
        let mut bad = stored.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        if let Ok(back) = decode(LeafIndex(0), &bad, &nonces) {
            let same = back == entries;
            // zstd has header bits without a meaning; the store's CRC32C covers those.
            assert!(same || back != Entries::default(), "bit {bit}");
        }
    }
    for cut in 0..stored.len() {
        assert!(decode(LeafIndex(0), &stored[..cut], &nonces).is_err(), "cut at {cut}");
    }
}

/// What is stored leaves out the nonces that were made one by one, and reading makes them together.
#[test]
fn nonces_are_the_same_alone_and_together() {
    let nonces = NonceMaker::new(SEED);
    for (first, count) in [(0, 0), (0, 1), (255, 3), (65_536, 256), (1 << 52, 65)] {
        let alone: Vec<_> =
            (first..).take(count).map(|index| nonces.nonce(LeafIndex(index))).collect();
        assert_eq!(nonces.nonces(LeafIndex(first), count), alone, "{count} from {first}");
    }
}
