//! One seed, one run: a log lives, dies and is started again, and the checker looks at it after every start.

use crate::check::{check_cell, check_cell_anew, check_offline};
use crate::client::{Client, Step};
use crate::history::Violation;
use crate::limits::{
    BATCH_EVENTS_MAX, FAULT_AFTER_MAX, LIVES_PER_RUN, OUTCOMES_PER_CUT, STARTS_MAX,
    STEPS_PER_LIFE_MAX, TRACE_LINES_SHOWN,
};
use crate::world::{End, World};
use env::{Fault, FaultKind, On, SimRandom, SimSnapshot};
use graven_entry::with_causes;
use log::Cell;

/// What a run is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOptions {
    /// Decides everything.
    pub seed: u64,
    /// Lives of the log, each with an end that is a crash, or several.
    pub lives: u64,
    /// Keeps the trace of calls to the disk.
    pub is_traced: bool,
}

impl RunOptions {
    /// A run of the usual length, without a trace.
    pub fn new(seed: u64) -> RunOptions {
        RunOptions { seed, lives: LIVES_PER_RUN, is_traced: false }
    }
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunReport {
    /// Ends of the process or the machine, each followed by a start that was checked; disks that came out the same after
    /// one power cut count once.
    pub crashes: u64,
    /// Faults that struck while a cell was running or starting.
    pub struck: u64,
    /// Events that were acknowledged.
    pub acked: u64,
    /// The calls to the disk, where they were traced.
    pub trace: Vec<String>,
    /// Digest of all files at the end, where the calls were traced.
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
    let lived = (0..options.lives).try_for_each(|_| life.live_once());
    let lived = lived.and_then(|()| life.look_at_all());
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
    if options.is_traced {
        life.report.digest = life.world.digest();
    }
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
        match self.below(8) {
            0 => self.end(&cell, End::Kill),
            1 => self.end(&cell, End::Stop),
            _ => self.cut_power(Some(&cell))?,
        }
        Ok(())
    }

    fn end(&mut self, cell: &Cell, how: End) {
        self.world.end(Some(cell), how);
        self.report.crashes += 1;
    }

    /// The power goes. What the disk keeps of what was pending is drawn several times, and each disk that differs from
    /// those before it is a crash of its own. The run goes on with the first; the others are started and checked here.
    fn cut_power(&mut self, cell: Option<&Cell>) -> Result<(), Violation> {
        self.world.halt();
        if let Some(cell) = cell {
            cell.stop();
        }
        let pending = self.world.disk.snapshot();
        let mut crashed: Vec<SimSnapshot> = Vec::with_capacity(OUTCOMES_PER_CUT);
        for _ in 0..OUTCOMES_PER_CUT {
            self.world.disk.restore(&pending);
            self.world.disk.reseed(self.rng.next_u64());
            self.world.disk.crash();
            let outcome = self.world.disk.snapshot();
            if crashed.iter().any(|other| outcome.has_content_of(other)) {
                continue;
            }
            if !crashed.is_empty() {
                self.look_aside()?;
            }
            crashed.push(outcome);
            self.report.crashes += 1;
        }
        self.world.disk.restore(&crashed[0]);
        Ok(())
    }

    /// Starts and checks, without a consequence for the run: what this start shows is not remembered.
    fn look_aside(&mut self) -> Result<(), Violation> {
        let history = self.client.history.clone();
        let cell = self.look()?;
        self.world.end(Some(&cell), End::Kill);
        self.client.history = history;
        Ok(())
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
            self.cut_power(cell.as_ref())?;
        }
        self.look()
    }

    /// Starts on a sound disk and checks it.
    fn look(&mut self) -> Result<Cell, Violation> {
        let cell = self.open()?;
        check_cell(&cell, &mut self.client.history)?;
        if self.below(2) == 0 {
            check_offline(&self.world, &self.client.history)?;
        }
        Ok(cell)
    }

    /// The last look of a run: nothing is taken as checked before.
    fn look_at_all(&mut self) -> Result<(), Violation> {
        let cell = self.open()?;
        check_cell_anew(&cell, &mut self.client.history)?;
        check_offline(&self.world, &self.client.history)?;
        self.world.end(Some(&cell), End::Stop);
        Ok(())
    }

    fn open(&self) -> Result<Cell, Violation> {
        self.world.disk.heal();
        let opened = self.world.open();
        let (cell, _) = opened.map_err(|error| Violation::new("I9", with_causes(&error)))?;
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
