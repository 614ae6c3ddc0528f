//! What the `system` log of a data directory tells of the other logs: their creation, and each minute's sizes and roots.
//!
//! A log that was cut, rewritten or taken away whole contradicts it, unless `system` was forged to fit as well.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use graven_entry::{Entry, elements, pointer, string_value};
use graven_merkle::{Hash, TreeSize, leaf_hash};
use graven_verify::FaultKind;
use log::offline::OfflineCell;

use super::source::{Finding, StatedRoot};

/// What `system` tells, by origin.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Sizes and roots.
    pub(crate) roots: BTreeMap<String, Vec<StatedRoot>>,
    /// Origins of logs that were created, with the log's name.
    pub(crate) created: BTreeSet<(String, String)>,
}

impl Told {
    /// Reads every `system` log of the directory. What cannot be read is told by the verification of that log itself.
    pub(crate) fn read(cell: &OfflineCell) -> Told {
        let mut told = Told::default();
        for name in cell.logs() {
            if name.as_str() != "system" && !name.as_str().starts_with("system-") {
                continue;
            }
            let Ok(log) = cell.log(&name) else { continue };
            for chunk in log.chunks() {
                let read = log.read(&chunk, &mut |_, bytes| {
                    told.take(name.as_str(), bytes);
                    ControlFlow::Continue(leaf_hash(bytes))
                });
                if read.is_err() {
                    break;
                }
            }
        }
        told
    }

    /// Whether `system` knows of entries of a log that are not there; the first missing one.
    pub(crate) fn missing(&self, origin: &str, size: TreeSize) -> Option<Finding> {
        let last = self.roots.get(origin)?.iter().max_by_key(|told| told.size)?;
        let detail = format!(
            "{} tells of {} entries of this log, {size} are there: its end is missing",
            last.place, last.size
        );
        let what = FaultKind::MissingEntry.as_str();
        (last.size > size).then_some(Finding { index: Some(size.0), what, detail })
    }

    /// A log that `system` saw created and that is not there any more.
    pub(crate) fn vanished(&self, origins: &BTreeSet<String>) -> Option<Finding> {
        let (origin, name) = self.created.iter().find(|(origin, _)| !origins.contains(origin))?;
        let detail = format!("log {name} with origin {origin} was created here and is not there");
        Some(Finding { index: None, what: "log_missing", detail })
    }

    /// Takes in one entry of `system`; only the log's own entries count.
    fn take(&mut self, log: &str, bytes: &[u8]) {
        let Ok(entry) = Entry::parse(bytes) else { return };
        if !entry.header.auth.is_log() {
            return;
        }
        let text = |json: &[u8], path: &str| {
            pointer(json, path).and_then(string_value).map(Cow::into_owned)
        };
        let index = entry.header.index;
        match text(entry.event, "/action").as_deref() {
            Some("graven.roots") => {
                let Some(list) = pointer(entry.event, "/data/logs") else { return };
                for told in elements(list) {
                    let size = pointer(told, "/size")
                        .and_then(|raw| std::str::from_utf8(raw).ok()?.parse::<u64>().ok());
                    let root = text(told, "/root").and_then(|root| root.parse::<Hash>().ok());
                    let (Some(origin), Some(size), Some(root)) =
                        (text(told, "/origin"), size, root)
                    else {
                        continue;
                    };
                    let place = format!("entry {index} of {log}");
                    let root = StatedRoot { size: TreeSize(size), root, place };
                    self.roots.entry(origin).or_default().push(root);
                }
            }
            Some("graven.log") if index.0 > 0 => {
                let name = text(entry.event, "/target/id");
                if let (Some(origin), Some(name)) = (text(entry.event, "/data/origin"), name) {
                    self.created.insert((origin, name));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
