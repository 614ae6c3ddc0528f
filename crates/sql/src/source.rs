//! What this crate asks of a log.

use graven_merkle::{Hash, LeafIndex, TreeSize};
use log::LogHandle;

/// A log, as a follower sees it.
pub trait EntrySource: Send + Sync {
    /// Committed entries.
    fn size(&self) -> TreeSize;
    /// The entries from `from` on, at most `count`, in order and without a gap; fewer where the log ends.
    fn read(&self, from: LeafIndex, count: usize)
    -> Result<Vec<(LeafIndex, Vec<u8>)>, SourceError>;
    /// The newest checkpoint that was published: a signed note.
    fn checkpoint(&self) -> Result<Vec<u8>, SourceError>;
    /// Streams by name, after `after`, at most `limit`.
    fn streams(&self, after: Option<&str>, limit: usize) -> Vec<StreamNow>;
}

/// A stream as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamNow {
    /// Its name.
    pub name: String,
    /// The `seq` that its next event must have.
    pub next_seq: u64,
    /// The head of its hash chain.
    pub head: Hash,
    /// Its producer's cursor.
    pub cursor: Option<String>,
}

/// The log could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the log cannot be read: {0}")]
pub struct SourceError(pub String);

impl EntrySource for LogHandle {
    fn size(&self) -> TreeSize {
        self.size()
    }

    fn read(
        &self,
        from: LeafIndex,
        count: usize,
    ) -> Result<Vec<(LeafIndex, Vec<u8>)>, SourceError> {
        let end = from.0.saturating_add(count as u64).min(EntrySource::size(self).0);
        let read = |index| Ok((LeafIndex(index), self.entry(LeafIndex(index)).map_err(failed)?));
        (from.0..end).map(read).collect()
    }

    fn checkpoint(&self) -> Result<Vec<u8>, SourceError> {
        LogHandle::checkpoint(self).map_err(failed)
    }

    fn streams(&self, after: Option<&str>, limit: usize) -> Vec<StreamNow> {
        let all = LogHandle::streams(self, after, limit).into_iter();
        all.map(|(name, now)| StreamNow {
            name,
            next_seq: now.next_seq,
            head: now.head,
            cursor: now.cursor,
        })
        .collect()
    }
}

fn failed(error: log::ReadError) -> SourceError {
    SourceError(graven_entry::with_causes(&error))
}
