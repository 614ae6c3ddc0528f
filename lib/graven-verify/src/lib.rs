//! Graven evidence in, verdict out.
//!
//! Whoever reads a log (a data directory, a server, an export, a proof file) hands its bytes to
//! this crate; every judgement on them is made here. Pure computation: no I/O, no clock, no
//! randomness, no threads of its own, no panic on any input.
//!
//! A whole log is verified in two steps. [`check_run`] checks one run of consecutive entries
//! alone, so many runs can be checked at once on as many threads as the caller has.
//! [`LogVerifier::push_run`] then joins the reports in index order: hash chain and time across the
//! edges, streams and their attestations, keys, the tree. [`LogVerifier::finish`] judges the
//! signed checkpoint.
//!
//! ```
//! use graven_entry::{AuthMethod, Clock, Grade, Header, Name, build_entry};
//! use graven_merkle::{EMPTY_ROOT, LeafIndex, TreeSize, leaf_hash};
//! use graven_note::{Algorithm, Checkpoint, Note, SigningKey};
//! use graven_verify::{FaultKind, KeySource, LogVerifier, VerifyOptions, check_run};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let origin = Name::origin("acme.example/prod")?;
//! let key = SigningKey::from_seed(origin.as_str().parse()?, Algorithm::Ed25519, [7; 32]);
//! // A log with nothing but its opening.
//! let event = format!(
//!     r#"{{"actor":{{"id":"graven"}},"action":"graven.log","data":{{"origin":"{origin}","keys":["{}"]}}}}"#,
//!     key.verifier()
//! );
//! let header = Header {
//!     origin: origin.clone(),
//!     index: LeafIndex(0),
//!     time: "2026-11-20T22:55:01.123456789Z".parse()?,
//!     clock: Clock::Synced,
//!     error_ns: None,
//!     wall: None,
//!     prev: EMPTY_ROOT,
//!     nonce: [7; 16],
//!     writer: Name::new("graven")?,
//!     auth: AuthMethod::log(),
//!     grade: Grade::Asserted,
//!     stream: None,
//!     seq: None,
//!     altered: Vec::new(),
//! };
//! let mut entry = Vec::new();
//! build_entry(&mut entry, &header, event.as_bytes(), None)?;
//! let text = Checkpoint::new(origin.as_str(), TreeSize(1), leaf_hash(&entry))?.to_text();
//! let checkpoint = Note::new(text.clone(), vec![key.sign_note(&text)?])?.to_string();
//!
//! let mut verifier = LogVerifier::new(origin.clone(), VerifyOptions { policy: None });
//! verifier.push_run(check_run(&origin, LeafIndex(0), [&entry])?)?;
//! let keys = KeySource::Given(vec![key.verifier()]);
//! let verdict = verifier.finish(checkpoint.as_bytes(), &keys)?;
//! assert_eq!(verdict.entries_checked, 1);
//!
//! entry.extend(b"x");
//! let fault = check_run(&origin, LeafIndex(0), [&entry]).expect_err("it was changed");
//! assert_eq!(fault.kind, FaultKind::AttestationBad);
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod limits;

mod checkpoint;
mod disclosed;
mod entries;
mod entry;
mod evidence;
mod expected_tile;
mod export;
mod fault;
mod form;
mod head;
mod headers;
mod heads;
mod key_changes;
mod keys;
mod log;
#[cfg(test)]
mod mutants;
mod own;
mod quick;
mod results;
mod roots;
mod run;
mod run_tree;
mod state;
mod streams;
mod tile;
mod verdict;

pub use checkpoint::{CheckpointVerdict, verify_checkpoint};
pub use disclosed::{Disclosed, open_disclosures};
pub use entries::Entries;
pub use entry::{EntryVerdict, ProducerSignature, verify_entry};
pub use evidence::Evidence;
pub use expected_tile::ExpectedTile;
pub use export::{
    Export, ExportLine, parse_export_line, write_export_checkpoint, write_export_entry,
};
pub use fault::{Fault, FaultKind};
pub use form::HeaderFacts;
pub use headers::Headers;
pub use heads::compare_heads;
pub use key_changes::{KeyChangesVerdict, verify_key_changes};
pub use keys::KeySource;
pub use log::{LogVerifier, VerifyOptions};
pub use own::{KeyOp, KeyTarget, key_statement};
pub use results::{Results, ResultsVerdict, verify_results};
pub use run::{RunReport, StreamKeys, check_run, check_run_with, origin_of};
pub use state::StateError;
pub use tile::{TileChecker, check_tile};
pub use verdict::{LogVerdict, SignedHead};
