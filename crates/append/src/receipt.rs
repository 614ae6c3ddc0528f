//! What comes back when a batch was appended.

use crate::AckLevel;
use graven_merkle::{Hash, LeafIndex};

/// The answer to one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The signed checkpoint (C2SP signed note) that covers every entry of the batch.
    pub checkpoint: String,
    /// One receipt an event that was taken, in the batch's order.
    pub receipts: Vec<Receipt>,
    /// The events that the log's audit policy does not take, in the batch's order.
    pub dropped: Vec<Dropped>,
    /// One proof a receipt, where asked for; empty otherwise.
    pub proofs: Vec<EntryProof>,
    /// False where the entries are permanent but the asked ack level is late (HTTP 202).
    pub ack_reached: bool,
}

/// An event that was not recorded, because the log's audit policy takes none such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its place in the batch, from 0.
    pub event: usize,
    /// The name of the policy's rule.
    pub rule: String,
}

/// Says which entry an event became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The entry's stable number.
    pub index: LeafIndex,
    /// The entry's leaf hash.
    pub leaf_hash: Hash,
    /// The log's time of the entry, RFC 3339 with nine fraction digits.
    pub time: String,
    /// The ack level that was reached.
    pub ack: AckLevel,
    /// True where the event had been recorded before and this repeats its first receipt.
    pub repeated: bool,
}

/// What lets the producer check one receipt without another request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryProof {
    /// The entry's header line, without its line end: with the event it gives the entry's bytes.
    pub header: String,
    /// The C2SP tlog-proof.
    pub proof: String,
}

/// A stream as a producer resumes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamHead {
    /// The `seq` that the next event must have.
    pub next_seq: u64,
    /// The chain head after the last event.
    pub head: Hash,
    /// The cursor that came with the last batch that had one.
    pub cursor: Option<String>,
}
