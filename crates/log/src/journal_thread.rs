//! The journal thread: checks each frame a second time, makes it permanent, and only then lets it be seen.
//!
//! It alone advances a log's state, tail and committed head. A crash before `complete` returns leaves the frame with an
//! unknown outcome, which nobody was told of; a crash after it leaves a permanent frame that the next start finds.

use crate::answer::{Answerer, Job};
use crate::inbox::{CloseOnEnd, Inbox};
use crate::messages::{Ask, Errand, ToJournal};
use crate::mutants::{Mutant, Mutants};
use crate::poison::{Fatal, PanicGuard, Poison};
use crate::room::Room;
use crate::sealed::{LogDelta, SealedFrame};
use crate::shared::DurableHead;
use crate::state::LogState;
use crate::stats::Stats;
use crate::tail::Chunk;
use env::Clock;
use graven_entry::{EntryParts, Header, event_hash};
use graven_merkle::{Hash, leaf_hash};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;
use store::{FrameBuf, Journal, JournalError, Slot};

/// What the journal thread works with.
pub(crate) struct JournalThread {
    pub(crate) journal: Box<dyn Journal>,
    pub(crate) messages: Receiver<ToJournal>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) answerer: Answerer,
    pub(crate) room: Arc<Room>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mutants: Arc<Mutants>,
    pub(crate) poison: Poison,
    /// Wakes the unloader after a commit; a wake-up that is still waiting is enough.
    pub(crate) unloader: SyncSender<Ask>,
}

/// A frame's parsed entries, kept from the check to the publication so that nothing is parsed twice.
struct Checked {
    headers: Vec<Vec<Header>>,
}

impl JournalThread {
    /// Runs until everyone has hung up or the cell is poisoned.
    pub(crate) fn run(mut self) {
        let _guard = PanicGuard(self.poison.clone(), "journal");
        let _inbox = CloseOnEnd(Arc::clone(&self.inbox));
        while let Ok(message) = self.messages.recv() {
            let done = match message {
                ToJournal::Frame(frame) => self.take(frame),
                ToJournal::Errand(errand) => self.run_errand(errand),
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn take(&mut self, mut frame: SealedFrame) -> Result<(), Fatal> {
        self.poison.check()?;
        if frame.body.is_empty() {
            self.inbox.note_commit();
            self.answer_repeats(frame);
            return Ok(());
        }
        if self.mutants.is_on(Mutant::FlipBeforeFlush) {
            flip_a_bit(&mut frame.body);
            frame.crc = frame.body.crc();
        }
        let checked = self.check(&frame)?;
        if self.mutants.is_on(Mutant::AckBeforeFlush) {
            self.publish_early(&mut frame);
        }
        if self.mutants.is_on(Mutant::SignBeforeCommit) {
            self.sign_early(&frame)?;
        }
        let slot = self.commit(&mut frame)?;
        self.inbox.note_commit();
        for carry in frame.carries.drain(..) {
            // The unloader that asked may have ended with the cell.
            carry.send(slot).unwrap_or(());
        }
        self.publish(frame, checked)
    }

    /// Re-computes from the frame's own bytes what the commit thread stated, before the frame is permanent: a bit that
    /// flipped in memory since intake must not be signed.
    fn check(&self, frame: &SealedFrame) -> Result<Checked, Fatal> {
        let mut headers = Vec::with_capacity(frame.logs.len());
        for delta in &frame.logs {
            let checked = check_delta(&self.mutants, delta, frame.body.body());
            headers.push(checked.map_err(|what| {
                self.poison
                    .fatal(format!("log {}: {what}; the frame was not written", delta.log.name))
            })?);
        }
        Ok(Checked { headers })
    }

    fn commit(&mut self, frame: &mut SealedFrame) -> Result<Slot, Fatal> {
        let size_bytes = frame.body.len() as u64;
        let began_ns = self.clock.boot_ns();
        let slot = self.write(std::mem::take(&mut frame.body)).map_err(|error| {
            self.poison.fatal(format!("the journal failed: {}", crate::intake::with_cause(&error)))
        })?;
        frame.body = slot.body;
        let took_ns = self.clock.boot_ns().saturating_sub(began_ns);
        let entries = frame.logs.iter().map(|delta| delta.spans.len() as u64).sum();
        self.stats.frame(entries, size_bytes, took_ns);
        self.note_room();
        if self.mutants.is_on(Mutant::FlipBeforeSign) {
            flip_a_bit(&mut frame.body);
        }
        if frame.body.crc() != frame.crc {
            let what = "a frame's buffer changed while it was flushed; nothing of it is signed";
            return Err(self.poison.fatal(what));
        }
        Ok(slot.slot)
    }

    fn write(&mut self, body: FrameBuf) -> Result<store::Completed, JournalError> {
        self.journal.submit(body)?;
        self.journal.complete()
    }

    fn note_room(&self) {
        self.room.set_journal(self.journal.ready_bytes(), self.journal.retained_bytes());
    }

    /// Lets a permanent frame be read, then signed and answered.
    fn publish(&mut self, frame: SealedFrame, checked: Checked) -> Result<(), Fatal> {
        let body = Arc::new(frame.body);
        for (delta, headers) in frame.logs.into_iter().zip(checked.headers) {
            let head = DurableHead { size: delta.size_after, root: delta.root_after };
            advance(&delta, &headers, &body).map_err(|what| self.poison.fatal(what))?;
            delta.log.committed.send_replace(head);
            self.stats.appended(delta.spans.len() as u64);
            self.answerer.send(Job { log: delta.log, head, waiters: delta.waiters });
        }
        for (log, waiter) in frame.repeats {
            let head = log.head();
            self.answerer.send(Job { log, head, waiters: vec![waiter] });
        }
        drop(self.unloader.try_send(Ask::Look));
        Ok(())
    }

    fn answer_repeats(&mut self, frame: SealedFrame) {
        for (log, waiter) in frame.repeats {
            let head = log.head();
            self.answerer.send(Job { log, head, waiters: vec![waiter] });
        }
    }

    fn run_errand(&mut self, errand: Errand) -> Result<(), Fatal> {
        match errand {
            Errand::Capture { log, reply } => {
                drop(reply.send(Arc::new(log.state().clone())));
            }
            Errand::Release { below } => {
                self.journal.release(below).map_err(|error| {
                    self.poison.fatal(format!("releasing journal space failed: {error}"))
                })?;
                self.note_room();
            }
        }
        Ok(())
    }

    /// Mutant: signs as if the frame were permanent already.
    fn sign_early(&self, frame: &SealedFrame) -> Result<(), Fatal> {
        for delta in &frame.logs {
            let head = DurableHead { size: delta.size_after, root: delta.root_after };
            delta.log.sign(head, &self.poison)?;
        }
        Ok(())
    }

    /// Mutant: answers as if the frame were permanent already.
    fn publish_early(&mut self, frame: &mut SealedFrame) {
        for delta in &mut frame.logs {
            let head = DurableHead { size: delta.size_after, root: delta.root_after };
            let waiters = std::mem::take(&mut delta.waiters);
            self.answerer.send(Job { log: Arc::clone(&delta.log), head, waiters });
        }
        // The signer threads must win the race that the mutant opens, or no test could see it.
        std::thread::sleep(EARLY_ANSWER_TAKES);
    }
}

/// How long the mutant that answers too early gives the answer to get out.
const EARLY_ANSWER_TAKES: Duration = Duration::from_millis(50);

/// What a bad memory cell does, for the mutants.
fn flip_a_bit(body: &mut FrameBuf) {
    let middle = body.len() / 2;
    if let Some(byte) = body.body_mut().get_mut(middle) {
        *byte ^= 1;
    }
}

/// Compares one log's part of a frame with what intake and the commit thread said of it; returns the headers as read back.
fn check_delta(mutants: &Mutants, delta: &LogDelta, body: &[u8]) -> Result<Vec<Header>, String> {
    let state = delta.log.state();
    let (mut prev, mut last_ns) = (state.prev(), state.last_time_ns);
    let mut frontier = state.skeleton.frontier().clone();
    drop(state);
    let skip = mutants.is_on(Mutant::SkipRehash);
    let mut headers = Vec::with_capacity(delta.spans.len());
    for (place, ((offset, len), stated)) in delta.spans.iter().zip(&delta.leaves).enumerate() {
        let index = delta.first + place as u64;
        let (start, end) = (*offset as usize, *offset as usize + *len as usize);
        let entry =
            body.get(start..end).ok_or_else(|| format!("entry {index} is not in its frame"))?;
        let parts = EntryParts::split(entry).map_err(|error| format!("entry {index}: {error}"))?;
        let header =
            Header::parse(parts.header_line).map_err(|error| format!("entry {index}: {error}"))?;
        let intake = body.get(end..end + 32).unwrap_or_default();
        if !skip && event_hash(parts.event()).as_bytes() != intake {
            return Err(format!("the event of entry {index} is not the one that was taken in"));
        }
        let leaf = leaf_hash(entry);
        let fits =
            header.index.0 == index && header.prev == prev && header.time.unix_ns() > last_ns;
        if !skip && (!fits || leaf != *stated) {
            return Err(format!("the header or leaf hash of entry {index} does not fit the log"));
        }
        (prev, last_ns) = (leaf, header.time.unix_ns());
        frontier.push(leaf);
        headers.push(header);
    }
    if !skip && (frontier.size() != delta.size_after || frontier.root() != delta.root_after) {
        return Err(format!("the root at size {} does not fit the entries", delta.size_after));
    }
    Ok(headers)
}

/// Takes a permanent frame into a log's state and tail.
fn advance(delta: &LogDelta, headers: &[Header], body: &Arc<FrameBuf>) -> Result<(), String> {
    let log = &delta.log;
    let chunk = Chunk {
        first: delta.first,
        frame: Arc::clone(body),
        spans: delta.spans.clone(),
        leaves: delta.leaves.clone(),
        sidecars: delta.sidecars.clone(),
        marks: delta.marks.clone(),
    };
    let mut state = log.state_mut();
    state.seeds.extend(delta.seeds.iter().copied());
    for (header, leaf) in headers.iter().zip(&delta.leaves) {
        let entry = chunk.entry(header.index.0).ok_or("an entry left its frame")?;
        apply(&mut state, header, entry, *leaf)?;
    }
    for (name, head) in &delta.streams {
        state.stream_mut(&log.origin, name).head = head.clone();
    }
    drop(state);
    log.tail_mut().push(Arc::new(chunk));
    Ok(())
}

/// Takes one entry into the state.
pub(crate) fn apply(
    state: &mut LogState,
    header: &Header,
    entry: &[u8],
    leaf: Hash,
) -> Result<(), String> {
    if !header.auth.is_log() {
        state.apply(header, &[], leaf);
        return Ok(());
    }
    let parts = EntryParts::split(entry).map_err(|error| error.to_string())?;
    state.apply(header, parts.event(), leaf);
    Ok(())
}
