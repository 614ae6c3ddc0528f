//! The sequencer's time: strictly increasing, honest about the clock, and never led astray by one glitch (design §3).

use crate::limits::{CLOCK_START_MAX_NS, CLOCK_STATE_NS, CLOCK_STEP_MAX_NS};
use env::{Clock, ClockState};
use graven_entry::{Clock as ClockWord, Time};
use std::sync::Arc;

/// One reading of the clock, shared by the events of one submission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) wall_ns: u64,
    pub(crate) state: ClockState,
}

/// The clock moved further than any clock should: appends stop until it returns or an operator confirms it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClockFault {
    #[error(
        "the clock jumped forward by {by_s} s against the boot-time clock, more than one day; appends stop until it returns, or start with --confirm-clock if it is right now"
    )]
    Jumped { by_s: u64 },
    #[error(
        "the clock is {by_s} s away from the last entry's time, more than 400 days; set the clock, or start with --confirm-clock if it is right"
    )]
    FarFromLastEntry { by_s: u64 },
}

/// Reads the clock for the whole cell. Owned by the commit thread.
pub(crate) struct TimeKeeper {
    clock: Arc<dyn Clock>,
    /// The last believed pair of readings.
    anchor: Option<(u64, u64)>,
    state: Option<(u64, ClockState)>,
    start_fault: Option<ClockFault>,
}

impl TimeKeeper {
    /// `last_entry_ns` is the newest entry of any log, `confirmed` the operator's word that the clock is right.
    pub(crate) fn new(clock: Arc<dyn Clock>, last_entry_ns: Option<u64>, confirmed: bool) -> Self {
        let now = clock.wall_ns();
        let start_fault = last_entry_ns.filter(|_| !confirmed).and_then(|last| {
            let by_ns = now.abs_diff(last);
            (by_ns > CLOCK_START_MAX_NS)
                .then_some(ClockFault::FarFromLastEntry { by_s: by_ns / 1_000_000_000 })
        });
        TimeKeeper { clock, anchor: None, state: None, start_fault }
    }

    /// Reads the clock once for a submission.
    pub(crate) fn read(&mut self, last_entry_ns: Option<u64>) -> Result<Reading, ClockFault> {
        let (wall_ns, boot_ns) = (self.clock.wall_ns(), self.clock.boot_ns());
        if self.start_fault.is_some() {
            self.recheck_start(wall_ns, last_entry_ns)?;
        }
        if let Some((anchor_wall, anchor_boot)) = self.anchor {
            let expected = anchor_wall.saturating_add(boot_ns.saturating_sub(anchor_boot));
            let ahead = wall_ns.saturating_sub(expected);
            if ahead > CLOCK_STEP_MAX_NS {
                return Err(ClockFault::Jumped { by_s: ahead / 1_000_000_000 });
            }
        }
        self.anchor = Some((wall_ns, boot_ns));
        Ok(Reading { wall_ns, state: self.kernel_state(boot_ns) })
    }

    fn recheck_start(&mut self, wall_ns: u64, last: Option<u64>) -> Result<(), ClockFault> {
        if last.is_none_or(|last| wall_ns.abs_diff(last) <= CLOCK_START_MAX_NS) {
            self.start_fault = None;
        }
        self.start_fault.clone().map_or(Ok(()), Err)
    }

    fn kernel_state(&mut self, boot_ns: u64) -> ClockState {
        match self.state {
            Some((asked_ns, state)) if boot_ns.saturating_sub(asked_ns) < CLOCK_STATE_NS => state,
            _ => {
                let state = self.clock.kernel_state();
                self.state = Some((boot_ns, state));
                state
            }
        }
    }
}

/// What a header says of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) time: Time,
    pub(crate) clock: ClockWord,
    pub(crate) error_ns: Option<u64>,
    pub(crate) wall: Option<Time>,
}

/// One log's place in time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LogTime {
    /// Time of the last entry, 0 before the first.
    pub(crate) last_ns: u64,
    last_wall_ns: u64,
    held: bool,
}

impl LogTime {
    /// Continues after an entry of this time.
    pub(crate) fn after(last_ns: u64) -> Self {
        LogTime { last_ns, last_wall_ns: 0, held: false }
    }

    /// The next entry's stamp.
    ///
    /// Two entries of one reading are a nanosecond apart. A reading behind the last entry after the clock stepped back
    /// is `held` and keeps the real reading in `wall`.
    pub(crate) fn next(&mut self, reading: &Reading) -> Stamp {
        let wall_ns = reading.wall_ns;
        let first_after_start = self.last_wall_ns == 0;
        let ahead = wall_ns > self.last_ns;
        self.held = !ahead && (self.held || first_after_start || wall_ns < self.last_wall_ns);
        self.last_wall_ns = wall_ns;
        self.last_ns = if ahead { wall_ns } else { self.last_ns + 1 };
        let time = Time::from_unix_ns(self.last_ns).unwrap_or(Time::MAX);
        if self.held {
            let wall = Some(Time::from_unix_ns(wall_ns).unwrap_or(Time::MAX));
            return Stamp { time, clock: ClockWord::Held, error_ns: reading.state.error_ns, wall };
        }
        let clock = if reading.state.synced { ClockWord::Synced } else { ClockWord::Unsynced };
        Stamp { time, clock, error_ns: reading.state.error_ns, wall: None }
    }
}
