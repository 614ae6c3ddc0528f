//! Whether there is room to write: checked before anything is numbered, so that nothing is ever half-written (design §5).

use crate::limits::CellLimits;
use crate::poison::Poison;
use append::{Code, Refusal};
use env::Disk;
use graven_entry::with_causes;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use store::{JournalError, SpareMaker};

/// What the journal, the unloader and the disk say of the room left.
pub(crate) struct Room {
    /// Bytes of frames that the journal takes without new space.
    ready_bytes: AtomicU64,
    /// Bytes in the journal that are not unloaded yet.
    retained_bytes: AtomicU64,
    retained_max: u64,
    disk_full: AtomicBool,
    is_own_room_spent: AtomicBool,
    disk: Arc<dyn Disk>,
    data: PathBuf,
    /// Free bytes that are left to the log's own entries and to a copy-forward.
    reserve_bytes: u64,
    /// Bytes of the journal that the server's records of access leave to the log's own entries; appends leave twice as much.
    own_room_bytes: u64,
    spares: Option<SpareMaker>,
}

impl Room {
    pub(crate) fn new(
        (disk, data): (Arc<dyn Disk>, PathBuf),
        limits: &CellLimits,
        (ready_bytes, spares): (u64, Option<SpareMaker>),
    ) -> Self {
        Room {
            ready_bytes: AtomicU64::new(ready_bytes),
            retained_bytes: AtomicU64::new(0),
            retained_max: limits.journal_max_bytes,
            disk_full: AtomicBool::new(false),
            is_own_room_spent: AtomicBool::new(false),
            disk,
            data,
            reserve_bytes: limits.disk_reserve_bytes,
            own_room_bytes: limits.own_room_bytes,
            spares,
        }
    }

    /// Refuses where nothing more can be written now.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.is_disk_full() {
            return Err(disk_full());
        }
        let retained = self.retained_bytes();
        if retained > self.retained_max {
            let detail = format!(
                "{retained} bytes wait in the journal to be unloaded into segments, the limit is {}; send again in a second",
                self.retained_max
            );
            return Err(Refusal::new(Code::Busy, detail).retry_after(1));
        }
        Ok(())
    }

    /// Refuses where a full disk's reserve is spent, so that the server's records of access would find no room.
    pub(crate) fn check_own(&self) -> Result<(), Refusal> {
        let is_spent = self.is_own_room_spent.load(Ordering::Acquire);
        if is_spent && self.is_disk_full() { Err(reserve_spent()) } else { Ok(()) }
    }

    /// Told by the keeper after each look at the disk, when it has made room of the reserve if it could: until then what is
    /// left of the journal's file has to do, and reads go on.
    pub(crate) fn look_at_own_room(&self) {
        // A spare that was being made when the journal thread last asked is not in what it told.
        let spare_bytes = self.spares.as_ref().map_or(0, SpareMaker::ready_bytes);
        let ready_bytes = self.ready_bytes.load(Ordering::Acquire).max(spare_bytes);
        let is_spent = ready_bytes < self.own_room_bytes;
        self.is_own_room_spent.store(is_spent, Ordering::Release);
    }

    /// Refuses where frames of `needed_bytes`, those on their way included, might not find room and leave some to the
    /// log's own entries, which come unasked: until the keeper has given up the reserve, this is what they have. Called by
    /// the commit thread alone, before it numbers.
    pub(crate) fn check_frames(&self, needed_bytes: u64, poison: &Poison) -> Result<(), Refusal> {
        // Once for the server's records of access, once for the others.
        let left_bytes = self.own_room_bytes.saturating_mul(2);
        self.check_fits(needed_bytes.saturating_add(left_bytes), poison)
    }

    /// The same, of frames that may take all that is left. Makes the next journal file where the keeper has not got round
    /// to it; a failure to make it that is not about space is fatal.
    pub(crate) fn check_fits(&self, needed_bytes: u64, poison: &Poison) -> Result<(), Refusal> {
        if needed_bytes <= self.ready_bytes.load(Ordering::Acquire) {
            return Ok(());
        }
        let Some(spares) = &self.spares else { return Ok(()) };
        let is_made = match spares.prepare_spare() {
            Ok(()) => true,
            Err(JournalError::Full { .. }) => false,
            Err(error) => {
                let why = format!("making room ahead failed: {}", with_causes(&error));
                return Err(Refusal::new(Code::Unavailable, poison.fatal(why).0));
            }
        };
        let ready = self.ready_bytes.fetch_max(spares.ready_bytes(), Ordering::AcqRel);
        if is_made && needed_bytes <= ready.max(spares.ready_bytes()) {
            return Ok(());
        }
        // A frame that is larger than a file gets a file of its own size.
        let free = self.disk.free_bytes(&self.data).unwrap_or(0);
        let wanted = needed_bytes.saturating_mul(2).saturating_add(self.reserve_bytes);
        if is_made && free > wanted {
            return Ok(());
        }
        self.set_disk_full(true);
        Err(disk_full())
    }

    /// Told by the journal thread after each commit.
    pub(crate) fn set_journal(&self, ready_bytes: u64, retained_bytes: u64) {
        self.ready_bytes.store(ready_bytes, Ordering::Release);
        self.retained_bytes.store(retained_bytes, Ordering::Release);
    }

    /// Told by the keeper when it has made a journal file.
    pub(crate) fn has_ready(&self, ready_bytes: u64) {
        self.ready_bytes.fetch_max(ready_bytes, Ordering::AcqRel);
    }

    pub(crate) fn set_disk_full(&self, full: bool) {
        if self.disk_full.swap(full, Ordering::AcqRel) != full {
            tracing::warn!(full, "disk space for appends");
        }
    }

    pub(crate) fn is_disk_full(&self) -> bool {
        self.disk_full.load(Ordering::Acquire)
    }

    pub(crate) fn retained_bytes(&self) -> u64 {
        self.retained_bytes.load(Ordering::Acquire)
    }
}

fn disk_full() -> Refusal {
    let detail = "the disk is full: reads and proofs go on, appends wait for free space; delete something else on the disk or make it larger";
    Refusal::new(Code::DiskFull, detail).retry_after(30)
}

fn reserve_spent() -> Refusal {
    let detail = "the disk is full and the reserve for records of access is spent: nothing is shown that could not be recorded; delete something else on the disk or make it larger";
    Refusal::new(Code::DiskFull, detail).retry_after(30)
}
