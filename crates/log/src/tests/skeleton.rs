//! The skeleton gives the same roots as a frontier, over bundle and segment edges, and survives its own lists.

use crate::skeleton::Skeleton;
use graven_merkle::{Frontier, Hash, complete_tree_root, leaf_hash};

fn leaf(index: u64) -> Hash {
    leaf_hash(&index.to_be_bytes())
}

#[test]
fn roots_agree_with_a_frontier() {
    let (mut skeleton, mut frontier) = (Skeleton::default(), Frontier::new());
    let mut tiles = 0;
    for index in 0..150_000 {
        let tile = skeleton.push(leaf(index));
        frontier.push(leaf(index));
        assert_eq!(tile.is_some(), (index + 1) % 65_536 == 0, "tile at {index}");
        tiles += usize::from(tile.is_some());
        if index % 997 == 0 || (index + 1) % 256 == 0 {
            assert_eq!(skeleton.root(), frontier.root(), "size {}", index + 1);
        }
    }
    assert_eq!(tiles, 2);
    let (segments, bundles, leaves) = skeleton.parts();
    assert_eq!((segments.len(), bundles.len(), leaves.len()), (2, 73, 240));
}

#[test]
fn the_lists_rebuild_it() {
    for size in [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 131_072 + 300] {
        let mut skeleton = Skeleton::default();
        (0..size).for_each(|index| drop(skeleton.push(leaf(index))));
        let (segments, bundles, leaves) = skeleton.parts();
        let back = Skeleton::from_parts(segments.to_vec(), bundles.to_vec(), leaves.to_vec());
        let back = back.expect("whole");
        assert_eq!((back.size(), back.root()), (skeleton.size(), skeleton.root()), "size {size}");
    }
}

#[test]
fn lists_that_are_too_long_are_refused() {
    let many = |count: u64| (0..count).map(leaf).collect::<Vec<_>>();
    assert!(Skeleton::from_parts(vec![], many(256), vec![]).is_err());
    assert!(Skeleton::from_parts(vec![], vec![], many(256)).is_err());
}

#[test]
fn leaves_hashed_ahead_are_taken_in_like_others() {
    let (mut ahead, mut one_by_one) = (Skeleton::default(), Skeleton::default());
    let mut index = 0;
    for count in [1, 254, 1, 1, 700, 65_000, 66_000, 131_072] {
        let leaves: Vec<Hash> = (index..index + count).map(leaf).collect();
        let mut growth = ahead.grow();
        for leaf in &leaves {
            growth.push(*leaf);
        }
        assert_eq!(growth.frontier().size().0, index + count);
        let tiles = ahead.take_in(growth, &leaves);
        let expected: Vec<_> = leaves.iter().filter_map(|leaf| one_by_one.push(*leaf)).collect();
        assert_eq!(tiles, expected, "{count} leaves from {index}");
        assert_eq!(ahead.parts(), one_by_one.parts(), "{count} leaves from {index}");
        assert_eq!(ahead.root(), one_by_one.root());
        index += count;
    }
    let tile = complete_tree_root(&one_by_one.segment_roots(0)[..2]);
    let leaves: Vec<Hash> = (0..131_072).map(leaf).collect();
    assert_eq!(
        tile,
        complete_tree_root(&leaves),
        "the nodes that the frontier told are the tree's"
    );
}
