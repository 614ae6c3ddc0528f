//! The log: numbering, commit, signing and recovery. Here `store`, which knows bytes, and the Merkle tree meet.
//!
//! ```text
//! submit (intake: check, hash)                 many threads
//!   → inbox → commit thread (plan, number, stamp, chain, frame)
//!   → journal thread (compute everything again from the frame, flush: the commit point, advance)
//!   → signer threads (sign each log's checkpoint, answer); a lone append the journal thread signs and answers itself
//! unloader: journal → parts → sealed segments · keeper: disk, guard, each minute's roots
//! ```
//!
//! Nothing is answered, signed or shown before the flush; a process that cannot be sure aborts, and the next start recovers
//! by the same steps that the journal thread takes.

pub mod limits;

mod answer;
mod budget;
mod bundle;
mod cell;
mod create;
mod extra;
mod frame;
mod frame_pool;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod guard;
mod handle;
mod identity;
mod inbox;
mod inner;
mod intake;
mod jobs;
mod journal_thread;
mod keeper;
mod keys;
mod messages;
mod meta;
mod mutants;
mod nonce;
pub mod offline;
mod own;
mod pace;
mod part;
mod plan;
mod poison;
mod read;
mod recover;
mod registry;
mod replay;
mod room;
mod sealed;
mod sealer;
mod sequencer;
mod shared;
mod skeleton;
mod state;
mod stats;
mod stream_keys;
mod sync;
mod tail;
mod time_keeper;
mod unload;
mod unload_log;
mod vault;

pub use cell::{Cell, CellOptions, Health, OpenReport};
pub use frame::SidecarKind;
pub use guard::GuardError;
pub use handle::{LogHandle, LogInfo, ManyProof, Pending};
pub use inner::{Env, NewLog};
pub use intake::{Reduced, ReducedEvent, Writer};
pub use keys::{KeyError, ReadyKeys};
pub use limits::CellLimits;
pub use meta::ENDED_FILE;
pub use mutants::{Mutant, Mutants};
pub use own::{KeyOp, Succession};
pub use pace::Pace;
pub use part::PartError;
pub use poison::OnFatal;
pub use read::ReadError;
pub use recover::OpenError;
pub use sealer::{PlacedValue, SealFault, Sealed, SealedValue, Sealer, ToSeal};
pub use stats::{Histogram, Metrics};
pub use stream_keys::StreamKeyChange;
pub use vault::StoredSidecar;

#[cfg(test)]
mod tests;
