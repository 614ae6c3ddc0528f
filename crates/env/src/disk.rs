//! The door to files: what the store may ask of a disk.
//!
//! Every error is an `io::Error` whose kind is the kernel's and whose text names the operation and
//! the path ([`DiskError`]). Nothing here retries: after a failed write or flush the page cache can
//! no longer be trusted (Rebello et al., USENIX ATC 2020), and what follows is the caller's decision.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, for reading.
    Read,
    /// A file that must not exist yet, mode 0600, for reading and writing.
    CreateNew,
    /// An existing file, for reading and writing.
    ReadWrite,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The name, without its directory.
    pub name: String,
    /// The name is a directory's.
    pub is_dir: bool,
}

/// The answer of [`Disk::open_direct`].
pub struct DirectOpen {
    /// Each write to it is durable when it returns, where `fallback` is `None`.
    pub file: Box<dyn DiskFile>,
    /// Why the file system would not open it with O_DIRECT and O_DSYNC: it is then an ordinary
    /// file, and each write needs `sync_data`.
    pub fallback: Option<String>,
}

/// The kind of file system that a path lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilesystemKind {
    /// A disk of this machine: `flock` and `fsync` mean what they say.
    Local,
    /// Memory: lost with the power.
    Memory,
    /// Another machine's (NFS, SMB, Ceph, 9P, AFS): locks and flushes cannot be relied on.
    Network(&'static str),
    /// A program of this machine (FUSE): what a flush means is that program's business.
    Fuse,
}

/// The only door to files for everything that must survive.
pub trait Disk: Send + Sync {
    /// Opens a file; close-on-exec.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn DiskFile>>;
    /// Opens an existing file for durable writes around the page cache (O_DIRECT and O_DSYNC);
    /// buffer, offset and length of each write must be multiples of [`crate::BLOCK_BYTES`].
    fn open_direct(&self, path: &Path) -> io::Result<DirectOpen>;
    /// Creates one directory, mode 0700; one that exists already is no error.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;
    /// Renames a file, replacing the target. Durable after `sync_dir` of both directories.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name, which must not exist yet. Durable after `sync_dir`.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file's name. Durable after `sync_dir`; the space comes back when it is closed too.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the directory's names durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Bytes that an ordinary user may still allocate on the file system of `path`.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
    /// What kind of file system `path` lies on.
    fn filesystem_kind(&self, path: &Path) -> io::Result<FilesystemKind>;
    /// Sets the permission bits of a file or directory.
    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()>;
}

/// An open file. Positions are explicit, so that one handle can be shared by many readers.
pub trait DiskFile: Send + Sync {
    /// Reads some bytes at `offset`; 0 at the end of the file.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Fills `buf` from `offset`, or fails with `UnexpectedEof`.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `buf` at `offset`.
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;
    /// Writes `len_bytes` zeros at `offset`, as real bytes that take space.
    fn write_zeros_at(&self, offset: u64, len_bytes: u64) -> io::Result<()>;
    /// Makes written data durable, and the length with it (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
    /// Makes data and metadata durable (`fsync`).
    fn sync_all(&self) -> io::Result<()>;
    /// Cuts or extends the file; what is added reads as zero.
    fn set_len(&self, len_bytes: u64) -> io::Result<()>;
    /// Reserves space for the file up to `len_bytes` and makes it that long (`fallocate`).
    fn allocate(&self, len_bytes: u64) -> io::Result<()>;
    /// The file's length in bytes.
    fn len_bytes(&self) -> io::Result<u64>;
    /// Takes the exclusive lock of the file (`flock`) without waiting; `false` where another open
    /// file has it. The lock goes when this handle is dropped.
    fn try_lock(&self) -> io::Result<bool>;
    /// Drops clean pages of the file from the page cache: the next read comes from the device.
    fn drop_cache(&self) -> io::Result<()>;
}

/// What an `io::Error` of this crate carries: the operation and the path.
#[derive(Debug)]
pub struct DiskError {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl DiskError {
    /// The path that the operation was about.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}", self.operation, self.path.display())
    }
}

impl std::error::Error for DiskError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Whether an error says that the disk or the quota is full.
pub fn is_out_of_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Puts operation and path around an error and keeps its kind.
pub(crate) fn in_context(operation: &'static str, path: &Path, source: io::Error) -> io::Error {
    io::Error::new(source.kind(), DiskError { operation, path: path.to_owned(), source })
}
