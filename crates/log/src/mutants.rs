//! Faults that a test can switch on, to show that the checks against them work.
//!
//! Each is a way in which this log could be wrong. In a build without tests nothing can switch them on; in a test build a named
//! test must fail while one is on. They stand at the seams only: before the flush, before the signature, in recovery.

use std::sync::atomic::{AtomicU32, Ordering};

/// A deliberate fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Mutant {
    /// Producers are answered before the frame is permanent.
    AckBeforeFlush = 1,
    /// The checkpoint is signed before the frame is permanent.
    SignBeforeCommit = 2,
    /// The events in the frame are not compared with their intake hashes.
    SkipRehash = 4,
    /// The start does not ask the independent guard.
    GuardIgnored = 8,
    /// Sidecars are left out of the frame.
    SidecarLost = 16,
    /// A bit of the frame's buffer flips after intake: the fault that the re-hash is for.
    FlipBeforeFlush = 32,
    /// A bit of the frame's buffer flips between flush and signature.
    FlipBeforeSign = 64,
    /// Recovery cuts the journal off at the first bad frame, whatever stands behind it.
    TruncateBadFrames = 128,
}

/// The switches of one cell.
#[derive(Debug, Default)]
pub struct Mutants(AtomicU32);

impl Mutants {
    /// The switches of a cell whose start must have them on already.
    pub(crate) fn starting_with(mutants: &[Mutant]) -> Self {
        let switches = Mutants::default();
        for mutant in mutants {
            switches.switch_on(*mutant);
        }
        switches
    }

    /// Switches a fault on. Without effect outside of test builds.
    pub fn switch_on(&self, mutant: Mutant) {
        self.0.fetch_or(mutant as u32, Ordering::SeqCst);
    }

    /// Whether the fault is on; always false outside of test builds.
    pub(crate) fn is_on(&self, mutant: Mutant) -> bool {
        cfg!(any(test, feature = "mutants")) && self.0.load(Ordering::Relaxed) & mutant as u32 != 0
    }
}
