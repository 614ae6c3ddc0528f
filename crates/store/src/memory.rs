//! A journal in memory, for tests of what is built upon the journal.
//!
//! [`MemoryStore`] is what survives: clone it, open a journal on it, drop the journal, open another.
//! Each step can be made to fail, with its effect lost or kept, and a second writer can fence the
//! first, as in an object store.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::FRAME_BODY_BYTES_MAX;
use crate::{Completed, EachBody, Epoch, FrameBuf, Journal, JournalError, Slot};

/// A step of the journal that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryStep {
    /// `submit`: says that the disk is full; nothing is written.
    SubmitFull,
    /// `submit`: an I/O error.
    Submit,
    /// `complete`.
    Complete,
    /// `read`.
    Read,
    /// `fence`.
    Fence,
    /// `release`.
    Release,
}

/// A failure to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryFault {
    /// The step that fails.
    pub step: MemoryStep,
    /// How many calls of the step go well before.
    pub after: u64,
    /// The effect of the failing call is kept although the call reports an error.
    pub persisted: bool,
}

/// The slots, shared by all journals that are opened on it.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// Every slot ever created; `None` is a fence or a released body.
    slots: Vec<Option<Arc<[u8]>>>,
    released: u64,
    epoch: u64,
    faults: Vec<MemoryFault>,
}

/// One writer of a [`MemoryStore`].
pub struct MemoryJournal {
    store: MemoryStore,
    epoch: Epoch,
    next: Slot,
    in_flight: VecDeque<(Slot, FrameBuf)>,
    in_flight_max: usize,
    /// An earlier call failed: the next start must learn by reading what is there.
    failed: Option<Failure>,
}

#[derive(Clone, Copy)]
enum Failure {
    Io,
    Fenced { slot: Slot, epoch: Epoch },
}

impl MemoryStore {
    /// A store without slots.
    pub fn new() -> Self {
        MemoryStore::default()
    }

    /// Opens a journal on what is there. Another journal that is still open on it is not fenced
    /// before this one calls [`Journal::fence`] or creates a slot.
    pub fn open(&self) -> MemoryJournal {
        let shared = self.lock();
        let (epoch, next) = (Epoch(shared.epoch), Slot(shared.slots.len() as u64));
        drop(shared);
        let in_flight = VecDeque::new();
        MemoryJournal {
            store: self.clone(),
            epoch,
            next,
            in_flight,
            in_flight_max: 1,
            failed: None,
        }
    }

    /// Makes a step fail.
    pub fn fail(&self, fault: MemoryFault) {
        self.lock().faults.push(fault);
    }

    /// Forgets every failure still to come.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// Number of slots ever created.
    pub fn slots(&self) -> u64 {
        self.lock().slots.len() as u64
    }

    /// The body of a slot; `None` for a fence, for what was released and for what is not there.
    pub fn body(&self, slot: Slot) -> Option<Arc<[u8]>> {
        self.lock().slots.get(usize::try_from(slot.0).ok()?).cloned().flatten()
    }

    /// Puts another body in a slot, as a bad disk would.
    pub fn corrupt(&self, slot: Slot, body: &[u8]) {
        let mut shared = self.lock();
        if let Some(kept) = usize::try_from(slot.0).ok().and_then(|s| shared.slots.get_mut(s)) {
            *kept = Some(Arc::from(body));
        }
    }

    /// Forgets the slots from `next` on, as a restored backup does.
    pub fn roll_back(&self, next: Slot) {
        self.lock().slots.truncate(usize::try_from(next.0).unwrap_or(usize::MAX));
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryJournal {
    /// Sets how many frames may be in flight.
    #[must_use]
    pub fn with_in_flight_max(mut self, in_flight_max: usize) -> Self {
        assert!(in_flight_max > 0, "a journal takes at least one frame");
        self.in_flight_max = in_flight_max;
        self
    }

    fn check_failed(&self) -> Result<(), JournalError> {
        match self.failed {
            None => Ok(()),
            Some(Failure::Io) => Err(io_error("the journal failed before")),
            Some(Failure::Fenced { slot, epoch }) => Err(JournalError::Fenced { slot, epoch }),
        }
    }

    fn fail_io(&mut self, why: &'static str) -> JournalError {
        self.failed = Some(Failure::Io);
        io_error(why)
    }

    fn fail_fenced(&mut self, slot: Slot, epoch: u64) -> JournalError {
        let epoch = Epoch(epoch);
        self.failed = Some(Failure::Fenced { slot, epoch });
        JournalError::Fenced { slot, epoch }
    }

    /// Creates `slot` unless it exists; the epoch that owns it where it does.
    fn create(&self, slot: Slot, body: Option<&[u8]>, epoch: Epoch) -> Result<(), u64> {
        let mut shared = self.store.lock();
        if shared.slots.len() as u64 != slot.0 || shared.epoch > epoch.0 {
            return Err(shared.epoch);
        }
        shared.slots.push(body.map(Arc::from));
        shared.epoch = epoch.0;
        Ok(())
    }
}

impl Journal for MemoryJournal {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn next_slot(&self) -> Slot {
        self.next
    }

    fn in_flight_max(&self) -> usize {
        self.in_flight_max
    }

    fn submit(&mut self, body: FrameBuf) -> Result<Slot, JournalError> {
        assert!(self.in_flight.len() < self.in_flight_max, "complete a frame before the next");
        self.check_failed()?;
        if body.len() > FRAME_BODY_BYTES_MAX {
            let limit_bytes = FRAME_BODY_BYTES_MAX;
            return Err(JournalError::TooLarge { size_bytes: body.len(), limit_bytes });
        }
        if self.store.lock().take_fault(MemoryStep::SubmitFull).is_some() {
            return Err(JournalError::Full { needed_bytes: body.len() as u64, free_bytes: 0 });
        }
        let slot = self.next;
        let fault = self.store.lock().take_fault(MemoryStep::Submit);
        if let Some(fault) = fault {
            if fault.persisted {
                // The slot may be another's by now: the answer is lost either way.
                self.create(slot, Some(body.body()), self.epoch).unwrap_or(());
            }
            return Err(self.fail_io("submit failed"));
        }
        self.in_flight.push_back((slot, body));
        self.next = Slot(slot.0 + 1);
        Ok(slot)
    }

    fn complete(&mut self) -> Result<Completed, JournalError> {
        self.check_failed()?;
        let (slot, body) = self.in_flight.pop_front().expect("complete follows a submit");
        let fault = self.store.lock().take_fault(MemoryStep::Complete);
        if fault.is_none_or(|f| f.persisted)
            && let Err(epoch) = self.create(slot, Some(body.body()), self.epoch)
        {
            return Err(self.fail_fenced(slot, epoch));
        }
        match fault {
            Some(_) => Err(self.fail_io("complete failed")),
            None => Ok(Completed { slot, body }),
        }
    }

    fn read(&self, from: Slot, each: EachBody<'_>) -> Result<(), JournalError> {
        if self.store.lock().take_fault(MemoryStep::Read).is_some() {
            return Err(io_error("read failed"));
        }
        if from.0 < self.store.lock().released {
            let why = format!("slot {from} was released");
            return Err(JournalError::Corrupt { file: "memory".into(), offset_bytes: 0, why });
        }
        let mut slot = from;
        while slot.0 < self.store.slots() {
            if let Some(body) = self.store.body(slot) {
                each(slot, &body)?;
            }
            slot = Slot(slot.0 + 1);
        }
        Ok(())
    }

    fn fence(&mut self) -> Result<Epoch, JournalError> {
        assert!(self.in_flight.is_empty(), "a fence follows the frames in flight");
        self.check_failed()?;
        let fault = self.store.lock().take_fault(MemoryStep::Fence);
        let epoch = Epoch(self.epoch.0 + 1);
        let slot = self.next;
        if fault.is_none_or(|f| f.persisted)
            && let Err(owner) = self.create(slot, None, epoch)
        {
            return Err(self.fail_fenced(slot, owner));
        }
        if fault.is_some() {
            return Err(self.fail_io("fence failed"));
        }
        self.epoch = epoch;
        self.next = Slot(slot.0 + 1);
        Ok(epoch)
    }

    fn release(&mut self, below: Slot) -> Result<(), JournalError> {
        self.check_failed()?;
        let fault = self.store.lock().take_fault(MemoryStep::Release);
        if fault.is_none_or(|f| f.persisted) {
            self.store.lock().release(below);
        }
        match fault {
            Some(_) => Err(self.fail_io("release failed")),
            None => Ok(()),
        }
    }

    fn retained_bytes(&self) -> u64 {
        let shared = self.store.lock();
        shared.slots.iter().flatten().map(|body| body.len() as u64).sum()
    }
}

impl Shared {
    /// The fault that strikes this call of `step`, if any.
    fn take_fault(&mut self, step: MemoryStep) -> Option<MemoryFault> {
        let at = self.faults.iter().position(|fault| fault.step == step)?;
        if self.faults[at].after > 0 {
            self.faults[at].after -= 1;
            return None;
        }
        Some(self.faults.remove(at))
    }

    fn release(&mut self, below: Slot) {
        self.released = self.released.max(below.0.min(self.slots.len() as u64));
        let released = usize::try_from(self.released).unwrap_or(usize::MAX);
        for body in self.slots.iter_mut().take(released) {
            *body = None;
        }
    }
}

fn io_error(why: &'static str) -> JournalError {
    JournalError::Io(std::io::Error::other(why))
}
