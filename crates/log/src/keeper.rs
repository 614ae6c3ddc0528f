//! The keeper thread: what has to happen by the clock. Disk space, the spare journal file, signatures that no producer
//! waits for, the guard, and each minute's roots.

use crate::answer::{AnswerParts, note_signed};
use crate::guard::{Guard, GuardHeads};
use crate::inbox::{Inbox, Work};
use crate::limits::{ROOTS_PER_ENTRY, SPARE_OF_RESERVE_BYTES};
use crate::own;
use crate::pace::Pace;
use crate::poison::{PanicGuard, Poison};
use crate::registry::Registry;
use crate::room::Room;
use crate::shared::LogShared;
use crate::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use env::{Clock, Disk};
use graven_entry::with_causes;
use graven_merkle::{Hash, TreeSize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::{JournalError, Reserve, SpareMaker};

/// How often the keeper looks; the guard is at most this old, plus its own flush.
const TICK: Duration = Duration::from_millis(500);

/// What the keeper works with.
pub(crate) struct Keeper {
    pub(crate) registry: Arc<Registry>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) data: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) room: Arc<Room>,
    pub(crate) spares: Option<SpareMaker>,
    pub(crate) reserve: Option<Reserve>,
    pub(crate) guard: Option<Guard>,
    pub(crate) reserve_bytes: u64,
    pub(crate) roots_every_s: u64,
    pub(crate) system: Arc<LogShared>,
    pub(crate) answers: AnswerParts,
    pub(crate) poison: Poison,
    /// Asks for a round now and waits for its end; closed when the cell stops.
    pub(crate) asks: Receiver<Sender<()>>,
    pub(crate) pace: Pace,
    /// Sizes told in `system` so far, by origin.
    pub(crate) told: BTreeMap<String, TreeSize>,
}

impl Keeper {
    /// Runs until the cell stops or is poisoned.
    pub(crate) fn run(mut self) {
        let _guard = PanicGuard(self.poison.clone(), "keeper");
        let mut next_roots_ns = self.clock.boot_ns() + self.roots_every_ns();
        loop {
            let asked = match self.asks.recv_timeout(self.pace.patience(TICK)) {
                Ok(done) => Some(done),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if self.poison.check().is_err() {
                return;
            }
            self.round(&mut next_roots_ns);
            if let Some(done) = asked {
                // Whoever asked may have gone away.
                done.send(()).unwrap_or(());
            }
        }
        self.sign_what_nobody_asked_for();
        self.update_guard();
    }

    fn round(&mut self, next_roots_ns: &mut u64) {
        self.look_at_disk();
        self.sign_what_nobody_asked_for();
        self.update_guard();
        if self.clock.boot_ns() >= *next_roots_ns {
            *next_roots_ns = self.clock.boot_ns() + self.roots_every_ns();
            self.tell_roots();
        }
    }

    /// Signs the heads of logs whose last entries no producer waits for, such as the log's own: an entry that no
    /// signature covers could be rewritten by whoever has the disk.
    fn sign_what_nobody_asked_for(&mut self) {
        let mut signed_any = false;
        for log in self.registry.all() {
            let head = log.head();
            let behind = log.signer().last.as_ref().is_none_or(|last| last.head.size < head.size);
            if !behind || head.size.0 == 0 || log.ended().is_some() {
                continue;
            }
            // A fatal fault has poisoned the cell, which the loop sees.
            if let Ok(signed) = log.sign(head, &self.poison) {
                note_signed(&self.answers, &log, &signed);
                signed_any = true;
            }
        }
        if signed_any {
            self.seal();
        }
    }

    /// By hand it waits for the frame, so that the guard's calls to the disk come after the journal's.
    fn seal(&self) {
        if self.pace.is_by_clock() {
            self.inbox.push(Work::Seal { reply: None });
            return;
        }
        let (reply, sealed) = channel();
        self.inbox.push(Work::Seal { reply: Some(reply) });
        // A cell that has stopped drops the reply: there is nothing to wait for.
        sealed.recv().map(drop).unwrap_or(());
    }

    fn roots_every_ns(&self) -> u64 {
        self.roots_every_s.max(1) * 1_000_000_000
    }

    /// Appends stop while the disk has less free than the reserve, and go on when it has more again.
    fn look_at_disk(&mut self) {
        let free = self.disk.free_bytes(&self.data).unwrap_or(u64::MAX);
        let full = match self.prepare_spare() {
            Ok(is_prepared) => !is_prepared || free < self.reserve_bytes,
            Err(what) => {
                drop(self.poison.fatal(what));
                return;
            }
        };
        self.room.set_disk_full(full);
        self.room.look_at_own_room();
    }

    /// Makes the next journal file ahead. On a full disk the reserve is given up for a small one, so that `system` goes on
    /// and a start can copy forward; it is taken again as soon as there is room.
    fn prepare_spare(&mut self) -> Result<bool, String> {
        let Some(spares) = &self.spares else { return Ok(true) };
        let failed = |error: &dyn std::error::Error| {
            format!("making room ahead failed: {}", with_causes(error))
        };
        for least_bytes in [0, SPARE_OF_RESERVE_BYTES] {
            match spares.prepare_spare_of(least_bytes) {
                Ok(()) if least_bytes > 0 => {
                    // No append may use it, so nothing takes it between the two calls.
                    self.room.has_ready(spares.ready_bytes());
                    return Ok(false);
                }
                Ok(()) => {
                    let refill = self.reserve.as_mut().map_or(Ok(true), Reserve::refill);
                    return refill.map_err(|error| failed(&error));
                }
                Err(JournalError::Full { .. }) => {
                    let given = self.reserve.as_mut().map_or(Ok(false), Reserve::give_up);
                    if !given.map_err(|error| failed(&error))? {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(failed(&error)),
            }
        }
        Ok(false)
    }

    fn update_guard(&mut self) {
        let Some(guard) = &mut self.guard else { return };
        let mut heads = GuardHeads::new();
        for log in self.registry.all() {
            if let Some(last) = &log.signer().last {
                heads.insert(log.origin.to_string(), (last.head.size, last.head.root));
            }
        }
        if let Err(error) = guard.update(&heads) {
            drop(
                self.poison.fatal(format!("the guard cannot be updated: {}", with_causes(&error))),
            );
        }
    }

    /// Writes size and root of every log that changed into `system`, so that no log can vanish or shrink unnoticed.
    fn tell_roots(&mut self) {
        let mut changed: Vec<(String, TreeSize, Hash)> = Vec::new();
        for log in self.registry.all() {
            let head = log.head();
            let is_system = Arc::ptr_eq(&log, &self.system);
            if !is_system && self.told.get(log.origin.as_str()) != Some(&head.size) {
                self.told.insert(log.origin.to_string(), head.size);
                changed.push((log.origin.to_string(), head.size, head.root));
            }
        }
        let events: Vec<Vec<u8>> = changed.chunks(ROOTS_PER_ENTRY).map(own::roots).collect();
        if !events.is_empty() {
            let log = Arc::clone(&self.system);
            self.inbox.push(Work::Own { log, events, reply: None });
        }
    }
}
