//! Whether there is room to write: checked before anything is numbered, so that nothing is ever half-written (design §5).

use append::{Code, Refusal};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What the journal, the unloader and the disk say of the room left.
#[derive(Debug)]
pub(crate) struct Room {
    /// Bytes in the journal that are not unloaded yet.
    retained_bytes: AtomicU64,
    retained_max: u64,
    disk_full: AtomicBool,
}

impl Room {
    pub(crate) fn new(retained_max: u64) -> Self {
        Room { retained_bytes: AtomicU64::new(0), retained_max, disk_full: AtomicBool::new(false) }
    }

    /// Refuses where nothing more can be written now.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.disk_full.load(Ordering::Acquire) {
            let detail = "the disk is full: reads and proofs go on, appends wait for free space; delete something else on the disk or make it larger";
            return Err(Refusal::new(Code::DiskFull, detail).retry_after(30));
        }
        let retained = self.retained_bytes.load(Ordering::Acquire);
        if retained > self.retained_max {
            let detail = format!(
                "{retained} bytes wait in the journal to be unloaded into segments, the limit is {}; send again in a second",
                self.retained_max
            );
            return Err(Refusal::new(Code::Busy, detail).retry_after(1));
        }
        Ok(())
    }

    pub(crate) fn set_retained(&self, retained_bytes: u64) {
        self.retained_bytes.store(retained_bytes, Ordering::Release);
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
