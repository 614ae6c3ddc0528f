//! One proof for many leaves: every choice of leaves of every small tree, and some of larger ones.

#[path = "support/levels.rs"]
mod levels;
#[path = "support/rng.rs"]
mod rng;

use std::collections::BTreeSet;

use graven_merkle::{
    EMPTY_ROOT, Hash, LeafIndex, ProofError, TreeSize, VerifyError, inclusion_proof,
    inclusion_proof_of_many, leaf_hash, root, verify_inclusion_of_many,
};
use levels::Levels;
use rng::Rng;

const SEED: u64 = 0x6d61_6e79_206c_6561;

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

fn chosen(leaves: &[Hash], mut is_chosen: impl FnMut(usize) -> bool) -> Vec<(LeafIndex, Hash)> {
    let all = leaves.iter().enumerate();
    let picked = all.filter(|(index, _)| is_chosen(*index));
    picked.map(|(index, leaf)| (LeafIndex(index as u64), *leaf)).collect()
}

/// Checks the proof for these leaves, and that nothing else passes with it.
fn check(leaves: &[Hash], tree: &Levels, picked: &[(LeafIndex, Hash)], rng: &mut Rng) {
    let size = TreeSize(leaves.len() as u64);
    let whole = root(size, tree).expect("a tree");
    let indexes: Vec<_> = picked.iter().map(|(index, _)| *index).collect();
    let what = format!("{indexes:?} of {size}, seed {SEED:#x}");
    let proof = inclusion_proof_of_many(&indexes, size, tree).expect("a proof");
    assert_eq!(verify_inclusion_of_many(picked, size, &proof, &whole), Ok(()), "{what}");

    // It holds nothing that the leaves' own proofs do not hold, and no hash twice.
    let unique: BTreeSet<_> = proof.iter().collect();
    assert_eq!(unique.len(), proof.len(), "{what}");
    let mut single = BTreeSet::new();
    for index in &indexes {
        single.extend(inclusion_proof(*index, size, tree).expect("a proof"));
    }
    assert!(indexes.is_empty() || unique.iter().all(|hash| single.contains(hash)), "{what}");

    let fails = |picked: &[(LeafIndex, Hash)], proof: &[Hash]| {
        let verdict = verify_inclusion_of_many(picked, size, proof, &whole);
        assert!(verdict.is_err(), "{what}: {picked:?} {proof:?}");
    };
    let other = leaf_hash(b"another");
    for at in 0..proof.len() {
        let mut spoiled = proof.clone();
        spoiled[at] = other;
        fails(picked, &spoiled);
        spoiled.remove(at);
        fails(picked, &spoiled);
    }
    fails(picked, &[&proof[..], &[other]].concat());
    if picked.is_empty() {
        return;
    }
    let at = rng.below(picked.len() as u64) as usize;
    let mut spoiled = picked.to_vec();
    spoiled[at].1 = other;
    fails(&spoiled, &proof);
    // The same leaf a place further, where that is another's or nobody's.
    let mut spoiled = picked.to_vec();
    spoiled[at].0 = LeafIndex(spoiled[at].0.0 + 1);
    fails(&spoiled, &proof);
    let mut spoiled = picked.to_vec();
    spoiled.remove(at);
    fails(&spoiled, &proof);
}

#[test]
fn every_choice_of_every_small_tree() {
    let mut rng = Rng(SEED);
    for count in 1..=9 {
        let leaves = leaves(count);
        let tree = Levels::new(&leaves);
        for choice in 0..1_u32 << count {
            let picked = chosen(&leaves, |index| choice >> index & 1 == 1);
            check(&leaves, &tree, &picked, &mut rng);
        }
    }
}

#[test]
fn some_choices_of_larger_trees() {
    let mut rng = Rng(SEED);
    for _ in 0..40 {
        let leaves = leaves(1 + rng.below(3_000));
        let tree = Levels::new(&leaves);
        let one_in = 1 + rng.below(400);
        let picked = chosen(&leaves, |_| rng.next().is_multiple_of(one_in));
        check(&leaves, &tree, &picked[..picked.len().min(64)], &mut Rng(SEED));
    }
}

#[test]
fn it_is_much_smaller_than_single_proofs() {
    let leaves = leaves(4_096);
    let tree = Levels::new(&leaves);
    let indexes: Vec<_> = (1_000..1_100).map(LeafIndex).collect();
    let proof = inclusion_proof_of_many(&indexes, TreeSize(4_096), &tree).unwrap();
    // Twelve levels: at most a hash on either side of each, where a hundred single proofs have 1,200.
    assert!(proof.len() <= 22, "{}", proof.len());
}

#[test]
fn senseless_positions_are_refused() {
    let leaves = leaves(5);
    let tree = Levels::new(&leaves);
    let at = |index: u64| (LeafIndex(index), leaves[0]);
    let (start, end) = (LeafIndex(0), LeafIndex(5));
    for (indexes, size, expected) in [
        (vec![5], 5, VerifyError::IndexOutOfRange { index: end, start, end }),
        (vec![0], 0, VerifyError::IndexOutOfRange { index: start, start, end: start }),
        (vec![1, 1], 5, VerifyError::NotIncreasing { index: LeafIndex(1) }),
        (vec![3, 1], 5, VerifyError::NotIncreasing { index: LeafIndex(1) }),
        (vec![], 1 << 63, VerifyError::SizeOutOfRange { size: TreeSize(1 << 63) }),
    ] {
        let picked: Vec<_> = indexes.iter().map(|index| at(*index)).collect();
        let size = TreeSize(size);
        let verdict = verify_inclusion_of_many(&picked, size, &[], &EMPTY_ROOT);
        assert_eq!(verdict, Err(expected), "{indexes:?} of {size}");
        let indexes: Vec<_> = picked.iter().map(|(index, _)| *index).collect();
        assert!(inclusion_proof_of_many(&indexes, size, &tree).is_err(), "{indexes:?} of {size}");
    }
    let twice = [LeafIndex(2), LeafIndex(2)];
    let refused = inclusion_proof_of_many(&twice, TreeSize(5), &tree);
    assert_eq!(refused, Err(ProofError::NotIncreasing { index: LeafIndex(2) }));
    assert_eq!(verify_inclusion_of_many(&[], TreeSize(0), &[EMPTY_ROOT], &EMPTY_ROOT), Ok(()));
}
