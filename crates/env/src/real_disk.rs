//! The machine's own disk.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Advice, FallocateFlags, FlockOperation, OFlags};

use crate::disk::in_context;
use crate::{BLOCK_BYTES, DirEntry, DirectOpen, Disk, DiskFile, FilesystemKind, OpenMode};

/// Mode of new files: nobody else reads an audit log.
const FILE_MODE: u32 = 0o600;
/// Mode of new directories.
const DIR_MODE: u32 = 0o700;
/// Zeros are written in pieces of this size.
const ZEROS_BYTES: usize = 1 << 20;

/// `f_type` of statfs(2) for file systems whose locks or flushes are not this machine's.
const REMOTE_MAGIC: [(u64, &str); 9] = [
    (0x6969, "nfs"),
    (0x517B, "smb"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x0102_1997, "9p"),
    (0x00C3_6400, "ceph"),
    (0x5346_414F, "afs"),
    (0x7375_7245, "coda"),
    (0x0BD0_0BD0, "lustre"),
];
const FUSE_MAGIC: u64 = 0x6573_5546;
const MEMORY_MAGIC: [u64; 2] = [0x0102_1994, 0x8584_58F6];

/// The machine's own disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

struct RealFile {
    file: File,
    path: PathBuf,
    /// Whether this handle has the lock of its file, which it then gives back before it closes.
    is_locked: AtomicBool,
}

impl Disk for RealDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).mode(FILE_MODE);
        match mode {
            OpenMode::Read => &mut options,
            OpenMode::CreateNew => options.write(true).create_new(true),
            OpenMode::ReadWrite => options.write(true),
        };
        let file = options.open(path).map_err(|e| in_context("open", path, e))?;
        Ok(Box::new(RealFile::new(file, path)))
    }

    fn open_direct(&self, path: &Path) -> io::Result<DirectOpen> {
        let flags = (OFlags::DIRECT | OFlags::DSYNC).bits().cast_signed();
        let direct = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path);
        match direct {
            Ok(file) => {
                let file = Box::new(RealFile::new(file, path));
                Ok(DirectOpen { file, fallback: None })
            }
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
                let reason = format!("the file system refuses O_DIRECT: {e}");
                let file = self.open(path, OpenMode::ReadWrite)?;
                Ok(DirectOpen { file, fallback: Some(reason) })
            }
            Err(e) => Err(in_context("open for direct writes", path, e)),
        }
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        match fs::DirBuilder::new().mode(DIR_MODE).create(path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            other => other.map_err(|e| in_context("create directory", path, e)),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let in_dir = |e| in_context("list", dir, e);
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir).map_err(in_dir)? {
            let entry = entry.map_err(in_dir)?;
            let is_dir = entry.file_type().map_err(in_dir)?.is_dir();
            // A name that is not UTF-8 is none of ours; shown as it can be, it matches no pattern.
            entries.push(DirEntry { name: entry.file_name().to_string_lossy().into(), is_dir });
        }
        entries.sort();
        Ok(entries)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to).map_err(|e| in_context("rename", from, e))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to).map_err(|e| in_context("link", to, e))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path).map_err(|e| in_context("remove", path, e))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let handle = File::open(dir).map_err(|e| in_context("open", dir, e))?;
        handle.sync_all().map_err(|e| in_context("flush directory", dir, e))
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(path).map_err(|e| in_context("stat", path, e.into()))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn filesystem_kind(&self, path: &Path) -> io::Result<FilesystemKind> {
        let stat = rustix::fs::statfs(path).map_err(|e| in_context("stat", path, e.into()))?;
        // The magic is 32 bits wide, in a field that may be signed and longer.
        Ok(kind_of_magic(stat.f_type.cast_unsigned() & 0xFFFF_FFFF))
    }

    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(path, permissions).map_err(|e| in_context("set mode of", path, e))
    }
}

impl RealFile {
    fn new(file: File, path: &Path) -> RealFile {
        RealFile { file, path: path.to_owned(), is_locked: AtomicBool::new(false) }
    }

    fn said(&self, operation: &'static str, error: impl Into<io::Error>) -> io::Error {
        in_context(operation, &self.path, error.into())
    }
}

impl DiskFile for RealFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buf, offset).map_err(|e| self.said("read", e))
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset).map_err(|e| self.said("read", e))
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(buf, offset).map_err(|e| self.said("write", e))
    }

    fn write_zeros_at(&self, offset: u64, len_bytes: u64) -> io::Result<()> {
        // Aligned as a file that is open for direct writes asks.
        let wanted = ZEROS_BYTES.min(usize::try_from(len_bytes).unwrap_or(ZEROS_BYTES));
        let raw = vec![0u8; wanted + BLOCK_BYTES];
        let start = raw.as_ptr().align_offset(BLOCK_BYTES);
        let zeros = &raw[start..start + wanted];
        let end = offset.saturating_add(len_bytes);
        let mut at = offset;
        while at < end {
            let piece = (end - at).min(zeros.len() as u64);
            self.write_at(&zeros[..piece as usize], at)?;
            at += piece;
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data().map_err(|e| self.said("flush", e))
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all().map_err(|e| self.said("flush", e))
    }

    fn set_len(&self, len_bytes: u64) -> io::Result<()> {
        self.file.set_len(len_bytes).map_err(|e| self.said("set length of", e))
    }

    fn allocate(&self, len_bytes: u64) -> io::Result<()> {
        rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, len_bytes)
            .map_err(|e| self.said("allocate", e))
    }

    fn len_bytes(&self) -> io::Result<u64> {
        self.file.metadata().map(|m| m.len()).map_err(|e| self.said("stat", e))
    }

    fn try_lock(&self) -> io::Result<bool> {
        match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                self.is_locked.store(true, Ordering::Relaxed);
                Ok(true)
            }
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(e) => Err(self.said("lock", e)),
        }
    }

    fn drop_cache(&self) -> io::Result<()> {
        rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed)
            .map_err(|e| self.said("drop from the page cache", e))
    }
}

/// Closing gives the lock back only where no copy of the handle is left, and a child of another
/// thread has copies of all of them from its fork until its exec.
impl Drop for RealFile {
    fn drop(&mut self) {
        if *self.is_locked.get_mut() {
            // An error leaves what closing does.
            rustix::fs::flock(&self.file, FlockOperation::Unlock).unwrap_or_default();
        }
    }
}

fn kind_of_magic(magic: u64) -> FilesystemKind {
    if magic == FUSE_MAGIC {
        return FilesystemKind::Fuse;
    }
    if MEMORY_MAGIC.contains(&magic) {
        return FilesystemKind::Memory;
    }
    match REMOTE_MAGIC.iter().find(|(known, _)| *known == magic) {
        Some((_, name)) => FilesystemKind::Network(name),
        None => FilesystemKind::Local,
    }
}

const _: () = assert!(ZEROS_BYTES.is_multiple_of(BLOCK_BYTES));

#[cfg(test)]
mod tests;
