//! What everyone outside of the log knows of it: what was sent and answered, and every checkpoint that anyone saw.

use append::{Appended, Refusal};
use graven_entry::with_causes;
use graven_merkle::{Frontier, Hash, LeafIndex, TreeSize};
use graven_note::{Checkpoint, Note, NoteError, VerifierKey};
use log::ReadError;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// What became of an event, as its producer knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A receipt came.
    Acked {
        /// Its index.
        index: LeafIndex,
        /// Its leaf hash.
        leaf: Hash,
        /// Its time, as text.
        time: String,
    },
    /// No answer came: it may be there once, or not at all.
    Unknown,
    /// It was refused before it was sent on: it must never be there.
    Refused,
}

/// One event with its sidecar.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The log.
    pub log: String,
    /// The event's bytes.
    pub event: Arc<[u8]>,
    /// A blob that travels with it.
    pub blob: Option<Arc<[u8]>>,
    /// What became of it.
    pub outcome: Outcome,
}

/// An entry that a reader saw, with what its bytes showed: the same bytes need not be hashed and parsed again.
#[derive(Debug)]
pub struct ReadEntry {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its leaf hash.
    pub leaf: Hash,
    /// The root of the tree that it is the last entry of.
    pub root: Hash,
    /// Its time, as text.
    pub time: String,
    /// Whose event it holds.
    pub source: Source,
}

/// Whose event an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The log's own.
    Log,
    /// The one of this number, byte for byte.
    Sent(u64),
    /// Nobody's that is known.
    Nobody,
}

/// What a reader saw of one log, from index 0 on.
#[derive(Clone, Debug, Default)]
pub struct ReadLog {
    /// The entries.
    pub entries: Vec<Arc<ReadEntry>>,
    /// Their tree.
    pub frontier: Frontier,
}

/// Answers that depend on nothing but what was asked, so that they hold for every copy of a history: a note that one
/// key list has verified, and keys that were parsed.
#[derive(Debug, Default)]
pub struct Memo {
    keys: BTreeMap<Vec<String>, Arc<Vec<VerifierKey>>>,
    verified: BTreeSet<(Vec<String>, Vec<u8>)>,
}

/// Everything that is known outside.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Events by number.
    pub sent: BTreeMap<u64, Sent>,
    /// Roots that were signed, by log and size.
    pub signed: BTreeMap<String, BTreeMap<TreeSize, Hash>>,
    /// What a reader saw, by log.
    pub read: BTreeMap<String, ReadLog>,
    /// Signatures and keys that were looked at; copies share it.
    pub memo: Arc<Mutex<Memo>>,
}

/// An invariant of `docs/reliability.md` that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {what}")]
pub struct Violation {
    /// Which: `I1` to `I12`.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
    /// The log itself said that it cannot read what it holds: it served nothing, and nothing wrong.
    pub is_refused: bool,
}

impl Violation {
    /// Says what was seen.
    pub fn new(invariant: &'static str, what: impl Into<String>) -> Violation {
        Violation { invariant, what: what.into(), is_refused: false }
    }

    /// Says which read failed. A log that denies what it was told to hold has refused nothing: it answers wrongly.
    pub fn of_read(invariant: &'static str, place: &str, error: &ReadError) -> Violation {
        let what = format!("{place}: {}", with_causes(error));
        let is_refused = !matches!(error, ReadError::NotFound { .. });
        Violation { invariant, what, is_refused }
    }
}

/// The event of a number; all differ, and each has an identity.
pub fn event(number: u64, padding_bytes: usize) -> Vec<u8> {
    let padding = "x".repeat(padding_bytes);
    format!(
        r#"{{"id":"e{number}","actor":{{"type":"user","id":"u{}"}},"action":"invoice.update","data":{{"n":{number},"pad":"{padding}"}}}}"#,
        number % 7
    )
    .into_bytes()
}

/// The number of an event that [`event`] made.
pub(crate) fn number_of(event: &[u8]) -> Option<u64> {
    let digits = event.strip_prefix(br#"{"id":"e"#)?;
    let end = digits.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

impl Memo {
    /// Verifies a note by keys given as text, once.
    fn verify(&mut self, note: &Note, bytes: &[u8], vkeys: &[String]) -> Result<(), NoteError> {
        let asked = (vkeys.to_vec(), bytes.to_vec());
        if self.verified.contains(&asked) {
            return Ok(());
        }
        let parse = || Arc::new(vkeys.iter().filter_map(|vkey| vkey.parse().ok()).collect());
        let keys = Arc::clone(self.keys.entry(asked.0.clone()).or_insert_with(parse));
        note.verify(&keys)?;
        self.verified.insert(asked);
        Ok(())
    }
}

impl History {
    /// Takes note of the answer to a batch of these events.
    pub fn answered(
        &mut self,
        numbers: &[u64],
        answer: &Result<Appended, Refusal>,
    ) -> Result<(), Violation> {
        let Ok(appended) = answer else { return Ok(()) };
        if appended.receipts.len() != numbers.len() {
            return Err(Violation::new("I1", "there are not as many receipts as events"));
        }
        let mut log = String::new();
        for (number, receipt) in numbers.iter().zip(&appended.receipts) {
            let Some(sent) = self.sent.get_mut(number) else { continue };
            let outcome = Outcome::Acked {
                index: receipt.index,
                leaf: receipt.leaf_hash,
                time: receipt.time.clone(),
            };
            let is_other = matches!(sent.outcome, Outcome::Acked { .. }) && sent.outcome != outcome;
            if is_other {
                let what =
                    format!("event {number} has two receipts: {:?}, {outcome:?}", sent.outcome);
                return Err(Violation::new("I2", what));
            }
            sent.outcome = outcome;
            log.clone_from(&sent.log);
        }
        self.saw_checkpoint(&log, appended.checkpoint.as_bytes(), &[]).map(drop)
    }

    /// Takes note of a checkpoint that someone got; its signatures are checked where verifier keys are given.
    pub fn saw_checkpoint(
        &mut self,
        log: &str,
        bytes: &[u8],
        vkeys: &[String],
    ) -> Result<Checkpoint, Violation> {
        let bad = |what: String| Violation::new("I4", format!("checkpoint of log {log}: {what}"));
        let note = Note::parse(bytes).map_err(|error| bad(error.to_string()))?;
        if !vkeys.is_empty() {
            let mut memo = self.memo.lock().unwrap_or_else(PoisonError::into_inner);
            memo.verify(&note, bytes, vkeys).map_err(|error| bad(error.to_string()))?;
        }
        let checkpoint = Checkpoint::parse(note.text()).map_err(|error| bad(error.to_string()))?;
        let roots = self.signed.entry(log.to_owned()).or_default();
        let first = *roots.entry(checkpoint.size).or_insert(checkpoint.root);
        if first != checkpoint.root {
            let what = format!("log {log} signed two roots at size {}", checkpoint.size);
            return Err(Violation::new("I5", what));
        }
        Ok(checkpoint)
    }
}
