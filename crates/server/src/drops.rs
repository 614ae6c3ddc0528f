//! What audit policies left out, counted: for the metrics at once, and for `system` at most once a minute.
//!
//! The first after a pause is told at once. A crash loses the count of what was left out since the last entry, at most a minute's.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use append::Dropped;
use log::Cell;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::limits::{DROPS_EVERY, DROPS_KINDS_MAX};

/// The rule under which is counted what finds no room of its own.
const OTHERS: &str = "others";

/// Counts of events that policies did not take.
pub(crate) struct Drops {
    cell: Cell,
    counts: Mutex<Counts>,
    arrived: Notify,
}

#[derive(Default)]
struct Counts {
    /// By log, version and rule, since the last entry.
    waiting: BTreeMap<(String, u64), BTreeMap<String, u64>>,
    /// By log, since the start.
    totals: BTreeMap<String, u64>,
}

impl Drops {
    pub(crate) fn new(cell: Cell) -> Drops {
        Drops { cell, counts: Mutex::default(), arrived: Notify::new() }
    }

    /// Takes in the events that a version of a log's policy left out of one batch.
    pub(crate) fn add(&self, log: &str, version: u64, dropped: &[Dropped]) {
        if dropped.is_empty() {
            return;
        }
        let mut counts = self.lock();
        *counts.totals.entry(log.to_owned()).or_default() += dropped.len() as u64;
        let kinds: usize = counts.waiting.values().map(BTreeMap::len).sum();
        let rules = counts.waiting.entry((log.to_owned(), version)).or_default();
        for one in dropped {
            let is_new = !rules.contains_key(&one.rule);
            let rule = if is_new && kinds >= DROPS_KINDS_MAX { OTHERS } else { &one.rule };
            *rules.entry(rule.to_owned()).or_default() += 1;
        }
        drop(counts);
        self.arrived.notify_one();
    }

    /// Events left out since the start, by log.
    pub(crate) fn totals(&self) -> BTreeMap<String, u64> {
        self.lock().totals.clone()
    }

    /// Writes what comes, until the server stops; then once more by [`Drops::write`].
    pub(crate) async fn run(&self, mut stopping: watch::Receiver<bool>) {
        while !*stopping.borrow() {
            tokio::select! {
                () = self.arrived.notified() => {}
                _ = stopping.wait_for(|stops| *stops) => return,
            }
            self.write().await;
            let stops = stopping.wait_for(|stops| *stops);
            if timeout(DROPS_EVERY, stops).await.is_ok() {
                return;
            }
        }
    }

    /// Writes what waits. What the log does not take goes on waiting.
    pub(crate) async fn write(&self) {
        let waiting = std::mem::take(&mut self.lock().waiting);
        if waiting.is_empty() {
            return;
        }
        let events = waiting.iter().map(|((log, version), rules)| event(log, *version, rules));
        let written = match self.cell.record(events.collect()) {
            Ok(pending) => pending.await.map(drop),
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = written {
            tracing::error!(%refusal, "what audit policies left out cannot be recorded");
            let mut counts = self.lock();
            for (kind, rules) in waiting {
                let again = counts.waiting.entry(kind).or_default();
                for (rule, events) in rules {
                    *again.entry(rule).or_default() += events;
                }
            }
            drop(counts);
            self.arrived.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn event(log: &str, version: u64, rules: &BTreeMap<String, u64>) -> Vec<u8> {
    let events: u64 = rules.values().sum();
    let rules: Vec<Value> =
        rules.iter().map(|(rule, events)| json!({"rule": rule, "events": events})).collect();
    let event = json!({
        "actor": {"id": "graven"},
        "action": "graven.drop",
        "target": {"type": "log", "id": log},
        "outcome": "success",
        "data": {"version": version, "events": events, "rules": rules},
    });
    event.to_string().into_bytes()
}
