//! A simulated machine: disk, clock and randomness of one seed, on which cells are started, ended and started again.

use crate::limits::{JOURNAL_FILE_BYTES_FIRST, JOURNAL_FILE_BYTES_MAX, OWN_ROOM_BYTES};
use crate::seam::{Seam, SeamDisk};
use env::{Disk, Fault, FaultKind, On, SimClock, SimDisk, SimRandom, SimSnapshot};
use log::{
    Cell, CellLimits, CellOptions, Env, Mutant, OnFatal, OpenError, OpenReport, Pace, ReadyKeys,
};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Where the simulated data directory is mounted.
pub const DATA: &str = "/data";
/// Where the independent guard's device is mounted.
pub const GUARD_DEVICE: &str = "/guard";
/// The guard file.
pub const GUARD: &str = "/guard/heads";
/// The wall clock at the start of a world: 2027-01-15T08:00:00Z.
pub const START_NS: u64 = 1_800_000_000_000_000_000;

/// One machine.
pub struct World {
    /// Its disk.
    pub disk: Arc<SimDisk>,
    /// Its clock.
    pub clock: Arc<SimClock>,
    /// Its randomness.
    pub random: Arc<SimRandom>,
    /// Limits of its cells.
    pub limits: CellLimits,
    /// Deliberate faults of its cells.
    pub mutants: Vec<Mutant>,
    /// Signing keys that earlier starts have made ready; those of the first machine are every machine's.
    pub ready_keys: ReadyKeys,
    /// The operator says that the clock is right.
    pub confirm_clock: bool,
    /// What stands between its cells and the disk.
    pub seam: Option<Arc<dyn Seam>>,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The power goes: what was pending is kept, dropped, torn or reordered by the seed.
    PowerCut,
    /// The process is killed; the machine and its page cache go on.
    Kill,
    /// The process stops as it is asked to, then the power goes.
    Stop,
}

impl World {
    /// A machine with an empty disk.
    pub fn empty(seed: u64) -> World {
        let disk = SimDisk::new(seed);
        disk.create_mount(DATA);
        disk.create_mount(GUARD_DEVICE);
        let clock = SimClock::new(START_NS);
        // Time passes with each batch, so that no two have one time.
        clock.set_tick_ns(1_000_003);
        let limits = CellLimits {
            disk_reserve_bytes: 0,
            own_room_bytes: OWN_ROOM_BYTES,
            signer_threads: 1,
            unload_threads: 1,
            journal_unload_bytes: u64::MAX,
            ..CellLimits::default()
        };
        World {
            disk: Arc::new(disk),
            clock: Arc::new(clock),
            random: Arc::new(SimRandom::new(seed)),
            limits,
            mutants: Vec::new(),
            ready_keys: ReadyKeys::remembering(),
            confirm_clock: false,
            seam: None,
        }
    }

    /// A machine on which a first start has made the logs `system` and `main` and was stopped. Every world begins with
    /// the same one, made once.
    pub fn started(seed: u64) -> World {
        static FIRST: OnceLock<(SimSnapshot, ReadyKeys)> = OnceLock::new();
        // Nobody waits for who makes it: under a model checker, that would be for ever where one of them hangs.
        let first = FIRST.get().cloned().unwrap_or_else(World::first);
        let (snapshot, ready_keys) = FIRST.get_or_init(|| first);
        let mut world = World::empty(seed);
        world.ready_keys = ready_keys.clone();
        world.disk.restore(snapshot);
        world.disk.reseed(seed);
        world.clock.advance(3_600_000_000_000);
        world
    }

    fn first() -> (SimSnapshot, ReadyKeys) {
        let world = World::empty(0);
        let (cell, _) = world.open().expect("a sound machine starts");
        cell.keep_now().expect("the keeper runs");
        cell.seal_now().expect("the journal takes a seal");
        cell.stop();
        (world.disk.snapshot(), world.ready_keys)
    }

    /// How cells are opened here.
    pub fn options(&self) -> CellOptions {
        CellOptions {
            guard: Some(GUARD.into()),
            limits: self.limits,
            on_fatal: OnFatal::StopCell,
            ready_keys: self.ready_keys.clone(),
            pace: Pace::ByHand,
            journal_file_bytes: (JOURNAL_FILE_BYTES_FIRST, JOURNAL_FILE_BYTES_MAX),
            mutants: self.mutants.clone(),
            confirm_clock: self.confirm_clock,
            ..CellOptions::new(DATA)
        }
    }

    /// The disk as cells see it.
    pub fn seen_disk(&self) -> Arc<dyn Disk> {
        let disk: Arc<dyn Disk> = Arc::clone(&self.disk) as _;
        match &self.seam {
            Some(seam) => Arc::new(SeamDisk::new(disk, Arc::clone(seam))),
            None => disk,
        }
    }

    /// Starts a cell.
    pub fn open(&self) -> Result<(Cell, OpenReport), OpenError> {
        let env = Env {
            disk: self.seen_disk(),
            clock: Arc::clone(&self.clock) as _,
            random: Arc::clone(&self.random) as _,
        };
        Cell::open(env, self.options())
    }

    /// Ends a cell's process; the disk is then as the next start finds it.
    pub fn end(&self, cell: Option<&Cell>, how: End) {
        if how != End::Stop {
            self.halt();
        }
        if let Some(cell) = cell {
            cell.stop();
        }
        if how == End::Kill {
            self.disk.restart();
        } else {
            self.disk.crash();
        }
    }

    /// From here on nothing reaches the disk: what an ending process still tries has no effect.
    pub fn halt(&self) {
        self.disk.heal();
        self.disk.fail(Fault { on: On::Any, after: 0, forever: true, kind: FaultKind::Halt });
    }

    /// A digest of all files as readers see them, for comparing two runs.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for (path, len_bytes) in self.disk.files() {
            hasher.update(path.to_string_lossy().as_bytes());
            hasher.update(len_bytes.to_be_bytes());
            hasher.update(self.disk.file_bytes(&path).unwrap_or_default());
        }
        hasher.finalize().into()
    }

    /// The files below a directory with their bytes, by path.
    pub fn files_below(&self, dir: &str) -> Vec<(String, Vec<u8>)> {
        let files = self.disk.files().into_iter().filter(|(path, _)| path.starts_with(dir));
        files
            .map(|(path, _)| {
                let bytes = self.disk.file_bytes(&path).unwrap_or_default();
                (path.to_string_lossy().into_owned(), bytes)
            })
            .collect()
    }
}

/// Whether a path lies below the directory of sealed parts, states and vault objects or the journal: what is covered by
/// digests.
pub fn is_covered(path: &Path) -> bool {
    path.starts_with("/data/journal") || path.starts_with("/data/logs")
}
