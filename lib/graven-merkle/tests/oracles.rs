//! Random trees against two implementations that are not ours.

#[path = "support/levels.rs"]
mod levels;
#[path = "support/rng.rs"]
mod rng;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use graven_merkle::{
    Frontier, Hash, LeafIndex, TreeSize, consistency_proof, inclusion_proof, leaf_hash, root,
    verify_consistency, verify_inclusion,
};
use levels::Levels;
use rng::Rng;
use sha2::Sha256;

const SEED: u64 = 0x6f72_6163_6c65_7321;
const TREES: usize = 12;
const PROOFS_PER_TREE: usize = 16;

/// The same random entries in our form and in one that an oracle makes of them.
struct Case {
    entries: Vec<Vec<u8>>,
    leaves: Vec<Hash>,
    tree: Levels,
}

impl Case {
    fn new(rng: &mut Rng, round: usize) -> Case {
        // Small trees first, where every shape occurs.
        let n = if round < 6 { 1 + round as u64 } else { 1 + rng.below(2000) };
        let entries = (0..n).map(|_| random_entry(rng)).collect::<Vec<_>>();
        let leaves = entries.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>();
        let tree = Levels::new(&leaves);
        Case { entries, leaves, tree }
    }

    fn size(&self) -> TreeSize {
        TreeSize(self.leaves.len() as u64)
    }
}

fn random_entry(rng: &mut Rng) -> Vec<u8> {
    (0..rng.below(100)).map(|_| rng.next() as u8).collect()
}

/// What tlog_tiles stores of a log, in its own order.
struct Stored(Vec<tlog_tiles::Hash>);

impl Stored {
    fn new(entries: &[Vec<u8>]) -> Stored {
        let mut stored = Stored(Vec::new());
        for (index, entry) in entries.iter().enumerate() {
            let more = tlog_tiles::stored_hashes(index as u64, entry, &stored);
            stored.0.extend(more.expect("stored hashes"));
        }
        stored
    }
}

impl tlog_tiles::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

fn theirs(hashes: &[Hash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().map(|hash| tlog_tiles::Hash(*hash.as_bytes())).collect()
}

fn ours(hashes: &[tlog_tiles::Hash]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash::new(hash.0)).collect()
}

#[test]
fn tlog_tiles_agrees() {
    let mut rng = Rng(SEED);
    for round in 0..TREES {
        let case = Case::new(&mut rng, round);
        let (n, stored) = (case.size(), Stored::new(&case.entries));
        let newest = root(n, &case.tree).unwrap();
        assert_eq!(tlog_tiles::tree_hash(n.0, &stored).unwrap().0, *newest.as_bytes());
        for _ in 0..PROOFS_PER_TREE {
            check_tlog_inclusion(rng.below(n.0), n, &case, &stored, newest);
            check_tlog_consistency(1 + rng.below(n.0), n, &case, &stored, newest);
        }
    }
}

fn check_tlog_inclusion(at: u64, n: TreeSize, case: &Case, stored: &Stored, newest: Hash) {
    let what = format!("index {at} of {n}, seed {SEED:#x}");
    let leaf = case.leaves[at as usize];
    let proof = inclusion_proof(LeafIndex(at), n, &case.tree).expect(&what);
    let other = tlog_tiles::prove_record(n.0, at, stored).expect(&what);
    assert_eq!(proof, ours(&other), "{what}");
    assert_eq!(verify_inclusion(LeafIndex(at), n, &leaf, &ours(&other), &newest), Ok(()), "{what}");
    let tree_hash = tlog_tiles::Hash(*newest.as_bytes());
    let leaf = tlog_tiles::Hash(*leaf.as_bytes());
    tlog_tiles::check_record(&theirs(&proof), n.0, tree_hash, at, leaf).expect(&what);
}

fn check_tlog_consistency(old: u64, n: TreeSize, case: &Case, stored: &Stored, newest: Hash) {
    let what = format!("old {old} of {n}, seed {SEED:#x}");
    let older = root(TreeSize(old), &case.tree).expect(&what);
    let proof = consistency_proof(TreeSize(old), n, &case.tree).expect(&what);
    let other = tlog_tiles::prove_tree(n.0, old, stored).expect(&what);
    assert_eq!(proof, ours(&other), "{what}");
    let verdict = verify_consistency(TreeSize(old), n, &older, &newest, &ours(&other));
    assert_eq!(verdict, Ok(()), "{what}");
    let [newer, older] = [newest, older].map(|hash| tlog_tiles::Hash(*hash.as_bytes()));
    tlog_tiles::check_tree(&theirs(&proof), n.0, newer, old, older).expect(&what);
}

#[test]
fn ct_merkle_agrees() {
    let mut rng = Rng(SEED);
    for round in 0..TREES {
        let case = Case::new(&mut rng, round);
        let n = case.size();
        let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut frontier = Frontier::new();
        for (entry, leaf) in case.entries.iter().zip(&case.leaves) {
            other.push(entry.clone());
            frontier.push(*leaf);
            assert_eq!(other.root().as_bytes().as_slice(), frontier.root().as_bytes());
        }
        for _ in 0..PROOFS_PER_TREE {
            let what = format!("tree of {n}, seed {SEED:#x}");
            let at = rng.below(n.0);
            let proof = inclusion_proof(LeafIndex(at), n, &case.tree).unwrap();
            assert_eq!(joined(&proof), other.prove_inclusion(at as usize).as_bytes(), "{what}");
            let additions = rng.below(n.0);
            let proof = consistency_proof(TreeSize(n.0 - additions), n, &case.tree).unwrap();
            let expected = other.prove_consistency(additions as usize);
            assert_eq!(joined(&proof), expected.as_bytes(), "{what}, {additions} added");
        }
    }
}

fn joined(proof: &[Hash]) -> Vec<u8> {
    proof.iter().flat_map(|hash| *hash.as_bytes()).collect()
}
