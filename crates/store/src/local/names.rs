//! The names in the journal directory.

use std::io;
use std::path::{Path, PathBuf};

use env::Disk;

const FILE_SUFFIX: &str = ".journal";
/// A file that is being made; a crash leaves it, the next start removes it.
const TEMPORARY_SUFFIX: &str = ".journal.tmp";
/// A file whose frames all lie in segments; it waits to be zeroed and reused.
const RELEASED_SUFFIX: &str = ".released";

/// What lies in a journal directory.
#[derive(Default)]
pub(crate) struct Names {
    /// Journal files by number, rising.
    pub(crate) files: Vec<(u64, PathBuf)>,
    /// What a crash or a running server leaves beside them; no part of the journal.
    pub(crate) leftovers: Vec<PathBuf>,
    /// Files that the journal never makes.
    pub(crate) foreign: Vec<PathBuf>,
}

pub(crate) fn file_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016x}{FILE_SUFFIX}"))
}

pub(crate) fn temporary_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016x}{TEMPORARY_SUFFIX}"))
}

pub(crate) fn released_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016x}{RELEASED_SUFFIX}"))
}

/// Lists the directory; one that does not exist is empty.
pub(crate) fn list(disk: &dyn Disk, dir: &Path) -> io::Result<Names> {
    let entries = match disk.list(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Names::default()),
        other => other?,
    };
    let mut names = Names::default();
    for entry in entries.into_iter().filter(|entry| !entry.is_dir) {
        let path = dir.join(&entry.name);
        let number = |suffix| entry.name.strip_suffix(suffix).and_then(parse_number);
        if let Some(number) = number(FILE_SUFFIX) {
            names.files.push((number, path));
        } else if number(TEMPORARY_SUFFIX).or(number(RELEASED_SUFFIX)).is_some() {
            names.leftovers.push(path);
        } else {
            names.foreign.push(path);
        }
    }
    names.files.sort();
    Ok(names)
}

fn parse_number(hex: &str) -> Option<u64> {
    let number = u64::from_str_radix(hex, 16).ok()?;
    (format!("{number:016x}") == hex).then_some(number)
}
