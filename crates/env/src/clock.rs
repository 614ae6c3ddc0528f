//! Time: the wall clock, the clock since boot, and what the kernel knows of its own error.

use std::sync::Mutex;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds in one second.
const NS_PER_SECOND: u64 = 1_000_000_000;

/// What the kernel says of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockState {
    /// A time service has told the kernel that the clock follows a reference.
    pub synced: bool,
    /// The kernel's bound for the clock's error in nanoseconds; `None` where it gives none.
    pub error_ns: Option<u64>,
}

/// The only door to time.
pub trait Clock: Send + Sync {
    /// Nanoseconds since 1970-01-01T00:00:00Z. It may step, forwards and backwards.
    fn wall_ns(&self) -> u64;
    /// Nanoseconds since boot, time asleep included. It never goes back while the machine runs.
    fn boot_ns(&self) -> u64;
    /// Whether the wall clock is synchronised, and how wrong it may be.
    fn kernel_state(&self) -> ClockState;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall_ns(&self) -> u64 {
        timespec_ns(clock_gettime(ClockId::Realtime))
    }

    fn boot_ns(&self) -> u64 {
        timespec_ns(clock_gettime(ClockId::Boottime))
    }

    fn kernel_state(&self) -> ClockState {
        read_kernel_state()
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct SimClock {
    state: Mutex<SimTime>,
}

#[derive(Debug)]
struct SimTime {
    wall_ns: u64,
    boot_ns: u64,
    tick_ns: u64,
    kernel: ClockState,
}

impl SimClock {
    /// A synchronised clock at `wall_ns`, one second after boot, that moves only when told to.
    pub fn new(wall_ns: u64) -> Self {
        let kernel = ClockState { synced: true, error_ns: Some(1_000_000) };
        let state = SimTime { wall_ns, boot_ns: NS_PER_SECOND, tick_ns: 0, kernel };
        SimClock { state: Mutex::new(state) }
    }

    /// Moves both clocks on by `ns`, as passing time does.
    pub fn advance(&self, ns: u64) {
        let mut state = self.lock();
        state.wall_ns = state.wall_ns.saturating_add(ns);
        state.boot_ns = state.boot_ns.saturating_add(ns);
    }

    /// Moves the wall clock alone, as a time service or an operator does.
    pub fn step_wall(&self, ns: i64) {
        let mut state = self.lock();
        state.wall_ns = state.wall_ns.saturating_add_signed(ns);
    }

    /// Sets the wall clock alone.
    pub fn set_wall_ns(&self, wall_ns: u64) {
        self.lock().wall_ns = wall_ns;
    }

    /// Lets both clocks move on by `ns` after every reading of the wall clock.
    pub fn set_tick_ns(&self, ns: u64) {
        self.lock().tick_ns = ns;
    }

    /// Sets what the kernel is to say.
    pub fn set_kernel_state(&self, kernel: ClockState) {
        self.lock().kernel = kernel;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, SimTime> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for SimClock {
    fn wall_ns(&self) -> u64 {
        let mut state = self.lock();
        let wall_ns = state.wall_ns;
        state.wall_ns = wall_ns.saturating_add(state.tick_ns);
        state.boot_ns = state.boot_ns.saturating_add(state.tick_ns);
        wall_ns
    }

    fn boot_ns(&self) -> u64 {
        self.lock().boot_ns
    }

    fn kernel_state(&self) -> ClockState {
        self.lock().kernel
    }
}

/// A clock before 1970 reads as 1970: the caller's check against the last entry then holds it.
fn timespec_ns(time: rustix::time::Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let ns = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(NS_PER_SECOND).saturating_add(ns)
}

fn read_kernel_state() -> ClockState {
    let Some(timex) = adjtimex_read() else {
        return ClockState { synced: false, error_ns: None };
    };
    let unsynced = timex.status & libc::STA_UNSYNC != 0;
    let error_ns = u64::try_from(timex.maxerror).ok().and_then(|us| us.checked_mul(1000));
    ClockState { synced: !unsynced, error_ns }
}

/// Asks the kernel without changing anything (`modes` is 0); `None` where it refuses.
fn adjtimex_read() -> Option<libc::timex> {
    let mut timex = std::mem::MaybeUninit::<libc::timex>::zeroed();
    #[expect(unsafe_code, reason = "no safe wrapper of adjtimex exists in our dependencies")]
    // SAFETY: the pointer is to a zeroed timex, whose every field is an integer; modes 0 reads only.
    let result = unsafe { libc::adjtimex(timex.as_mut_ptr()) };
    #[expect(unsafe_code, reason = "no safe wrapper of adjtimex exists in our dependencies")]
    // SAFETY: zeroed is a valid timex, and the call above filled it or left it as it was.
    let timex = unsafe { timex.assume_init() };
    (result != -1).then_some(timex)
}
