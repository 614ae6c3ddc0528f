//! The memory of `graven verify --remember FILE`: the last checkpoint seen of each origin.
//!
//! The file is JSON, `{"graven":"remember/v1","heads":{"<origin>":"<signed checkpoint>"}}`. Whole notes are kept, so
//! that two of them prove a fork to anyone. The file is only as safe as the place where it lies: keep it away from the
//! log's operator.

use std::path::{Path, PathBuf};

use graven_note::Checkpoint;
use serde_json::{Map, Value, json};

use super::bundles::stated;
use crate::failure::Failure;
use crate::files;

/// Bytes of a memory: thousands of logs.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The checkpoints seen, by origin.
#[derive(Debug)]
pub(crate) struct Memory {
    path: PathBuf,
    heads: Map<String, Value>,
}

impl Memory {
    /// Reads the memory; a file that is not there yet is an empty one.
    pub(crate) fn open(path: &Path) -> Result<Memory, Failure> {
        let malformed = |why: &str| {
            Failure::usage(format!("{}: {why}", path.display()))
                .hint("It is written by --remember alone; give another file to start anew.")
        };
        let Some(bytes) = files::read_if_there(path, FILE_BYTES_MAX)? else {
            return Ok(Memory { path: path.to_owned(), heads: Map::new() });
        };
        let mut value: Value =
            serde_json::from_slice(&bytes).map_err(|_| malformed("it is not JSON"))?;
        if value.get("graven").and_then(Value::as_str) != Some("remember/v1") {
            return Err(malformed("it is no memory of checkpoints"));
        }
        match value.get_mut("heads").map(Value::take) {
            Some(Value::Object(heads)) => Ok(Memory { path: path.to_owned(), heads }),
            _ => Err(malformed("it has no heads")),
        }
    }

    /// What was seen of an origin.
    pub(crate) fn head(&self, origin: &str) -> Result<Option<Checkpoint>, Failure> {
        let Some(note) = self.heads.get(origin).and_then(Value::as_str) else {
            return Ok(None);
        };
        match stated(note.as_bytes()) {
            Ok(checkpoint) => Ok(Some(checkpoint)),
            Err(fault) => {
                let (path, detail) = (self.path.display(), fault.finding()?.detail);
                Err(Failure::usage(format!("{path}: the head of {origin}: {detail}")))
            }
        }
    }

    /// Remembers a verified checkpoint, if it is newer than the one that is known.
    pub(crate) fn learn(&mut self, checkpoint: &Checkpoint, note: &[u8]) -> Result<(), Failure> {
        let known = self.head(&checkpoint.origin)?;
        if known.is_some_and(|known| known.size >= checkpoint.size) {
            return Ok(());
        }
        let note = String::from_utf8_lossy(note).into_owned();
        self.heads.insert(checkpoint.origin.clone(), note.into());
        Ok(())
    }

    /// Writes the memory, whole or not at all.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let value = json!({ "graven": "remember/v1", "heads": self.heads });
        files::write(&self.path, format!("{value:#}\n").as_bytes())
    }
}
