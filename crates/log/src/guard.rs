//! An independent guard: the last signed size and root of every log, kept on another device (design §5).
//!
//! A data directory that was rolled back as a whole (a restored backup, a VM snapshot) looks right from within. The guard
//! file remembers from outside: it is updated within a second of a signature and asked at every start.

use env::{Disk, OpenMode};
use graven_merkle::{Hash, TreeSize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// First line of a guard file.
const GUARD_LINE: &str = "graven guard v1";
/// Longest guard file that is read: 10,000 logs with the longest origins.
const GUARD_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// What was signed last, by origin.
pub(crate) type GuardHeads = BTreeMap<String, (TreeSize, Hash)>;

/// The guard cannot be used. The cell does not start without the guard that it was configured with.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// There is no file, although the data directory is not new: the device may be missing.
    #[error("guard file {} is missing, and the data directory is not new: mount its device, or give --new-guard if it never had one", .0.display())]
    Missing(PathBuf),
    /// The file was changed, or is not a guard file.
    #[error("guard file {} is not whole: {why}; compare it with the witnesses or the checkpoints that others hold, and remove it only if you know that nothing is missing", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It could not be read or written.
    #[error("cannot use guard file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// A guard file.
pub(crate) struct Guard {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    written: GuardHeads,
}

impl Guard {
    /// Reads the guard file; a missing one is refused unless it `may_be_new`.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        path: &Path,
        may_be_new: bool,
    ) -> Result<Guard, GuardError> {
        let io = |source| GuardError::Io { path: path.to_owned(), source };
        let file = match disk.open(path, OpenMode::Read) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if !may_be_new {
                    return Err(GuardError::Missing(path.to_owned()));
                }
                let guard = Guard { disk, path: path.to_owned(), written: GuardHeads::new() };
                // It exists before anything is signed: a crash in the first start must not look like a lost guard.
                guard.write(&format(&guard.written)).map_err(io)?;
                return Ok(guard);
            }
            other => other.map_err(io)?,
        };
        let len = file.len_bytes().map_err(io)?;
        let malformed =
            |why: &str| GuardError::Malformed { path: path.to_owned(), why: why.to_owned() };
        if len > GUARD_BYTES_MAX {
            return Err(malformed("it is too long"));
        }
        let mut bytes = vec![0; len as usize];
        file.read_exact_at(&mut bytes, 0).map_err(io)?;
        let text = String::from_utf8(bytes).map_err(|_| malformed("it is not text"))?;
        let written = parse(&text).map_err(malformed)?;
        Ok(Guard { disk, path: path.to_owned(), written })
    }

    /// What was signed last, as the guard knows it.
    pub(crate) fn heads(&self) -> &GuardHeads {
        &self.written
    }

    /// Remembers newer heads, durably. Heads of origins that are not named stay.
    pub(crate) fn update(&mut self, heads: &GuardHeads) -> Result<(), GuardError> {
        let mut merged = self.written.clone();
        for (origin, head) in heads {
            let newer = merged.get(origin).is_none_or(|known| known.0 < head.0);
            if newer {
                merged.insert(origin.clone(), *head);
            }
        }
        if merged == self.written {
            return Ok(());
        }
        self.write(&format(&merged))
            .map_err(|source| GuardError::Io { path: self.path.clone(), source })?;
        self.written = merged;
        Ok(())
    }

    fn write(&self, text: &str) -> std::io::Result<()> {
        let temporary = self.path.with_extension("new");
        match self.disk.remove(&temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.disk.open(&temporary, OpenMode::CreateNew)?;
        file.write_at(text.as_bytes(), 0)?;
        file.sync_all()?;
        self.disk.rename(&temporary, &self.path)?;
        self.disk.sync_dir(
            self.path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        )
    }
}

pub(crate) fn format(heads: &GuardHeads) -> String {
    let mut text = format!("{GUARD_LINE}\n");
    for (origin, (size, root)) in heads {
        text.push_str(&format!("{origin} {size} {root}\n"));
    }
    let digest = Hash::from(<[u8; 32]>::from(Sha256::digest(text.as_bytes())));
    text.push_str(&format!("sha256 {digest}\n"));
    text
}

pub(crate) fn parse(text: &str) -> Result<GuardHeads, &'static str> {
    let mut heads = GuardHeads::new();
    let body = text.strip_prefix(GUARD_LINE).ok_or("its first line is another")?;
    for line in body.lines().skip(1) {
        let mut fields = line.split(' ');
        match (fields.next(), fields.next(), fields.next()) {
            (Some("sha256"), Some(_), None) => {}
            (Some(origin), Some(size), Some(root)) => {
                let size = size.parse().map_err(|_| "a size is no number")?;
                let root = root.parse().map_err(|_| "a root is no hash")?;
                heads.insert(origin.to_owned(), (TreeSize(size), root));
            }
            _ => return Err("a line has other fields"),
        }
    }
    if format(&heads) == text { Ok(heads) } else { Err("its digest does not fit") }
}
