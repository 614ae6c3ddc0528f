//! A disk that asks before each call that changes something: where a test drops, fails or watches that call.

use env::{DirEntry, DirectOpen, Disk, DiskFile, FilesystemKind, OpenMode};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A call that changes something or makes it durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Bytes or the length of a file.
    Write,
    /// `sync_data` and `sync_all`.
    Flush,
    /// A name: created, renamed, linked, removed.
    Name,
    /// `sync_dir`.
    FlushDir,
}

/// Decides what becomes of a call.
pub trait Seam: Send + Sync {
    /// Runs the call, or not, and answers for it.
    fn around(
        &self,
        call: Call,
        path: &Path,
        run: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()>;
}

/// A lie about durability: a deliberate fault of the code between the log and the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// `fdatasync` is left out.
    NoFlush,
    /// Directories are not flushed.
    NoDirFlush,
    /// A flush that failed is tried again, and believed.
    RetryFlush,
}

impl Seam for Lie {
    fn around(
        &self,
        call: Call,
        _path: &Path,
        run: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        match (self, call) {
            (Lie::NoFlush, Call::Flush) | (Lie::NoDirFlush, Call::FlushDir) => Ok(()),
            (Lie::RetryFlush, Call::Flush) => run().or_else(|_| run()),
            _ => run(),
        }
    }
}

/// Fails one call on a path that holds `path_part`, after `after` good ones.
#[derive(Debug)]
pub struct Target {
    /// Part of the path.
    pub path_part: &'static str,
    /// Which call.
    pub call: Call,
    /// The call has its effect all the same.
    pub is_persisted: bool,
    left: AtomicU64,
}

impl Target {
    /// A failure to come.
    pub fn new(path_part: &'static str, call: Call, is_persisted: bool, after: u64) -> Target {
        Target { path_part, call, is_persisted, left: AtomicU64::new(after + 1) }
    }

    /// Whether it has struck.
    pub fn has_struck(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    fn strikes(&self, call: Call, path: &Path) -> bool {
        if call != self.call || !path.to_string_lossy().contains(self.path_part) {
            return false;
        }
        let counted =
            self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        counted == Ok(1)
    }
}

impl Seam for Target {
    fn around(
        &self,
        call: Call,
        path: &Path,
        run: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        if !self.strikes(call, path) {
            return run();
        }
        if self.is_persisted {
            // A call that fails of itself has no effect that could be kept: the next one is struck.
            run().inspect_err(|_| self.left.store(1, Ordering::SeqCst))?;
        }
        // EIO, as a device reports it.
        Err(io::Error::from_raw_os_error(5))
    }
}

/// A target that waits until it is begun: for failures that must not come in a start.
#[derive(Debug)]
pub struct Late {
    target: Arc<Target>,
    has_begun: AtomicBool,
}

impl Late {
    /// A target that waits.
    pub fn new(target: Arc<Target>) -> Late {
        Late { target, has_begun: AtomicBool::new(false) }
    }

    /// Calls count from here on.
    pub fn begin(&self) {
        self.has_begun.store(true, Ordering::SeqCst);
    }
}

impl Seam for Late {
    fn around(
        &self,
        call: Call,
        path: &Path,
        run: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()> {
        if self.has_begun.load(Ordering::SeqCst) {
            return self.target.around(call, path, run);
        }
        run()
    }
}

/// The disk with its seam.
pub struct SeamDisk {
    disk: Arc<dyn Disk>,
    seam: Arc<dyn Seam>,
}

struct SeamFile {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    seam: Arc<dyn Seam>,
}

impl SeamDisk {
    /// Puts a seam before a disk.
    pub fn new(disk: Arc<dyn Disk>, seam: Arc<dyn Seam>) -> SeamDisk {
        SeamDisk { disk, seam }
    }

    fn file(&self, path: &Path, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(SeamFile { file, path: path.to_owned(), seam: Arc::clone(&self.seam) })
    }
}

impl SeamFile {
    fn around(&self, call: Call, mut run: impl FnMut() -> io::Result<()>) -> io::Result<()> {
        self.seam.around(call, &self.path, &mut run)
    }
}

impl Disk for SeamDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn DiskFile>> {
        if mode != OpenMode::CreateNew {
            return Ok(self.file(path, self.disk.open(path, mode)?));
        }
        let mut opened = None;
        self.seam.around(Call::Name, path, &mut || {
            opened = Some(self.disk.open(path, mode)?);
            Ok(())
        })?;
        let file = opened.ok_or_else(|| io::Error::other("the seam made no file"))?;
        Ok(self.file(path, file))
    }

    fn open_direct(&self, path: &Path) -> io::Result<DirectOpen> {
        let opened = self.disk.open_direct(path)?;
        Ok(DirectOpen { file: self.file(path, opened.file), fallback: opened.fallback })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.seam.around(Call::Name, path, &mut || self.disk.create_dir(path))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.disk.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.seam.around(Call::Name, to, &mut || self.disk.rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.seam.around(Call::Name, to, &mut || self.disk.link(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.seam.around(Call::Name, path, &mut || self.disk.remove(path))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.seam.around(Call::FlushDir, dir, &mut || self.disk.sync_dir(dir))
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.disk.free_bytes(path)
    }

    fn filesystem_kind(&self, path: &Path) -> io::Result<FilesystemKind> {
        self.disk.filesystem_kind(path)
    }

    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.disk.set_mode(path, mode)
    }
}

impl DiskFile for SeamFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.around(Call::Write, || self.file.write_at(buf, offset))
    }

    fn write_zeros_at(&self, offset: u64, len_bytes: u64) -> io::Result<()> {
        self.around(Call::Write, || self.file.write_zeros_at(offset, len_bytes))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.around(Call::Flush, || self.file.sync_data())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.around(Call::Flush, || self.file.sync_all())
    }

    fn set_len(&self, len_bytes: u64) -> io::Result<()> {
        self.around(Call::Write, || self.file.set_len(len_bytes))
    }

    fn allocate(&self, len_bytes: u64) -> io::Result<()> {
        self.around(Call::Write, || self.file.allocate(len_bytes))
    }

    fn len_bytes(&self) -> io::Result<u64> {
        self.file.len_bytes()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }

    fn drop_cache(&self) -> io::Result<()> {
        self.file.drop_cache()
    }
}
