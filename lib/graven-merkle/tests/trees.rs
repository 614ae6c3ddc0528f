//! Random trees against the recursive definitions of RFC 9162 §2.1 and of the subtree draft.

#[path = "support/levels.rs"]
mod levels;
#[path = "support/rng.rs"]
mod rng;

use std::convert::Infallible;

use graven_merkle::{
    EMPTY_ROOT, Frontier, Hash, LeafIndex, Node, NodeSource, ProofError, SIZE_MAX, TreeSize,
    VerifyError, consistency_proof, find_subtrees, inclusion_proof, is_valid_subtree, leaf_hash,
    node_hash, root, subtree_consistency_proof, subtree_hash, subtree_inclusion_proof,
    verify_consistency, verify_inclusion, verify_subtree_consistency, verify_subtree_inclusion,
};
use levels::Levels;
use rng::Rng;

const SEED: u64 = 0x6772_6176_656e_2121;

fn random_hash(rng: &mut Rng) -> Hash {
    leaf_hash(&rng.next().to_be_bytes())
}

fn random_hashes(rng: &mut Rng, count: u64) -> Vec<Hash> {
    (0..count).map(|_| random_hash(rng)).collect()
}

/// MTH (RFC 9162 §2.1.1).
fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&mth(left), &mth(right))
        }
    }
}

/// PATH (RFC 9162 §2.1.3.1).
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, sibling) =
        if index < k { (path(index, left), right) } else { (path(index - k, right), left) };
    proof.push(mth(sibling));
    proof
}

/// SUBTREE_SUBPROOF (draft-ietf-plants-merkle-tree-certs §4.4.1); with `start` 0 it is SUBPROOF
/// (RFC 9162 §2.1.4.1).
fn subproof(start: usize, end: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if start == 0 && end == leaves.len() {
        return if known { Vec::new() } else { vec![mth(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, sibling) = if end <= k {
        (subproof(start, end, left, known), right)
    } else if k <= start {
        (subproof(start - k, end - k, right, known), left)
    } else {
        (subproof(0, end - k, right, false), left)
    };
    proof.push(mth(sibling));
    proof
}

/// The largest power of two below `count`.
fn split(count: usize) -> usize {
    let mut k = 1;
    while k * 2 < count {
        k *= 2;
    }
    k
}

/// Whether `[start, end)` is a subtree, by the draft's words (§4.1).
fn is_subtree(start: usize, end: usize) -> bool {
    let mut ceiling = 1;
    while ceiling < end - start {
        ceiling *= 2;
    }
    start.is_multiple_of(ceiling)
}

fn index(number: usize) -> LeafIndex {
    LeafIndex(number as u64)
}

fn size(number: usize) -> TreeSize {
    TreeSize(number as u64)
}

fn check_inclusion(at: usize, leaves: &[Hash], tree: &Levels) {
    let n = leaves.len();
    let proof = inclusion_proof(index(at), size(n), tree).expect("a proof");
    assert_eq!(proof, path(at, leaves), "index {at} of {n}, seed {SEED:#x}");
    let verdict = verify_inclusion(index(at), size(n), &leaves[at], &proof, &mth(leaves));
    assert_eq!(verdict, Ok(()), "index {at} of {n}, seed {SEED:#x}");
}

fn check_consistency(old: usize, leaves: &[Hash], tree: &Levels) {
    let n = leaves.len();
    let (old_root, new_root) = (mth(&leaves[..old]), mth(leaves));
    let proof = consistency_proof(size(old), size(n), tree).expect("a proof");
    let verdict = verify_consistency(size(old), size(n), &old_root, &new_root, &proof);
    if old == 0 {
        assert_eq!(proof, []);
        let expected = if n == 0 { Ok(()) } else { Err(VerifyError::OldEmpty { new: size(n) }) };
        assert_eq!(verdict, expected);
        return;
    }
    assert_eq!(proof, subproof(0, old, leaves, true), "old {old} of {n}, seed {SEED:#x}");
    assert_eq!(verdict, Ok(()), "old {old} of {n}, seed {SEED:#x}");
}

fn check_subtree(start: usize, end: usize, leaves: &[Hash], tree: &Levels) {
    let n = leaves.len();
    let what = format!("[{start}, {end}) of {n}, seed {SEED:#x}");
    let (from, to) = (index(start), index(end));
    assert_eq!(is_valid_subtree(from, to, size(n)), is_subtree(start, end), "{what}");
    let proof = subtree_consistency_proof(from, to, size(n), tree);
    if !is_subtree(start, end) {
        let refused = ProofError::InvalidSubtree { start: from, end: to, size: size(n) };
        assert_eq!(proof, Err(refused), "{what}");
        return;
    }
    let hash = mth(&leaves[start..end]);
    assert_eq!(subtree_hash(from, to, tree), Ok(hash), "{what}");
    let proof = proof.expect("a proof");
    let verdict = verify_subtree_consistency(from, to, size(n), &hash, &proof, &mth(leaves));
    assert_eq!(verdict, Ok(()), "{what}");
    if start < end {
        assert_eq!(proof, subproof(start, end, leaves, true), "{what}");
    }
}

fn check_subtree_inclusion(start: usize, end: usize, leaves: &[Hash], tree: &Levels) {
    let (from, to, inside) = (index(start), index(end), &leaves[start..end]);
    for (offset, leaf) in inside.iter().enumerate() {
        let at = start + offset;
        let what = format!("index {at} of [{start}, {end}), seed {SEED:#x}");
        let proof = subtree_inclusion_proof(index(at), from, to, tree).expect("a proof");
        assert_eq!(proof, path(offset, inside), "{what}");
        let hash = mth(inside);
        let verdict = verify_subtree_inclusion(index(at), from, to, leaf, &proof, &hash);
        assert_eq!(verdict, Ok(()), "{what}");
    }
}

#[test]
fn every_proof_of_every_small_tree() {
    let all = random_hashes(&mut Rng(SEED), 70);
    let mut frontier = Frontier::new();
    for n in 0..=all.len() {
        let leaves = &all[..n];
        let tree = Levels::new(leaves);
        assert_eq!(root(size(n), &tree), Ok(mth(leaves)), "size {n}, seed {SEED:#x}");
        assert_eq!(frontier.root(), mth(leaves), "size {n}, seed {SEED:#x}");
        assert_eq!(Frontier::from_source(size(n), &tree).unwrap(), frontier);
        (0..n).for_each(|at| check_inclusion(at, leaves, &tree));
        (0..=n).for_each(|old| check_consistency(old, leaves, &tree));
        for start in 0..=n {
            (start..=n).for_each(|end| check_subtree(start, end, leaves, &tree));
        }
        if let Some(leaf) = all.get(n) {
            frontier.push(*leaf);
        }
    }
}

#[test]
fn every_inclusion_in_every_small_subtree() {
    let leaves = random_hashes(&mut Rng(SEED), 70);
    let tree = Levels::new(&leaves);
    for start in 0..=70 {
        let ends = (start..=70).filter(|end| is_subtree(start, *end));
        ends.for_each(|end| check_subtree_inclusion(start, end, &leaves, &tree));
    }
}

#[test]
fn some_proofs_of_larger_trees() {
    let mut rng = Rng(SEED);
    for _ in 0..24 {
        let n = 71 + rng.below(1930) as usize;
        let leaves = random_hashes(&mut rng, n as u64);
        let tree = Levels::new(&leaves);
        assert_eq!(root(size(n), &tree), Ok(mth(&leaves)), "size {n}, seed {SEED:#x}");
        for _ in 0..12 {
            check_inclusion(rng.below(n as u64) as usize, &leaves, &tree);
            check_consistency(1 + rng.below(n as u64) as usize, &leaves, &tree);
            let ceiling = 1 << rng.below(10);
            let start = rng.below(n as u64) as usize / ceiling * ceiling;
            let end = n.min(start + 1 + rng.below(ceiling as u64) as usize);
            check_subtree(start, end, &leaves, &tree);
        }
    }
}

/// Every proof that differs from this one by one bit, one hash less, one more, or two exchanged.
fn spoiled(proof: &[Hash], extra: &[Hash]) -> Vec<Vec<Hash>> {
    let mut found = Vec::new();
    for at in 0..proof.len() {
        found.extend((0..256).map(|bit| with(proof, at, flipped(&proof[at], bit))));
        found.push([&proof[..at], &proof[at + 1..]].concat());
        found.push(proof[..at].to_vec());
        if at > 0 {
            let mut exchanged = proof.to_vec();
            exchanged.swap(at - 1, at);
            found.push(exchanged);
        }
    }
    for at in 0..=proof.len() {
        let more = |hash: &Hash| [&proof[..at], &[*hash], &proof[at..]].concat();
        found.extend(extra.iter().chain(proof).map(more));
    }
    found
}

fn with(proof: &[Hash], at: usize, hash: Hash) -> Vec<Hash> {
    let mut changed = proof.to_vec();
    changed[at] = hash;
    changed
}

fn flipped(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash::new(bytes)
}

#[test]
fn every_spoiled_proof_is_refused() {
    let mut rng = Rng(SEED);
    let larger = [127, 128, 129, 1000, 1 + rng.below(2000)];
    let mut refused = 0_u64;
    for n in (1..=12).chain(larger) {
        let leaves = random_hashes(&mut rng, n);
        let tree = Levels::new(&leaves);
        let new_root = mth(&leaves);
        let samples = if n <= 12 { (0..n).collect() } else { vec![0, n / 2, n - 1, rng.below(n)] };
        for at in samples {
            refused += refuse_inclusion(at, TreeSize(n), &leaves, &tree, &new_root);
            refused += refuse_consistency(at + 1, TreeSize(n), &leaves, &tree, &new_root);
        }
    }
    assert!(refused > 100_000, "only {refused} spoiled proofs were tried, seed {SEED:#x}");
}

fn refuse_inclusion(at: u64, n: TreeSize, leaves: &[Hash], tree: &Levels, root: &Hash) -> u64 {
    let leaf = &leaves[at as usize];
    let proof = inclusion_proof(LeafIndex(at), n, tree).expect("a proof");
    let check = |at: u64, leaf: &Hash, proof: &[Hash], root: &Hash| {
        let verdict = verify_inclusion(LeafIndex(at), n, leaf, proof, root);
        assert!(verdict.is_err(), "index {at} of {n}, {proof:?}, seed {SEED:#x}");
    };
    let bad = spoiled(&proof, &[*root, *leaf, EMPTY_ROOT]);
    for proof in &bad {
        check(at, leaf, proof, root);
    }
    for bit in 0..256 {
        check(at, &flipped(leaf, bit), &proof, root);
        check(at, leaf, &proof, &flipped(root, bit));
    }
    (0..n.0 + 2).filter(|other| *other != at).for_each(|other| check(other, leaf, &proof, root));
    bad.len() as u64
}

fn refuse_consistency(old: u64, n: TreeSize, leaves: &[Hash], tree: &Levels, root: &Hash) -> u64 {
    let old_root = mth(&leaves[..old as usize]);
    let proof = consistency_proof(TreeSize(old), n, tree).expect("a proof");
    let check = |old: u64, old_root: &Hash, root: &Hash, proof: &[Hash]| {
        let verdict = verify_consistency(TreeSize(old), n, old_root, root, proof);
        assert!(verdict.is_err(), "old {old} of {n}, {proof:?}, seed {SEED:#x}");
    };
    let bad = spoiled(&proof, &[old_root, *root, EMPTY_ROOT]);
    for proof in &bad {
        check(old, &old_root, root, proof);
    }
    for bit in 0..256 {
        check(old, &flipped(&old_root, bit), root, &proof);
        check(old, &old_root, &flipped(root, bit), &proof);
    }
    let others = (0..n.0 + 2).filter(|other| *other != old);
    others.for_each(|other| check(other, &old_root, root, &proof));
    bad.len() as u64
}

/// A tree of any size whose leaves are all alike, so that a node's hash depends on its level only.
struct Uniform(Vec<Hash>);

impl Uniform {
    fn new() -> Uniform {
        let leaf = random_hash(&mut Rng(SEED));
        let next = |hash: &Hash| Some(node_hash(hash, hash));
        Uniform(std::iter::successors(Some(leaf), next).take(64).collect())
    }
}

impl NodeSource for Uniform {
    type Error = Infallible;

    fn node(&self, node: Node) -> Result<Hash, Infallible> {
        assert!(node.index < SIZE_MAX.0 >> node.level, "{node:?} is not complete in any tree");
        Ok(self.0[usize::from(node.level)])
    }
}

#[test]
fn largest_trees() {
    let tree = Uniform::new();
    let (half, full) = (1_u64 << 62, SIZE_MAX.0);
    for n in [half - 1, half, half + 1, full - 1, full] {
        let newest = root(TreeSize(n), &tree).unwrap();
        for at in [0, 1, half / 2, half - 2, n / 3, n - 2, n - 1] {
            let proof = inclusion_proof(LeafIndex(at), TreeSize(n), &tree).unwrap();
            assert!(proof.len() <= 63, "{} hashes", proof.len());
            let verdict = verify_inclusion(LeafIndex(at), TreeSize(n), &tree.0[0], &proof, &newest);
            assert_eq!(verdict, Ok(()), "index {at} of {n}");
        }
        for old in [1, 2, half / 2 + 1, half - 1, n / 3, n - 1, n] {
            let older = root(TreeSize(old), &tree).unwrap();
            let proof = consistency_proof(TreeSize(old), TreeSize(n), &tree).unwrap();
            assert!(proof.len() <= 63 + usize::from(n > half), "{} hashes", proof.len());
            let verdict = verify_consistency(TreeSize(old), TreeSize(n), &older, &newest, &proof);
            assert_eq!(verdict, Ok(()), "old {old} of {n}");
        }
        let (start, end) = (LeafIndex(half / 2), LeafIndex(half / 2 + half / 8 + 5));
        let hash = subtree_hash(start, end, &tree).unwrap();
        let proof = subtree_consistency_proof(start, end, TreeSize(n), &tree).unwrap();
        let verdict = verify_subtree_consistency(start, end, TreeSize(n), &hash, &proof, &newest);
        assert_eq!(verdict, Ok(()), "[{start}, {end}) of {n}");
    }
}

#[test]
fn longest_consistency_proof() {
    let old = TreeSize((1 << 62) + 1);
    let proof = consistency_proof(old, SIZE_MAX, &Uniform::new()).unwrap();
    assert_eq!(proof.len(), 64);
}

#[test]
fn nothing_arbitrary_is_accepted_or_panics() {
    let mut rng = Rng(SEED);
    let edges = [0, 1, 2, 3, 255, 256, 1 << 62, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX];
    let tree = Levels::new(&[]);
    for round in 0..50_000 {
        let mut number = || match rng.below(3) {
            0 => edges[rng.below(edges.len() as u64) as usize],
            1 => rng.below(100),
            _ => rng.next() >> rng.below(64),
        };
        let (at, start, end) = (LeafIndex(number()), LeafIndex(number()), LeafIndex(number()));
        let count = rng.below(67);
        let (one, two, proof) =
            (random_hash(&mut rng), random_hash(&mut rng), random_hashes(&mut rng, count));
        let (old, new) = (TreeSize(start.0), TreeSize(end.0));
        let verdicts = [
            verify_inclusion(at, new, &one, &proof, &two),
            verify_consistency(old, new, &one, &two, &proof),
            verify_subtree_inclusion(at, start, end, &one, &proof, &two),
            verify_subtree_consistency(at, start, new, &one, &proof, &two),
        ];
        assert!(verdicts.iter().all(Result::is_err), "round {round}, seed {SEED:#x}: {verdicts:?}");
        // An empty source refuses whatever passes the checks of positions; empty trees ask nothing.
        assert!(inclusion_proof(at, new, &tree).is_err() || new.0 == 1, "seed {SEED:#x}");
        assert!(root(new, &tree).is_err() || new.0 == 0, "seed {SEED:#x}");
        assert!(subtree_inclusion_proof(at, start, end, &tree).is_err() || end.0 - start.0 == 1);
        let both = consistency_proof(old, new, &tree);
        assert!(both.is_err() || old.0 == 0 || old == new, "seed {SEED:#x}");
        find_subtrees(at, start);
    }
}

#[test]
fn refusals_of_proof_makers() {
    let over = TreeSize(1 << 63);
    let refused = ProofError::SizeOutOfRange { size: over, max: SIZE_MAX };
    let leaves = random_hashes(&mut Rng(SEED), 5);
    let tree = Levels::new(&leaves);
    assert_eq!(root(over, &tree), Err(refused));
    assert_eq!(inclusion_proof(LeafIndex(0), over, &tree), Err(refused));
    assert_eq!(consistency_proof(TreeSize(1), over, &tree), Err(refused));
    let refused = ProofError::SizeOutOfRange { size: TreeSize(4), max: TreeSize(3) };
    assert_eq!(consistency_proof(TreeSize(4), TreeSize(3), &tree), Err(refused));
    let refused =
        ProofError::IndexOutOfRange { index: LeafIndex(5), start: LeafIndex(0), end: LeafIndex(5) };
    assert_eq!(inclusion_proof(LeafIndex(5), TreeSize(5), &tree), Err(refused));
    let missing = ProofError::Source(Node { level: 0, index: 5 });
    assert_eq!(root(TreeSize(6), &tree), Err(ProofError::Source(Node { level: 1, index: 2 })));
    assert_eq!(
        root(TreeSize(7), &Levels::new(&leaves[..5])).unwrap_err().to_string(),
        "node hash could not be read"
    );
    assert_eq!(inclusion_proof(LeafIndex(4), TreeSize(6), &tree), Err(missing));
}

#[test]
fn refusals_say_what_failed() {
    let mut rng = Rng(SEED);
    let (leaf, other) = (random_hash(&mut rng), random_hash(&mut rng));
    let check = |verdict: Result<(), VerifyError>, expected: &str| {
        assert_eq!(verdict.unwrap_err().to_string(), expected);
    };
    let (i0, i3, n2) = (LeafIndex(0), LeafIndex(3), TreeSize(2));
    check(verify_inclusion(i3, n2, &leaf, &[], &leaf), "index 3 is outside [0, 2)");
    check(verify_inclusion(i0, n2, &leaf, &[], &leaf), "proof has 0 hashes, it must have 1");
    check(
        verify_inclusion(i0, TreeSize(1), &leaf, &[], &other),
        &format!("proof leads to root {leaf} in place of {other}"),
    );
    check(
        verify_inclusion(i0, TreeSize(u64::MAX), &leaf, &[], &leaf),
        "size 18446744073709551615 is over 9223372036854775807",
    );
    check(verify_consistency(TreeSize(3), n2, &leaf, &leaf, &[]), "old size 3 is over new size 2");
    check(
        verify_consistency(TreeSize(0), n2, &EMPTY_ROOT, &leaf, &[]),
        "old size 0 proves nothing of a tree of 2 leaves",
    );
    check(
        verify_subtree_consistency(i3, LeafIndex(5), TreeSize(8), &leaf, &[], &leaf),
        "[3, 5) is no subtree of a tree of 8 leaves",
    );
    check(
        verify_subtree_consistency(i3, i3, TreeSize(8), &leaf, &[], &leaf),
        &format!("proof leads to subtree hash {EMPTY_ROOT} in place of {leaf}"),
    );
}

#[test]
fn two_subtrees_cover_every_interval() {
    for start in 0..=70 {
        for end in 0..=70 {
            let found = find_subtrees(LeafIndex(start), LeafIndex(end));
            if start >= end {
                assert_eq!(found, [], "[{start}, {end})");
                continue;
            }
            let (first, last) = (found[0], found[found.len() - 1]);
            assert!(found.len() <= 2, "[{start}, {end}) gives {found:?}");
            assert!(first.0.0 <= start && last.1.0 == end, "[{start}, {end}) gives {found:?}");
            // The draft's own bounds (§4.5): next to each other, and less than half of the first is
            // extra.
            assert!(found.len() == 1 || first.1 == last.0, "[{start}, {end}) gives {found:?}");
            assert!(start - first.0.0 < first.1.0 - start, "[{start}, {end}) gives {found:?}");
            for (from, to) in found {
                assert!(
                    is_valid_subtree(from, to, TreeSize(end)),
                    "[{start}, {end}): [{from}, {to})"
                );
            }
        }
    }
}

#[test]
fn known_covers() {
    // The first is the draft's own example (§4.5).
    let check = |interval: (u64, u64), expected: &[(u64, u64)]| {
        let found = find_subtrees(LeafIndex(interval.0), LeafIndex(interval.1));
        let found = found.iter().map(|(from, to)| (from.0, to.0)).collect::<Vec<_>>();
        assert_eq!(found, expected, "{interval:?}");
    };
    check((5, 13), &[(4, 8), (8, 13)]);
    check((7, 9), &[(7, 8), (8, 9)]);
    check((0, 13), &[(0, 8), (8, 13)]);
    check((4, 5), &[(4, 5)]);
    check((1, SIZE_MAX.0), &[(0, 1 << 62), (1 << 62, SIZE_MAX.0)]);
    check((1, 1 << 63), &[]);
}
