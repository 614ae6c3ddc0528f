//! A producer, reader and operator in one, that does seeded steps against a cell and writes down what it is told.

use crate::history::{History, Outcome, Sent, Violation, event};
use append::{Batch, Code, Sidecar};
use graven_entry::{AuthMethod, Grade, LogName, Name};
use graven_merkle::LeafIndex;
use log::{Cell, LogHandle, NewLog, Writer};

/// One step against a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Appends so many new events of so many bytes each, the first with a blob where `blob` says so.
    Append {
        /// Number of events.
        events: u64,
        /// Padding of each in bytes.
        padding_bytes: usize,
        /// A blob travels with the first.
        blob: bool,
    },
    /// Sends every event again whose outcome is unknown.
    Resend,
    /// Sends the first and the last acknowledged event again: each gets its first receipt.
    Repeat,
    /// Moves the journal into parts.
    Unload,
    /// Makes a seal frame.
    Seal,
    /// The keeper's round.
    Keep,
    /// Reads the last entry with its proof.
    Read,
    /// Creates another log.
    CreateLog,
    /// Rotates the keys of `main`.
    RotateKeys,
}

/// The producer's side of a run.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// What it knows.
    pub history: History,
    /// Number of the next event.
    pub next: u64,
    /// Logs that it asked for, beside `main`.
    pub logs: u64,
    /// The log that it appends to.
    pub log: String,
}

impl Client {
    /// A producer that has sent nothing.
    pub fn new() -> Client {
        Client { log: "main".to_owned(), ..Client::default() }
    }

    /// Does one step. `Ok(false)` says that the cell takes nothing any more: it has to be started anew.
    pub fn step(&mut self, cell: &Cell, step: Step) -> Result<bool, Violation> {
        match step {
            Step::Append { events, padding_bytes, blob } => {
                let numbers: Vec<u64> = (self.next..self.next + events).collect();
                self.next += events;
                for number in &numbers {
                    let is_first = number == &numbers[0];
                    let sent = Sent {
                        log: self.log.clone(),
                        event: event(*number, padding_bytes).into(),
                        blob: (blob && is_first).then(|| [*number as u8 | 1; 700].into()),
                        outcome: Outcome::Unknown,
                    };
                    self.history.sent.insert(*number, sent);
                }
                let refused = self.send(cell, &numbers)?;
                self.note_refusal(&numbers, refused);
            }
            Step::Resend => self.resend(cell)?,
            Step::Repeat => self.repeat(cell)?,
            Step::Unload => {
                // The frame behind it waits for the release of the journal's space.
                let unloaded = cell.unload().is_ok();
                let sealed = cell.seal_now().is_ok();
                return Ok(unloaded && sealed && cell.health().ready);
            }
            Step::Seal => return Ok(cell.seal_now().is_ok()),
            Step::Keep => {
                let kept = cell.keep_now().is_ok() && cell.seal_now().is_ok();
                return Ok(kept && cell.health().ready);
            }
            Step::Read => self.read(cell)?,
            Step::CreateLog => self.create_log(cell)?,
            Step::RotateKeys => {
                if let Some(log) = cell.log("main") {
                    drop(log.rotate_keys());
                }
            }
        }
        Ok(cell.health().ready)
    }

    /// Sends events, again or for the first time, in one batch to their log.
    fn send(&mut self, cell: &Cell, numbers: &[u64]) -> Result<Option<Code>, Violation> {
        let Some(first) = numbers.first().and_then(|number| self.history.sent.get(number)) else {
            return Ok(None);
        };
        let Some(log) = cell.log(&first.log) else { return Ok(None) };
        let sent: Vec<&Sent> = numbers.iter().filter_map(|n| self.history.sent.get(n)).collect();
        let sidecars = sent.iter().enumerate().filter_map(|(event, sent)| {
            let bytes = sent.blob.as_ref()?.to_vec();
            Some(Sidecar::Blob { event, bytes })
        });
        let batch = Batch {
            events: sent.iter().map(|sent| sent.event.to_vec()).collect(),
            sidecars: sidecars.collect(),
            ..Batch::default()
        };
        let answer = match log.submit(&writer(), batch) {
            Ok(pending) => pending.wait(),
            // Nothing left this producer, so nothing changes for what it sent before.
            Err(refusal) => Err(refusal),
        };
        self.history.answered(numbers, &answer)?;
        Ok(answer.err().map(|refusal| refusal.code))
    }

    /// What was refused at its first try for want of room was never sent on.
    fn note_refusal(&mut self, numbers: &[u64], code: Option<Code>) {
        if !matches!(code, Some(Code::Busy | Code::DiskFull)) {
            return;
        }
        for number in numbers {
            if let Some(sent) = self.history.sent.get_mut(number) {
                sent.outcome = Outcome::Refused;
            }
        }
    }

    fn resend(&mut self, cell: &Cell) -> Result<(), Violation> {
        let unknown = self.history.sent.iter();
        let unknown = unknown.filter(|(_, sent)| sent.outcome == Outcome::Unknown);
        let unknown: Vec<u64> = unknown.map(|(number, _)| *number).collect();
        for number in unknown {
            // Refused again, it is as unknown as before.
            self.send(cell, &[number])?;
        }
        Ok(())
    }

    fn repeat(&mut self, cell: &Cell) -> Result<(), Violation> {
        let is_acked = |sent: &Sent| matches!(sent.outcome, Outcome::Acked { .. });
        let acked = || self.history.sent.iter().filter(|(_, sent)| is_acked(sent)).map(|(n, _)| *n);
        let ends: Vec<u64> = acked().next().into_iter().chain(acked().next_back()).collect();
        for number in ends {
            self.send(cell, &[number])?;
        }
        Ok(())
    }

    fn read(&mut self, cell: &Cell) -> Result<(), Violation> {
        let Some(log) = cell.log(&self.log) else { return Ok(()) };
        let Some(last) = log.size().0.checked_sub(1) else { return Ok(()) };
        let Ok(proof) = log.proof(LeafIndex(last)) else { return Ok(()) };
        let parsed = graven_note::TlogProof::parse(proof.as_bytes());
        let parsed = parsed.map_err(|error| Violation::new("I7", error.to_string()))?;
        let log = self.log.clone();
        self.history.saw_checkpoint(&log, &parsed.checkpoint, &[]).map(drop)
    }

    fn create_log(&mut self, cell: &Cell) -> Result<(), Violation> {
        self.logs += 1;
        let name = format!("log-{}", self.logs);
        let name = LogName::new(&name).map_err(|error| Violation::new("I8", error.to_string()))?;
        if let Ok(log) = cell.create_log(&name, NewLog::default()) {
            self.take_up(&log);
        }
        Ok(())
    }

    /// Appends to this log from now on.
    pub fn take_up(&mut self, log: &LogHandle) {
        self.log = log.name().to_string();
    }
}

/// Who appends in simulations.
pub fn writer() -> Writer {
    Writer {
        id: Name::new("billing").expect("a constant name"),
        auth: AuthMethod::new("token").expect("a constant method"),
        grade: Grade::Asserted,
    }
}
