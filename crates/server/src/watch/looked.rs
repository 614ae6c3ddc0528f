//! What a watcher's look gives.

use tokio::time::Instant;

use super::judge::Draft;

/// What a look gives.
pub(super) enum Looked {
    /// There is more to look at.
    More,
    /// It fires; the first index that this has not taken in.
    Fires(Draft, u64),
    /// Nothing, until then or until the log has more than so many entries.
    Nothing(Option<Instant>, Option<u64>),
    /// It cannot look, and why.
    Stands(String),
}
