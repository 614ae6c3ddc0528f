//! Files that a command writes: whole and durable under their name, or not there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Reads a file whole, if it exists and is no larger than `max_bytes`.
pub(crate) fn read_if_there(path: &Path, max_bytes: u64) -> Result<Option<Vec<u8>>, Failure> {
    use std::io::Read;
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result.map_err(|error| Failure::file("read", path, &error))?,
    };
    let mut bytes = Vec::new();
    let read = file.take(max_bytes + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::file("read", path, &error))?;
    if bytes.len() as u64 > max_bytes {
        let message = format!("{} is larger than {max_bytes} bytes", path.display());
        return Err(Failure::usage(message));
    }
    Ok(Some(bytes))
}

/// Reads a file whole that has to exist.
pub(crate) fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Failure> {
    read_if_there(path, max_bytes)?.ok_or_else(|| {
        Failure::new(crate::exit::Exit::Unreachable, format!("{} does not exist", path.display()))
    })
}

/// Writes a file under another name, flushes it and renames it: a crash leaves the old file or the new one.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut draft = Draft::create(path)?;
    draft.write_all(bytes).map_err(|error| Failure::file("write", path, &error))?;
    draft.commit()
}

/// Creates a file that only its owner may read; never replaces one.
pub(crate) fn create_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    flush_folder(path)
}

/// A file in the making: it gets its name when it is committed, and is removed when it is dropped before.
#[derive(Debug)]
pub(crate) struct Draft {
    file: io::BufWriter<File>,
    path: PathBuf,
    part: PathBuf,
    is_committed: bool,
}

impl Draft {
    pub(crate) fn create(path: &Path) -> Result<Draft, Failure> {
        let part = draft_path(path);
        let file = File::create(&part).map_err(|error| Failure::file("create", &part, &error))?;
        Ok(Draft {
            file: io::BufWriter::new(file),
            path: path.to_owned(),
            part,
            is_committed: false,
        })
    }

    pub(crate) fn commit(mut self) -> Result<(), Failure> {
        let result = self
            .file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all())
            .and_then(|()| fs::rename(&self.part, &self.path))
            .and_then(|()| flush_folder(&self.path));
        self.is_committed = result.is_ok();
        result.map_err(|error| Failure::file("write", &self.path, &error))
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_committed {
            drop(fs::remove_file(&self.part));
        }
    }
}

/// Makes a file's name durable.
fn flush_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Why a folder was not copied.
#[derive(Debug)]
pub(crate) enum CopyError {
    /// The original, or its listing.
    Read(PathBuf, io::Error),
    /// The copy.
    Write(PathBuf, io::Error),
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Failure {
        match error {
            CopyError::Read(path, error) => Failure::file("read", &path, &error),
            CopyError::Write(path, error) => Failure::file("write", &path, &error),
        }
    }
}

/// Folders within folders that are copied: a data directory has three.
const DEPTH_MAX: usize = 16;

/// Copies a file or a folder with all that is in it, durably. Links and devices are refused.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<(), CopyError> {
    copy_level(from, to, DEPTH_MAX)
}

fn copy_level(from: &Path, to: &Path, depth_left: usize) -> Result<(), CopyError> {
    let read = |error| CopyError::Read(from.to_owned(), error);
    let write = |error| CopyError::Write(to.to_owned(), error);
    let kind = fs::symlink_metadata(from).map_err(read)?.file_type();
    if kind.is_file() {
        let mut source = File::open(from).map_err(read)?;
        let mut copy = File::create_new(to).map_err(write)?;
        // What fails here may be either side; the message names the copy, which is the likelier one.
        io::copy(&mut source, &mut copy).and_then(|_| copy.sync_all()).map_err(write)?;
        let mode = source.metadata().map_err(read)?.permissions();
        return copy.set_permissions(mode).map_err(write);
    }
    if !kind.is_dir() || depth_left == 0 {
        let why = "it is neither a file nor a folder of a data directory";
        return Err(read(io::Error::new(io::ErrorKind::InvalidInput, why)));
    }
    fs::create_dir(to).map_err(write)?;
    for entry in fs::read_dir(from).map_err(read)? {
        let name = entry.map_err(read)?.file_name();
        copy_level(&from.join(&name), &to.join(&name), depth_left - 1)?;
    }
    File::open(to).and_then(|folder| folder.sync_all()).map_err(write)
}

/// The name under which a folder is made before it gets its own.
pub(crate) fn draft_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

/// Gives a folder its name, durably.
pub(crate) fn rename_folder(draft: &Path, path: &Path) -> Result<(), Failure> {
    let renamed = fs::rename(draft, path).and_then(|()| flush_folder(path));
    renamed.map_err(|error| Failure::file("create", path, &error))
}
