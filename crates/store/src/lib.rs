//! Durable bytes: journal, segments and their reading. Knows nothing of Merkle trees.
//!
//! Two layers. The **journal** makes things permanent in one flush for every log at once; its frames
//! are then **unloaded** into per-log segments, and its space is used again. `log` decides what goes
//! where and what it proves; this crate keeps bytes and says when it cannot.
//!
//! The order of operations, and what a crash at each step means:
//!
//! 1. **Lock** the data directory ([`DirectoryLock`]), check its format, open the journal. Opening
//!    copies the last journal file forward, since the page cache may show what the device never
//!    got. A crash here leaves original and copy; the next open does it again.
//! 2. **Submit** a frame and **complete** it. A crash before `complete` returns leaves the frame whole
//!    (nobody was told, the next start finds it), torn (left out) or absent. A crash after leaves it
//!    whole. An error leaves that open: the process ends, and the next start finds out by reading.
//! 3. **Unload**: `write_part` for each log, then `write_state`. Nothing leaves the journal yet, so a
//!    crash leaves at most a part too many, which is written again with the same bytes.
//! 4. **Release** the journal below what the states cover. Every part was read back from the device
//!    before, so from here on the segments alone hold those entries. A crash leaves a file
//!    too many, which the next start reads again.
//!
//! After any failed write or flush the caller aborts: `Io` errors are fatal, `Full` and `TooLarge`
//! wrote nothing, `Corrupt` halts and names the place. Nothing here retries a flush (Rebello et
//! al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).

mod directory;
mod error;
mod frame_buf;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod journal;
pub mod limits;
mod local;
pub mod memory;
mod object_name;
mod reserve;
pub mod segments;
mod vault;

pub use directory::{DirectoryLock, check_filesystem, ensure_format, read_format};
pub use error::{JournalError, StoreError};
pub use frame_buf::FrameBuf;
pub use journal::{Completed, EachBody, Epoch, Frame, FrameHash, Journal, Slot};
pub use local::{
    DurableWrite, JournalCheck, LocalJournal, LocalJournalOptions, Recovered, SpareMaker, TornTail,
    check_journal,
};
pub use reserve::Reserve;
pub use vault::VaultStore;

#[cfg(test)]
mod contract_tests;
#[cfg(test)]
mod frame_buf_tests;
