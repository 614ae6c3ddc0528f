//! What audit policies left out, counted: for the metrics at once, and for `system` at most once a minute.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use append::Dropped;
use log::Cell;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::limits::COUNTS_KINDS_MAX;
use crate::minutes::{Form, Minutes};

/// The rule under which is counted what finds no room of its own.
const OTHERS: &str = "others";

/// Counts of events that policies did not take.
pub(crate) struct Drops {
    /// Rules, by log and version.
    minutes: Minutes<(String, u64), String>,
    /// By log, since the start.
    totals: Mutex<BTreeMap<String, u64>>,
}

impl Drops {
    pub(crate) fn new() -> Drops {
        let (what, rows_max, others) = ("drops", COUNTS_KINDS_MAX, OTHERS.to_owned());
        let form = Form { what, rows_max, others, event };
        Drops { minutes: Minutes::new(form), totals: Mutex::default() }
    }

    /// Takes in the events that a version of a log's policy left out of one batch.
    pub(crate) fn add(&self, log: &str, version: u64, dropped: &[Dropped]) {
        if dropped.is_empty() {
            return;
        }
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        *totals.entry(log.to_owned()).or_default() += dropped.len() as u64;
        drop(totals);
        let rules = dropped.iter().map(|one| one.rule.clone());
        self.minutes.add((log.to_owned(), version), rules);
    }

    /// Events left out since the start, by log.
    pub(crate) fn totals(&self) -> BTreeMap<String, u64> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells `system` of them, until the server stops; then once more by [`Drops::write`].
    pub(crate) async fn run(&self, cell: &Cell, stopping: watch::Receiver<bool>) {
        self.minutes.run(cell, stopping).await;
    }

    pub(crate) async fn write(&self, cell: &Cell) {
        self.minutes.write(cell).await;
    }
}

fn event((log, version): &(String, u64), rules: &BTreeMap<String, u64>) -> Vec<u8> {
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
