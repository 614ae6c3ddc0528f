//! How far a saved query has looked, in a file: without it, or where it fits nothing, it looks again from its last firing on.

use std::fs;
use std::path::{Path, PathBuf};

use access::{QueryName, Saved};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use graven_merkle::{LeafIndex, leaf_hash};
use log::LogHandle;
use serde::{Deserialize, Serialize};

/// Where a query is. Written only when all that it found before is an entry of `system`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// Of this query as it stands, and after so many firings.
    pub(super) revision: u64,
    pub(super) fired: u64,
    /// The first index to look at.
    pub(super) next: u64,
    /// The leaf hash of the entry before, in base64, empty where there is none: another history shows by it.
    pub(super) last: String,
    /// When it was last not silent.
    pub(super) since_ns: Option<u64>,
}

impl Place {
    /// Reads the place of a query, if it is one of this query in this log.
    pub(super) fn read(
        folder: &Path,
        name: &QueryName,
        saved: &Saved,
        log: &LogHandle,
    ) -> Option<Place> {
        let bytes = fs::read(path(folder, name)).ok()?;
        let place: Place = serde_json::from_slice(&bytes).ok()?;
        let is_ours = (place.revision, place.fired) == (saved.revision, saved.fired);
        let is_same = place.last == last(log, place.next)?;
        (is_ours && is_same && place.next >= saved.next).then_some(place)
    }

    /// Writes it. A crash leaves the file before, or this one.
    pub(super) fn write(&self, folder: &Path, name: &QueryName) -> std::io::Result<()> {
        let path = path(folder, name);
        let draft = path.with_extension("new");
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(&draft, serde_json::to_vec(self)?)?;
        fs::rename(&draft, &path)
    }
}

/// The leaf hash of the entry before `next`; nothing where that cannot be read.
pub(super) fn last(log: &LogHandle, next: u64) -> Option<String> {
    let Some(index) = next.checked_sub(1) else { return Some(String::new()) };
    let entry = log.entry(LeafIndex(index)).ok()?;
    Some(STANDARD.encode(leaf_hash(&entry).as_bytes()))
}

fn path(folder: &Path, name: &QueryName) -> PathBuf {
    folder.join(&name.log).join("queries").join(format!("{}.json", name.name))
}
