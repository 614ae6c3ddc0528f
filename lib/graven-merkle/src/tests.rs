//! Unit tests of hashes, edges, tiles and bundles; whole trees are in `tests/`.

#![expect(clippy::indexing_slicing, reason = "a test may fail by panicking")]

use std::collections::BTreeSet;

use crate::*;

const SEED: u64 = 0x7469_6c65_2070_6174;

/// Marsaglia's xorshift64.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

#[test]
fn known_hashes() {
    let check = |hash: Hash, expected: &str| assert_eq!(hash.to_string(), expected);
    // Computed with sha256sum from the definitions in RFC 9162 §2.1.1.
    check(EMPTY_ROOT, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    check(leaf_hash(b""), "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=");
    check(leaf_hash_parts(&[]), "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=");
    check(
        node_hash(&leaf_hash(b""), &leaf_hash(b"\0")),
        "+sVCA+fMaWzw38tCySodnbr3CtnmIfS9jZhmLwDjwSU=",
    );
    let parts: [&[u8]; 3] = [b"gra", b"", b"ven"];
    assert_eq!(leaf_hash_parts(&parts), leaf_hash(b"graven"));
    assert_ne!(leaf_hash(b"graven"), leaf_hash(b"graven\n"));
}

#[test]
fn hash_text_has_one_spelling() {
    let text = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    assert_eq!(text.parse(), Ok(EMPTY_ROOT));
    assert_eq!(format!("{EMPTY_ROOT:?}"), text);
    assert_eq!(format!("{EMPTY_ROOT:>46}"), format!("  {text}"));
    let refused = [
        ("", ParseHashError::Length { len_bytes: 0 }),
        // No padding; a line end; three characters of it lost; hex.
        (&text[..43], ParseHashError::Length { len_bytes: 43 }),
        (&format!("{text}\n"), ParseHashError::Length { len_bytes: 45 }),
        (&text[..40], ParseHashError::Length { len_bytes: 40 }),
        (&"e3b0c442".repeat(8), ParseHashError::Length { len_bytes: 64 }),
        // Trailing bits set; URL alphabet; padding twice; 33 bytes; white space; not ASCII.
        ("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=", ParseHashError::NotCanonical),
        ("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=", ParseHashError::NotCanonical),
        ("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==", ParseHashError::NotCanonical),
        ("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUA", ParseHashError::NotCanonical),
        ("47DEQpj8HBSa+/TImW+5 JCeuQeRkm5NMpJWZG3hSuF=", ParseHashError::NotCanonical),
        ("\u{e9}7DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF=", ParseHashError::NotCanonical),
    ];
    for (text, expected) in refused {
        assert_eq!(text.parse::<Hash>(), Err(expected), "{text:?}");
    }
    let mut state = SEED;
    for _ in 0..1000 {
        let hash = leaf_hash(&next(&mut state).to_be_bytes());
        assert_eq!(hash.to_string().parse(), Ok(hash), "seed {SEED:#x}");
    }
}

#[test]
fn indexes_and_sizes() {
    assert!(LeafIndex(0).is_in(TreeSize(1)) && !LeafIndex(1).is_in(TreeSize(1)));
    assert_eq!(format!("{} {:>3}", LeafIndex(7), TreeSize(8)), "7   8");
}

#[test]
fn frontier_keeps_its_allocation() {
    let mut frontier = Frontier::new();
    let at = frontier.nodes().as_ptr();
    for leaf in leaves(1025) {
        frontier.push(leaf);
        assert_eq!(frontier.nodes().len(), frontier.size().0.count_ones() as usize);
    }
    assert_eq!(frontier.nodes().as_ptr(), at);
}

#[test]
fn frontier_goes_on_from_its_nodes() {
    let leaves = leaves(70);
    let mut whole = Frontier::new();
    for (done, leaf) in leaves.iter().enumerate() {
        let mut resumed = Frontier::from_nodes(whole.size(), whole.nodes().to_vec()).unwrap();
        assert_eq!(resumed, whole);
        leaves[done..].iter().for_each(|leaf| resumed.push(*leaf));
        whole.push(*leaf);
        assert_eq!(resumed.size(), TreeSize(70));
    }
    assert_eq!(Frontier::default().root(), EMPTY_ROOT);
}

#[test]
fn frontier_takes_whole_subtrees() {
    let leaves = leaves(256);
    for level in 0..=6 {
        let mut by_subtree = Frontier::new();
        let mut by_leaf = Frontier::new();
        for chunk in leaves.chunks(1 << level) {
            by_subtree.push_subtree(level, complete_tree_root(chunk).unwrap()).unwrap();
            for leaf in chunk {
                by_leaf.push(*leaf);
            }
            assert_eq!(by_subtree, by_leaf, "level {level}");
        }
    }
}

#[test]
fn frontier_refuses() {
    let hash = leaf_hash(b"");
    let unaligned = FrontierError::Unaligned { level: 1, size: TreeSize(1) };
    let mut one = Frontier::from_nodes(TreeSize(1), vec![hash]).unwrap();
    let before = one.clone();
    assert_eq!(one.push_subtree(1, hash), Err(unaligned));
    assert_eq!(one.push_subtree(63, hash), Err(FrontierError::TooLarge));
    assert_eq!(one.push_subtree(64, hash), Err(FrontierError::TooLarge));
    assert_eq!(one.push_subtree(255, hash), Err(FrontierError::TooLarge));
    assert_eq!(one, before);
    let count = FrontierError::NodeCount { size: TreeSize(3), count: 1, expected: 2 };
    assert_eq!(Frontier::from_nodes(TreeSize(3), vec![hash]), Err(count));
    let nodes = vec![hash; 64];
    assert_eq!(Frontier::from_nodes(TreeSize(u64::MAX), nodes), Err(FrontierError::TooLarge));
    let mut largest = Frontier::from_nodes(SIZE_MAX, vec![hash; 63]).unwrap();
    assert_eq!(largest.push_subtree(0, hash), Err(FrontierError::TooLarge));
    largest.push(hash);
    assert_eq!((largest.size(), largest.nodes().len()), (TreeSize(1 << 63), 1));
}

#[test]
fn tile_paths() {
    let hashes = TileKind::Hashes;
    let check = |kind, index, width, expected: &str| {
        let tile = TilePath { kind, index, width };
        assert_eq!(tile.to_string(), expected);
        assert_eq!(expected.parse(), Ok(tile));
    };
    check(hashes(0), 0, 256, "tile/0/000");
    check(hashes(0), 1067, 5, "tile/0/x001/067.p/5");
    check(hashes(0), 1_234_067, 256, "tile/0/x001/x234/067");
    check(hashes(63), 999, 255, "tile/63/999.p/255");
    check(hashes(1), 1000, 1, "tile/1/x001/000.p/1");
    check(hashes(2), 1_000_000, 256, "tile/2/x001/x000/000");
    check(TileKind::Entries, 42, 7, "tile/entries/042.p/7");
    check(TileKind::Entries, u64::MAX, 256, "tile/entries/x018/x446/x744/x073/x709/x551/615");
}

#[test]
fn random_tile_paths() {
    let mut state = SEED;
    for _ in 0..10_000 {
        let bits = next(&mut state) % 64;
        let index = next(&mut state) >> bits;
        let width = (next(&mut state) % 256 + 1) as u16;
        let level = (next(&mut state) % 65) as u8;
        let kind = if level == 64 { TileKind::Entries } else { TileKind::Hashes(level) };
        let tile = TilePath { kind, index, width };
        assert_eq!(tile.to_string().parse(), Ok(tile), "{tile}, seed {SEED:#x}");
    }
}

#[test]
fn refused_tile_paths() {
    let level = [
        "",
        "tile",
        "tile/",
        "tile/0",
        "/tile/0/000",
        "tiles/0/000",
        "tile/64/000",
        "tile/00/000",
        "tile/01/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile//000",
        "tile/data/000",
        "tile/Entries/000",
        "tile/ 0/000",
        "tile/65536/000",
    ];
    let index = [
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/0/x000/x001/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/x001/",
        "tile/0/x01/000",
        "tile/0/x0001/000",
        "tile/0/X001/000",
        "tile/0/x001//000",
        "tile/0/000/",
        "tile/0/+00",
        "tile/0/-01",
        "tile/0/00a",
        "tile/0/000.p",
        "tile/0/000.p1",
        "tile/8/0/000",
        "tile/0/ 00",
        "tile/0/000\n",
        "tile/0/../000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
        "tile/0/\u{661}\u{662}\u{663}",
        "tile/0/.p/5",
    ];
    let width = [
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/05",
        "tile/0/000.p/+5",
        "tile/0/000.p/-5",
        "tile/0/000.p/5/",
        "tile/0/000.p/5.p/5",
        "tile/0/000.p/65537",
        "tile/0/000.p/5 ",
        "tile/0/000.p/1e1",
    ];
    let check = |texts: &[&str], expected| {
        for text in texts {
            assert_eq!(text.parse::<TilePath>(), Err(expected), "{text:?}");
        }
    };
    check(&level, TilePathError::Level);
    check(&index, TilePathError::Index);
    check(&width, TilePathError::Width);
}

#[test]
fn tiles_of_known_sizes() {
    let check = |size, expected: &[&str]| {
        let found = tiles_of(TreeSize(size)).map(|tile| tile.to_string()).collect::<Vec<_>>();
        assert_eq!(found, expected, "size {size}");
    };
    check(0, &[]);
    check(1, &["tile/entries/000.p/1", "tile/0/000.p/1"]);
    check(256, &["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
    check(
        257,
        &[
            "tile/entries/000",
            "tile/entries/001.p/1",
            "tile/0/000",
            "tile/0/001.p/1",
            "tile/1/000.p/1",
        ],
    );
    // The example of C2SP tlog-tiles: 70,000 leaves.
    let partial = |tile: &TilePath| tile.width < 256;
    let found = tiles_of(TreeSize(70_000)).filter(partial).map(|tile| tile.to_string());
    let expected =
        ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"];
    assert_eq!(found.collect::<Vec<_>>(), expected);
    assert_eq!(tiles_of(TreeSize(70_000)).count(), 274 + 274 + 2 + 1);
}

#[test]
fn new_tiles_are_the_difference() {
    let mut state = SEED;
    for _ in 0..200 {
        let (a, b) = (next(&mut state) % 140_000, next(&mut state) % 140_000);
        let near = a + next(&mut state) % 600;
        for (old, new) in [(a, b), (a, near), (a, a), (a, a / 256 * 256)] {
            let had = tiles_of(TreeSize(old)).collect::<BTreeSet<_>>();
            let has = tiles_of(TreeSize(new)).collect::<BTreeSet<_>>();
            let found = new_tiles(TreeSize(old), TreeSize(new)).collect::<Vec<_>>();
            let found_set = found.iter().copied().collect::<BTreeSet<_>>();
            assert_eq!(found.len(), found_set.len(), "{old} to {new}, seed {SEED:#x}");
            let expected = if new > old { &has - &had } else { BTreeSet::new() };
            assert_eq!(found_set, expected, "{old} to {new}, seed {SEED:#x}");
        }
    }
}

#[test]
fn tile_widths() {
    let check = |level, index, size, expected| {
        assert_eq!(
            tile_width_at(level, index, TreeSize(size)),
            expected,
            "{level}/{index} of {size}"
        );
    };
    check(0, 0, 0, 0);
    check(0, 0, 1, 1);
    check(0, 0, 255, 255);
    check(0, 0, 256, 256);
    check(0, 0, 257, 256);
    check(0, 1, 256, 0);
    check(0, 1, 257, 1);
    check(1, 0, 255, 0);
    check(1, 0, 600, 2);
    check(7, 0, SIZE_MAX.0, 127);
    check(8, 0, u64::MAX, 0);
    check(255, 0, u64::MAX, 0);
    check(0, u64::MAX, u64::MAX, 0);
    check(0, SIZE_MAX.0 / 256, SIZE_MAX.0, 255);
}

#[test]
fn largest_tree_has_tiles() {
    // Only the newest, for there are 2⁵⁵ others.
    let new = new_tiles(TreeSize(SIZE_MAX.0 - 1), SIZE_MAX).collect::<Vec<_>>();
    let index = SIZE_MAX.0 / 256;
    let expected = [TileKind::Entries, TileKind::Hashes(0)];
    assert_eq!(new, expected.map(|kind| TilePath { kind, index, width: 255 }));
}

#[test]
fn node_spans() {
    let check = |level, index, expected: (u8, u64, usize, usize)| {
        let span = Node { level, index }.tile_span();
        assert_eq!((span.tile_level, span.tile_index, span.first, span.count), expected);
    };
    check(0, 0, (0, 0, 0, 1));
    check(0, 511, (0, 1, 255, 1));
    check(7, 3, (0, 1, 128, 128));
    check(8, 3, (1, 0, 3, 1));
    check(9, 128, (1, 1, 0, 2));
    check(62, 1, (7, 0, 64, 64));
    check(255, u64::MAX, (31, u64::MAX / 2, 128, 128));
}

#[test]
fn hash_tiles() {
    let hashes = leaves(256);
    let bytes = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<_>>();
    for count in 1..=256 {
        assert_eq!(parse_hashes(&bytes[..32 * count]), Ok(hashes[..count].to_vec()));
    }
    let refused = [0, 1, 31, 33, 8191];
    for len_bytes in refused {
        let expected = HashTileError::Length { len_bytes };
        assert_eq!(parse_hashes(&bytes[..len_bytes]), Err(expected));
    }
    let over = HashTileError::Length { len_bytes: 8224 };
    assert_eq!(parse_hashes(&[0; 8224]), Err(over));
}

#[test]
fn complete_trees() {
    let hashes = leaves(256);
    for count in 0..=256 {
        let mut frontier = Frontier::new();
        hashes[..count].iter().for_each(|hash| frontier.push(*hash));
        let expected = count.is_power_of_two().then(|| frontier.root());
        assert_eq!(complete_tree_root(&hashes[..count]), expected, "{count} hashes");
    }
}

#[test]
fn bundles() {
    let longest = vec![7; ENTRY_BYTES_MAX];
    let entries: [&[u8]; 4] = [b"one", b"", &longest, b"four"];
    let mut bundle = Vec::new();
    for entry in entries {
        push_bundle_entry(&mut bundle, entry).unwrap();
    }
    assert_eq!(bundle.len(), 4 * 2 + 3 + ENTRY_BYTES_MAX + 4);
    assert_eq!(&bundle[..7], b"\0\x03one\0\0");
    assert_eq!(parse_bundle(&bundle, 4).unwrap(), entries);
    let read = BundleReader::new(&bundle).collect::<Result<Vec<_>, _>>();
    assert_eq!(read.unwrap(), entries);
    let too_long = vec![0; ENTRY_BYTES_MAX + 1];
    let before = bundle.clone();
    let refused = EntryTooLong { len_bytes: ENTRY_BYTES_MAX + 1 };
    assert_eq!(push_bundle_entry(&mut bundle, &too_long), Err(refused));
    assert_eq!(bundle, before);
}

#[test]
fn refused_bundles() {
    let truncated = |position, missing_bytes| BundleError::Truncated { position, missing_bytes };
    let check = |bytes: &[u8], width, expected| {
        assert_eq!(parse_bundle(bytes, width), Err(expected), "{bytes:?} of width {width}");
    };
    check(b"", 0, BundleError::Width { width: 0 });
    check(b"", 257, BundleError::Width { width: 257 });
    check(b"", 1, BundleError::TooFew { count: 0, width: 1 });
    check(b"\0\x01a", 2, BundleError::TooFew { count: 1, width: 2 });
    check(b"\0", 1, truncated(0, 1));
    check(b"\0\x03ab", 1, truncated(0, 1));
    check(b"\0\x01a\0", 2, truncated(1, 1));
    check(b"\xff\xff", 1, truncated(0, 65_535));
    check(b"\0\x01a\0\x01b", 1, BundleError::Trailing { trailing_bytes: 3, width: 1 });
    check(b"\0\x01a\n", 1, BundleError::Trailing { trailing_bytes: 1, width: 1 });
    assert_eq!(parse_bundle(&[0; 512], 256).unwrap().len(), 256);
}

#[test]
fn bundle_reader_ends_after_an_error() {
    let mut reader = BundleReader::new(b"\0\x01a\0\x05b");
    assert_eq!(reader.next(), Some(Ok(b"a".as_slice())));
    let error = BundleError::Truncated { position: 1, missing_bytes: 4 };
    assert_eq!(reader.next(), Some(Err(error)));
    assert_eq!(reader.next(), None);
}
