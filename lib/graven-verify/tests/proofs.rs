//! One entry with its proof; tiles; exports.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod support;

use graven_entry::{Extra, Name, chain_next, chain_start, event_hash};
use graven_merkle::{
    Hash, LeafIndex, TileKind, TilePath, TreeSize, inclusion_proof, leaf_hash, tile_width_at,
    tiles_of,
};
use graven_note::{Policy, TlogProof, VerifierKey};
use graven_verify::{
    Export, ExportLine, FaultKind, ProducerSignature, TileChecker, check_run, check_tile,
    origin_of, parse_export_line, verify_entry, write_export_checkpoint, write_export_entry,
};
use support::*;

type Expected = Result<(), (FaultKind, Option<u64>)>;

/// The proof of an entry of the log, with the extra of the signed batch where it is in it.
fn proof(log: &Log, index: usize) -> TlogProof {
    let leaf = LeafIndex(index as u64);
    let hashes = inclusion_proof(leaf, log.size(), &log.leaves()).unwrap();
    let extra = (5..8).contains(&index).then(|| extra(index).to_bytes());
    TlogProof { extra, index: leaf, hashes, checkpoint: log.checkpoint.clone() }
}

/// What proves that the producer signed the entry at 5, 6 or 7.
fn extra(index: usize) -> Extra {
    let items = items();
    let hashes: Vec<Hash> = items[5..8].iter().map(|item| event_hash(&item.event)).collect();
    let start = chain_start(&origin(), &Name::new(SIGNED).unwrap());
    let chain = hashes[..index - 5].iter().fold(start, |chain, hash| chain_next(&chain, hash));
    let attestation = items[7].attestation.clone().unwrap();
    Extra { chain, following: hashes[index - 4..].to_vec(), attestation }
}

fn keys() -> Vec<VerifierKey> {
    vec![log_key(2).verifier(), stream_key(1).verifier()]
}

#[test]
fn every_entry_by_its_proof() {
    let log = log();
    for (index, entry) in log.entries.iter().enumerate() {
        let verdict = verify_entry(entry, &proof(&log, index), &origin(), &keys(), None).unwrap();
        assert_eq!((verdict.index.0, verdict.leaf), (index as u64, leaf_hash(entry)));
        assert_eq!(verdict.keys_used, [log_key(2).verifier().to_string()]);
        let signed = ProducerSignature::Verified { key: stream_key(1).verifier().to_string() };
        let expected = if (5..8).contains(&index) { signed } else { ProducerSignature::None };
        assert_eq!(verdict.producer, expected, "entry {index}");
        let is_named = verdict.not_checked.contains(&"the producer's signature");
        assert_eq!(is_named, matches!(index, 12 | 16 | 17), "entry {index}");
    }
}

#[test]
fn bad_proofs() {
    use FaultKind::*;
    type Row = (&'static str, fn(&mut Vec<u8>, &mut TlogProof), Expected);
    let rows: &[Row] = &[
        ("untouched", |_, _| {}, Ok(())),
        ("wrong index", |_, p| p.index = LeafIndex(7), Err((WrongIndex, Some(7)))),
        ("index and entry agree", renumbered, Err((LeafMismatch, Some(7)))),
        ("entry changed", |e, _| swap(e, "a.b", "a.c"), Err((LeafMismatch, Some(6)))),
        ("another entry", |e, _| *e = log().entries[5].clone(), Err((WrongIndex, Some(6)))),
        ("another log's entry", |e, _| swap(e, "acme", "bcme"), Err((WrongOrigin, Some(6)))),
        ("hash missing", |_, p| cut(&mut p.hashes), Err((LeafMismatch, Some(6)))),
        ("hash too many", |_, p| p.hashes.push(p.hashes[0]), Err((LeafMismatch, Some(6)))),
        ("hash changed", |_, p| p.hashes[1] = Hash::new([7; 32]), Err((LeafMismatch, Some(6)))),
        ("no hashes", |_, p| p.hashes.clear(), Err((LeafMismatch, Some(6)))),
        ("checkpoint by another", |_, p| p.checkpoint = by(7), Err((KeyUnknown, None))),
        ("checkpoint changed", changed_checkpoint, Err((SignatureBad, None))),
        ("checkpoint cut", |_, p| cut(&mut p.checkpoint), Err((SignatureBad, None))),
        (
            "another version",
            |e, p| resigned(e, p, "y/v1", "y/v2"),
            Err((UnsupportedVersion, Some(6))),
        ),
        ("version, not in the tree", |e, _| swap(e, "y/v1", "y/v2"), Err((LeafMismatch, Some(6)))),
        (
            "header malformed",
            |e, p| resigned(e, p, "grade", "grads"),
            Err((HeaderMalformed, Some(6))),
        ),
        (
            "event malformed",
            |e, p| resigned(e, p, "\"actor\"", "\"action\""),
            Err((EventInvalid, Some(6))),
        ),
        (
            "forged own entry",
            |e, p| resigned(e, p, "a.b", "graven.x"),
            Err((OwnEntryForged, Some(6))),
        ),
        (
            "bytes behind",
            |e, p| resigned(e, p, "n\":1}\n", "n\":1}\nx"),
            Err((AttestationBad, Some(6))),
        ),
        (
            "extra of another entry",
            |_, p| p.extra = Some(extra(5).to_bytes()),
            Err((AttestationBad, Some(6))),
        ),
        (
            "extra cut",
            |_, p| p.extra.as_mut().unwrap().truncate(60),
            Err((AttestationBad, Some(6))),
        ),
        ("extra of nothing", |_, p| p.extra = Some(b"x".to_vec()), Err((AttestationBad, Some(6)))),
        ("extra changed", changed_extra, Err((AttestationBad, Some(6)))),
        ("extra by a stranger", stranger_extra, Err((AttestationBad, Some(6)))),
    ];
    for (what, spoil, expected) in rows {
        let log = log();
        let (mut entry, mut proof) = (log.entries[6].clone(), proof(&log, 6));
        spoil(&mut entry, &mut proof);
        check_result(what, verify_entry(&entry, &proof, &origin(), &keys(), None), *expected);
    }
    let unsigned = TlogProof { extra: proof(&log(), 6).extra, ..proof(&log(), 2) };
    let found = verify_entry(&log().entries[2], &unsigned, &origin(), &keys(), None);
    check_result("extra on no stream", found, Err((AttestationBad, Some(2))));
}

#[test]
fn keys_and_policies_of_proofs() {
    use FaultKind::*;
    let log = log();
    let policy = |text: String| Some(Policy::parse(text).unwrap());
    let log_line = format!("log {}\n", log_key(2).verifier());
    let known = graven_note::SigningKey::from_seed(
        "w".parse().unwrap(),
        graven_note::Algorithm::Ed25519Cosignature,
        [3; 32],
    );
    let asks = format!("{log_line}witness w {}\nquorum w\n", known.verifier());
    for (what, keys, policy, expected) in [
        ("log key only", vec![log_key(2).verifier()], None, Ok(())),
        ("no key", vec![], None, Err((KeyUnknown, None))),
        ("stream key only", vec![stream_key(1).verifier()], None, Err((KeyUnknown, None))),
        ("a stranger's", vec![log_key(7).verifier()], None, Err((KeyUnknown, None))),
        ("by the policy's log", vec![], policy(format!("{log_line}quorum none\n")), Ok(())),
        ("no witness", vec![], policy(asks), Err((PolicyUnmet, None))),
    ] {
        let found =
            verify_entry(&log.entries[6], &proof(&log, 6), &origin(), &keys, policy.as_ref());
        let producer = found.as_ref().ok().map(|verdict| verdict.producer.clone());
        assert!(producer.is_none_or(|found| found == ProducerSignature::KeyUnknown), "{what}");
        check_result(what, found, expected);
    }
    let other = Name::origin("other").unwrap();
    let found = verify_entry(&log.entries[6], &proof(&log, 6), &other, &keys(), None);
    check_result("another origin", found, Err((WrongOrigin, Some(6))));
}

fn swap(entry: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8(std::mem::take(entry)).unwrap();
    assert!(text.contains(from), "{from:?} is in the entry");
    *entry = text.replacen(from, to, 1).into_bytes();
}

fn by(generation: u8) -> Vec<u8> {
    sign(&head_of(&log().entries, 20), &[log_key(generation)])
}

fn renumbered(entry: &mut Vec<u8>, proof: &mut TlogProof) {
    swap(entry, "\"index\":6", "\"index\":7");
    proof.index = LeafIndex(7);
}

fn changed_checkpoint(_: &mut Vec<u8>, proof: &mut TlogProof) {
    swap(&mut proof.checkpoint, "\n20\n", "\n21\n");
}

/// Changes the entry, and everything above it by the log's key.
fn resigned(entry: &mut Vec<u8>, proof: &mut TlogProof, from: &str, to: &str) {
    swap(entry, from, to);
    let mut log = log();
    log.entries[6].clone_from(entry);
    proof.hashes = inclusion_proof(LeafIndex(6), log.size(), &log.leaves()).unwrap();
    proof.checkpoint = sign(&head_of(&log.entries, 20), &[log_key(2)]);
}

fn changed_extra(_: &mut Vec<u8>, proof: &mut TlogProof) {
    let mut extra = extra(6);
    extra.following[0] = Hash::new([7; 32]);
    proof.extra = Some(extra.to_bytes());
}

/// An attestation that names the known key and is not by it.
fn stranger_extra(_: &mut Vec<u8>, proof: &mut TlogProof) {
    let mut extra = extra(6);
    let at = extra.attestation.len() - 20;
    extra.attestation[at] = if extra.attestation[at] == b'A' { b'B' } else { b'A' };
    proof.extra = Some(extra.to_bytes());
}

/// A long log of plain entries, for tiles of more than one level.
fn long_log(count: usize) -> Vec<Vec<u8>> {
    let mut items = vec![opening(&[log_key(1).verifier().to_string()])];
    items.extend((1..count).map(plain));
    assemble(&items, |_| {})
}

#[test]
fn tiles_fit_the_entries() {
    let entries = long_log(1_300);
    let size = TreeSize(entries.len() as u64);
    for run_entries in [100, 256, 512, 1_024, 4_096] {
        let mut checker = TileChecker::new();
        let mut tiles = Vec::new();
        for run in entries.chunks(run_entries) {
            let report = check_run(&origin(), LeafIndex(checker.size().0), run).unwrap();
            let full = checker.push_run(&report).unwrap();
            for tile in &full {
                let whole = report.tile(&tile.path);
                assert!(whole.is_none_or(|whole| whole == *tile), "{}", tile.path);
            }
            tiles.extend(full);
        }
        tiles.extend(checker.partial_tiles());
        let mut paths: Vec<TilePath> = tiles.iter().map(|tile| tile.path).collect();
        let mut expected: Vec<TilePath> =
            tiles_of(size).filter(|path| path.kind != TileKind::Entries).collect();
        paths.sort();
        expected.sort();
        assert_eq!(paths, expected, "runs of {run_entries}");
        let top = tiles.iter().find(|tile| tile.path.kind == TileKind::Hashes(1)).unwrap();
        for (hash, first) in top.hashes.iter().zip((0..).step_by(256)) {
            let leaves: Vec<Hash> =
                entries[first..first + 256].iter().map(|entry| leaf_hash(entry)).collect();
            assert_eq!(Some(*hash), graven_merkle::complete_tree_root(&leaves));
        }
        for tile in &tiles {
            check_spoiled_tile(tile);
        }
    }
}

fn check_spoiled_tile(tile: &graven_verify::ExpectedTile) {
    use FaultKind::*;
    let bytes: Vec<u8> = tile.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    let (level, unit) = match tile.path.kind {
        TileKind::Hashes(0) => (0, 1),
        _ => (1, 256),
    };
    assert_eq!(tile.path.width, tile_width_at(level, tile.path.index, TreeSize(1_300)));
    let first = tile.path.index * 256 * unit;
    let kind = if level == 0 { LeafMismatch } else { TileMismatch };
    check_result("good tile", check_tile(tile, &bytes), Ok(()));
    for at in [0, 32 * 3, bytes.len() - 1] {
        let mut spoiled = bytes.clone();
        spoiled[at] ^= 1;
        let index = first + at as u64 / 32 * unit;
        check_result("bit", check_tile(tile, &spoiled), Err((kind, Some(index))));
    }
    let cut = &bytes[..bytes.len() - 32];
    check_result("cut", check_tile(tile, cut), Err((TileMismatch, Some(first))));
    let longer = [bytes.as_slice(), b"x"].concat();
    check_result("longer", check_tile(tile, &longer), Err((TileMismatch, Some(first))));
}

#[test]
fn exports_come_back() {
    let log = log();
    let mut export = Vec::new();
    for (entry, index) in log.entries.iter().zip(0..) {
        write_export_entry(&mut export, LeafIndex(index), entry);
    }
    write_export_checkpoint(&mut export, std::str::from_utf8(&log.checkpoint).unwrap());
    let mut reader = Export::new(LeafIndex(0));
    let mut read = Log { entries: Vec::new(), checkpoint: Vec::new() };
    for line in export.split_inclusive(|byte| *byte == b'\n') {
        assert!(reader.end().is_err(), "the checkpoint is still to come");
        match reader.read_line(line).unwrap() {
            ExportLine::Entry { entry, .. } => read.entries.push(entry),
            ExportLine::Checkpoint(note) => read.checkpoint = note,
        }
    }
    reader.end().unwrap();
    assert_eq!((read.entries, read.checkpoint), (log.entries.clone(), log.checkpoint));
    assert_eq!(origin_of(&log.entries[3]).unwrap(), origin());
    assert_eq!(origin_of(b"{}").unwrap_err().kind, FaultKind::HeaderMalformed);
}

#[test]
fn export_lines() {
    use FaultKind::*;
    let good = |entry: &str| Ok(Some((7, entry.as_bytes().to_vec())));
    for (line, expected) in [
        (r#"{"index":7,"entry":"a"}"#, good("a")),
        (r#"{"index":7,"entry":"a\n\"\\\u00e9\/"}"#, good("a\n\"\\\u{e9}/")),
        (r#"{ "index" : 7 , "entry" : "a" } "#, good("a")),
        ("{\"index\":7,\"entry\":\"a\"}\r\n", good("a")),
        (r#"{"checkpoint":"a"}"#, Ok(None)),
        ("", Err(ExportMalformed)),
        (r#"{"index":07,"entry":"a"}"#, Err(ExportMalformed)),
        (r#"{"index":-7,"entry":"a"}"#, Err(ExportMalformed)),
        (r#"{"index":7.0,"entry":"a"}"#, Err(ExportMalformed)),
        (r#"{"index":18446744073709551616,"entry":"a"}"#, Err(ExportMalformed)),
        (r#"{"index":7,"entry":"a"b"}"#, Err(ExportMalformed)),
        (r#"{"index":7,"entry":"a"},"#, Err(ExportMalformed)),
        (r#"{"index":7,"entry":"a","entry":"b"}"#, Err(ExportMalformed)),
        (r#"{"entry":"a","index":7}"#, Err(ExportMalformed)),
        (r#"{"index":7,"entry":"a\q"}"#, Err(ExportMalformed)),
        (r#"{"index":7,"entry":"a\ud800"}"#, Err(ExportMalformed)),
        (r#"{"index":7,"entry":"a"#, Err(ExportMalformed)),
        (r#"{"index":7,"entry":"a\"}"#, Err(ExportMalformed)),
        ("{\"index\":7,\"entry\":\"a\tb\"}", Err(ExportMalformed)),
        (r#"{"index":7,"entry":7}"#, Err(ExportMalformed)),
        (r#"{"checkpoint":"a","index":7}"#, Err(ExportMalformed)),
    ] {
        let found = parse_export_line(line.as_bytes()).map_err(|fault| fault.kind);
        let found = found.map(|line| match line {
            ExportLine::Entry { index, entry } => Some((index.0, entry)),
            ExportLine::Checkpoint(_) => None,
        });
        assert_eq!(found, expected, "{line}");
    }
    let entry = |index| format!("{{\"index\":{index},\"entry\":\"a\"}}");
    let checkpoint = "{\"checkpoint\":\"a\"}".to_owned();
    for (lines, expected) in [
        (vec![entry(3), entry(4), checkpoint.clone()], Ok(())),
        (vec![entry(3)], Err((MissingEntry, Some(4)))),
        (vec![entry(3), entry(5)], Err((MissingEntry, Some(4)))),
        (vec![entry(3), entry(3)], Err((WrongIndex, Some(4)))),
        (vec![entry(3), "x".to_owned()], Err((ExportMalformed, Some(4)))),
        (vec![checkpoint.clone(), entry(3)], Err((TrailingBytes, None))),
        (vec![checkpoint.clone(), checkpoint], Err((TrailingBytes, None))),
    ] {
        let mut export = Export::new(LeafIndex(3));
        let read = lines.iter().try_for_each(|line| export.read_line(line.as_bytes()).map(drop));
        check_result(&format!("{lines:?}"), read.and_then(|()| export.end()), expected);
    }
}
