//! Published vectors: proofs to accept and to refuse, and whole logs as tiles.

#[path = "support/levels.rs"]
mod levels;
#[path = "support/shared.rs"]
mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use graven_merkle::{
    Hash, LeafIndex, Node, NodeSource, TileKind, TilePath, TreeSize, complete_tree_root,
    consistency_proof, inclusion_proof, leaf_hash, parse_bundle, parse_hashes, push_bundle_entry,
    root, tile_width_at, tiles_of, verify_consistency, verify_inclusion,
    verify_subtree_consistency, verify_subtree_inclusion,
};
use levels::Levels;
use serde_json::Value;
use shared::shared;

/// How many files each folder of proof vectors has, so that a lost one is noticed.
const COUNTS: [(&str, usize); 4] = [
    ("consistency", 98),
    ("inclusion", 98),
    ("subtreeinclusion", 204),
    ("subtreeconsistency", 118),
];

#[test]
fn merkle_proof_vectors() {
    let Some(dir) = shared("merkle_proof_vectors", "vectors/merkle") else { return };
    for (kind, expected) in COUNTS {
        let files = files_below(&dir.join(kind));
        let vectors = files.iter().filter(|file| file.extension().is_some_and(|ext| ext == "json"));
        let count = vectors.map(|file| check_vector(kind, file)).count();
        assert_eq!(count, expected, "files in {kind}");
    }
}

fn check_vector(kind: &str, file: &Path) {
    let vector: Value = serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON");
    let number = |field: &str| vector[field].as_u64().expect("a number");
    let hash = |field: &str| stand_in(field, vector[field].as_str().expect("a hash"));
    let index = |field: &str| LeafIndex(number(field));
    let size = |field: &str| TreeSize(number(field));
    let proof = match &vector["proof"] {
        Value::Null => Vec::new(),
        hashes => hashes
            .as_array()
            .expect("a list")
            .iter()
            .map(|hash| stand_in("proof", hash.as_str().expect("a hash")))
            .collect(),
    };
    let verdict = match kind {
        "inclusion" => {
            let (leaf, root) = (hash("leafHash"), hash("root"));
            verify_inclusion(index("leafIdx"), size("treeSize"), &leaf, &proof, &root)
        }
        "consistency" => {
            let (old_root, new_root) = (hash("root1"), hash("root2"));
            verify_consistency(size("size1"), size("size2"), &old_root, &new_root, &proof)
        }
        "subtreeinclusion" => {
            let (at, start, end) = (index("leafIdx"), index("start"), index("end"));
            verify_subtree_inclusion(at, start, end, &hash("leafHash"), &proof, &hash("root"))
        }
        _ => {
            let (start, end, size) = (index("start"), index("end"), size("size"));
            let (subtree, root) = (hash("root1"), hash("root2"));
            verify_subtree_consistency(start, end, size, &subtree, &proof, &root)
        }
    };
    let refuse = vector["wantErr"].as_bool().expect("a boolean");
    assert_eq!(verdict.is_err(), refuse, "{}: {verdict:?}", file.display());
}

/// The hash; or where the vector has other bytes, a hash of no tree that stands for them. Texts
/// such as "don't care" are equal where the vector's are; no bytes at all are no hash, so they
/// equal nothing.
fn stand_in(field: &str, text: &str) -> Hash {
    let meaning = if text.is_empty() { field } else { text };
    text.parse().unwrap_or_else(|_| leaf_hash(format!("stands for {meaning}").as_bytes()))
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn tile_logs() {
    let Some(dir) = shared("tile_logs", "vectors/tlog") else { return };
    for n in [1, 5, 256, 600, 70_000] {
        check_log(&dir, n);
        check_known_proofs(&dir, n);
    }
}

/// Every file of the log is what we compute, and we expect every file.
fn check_log(dir: &Path, n: u64) {
    let log = dir.join(format!("log-{n}"));
    let tree = Levels::new(&leaves(n));
    let on_disk = files_below(&log.join("tile")).into_iter().collect::<BTreeSet<_>>();
    let expected = tiles_of(TreeSize(n)).map(|tile| log.join(tile.to_string())).collect();
    assert_eq!(on_disk, expected, "files of log {n}");
    for tile in tiles_of(TreeSize(n)) {
        let path = tile.to_string();
        assert_eq!(path.parse(), Ok(tile), "{path}");
        let bytes = fs::read(log.join(&path)).expect("a tile");
        match tile.kind {
            TileKind::Hashes(level) => check_hash_tile(&bytes, level, tile, &tree),
            TileKind::Entries => check_bundle(&bytes, tile),
        }
    }
    let checkpoint = fs::read_to_string(log.join("checkpoint")).expect("a checkpoint");
    let lines = checkpoint.lines().collect::<Vec<_>>();
    assert_eq!(lines[1], n.to_string());
    assert_eq!(lines[2], root(TreeSize(n), &tree).expect("a root").to_string());
}

fn check_hash_tile(bytes: &[u8], level: u8, tile: TilePath, tree: &Levels) {
    let first = tile.index * 256;
    let nodes =
        (first..first + u64::from(tile.width)).map(|index| Node { level: level * 8, index });
    let expected = nodes.map(|node| tree.node(node).expect("a node")).collect::<Vec<_>>();
    assert_eq!(parse_hashes(bytes), Ok(expected), "{tile}");
}

fn check_bundle(bytes: &[u8], tile: TilePath) {
    let first = tile.index * 256;
    let entries = (first..first + u64::from(tile.width)).map(entry).collect::<Vec<_>>();
    assert_eq!(parse_bundle(bytes, tile.width).expect("a bundle"), entries, "{tile}");
    let mut made = Vec::new();
    for entry in &entries {
        push_bundle_entry(&mut made, entry).expect("a short entry");
    }
    assert_eq!(made, bytes, "{tile}");
}

/// The root and the proofs that were computed elsewhere, from the tiles on disk.
fn check_known_proofs(dir: &Path, n: u64) {
    let file = fs::read(dir.join(format!("vectors-{n}.json"))).expect("a file");
    let known: Value = serde_json::from_slice(&file).expect("JSON");
    let hash = |field: &str| from_hex(&known[field]);
    let hashes = |field: &str| {
        known[field].as_array().expect("a list").iter().map(from_hex).collect::<Vec<_>>()
    };
    let (size, old) = (TreeSize(n), TreeSize(known["old"].as_u64().expect("a number")));
    let index = LeafIndex(known["index"].as_u64().expect("a number"));
    let tiles = Tiles::read(&dir.join(format!("log-{n}")), size);

    assert_eq!(leaf_hash(&entry(index.0)), hash("leaf_hash"), "log {n}");
    assert_eq!(root(size, &tiles), Ok(hash("root")), "log {n}");
    assert_eq!(root(old, &tiles), Ok(hash("root_old")), "log {n}");
    assert_eq!(inclusion_proof(index, size, &tiles), Ok(hashes("inclusion")), "log {n}");
    assert_eq!(consistency_proof(old, size, &tiles), Ok(hashes("consistency")), "log {n}");
    let verdict =
        verify_inclusion(index, size, &hash("leaf_hash"), &hashes("inclusion"), &hash("root"));
    assert_eq!(verdict, Ok(()), "log {n}");
    let proof = hashes("consistency");
    let verdict = verify_consistency(old, size, &hash("root_old"), &hash("root"), &proof);
    assert_eq!(verdict, Ok(()), "log {n}");

    let text = |name: String| fs::read_to_string(dir.join(name)).expect("a file");
    let proof = text(format!("proof-{n}.tlog-proof"));
    assert_eq!(hash_lines(&proof, 2), hashes("inclusion"), "log {n}");
    let request = text(format!("add-checkpoint-{n}.txt"));
    assert_eq!(hash_lines(&request, 1), hashes("consistency"), "log {n}");
}

/// The hashes from a line on up to the next empty line.
fn hash_lines(text: &str, first: usize) -> Vec<Hash> {
    let lines = text.lines().skip(first).take_while(|line| !line.is_empty());
    lines.map(|line| line.parse().expect("a hash")).collect()
}

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

fn leaves(n: u64) -> Vec<Hash> {
    (0..n).map(|index| leaf_hash(&entry(index))).collect()
}

fn from_hex(text: &Value) -> Hash {
    let text = text.as_str().expect("hex");
    assert_eq!(text.len(), 64);
    let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex");
    Hash::new(std::array::from_fn(byte))
}

/// A log's hash tiles in the form in which they are served.
struct Tiles {
    size: TreeSize,
    tiles: BTreeMap<TilePath, Vec<u8>>,
}

impl Tiles {
    fn read(log: &Path, size: TreeSize) -> Tiles {
        let read = |tile: TilePath| (tile, fs::read(log.join(tile.to_string())).expect("a tile"));
        Tiles { size, tiles: tiles_of(size).map(read).collect() }
    }
}

impl NodeSource for Tiles {
    type Error = Node;

    fn node(&self, node: Node) -> Result<Hash, Node> {
        let span = node.tile_span();
        let width = tile_width_at(span.tile_level, span.tile_index, self.size);
        let kind = TileKind::Hashes(span.tile_level);
        let tile = self.tiles.get(&TilePath { kind, index: span.tile_index, width }).ok_or(node)?;
        let hashes = parse_hashes(tile).map_err(|_| node)?;
        let spanned = hashes.get(span.first..span.first + span.count).ok_or(node)?;
        complete_tree_root(spanned).ok_or(node)
    }
}
