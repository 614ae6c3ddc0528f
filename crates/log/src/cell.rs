//! A cell: one journal with its logs, its threads, and the door to them.

use crate::answer::{self, AnswerParts};
use crate::budget::{Budget, WriterBudgets};
use crate::create::FirstLogs;
use crate::frame_pool::FramePool;
use crate::guard::Guard;
use crate::handle::{LogHandle, Pending};
use crate::identity::{IdentityHasher, IdentityWindow};
use crate::inbox::{Inbox, Work};
use crate::inner::{Creator, Env, Inner, NewLog, Threads, is_system};
use crate::journal_thread::JournalThread;
use crate::keeper::Keeper;
use crate::keys::ReadyKeys;
use crate::limits::{CellLimits, SEAL_AFTER_IDLE};
use crate::messages::{Ask, SignedSince, ToJournal};
use crate::meta::ENDED_FILE;
use crate::mutants::{Mutant, Mutants};
use crate::pace::Pace;
use crate::poison::{OnFatal, Poison};
use crate::read::Reader;
use crate::recover::{OpenError, Places, Recovery, ask_guard, recover};
use crate::registry::Registry;
use crate::room::Room;
use crate::sealer::Sealer;
use crate::sequencer::{Sequencer, SequencerParts};
use crate::shared::LogShared;
use crate::stats::{Metrics, Stats};
use crate::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use crate::sync::{Builder, JoinHandle};
use crate::time_keeper::TimeKeeper;
use crate::unload::Unloader;
use crate::unload_log::{LogUnloader, Persisted};
use append::{Code, Refusal};
use env::OpenMode;
use graven_entry::{LogName, Name};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use store::limits::{JOURNAL_FILE_BYTES_FIRST, JOURNAL_FILE_BYTES_MAX, RESERVE_BYTES_DEFAULT};
use store::segments::SegmentStore;
use store::{
    DirectoryLock, Journal, JournalError, LocalJournal, LocalJournalOptions, Recovered, Reserve,
    Slot, SpareMaker, VaultStore, check_filesystem, ensure_format,
};

/// How a cell is opened.
#[derive(Clone, Debug)]
pub struct CellOptions {
    /// The data directory; made at the first start.
    pub data: PathBuf,
    /// Origin of the log `main`, which the first start makes; the default names the installation.
    pub main_origin: Option<Name>,
    /// File of the independent guard, best on another device.
    pub guard: Option<PathBuf>,
    /// Directory of the signing keys; `<data>/keys` without it.
    pub keys_dir: Option<PathBuf>,
    /// Signing keys that an earlier start in this process has made ready.
    pub ready_keys: ReadyKeys,
    /// A guard file that is missing is a new one, although the data directory is not.
    pub new_guard: bool,
    /// Signing keys that are missing are lost: their logs end and are continued by successors.
    pub lost_keys: bool,
    /// The operator says that the clock is right, however far it jumped.
    pub confirm_clock: bool,
    /// Limits.
    pub limits: CellLimits,
    /// How often sizes and roots of changed logs are written into `system`, in seconds.
    pub roots_every_s: u64,
    /// The operator takes a file system whose locks and flushes cannot be relied on.
    pub force_filesystem: bool,
    /// What a fatal fault does to the process.
    pub on_fatal: OnFatal,
    /// What makes the cell act when no producer does.
    pub pace: Pace,
    /// Sizes in bytes of a new journal's first file and of its largest.
    pub journal_file_bytes: (u64, u64),
    /// Deliberate faults that are on from the start; without effect outside of test builds.
    pub mutants: Vec<Mutant>,
}

impl CellOptions {
    /// The defaults for a data directory.
    pub fn new(data: impl Into<PathBuf>) -> CellOptions {
        CellOptions {
            data: data.into(),
            main_origin: None,
            guard: None,
            keys_dir: None,
            ready_keys: ReadyKeys::default(),
            new_guard: false,
            lost_keys: false,
            confirm_clock: false,
            limits: CellLimits::default(),
            roots_every_s: 60,
            force_filesystem: false,
            on_fatal: OnFatal::Abort,
            pace: Pace::ByClock,
            journal_file_bytes: (JOURNAL_FILE_BYTES_FIRST, JOURNAL_FILE_BYTES_MAX),
            mutants: Vec::new(),
        }
    }
}

/// What opening found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// This was the first start: directory, keys and the logs `system` and `main` were made.
    pub first_start: bool,
    /// The journal's last frame was not whole and was left out; it was never acknowledged.
    pub truncated_slot: Option<u64>,
    /// The journal's last file was copied forward.
    pub copied_forward: bool,
    /// Logs that are read-only, with why.
    pub ended: Vec<(String, String)>,
}

/// How a cell feels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Appends are taken.
    pub ready: bool,
    /// Why not, if not.
    pub read_only: Option<String>,
    /// Free bytes on the data directory's disk.
    pub disk_free_bytes: u64,
    /// Bytes in the journal that are not unloaded yet.
    pub journal_bytes: u64,
    /// Events that wait to be made permanent or answered.
    pub queued_events: usize,
    /// Their bytes.
    pub queued_bytes: usize,
    /// The kernel says that the clock is synchronised.
    pub clock_synced: bool,
    /// The kernel's bound for the clock's error.
    pub clock_error_ns: Option<u64>,
    /// Logs.
    pub logs: usize,
}

/// One journal with its logs. Cheap to clone; the last [`Cell::stop`] or drop ends the threads.
#[derive(Clone)]
pub struct Cell {
    pub(crate) inner: Arc<Inner>,
}

impl Cell {
    /// Opens the cell of a data directory, with a local journal. The first start makes everything.
    pub fn open(env: Env, options: CellOptions) -> Result<(Cell, OpenReport), OpenError> {
        env.disk.create_dir(&options.data).map_err(OpenError::Machine)?;
        let lock = DirectoryLock::acquire(&*env.disk, &options.data)?;
        ensure_format(&*env.disk, &options.data)?;
        check_filesystem(&*env.disk, &options.data, options.force_filesystem)?;
        let (journal, recovered) = open_journal(&env, &options)?;
        let reserve = open_reserve(&env, &options)?;
        let spares = journal.spare_maker();
        let report = OpenReport {
            first_start: recovered.created,
            truncated_slot: recovered.truncated.as_ref().map(|torn| torn.slot.0),
            copied_forward: recovered.copied_forward,
            ended: Vec::new(),
        };
        let journal = OpenJournal {
            journal: Box::new(journal),
            first_slot: recovered.first_slot,
            spares: Some(spares),
            reserve: Some(reserve),
            lock: Some(lock),
        };
        start(env, options, journal, report)
    }

    /// Opens a cell on a journal of another kind. The caller answers for its exclusion.
    pub fn open_on(
        env: Env,
        options: CellOptions,
        journal: Box<dyn Journal>,
        first_slot: Slot,
    ) -> Result<(Cell, OpenReport), OpenError> {
        env.disk.create_dir(&options.data).map_err(OpenError::Machine)?;
        let journal = OpenJournal { journal, first_slot, spares: None, reserve: None, lock: None };
        start(env, options, journal, OpenReport::default())
    }

    /// Creates a log: keys, directory, entry 0, and a note in `system`. Blocks until all of it is permanent.
    pub fn create_log(&self, name: &LogName, new: NewLog) -> Result<LogHandle, Refusal> {
        let mut creator = self.inner.creator.lock().unwrap_or_else(PoisonError::into_inner);
        let log = creator.create(&self.inner, name, &new)?;
        Ok(LogHandle::new(&self.inner, log))
    }

    /// Seals values and encrypts disclosures from now on with `sealer`; without one, disclosures are refused. The first call
    /// counts.
    pub fn seal_with(&self, sealer: Arc<dyn Sealer>) {
        self.inner.sealer.get_or_init(|| sealer);
    }

    /// The log of this name.
    pub fn log(&self, name: &str) -> Option<LogHandle> {
        self.inner.registry.get(name).map(|log| LogHandle::new(&self.inner, log))
    }

    /// All logs, by name.
    pub fn logs(&self) -> Vec<LogHandle> {
        let logs = self.inner.registry.all().into_iter();
        logs.map(|log| LogHandle::new(&self.inner, log)).collect()
    }

    /// The server's own logs, the oldest first: `system`, and its successors where it had to end.
    pub fn system_logs(&self) -> Vec<LogHandle> {
        let mut logs = self.inner.registry.all();
        logs.retain(|log| is_system(log.name.as_str()));
        logs.sort_by_key(|log| log.no);
        logs.into_iter().map(|log| LogHandle::new(&self.inner, log)).collect()
    }

    /// Appends the server's own events, whose actions are `graven.*`, to `system`. They may use the reserve of a full disk:
    /// ask [`Cell::check_own_room`] before what makes many of them.
    pub fn record(&self, events: Vec<Vec<u8>>) -> Result<Pending, Refusal> {
        self.inner.check_open()?;
        let ended = || Refusal::new(Code::Unavailable, "there is no `system` log that goes on");
        let log = self.inner.system().ok_or_else(ended)?;
        Ok(Pending::own(&self.inner, log, events))
    }

    /// The same of one event with sealed values: what opens them comes encrypted, and is permanent with it.
    pub fn record_sealed(
        &self,
        event: Vec<u8>,
        disclosures: Vec<Vec<u8>>,
    ) -> Result<Pending, Refusal> {
        self.inner.check_open()?;
        let ended = || Refusal::new(Code::Unavailable, "there is no `system` log that goes on");
        let log = self.inner.system().ok_or_else(ended)?;
        Ok(Pending::own_sealed(&self.inner, log, event, disclosures))
    }

    /// Refuses with `disk_full` where the disk is full and what is left has to be kept for the log's own entries.
    pub fn check_own_room(&self) -> Result<(), Refusal> {
        self.inner.room.check_own()
    }

    /// How the cell feels.
    pub fn health(&self) -> Health {
        let inner = &self.inner;
        let full = inner.room.is_disk_full().then(|| "the disk is full".to_owned());
        let stopping = inner.stopping.load(Ordering::Acquire).then(|| "stopping".to_owned());
        let read_only = inner.poison.reason().map(str::to_owned).or(stopping).or(full);
        let (queued_events, queued_bytes) = inner.queue.used();
        let clock = inner.env.clock.kernel_state();
        Health {
            ready: read_only.is_none(),
            read_only,
            disk_free_bytes: inner.env.disk.free_bytes(&inner.data).unwrap_or(0),
            journal_bytes: inner.room.retained_bytes(),
            queued_events,
            queued_bytes,
            clock_synced: clock.synced,
            clock_error_ns: clock.error_ns,
            logs: inner.registry.len(),
        }
    }

    /// Counters since the start.
    pub fn metrics(&self) -> Metrics {
        let cache = &self.inner.reader.stats;
        self.inner
            .stats
            .read(cache.hits.load(Ordering::Relaxed), cache.misses.load(Ordering::Relaxed))
    }

    /// Switches of deliberate faults, for tests that show that the checks against them work.
    pub fn mutants(&self) -> &Mutants {
        &self.inner.mutants
    }

    /// Moves everything from the journal into parts now. Blocks; says why where it could not.
    pub fn unload(&self) -> Result<(), String> {
        let (reply, answer) = channel();
        let gone = || "the cell has stopped".to_owned();
        self.inner.unloader.send(Ask::UnloadAll(reply)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }

    /// Makes a frame permanent that vouches for every one before it, as an idle journal does of itself.
    pub fn seal_now(&self) -> Result<(), String> {
        let (reply, sealed) = channel();
        self.inner.inbox.push(Work::Seal { reply: Some(reply) });
        sealed.recv().map(drop).map_err(|_| "the cell has stopped".to_owned())
    }

    /// Has the keeper do a round now: disk space, the spare journal file, signatures that nobody waits for, the guard.
    pub fn keep_now(&self) -> Result<(), String> {
        let gone = || "the cell has stopped".to_owned();
        let threads = self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let keeper = threads.as_ref().and_then(|threads| threads.keeper.as_ref());
        let ask = keeper.map(|(ask, _)| ask.clone()).ok_or_else(gone)?;
        drop(threads);
        let (done, round) = channel();
        ask.send(done).map_err(|_| gone())?;
        // A keeper that gets the asking channel's last copy back must see it closed.
        drop(ask);
        round.recv().map_err(|_| gone())
    }

    /// Refuses new batches, commits and answers those that are queued, then ends the threads and gives the data
    /// directory free. A second call does nothing.
    pub fn stop(&self) {
        self.inner.stop();
    }
}

struct OpenJournal {
    journal: Box<dyn Journal>,
    first_slot: Slot,
    spares: Option<SpareMaker>,
    reserve: Option<Reserve>,
    lock: Option<DirectoryLock>,
}

/// Opens the local journal. Where a full disk leaves no room for copying it forward, the reserve of an earlier start is
/// given up: that is what it is for.
fn open_journal(env: &Env, options: &CellOptions) -> Result<(LocalJournal, Recovered), OpenError> {
    let dir = options.data.join("journal");
    let open = || {
        let (file_bytes_first, file_bytes_max) = options.journal_file_bytes;
        let journal_options = LocalJournalOptions {
            file_bytes_first,
            file_bytes_max,
            truncate_bad_frames: options.mutants.contains(&Mutant::TruncateBadFrames),
            ..LocalJournalOptions::new(Arc::clone(&env.random))
        };
        LocalJournal::open(Arc::clone(&env.disk), &dir, journal_options)
    };
    match open() {
        Err(JournalError::Full { .. }) if open_reserve(env, options)?.give_up()? => Ok(open()?),
        other => Ok(other?),
    }
}

/// The reserve is as large as the largest journal file, so that it covers one copy-forward.
fn open_reserve(env: &Env, options: &CellOptions) -> Result<Reserve, OpenError> {
    let dir = options.data.join("journal");
    let mut size_bytes = RESERVE_BYTES_DEFAULT;
    for entry in env.disk.list(&dir).map_err(OpenError::Machine)? {
        let file =
            env.disk.open(&dir.join(&entry.name), OpenMode::Read).map_err(OpenError::Machine)?;
        size_bytes = size_bytes.max(file.len_bytes().map_err(OpenError::Machine)?);
    }
    Ok(Reserve::open(Arc::clone(&env.disk), &options.data, size_bytes)?)
}

/// Recovers the logs, starts the threads and finishes what a crash cut off.
fn start(
    env: Env,
    options: CellOptions,
    journal: OpenJournal,
    mut report: OpenReport,
) -> Result<(Cell, OpenReport), OpenError> {
    let keys_dir = options.keys_dir.clone().unwrap_or_else(|| options.data.join("keys"));
    env.disk.create_dir(&keys_dir).map_err(OpenError::Machine)?;
    let store = SegmentStore::new(Arc::clone(&env.disk), &options.data);
    let reader = Reader::new(store.clone());
    let places = Places {
        disk: &env.disk,
        data: &options.data,
        keys: &keys_dir,
        ready_keys: &options.ready_keys,
        store: &store,
        lost_keys: options.lost_keys,
    };
    let mut recovery =
        recover(&places, &*journal.journal, journal.first_slot, (&options.limits, &reader))?;
    let hasher = IdentityHasher::new(&identity_key(&env, &keys_dir)?);
    let guard = match &options.guard {
        Some(path) => {
            let may_be_new = options.new_guard || recovery.logs.is_empty();
            Some(Guard::open(Arc::clone(&env.disk), path, may_be_new)?)
        }
        None => None,
    };
    let ignored = Mutants::starting_with(&options.mutants).is_on(Mutant::GuardIgnored);
    if let Some(guard) = guard.as_ref().filter(|_| !ignored) {
        ask_guard(&recovery.logs, guard.heads(), &reader, &mut recovery.ended)?;
    }
    for (name, reason) in &recovery.ended {
        // A start without the guard, or with the keys put back, must not bring the log to life again.
        store.write_file(name, ENDED_FILE, format!("{reason}\n").as_bytes())?;
    }
    report.ended = std::mem::take(&mut recovery.ended);
    let creator = Creator::new(keys_dir, store.clone(), options.limits, &recovery.logs);
    let first = FirstLogs { main_origin: options.main_origin.clone() };
    let (inner, starter) =
        wire(env, &options, journal, recovery, (store, reader, hasher, creator))?;
    report.first_start |= first.ensure(&inner, &starter.unopened)?;
    let system = FirstLogs::system(&inner)?;
    starter.start_keeper(&inner, &options, guard, system)?;
    Ok((Cell { inner }, report))
}

/// What is still to be done once the cell takes entries.
struct Starter {
    unopened: Vec<(Arc<LogShared>, String)>,
    spares: Option<SpareMaker>,
    reserve: Option<Reserve>,
}

impl Starter {
    fn start_keeper(
        self,
        inner: &Arc<Inner>,
        options: &CellOptions,
        guard: Option<Guard>,
        system: Arc<LogShared>,
    ) -> Result<(), OpenError> {
        let (ask_keeper, asks) = channel();
        let keeper = Keeper {
            registry: Arc::clone(&inner.registry),
            inbox: Arc::clone(&inner.inbox),
            disk: Arc::clone(&inner.env.disk),
            data: inner.data.clone(),
            clock: Arc::clone(&inner.env.clock),
            room: Arc::clone(&inner.room),
            spares: self.spares,
            reserve: self.reserve,
            guard,
            reserve_bytes: options.limits.disk_reserve_bytes,
            roots_every_s: options.roots_every_s,
            system,
            answers: inner.answers.clone(),
            poison: inner.poison.clone(),
            asks,
            pace: options.pace,
            told: BTreeMap::new(),
        };
        let handle = spawn("graven-keeper", move || keeper.run())?;
        let mut threads = inner.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(threads) = threads.as_mut() {
            threads.keeper = Some((ask_keeper, handle));
        }
        Ok(())
    }
}

/// What several threads of a cell hold together.
struct Common {
    registry: Arc<Registry>,
    inbox: Arc<Inbox>,
    pool: Arc<FramePool>,
    room: Arc<Room>,
    stats: Arc<Stats>,
    mutants: Arc<Mutants>,
    poison: Poison,
    answers: AnswerParts,
    /// To the journal thread, from the commit thread and the unloader.
    to_journal: SyncSender<ToJournal>,
    /// To the unloader.
    ask_unloader: SyncSender<Ask>,
}

/// Messages that may wait for the unloader; a wake-up that finds no place is not needed.
const ASKS_MAX: usize = 16;

/// Starts the threads around a recovered cell.
fn wire(
    env: Env,
    options: &CellOptions,
    journal: OpenJournal,
    recovery: Recovery,
    (store, reader, hasher, creator): (SegmentStore, Reader, IdentityHasher, Creator),
) -> Result<(Arc<Inner>, Starter), OpenError> {
    let in_flight_max = journal.journal.in_flight_max();
    let (to_journal, messages) = sync_channel(in_flight_max + 2);
    let (ask_unloader, asks) = sync_channel(ASKS_MAX);
    let limits = &options.limits;
    let room = Room::new(
        (Arc::clone(&env.disk), options.data.clone()),
        limits,
        (journal.journal.ready_bytes(), journal.spares.clone()),
    );
    let common = common(options, &reader, &recovery, room, (to_journal, ask_unloader));
    let (answerer, mut handles) = answer::start(options.limits.signer_threads, &common.answers)
        .map_err(OpenError::Machine)?;
    let journal_thread = JournalThread {
        journal: journal.journal,
        messages,
        inbox: Arc::clone(&common.inbox),
        pool: Arc::clone(&common.pool),
        answerer,
        room: Arc::clone(&common.room),
        stats: Arc::clone(&common.stats),
        clock: Arc::clone(&env.clock),
        mutants: Arc::clone(&common.mutants),
        poison: common.poison.clone(),
        unloader: common.ask_unloader.clone(),
        unload_at_bytes: options.limits.journal_unload_bytes,
    };
    let Recovery { logs, window, persisted, unopened, .. } = recovery;
    let vault = VaultStore::new(Arc::clone(&env.disk), &options.data);
    let unloader =
        unloader(&common, options, (store, vault.clone(), reader.clone()), asks, persisted);
    let logs: Vec<Arc<LogShared>> = logs.into_values().collect();
    let sequencer =
        sequencer(&common, &env, options, (window, hasher.clone(), in_flight_max), &logs);
    handles.insert(0, spawn("graven-commit", move || sequencer.run())?);
    handles.insert(1, spawn("graven-unload", move || unloader.run())?);
    handles.insert(2, spawn("graven-journal", move || journal_thread.run())?);
    let threads = Threads { keeper: None, handles, lock: journal.lock };
    let inner = Inner {
        env,
        data: options.data.clone(),
        registry: common.registry,
        inbox: common.inbox,
        room: common.room,
        stats: common.stats,
        reader,
        vault,
        hasher,
        sealer: OnceLock::new(),
        queue: Budget::new("this server", limits.queue_events, limits.queue_bytes),
        writers: WriterBudgets::new(limits.writer_queue_events, limits.writer_queue_bytes),
        answers: common.answers,
        mutants: common.mutants,
        poison: common.poison,
        stopping: AtomicBool::new(false),
        pace: options.pace,
        creator: Mutex::new(creator),
        unloader: common.ask_unloader,
        threads: Mutex::new(Some(threads)),
    };
    Ok((Arc::new(inner), Starter { unopened, spares: journal.spares, reserve: journal.reserve }))
}

fn common(
    options: &CellOptions,
    reader: &Reader,
    recovery: &Recovery,
    room: Room,
    (to_journal, ask_unloader): (SyncSender<ToJournal>, SyncSender<Ask>),
) -> Common {
    let registry = Arc::new(Registry::default());
    recovery.logs.values().for_each(|log| registry.insert(Arc::clone(log)));
    let poison = Poison::new(options.on_fatal);
    let signed_since = Arc::new(SignedSince::default());
    let answers = AnswerParts { reader: reader.clone(), signed_since, poison: poison.clone() };
    Common {
        registry,
        inbox: Arc::default(),
        pool: Arc::default(),
        room: Arc::new(room),
        stats: Arc::default(),
        mutants: Arc::new(Mutants::starting_with(&options.mutants)),
        poison,
        answers,
        to_journal,
        ask_unloader,
    }
}

fn sequencer(
    common: &Common,
    env: &Env,
    options: &CellOptions,
    (window, hasher, in_flight_max): (IdentityWindow, IdentityHasher, usize),
    logs: &[Arc<LogShared>],
) -> Sequencer {
    let last_ns = logs.iter().map(|log| log.state().last_time_ns).filter(|ns| *ns > 0).max();
    let parts = SequencerParts {
        inbox: Arc::clone(&common.inbox),
        pool: Arc::clone(&common.pool),
        frames: common.to_journal.clone(),
        in_flight_max,
        room: Arc::clone(&common.room),
        signed_since: Arc::clone(&common.answers.signed_since),
        window,
        hasher,
        time: TimeKeeper::new(Arc::clone(&env.clock), last_ns, options.confirm_clock),
        random: Arc::clone(&env.random),
        mutants: Arc::clone(&common.mutants),
        poison: common.poison.clone(),
        seal_after: options.pace.is_by_clock().then_some(SEAL_AFTER_IDLE),
    };
    Sequencer::new(parts, logs)
}

fn unloader(
    common: &Common,
    options: &CellOptions,
    (store, vault, reader): (SegmentStore, VaultStore, Reader),
    asks: Receiver<Ask>,
    persisted: BTreeMap<String, Persisted>,
) -> Unloader {
    Unloader {
        registry: Arc::clone(&common.registry),
        logs: LogUnloader {
            store,
            vault,
            reader,
            stats: Arc::clone(&common.stats),
            poison: common.poison.clone(),
            threads: options.limits.unload_threads,
            persisted: Mutex::new(persisted),
        },
        inbox: Arc::clone(&common.inbox),
        journal: common.to_journal.clone(),
        asks,
        room: Arc::clone(&common.room),
        stats: Arc::clone(&common.stats),
        unload_at_bytes: options.limits.journal_unload_bytes,
        pace: options.pace,
        poison: common.poison.clone(),
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    Builder::new().name(name.to_owned()).spawn(run).map_err(OpenError::Machine)
}

/// Bytes of the cell's secret for identities. In its file a CRC32C follows: with another secret the log would not know its
/// own entries again, and take what is sent again for new.
const IDENTITY_KEY_BYTES: usize = 32;

/// The cell's secret for identities, drawn at the first start.
fn identity_key(env: &Env, keys_dir: &Path) -> Result<[u8; IDENTITY_KEY_BYTES], OpenError> {
    let path = keys_dir.join("identity.key");
    match env.disk.open(&path, OpenMode::Read) {
        Ok(file) => {
            let mut bytes = vec![0; file.len_bytes().map_err(OpenError::Machine)? as usize];
            file.read_exact_at(&mut bytes, 0).map_err(OpenError::Machine)?;
            let why = "it is not the key that was written".to_owned();
            return parse_identity_key(&bytes).ok_or(OpenError::Corrupt { path, why });
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(OpenError::Machine(error)),
    }
    let mut key = [0u8; IDENTITY_KEY_BYTES];
    env.random.fill(&mut key);
    let crc = crc32c::crc32c(&key).to_be_bytes();
    let temporary = keys_dir.join("identity.key.new");
    let write = || {
        match env.disk.remove(&temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = env.disk.open(&temporary, OpenMode::CreateNew)?;
        env.disk.set_mode(&temporary, 0o600)?;
        file.write_at(&[&key[..], &crc[..]].concat(), 0)?;
        file.sync_all()?;
        env.disk.rename(&temporary, &path)?;
        env.disk.sync_dir(keys_dir)
    };
    write().map_err(OpenError::Machine)?;
    Ok(key)
}

/// The secret of a file's bytes; files of before the checksum hold the secret alone.
pub(crate) fn parse_identity_key(bytes: &[u8]) -> Option<[u8; IDENTITY_KEY_BYTES]> {
    let (key, crc) = bytes.split_first_chunk::<IDENTITY_KEY_BYTES>()?;
    let is_whole = crc.is_empty() || crc == crc32c::crc32c(key).to_be_bytes();
    is_whole.then_some(*key)
}
