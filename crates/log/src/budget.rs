//! How much may wait: bounds in events and bytes for the cell, each log and each writer.

use append::{Code, Refusal};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One bounded account.
#[derive(Debug)]
pub(crate) struct Budget {
    what: &'static str,
    events: AtomicUsize,
    bytes: AtomicUsize,
    events_max: usize,
    bytes_max: usize,
}

impl Budget {
    pub(crate) fn new(what: &'static str, events_max: usize, bytes_max: usize) -> Arc<Self> {
        let (events, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Budget { what, events, bytes, events_max, bytes_max })
    }

    /// Events and bytes that wait now.
    pub(crate) fn used(&self) -> (usize, usize) {
        (self.events.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// Takes room, or says which bound is reached. An empty account takes any one request, so that a request as large
    /// as the limits allow is never starved.
    fn take(&self, events: usize, bytes: usize) -> Result<(), Refusal> {
        let events_before = self.events.fetch_add(events, Ordering::AcqRel);
        let bytes_before = self.bytes.fetch_add(bytes, Ordering::AcqRel);
        let over_events = events_before + events > self.events_max;
        let over_bytes = bytes_before + bytes > self.bytes_max;
        if events_before == 0 || !(over_events || over_bytes) {
            return Ok(());
        }
        self.give_back(events, bytes);
        let (unit, waiting, max) = if over_events {
            ("events", events_before, self.events_max)
        } else {
            ("bytes", bytes_before, self.bytes_max)
        };
        let detail = format!(
            "{waiting} {unit} already wait for {}, the limit is {max}; send again after a second",
            self.what
        );
        Err(Refusal::new(Code::Busy, detail).retry_after(1))
    }

    fn give_back(&self, events: usize, bytes: usize) {
        self.events.fetch_sub(events, Ordering::AcqRel);
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
    }
}

/// Accounts that a submission has to find room in: the cell's, its log's, its writer's.
const ACCOUNTS: usize = 3;

/// Room taken in several accounts; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    /// Those in which there was room; all of them, unless taking broke off.
    accounts: [Option<Arc<Budget>>; ACCOUNTS],
    events: usize,
    bytes: usize,
}

impl Reservation {
    /// Takes the same room in every account or in none.
    pub(crate) fn take(
        accounts: [&Arc<Budget>; ACCOUNTS],
        events: usize,
        bytes: usize,
    ) -> Result<Reservation, Refusal> {
        let mut taken = Reservation { accounts: Default::default(), events, bytes };
        for (place, account) in taken.accounts.iter_mut().zip(accounts) {
            account.take(events, bytes)?;
            *place = Some(Arc::clone(account));
        }
        Ok(taken)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for account in self.accounts.iter().flatten() {
            account.give_back(self.events, self.bytes);
        }
    }
}

/// The accounts of writers that have something waiting.
#[derive(Debug)]
pub(crate) struct WriterBudgets {
    by_writer: Mutex<BTreeMap<String, Arc<Budget>>>,
    events_max: usize,
    bytes_max: usize,
}

/// Idle writers' accounts are dropped when there are more than this.
const WRITERS_KEPT: usize = 4_096;

impl WriterBudgets {
    pub(crate) fn new(events_max: usize, bytes_max: usize) -> Self {
        WriterBudgets { by_writer: Mutex::default(), events_max, bytes_max }
    }

    /// The account of a writer.
    pub(crate) fn of(&self, writer: &str) -> Arc<Budget> {
        let mut by_writer = self.by_writer.lock().unwrap_or_else(PoisonError::into_inner);
        if by_writer.len() > WRITERS_KEPT {
            by_writer.retain(|_, budget| Arc::strong_count(budget) > 1);
        }
        if let Some(budget) = by_writer.get(writer) {
            return Arc::clone(budget);
        }
        let budget = Budget::new("this writer", self.events_max, self.bytes_max);
        by_writer.insert(writer.to_owned(), Arc::clone(&budget));
        budget
    }
}
