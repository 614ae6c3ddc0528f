//! Values that look sensitive and stand in clear all the same: counted for the metrics, and told in `system` by kind and path,
//! never with the value.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use access::{Finding, detect};
use log::Cell;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::limits::{FINDING_PATH_BYTES_MAX, FINDINGS_ROWS_MAX};
use crate::minutes::{Form, Minutes};

/// Where something was found, and what it looks like.
type Row = (String, &'static str);

/// In the place of what is not told of a path.
const ANY: &str = "*";

/// Counts of values that were let pass.
pub(crate) struct Findings {
    /// By log.
    minutes: Minutes<String, Row>,
    /// By log and kind, since the start.
    totals: Mutex<BTreeMap<(String, &'static str), u64>>,
}

impl Findings {
    pub(crate) fn new() -> Findings {
        let others = (ANY.to_owned(), "other");
        let form = Form { what: "findings", rows_max: FINDINGS_ROWS_MAX, others, event };
        Findings { minutes: Minutes::new(form), totals: Mutex::default() }
    }

    /// Takes in what was found in one event of a log.
    pub(crate) fn add(&self, log: &str, found: &[Finding]) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        for finding in found {
            *totals.entry((log.to_owned(), finding.kind.as_str())).or_default() += 1;
        }
        drop(totals);
        let rows = found.iter().map(|finding| (place(&finding.path), finding.kind.as_str()));
        self.minutes.add(log.to_owned(), rows);
    }

    /// Values let pass since the start, by log and kind.
    pub(crate) fn totals(&self) -> BTreeMap<(String, &'static str), u64> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells `system` of them, until the server stops; then once more by [`Findings::write`].
    pub(crate) async fn run(&self, cell: &Cell, stopping: watch::Receiver<bool>) {
        self.minutes.run(cell, stopping).await;
    }

    pub(crate) async fn write(&self, cell: &Cell) {
        self.minutes.write(cell).await;
    }
}

/// A path as it is told: without numbers of elements, without keys that look sensitive themselves, and cut where it is long.
fn place(path: &str) -> String {
    let mut place = String::new();
    for step in path.split('/').skip(1) {
        let is_number = step.bytes().all(|byte| byte.is_ascii_digit());
        let hides = is_number || !detect(json!(step).to_string().as_bytes()).is_empty();
        let step = if hides { ANY } else { step };
        if place.len() + step.len() + 1 > FINDING_PATH_BYTES_MAX {
            return place + "/" + ANY;
        }
        place.push('/');
        place.push_str(step);
    }
    place
}

fn event(log: &String, rows: &BTreeMap<Row, u64>) -> Vec<u8> {
    let values: u64 = rows.values().sum();
    let found: Vec<Value> = rows
        .iter()
        .map(|((path, kind), values)| json!({"path": path, "kind": kind, "values": values}))
        .collect();
    let event = json!({
        "actor": {"id": "graven"},
        "action": "graven.finding",
        "target": {"type": "log", "id": log},
        "outcome": "success",
        "data": {"values": values, "found": found},
    });
    event.to_string().into_bytes()
}

#[cfg(test)]
#[path = "tests/findings.rs"]
mod tests;
