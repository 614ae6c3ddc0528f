//! The journal thread: checks each frame a second time, makes it permanent, and only then lets it be seen.
//!
//! It alone advances a log's state, tail and committed head. A crash before `complete` returns leaves the frame with an
//! unknown outcome, which nobody was told of; a crash after it leaves a permanent frame that the next start finds.

use crate::answer::{Answerer, Job};
use crate::frame_pool::{FramePool, PooledFrame};
use crate::inbox::{CloseOnEnd, Inbox};
use crate::messages::{Ask, Errand, ToJournal};
use crate::mutants::{Mutant, Mutants};
use crate::part::segment_of;
use crate::poison::{Fatal, PanicGuard, Poison};
use crate::room::Room;
use crate::sealed::{LogDelta, SealedFrame};
use crate::shared::DurableHead;
use crate::skeleton::Growth;
use crate::stats::Stats;
use crate::sync::mpsc::{Receiver, SyncSender};
use crate::sync::sleep;
use crate::tail::Chunk;
use env::Clock;
use graven_entry::{EntryParts, event_hash, with_causes};
use graven_merkle::{LeafIndex, leaf_hash};
use graven_verify::Headers;
use std::sync::Arc;
use std::time::Duration;
use store::{FrameBuf, Journal, JournalError, Slot};

/// What the journal thread works with.
pub(crate) struct JournalThread {
    pub(crate) journal: Box<dyn Journal>,
    pub(crate) messages: Receiver<ToJournal>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) pool: Arc<FramePool>,
    pub(crate) answerer: Answerer,
    pub(crate) room: Arc<Room>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mutants: Arc<Mutants>,
    pub(crate) poison: Poison,
    /// Wakes the unloader when there is something to unload; a wake-up that is still waiting is enough.
    pub(crate) unloader: SyncSender<Ask>,
    pub(crate) unload_at_bytes: u64,
}

/// What the check of one log's part of a frame computed, kept for the publication so that nothing is computed twice.
struct Checked {
    growth: Growth,
    last_time_ns: u64,
    /// CRC32C of each entry.
    crcs: Vec<u32>,
    /// The log's own entries.
    own: Vec<LeafIndex>,
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
        // The next frame is numbered while this one is answered. Where there is none, whoever waits for this comes first.
        let answers_first = frame.is_small() && !self.inbox.has_work();
        if !answers_first {
            self.inbox.note_commit();
        }
        for carry in frame.carries.drain(..) {
            // The unloader that asked may have ended with the cell.
            carry.send(slot).unwrap_or(());
        }
        let answers_here = answers_first && frame.is_lone();
        self.publish(frame, checked, answers_here)?;
        if answers_first {
            self.inbox.note_commit();
        }
        Ok(())
    }

    /// Re-computes from the frame's own bytes what the commit thread stated, before the frame is permanent: a bit that
    /// flipped in memory since intake must not be signed.
    fn check(&self, frame: &SealedFrame) -> Result<Vec<Checked>, Fatal> {
        let check = |delta: &LogDelta| {
            check_delta(&self.mutants, delta, frame.body.body()).map_err(|what| {
                self.poison
                    .fatal(format!("log {}: {what}; the frame was not written", delta.log.name))
            })
        };
        frame.logs.iter().map(check).collect()
    }

    fn commit(&mut self, frame: &mut SealedFrame) -> Result<Slot, Fatal> {
        let size_bytes = frame.body.len() as u64;
        let began_ns = self.clock.boot_ns();
        let slot = self.write(std::mem::take(&mut frame.body)).map_err(|error| {
            self.poison.fatal(format!("the journal failed: {}", with_causes(&error)))
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

    /// Lets a permanent frame be read, then signed and answered: by this thread, where that is all that there is to do, as waking
    /// another would take longer.
    fn publish(
        &mut self,
        frame: SealedFrame,
        checked: Vec<Checked>,
        answers_here: bool,
    ) -> Result<(), Fatal> {
        let body = PooledFrame::new(frame.body, &self.pool);
        let mut filled_segment = false;
        for (mut delta, checked) in frame.logs.into_iter().zip(checked) {
            let head = DurableHead { size: delta.size_after, root: delta.root_after };
            let count = delta.spans.len() as u64;
            filled_segment |= segment_of(delta.first) != segment_of(head.size.0);
            advance(&mut delta, checked, &body).map_err(|what| self.poison.fatal(what))?;
            delta.log.committed.send_replace(head);
            self.stats.appended(count);
            let job = Job { log: delta.log, head, waiters: delta.waiters };
            if answers_here {
                self.answerer.answer_here(job);
            } else {
                self.answerer.send(job);
            }
        }
        for (log, waiter) in frame.repeats {
            let head = log.head();
            self.answerer.send(Job { log, head, waiters: vec![waiter] });
        }
        if filled_segment || self.room.retained_bytes() >= self.unload_at_bytes {
            drop(self.unloader.try_send(Ask::Look));
        }
        Ok(())
    }

    fn answer_repeats(&mut self, frame: SealedFrame) {
        for (log, waiter) in frame.repeats {
            let head = log.head();
            self.answerer.send(Job { log, head, waiters: vec![waiter] });
        }
    }

    fn run_errand(&mut self, errand: Errand) -> Result<(), Fatal> {
        let Errand::Release { below } = errand;
        self.journal.release(below).map_err(|error| {
            self.poison.fatal(format!("releasing journal space failed: {error}"))
        })?;
        self.note_room();
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
        sleep(EARLY_ANSWER_TAKES);
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

/// Compares one log's part of a frame with what intake and the commit thread said of it.
fn check_delta(mutants: &Mutants, delta: &LogDelta, body: &[u8]) -> Result<Checked, String> {
    let state = delta.log.state();
    let (mut prev, mut last_time_ns) = (state.prev(), state.last_time_ns);
    let mut growth = state.skeleton.grow();
    drop(state);
    let skip = mutants.is_on(Mutant::SkipRehash);
    let mut headers = Headers::new(&delta.log.origin);
    let (mut crcs, mut own) = (Vec::with_capacity(delta.spans.len()), Vec::new());
    for (place, ((offset, len), stated)) in delta.spans.iter().zip(&delta.leaves).enumerate() {
        let index = LeafIndex(delta.first + place as u64);
        let (start, end) = (*offset as usize, *offset as usize + *len as usize);
        let entry =
            body.get(start..end).ok_or_else(|| format!("entry {index} is not in its frame"))?;
        let (header, header_bytes) =
            headers.read(index, entry).map_err(|fault| fault.to_string())?;
        let event =
            event_of(entry, header_bytes).ok_or_else(|| format!("entry {index} has no event"))?;
        let intake = body.get(end..end + 32).unwrap_or_default();
        if !skip && event_hash(event).as_bytes() != intake {
            return Err(format!("the event of entry {index} is not the one that was taken in"));
        }
        let leaf = leaf_hash(entry);
        let fits = header.prev == prev && header.time.unix_ns() > last_time_ns;
        if !skip && (!fits || leaf != *stated) {
            return Err(format!("the header or leaf hash of entry {index} does not fit the log"));
        }
        (prev, last_time_ns) = (leaf, header.time.unix_ns());
        growth.push(leaf);
        crcs.push(crc32c::crc32c(entry));
        if header.is_own {
            own.push(index);
        }
    }
    let edge = growth.frontier();
    if !skip && (edge.size() != delta.size_after || edge.root() != delta.root_after) {
        return Err(format!("the root at size {} does not fit the entries", delta.size_after));
    }
    Ok(Checked { growth, last_time_ns, crcs, own })
}

/// The event of an entry whose header line was read. An event ends with its brace, an attestation with base64; were this
/// wrong, the event's hash would not be the one that was taken in.
fn event_of(entry: &[u8], header_bytes: usize) -> Option<&[u8]> {
    match entry.get(header_bytes..)?.strip_suffix(b"\n")? {
        event if event.ends_with(b"}") => Some(event),
        _ => EntryParts::split(entry).ok().map(|parts| parts.event()),
    }
}

/// Takes a permanent frame into a log's tail and state, in this order: the unloader reads from the tail what the state
/// covers.
fn advance(delta: &mut LogDelta, checked: Checked, body: &Arc<PooledFrame>) -> Result<(), String> {
    let log = &delta.log;
    let chunk = Chunk {
        first: delta.first,
        frame: Arc::clone(body),
        spans: std::mem::take(&mut delta.spans),
        leaves: std::mem::take(&mut delta.leaves),
        crcs: checked.crcs,
        sidecars: std::mem::take(&mut delta.sidecars),
        marks: std::mem::take(&mut delta.marks),
    };
    let chunk = Arc::new(chunk);
    log.tail_mut().push(Arc::clone(&chunk));
    let mut state = log.state_mut();
    state.seeds.extend(delta.seeds.iter().copied());
    state.apply_run(checked.growth, &chunk.leaves, checked.last_time_ns);
    for index in checked.own {
        let entry = chunk.entry(index.0).ok_or("an entry left its frame")?;
        let parts = EntryParts::split(entry).map_err(|error| error.to_string())?;
        state.apply_own(&log.origin, index.0, parts.event());
    }
    for (name, head) in &delta.streams {
        state.stream_mut(&log.origin, name).head = head.clone();
    }
    Ok(())
}
