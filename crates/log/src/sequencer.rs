//! The commit thread: numbers, stamps, chains and frames what is handed in (design §5).
//!
//! It owns the next state of every log; nobody else numbers. While a frame is being flushed the next one is filled, and it
//! is submitted the moment the flush returns: there is no timer. An idle journal gets a seal frame, so that
//! every acknowledged frame is vouched for by a later one.

use crate::frame::{BodyWriter, FooterLog, RECORD_IDENTITY_BYTES};
use crate::frame_pool::FramePool;
use crate::identity::{Identity, IdentityHasher, IdentityWindow};
use crate::inbox::{CloseOnEnd, Inbox, Taken, Work};
use crate::intake::{Prepared, PreparedEvent, Writer};
use crate::limits::SEGMENT_ENTRIES;
use crate::limits::{
    EVENTS_WORTH_WAKING, FORKS_RECORDED_MAX, FRAME_BODY_TARGET_BYTES, FRAME_LOGS_MAX,
    WORK_BETWEEN_LOOKS,
};
use crate::messages::{SignedSince, ToJournal, answer};
use crate::mutants::{Mutant, Mutants};
use crate::nonce::{NonceMaker, NonceSeed};
use crate::own::{OWN_WRITER, stream_forked};
use crate::plan::{Declined, Plan, PlanContext, PlanItem, plan};
use crate::poison::{Fatal, PanicGuard, Poison};
use crate::room::Room;
use crate::sealed::{LogDelta, SealedFrame, WaitItem, Waiter};
use crate::shared::LogShared;
use crate::state::StreamState;
use crate::sync::mpsc::{Sender, SyncSender};
use crate::tail::SidecarSpan;
use crate::time_keeper::{LogTime, Reading, Stamp, TimeKeeper};
use append::{Code, Refusal, StreamHead};
use env::Random;
use graven_entry::limits::HEADER_BYTES_MAX;
use graven_entry::{
    AuthMethod, Grade, Header, Name, build_entry, chain_start, event_hash, pointer, string_value,
};
use graven_merkle::{Frontier, Hash, LeafIndex, TreeSize, leaf_hash};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use store::{FrameBuf, Slot};

/// What an entry takes in a frame beyond its event, at most: header, intake hash, identity, lengths.
const HEADER_ROOM_BYTES: usize = HEADER_BYTES_MAX + 256;

/// What the commit thread works with.
pub(crate) struct SequencerParts {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) pool: Arc<FramePool>,
    pub(crate) frames: SyncSender<ToJournal>,
    pub(crate) in_flight_max: usize,
    pub(crate) room: Arc<Room>,
    pub(crate) signed_since: Arc<SignedSince>,
    pub(crate) window: IdentityWindow,
    pub(crate) hasher: IdentityHasher,
    pub(crate) time: TimeKeeper,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) mutants: Arc<Mutants>,
    pub(crate) poison: Poison,
    /// An idle journal vouches for its last frame after this time; never of itself without it.
    pub(crate) seal_after: Option<Duration>,
}

/// The commit thread's state.
pub(crate) struct Sequencer {
    parts: SequencerParts,
    /// By the number of the log.
    cursors: BTreeMap<u32, Cursor>,
    open: OpenFrame,
    backlog: VecDeque<Work>,
    in_flight: usize,
    /// Bytes of the frames that are on their way.
    in_flight_bytes: usize,
    /// The last frame with entries is not vouched for yet.
    unsealed: bool,
    stopping: bool,
    last_entry_ns: Option<u64>,
    scratch: Vec<u8>,
}

/// Where one log is being written, ahead of what is durable.
struct Cursor {
    frontier: Frontier,
    prev: Hash,
    time: LogTime,
    nonces: Option<NonceMaker>,
    streams: BTreeMap<String, StreamHead>,
    /// Streams that got a key since the start: their entry may still be on its way.
    keyed: BTreeSet<String>,
    forks_recorded: u64,
}

/// The frame that is being filled.
#[derive(Default)]
struct OpenFrame {
    body: Option<BodyWriter>,
    logs: Vec<OpenLog>,
    /// Places in `logs`, by the number of the log.
    by_no: BTreeMap<u32, usize>,
    repeats: Vec<(Arc<LogShared>, Waiter)>,
    carries: Vec<Sender<Slot>>,
    /// What the body will probably take: frames under a steady load are alike, and one that grows is copied.
    room_bytes: usize,
}

struct OpenLog {
    log: Arc<LogShared>,
    size_before: TreeSize,
    spans: Vec<(u32, u32)>,
    leaves: Vec<Hash>,
    streams: BTreeMap<String, StreamHead>,
    seeds: Vec<(u64, NonceSeed)>,
    sidecars: Vec<SidecarSpan>,
    marks: Vec<(u64, Hash)>,
    waiters: Vec<Waiter>,
}

/// One event of a batch that becomes an entry.
struct NewEntry<'a> {
    prepared: &'a Prepared,
    event: &'a PreparedEvent,
    seq: Option<u64>,
    /// The batch's last new entry carries its attestation.
    is_last: bool,
}

impl Sequencer {
    /// Continues the logs as recovery left them.
    pub(crate) fn new(parts: SequencerParts, logs: &[Arc<LogShared>]) -> Self {
        let mut sequencer = Sequencer {
            parts,
            cursors: BTreeMap::new(),
            open: OpenFrame::default(),
            backlog: VecDeque::new(),
            in_flight: 0,
            in_flight_bytes: 0,
            unsealed: true,
            stopping: false,
            last_entry_ns: None,
            scratch: Vec::new(),
        };
        for log in logs {
            sequencer.register(log);
        }
        sequencer
    }

    /// Runs until it is told to stop or the cell is poisoned.
    pub(crate) fn run(mut self) {
        let _guard = PanicGuard(self.parts.poison.clone(), "commit");
        let _inbox = CloseOnEnd(Arc::clone(&self.parts.inbox));
        while !(self.stopping
            && self.backlog.is_empty()
            && self.open.is_empty()
            && self.in_flight == 0)
        {
            if self.step().is_err() {
                return;
            }
        }
    }

    /// Fills a frame from what waits, and submits it if the journal is free.
    pub(crate) fn step(&mut self) -> Result<(), Fatal> {
        self.parts.poison.check()?;
        if self.backlog.is_empty() && !self.can_submit() {
            let idle = self.unsealed && self.in_flight == 0 && self.open.is_empty();
            // While the journal is busy a frame can be filled ahead, but not sent: a few events are not worth a wake-up.
            let enough = if self.in_flight_full() { EVENTS_WORTH_WAKING } else { 1 };
            match self.parts.inbox.take_all(enough, self.parts.seal_after.filter(|_| idle)) {
                Some(taken) => self.take(taken),
                None => return self.submit_seal(),
            }
        }
        for _ in 0..WORK_BETWEEN_LOOKS {
            if self.open.is_full() {
                break;
            }
            let Some(work) = self.backlog.pop_front() else { break };
            self.handle(work)?;
        }
        let taken = self.parts.inbox.take_now();
        self.take(taken);
        if self.open.is_full() && self.in_flight_full() {
            self.wait_for_commit()?;
        }
        if self.can_submit() { self.submit() } else { Ok(()) }
    }

    fn take(&mut self, taken: Taken) {
        self.backlog.extend(taken.work);
        for _ in 0..taken.commits {
            self.committed();
        }
    }

    /// A frame waits and may go. Where only repeats wait, they are answered after what they may repeat is permanent.
    fn can_submit(&self) -> bool {
        let goes = self.open.body.is_some() || self.in_flight == 0;
        !self.open.is_empty() && goes && !self.in_flight_full()
    }

    fn in_flight_full(&self) -> bool {
        self.in_flight >= self.parts.in_flight_max
    }

    /// The frame is full and another is being flushed: only its end can help.
    fn wait_for_commit(&mut self) -> Result<(), Fatal> {
        while self.in_flight_full() {
            self.parts.poison.check()?;
            let taken = self.parts.inbox.take_all(usize::MAX, None).unwrap_or_default();
            self.take(taken);
        }
        Ok(())
    }

    fn handle(&mut self, work: Work) -> Result<(), Fatal> {
        match work {
            Work::Append { log, prepared, room, reply } => {
                let waiter = Waiter { reply, items: Vec::new(), proof: prepared.proof, room };
                self.append(&log, *prepared, Some(waiter))
            }
            Work::Own { log, events, reply } => {
                self.note_stream_keys(&log, &events);
                let prepared = own_batch(events);
                let waiter = reply.map(|reply| Waiter {
                    reply,
                    items: Vec::new(),
                    proof: false,
                    room: None,
                });
                self.append(&log, prepared, waiter)
            }
            Work::Register { log } => {
                self.register(&log);
                Ok(())
            }
            Work::Carry { reply } => {
                self.carry(reply);
                Ok(())
            }
            Work::Seal { reply } => {
                self.open.body_mut(&self.parts.pool);
                self.open.carries.extend(reply);
                Ok(())
            }
            Work::Stop => {
                self.stopping = true;
                Ok(())
            }
        }
    }

    /// A stream that gets a key takes only attested batches from the next one on, before the key is permanent.
    fn note_stream_keys(&mut self, log: &LogShared, events: &[Vec<u8>]) {
        let Some(cursor) = self.cursors.get_mut(&log.no) else { return };
        for event in events {
            let text = |path: &str| pointer(event, path).and_then(string_value);
            let is_key = text("/action").is_some_and(|action| action == "graven.key");
            if is_key && text("/target/type").is_some_and(|kind| kind == "stream") {
                cursor.keyed.extend(text("/target/id").map(String::from));
            }
        }
    }

    fn register(&mut self, log: &Arc<LogShared>) {
        let state = log.state();
        let (_, _, open) = state.skeleton.parts();
        debug_assert!(open.len() < 256, "a skeleton's last bundle is incomplete");
        let size = state.size();
        self.last_entry_ns = self.last_entry_ns.max((size > 0).then_some(state.last_time_ns));
        let seed = state.seeds.get(&(size / SEGMENT_ENTRIES)).copied();
        let cursor = Cursor {
            frontier: state.skeleton.frontier().clone(),
            prev: state.prev(),
            time: LogTime::after(state.last_time_ns),
            nonces: seed.map(NonceMaker::new),
            streams: BTreeMap::new(),
            keyed: BTreeSet::new(),
            forks_recorded: 0,
        };
        drop(state);
        self.cursors.insert(log.no, cursor);
    }

    /// Appends a batch to the open frame, or answers why not.
    fn append(
        &mut self,
        log: &Arc<LogShared>,
        prepared: Prepared,
        waiter: Option<Waiter>,
    ) -> Result<(), Fatal> {
        let planned = self.check_room(&prepared).and_then(|()| self.plan(log, &prepared));
        let planned = planned.and_then(|plan| match plan.new_count() {
            0 => Ok((plan, None)),
            _ => Ok((plan, Some(self.read_clock()?))),
        });
        let (plan, reading) = match planned {
            Ok(planned) => planned,
            Err(declined) => {
                self.note_fork(log, &prepared, &declined);
                refuse(waiter, *declined.refusal);
                return Ok(());
            }
        };
        let Some(reading) = reading else {
            if let Some(waiter) = waiter {
                let waiter = with_items(waiter, repeated_items(&plan));
                self.open.repeats.push((Arc::clone(log), waiter));
            }
            return Ok(());
        };
        let items = self.number(log, prepared, &plan, &reading)?;
        let place = self.open_log(log);
        if let Some(waiter) = waiter {
            self.open.logs[place].waiters.push(with_items(waiter, items));
        }
        Ok(())
    }

    fn check_room(&self, prepared: &Prepared) -> Result<(), Declined> {
        // The log's own entries are few, and may have the reserve.
        if prepared.writer.auth.is_log() {
            return Ok(());
        }
        self.parts.room.check()?;
        let headers = prepared.events.len() * HEADER_ROOM_BYTES;
        let needed = self.in_flight_bytes + self.open.len() + prepared.cost_bytes() + headers;
        let poison = &self.parts.poison;
        self.parts.room.check_frames(needed as u64, poison).map_err(Declined::from)
    }

    fn read_clock(&mut self) -> Result<Reading, Declined> {
        self.parts.time.read(self.last_entry_ns).map_err(|fault| {
            Refusal::new(Code::Unavailable, fault.to_string()).retry_after(60).into()
        })
    }

    fn plan(&mut self, log: &Arc<LogShared>, prepared: &Prepared) -> Result<Plan, Declined> {
        let parts = &self.parts;
        let cursor = self.cursors.get_mut(&log.no).ok_or_else(|| unknown_log(log))?;
        let mut context = PlanContext {
            window: &parts.window,
            hasher: &parts.hasher,
            log: log.name.as_str(),
            stream: None,
            stream_keys: &[],
            attestation_needed: false,
        };
        let Some(stream) = &prepared.stream else { return plan(&context, prepared) };
        let state = log.state();
        let known = state.streams.get(stream.name.as_str());
        let keys: Vec<String> =
            known.map_or(Vec::new(), |known| known.current_keys().map(str::to_owned).collect());
        context.attestation_needed = known.is_some_and(StreamState::needs_attestation)
            || cursor.keyed.contains(stream.name.as_str());
        context.stream_keys = &keys;
        let head = cursor.streams.entry(stream.name.to_string()).or_insert_with(|| {
            known.map_or_else(|| first_head(log, &stream.name), |known| known.head.clone())
        });
        context.stream = Some(head);
        plan(&context, prepared)
    }

    /// Writes the new entries of a planned batch into the open frame.
    fn number(
        &mut self,
        log: &Arc<LogShared>,
        prepared: Prepared,
        plan: &Plan,
        reading: &Reading,
    ) -> Result<Vec<WaitItem>, Fatal> {
        let place = self.open_log(log);
        let count = plan.new_count();
        let (first, log_no) = (self.open.logs[place].size_before.0, place as u32);
        let first = first + self.open.logs[place].spans.len() as u64;
        self.open.body_mut(&self.parts.pool).begin_run(log_no, first, count as u32);
        let mut items: Vec<WaitItem> = Vec::with_capacity(plan.items.len());
        let mut left = count;
        for (event, item) in prepared.events.iter().zip(&plan.items) {
            items.push(match *item {
                PlanItem::Repeat { index } => WaitItem::Repeat { index },
                PlanItem::SameAs { place } => WaitItem::Repeat { index: items[place].index() },
                PlanItem::New { seq, .. } => {
                    left -= 1;
                    let new = NewEntry { prepared: &prepared, event, seq, is_last: left == 0 };
                    self.write_entry(place, &new, reading)?
                }
            });
        }
        self.remember(place, &prepared, plan, &items);
        Ok(items)
    }

    /// One entry: header, bytes, leaf hash, tree.
    fn write_entry(
        &mut self,
        place: usize,
        new: &NewEntry<'_>,
        reading: &Reading,
    ) -> Result<WaitItem, Fatal> {
        let open = &mut self.open.logs[place];
        let cursor = self.cursors.get_mut(&open.log.no).expect("planned with a cursor");
        let index = LeafIndex(cursor.frontier.size().0);
        if index.0.is_multiple_of(SEGMENT_ENTRIES) || cursor.nonces.is_none() {
            let mut seed = NonceSeed([0; 16]);
            self.parts.random.fill(&mut seed.0);
            cursor.nonces = Some(NonceMaker::new(seed));
            open.seeds.push((index.0 / SEGMENT_ENTRIES, seed));
        }
        let nonces = cursor.nonces.as_ref().expect("made above");
        let stamp = cursor.time.next(reading);
        let nonce = nonces.nonce(index);
        let header = header(&open.log.origin, index, &stamp, (cursor.prev, nonce), new);
        let attestation = new.prepared.attestation();
        let attestation =
            attestation.filter(|_| new.is_last).map(|attestation| &attestation.bytes[..]);
        self.scratch.clear();
        build_entry(&mut self.scratch, &header, &new.event.bytes, attestation).map_err(
            |error| {
                self.parts
                    .poison
                    .fatal(format!("an entry that passed intake does not build: {error}"))
            },
        )?;
        let body = self.open.body.as_mut().expect("a run was begun");
        let offset = body.push_entry(&self.scratch, &new.event.intake);
        let leaf = leaf_hash(&self.scratch);
        cursor.frontier.push(leaf);
        cursor.prev = leaf;
        let open = &mut self.open.logs[place];
        open.spans.push((offset as u32, self.scratch.len() as u32));
        open.leaves.push(leaf);
        self.last_entry_ns = self.last_entry_ns.max(Some(stamp.time.unix_ns()));
        Ok(WaitItem::New { index: index.0, leaf, time: stamp.time })
    }

    /// Identities, stream and sidecars of a numbered batch.
    fn remember(&mut self, place: usize, prepared: &Prepared, plan: &Plan, items: &[WaitItem]) {
        let log_no = place as u32;
        let body = self.open.body.as_mut().expect("a run was begun");
        for ((event, planned), item) in prepared.events.iter().zip(&plan.items).zip(items) {
            let PlanItem::New { identity: Some(key), .. } = *planned else { continue };
            let identity = Identity { key, received: event.received, index: item.index() };
            body.push_identity(&identity);
            self.parts.window.insert(identity);
        }
        let lost = self.parts.mutants.is_on(Mutant::SidecarLost);
        for sidecar in prepared.sidecars.iter().filter(|_| !lost) {
            if matches!(plan.items[sidecar.event], PlanItem::New { .. }) {
                let (index, kind) = (items[sidecar.event].index(), sidecar.kind);
                let offset = body.push_sidecar(log_no, index, kind, &sidecar.bytes) as u32;
                let len = sidecar.bytes.len() as u32;
                let span = SidecarSpan { index, kind, offset, len };
                self.open.logs[place].sidecars.push(span);
            }
        }
        let first_new = items.iter().find(|item| matches!(item, WaitItem::New { .. }));
        if let (Some(_), Some(chain), Some(first)) =
            (prepared.attestation(), plan.chain_before, first_new)
        {
            body.push_chain(log_no, first.index(), &chain);
            self.open.logs[place].marks.push((first.index(), chain));
        }
        if let (Some(stream), Some(after)) = (&prepared.stream, &plan.stream_after) {
            body.push_stream(log_no, stream.name.as_str(), after);
            let open = &mut self.open.logs[place];
            open.streams.insert(stream.name.to_string(), after.clone());
            let cursor = self.cursors.get_mut(&open.log.no).expect("has a cursor");
            cursor.streams.insert(stream.name.to_string(), after.clone());
        }
    }

    /// The log's place in the open frame.
    fn open_log(&mut self, log: &Arc<LogShared>) -> usize {
        if let Some(place) = self.open.by_no.get(&log.no) {
            return *place;
        }
        let place = self.open.logs.len();
        let size_before = self.cursors[&log.no].frontier.size();
        self.open.by_no.insert(log.no, place);
        self.open.logs.push(OpenLog {
            log: Arc::clone(log),
            size_before,
            spans: Vec::new(),
            leaves: Vec::new(),
            streams: BTreeMap::new(),
            seeds: Vec::new(),
            sidecars: Vec::new(),
            marks: Vec::new(),
            waiters: Vec::new(),
        });
        place
    }

    /// Records that a stream forked, as an entry of the log's own.
    fn note_fork(&mut self, log: &Arc<LogShared>, prepared: &Prepared, declined: &Declined) {
        let (Some(fork), Some(stream)) = (&declined.fork, &prepared.stream) else { return };
        let Some(cursor) = self.cursors.get_mut(&log.no) else { return };
        if cursor.forks_recorded >= FORKS_RECORDED_MAX {
            return;
        }
        cursor.forks_recorded += 1;
        let writer = prepared.writer.id.as_str();
        let event = stream_forked(stream.name.as_str(), fork.seq, fork.index, writer);
        let log = Arc::clone(log);
        self.backlog.push_back(Work::Own { log, events: vec![event], reply: None });
    }

    /// Writes every remembered identity into the open frame, so that older frames can be released. On a disk too full for
    /// that, which the room is told, the reply is dropped.
    fn carry(&mut self, reply: Sender<Slot>) {
        let records_bytes = self.parts.window.len() * RECORD_IDENTITY_BYTES;
        let needed_bytes = self.in_flight_bytes + self.open.len() + records_bytes;
        if self.parts.room.check_fits(needed_bytes as u64, &self.parts.poison).is_err() {
            return;
        }
        let body = self.open.body_mut(&self.parts.pool);
        body.push_identities(self.parts.window.len(), self.parts.window.iter());
        self.open.carries.push(reply);
    }

    /// Hands the open frame to the journal thread.
    fn submit(&mut self) -> Result<(), Fatal> {
        if self.open.body.is_some() {
            self.unsealed = !self.open.logs.is_empty();
        }
        let frame = self.seal_frame();
        self.send(frame)
    }

    /// An idle journal's last frame gets a later one that vouches for it.
    fn submit_seal(&mut self) -> Result<(), Fatal> {
        self.open.body_mut(&self.parts.pool);
        self.unsealed = false;
        let frame = self.seal_frame();
        self.send(frame)
    }

    fn committed(&mut self) {
        self.in_flight -= 1;
        if self.in_flight == 0 {
            self.in_flight_bytes = 0;
        }
    }

    fn send(&mut self, frame: SealedFrame) -> Result<(), Fatal> {
        self.in_flight += 1;
        self.in_flight_bytes += frame.body.len();
        self.parts.frames.send(ToJournal::Frame(frame)).map_err(|_| {
            self.parts.poison.fatal("the journal thread ended while frames were on their way")
        })
    }

    fn seal_frame(&mut self) -> SealedFrame {
        let open = std::mem::take(&mut self.open);
        self.open.room_bytes = room_for(&open);
        let mut logs = Vec::with_capacity(open.logs.len());
        let mut footer = Vec::with_capacity(open.logs.len());
        for log in open.logs {
            let frontier = &self.cursors[&log.log.no].frontier;
            let (size_after, root_after) = (frontier.size(), frontier.root());
            footer.push(FooterLog {
                name: log.log.name.to_string(),
                size_before: log.size_before,
                size_after,
                root_after,
                seeds: log.seeds.clone(),
            });
            logs.push(log.into_delta(size_after, root_after));
        }
        let body = match open.body {
            None => FrameBuf::new(),
            Some(body) => {
                let mut signed =
                    self.parts.signed_since.lock().unwrap_or_else(PoisonError::into_inner);
                let checkpoints: Vec<_> = std::mem::take(&mut *signed).into_values().collect();
                drop(signed);
                body.finish(&footer, &checkpoints)
            }
        };
        let crc = body.crc();
        SealedFrame { body, crc, logs, repeats: open.repeats, carries: open.carries }
    }
}

/// Room for a frame like `last`, a little larger, with what closes it.
fn room_for(last: &OpenFrame) -> usize {
    let len = if last.carries.is_empty() { last.len() } else { last.room_bytes };
    (len + len / 8).min(FRAME_BODY_TARGET_BYTES)
}

impl OpenLog {
    fn into_delta(self, size_after: TreeSize, root_after: Hash) -> LogDelta {
        LogDelta {
            first: self.size_before.0,
            log: self.log,
            spans: self.spans,
            leaves: self.leaves,
            size_after,
            root_after,
            streams: self.streams.into_iter().collect(),
            seeds: self.seeds,
            sidecars: self.sidecars,
            marks: self.marks,
            waiters: self.waiters,
        }
    }
}

impl OpenFrame {
    fn is_empty(&self) -> bool {
        self.body.is_none() && self.repeats.is_empty()
    }

    fn len(&self) -> usize {
        self.body.as_ref().map_or(0, BodyWriter::len)
    }

    fn is_full(&self) -> bool {
        self.len() >= FRAME_BODY_TARGET_BYTES || self.logs.len() >= FRAME_LOGS_MAX
    }

    fn body_mut(&mut self, pool: &FramePool) -> &mut BodyWriter {
        let room = self.room_bytes;
        self.body.get_or_insert_with(|| BodyWriter::new(pool.take(room)))
    }
}

fn header(
    origin: &Name,
    index: LeafIndex,
    stamp: &Stamp,
    (prev, nonce): (Hash, [u8; 16]),
    new: &NewEntry<'_>,
) -> Header {
    let writer = &new.prepared.writer;
    let signed = new.prepared.attestation().is_some_and(|attestation| attestation.is_vouched);
    Header {
        origin: origin.clone(),
        index,
        time: stamp.time,
        clock: stamp.clock,
        error_ns: stamp.error_ns,
        wall: stamp.wall,
        prev,
        nonce,
        writer: writer.id.clone(),
        auth: writer.auth.clone(),
        grade: if signed { Grade::Signed } else { writer.grade },
        stream: new.prepared.stream.as_ref().map(|stream| stream.name.clone()),
        seq: new.seq,
        altered: new.event.altered.clone(),
    }
}

/// A stream before its first event.
fn first_head(log: &LogShared, stream: &Name) -> StreamHead {
    StreamHead { next_seq: 0, head: chain_start(&log.origin, stream), cursor: None }
}

/// Events of the log's own as a batch.
pub(crate) fn own_batch(events: Vec<Vec<u8>>) -> Prepared {
    let writer = Writer {
        id: Name::new(OWN_WRITER).expect("a constant name"),
        auth: AuthMethod::log(),
        grade: Grade::Asserted,
    };
    let events = events.into_iter().map(|bytes| {
        let intake = event_hash(&bytes);
        PreparedEvent { bytes, intake, altered: Vec::new(), identity: None, received: [0; 16] }
    });
    let events = events.collect();
    Prepared { writer, events, stream: None, sidecars: Vec::new(), proof: false }
}

fn unknown_log(log: &LogShared) -> Declined {
    Refusal::new(Code::NotFound, format!("log {} is not open", log.name)).into()
}

fn repeated_items(plan: &Plan) -> Vec<WaitItem> {
    let mut items: Vec<WaitItem> = Vec::with_capacity(plan.items.len());
    for item in &plan.items {
        match *item {
            PlanItem::Repeat { index } => items.push(WaitItem::Repeat { index }),
            PlanItem::SameAs { place } => items.push(items[place]),
            PlanItem::New { .. } => {}
        }
    }
    items
}

fn with_items(waiter: Waiter, items: Vec<WaitItem>) -> Waiter {
    Waiter { items, ..waiter }
}

fn refuse(waiter: Option<Waiter>, refusal: Refusal) {
    if let Some(waiter) = waiter {
        answer(waiter.reply, Err(refusal));
    }
}
