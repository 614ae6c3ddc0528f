//! Making proofs and roots from a tree's nodes (RFC 9162 §2.1.3.1, §2.1.4.1;
//! draft-ietf-plants-merkle-tree-certs §4.3, §4.4.1).

use std::ops::Range;

use crate::subtree::complete_nodes;
use crate::{
    EMPTY_ROOT, Hash, LeafIndex, NodeSource, SIZE_MAX, TreeSize, is_valid_subtree, node_hash,
};

/// Why a proof or a root could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError<E> {
    /// The leaf is not in the tree or subtree.
    #[error("index {index} is outside [{start}, {end})")]
    IndexOutOfRange {
        /// The index asked for.
        index: LeafIndex,
        /// The first index of the tree or subtree.
        start: LeafIndex,
        /// One past the last.
        end: LeafIndex,
    },
    /// A size is above the newer tree's, or above [`SIZE_MAX`].
    #[error("size {size} is over {max}")]
    SizeOutOfRange {
        /// The size asked for.
        size: TreeSize,
        /// The largest that is possible here.
        max: TreeSize,
    },
    /// The interval is not a subtree of the tree: see [`is_valid_subtree`].
    #[error("[{start}, {end}) is no subtree of a tree of {size} leaves")]
    InvalidSubtree {
        /// The interval's first index.
        start: LeafIndex,
        /// One past its last.
        end: LeafIndex,
        /// The tree's size.
        size: TreeSize,
    },
    /// The indexes do not increase.
    #[error("index {index} does not come after the one before it")]
    NotIncreasing {
        /// The first index that is not above the one before.
        index: LeafIndex,
    },
    /// A node's hash could not be had.
    #[error("node hash could not be read")]
    Source(#[source] E),
}

/// The root of the tree of the first `size` leaves.
pub fn root<S: NodeSource>(size: TreeSize, source: &S) -> Result<Hash, ProofError<S::Error>> {
    check_size(size)?;
    hash_of(0..size.0, source)
}

/// The hash of the subtree `[start, end)`.
pub fn subtree_hash<S: NodeSource>(
    start: LeafIndex,
    end: LeafIndex,
    source: &S,
) -> Result<Hash, ProofError<S::Error>> {
    check_subtree(start, end, TreeSize(end.0))?;
    hash_of(start.0..end.0, source)
}

/// The proof that the leaf at `index` is in the tree of `size` leaves, lowest sibling first.
pub fn inclusion_proof<S: NodeSource>(
    index: LeafIndex,
    size: TreeSize,
    source: &S,
) -> Result<Vec<Hash>, ProofError<S::Error>> {
    check_size(size)?;
    subtree_inclusion_proof(index, LeafIndex(0), LeafIndex(size.0), source)
}

/// The proof that the leaf at `index` is in the subtree `[start, end)`, lowest sibling first.
pub fn subtree_inclusion_proof<S: NodeSource>(
    index: LeafIndex,
    start: LeafIndex,
    end: LeafIndex,
    source: &S,
) -> Result<Vec<Hash>, ProofError<S::Error>> {
    check_subtree(start, end, TreeSize(end.0))?;
    if index < start || index >= end {
        return Err(ProofError::IndexOutOfRange { index, start, end });
    }
    hashes_of(siblings(index.0..index.0 + 1, start.0..end.0), source)
}

/// The proof that the tree of `new` leaves begins with the tree of `old` leaves.
///
/// It is empty where `old` is 0 or equals `new`.
pub fn consistency_proof<S: NodeSource>(
    old: TreeSize,
    new: TreeSize,
    source: &S,
) -> Result<Vec<Hash>, ProofError<S::Error>> {
    check_size(new)?;
    if old > new {
        return Err(ProofError::SizeOutOfRange { size: old, max: new });
    }
    subtree_consistency_proof(LeafIndex(0), LeafIndex(old.0), new, source)
}

/// The proof that the subtree `[start, end)` is in the tree of `size` leaves.
///
/// It is empty where the subtree is empty or is the whole tree.
pub fn subtree_consistency_proof<S: NodeSource>(
    start: LeafIndex,
    end: LeafIndex,
    size: TreeSize,
    source: &S,
) -> Result<Vec<Hash>, ProofError<S::Error>> {
    check_size(size)?;
    check_subtree(start, end, size)?;
    if start == end {
        return Ok(Vec::new());
    }
    hashes_of(siblings(start.0..end.0, 0..size.0), source)
}

fn check_size<E>(size: TreeSize) -> Result<(), ProofError<E>> {
    if size > SIZE_MAX {
        return Err(ProofError::SizeOutOfRange { size, max: SIZE_MAX });
    }
    Ok(())
}

fn check_subtree<E>(start: LeafIndex, end: LeafIndex, size: TreeSize) -> Result<(), ProofError<E>> {
    if !is_valid_subtree(start, end, size) {
        return Err(ProofError::InvalidSubtree { start, end, size });
    }
    Ok(())
}

/// The intervals whose hashes prove that the subtree `target` is part of the subtree `window`,
/// lowest first. `target` must not be empty and both must be valid subtrees.
///
/// The walk goes down from the window, each time into the half where the target lies. Where the
/// target crosses the middle, it begins where the window does, so the left half is complete and the
/// walk goes on to the target's remainder; the verifier then doesn't know the hash that the walk
/// ends at, so that one is part of the proof.
fn siblings(target: Range<u64>, window: Range<u64>) -> Vec<Range<u64>> {
    let (mut target, mut window) = (target, window);
    let mut known = true;
    let mut found = Vec::new();
    // Each step halves the window, so a tree of any size is done within as many steps as a size has
    // bits.
    for _ in 0..u64::BITS {
        if target == window {
            break;
        }
        // The largest power of two below the window's size (RFC 9162 §2.1.1).
        let half = (window.end - window.start).next_power_of_two() >> 1;
        let middle = window.start + half;
        if target.end <= middle {
            found.push(middle..window.end);
            window.end = middle;
        } else {
            found.push(window.start..middle);
            if target.start < middle {
                known = false;
                target.start = middle;
            }
            window.start = middle;
        }
    }
    if !known {
        found.push(window);
    }
    found.reverse();
    found
}

fn hashes_of<S: NodeSource>(
    intervals: Vec<Range<u64>>,
    source: &S,
) -> Result<Vec<Hash>, ProofError<S::Error>> {
    intervals.into_iter().map(|interval| hash_of(interval, source)).collect()
}

/// The hash of a valid subtree: its complete subtrees, joined from the right.
pub(crate) fn hash_of<S: NodeSource>(
    interval: Range<u64>,
    source: &S,
) -> Result<Hash, ProofError<S::Error>> {
    let mut folded = None;
    for node in complete_nodes(interval.start, interval.end).rev() {
        let hash = source.node(node).map_err(ProofError::Source)?;
        folded = Some(folded.map_or(hash, |right| node_hash(&hash, &right)));
    }
    Ok(folded.unwrap_or(EMPTY_ROOT))
}
