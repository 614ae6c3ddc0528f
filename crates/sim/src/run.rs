//! One seed, one run: a log lives, dies and is started again, and the checker looks at it after every start.

use crate::check::{check_cell, check_offline};
use crate::client::{Client, Step};
use crate::history::Violation;
use crate::limits::{
    BATCH_EVENTS_MAX, CRASHES_PER_RUN, FAULT_AFTER_MAX, STARTS_MAX, STEPS_PER_LIFE_MAX,
    TRACE_LINES_SHOWN,
};
use crate::offline::with_causes;
use crate::world::{End, World};
use env::{Fault, FaultKind, On, SimRandom};
use log::Cell;

/// What a run is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOptions {
    /// Decides everything.
    pub seed: u64,
    /// Ends of the process or the machine.
    pub crashes: u64,
    /// Keeps the trace of calls to the disk.
    pub is_traced: bool,
}

impl RunOptions {
    /// A run of the usual length, without a trace.
    pub fn new(seed: u64) -> RunOptions {
        RunOptions { seed, crashes: CRASHES_PER_RUN, is_traced: false }
    }
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunReport {
    /// Ends of the process or the machine.
    pub crashes: u64,
    /// Faults that struck while a cell was running or starting.
    pub struck: u64,
    /// Events that were acknowledged.
    pub acked: u64,
    /// The calls to the disk, where they were traced.
    pub trace: Vec<String>,
    /// Digest of all files at the end.
    pub digest: [u8; 32],
}

/// A run that found something: the seed shows it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, after {crashes} crashes: {violation}\nlast calls:\n{trace}")]
pub struct RunFailure {
    /// The seed.
    pub seed: u64,
    /// Crashes before it.
    pub crashes: u64,
    /// What does not hold.
    pub violation: Violation,
    /// The last calls to the disk, one a line, where they were traced.
    pub trace: String,
}

/// Runs one seed on its own machine.
pub fn run(options: RunOptions) -> Result<RunReport, Box<RunFailure>> {
    let world = match options.seed % 16 {
        0 => World::empty(options.seed),
        _ => World::started(options.seed),
    };
    run_on(world, options)
}

/// Runs one seed on a machine that was prepared.
pub fn run_on(world: World, options: RunOptions) -> Result<RunReport, Box<RunFailure>> {
    let rng = SimRandom::new(options.seed ^ 0x5EED);
    // Half of the machines have no direct writes, so that commits are a write and a flush.
    world.disk.set_direct(rng.next_u64().is_multiple_of(2));
    if options.is_traced {
        world.disk.start_trace();
    }
    let mut life = Run { world, rng, client: Client::new(), report: RunReport::default() };
    let lived = (0..options.crashes).try_for_each(|_| life.live_once());
    let lived = lived.and_then(|()| life.look().map(|cell| life.world.end(Some(&cell), End::Stop)));
    let trace = life.world.disk.trace();
    if let Err(violation) = lived {
        let shown = trace.len().saturating_sub(TRACE_LINES_SHOWN);
        let (seed, crashes) = (options.seed, life.report.crashes);
        return Err(Box::new(RunFailure {
            seed,
            crashes,
            violation,
            trace: trace[shown..].join("\n"),
        }));
    }
    let acked = life.client.history.sent.values();
    life.report.acked =
        acked.filter(|sent| matches!(sent.outcome, crate::Outcome::Acked { .. })).count() as u64;
    life.report.trace = trace;
    life.report.digest = life.world.digest();
    Ok(life.report)
}

struct Run {
    world: World,
    rng: SimRandom,
    client: Client,
    report: RunReport,
}

impl Run {
    fn below(&self, limit: u64) -> u64 {
        self.rng.next_u64() % limit.max(1)
    }

    /// One start, a few steps with a fault to come, and an end.
    fn live_once(&mut self) -> Result<(), Violation> {
        let cell = self.start()?;
        self.plan_fault();
        for _ in 0..=self.below(STEPS_PER_LIFE_MAX) {
            let step = self.draw_step();
            if !self.client.step(&cell, step)? {
                self.report.struck += 1;
                break;
            }
        }
        let how = match self.below(8) {
            0 => End::Kill,
            1 => End::Stop,
            _ => End::PowerCut,
        };
        self.end(Some(&cell), how);
        Ok(())
    }

    fn end(&mut self, cell: Option<&Cell>, how: End) {
        self.world.end(cell, how);
        self.report.crashes += 1;
    }

    /// Starts a cell and checks it. One start in four meets a fault itself; then the next must do.
    fn start(&mut self) -> Result<Cell, Violation> {
        for _ in 1..STARTS_MAX {
            if self.below(4) != 0 {
                break;
            }
            self.plan_fault();
            let cell = self.world.open().ok().map(|(cell, _)| cell);
            self.report.struck += u64::from(cell.is_none());
            self.end(cell.as_ref(), End::PowerCut);
        }
        self.look()
    }

    /// Starts on a sound disk and checks everything.
    fn look(&mut self) -> Result<Cell, Violation> {
        self.world.disk.heal();
        let opened = self.world.open();
        let (cell, _) = opened.map_err(|error| Violation::new("I9", with_causes(&error)))?;
        check_cell(&cell, &mut self.client.history)?;
        if self.below(2) == 0 {
            check_offline(&self.world, &self.client.history)?;
        }
        Ok(cell)
    }

    fn plan_fault(&mut self) {
        let after = self.below(FAULT_AFTER_MAX);
        let (on, kind) = match self.below(10) {
            0 => (On::Write, FaultKind::Io { persisted: self.below(2) == 0 }),
            1 => (On::Sync, FaultKind::Io { persisted: self.below(2) == 0 }),
            2 => (On::SyncDir, FaultKind::Io { persisted: self.below(2) == 0 }),
            3 => (On::Any, FaultKind::Io { persisted: false }),
            4 => (On::Write, FaultKind::Halt),
            5 => (On::Write, FaultKind::NoSpace),
            _ => (On::Any, FaultKind::Halt),
        };
        let after = if on == On::Any { after } else { after / 8 };
        self.world.disk.fail(Fault { on, after, forever: false, kind });
    }

    fn draw_step(&mut self) -> Step {
        match self.below(24) {
            0..=2 => Step::Unload,
            3..=5 => Step::Seal,
            6 | 7 => Step::Keep,
            8 | 9 => Step::Read,
            10 | 11 => Step::Resend,
            12 if self.client.logs < 2 && self.below(4) == 0 => Step::CreateLog,
            13 if self.below(16) == 0 => Step::RotateKeys,
            14 => {
                "main".clone_into(&mut self.client.log);
                Step::Read
            }
            15 => {
                self.world.clock.step_wall(-1_500_000_000);
                Step::Seal
            }
            _ => Step::Append {
                events: 1 + self.below(BATCH_EVENTS_MAX),
                padding_bytes: if self.below(6) == 0 { 9_000 } else { self.below(300) as usize },
                blob: self.below(8) == 0,
            },
        }
    }
}
