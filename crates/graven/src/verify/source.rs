//! Where the entries of a log come from: one trait, so that all targets are judged by the same code.

use graven_entry::Name;
use graven_merkle::{Hash, TilePath, TreeSize};
use graven_note::VerifierKey;
use graven_verify::{Entries, Fault, FaultKind};

use crate::failure::Failure;

/// Consecutive entries that are read and checked at a time, by one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) count: u64,
}

/// What was read of a span.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) entries: Entries,
    /// Hash tiles that the target stores over these entries and that have to fit them.
    pub(crate) tiles: Vec<(TilePath, Vec<u8>)>,
}

/// What is wrong, where, and in which way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The first bad entry, where one can be named.
    pub(crate) index: Option<u64>,
    /// The name of the way: a [`FaultKind`]'s, or `storage_damaged`, `frame_unfinished`.
    pub(crate) what: &'static str,
    pub(crate) detail: String,
}

/// Why a span gave no evidence.
#[derive(Debug)]
pub(crate) enum ReadFault {
    /// It could not be read: nothing is known about it.
    Unreadable(Failure),
    /// What was read is wrong.
    Bad(Finding),
}

/// A root that the target states somewhere, so the tree of that size must have it.
#[derive(Clone, Debug)]
pub(crate) struct StatedRoot {
    pub(crate) size: TreeSize,
    pub(crate) root: Hash,
    pub(crate) place: String,
}

/// A log as a target holds it.
pub(crate) trait Source: Sync {
    /// The origin that the target claims.
    fn origin(&self) -> &Name;

    /// How many entries it claims.
    fn size(&self) -> TreeSize;

    /// The entries cut into spans, in index order, without a gap.
    fn spans(&self) -> Vec<Span>;

    /// Reads one span whole. Called by many threads at once.
    fn read(&self, span: Span) -> Result<Evidence, ReadFault>;

    /// Whether the target is whole where its entries end; asked after they were all checked.
    fn check_end(&self) -> Result<(), ReadFault> {
        Ok(())
    }

    /// A hash tile above level 0, where the target stores such.
    fn upper_tile(&self, _path: &TilePath) -> Result<Option<Vec<u8>>, ReadFault> {
        Ok(None)
    }

    /// Roots that the target states.
    fn stated_roots(&self) -> Vec<StatedRoot> {
        Vec::new()
    }

    /// The newest signed checkpoint that the target holds.
    fn checkpoint(&self) -> Option<&[u8]>;

    /// Older signed checkpoints that it holds: the tree has to have been what they say.
    fn older_checkpoints(&self) -> &[Vec<u8>] {
        &[]
    }

    /// Keys that lie beside the log, for people to take: they have to be the log's.
    fn key_files(&self) -> &[VerifierKey] {
        &[]
    }
}

impl Span {
    /// The index after the last entry.
    pub(crate) fn end(self) -> u64 {
        self.first + self.count
    }

    /// `size` entries cut into spans of at most `count`.
    pub(crate) fn cut(size: TreeSize, count: u64) -> Vec<Span> {
        (0..size.0.div_ceil(count))
            .map(|place| place * count)
            .map(|first| Span { first, count: count.min(size.0 - first) })
            .collect()
    }
}

impl From<Failure> for ReadFault {
    fn from(failure: Failure) -> ReadFault {
        ReadFault::Unreadable(failure)
    }
}

impl From<Fault> for Finding {
    fn from(fault: Fault) -> Finding {
        let index = fault.index.map(|index| index.0);
        Finding { index, what: fault.kind.as_str(), detail: fault.detail }
    }
}

impl From<Fault> for ReadFault {
    fn from(fault: Fault) -> ReadFault {
        ReadFault::Bad(fault.into())
    }
}

impl ReadFault {
    /// What is wrong; a failure where nothing could be read.
    pub(crate) fn finding(self) -> Result<Finding, Failure> {
        match self {
            ReadFault::Bad(finding) => Ok(finding),
            ReadFault::Unreadable(failure) => Err(failure),
        }
    }
}

/// Something wrong with one entry, or with a place that is no entry.
pub(crate) fn bad(index: Option<u64>, kind: FaultKind, detail: impl ToString) -> ReadFault {
    ReadFault::Bad(Finding { index, what: kind.as_str(), detail: detail.to_string() })
}
