//! The commit thread alone: it never waits for what it holds already.

use crate::OnFatal;
use crate::identity::{Identity, IdentityHasher, IdentityWindow};
use crate::inbox::{Inbox, Work};
use crate::limits::{CellLimits, FRAME_BODY_TARGET_BYTES, IDENTITIES_MAX};
use crate::messages::{SignedSince, ToJournal};
use crate::mutants::Mutants;
use crate::poison::Poison;
use crate::room::Room;
use crate::sequencer::{Sequencer, SequencerParts};
use crate::tests::cell::World;
use crate::time_keeper::TimeKeeper;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::time::Duration;

/// Far beyond what a frame takes: only a thread that hangs comes here.
const HANGS_AFTER: Duration = Duration::from_mins(1);
/// An identity in a frame: tag, key, received hash, index.
const IDENTITY_BYTES: usize = 41;

fn parts(inbox: &Arc<Inbox>, window: IdentityWindow) -> (SequencerParts, Receiver<ToJournal>) {
    let world = World::new(1);
    let (frames, sent) = sync_channel(4);
    let limits = CellLimits { disk_reserve_bytes: 0, ..CellLimits::default() };
    let room = Room::new((world.env().disk, PathBuf::from("/data")), &limits, (0, None));
    let parts = SequencerParts {
        inbox: Arc::clone(inbox),
        pool: Arc::default(),
        frames,
        in_flight_max: 1,
        room: Arc::new(room),
        signed_since: Arc::new(SignedSince::default()),
        window,
        hasher: IdentityHasher::new(&[7; 32]),
        time: TimeKeeper::new(world.env().clock, None, false),
        random: world.env().random,
        mutants: Arc::new(Mutants::starting_with(&[])),
        poison: Poison::new(OnFatal::StopCell),
        seal_after: None,
    };
    (parts, sent)
}

/// A carrying frame is larger than a frame's target, so it waits for the flush before it; that flush may have returned
/// before the commit thread got round to the carrying.
#[test]
fn a_full_frame_sees_the_commit_that_came_with_it() {
    let mut window = IdentityWindow::new(IDENTITIES_MAX);
    for number in 0..(FRAME_BODY_TARGET_BYTES / IDENTITY_BYTES + 1) as u64 {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&number.to_be_bytes());
        window.insert(Identity { key, received: [0; 16], index: number });
    }
    let inbox = Arc::new(Inbox::default());
    let (parts, sent) = parts(&inbox, window);
    let mut sequencer = Sequencer::new(parts, &[]);
    inbox.push(Work::Seal { reply: None });
    sequencer.step().expect("not poisoned");
    assert!(sent.try_recv().is_ok(), "the first frame goes at once");
    let (reply, _carried) = channel();
    inbox.push(Work::Carry { reply });
    inbox.note_commit();
    let step = std::thread::spawn(move || sequencer.step().is_ok());
    let frame = sent.recv_timeout(HANGS_AFTER);
    assert!(frame.is_ok(), "the full frame waits for a commit that it was told of");
    assert!(step.join().expect("no panic"));
}
