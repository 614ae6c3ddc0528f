//! One proof for many leaves: what the single proofs (RFC 9162 §2.1.3) would hold, each hash once
//! and none that the leaves themselves give.
//!
//! The tree is walked from its root as RFC 9162 §2.1.1 splits it. Where a half holds none of the
//! leaves, its hash is the proof's next one; where it holds one, the walk goes on into it. So the
//! proof is a list of hashes from left to right, and size and indexes alone say what each is for.

use std::ops::Range;

use crate::proof::hash_of;
use crate::{Hash, LeafIndex, NodeSource, ProofError, SIZE_MAX, TreeSize, VerifyError, node_hash};

/// The proof that the leaves at `indexes`, which increase, are in the tree of `size` leaves.
///
/// Without an index it is the root itself.
pub fn inclusion_proof_of_many<S: NodeSource>(
    indexes: &[LeafIndex],
    size: TreeSize,
    source: &S,
) -> Result<Vec<Hash>, ProofError<S::Error>> {
    if size > SIZE_MAX {
        return Err(ProofError::SizeOutOfRange { size, max: SIZE_MAX });
    }
    if let Some(bad) = first_bad(indexes.iter().copied(), size) {
        return Err(match bad {
            Bad::Outside(index) => {
                let (start, end) = (LeafIndex(0), LeafIndex(size.0));
                ProofError::IndexOutOfRange { index, start, end }
            }
            Bad::NotIncreasing(index) => ProofError::NotIncreasing { index },
        });
    }
    let mut gaps = Vec::new();
    find_gaps(0..size.0, indexes, &mut |gap| gaps.push(gap));
    gaps.into_iter().map(|gap| hash_of(gap, source)).collect()
}

/// Checks that each of these leaf hashes is at its index, which increase, in the tree of `size`
/// leaves with this root. As with a single proof, a neighbouring size of the same shape passes too:
/// whoever signed the root has to have signed the size.
pub fn verify_inclusion_of_many(
    leaves: &[(LeafIndex, Hash)],
    size: TreeSize,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), VerifyError> {
    if size > SIZE_MAX {
        return Err(VerifyError::SizeOutOfRange { size });
    }
    let indexes: Vec<LeafIndex> = leaves.iter().map(|(index, _)| *index).collect();
    if let Some(bad) = first_bad(indexes.iter().copied(), size) {
        return Err(match bad {
            Bad::Outside(index) => {
                let (start, end) = (LeafIndex(0), LeafIndex(size.0));
                VerifyError::IndexOutOfRange { index, start, end }
            }
            Bad::NotIncreasing(index) => VerifyError::NotIncreasing { index },
        });
    }
    let mut expected = 0;
    find_gaps(0..size.0, &indexes, &mut |_| expected += 1);
    if proof.len() != expected {
        return Err(VerifyError::ProofLength { count: proof.len(), expected });
    }
    let mut rest = proof.iter();
    // The length fits, so there is a hash for every gap.
    let computed = fold(0..size.0, leaves, &mut rest).unwrap_or(crate::EMPTY_ROOT);
    if computed != *root {
        return Err(VerifyError::RootMismatch { computed, expected: *root });
    }
    Ok(())
}

/// What is wrong with a list of indexes.
enum Bad {
    Outside(LeafIndex),
    NotIncreasing(LeafIndex),
}

fn first_bad(indexes: impl Iterator<Item = LeafIndex>, size: TreeSize) -> Option<Bad> {
    let mut before = None;
    for index in indexes {
        if !index.is_in(size) {
            return Some(Bad::Outside(index));
        }
        if before.is_some_and(|before| before >= index) {
            return Some(Bad::NotIncreasing(index));
        }
        before = Some(index);
    }
    None
}

/// Gives every largest subtree of `window` without one of `indexes`, which lie in it, from left to
/// right. Each call halves the window, so they nest as deep as a size has bits.
fn find_gaps(window: Range<u64>, indexes: &[LeafIndex], found: &mut impl FnMut(Range<u64>)) {
    if indexes.is_empty() {
        found(window);
    } else if window.end - window.start > 1 {
        let middle = middle_of(&window);
        let (left, right) = split(indexes, |index| index.0 < middle);
        find_gaps(window.start..middle, left, found);
        find_gaps(middle..window.end, right, found);
    }
}

/// The hash of `window` from its leaves and the proof's next hashes; `None` where the proof ends too
/// early.
fn fold<'p>(
    window: Range<u64>,
    leaves: &[(LeafIndex, Hash)],
    proof: &mut impl Iterator<Item = &'p Hash>,
) -> Option<Hash> {
    let Some((_, first)) = leaves.first() else { return proof.next().copied() };
    if window.end - window.start == 1 {
        return Some(*first);
    }
    let middle = middle_of(&window);
    let (left, right) = split(leaves, |(index, _)| index.0 < middle);
    let left = fold(window.start..middle, left, proof)?;
    let right = fold(middle..window.end, right, proof)?;
    Some(node_hash(&left, &right))
}

/// Where a window of at least two leaves is split: at the largest power of two below its size.
fn middle_of(window: &Range<u64>) -> u64 {
    window.start + ((window.end - window.start).next_power_of_two() >> 1)
}

/// The items before the first one that is not on the left, and the rest.
fn split<T>(items: &[T], is_left: impl Fn(&T) -> bool) -> (&[T], &[T]) {
    let at = items.partition_point(is_left);
    items.split_at_checked(at).unwrap_or((items, &[]))
}
