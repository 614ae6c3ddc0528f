//! The outside world: clock, disk and randomness, real and simulated.
//!
//! No other crate of the project asks the kernel for the time, for random bytes or for a file of
//! the store. Each is reached through a trait that has a real form and a simulated one, so that a
//! whole log can be run, crashed and run again from one seed.

mod clock;
mod disk;
mod random;
mod real_disk;
mod sim_disk;

pub use clock::{Clock, ClockState, SimClock, SystemClock};
pub use disk::{
    DirEntry, DirectOpen, Disk, DiskError, DiskFile, FilesystemKind, OpenMode, is_out_of_space,
};
pub use random::{Random, SimRandom, SystemRandom};
pub use real_disk::RealDisk;
pub use sim_disk::{Fault, FaultKind, On, SimDisk, SimSnapshot};

/// Smallest unit that a device writes or loses as a whole, and the alignment of direct I/O that
/// every device of today accepts.
pub const BLOCK_BYTES: usize = 4096;

#[cfg(test)]
mod tests;
