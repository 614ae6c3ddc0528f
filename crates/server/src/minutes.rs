//! Counts of which `system` is told at most once a minute: of what was left out, and of what was let pass.
//!
//! The first after a pause is told at once. A crash loses what was counted since the last entries, at most a minute's.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use log::Cell;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::limits::{COUNTS_EVERY, COUNTS_KINDS_MAX};

/// How often something happened since the last entry, by what the entry is about and then by its rows.
pub(crate) type Waiting<K, R> = BTreeMap<K, BTreeMap<R, u64>>;

/// Counts on their way to `system`.
pub(crate) struct Minutes<K, R> {
    waiting: Mutex<Waiting<K, R>>,
    arrived: Notify,
    form: Form<K, R>,
}

/// How counts are told.
pub(crate) struct Form<K, R> {
    /// What is counted.
    pub(crate) what: &'static str,
    /// Rows of one entry.
    pub(crate) rows_max: usize,
    /// The row under which is counted what finds no room of its own.
    pub(crate) others: R,
    pub(crate) event: fn(&K, &BTreeMap<R, u64>) -> Vec<u8>,
}

impl<K: Ord, R: Ord + Clone> Minutes<K, R> {
    pub(crate) fn new(form: Form<K, R>) -> Minutes<K, R> {
        Minutes { waiting: Mutex::default(), arrived: Notify::new(), form }
    }

    /// Counts each of these rows once more.
    pub(crate) fn add(&self, key: K, rows: impl Iterator<Item = R>) {
        let mut waiting = self.lock();
        let others: usize = waiting.values().map(BTreeMap::len).sum();
        let counts = waiting.entry(key).or_default();
        let others = others - counts.len();
        for row in rows {
            let room = self.form.rows_max.min(COUNTS_KINDS_MAX.saturating_sub(others));
            let is_told = counts.len() < room || counts.contains_key(&row);
            let row = if is_told { row } else { self.form.others.clone() };
            *counts.entry(row).or_default() += 1;
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Writes what comes, until the server stops; then once more by [`Minutes::write`].
    pub(crate) async fn run(&self, cell: &Cell, mut stopping: watch::Receiver<bool>) {
        while !*stopping.borrow() {
            tokio::select! {
                () = self.arrived.notified() => {}
                _ = stopping.wait_for(|stops| *stops) => return,
            }
            self.write(cell).await;
            let stops = stopping.wait_for(|stops| *stops);
            if timeout(COUNTS_EVERY, stops).await.is_ok() {
                return;
            }
        }
    }

    /// Writes what waits. What the log does not take goes on waiting.
    pub(crate) async fn write(&self, cell: &Cell) {
        let waiting = std::mem::take(&mut *self.lock());
        if waiting.is_empty() {
            return;
        }
        let events = waiting.iter().map(|(key, rows)| (self.form.event)(key, rows));
        let written = match cell.record(events.collect()) {
            Ok(pending) => pending.await.map(drop),
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = written {
            tracing::error!(%refusal, what = self.form.what, "counts cannot be recorded");
            let mut again = self.lock();
            for (key, rows) in waiting {
                let counts = again.entry(key).or_default();
                for (row, count) in rows {
                    *counts.entry(row).or_default() += count;
                }
            }
            drop(again);
            self.arrived.notify_one();
        }
    }

    #[cfg(test)]
    pub(crate) fn waiting(&self) -> Waiting<K, R>
    where
        K: Clone,
    {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<K, R>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
