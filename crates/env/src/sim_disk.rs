//! A disk in memory that fails and crashes as real ones do, from one seed.
//!
//! The model is the strictest that a file system may be. A file has two images: what reads see (the
//! page cache) and what the device holds, with the writes between them pending until a flush. A
//! directory's names are durable only after `sync_dir`. A crash keeps, drops, reorders or tears each
//! pending 512-byte sector, and keeps any subset of the pending names. A failed flush leaves the
//! pages clean: reads go on showing what the device never got, and the next flush says yes
//! (Rebello et al., USENIX ATC 2020). A failed `sync_dir` leaves the names pending: file systems keep
//! names in a journal and stop when it fails. One seed and one sequence of calls give one outcome.
//!
//! Names directly below the root are mount points: durable as soon as they are created.

mod image;
mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::in_context;
use crate::{BLOCK_BYTES, DirEntry, DirectOpen, Disk, DiskFile, FilesystemKind, OpenMode};
use tree::{Pending, Tree};

/// A failure to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which calls it counts and strikes.
    pub on: On,
    /// How many such calls go well before it strikes.
    pub after: u64,
    /// It strikes every such call from then on, not only one.
    pub forever: bool,
    /// What happens.
    pub kind: FaultKind,
}

/// The calls that a fault counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Every call to the disk or to a file of it.
    Any,
    /// `read_at` and `read_exact_at`.
    Read,
    /// `write_at`, `write_zeros_at`, `set_len`, `allocate`.
    Write,
    /// `sync_data` and `sync_all`.
    Sync,
    /// `sync_dir`.
    SyncDir,
    /// Opening, creating, renaming, linking, removing, listing and the like.
    Name,
}

/// What a fault does to the call that it strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The call fails with EIO. With `persisted` it has its effect all the same; without, it has
    /// none, and a flush marks what it did not write as clean.
    Io {
        /// The effect is kept although an error is reported.
        persisted: bool,
    },
    /// The call fails with ENOSPC and has no effect.
    NoSpace,
    /// The machine stops in the middle of the call: every call fails until [`SimDisk::crash`].
    Halt,
    /// A write returns well and never reaches the device.
    LostWrite,
    /// A write returns well and lands `by_bytes` away from its place on the device.
    Misdirect {
        /// How far away, towards the end or the start of the file.
        by_bytes: i64,
    },
    /// A write returns well and lands at the same offset of another file on the device.
    MisdirectTo {
        /// The other file.
        path: PathBuf,
    },
}

/// A disk in memory; clones share it.
#[derive(Clone)]
pub struct SimDisk {
    shared: Arc<Mutex<State>>,
}

/// A disk's whole content at one moment, cheap to keep and to go back to.
#[derive(Clone)]
pub struct SimSnapshot {
    state: State,
}

#[derive(Clone)]
struct State {
    tree: Tree,
    faults: Vec<Fault>,
    operations: u64,
    /// Handles of an earlier generation are dead: the machine or the process has stopped since.
    generation: u64,
    handles: u64,
    halted: bool,
    capacity_bytes: Option<u64>,
    direct: bool,
    filesystem: FilesystemKind,
    trace: Option<Vec<String>>,
}

struct SimFile {
    shared: Arc<Mutex<State>>,
    path: PathBuf,
    node: u64,
    handle: u64,
    generation: u64,
    direct: bool,
}

/// What is to be done with a call, as the faults decide.
enum Verdict {
    Do,
    DoThenFail,
    Fail { clean_pages: bool },
    Halt,
    NoSpace,
    Lost,
    Misdirect(i64),
    MisdirectTo(PathBuf),
}

impl SimDisk {
    /// An empty disk without faults, of unlimited size; `seed` decides what its crashes keep.
    pub fn new(seed: u64) -> Self {
        let state = State {
            tree: Tree::new(seed),
            faults: Vec::new(),
            operations: 0,
            generation: 0,
            handles: 0,
            halted: false,
            capacity_bytes: None,
            direct: true,
            filesystem: FilesystemKind::Local,
            trace: None,
        };
        SimDisk { shared: Arc::new(Mutex::new(state)) }
    }

    /// Makes a directory below the root, durably and without counting as a call: where the disk is
    /// mounted.
    ///
    /// # Panics
    /// When `path` is not directly below the root, or a file of that name exists.
    pub fn create_mount(&self, path: &str) {
        let made = self.lock().tree.create_dir(Path::new(path));
        made.expect("a mount point lies directly below the root");
    }

    /// Adds a failure to come.
    pub fn fail(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Forgets every failure to come; a halted machine stays halted.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// Number of calls so far: the N of "fail the N-th call, for every N".
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Cuts the power and starts again: a seeded subset of what was pending survives, open files
    /// and locks are gone, failures to come are forgotten.
    pub fn crash(&self) {
        let mut state = self.lock();
        state.note(|| "crash".into());
        state.tree.crash();
        state.start_again();
    }

    /// Ends the process, not the machine: open files and locks are gone, the page cache stays.
    pub fn restart(&self) {
        let mut state = self.lock();
        state.note(|| "restart".into());
        state.tree.close_all();
        state.start_again();
    }

    /// Draws what later crashes keep from another seed.
    pub fn reseed(&self, seed: u64) {
        self.lock().tree.reseed(seed);
    }

    /// Limits the disk to `bytes` of file lengths; `None` lifts the limit.
    pub fn set_capacity_bytes(&self, bytes: Option<u64>) {
        self.lock().capacity_bytes = bytes;
    }

    /// Bytes that files take now.
    pub fn used_bytes(&self) -> u64 {
        self.lock().tree.used_bytes()
    }

    /// Whether files can be opened for direct writes.
    pub fn set_direct(&self, direct: bool) {
        self.lock().direct = direct;
    }

    /// Sets what [`Disk::filesystem_kind`] answers.
    pub fn set_filesystem_kind(&self, kind: FilesystemKind) {
        self.lock().filesystem = kind;
    }

    /// Starts to record every call.
    pub fn start_trace(&self) {
        self.lock().trace = Some(Vec::new());
    }

    /// The calls recorded since `start_trace`.
    pub fn trace(&self) -> Vec<String> {
        self.lock().trace.clone().unwrap_or_default()
    }

    /// Flips one bit of a file at rest: bit 0 is the highest of the first byte.
    pub fn flip(&self, path: &Path, bit: u64) -> io::Result<()> {
        let mut state = self.lock();
        let node = state.tree.file_at(path).map_err(|e| in_context("flip", path, e))?;
        state.tree.flip(node, bit);
        Ok(())
    }

    /// What a file's readers see; not counted as a call.
    pub fn file_bytes(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut state = self.lock();
        let node = state.tree.file_at(path).map_err(|e| in_context("read", path, e))?;
        Ok(state.tree.bytes(node))
    }

    /// Puts a durable file in place, whatever was there; not counted as a call.
    pub fn put_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.lock().tree.put(path, bytes).map_err(|e| in_context("put", path, e))
    }

    /// Every file with its length, by path; not counted as a call.
    pub fn files(&self) -> Vec<(PathBuf, u64)> {
        self.lock().tree.files()
    }

    /// The whole content as it is now, pending writes included, open files not.
    pub fn snapshot(&self) -> SimSnapshot {
        let mut locked = self.lock();
        // The record of calls is what happened, not what the disk holds: it is neither kept nor gone back to.
        let trace = locked.trace.take();
        let mut state = locked.clone();
        locked.trace = trace;
        state.tree.close_all();
        SimSnapshot { state }
    }

    /// Goes back to a snapshot: open files and locks are gone, the record of calls goes on.
    pub fn restore(&self, snapshot: &SimSnapshot) {
        let mut state = self.lock();
        let (generation, trace) = (state.generation, state.trace.take());
        *state = snapshot.state.clone();
        state.generation = generation + 1;
        state.trace = trace;
        state.note(|| "restore".into());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.shared)
    }

    /// Runs a call that has an effect on names or none at all.
    fn name_call<T>(
        &self,
        on: On,
        operation: &'static str,
        path: &Path,
        effect: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let verdict = state.begin(on, operation, path);
        let done = match verdict {
            Verdict::Do | Verdict::DoThenFail => effect(state),
            Verdict::NoSpace => Err(no_space()),
            _ => Err(eio()),
        };
        // A file that was opened for nothing takes the lock when it is dropped.
        drop(guard);
        let done = if matches!(verdict, Verdict::DoThenFail) { done.and(Err(eio())) } else { done };
        done.map_err(|e| in_context(operation, path, e))
    }

    fn handle(&self, state: &mut State, path: &Path, node: u64, direct: bool) -> SimFile {
        state.handles += 1;
        state.tree.opened(node);
        let (handle, generation) = (state.handles, state.generation);
        let (shared, path) = (self.shared.clone(), path.to_owned());
        SimFile { shared, path, node, handle, generation, direct }
    }
}

impl SimSnapshot {
    /// Whether both hold the same names and bytes, durable and pending.
    pub fn has_content_of(&self, other: &SimSnapshot) -> bool {
        self.state.tree.has_content_of(&other.state.tree)
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Box<dyn DiskFile>> {
        let opened = self.name_call(On::Name, "open", path, |state| {
            let node = match mode {
                OpenMode::CreateNew => state.tree.create(path)?,
                OpenMode::Read | OpenMode::ReadWrite => state.tree.file_at(path)?,
            };
            Ok(self.handle(state, path, node, false))
        })?;
        Ok(Box::new(opened))
    }

    fn open_direct(&self, path: &Path) -> io::Result<DirectOpen> {
        self.name_call(On::Name, "open for direct writes", path, |state| {
            let node = state.tree.file_at(path)?;
            let direct = state.direct;
            let fallback = (!direct).then(|| "the simulated disk has no direct i/o".to_owned());
            let file = Box::new(self.handle(state, path, node, direct));
            Ok(DirectOpen { file, fallback })
        })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.name_call(On::Name, "create directory", path, |state| state.tree.create_dir(path))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.name_call(On::Name, "list", dir, |state| state.tree.list(dir))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.name_call(On::Name, "rename", from, |state| state.tree.rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.name_call(On::Name, "link", to, |state| state.tree.link(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.name_call(On::Name, "remove", path, |state| state.tree.remove(path))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.name_call(On::SyncDir, "flush directory", dir, |state| state.tree.sync_dir(dir))
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.name_call(On::Name, "stat", path, |state| Ok(state.free_bytes()))
    }

    fn filesystem_kind(&self, path: &Path) -> io::Result<FilesystemKind> {
        self.name_call(On::Name, "stat", path, |state| Ok(state.filesystem))
    }

    fn set_mode(&self, path: &Path, _mode: u32) -> io::Result<()> {
        self.name_call(On::Name, "set mode of", path, |state| state.tree.exists(path))
    }
}

impl State {
    /// Counts a call and decides what becomes of it.
    fn begin(&mut self, on: On, operation: &str, path: &Path) -> Verdict {
        self.operations += 1;
        let verdict =
            if self.halted { Verdict::Fail { clean_pages: false } } else { self.judge(on) };
        let said = match &verdict {
            Verdict::Do => "",
            Verdict::Halt => " (halt)",
            _ => " (fault)",
        };
        self.note(|| format!("{operation} {}{said}", path.display()));
        if matches!(verdict, Verdict::Halt) {
            self.halted = true;
        }
        verdict
    }

    fn judge(&mut self, on: On) -> Verdict {
        let mut struck = None;
        for (i, fault) in self.faults.iter_mut().enumerate() {
            if fault.on != On::Any && fault.on != on {
                continue;
            }
            // A fault of writes waits for the next write, however its calls are counted.
            let only_writes =
                !matches!(fault.kind, FaultKind::Io { .. } | FaultKind::NoSpace | FaultKind::Halt);
            if only_writes && on != On::Write {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
            } else if struck.is_none() {
                struck = Some(i);
            }
        }
        let Some(at) = struck else { return Verdict::Do };
        let fault =
            if self.faults[at].forever { self.faults[at].clone() } else { self.faults.remove(at) };
        match fault.kind {
            FaultKind::Io { persisted: true } => Verdict::DoThenFail,
            FaultKind::Io { persisted: false } => Verdict::Fail { clean_pages: true },
            FaultKind::NoSpace => Verdict::NoSpace,
            FaultKind::Halt => Verdict::Halt,
            FaultKind::LostWrite => Verdict::Lost,
            FaultKind::Misdirect { by_bytes } => Verdict::Misdirect(by_bytes),
            FaultKind::MisdirectTo { path } => Verdict::MisdirectTo(path),
        }
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }

    fn start_again(&mut self) {
        self.generation += 1;
        self.halted = false;
        self.faults.clear();
    }

    fn free_bytes(&self) -> u64 {
        match self.capacity_bytes {
            Some(capacity) => capacity.saturating_sub(self.tree.used_bytes()),
            None => u64::MAX / 2,
        }
    }

    /// Whether the file may grow to `len_bytes`.
    fn has_room(&self, node: u64, len_bytes: u64) -> bool {
        len_bytes.saturating_sub(self.tree.len_bytes(node)) <= self.free_bytes()
    }
}

impl SimFile {
    /// Runs a call on an open file that does not write.
    fn call<T>(
        &self,
        on: On,
        operation: &'static str,
        effect: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = lock(&self.shared);
        let state = &mut *state;
        if state.generation != self.generation {
            return Err(in_context(operation, &self.path, io::Error::other("stopped since")));
        }
        let verdict = state.begin(on, operation, &self.path);
        match verdict {
            Verdict::Do => effect(state),
            Verdict::DoThenFail => effect(state).and(Err(eio())),
            Verdict::NoSpace => Err(no_space()),
            Verdict::Fail { clean_pages: true } if on == On::Sync => {
                state.tree.forget_pending(self.node);
                Err(eio())
            }
            _ => Err(eio()),
        }
        .map_err(|e| in_context(operation, &self.path, e))
    }

    /// Runs a call that writes.
    fn write(&self, operation: &'static str, write: Pending) -> io::Result<()> {
        let mut state = lock(&self.shared);
        let state = &mut *state;
        if state.generation != self.generation {
            return Err(in_context(operation, &self.path, io::Error::other("stopped since")));
        }
        let verdict = state.begin(On::Write, operation, &self.path);
        state.note(|| format!("  {write}"));
        self.write_as(state, verdict, write).map_err(|e| in_context(operation, &self.path, e))
    }

    fn write_as(&self, state: &mut State, verdict: Verdict, write: Pending) -> io::Result<()> {
        if !state.has_room(self.node, write.end()) {
            return Err(no_space());
        }
        let node = self.node;
        let durable = self.direct;
        match verdict {
            Verdict::Do => state.tree.write(node, write, durable),
            Verdict::DoThenFail => {
                state.tree.write(node, write, durable);
                return Err(eio());
            }
            Verdict::Lost => state.tree.write_lost(node, &write),
            Verdict::Misdirect(by) => {
                state.tree.write_elsewhere(node, node, by, &write, durable);
            }
            Verdict::MisdirectTo(path) => {
                let other = state.tree.file_at(&path)?;
                state.tree.write_elsewhere(node, other, 0, &write, durable);
            }
            Verdict::Halt => {
                // The machine stops while the device works: any part of it may be there.
                state.tree.write(node, write, false);
                return Err(eio());
            }
            Verdict::NoSpace => return Err(no_space()),
            Verdict::Fail { .. } => return Err(eio()),
        }
        Ok(())
    }

    fn check_aligned(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let block = BLOCK_BYTES as u64;
        let aligned = (buf.as_ptr() as usize).is_multiple_of(BLOCK_BYTES)
            && buf.len().is_multiple_of(BLOCK_BYTES)
            && offset.is_multiple_of(block);
        if self.direct && !aligned {
            let why = io::Error::new(io::ErrorKind::InvalidInput, "direct write is not aligned");
            return Err(in_context("write", &self.path, why));
        }
        Ok(())
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.call(On::Read, "read", |state| Ok(state.tree.read(self.node, buf, offset)))
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.call(On::Read, "read", |state| {
            let read = state.tree.read(self.node, buf, offset);
            if read == buf.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
        })
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.check_aligned(buf, offset)?;
        self.write("write", Pending::Write { offset, bytes: Arc::from(buf) })
    }

    fn write_zeros_at(&self, offset: u64, len_bytes: u64) -> io::Result<()> {
        self.write("write zeros", Pending::Zeros { offset, len_bytes })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.call(On::Sync, "flush", |state| {
            state.tree.sync(self.node);
            Ok(())
        })
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_len(&self, len_bytes: u64) -> io::Result<()> {
        self.write("set length of", Pending::Len { len_bytes })
    }

    fn allocate(&self, len_bytes: u64) -> io::Result<()> {
        let len_bytes = len_bytes.max(lock(&self.shared).tree.len_bytes(self.node));
        self.write("allocate", Pending::Len { len_bytes })
    }

    fn len_bytes(&self) -> io::Result<u64> {
        self.call(On::Name, "stat", |state| Ok(state.tree.len_bytes(self.node)))
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.call(On::Name, "lock", |state| Ok(state.tree.try_lock(self.node, self.handle)))
    }

    fn drop_cache(&self) -> io::Result<()> {
        self.call(On::Name, "drop from the page cache", |state| {
            state.tree.drop_cache(self.node);
            Ok(())
        })
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut state = lock(&self.shared);
        if state.generation == self.generation {
            state.tree.closed(self.node, self.handle);
        }
    }
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(libc::EIO)
}

fn no_space() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOSPC)
}

#[cfg(test)]
mod tests;
