//! Tiles, bundles and proofs of the tree.

use graven_merkle::{
    BundleReader, Hash, LeafIndex, TilePath, TreeSize, consistency_proof, inclusion_proof,
    is_valid_subtree, leaf_hash, parse_bundle, parse_hashes, push_bundle_entry, root,
    subtree_consistency_proof, subtree_hash, subtree_inclusion_proof, verify_consistency,
    verify_inclusion, verify_subtree_consistency, verify_subtree_inclusion,
};

use super::{bytes_of, good_log};
use crate::input::Input;
use crate::sample::Leaves;

/// A tile's path has one spelling.
pub(super) fn tile_path(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(path) = text.parse::<TilePath>() else { return false };
    assert_eq!(path.to_string(), text);
    true
}

pub(super) fn tile_paths() -> Vec<Vec<u8>> {
    bytes_of(&[
        "tile/0/000",
        "tile/entries/x001/x234/067.p/8",
        "tile/63/x018/x446/x744/x073/x709/x551/615",
        "tile/7/999.p/255",
    ])
}

/// A hash tile is its hashes.
pub(super) fn hash_tile(bytes: &[u8]) -> bool {
    let Ok(hashes) = parse_hashes(bytes) else { return false };
    let again: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    assert_eq!(again, bytes);
    true
}

pub(super) fn hash_tiles() -> Vec<Vec<u8>> {
    [1, 3, 256].map(|count| vec![7; 32 * count]).into()
}

/// A bundle is its entries, at one width only.
pub(super) fn entry_bundle(bytes: &[u8]) -> bool {
    let count = BundleReader::new(bytes).count().min(256) as u16;
    let widths = [0, count.saturating_sub(1), count, count + 1, 257];
    let accepted = widths.iter().filter(|width| {
        let Ok(entries) = parse_bundle(bytes, **width) else { return false };
        assert_eq!(entries.len(), usize::from(**width));
        let mut again = Vec::new();
        for entry in entries {
            push_bundle_entry(&mut again, entry).expect("it was in a bundle");
        }
        assert_eq!(again, bytes);
        true
    });
    let accepted = accepted.count();
    assert!(accepted <= 1, "one bundle has one width");
    accepted == 1
}

pub(super) fn entry_bundles() -> Vec<Vec<u8>> {
    let mut bundle = Vec::new();
    for entry in &good_log().entries[..3] {
        push_bundle_entry(&mut bundle, entry).expect("entries fit bundles");
    }
    vec![bundle, vec![0; 2 * 256], vec![0, 1, b'x', 0, 0]]
}

/// Leaves of the tree that proofs are made of.
const LEAVES: u64 = 70;

/// A proof holds for what it was made for; changed in any way it does not. Positions without any sense do no harm.
pub(super) fn tree_proof(bytes: &[u8]) -> bool {
    let leaves = Leaves((0..LEAVES).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect());
    let mut input = Input::new(bytes);
    let size = TreeSize(1 + u64::from(input.u8()) % LEAVES);
    let at = |byte: u8| LeafIndex(u64::from(byte) % size.0);
    let (start, last, index) = (at(input.u8()), at(input.u8()), at(input.u8()));
    let whole = root(size, &leaves).expect("the tree has leaves");
    let leaf = &leaves.0[index.0 as usize];

    let proof = inclusion_proof(index, size, &leaves).expect("it is in the tree");
    check(&proof, &mut input, |proof| verify_inclusion(index, size, leaf, proof, &whole).is_ok());
    let old = TreeSize(last.0 + 1);
    let old_root = root(old, &leaves).expect("it is in the tree");
    let proof = consistency_proof(old, size, &leaves).expect("it is no larger");
    let holds = |proof: &[Hash]| verify_consistency(old, size, &old_root, &whole, proof).is_ok();
    check(&proof, &mut input, holds);
    let end = LeafIndex(last.0 + 1);
    if is_valid_subtree(start, end, size) && start < end {
        subtree(&leaves, size, [start, end, index], &mut input);
    }
    anywhere(&mut input);
    true
}

fn subtree(
    leaves: &Leaves,
    size: TreeSize,
    [start, end, index]: [LeafIndex; 3],
    input: &mut Input<'_>,
) {
    let whole = root(size, leaves).expect("the tree has leaves");
    let hash = subtree_hash(start, end, leaves).expect("it is a subtree");
    let proof = subtree_consistency_proof(start, end, size, leaves).expect("it is a subtree");
    check(&proof, input, |proof| {
        verify_subtree_consistency(start, end, size, &hash, proof, &whole).is_ok()
    });
    if (start..end).contains(&index) {
        let leaf = &leaves.0[index.0 as usize];
        let proof = subtree_inclusion_proof(index, start, end, leaves).expect("it is in it");
        check(&proof, input, |proof| {
            verify_subtree_inclusion(index, start, end, leaf, proof, &hash).is_ok()
        });
    }
}

/// The proof holds, and with one change from the input it does not.
fn check(proof: &[Hash], input: &mut Input<'_>, holds: impl Fn(&[Hash]) -> bool) {
    assert!(holds(proof), "an honest proof");
    let mut changed = proof.to_vec();
    let place = usize::from(input.u8()) % (changed.len() + 1);
    match input.u8() % 4 {
        0 => changed.insert(place, leaf_hash(b"more")),
        1 if place < changed.len() => drop(changed.remove(place)),
        2 if place < changed.len() => {
            let mut hash = *changed[place].as_bytes();
            hash[usize::from(input.u8()) % 32] ^= 1 << (input.u8() % 8);
            changed[place] = Hash::new(hash);
        }
        _ => changed.reverse(),
    }
    assert!(changed == proof || !holds(&changed), "a changed proof");
}

fn anywhere(input: &mut Input<'_>) {
    let [index, start, end, size] = [(); 4].map(|()| input.u64());
    let hashes: Vec<Hash> =
        input.rest().as_chunks().0.iter().take(70).map(|bytes| Hash::new(*bytes)).collect();
    let hash = leaf_hash(b"nothing of the kind");
    let (index, start, end, size) =
        (LeafIndex(index), LeafIndex(start), LeafIndex(end), TreeSize(size));
    let found = [
        verify_inclusion(index, size, &hash, &hashes, &Hash::new([7; 32])),
        verify_subtree_inclusion(index, start, end, &hash, &hashes, &Hash::new([7; 32])),
        verify_consistency(TreeSize(start.0), size, &hash, &Hash::new([7; 32]), &hashes),
        verify_subtree_consistency(start, end, size, &hash, &hashes, &Hash::new([7; 32])),
    ];
    assert!(found.iter().all(Result::is_err), "nobody has these roots: {found:?}");
}

pub(super) fn tree_proofs() -> Vec<Vec<u8>> {
    let mut far = vec![69, 16, 31, 20, 1, 2, 5, 3, 0, 0, 1, 1];
    far.extend([0xff; 32 + 64]);
    vec![vec![6, 4, 5, 5, 0, 2, 1, 1, 1, 0, 0, 3], vec![0; 8], far]
}
