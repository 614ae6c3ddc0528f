//! While an index is written its mapped files do not fill the memory, and read as before.

use std::io::Write as _;
use std::path::Path;

use tantivy::directory::{Directory as _, FileSlice, TerminatingWrite as _};

use crate::limits::MAPPED_WRITTEN_BYTES;
use crate::mapped::Mapped;

/// Pages of the file that is looked at.
const FILE_BYTES: usize = 1024 * 1024;

fn write(folder: &Mapped, name: &str, bytes: &[u8]) {
    let mut file = folder.open_write(Path::new(name)).unwrap();
    file.write_all(bytes).unwrap();
    file.terminate().unwrap();
}

/// Bytes of a mapped file that are in this process's memory (proc(5), `smaps`).
fn resident_bytes(path: &Path) -> usize {
    let name = path.canonicalize().unwrap().display().to_string();
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut of_file = maps.lines().skip_while(|line| !line.ends_with(&name));
    let resident = of_file.find_map(|line| line.strip_prefix("Rss:")).unwrap_or("0 kB");
    resident.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

fn sum(file: &FileSlice) -> u64 {
    file.read_bytes().unwrap().iter().map(|byte| u64::from(*byte)).sum()
}

/// After so many more bytes were written, this many of the file's are in memory.
fn check(more_bytes: usize, expected: usize) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Mapped::open(dir.path()).unwrap();
    write(&folder, "one", &vec![7; FILE_BYTES]);
    let (file, path) = (folder.open_read(Path::new("one")).unwrap(), dir.path().join("one"));
    assert_eq!(sum(&file), 7 * FILE_BYTES as u64);
    assert_eq!(resident_bytes(&path), FILE_BYTES);
    // Clones, of which an engine has many, count together.
    write(&folder.clone(), "other", &vec![1; more_bytes]);
    assert_eq!(resident_bytes(&path), expected, "{more_bytes} more");
    assert_eq!(sum(&file), 7 * FILE_BYTES as u64);
}

#[test]
fn pages_are_let_go_of_after_so_many_bytes() {
    check(0, FILE_BYTES);
    check(MAPPED_WRITTEN_BYTES - FILE_BYTES - 1, FILE_BYTES);
    check(MAPPED_WRITTEN_BYTES - FILE_BYTES, 0);
    check(MAPPED_WRITTEN_BYTES, 0);
}
