//! Tiles and exports that do not hold what they must.

use graven_merkle::{LeafIndex, TileKind};
use graven_verify::FaultKind::*;
use graven_verify::{
    ExpectedTile, Export, Fault, TileChecker, check_run, check_tile, write_export_checkpoint,
    write_export_entry,
};

use crate::support::*;
use crate::{Corpus, Expected};

pub(crate) fn add(corpus: &mut Corpus) {
    for tile in tiles() {
        spoilt_tile(corpus, &tile);
    }
    spoilt_exports(corpus);
}

/// The hash tiles of a log of 1,300 entries: full and partial ones, of two levels.
fn tiles() -> Vec<ExpectedTile> {
    let mut items = vec![opening(&[log_key(1).verifier().to_string()])];
    items.extend((1..1_300).map(plain));
    let entries = assemble(&items, |_| {});
    let mut checker = TileChecker::new();
    let mut tiles = Vec::new();
    for run in entries.chunks(500) {
        let report = check_run(&origin(), LeafIndex(checker.size().0), run).unwrap();
        tiles.extend(checker.push_run(&report).unwrap());
    }
    tiles.extend(checker.partial_tiles());
    tiles
}

fn spoilt_tile(corpus: &mut Corpus, tile: &ExpectedTile) {
    let bytes: Vec<u8> = tile.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    let (kind, unit) = match tile.path.kind {
        TileKind::Hashes(0) => (LeafMismatch, 1),
        _ => (TileMismatch, 256),
    };
    let first = tile.path.index * 256 * unit;
    let mut add = |what: &str, bytes: &[u8], expected: Expected| {
        corpus.case(format!("{} {what}", tile.path), check_tile(tile, bytes), expected);
    };
    let whole = (TileMismatch, Some(first));
    add("empty", &[], whole);
    add("one hash short", &bytes[..bytes.len() - 32], whole);
    add("half", &bytes[..bytes.len() / 64 * 32], whole);
    add("one byte short", &bytes[..bytes.len() - 1], whole);
    add("one byte long", &[&bytes[..], &[0]].concat(), whole);
    add("one hash long", &[&bytes[..], &[0; 32]].concat(), whole);
    add("twice", &bytes.repeat(2), whole);
    let count = tile.hashes.len();
    for place in [0, count / 2, count - 1] {
        let mut flipped = bytes.clone();
        flipped[32 * place + 31] ^= 0x80;
        let index = first + place as u64 * unit;
        add(&format!("hash {place} changed"), &flipped, (kind, Some(index)));
    }
    let mut rotated = bytes.clone();
    rotated.rotate_left(32);
    add("rotated", &rotated, (kind, Some(first)));
    let last = first + (count as u64 - 1) * unit;
    let mut zeroed = bytes.clone();
    zeroed[32 * (count - 1)..].fill(0);
    add("its end zeroed", &zeroed, (kind, Some(last)));
}

fn spoilt_exports(corpus: &mut Corpus) {
    let log = log();
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for (entry, index) in log.entries.iter().zip(0..) {
        let mut line = Vec::new();
        write_export_entry(&mut line, LeafIndex(index), entry);
        lines.push(line);
    }
    let mut checkpoint = Vec::new();
    write_export_checkpoint(&mut checkpoint, std::str::from_utf8(&log.checkpoint).unwrap());
    lines.push(checkpoint);
    let mut add = |what: String, spoil: &dyn Fn(&mut Vec<Vec<u8>>), expected: Expected| {
        let mut spoilt = lines.clone();
        spoil(&mut spoilt);
        corpus.case(format!("export: {what}"), read(&spoilt), expected);
    };
    for at in 0..20 {
        let index = at as u64;
        add(format!("cut to {at}"), &|l| l.truncate(at), (MissingEntry, Some(index)));
        if at < 19 {
            add(format!("{at} removed"), &|l| drop(l.remove(at)), (MissingEntry, Some(index)));
        }
        add(format!("{at} twice"), &|l| l.insert(at, l[at].clone()), (WrongIndex, Some(index + 1)));
        let malformed = (ExportMalformed, Some(index));
        add(format!("{at} cut"), &|l| l[at].truncate(30), malformed);
        add(format!("{at} blank"), &|l| l[at] = b"\n".to_vec(), malformed);
        add(format!("{at} with a comma"), &|l| l[at].splice(0..0, *b",").for_each(drop), malformed);
        add(format!("checkpoint before {at}"), &|l| l.swap(at, 20), (TrailingBytes, None));
    }
    add("without its checkpoint".into(), &|l| drop(l.pop()), (MissingEntry, Some(20)));
    add("checkpoint twice".into(), &|l| l.push(l[20].clone()), (TrailingBytes, None));
    add("a blank line behind".into(), &|l| l.push(b"\n".to_vec()), (TrailingBytes, None));
}

fn read(lines: &[Vec<u8>]) -> Result<(), Fault> {
    let mut export = Export::new(LeafIndex(0));
    lines.iter().try_for_each(|line| export.read_line(line).map(drop))?;
    export.end()
}
