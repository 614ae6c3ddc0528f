//! What a verification has shown, and what it has not.

use graven_entry::Name;
use graven_merkle::{Hash, TreeSize};
use graven_note::{Checkpoint, Note, PolicyVerdict};

/// A log that was verified whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogVerdict {
    /// Which log.
    pub origin: Name,
    /// The size of the signed checkpoint; where there is none, of what was read.
    pub size: TreeSize,
    /// The root at that size.
    pub root: Hash,
    /// How many entries were read and checked, from index 0 and in all sessions together.
    pub entries_checked: u64,
    /// How many streams the log has.
    pub streams: u64,
    /// How many events a producer's signature covers.
    pub signed_events: u64,
    /// The verifier keys whose signatures on the checkpoint hold.
    pub keys_used: Vec<String>,
    /// Later keys of the log and of its streams that count by the log's word alone: no older key
    /// of the same name has signed for them.
    pub unannounced_keys: Vec<String>,
    /// The origin of the log that this one continues, as its entry 0 says.
    pub predecessor: Option<String>,
    /// What the policy says, where one was given.
    pub policy: Option<PolicyVerdict>,
    /// What this verdict does not say, one short phrase each.
    pub not_checked: Vec<&'static str>,
}

/// A checkpoint that fits the entries and is signed as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// What the log stated.
    pub checkpoint: Checkpoint,
    /// The note that it came in, with all its signature lines, also those that nobody checked.
    pub note: Note,
    /// The verifier keys of the log whose signatures hold.
    pub keys_used: Vec<String>,
}
