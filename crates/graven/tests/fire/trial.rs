//! One data directory through fault after fault: load, a fault in the middle of it, and the look at what is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::Ordering;

use client::{Client, LogKeys};
use graven_merkle::leaf_hash;
use log::{Cell, CellOptions, Env, OnFatal};
use sim::{Outcome, Violation, check_cell};
use store::DirectoryLock;

use super::device::wait_until;
use super::dice::Dice;
use super::fixture::Fixture;
use super::http::Address;
use super::producer::{Kind, LOG, Outside, Producer};

/// Acknowledged entries that are read back over HTTP at each look, with their proofs.
const READ_BACK: usize = 6;

/// A data directory, its server and everyone who appends to it.
pub(crate) struct Trial {
    pub(crate) fixture: Fixture,
    pub(crate) data: PathBuf,
    pub(crate) dice: Dice,
    pub(crate) outside: Outside,
    /// Program and arguments that run the server, where it is not run directly.
    pub(crate) runner: Vec<String>,
    producers: Vec<Producer>,
    /// The verifier keys of the log, as copied at the first start.
    vkeys: Option<String>,
}

/// What a fault may take hold of while everyone appends.
pub(crate) struct Scene<'a> {
    pub(crate) fixture: &'a mut Fixture,
    pub(crate) dice: &'a mut Dice,
    pub(crate) address: &'a Address,
    pub(crate) outside: &'a Outside,
}

impl Trial {
    /// A trial on this directory; it need not be there yet.
    pub(crate) fn on(data: &Path, dice: &mut Dice, blob_bytes_max: u64) -> Trial {
        let kinds = [Kind::Single, Kind::Single, Kind::Lines, Kind::Stream, Kind::Blob];
        let producers = kinds.map(|kind| Producer::new(kind, dice.split(), blob_bytes_max));
        Trial {
            fixture: Fixture::empty(),
            data: data.to_owned(),
            dice: dice.split(),
            outside: Outside::default(),
            runner: Vec::new(),
            producers: producers.into(),
            vkeys: None,
        }
    }

    /// The command of a server on the directory.
    pub(crate) fn command(&self) -> Command {
        let data = self.data.to_str().expect("a temporary path is text");
        let args = ["serve", "--listen", "127.0.0.1:0", "--data", data];
        let runner: Vec<&str> = self.runner.iter().map(String::as_str).collect();
        self.fixture.command_by(&runner, &args)
    }

    /// Starts the server; an error is how it ended and what it said.
    pub(crate) fn start(&mut self) -> Result<Address, (ExitStatus, String)> {
        let said = self.fixture.serve_by(self.command(), &[])?;
        let vkeys = || fs::read_to_string(self.data.join("logs/main/vkeys")).unwrap();
        self.vkeys.get_or_insert_with(vkeys);
        Ok(Address::of(&said, &self.data))
    }

    /// Starts the server, lets everyone append, and does `fault` meanwhile; ends when nobody is answered any more.
    pub(crate) fn load(&mut self, fault: impl FnOnce(Scene<'_>)) -> Result<(), Violation> {
        let address = self.start().map_err(not_up)?;
        self.load_at(&address, fault)
    }

    /// The same, where the start itself may meet a fault and end.
    pub(crate) fn load_or_end(&mut self, fault: impl FnOnce(Scene<'_>)) -> Result<(), Violation> {
        self.start().map_or(Ok(()), |address| self.load_at(&address, fault))
    }

    fn load_at(
        &mut self,
        address: &Address,
        fault: impl FnOnce(Scene<'_>),
    ) -> Result<(), Violation> {
        let Trial { fixture, dice, outside, producers, .. } = self;
        let outside = &*outside;
        std::thread::scope(|scope| {
            let spawn = |producer| {
                let producer: &mut Producer = producer;
                scope.spawn(move || producer.run(address, outside))
            };
            let running: Vec<_> = producers.iter_mut().map(spawn).collect();
            fault(Scene { fixture, dice, address, outside });
            running.into_iter().try_for_each(|running| running.join().unwrap())
        })
    }

    /// On a sound machine: starts, sends again what has no answer and something new, reads back, stops, and checks all there
    /// is.
    pub(crate) fn look(&mut self) -> Result<(), Violation> {
        let address = self.start().map_err(not_up)?;
        for producer in &mut self.producers {
            producer.settle(&address, &self.outside)?;
        }
        self.producers[0].demand(&address, &self.outside)?;
        self.read_back(&address)?;
        self.fixture.stop();
        self.check_stopped()
    }

    /// What the server serves is what it acknowledged, and its proofs hold against the first keys.
    fn read_back(&mut self, address: &Address) -> Result<(), Violation> {
        let bad = |what: String| Violation::new("I8", what);
        let mut client = Client::new(&address.url(), Some(&address.token)).unwrap();
        let vkeys = self.vkeys.as_deref().expect("the server has started");
        client.trust(LOG, LogKeys::parse(vkeys).map_err(bad)?);
        let history = self.outside.history.lock().unwrap();
        let acked = history.sent.values().rev().filter_map(|sent| match &sent.outcome {
            Outcome::Acked { index, leaf, .. } => Some((*index, *leaf)),
            _ => None,
        });
        for (index, leaf) in acked.take(READ_BACK) {
            let proved = client.proved_entry(LOG, index);
            let proved = proved.map_err(|error| bad(format!("entry {index}: {error}")))?;
            if leaf_hash(&proved.entry) != leaf || !proved.is_verified {
                return Err(bad(format!("entry {index} is served as something else")));
            }
        }
        Ok(())
    }

    /// The stopped directory verifies, and holds what everyone was told.
    fn check_stopped(&mut self) -> Result<(), Violation> {
        let data = self.data.to_str().expect("a temporary path is text");
        let ran = self.fixture.run_with(&["verify", data], "");
        if ran.exit != 0 {
            return Err(Violation::new("I7", format!("verify gave {ran:#?}")));
        }
        let options = CellOptions { on_fatal: OnFatal::StopCell, ..CellOptions::new(&self.data) };
        let opened = Cell::open(Env::real(), options);
        let (cell, _) = opened.map_err(|error| Violation::new("I9", format!("{error:?}")))?;
        let checked = check_cell(&cell, &mut self.outside.history.lock().unwrap());
        cell.stop();
        drop(cell);
        // A child that another test has forked and that is not its program yet holds this process's lock on the directory.
        let is_held = || DirectoryLock::is_held(&*Env::real().disk, &self.data).unwrap();
        wait_until("the directory is free", || !is_held());
        checked
    }

    /// What went on, in one line.
    pub(crate) fn told(&self) -> String {
        let Outside { unanswered, unanswered_there, .. } = &self.outside;
        format!(
            "{} acknowledged events, {} unanswered requests of which {} were there",
            self.outside.acked(),
            unanswered.load(Ordering::Relaxed),
            unanswered_there.load(Ordering::Relaxed),
        )
    }
}

fn not_up((status, said): (ExitStatus, String)) -> Violation {
    Violation::new("I9", format!("the server does not start: {status}: {said}"))
}

/// Copies a directory with everything in it.
pub(crate) fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
