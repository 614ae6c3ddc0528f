//! What the server counts of itself.

use std::sync::atomic::{AtomicU64, Ordering};

use append::Code;

/// Hundreds of HTTP statuses, 1xx to 5xx.
const STATUS_CLASSES: usize = 5;
/// The codes of refusals.
const CODES: usize = Code::ALL.len();

/// Counters that only ever grow.
pub(crate) struct Counters {
    /// By the route's name; the last is for what is none.
    pub(super) requests: Vec<(&'static str, [AtomicU64; STATUS_CLASSES])>,
    pub(super) refusals: [AtomicU64; CODES],
    pub(super) connections_accepted: AtomicU64,
    pub(super) connections_refused: AtomicU64,
    pub(super) tails_dropped: AtomicU64,
    pub(super) telemetry_failed: AtomicU64,
}

impl Counters {
    /// Nothing counted yet, of these routes.
    pub(crate) fn new(routes: impl Iterator<Item = &'static str>) -> Self {
        let none = || std::array::from_fn(|_| AtomicU64::new(0));
        Counters {
            requests: routes.chain(["none"]).map(|name| (name, none())).collect(),
            refusals: std::array::from_fn(|_| AtomicU64::new(0)),
            connections_accepted: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
            tails_dropped: AtomicU64::new(0),
            telemetry_failed: AtomicU64::new(0),
        }
    }

    /// Counts one answered request under its route's name.
    pub(crate) fn request(&self, route: &str, status: u16, refused: Option<Code>) {
        let counters = self.requests.iter().find(|(name, _)| *name == route);
        let class = usize::from(status / 100).saturating_sub(1);
        let counter = counters.or(self.requests.last()).and_then(|(_, all)| all.get(class));
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let place = refused.and_then(|code| Code::ALL.iter().position(|other| *other == code));
        if let Some(counter) = place.and_then(|place| self.refusals.get(place)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn connection_accepted(&self) {
        self.connections_accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn tail_dropped(&self) {
        self.tails_dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn telemetry_failed(&self) {
        self.telemetry_failed.fetch_add(1, Ordering::Relaxed);
    }
}
