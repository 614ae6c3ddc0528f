//! What is kept on disk: frames, bundles, states, journal files, parts.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use env::{Disk as _, SimDisk, SimRandom};
use graven_merkle::leaf_hash;
use sha2::{Digest as _, Sha256};
use store::segments::{EncodedBundle, PartContents, SegmentStore};
use store::{
    DurableWrite, FrameBuf, Journal as _, LocalJournal, LocalJournalOptions, check_journal,
};

use super::good_log;
use crate::input::{Input, edit};

pub(super) fn frame_body(bytes: &[u8]) -> bool {
    log::fuzzing::frame_body(bytes)
}

pub(super) fn frame_bodies() -> Vec<Vec<u8>> {
    log::fuzzing::frame_bodies(&good_log().entries[..2])
}

pub(super) fn stored_bundle(bytes: &[u8]) -> bool {
    log::fuzzing::stored_bundle(bytes)
}

pub(super) fn stored_bundles() -> Vec<Vec<u8>> {
    log::fuzzing::stored_bundles(&good_log().entries[..3])
}

pub(super) fn log_state(bytes: &[u8]) -> bool {
    log::fuzzing::log_state(bytes)
}

pub(super) fn log_states() -> Vec<Vec<u8>> {
    let leaves: Vec<_> = good_log().entries[..3].iter().map(|entry| leaf_hash(entry)).collect();
    log::fuzzing::log_states(&leaves)
}

/// The small files of the log and of the store: the first byte says whose.
pub(super) fn small_file(bytes: &[u8]) -> bool {
    match bytes.split_first() {
        Some((whose, rest)) if whose % 2 == 0 => log::fuzzing::small_file(rest),
        Some((_, rest)) => store::fuzzing::small_file(rest),
        None => false,
    }
}

pub(super) fn small_files() -> Vec<Vec<u8>> {
    let of = |whose: u8, files: Vec<Vec<u8>>| {
        files.into_iter().map(move |file| [vec![whose], file].concat())
    };
    of(0, log::fuzzing::small_files()).chain(of(1, store::fuzzing::small_files())).collect()
}

const DATA: &str = "/data";
const JOURNAL: &str = "/data/journal";
const BLOCK: usize = env::BLOCK_BYTES;

/// A journal of two files whose first is edited, with its checksums as they come or made to fit. What the verifier calls
/// whole a start takes, and reads the same from.
pub(super) fn journal(bytes: &[u8]) -> bool {
    static GOOD: OnceLock<Vec<(PathBuf, Vec<u8>)>> = OnceLock::new();
    let good = GOOD.get_or_init(good_journal);
    let disk = new_disk();
    let mut input = Input::new(bytes);
    let fits = input.u8().is_multiple_of(2);
    for (number, (path, bytes)) in good.iter().enumerate() {
        let mut bytes = bytes.clone();
        if number == 0 {
            bytes = edit(&bytes, &mut input);
            if fits {
                fix_journal(&mut bytes);
            }
        }
        disk.put_file(path, &bytes).expect("the simulated disk takes it");
    }
    let mut seen = Vec::new();
    let checked = check_journal(&disk, Path::new(JOURNAL), &mut |slot, body| {
        seen.push((slot, body.to_vec()));
        Ok(())
    });
    let opened = LocalJournal::open(Arc::new(disk), Path::new(JOURNAL), journal_options());
    let (Ok(_), Ok((journal, recovered))) = (&checked, &opened) else {
        assert!(checked.is_err() || opened.is_err(), "unreachable: both are good");
        assert!(checked.is_err(), "a start refuses what was found whole: {:?}", opened.err());
        return false;
    };
    let mut read = Vec::new();
    let whole = journal.read(recovered.first_slot, &mut |slot, body| {
        read.push((slot, body.to_vec()));
        Ok(())
    });
    assert!(whole.is_ok() && read == seen, "a start reads something else: {whole:?}");
    true
}

fn new_disk() -> SimDisk {
    let disk = SimDisk::new(1);
    disk.create_mount(DATA);
    disk.create_dir(Path::new(JOURNAL)).expect("the simulated disk takes it");
    disk
}

fn journal_options() -> LocalJournalOptions {
    LocalJournalOptions {
        random: Arc::new(SimRandom::new(1)),
        file_bytes_first: 4 * BLOCK as u64,
        file_bytes_max: 4 * BLOCK as u64,
        write: DurableWrite::Direct,
        truncate_bad_frames: false,
    }
}

fn good_journal() -> Vec<(PathBuf, Vec<u8>)> {
    let disk = new_disk();
    let opened = LocalJournal::open(Arc::new(disk.clone()), Path::new(JOURNAL), journal_options());
    let mut journal = opened.expect("an empty directory is a new journal").0;
    for length in [30, 5_000, 1, 300] {
        journal.submit(FrameBuf::from(vec![7; length].as_slice())).expect("it fits");
        journal.complete().expect("the simulated disk takes it");
    }
    let paths = disk.files().into_iter().map(|(path, _)| path);
    paths.map(|path| (path.clone(), disk.file_bytes(&path).expect("it is listed"))).collect()
}

/// Makes every checksum of a journal file fit its bytes.
fn fix_journal(bytes: &mut [u8]) {
    fix(bytes, 0, 100);
    for at in (BLOCK..bytes.len()).step_by(BLOCK) {
        let envelope = bytes.get(at..at + 12).filter(|envelope| envelope.starts_with(b"GRFR"));
        let Some(length) = envelope.and_then(|envelope| envelope.get(8..12)) else { continue };
        let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
        let body = bytes.get(at + 100..).and_then(|rest| rest.get(..length)).map(crc32c);
        if let Some(crc) = body {
            bytes[at + 12..at + 16].copy_from_slice(&crc);
        }
        fix(bytes, at, 96);
    }
}

/// Writes the checksum of `length` bytes from `start` on behind them.
fn fix(bytes: &mut [u8], start: usize, length: usize) {
    if let Some(piece) = bytes.get_mut(start..start + length + 4) {
        let crc = crc32c(&piece[..length]);
        piece[length..].copy_from_slice(&crc);
    }
}

fn crc32c(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).to_be_bytes()
}

/// A part that is edited, with its lengths, checksums and digest as they come or made to fit. Nothing panics whatever is
/// read from it; and where its digest holds as it came, nothing was changed.
pub(super) fn part(bytes: &[u8]) -> bool {
    static GOOD: OnceLock<(PathBuf, Vec<u8>)> = OnceLock::new();
    let (path, good) = GOOD.get_or_init(good_part);
    let mut input = Input::new(bytes);
    let fits = input.u8().is_multiple_of(2);
    let mut edited = edit(good, &mut input);
    if fits {
        fix_part(&mut edited);
    }
    let disk = new_disk();
    let store = SegmentStore::new(Arc::new(disk.clone()), Path::new(DATA));
    store.create_log_dir("main").expect("the simulated disk takes it");
    disk.put_file(path, &edited).expect("the simulated disk takes it");
    let [meta] = &store.list("main").expect("the simulated disk reads")[..] else {
        panic!("one part is listed")
    };
    let Ok(part) = store.open(meta) else { return false };
    let whole = part.verify_all();
    assert!(fits || whole.is_err() || edited == *good, "changed, and its digest holds");
    let read = (0..=part.bundle_count()).map(|k| (part.bundle(k).is_ok(), part.bundle_entries(k)));
    let entries: u32 = read.filter_map(|(_, entries)| entries).map(u32::from).sum();
    assert_eq!(entries, meta.count);
    assert!(part.entry_crc(meta.count).is_none());
    drop(part.tile());
    true
}

fn good_part() -> (PathBuf, Vec<u8>) {
    let disk = new_disk();
    let store = SegmentStore::new(Arc::new(disk.clone()), Path::new(DATA));
    store.create_log_dir("main").expect("the simulated disk takes it");
    let bundle = |byte: u8| EncodedBundle { bytes: vec![byte; 40], entries: 3 };
    let contents = PartContents {
        first: 256,
        header: vec![1; 9],
        bundles: vec![bundle(2), bundle(3)],
        entry_crcs: vec![4; 6],
        tile: vec![5; 64],
    };
    store.write_part("main", &contents).expect("it is a part");
    let (path, _) = disk.files().pop().expect("the part");
    let bytes = disk.file_bytes(&path).expect("it is listed");
    (path, bytes)
}

/// Makes lengths, checksums and digest of a part fit, as its header says where they are.
fn fix_part(bytes: &mut [u8]) {
    let length = bytes.len();
    if length < 56 + 60 {
        return;
    }
    bytes[44..52].copy_from_slice(&(length as u64).to_be_bytes());
    fix(bytes, 0, 52);
    let trailer = length - 60;
    let number = |bytes: &[u8], at: usize, count: usize| {
        bytes[at..at + count].iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    let mut at = number(bytes, 28, 8).saturating_add(56);
    let pieces = [number(bytes, 36, 4), number(bytes, 40, 4), trailer.saturating_sub(at)];
    for (place, size) in pieces.into_iter().enumerate() {
        let end = if place == 2 { trailer } else { at.saturating_add(size) };
        if let Some(crc) = bytes.get(at..end).map(crc32c) {
            bytes[trailer + 4 * place..trailer + 4 * place + 4].copy_from_slice(&crc);
        }
        at = end;
    }
    bytes[trailer + 12..trailer + 20].copy_from_slice(&(length as u64).to_be_bytes());
    let digest = Sha256::digest(&bytes[..length - 32]);
    bytes[length - 32..].copy_from_slice(&digest);
}

/// Edits: whether checksums are made to fit, then place, how, length and bytes of each.
pub(super) fn edits() -> Vec<Vec<u8>> {
    let edit = |fits: u8, at: u16, how: u8, piece: &[u8]| {
        let [high, low] = at.to_be_bytes();
        [&[fits, high, low, how, piece.len() as u8], piece].concat()
    };
    vec![
        vec![0],
        vec![1],
        edit(0, 4_096 + 16, 2, &[0, 0, 0, 0, 0, 0, 0, 1]),
        edit(1, 4_200, 2, b"x"),
        edit(0, 20, 2, &[0, 0, 0, 6, 0, 0, 0, 2]),
        edit(0, 60, 0, b"more"),
    ]
}
