//! The folder of an index, whose files are mapped into memory and let go of again while more is written.
//!
//! A merge reads all of the segments that it merges, and each page that it has touched counts as the server's memory until the
//! kernel wants it back: of ten million entries over a gigabyte, for which an operator looks for a leak. So whoever writes has
//! the mapped pages let go of every so many bytes. What is searched is in the page cache still, a fault away.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, TerminatingWrite,
    WatchCallback, WatchHandle, WritePtr,
};

use crate::limits::MAPPED_WRITTEN_BYTES;

/// An index's folder. Clones share what is open.
#[derive(Clone)]
pub(crate) struct Mapped {
    files: MmapDirectory,
    open: Arc<Open>,
}

/// What is mapped, and what was written since it was last let go of.
#[derive(Default)]
struct Open {
    handles: Mutex<Vec<Weak<dyn FileHandle>>>,
    written_bytes: AtomicUsize,
}

/// A file that is being written.
struct Counted {
    file: WritePtr,
    open: Arc<Open>,
}

impl Mapped {
    pub(crate) fn open(path: &Path) -> tantivy::Result<Mapped> {
        Ok(Mapped { files: MmapDirectory::open(path)?, open: Arc::default() })
    }
}

impl Open {
    /// Knows a file as mapped for as long as it is.
    fn keep(&self, handle: &Arc<dyn FileHandle>) {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.retain(|handle| handle.strong_count() > 0);
        handles.push(Arc::downgrade(handle));
    }

    fn wrote(&self, bytes: usize) {
        let before = self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before / MAPPED_WRITTEN_BYTES != (before + bytes) / MAPPED_WRITTEN_BYTES {
            self.let_go();
        }
    }

    /// Takes the pages of all mapped files out of the process's memory. One that is read again comes back from its file.
    fn let_go(&self) {
        let handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for handle in handles.iter().filter_map(Weak::upgrade) {
            if let Err(error) = let_go_of(&*handle) {
                tracing::debug!(error = %error, "the pages of an index file stay in memory");
            }
        }
    }
}

fn let_go_of(handle: &dyn FileHandle) -> io::Result<()> {
    // All of a mapped file is the mapping itself, not a copy of it.
    let mapping = handle.read_bytes(0..handle.len())?;
    if mapping.is_empty() {
        return Ok(());
    }
    let start = mapping.as_ptr().cast_mut().cast();
    #[expect(unsafe_code, reason = "no safe wrapper of this advice exists in our dependencies")]
    // SAFETY: `mapping` holds the mapping for as long as this runs. It is shared, of a file that nobody writes to, and never
    // written through: a page of it that goes is read from the file again, with the same bytes.
    let result = unsafe { libc::madvise(start, mapping.len(), libc::MADV_DONTNEED) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.fmt(f)
    }
}

impl Directory for Mapped {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let handle = self.files.get_file_handle(path)?;
        self.open.keep(&handle);
        Ok(handle)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let file = self.files.open_write(path)?;
        Ok(WritePtr::new(Box::new(Counted { file, open: Arc::clone(&self.open) })))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.files.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.files.exists(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.files.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.files.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.files.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.files.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.files.watch(callback)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.open.wrote(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl TerminatingWrite for Counted {
    fn terminate_ref(&mut self, token: AntiCallToken) -> io::Result<()> {
        self.file.terminate_ref(token)
    }
}
