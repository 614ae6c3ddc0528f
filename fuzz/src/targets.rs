//! The table of targets.

mod access;
mod entry;
mod http;
mod merkle;
mod note;
mod query;
mod storage;
mod verify;

use std::sync::OnceLock;

use crate::Target;
use crate::sample::{self, Log};

/// Every target.
pub const TARGETS: &[Target] = &[
    target("event", entry::event, entry::events, 20_000),
    target("header", entry::header, entry::headers, 40_000),
    target("entry", entry::entry, entry::entries, 20_000),
    target("attestation", entry::attestation, entry::attestations, 30_000),
    target("disclosure", entry::disclosure, entry::disclosures, 30_000),
    target("extra", entry::extra, entry::extras, 20_000),
    target("names", entry::names, entry::name_texts, 60_000),
    target("note", note::note, note::notes, 20_000),
    target("vkey", note::vkey, note::vkeys, 30_000),
    target("checkpoint", note::checkpoint, note::checkpoints, 40_000),
    target("cosignature", note::cosignature, note::cosigned, 600),
    target("tlog-proof", note::proof, note::proofs, 20_000),
    target("tlog-policy", note::policy, note::policies, 2_000),
    target("add-checkpoint", note::add_checkpoint, note::add_checkpoints, 20_000),
    target("tile-path", merkle::tile_path, merkle::tile_paths, 60_000),
    target("hash-tile", merkle::hash_tile, merkle::hash_tiles, 40_000),
    target("entry-bundle", merkle::entry_bundle, merkle::entry_bundles, 20_000),
    target("tree-proof", merkle::tree_proof, merkle::tree_proofs, 5_000),
    target("export", verify::export, verify::exports, 400),
    target("evidence", verify::evidence, verify::all_evidence, 20_000),
    target("proved-entry", verify::proved_entry, verify::proved_entries, 1_500),
    target("results", verify::results, verify::all_results, 1_000),
    target("saved-state", verify::saved_state, verify::saved_states, 5_000),
    target("frame-body", storage::frame_body, storage::frame_bodies, 30_000),
    target("stored-bundle", storage::stored_bundle, storage::stored_bundles, 5_000),
    target("log-state", storage::log_state, storage::log_states, 20_000),
    target("small-file", storage::small_file, storage::small_files, 30_000),
    target("journal", storage::journal, storage::edits, 1_000),
    target("part", storage::part, storage::edits, 4_000),
    target("batch", http::batch, http::batches, 20_000),
    target("http-body", http::body, http::bodies, 4_000),
    target("query", query::query, query::queries, 40_000),
    target("when", access::when, access::conditions, 40_000),
    target("seal-rules", access::seal_rules, access::rules, 5_000),
    target("vault-object", access::vault_object, access::vault_objects, 20_000),
];

const fn target(
    name: &'static str,
    run: fn(&[u8]) -> bool,
    seeds: fn() -> Vec<Vec<u8>>,
    rounds: u64,
) -> Target {
    Target { name, run, seeds, rounds }
}

/// The log that targets spoil, made once.
fn good_log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(sample::log)
}

/// The bytes of texts.
fn bytes_of(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
