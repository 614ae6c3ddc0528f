//! Copies of a log's files, to be damaged.

use std::fs;
use std::path::Path;

/// One way to damage a log.
pub(super) enum Damage {
    /// One bit of the byte in the middle of the file is flipped.
    Flip(&'static str),
    /// The file is gone.
    Remove(&'static str),
}

impl Damage {
    /// Says what is done.
    pub(super) fn name(&self) -> String {
        match self {
            Damage::Flip(file) => format!("one bit of {file} flipped"),
            Damage::Remove(file) => format!("{file} removed"),
        }
    }

    /// Does it to the log in the folder.
    pub(super) fn apply(&self, log: &Path) -> Result<(), String> {
        match self {
            Damage::Flip(file) => flip_bit(&log.join(file)),
            Damage::Remove(file) => {
                let path = log.join(file);
                fs::remove_file(&path).map_err(|e| format!("cannot remove {}: {e}", path.display()))
            }
        }
    }
}

/// Flips one bit of the byte in the middle of a file.
pub(super) fn flip_bit(path: &Path) -> Result<(), String> {
    let mut bytes = read(path)?;
    // In a checkpoint a bit of the root: a verifier without ML-DSA passes over half of the file, as it should.
    let is_checkpoint = path.file_name().is_some_and(|name| name == "checkpoint");
    let mut lines = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let root = lines.nth(1).map(|(place, _)| place + 8).filter(|_| is_checkpoint);
    let place = root.unwrap_or(bytes.len() / 2);
    let byte = bytes.get_mut(place).ok_or_else(|| format!("{} is empty", path.display()))?;
    *byte ^= 1;
    write(path, &bytes)
}

/// Copies a folder with all that is in it; the copies can be written even where the originals cannot.
pub(super) fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|e| format!("cannot make {}: {e}", to.display()))?;
    let listed = fs::read_dir(from).map_err(|e| format!("cannot list {}: {e}", from.display()))?;
    for entry in listed {
        let entry = entry.map_err(|e| format!("cannot list {}: {e}", from.display()))?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            write(&target, &read(&entry.path())?)?;
        }
    }
    Ok(())
}

/// A file's bytes.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))
}

/// A file's text.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))
}

/// Writes a file.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|e| format!("cannot write {}: {e}", path.display()))
}
