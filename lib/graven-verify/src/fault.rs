//! The fault: where a log's evidence fails, in which way, and what was found there.

use std::error::Error;
use std::fmt;

use graven_merkle::LeafIndex;

/// The first thing found that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The entry that is wrong, where one entry can be named.
    pub index: Option<LeafIndex>,
    /// In which way.
    pub kind: FaultKind,
    /// What was found and what was expected, for people.
    pub detail: String,
}

/// The ways in which evidence can fail. [`FaultKind::as_str`] gives each a stable name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The entry's header is not the canonical encoding of a header.
    HeaderMalformed,
    /// The entry is of another version: nothing is known against it, it can't be read here.
    UnsupportedVersion,
    /// An entry, a checkpoint or a key entry of another log.
    WrongOrigin,
    /// The entry's header states another index than its position.
    WrongIndex,
    /// The entry's `prev` is not the hash of the entry before.
    PrevMismatch,
    /// The entry's time is not after that of the entry before.
    TimeNotIncreasing,
    /// The event is not an event, or the entry's parts are not within their form and limits.
    EventInvalid,
    /// A stream's `seq` skips.
    StreamGap,
    /// A stream's `seq` goes back: two entries claim one number.
    StreamFork,
    /// The head of a stream's hash chain is not what the attestation says.
    ChainMismatch,
    /// An attestation that is malformed, not by a key of its stream, wrong, or missing.
    AttestationBad,
    /// The entry does not have the leaf hash that something else states for it.
    LeafMismatch,
    /// A tile does not hold the hashes of the entries.
    TileMismatch,
    /// The entries do not have the root that is stated for them.
    RootMismatch,
    /// A signature by a known key is wrong, or what is signed is malformed.
    SignatureBad,
    /// A statement speaks of a size for which there are no, or too many, entries.
    SizeMismatch,
    /// The log is shorter than it was.
    Rollback,
    /// The log is not the one that it was: its tree does not begin with the older tree.
    Fork,
    /// The checkpoint lacks the signatures that the policy asks for.
    PolicyUnmet,
    /// None of the known keys has signed.
    KeyUnknown,
    /// The key that signed was not one of the log's keys at that size.
    KeyNotValidThen,
    /// An entry that only the log itself may write was written by someone else.
    OwnEntryForged,
    /// An entry that the log itself wrote does not say what it must.
    OwnEntryMalformed,
    /// Entries are missing.
    MissingEntry,
    /// Something stands after the end.
    TrailingBytes,
    /// A line of an export is not one.
    ExportMalformed,
    /// A disclosure that does not open the entry that it is shown with.
    DisclosureMismatch,
    /// More than a limit of this crate allows.
    LimitExceeded,
}

impl Fault {
    /// A fault of one entry.
    pub fn at(index: LeafIndex, kind: FaultKind, detail: impl Into<String>) -> Fault {
        Fault { index: Some(index), kind, detail: detail.into() }
    }

    /// A fault of no single entry.
    pub fn of_log(kind: FaultKind, detail: impl Into<String>) -> Fault {
        Fault { index: None, kind, detail: detail.into() }
    }

    /// Whether this says nothing against the evidence, only that this software can't judge it.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.kind, FaultKind::UnsupportedVersion | FaultKind::LimitExceeded)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "entry {index}: {}: {}", self.kind, self.detail),
            None => write!(f, "{}: {}", self.kind, self.detail),
        }
    }
}

impl Error for Fault {}

impl FaultKind {
    /// The stable name, in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HeaderMalformed => "header_malformed",
            Self::UnsupportedVersion => "unsupported_version",
            Self::WrongOrigin => "wrong_origin",
            Self::WrongIndex => "wrong_index",
            Self::PrevMismatch => "prev_mismatch",
            Self::TimeNotIncreasing => "time_not_increasing",
            Self::EventInvalid => "event_invalid",
            Self::StreamGap => "stream_gap",
            Self::StreamFork => "stream_fork",
            Self::ChainMismatch => "chain_mismatch",
            Self::AttestationBad => "attestation_bad",
            Self::LeafMismatch => "leaf_mismatch",
            Self::TileMismatch => "tile_mismatch",
            Self::RootMismatch => "root_mismatch",
            Self::SignatureBad => "signature_bad",
            Self::SizeMismatch => "size_mismatch",
            Self::Rollback => "rollback",
            Self::Fork => "fork",
            Self::PolicyUnmet => "policy_unmet",
            Self::KeyUnknown => "key_unknown",
            Self::KeyNotValidThen => "key_not_valid_then",
            Self::OwnEntryForged => "own_entry_forged",
            Self::OwnEntryMalformed => "own_entry_malformed",
            Self::MissingEntry => "missing_entry",
            Self::TrailingBytes => "trailing_bytes",
            Self::ExportMalformed => "export_malformed",
            Self::DisclosureMismatch => "disclosure_mismatch",
            Self::LimitExceeded => "limit_exceeded",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
