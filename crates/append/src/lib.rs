//! The seam of all sources: what is handed in, what comes back.
//!
//! A source (the HTTP server, a capture, a gateway, an agent on another host) builds a [`Batch`] and hands it to
//! an [`Append`]; it learns a [`Receipt`] for each event or one [`Refusal`] for the whole batch. Sources know this crate
//! and nothing of the log behind it, so that they also run on other hosts.
//!
//! A batch is all or nothing: on a refusal no entry of it exists.

mod ack;
mod batch;
mod receipt;
mod refusal;

pub use ack::AckLevel;
pub use batch::{Batch, Sidecar, StreamClaim};
pub use receipt::{Appended, Dropped, EntryProof, Receipt, StreamHead};
pub use refusal::{Code, Refusal};

/// Most events in one batch (design §8).
pub const BATCH_EVENTS_MAX: usize = 10_000;
/// Most bytes in one batch as it arrives, after decompression: 16 MiB (design §8).
pub const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest cursor a producer may keep beside its stream, in bytes.
pub const CURSOR_BYTES_MAX: usize = 4_096;

/// Where a source hands in its events.
///
/// Implementations are the server's intake and the client for another host. An error other than
/// [`Code::Unavailable`] says that nothing was written; `Unavailable` and a lost connection leave the outcome open, and
/// sending the same batch again (same ids or `seq`) is safe.
pub trait Append: Send + Sync {
    /// Appends the batch to `log` and answers when the asked ack level is reached.
    fn append(
        &self,
        log: &str,
        batch: Batch,
    ) -> impl Future<Output = Result<Appended, Refusal>> + Send;

    /// What a producer resumes from; `None` where the stream has no event yet.
    fn stream(
        &self,
        log: &str,
        stream: &str,
    ) -> impl Future<Output = Result<Option<StreamHead>, Refusal>> + Send;
}
