//! What the threads of a cell tell each other, beside the commit thread's inbox.

use crate::frame::FooterCheckpoint;
use crate::inbox::Reply;
use crate::sealed::SealedFrame;
use crate::sync::mpsc::Sender;
use append::{Appended, Refusal};
use std::collections::BTreeMap;
use std::sync::Mutex;
use store::Slot;

/// Checkpoints signed since the last frame, the newest of each log.
pub(crate) type SignedSince = Mutex<BTreeMap<String, FooterCheckpoint>>;

/// A message to the journal thread. At most `in_flight_max` frames and one errand are on their way.
pub(crate) enum ToJournal {
    /// Make this permanent.
    Frame(SealedFrame),
    /// Do this between two frames.
    Errand(Errand),
}

/// What the unloader asks of the journal thread.
pub(crate) enum Errand {
    /// Frames below the slot have been unloaded.
    Release { below: Slot },
}

/// What the unloader is asked.
pub(crate) enum Ask {
    /// A frame was committed.
    Look,
    /// Unload everything now, and say when it is done.
    UnloadAll(Sender<Result<(), String>>),
    /// End.
    Stop,
}

/// Sends an answer; a producer that went away does not wait for it.
pub(crate) fn answer(reply: Reply, result: Result<Appended, Refusal>) {
    drop(reply.send(result));
}
