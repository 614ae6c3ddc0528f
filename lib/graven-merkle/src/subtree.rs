//! Subtrees: intervals of leaves whose hash never changes as the tree grows
//! (draft-ietf-plants-merkle-tree-certs §4.1, §4.5).

use crate::{LeafIndex, Node, SIZE_MAX, TreeSize};

/// Whether `[start, end)` is a subtree of a tree of `size` leaves: within it, and `start` a
/// multiple of the smallest power of two that is at least `end - start` (§4.1). An empty interval
/// is one.
pub fn is_valid_subtree(start: LeafIndex, end: LeafIndex, size: TreeSize) -> bool {
    let within = start <= end && end.0 <= size.0 && size <= SIZE_MAX;
    // Lengths are below 2⁶³ here, so the next power of two fits.
    within && start.0.is_multiple_of((end.0 - start.0).next_power_of_two())
}

/// At most two subtrees, in order and next to each other, that together cover `[start, end)`
/// (§4.5).
///
/// The first may begin before `start`; the last ends at `end`. No subtree covers an interval that
/// is empty, reversed or beyond [`SIZE_MAX`].
pub fn find_subtrees(start: LeafIndex, end: LeafIndex) -> Vec<(LeafIndex, LeafIndex)> {
    if start >= end || end.0 > SIZE_MAX.0 {
        return Vec::new();
    }
    let last = end.0 - 1;
    if start.0 == last {
        return vec![(start, end)];
    }
    // The paths to both ends part below this level; each side then is a subtree of its own.
    let split = bit_length(start.0 ^ last) - 1;
    let mask = (1 << split) - 1;
    let middle = last & !mask;
    let left_level = bit_length(!start.0 & mask);
    let left_start = start.0 & !((1 << left_level) - 1);
    vec![(LeafIndex(left_start), LeafIndex(middle)), (LeafIndex(middle), end)]
}

/// The complete subtrees that make up `[start, end)`, from left to right, so from large to small.
///
/// `[start, end)` must be a valid subtree, else the nodes would not be aligned.
pub(crate) fn complete_nodes(start: u64, end: u64) -> impl DoubleEndedIterator<Item = Node> {
    let count = end.saturating_sub(start);
    (0..64_u8).rev().filter(move |level| count >> level & 1 == 1).map(move |level| {
        // The bits of `count` above this one are what the nodes to the left already cover.
        let node_start = start + (count >> level & !1) * (1 << level);
        Node { level, index: node_start >> level }
    })
}

/// How many bits a number has without leading zeros.
pub(crate) const fn bit_length(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}
