//! Who moves a cell: the clock, or a simulation that wants every run to be the same.

use std::time::Duration;

/// What makes a cell act when no producer does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Time: seals after a few idle milliseconds, the keeper's rounds, the unloader's looks.
    #[default]
    ByClock,
    /// Only [`crate::Cell::seal_now`], [`crate::Cell::keep_now`] and [`crate::Cell::unload`]: then one seed makes one
    /// order of calls to the disk, which a simulation can run again.
    ByHand,
}

impl Pace {
    /// How long a thread waits before it looks of itself.
    pub(crate) fn patience(self, by_clock: Duration) -> Duration {
        match self {
            Pace::ByClock => by_clock,
            Pace::ByHand => Duration::MAX,
        }
    }

    /// Whether threads look of themselves.
    pub(crate) fn is_by_clock(self) -> bool {
        self == Pace::ByClock
    }
}
