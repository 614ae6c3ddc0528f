//! What everyone outside of the log knows of it: what was sent and answered, and every checkpoint that anyone saw.

use append::{Appended, Refusal};
use graven_merkle::{Hash, LeafIndex, TreeSize};
use graven_note::{Checkpoint, Note, VerifierKey};
use std::collections::BTreeMap;

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
    pub event: Vec<u8>,
    /// A blob that travels with it.
    pub blob: Option<Vec<u8>>,
    /// What became of it.
    pub outcome: Outcome,
}

/// Everything that is known outside.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Events by number.
    pub sent: BTreeMap<u64, Sent>,
    /// Roots that were signed, by log and size.
    pub signed: BTreeMap<String, BTreeMap<TreeSize, Hash>>,
    /// Leaf hashes that a reader saw, by log, in index order.
    pub read: BTreeMap<String, Vec<Hash>>,
}

/// An invariant of `docs/reliability.md` that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {what}")]
pub struct Violation {
    /// Which: `I1` to `I12`.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

impl Violation {
    /// Says what was seen.
    pub fn new(invariant: &'static str, what: impl Into<String>) -> Violation {
        Violation { invariant, what: what.into() }
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

    /// Takes note of a checkpoint that someone got; its signatures are checked where keys are given.
    pub fn saw_checkpoint(
        &mut self,
        log: &str,
        note: &[u8],
        keys: &[VerifierKey],
    ) -> Result<Checkpoint, Violation> {
        let bad = |what: String| Violation::new("I4", format!("checkpoint of log {log}: {what}"));
        let note = Note::parse(note).map_err(|error| bad(error.to_string()))?;
        if !keys.is_empty() {
            note.verify(keys).map_err(|error| bad(error.to_string()))?;
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
