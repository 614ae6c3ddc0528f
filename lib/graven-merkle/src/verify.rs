//! Checking proofs against roots (RFC 9162 §2.1.3.2, §2.1.4.2;
//! draft-ietf-plants-merkle-tree-certs §4.3, §4.4.3).
//!
//! A proof's length follows from the positions alone, so it is checked first; the bits of a
//! position then say on which side each hash goes. Nothing is allocated.

use crate::subtree::bit_length;
use crate::{EMPTY_ROOT, Hash, LeafIndex, SIZE_MAX, TreeSize, is_valid_subtree, node_hash};

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The leaf can't be in the tree or subtree.
    #[error("index {index} is outside [{start}, {end})")]
    IndexOutOfRange {
        /// The index claimed.
        index: LeafIndex,
        /// The first index of the tree or subtree.
        start: LeafIndex,
        /// One past the last.
        end: LeafIndex,
    },
    /// The indexes do not increase.
    #[error("index {index} does not come after the one before it")]
    NotIncreasing {
        /// The first index that is not above the one before.
        index: LeafIndex,
    },
    /// The tree is larger than [`SIZE_MAX`].
    #[error("size {size} is over {SIZE_MAX}")]
    SizeOutOfRange {
        /// The size claimed.
        size: TreeSize,
    },
    /// The older tree has more leaves than the newer.
    #[error("old size {old} is over new size {new}")]
    SizeDecreased {
        /// The older tree's size.
        old: TreeSize,
        /// The newer tree's size.
        new: TreeSize,
    },
    /// The older tree is empty and the newer is not: every tree begins with the empty one, so such
    /// a proof would say nothing about the newer root.
    #[error("old size 0 proves nothing of a tree of {new} leaves")]
    OldEmpty {
        /// The newer tree's size.
        new: TreeSize,
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
    /// The proof has too few or too many hashes for these positions.
    #[error("proof has {count} hashes, it must have {expected}")]
    ProofLength {
        /// How many it has.
        count: usize,
        /// How many the positions call for.
        expected: usize,
    },
    /// The proof leads to another root than the one given: leaf, subtree, proof, position or root
    /// is wrong.
    #[error("proof leads to root {computed} in place of {expected}")]
    RootMismatch {
        /// What the proof leads to.
        computed: Hash,
        /// The root given.
        expected: Hash,
    },
    /// The proof leads to another hash than that given for the older tree or the subtree.
    #[error("proof leads to subtree hash {computed} in place of {expected}")]
    SubtreeMismatch {
        /// What the proof leads to.
        computed: Hash,
        /// The older root or the subtree hash given.
        expected: Hash,
    },
}

/// Checks that the leaf with this leaf hash is at `index` in the tree of `size` leaves with this
/// root.
pub fn verify_inclusion(
    index: LeafIndex,
    size: TreeSize,
    leaf: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), VerifyError> {
    let computed = root_from_inclusion_proof(index, size, leaf, proof)?;
    expect_root(computed, *root)
}

/// The root of the tree of `size` leaves that has this leaf at `index`, if the proof is right.
///
/// The caller must compare it with a root that it trusts.
pub fn root_from_inclusion_proof(
    index: LeafIndex,
    size: TreeSize,
    leaf: &Hash,
    proof: &[Hash],
) -> Result<Hash, VerifyError> {
    check_size(size)?;
    root_within(index, LeafIndex(0), LeafIndex(size.0), leaf, proof)
}

/// Checks that the leaf with this leaf hash is at `index` (counted in the whole tree) in the
/// subtree `[start, end)` with this hash.
pub fn verify_subtree_inclusion(
    index: LeafIndex,
    start: LeafIndex,
    end: LeafIndex,
    leaf: &Hash,
    proof: &[Hash],
    hash: &Hash,
) -> Result<(), VerifyError> {
    let size = TreeSize(end.0);
    check_size(size)?;
    if !is_valid_subtree(start, end, size) {
        return Err(VerifyError::InvalidSubtree { start, end, size });
    }
    let computed = root_within(index, start, end, leaf, proof)?;
    expect_root(computed, *hash)
}

/// Checks that the tree of `new` leaves begins with the tree of `old` leaves.
///
/// An empty old tree is only accepted beside an empty new one: a proof from it would be void.
pub fn verify_consistency(
    old: TreeSize,
    new: TreeSize,
    old_root: &Hash,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), VerifyError> {
    check_size(new)?;
    if old > new {
        return Err(VerifyError::SizeDecreased { old, new });
    }
    if old.0 == 0 {
        if new.0 != 0 {
            return Err(VerifyError::OldEmpty { new });
        }
        expect_root(EMPTY_ROOT, *new_root)?;
    }
    verify_subtree_consistency(LeafIndex(0), LeafIndex(old.0), new, old_root, proof, new_root)
}

/// Checks that the subtree `[start, end)` with this hash is in the tree of `size` leaves with this
/// root.
///
/// An empty subtree is in every tree, so its check says nothing about `root`.
pub fn verify_subtree_consistency(
    start: LeafIndex,
    end: LeafIndex,
    size: TreeSize,
    hash: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), VerifyError> {
    check_size(size)?;
    if !is_valid_subtree(start, end, size) {
        return Err(VerifyError::InvalidSubtree { start, end, size });
    }
    if start == end {
        expect_length(proof, 0)?;
        return expect_subtree(EMPTY_ROOT, *hash);
    }
    let climb = Climb::new(start.0, end.0 - 1, size.0 - 1);
    expect_length(proof, climb.proof_length())?;
    let (computed_hash, computed_root) = climb.hashes(hash, proof);
    expect_subtree(computed_hash, *hash)?;
    expect_root(computed_root, *root)
}

/// The way from a subtree's last complete node up to the tree's root, in positions at one level: of
/// the subtree's first node, of its last and of the tree's last (the draft's fn, sn and tn).
struct Climb {
    first: u64,
    last: u64,
    tree_last: u64,
}

impl Climb {
    /// Starts at leaves and rises to the highest node that ends exactly where the subtree does.
    fn new(first: u64, last: u64, tree_last: u64) -> Climb {
        let whole = bit_length(first ^ last);
        // Where both end together, the tree's ragged edge is the subtree's too.
        let level = if last == tree_last { whole } else { whole.min(last.trailing_ones()) };
        Climb { first: first >> level, last: last >> level, tree_last: tree_last >> level }
    }

    /// Whether the climb starts at the whole subtree, so that its hash needs no place in the proof.
    fn starts_whole(&self) -> bool {
        self.first == self.last
    }

    fn proof_length(&self) -> usize {
        usize::from(!self.starts_whole()) + path_length(self.last, self.tree_last)
    }

    /// What the proof leads to for the subtree and for the tree. The proof has the right length.
    fn hashes(&self, subtree: &Hash, proof: &[Hash]) -> (Hash, Hash) {
        let (start, path) = match proof.split_first() {
            Some((first, rest)) if !self.starts_whole() => (first, rest),
            _ => (subtree, proof),
        };
        let (mut hash, mut root) = (*start, *start);
        for (level, on_left, sibling) in steps(self.last, self.tree_last, path) {
            if !on_left {
                root = node_hash(&root, sibling);
                continue;
            }
            root = node_hash(sibling, &root);
            // A sibling on the left is the subtree's own as long as the subtree begins before here.
            if self.first >> level < self.last >> level {
                hash = node_hash(sibling, &hash);
            }
        }
        (hash, root)
    }
}

/// The root of `[start, end)`, a valid subtree, with this leaf at `index`.
fn root_within(
    index: LeafIndex,
    start: LeafIndex,
    end: LeafIndex,
    leaf: &Hash,
    proof: &[Hash],
) -> Result<Hash, VerifyError> {
    if index < start || index >= end {
        return Err(VerifyError::IndexOutOfRange { index, start, end });
    }
    let (position, last) = (index.0 - start.0, end.0 - 1 - start.0);
    expect_length(proof, path_length(position, last))?;
    Ok(steps(position, last, proof).fold(*leaf, |hash, (_, on_left, sibling)| {
        if on_left { node_hash(sibling, &hash) } else { node_hash(&hash, sibling) }
    }))
}

/// How many siblings lie on the way from a position up to the root of a tree with this last
/// position.
fn path_length(position: u64, last: u64) -> usize {
    let fork = bit_length(position ^ last);
    (fork + above(position, fork).count_ones()) as usize
}

/// The siblings on the way up, each with its level and whether it is on the left.
///
/// Up to the fork, where the ways from the position and from the last position meet, there is a
/// sibling at every level. Above it the way is the tree's right edge: siblings only on the left,
/// one for each bit that is set.
fn steps(position: u64, last: u64, proof: &[Hash]) -> impl Iterator<Item = (u32, bool, &Hash)> {
    let fork = bit_length(position ^ last);
    let levels = (0..u64::BITS).filter_map(move |level| {
        let on_left = position >> level & 1 == 1;
        (level < fork || on_left).then_some((level, on_left))
    });
    levels.zip(proof).map(|((level, on_left), sibling)| (level, on_left, sibling))
}

/// The bits of a position from `level` up.
fn above(position: u64, level: u32) -> u64 {
    position.checked_shr(level).unwrap_or(0)
}

fn check_size(size: TreeSize) -> Result<(), VerifyError> {
    if size > SIZE_MAX { Err(VerifyError::SizeOutOfRange { size }) } else { Ok(()) }
}

fn expect_length(proof: &[Hash], expected: usize) -> Result<(), VerifyError> {
    let count = proof.len();
    if count != expected { Err(VerifyError::ProofLength { count, expected }) } else { Ok(()) }
}

fn expect_root(computed: Hash, expected: Hash) -> Result<(), VerifyError> {
    if computed != expected {
        return Err(VerifyError::RootMismatch { computed, expected });
    }
    Ok(())
}

fn expect_subtree(computed: Hash, expected: Hash) -> Result<(), VerifyError> {
    if computed != expected {
        return Err(VerifyError::SubtreeMismatch { computed, expected });
    }
    Ok(())
}
