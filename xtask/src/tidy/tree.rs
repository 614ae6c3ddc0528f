//! The checkout's text files, as the checks see them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Every text file of the checkout, by its path from the root with `/` between folders.
pub(super) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads what git tracks or would track. Files that are not UTF-8 are no text and are left out.
    pub(super) fn load(root: &Path) -> Result<Tree, String> {
        let mut files = BTreeMap::new();
        for path in listed_files(root)? {
            // A file that git still lists but that is gone from disk is somebody's deletion in progress.
            let Ok(bytes) = std::fs::read(root.join(&path)) else { continue };
            if let Ok(text) = String::from_utf8(bytes) {
                files.insert(path, text);
            }
        }
        if files.is_empty() {
            return Err(format!("no files found in {}", root.display()));
        }
        Ok(Tree { files })
    }

    /// A tree of the given files, for tests.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Tree {
        Tree { files: files.iter().map(|&(p, t)| (p.to_owned(), t.to_owned())).collect() }
    }

    /// One file's text.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// All files: path and text, in the order of their paths.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files whose name ends so (`.rs`).
    pub(super) fn ending(&self, suffix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.all().filter(move |(path, _)| path.ends_with(suffix))
    }
}

fn listed_files(root: &Path) -> Result<Vec<String>, String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .map_err(|e| format!("tidy lists files with git, which cannot be run: {e}"))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!("tidy lists files with git, which refused: {reason}"));
    }
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}
