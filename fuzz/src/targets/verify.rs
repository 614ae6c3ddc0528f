//! The verifier: what it calls good is what was written.

use std::sync::OnceLock;

use graven_entry::Extra;
use graven_merkle::{LeafIndex, inclusion_proof, inclusion_proof_of_many, leaf_hash};
use graven_note::TlogProof;
use graven_verify::{
    Evidence, Export, ExportLine, Fault, KeySource, LogVerifier, ProducerSignature, Results,
    parse_export_line, verify_entry, verify_results, write_export_checkpoint, write_export_entry,
};
use sha2::{Digest as _, Sha256};

use super::good_log;
use crate::sample::{self, Log};

/// The entry that proofs are of: signed by its producer.
const INDEX: u64 = 6;

/// An export that verifies by the log's key is the log's.
pub(super) fn export(bytes: &[u8]) -> bool {
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        line_comes_back(line);
    }
    let Ok(log) = read_export(bytes) else { return false };
    let keys = KeySource::Given(vec![sample::log_key(2).verifier()]);
    for run_entries in [7, usize::MAX] {
        if let Ok(verdict) = sample::verify(&log, run_entries, &keys, |_| Ok(())) {
            let good = good_log();
            assert_eq!(verdict.root, sample::head_of(&good.entries, 20).root);
            assert!(log.entries.starts_with(&good.entries), "other entries verify");
        }
    }
    true
}

fn line_comes_back(line: &[u8]) {
    let Ok(read) = parse_export_line(line) else { return };
    let mut again = Vec::new();
    match &read {
        ExportLine::Entry { index, entry } => write_export_entry(&mut again, *index, entry),
        ExportLine::Checkpoint(note) => {
            write_export_checkpoint(&mut again, std::str::from_utf8(note).expect("JSON is UTF-8"));
        }
    }
    assert_eq!(parse_export_line(&again), Ok(read));
}

fn read_export(bytes: &[u8]) -> Result<Log, Fault> {
    let mut reader = Export::new(LeafIndex(0));
    let mut log = Log { entries: Vec::new(), checkpoint: Vec::new() };
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match reader.read_line(line)? {
            ExportLine::Entry { entry, .. } => log.entries.push(entry),
            ExportLine::Checkpoint(note) => log.checkpoint = note,
        }
    }
    reader.end()?;
    Ok(log)
}

pub(super) fn exports() -> Vec<Vec<u8>> {
    let log = good_log();
    let mut export = Vec::new();
    for (entry, index) in log.entries.iter().zip(0..) {
        write_export_entry(&mut export, LeafIndex(index), entry);
    }
    write_export_checkpoint(&mut export, &String::from_utf8_lossy(&log.checkpoint));
    vec![export, b"{\"index\":0,\"entry\":\"\\u00e9\\n\"}\n{\"checkpoint\":\"\"}\n".to_vec()]
}

/// Evidence that is read says the same once it is written again.
pub(super) fn evidence(bytes: &[u8]) -> bool {
    let Ok(read) = Evidence::parse(bytes) else { return false };
    assert_eq!(Evidence::parse(&read.write()), Ok(read));
    true
}

pub(super) fn all_evidence() -> Vec<Vec<u8>> {
    let (entry, proof) = ("{}\n{\"_sd\":[]}\n".to_owned(), "c2sp.org/tlog-proof@v1\n".to_owned());
    let disclosures = ["WyJzIiwgMV0".to_owned(), "\u{e9}".to_owned()];
    let with = |count: usize| {
        let (entry, proof) = (entry.clone(), proof.clone());
        Evidence { entry, proof, disclosures: disclosures[..count].to_vec() }.write()
    };
    (0..3).map(with).collect()
}

/// A proof that shows an entry to be the log's is for that entry, and the checkpoint is the log's. The first byte says
/// whether the rest is the proof, for the entry as it is, or the entry, for the proof as it is.
pub(super) fn proved_entry(bytes: &[u8]) -> bool {
    let Some((which, rest)) = bytes.split_first() else { return false };
    let log = good_log();
    let (good_entry, good_proof) = (&log.entries[INDEX as usize], good_proof());
    let (entry, proof) = if which % 2 == 0 {
        let Ok(proof) = TlogProof::parse(rest) else { return false };
        (good_entry.as_slice(), proof)
    } else {
        (rest, good_proof.clone())
    };
    let keys = [sample::log_key(2).verifier(), sample::stream_key(1).verifier()];
    let Ok(verdict) = verify_entry(entry, &proof, &sample::origin(), &keys, None) else {
        return false;
    };
    assert_eq!(entry, good_entry.as_slice());
    assert_eq!((verdict.index, verdict.leaf), (LeafIndex(INDEX), leaf_hash(good_entry)));
    assert_eq!(verdict.checkpoint, sample::head_of(&log.entries, 20));
    assert_eq!(proof.hashes, good_proof.hashes);
    if let ProducerSignature::Verified { .. } = verdict.producer {
        let extra = |proof: &TlogProof| Extra::parse(proof.extra.as_deref().unwrap_or_default());
        assert_eq!(extra(&proof), extra(good_proof));
    }
    true
}

fn good_proof() -> &'static TlogProof {
    static PROOF: OnceLock<TlogProof> = OnceLock::new();
    PROOF.get_or_init(make_proof)
}

fn make_proof() -> TlogProof {
    let log = good_log();
    let index = LeafIndex(INDEX);
    let hashes = inclusion_proof(index, log.size(), &log.leaves()).expect("it is in the log");
    let items = sample::items();
    let of = |index: usize| graven_entry::event_hash(&items[index].event);
    let stream = graven_entry::Name::new(sample::SIGNED).expect("it is a name");
    let start = graven_entry::chain_start(&sample::origin(), &stream);
    let extra = Extra {
        chain: graven_entry::chain_next(&start, &of(5)),
        following: vec![of(7)],
        attestation: items[7].attestation.clone().unwrap_or_default(),
    };
    let extra = Some(extra.to_bytes());
    TlogProof { extra, index, hashes, checkpoint: log.checkpoint.clone() }
}

pub(super) fn proved_entries() -> Vec<Vec<u8>> {
    let log = good_log();
    let proof = good_proof().clone();
    let bare = TlogProof { extra: None, ..proof.clone() };
    let entry = log.entries[INDEX as usize].clone();
    vec![
        [vec![0], proof.to_bytes()].concat(),
        [vec![0], bare.to_bytes()].concat(),
        [vec![1], entry].concat(),
    ]
}

/// Results that verify by the log's key are entries of the log at their places.
pub(super) fn results(bytes: &[u8]) -> bool {
    let Ok(read) = Results::parse(bytes) else { return false };
    assert_eq!(Results::parse(&read.write()).as_ref(), Ok(&read));
    let keys = [sample::log_key(2).verifier()];
    if verify_results(&read, &sample::origin(), &keys, None).is_ok() {
        for (index, entry) in &read.entries {
            assert_eq!(good_log().entries.get(index.0 as usize), Some(entry), "entry {index}");
        }
    }
    true
}

pub(super) fn all_results() -> Vec<Vec<u8>> {
    let log = good_log();
    let of = |indexes: &[u64]| {
        let indexes: Vec<_> = indexes.iter().copied().map(LeafIndex).collect();
        let proof = inclusion_proof_of_many(&indexes, log.size(), &log.leaves());
        let entry = |index: &LeafIndex| (*index, log.entries[index.0 as usize].clone());
        let entries = indexes.iter().map(entry).collect();
        let checkpoint = log.checkpoint.clone();
        Results { entries, checkpoint, proof: proof.expect("they are in the log") }.write()
    };
    vec![of(&[]), of(&[3]), of(&[2, 6, 7, 12])]
}

/// A state that someone made up, its digest right: it prints back, and going on from it does no harm.
pub(super) fn saved_state(bytes: &[u8]) -> bool {
    let mut state = bytes.to_vec();
    state.extend(Sha256::digest(bytes));
    let Ok(mut verifier) = LogVerifier::load(&state, sample::options()) else { return false };
    assert_eq!(verifier.save(), state);
    let log = good_log();
    if verifier.size() <= log.size() {
        let pushed = sample::push_all(&mut verifier, &log.entries, 7);
        let finished = verifier.finish(&log.checkpoint, &KeySource::FromLog);
        assert!(pushed.is_ok() || finished.is_err(), "a fault stays");
    }
    true
}

pub(super) fn saved_states() -> Vec<Vec<u8>> {
    let log = good_log();
    let saved = |size| {
        let mut verifier = LogVerifier::new(sample::origin(), sample::options());
        sample::push_all(&mut verifier, &log.entries[..size], 7).expect("the log is good");
        let state = verifier.save();
        state[..state.len() - 32].to_vec()
    };
    vec![saved(0), saved(13), saved(20)]
}
