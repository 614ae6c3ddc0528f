//! The large log that several rows share: filled once by a real server over HTTP.

use std::path::PathBuf;

use super::load::Loaded;

/// A data directory whose log `main` was filled, and what filling it showed.
pub(super) struct Large {
    /// The data directory; no server has it open.
    pub(super) data: PathBuf,
    /// Events appended.
    pub(super) events: u64,
    /// How that went.
    pub(super) loaded: Loaded,
    /// The most memory that the server held, in bytes.
    pub(super) memory_bytes_max: f64,
}
