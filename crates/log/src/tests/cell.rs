//! Whole cells: append, read back, prove, restart.

use crate::{
    Cell, CellLimits, CellOptions, Env, LogHandle, NewLog, OnFatal, Pace, ReadError,
    StreamKeyChange, Writer,
};
use append::{Appended, Batch, Code, Refusal, Sidecar, StreamClaim};
use env::{Clock, SimClock, SimDisk, SimRandom};
use graven_entry::{
    Attestation, AuthMethod, Claim, Entry, Extra, Grade, LogName, Name, chain_next, chain_start,
    event_hash,
};
use graven_merkle::{
    LeafIndex, TreeSize, leaf_hash, tiles_of, verify_consistency, verify_inclusion,
};
use graven_note::{Algorithm, SigningKey, TlogProof, VerifierKey, open_checkpoint};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A simulated world, from which cells are opened again and again.
pub(crate) struct World {
    pub(crate) disk: Arc<SimDisk>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) random: Arc<SimRandom>,
    pub(crate) limits: CellLimits,
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        let clock = Arc::new(SimClock::new(1_800_000_000_000_000_000));
        let limits = CellLimits { disk_reserve_bytes: 0, ..CellLimits::default() };
        World {
            disk: Arc::new(SimDisk::new(seed)),
            clock,
            random: Arc::new(SimRandom::new(seed)),
            limits,
        }
    }

    pub(crate) fn env(&self) -> Env {
        Env {
            disk: Arc::clone(&self.disk) as _,
            clock: Arc::clone(&self.clock) as _,
            random: Arc::clone(&self.random) as _,
        }
    }

    pub(crate) fn options(&self) -> CellOptions {
        let mut options = CellOptions::new("/data");
        options.limits = self.limits;
        options.on_fatal = OnFatal::StopCell;
        options
    }

    pub(crate) fn open(&self) -> Cell {
        Cell::open(self.env(), self.options()).expect("opens").0
    }
}

pub(crate) fn writer() -> Writer {
    Writer {
        id: Name::new("billing").expect("a name"),
        auth: AuthMethod::new("token").expect("a method"),
        grade: Grade::Asserted,
    }
}

pub(crate) fn event(number: u64) -> Vec<u8> {
    format!(r#"{{"id":"e{number}","actor":{{"type":"user","id":"u{}"}},"action":"invoice.update","data":{{"n":{number}}}}}"#, number % 7)
        .into_bytes()
}

pub(crate) fn append(log: &LogHandle, events: Vec<Vec<u8>>) -> Result<Appended, Refusal> {
    log.submit(&writer(), Batch::of(events))?.wait()
}

/// Reads every entry back, checks leaf hashes, inclusion and consistency proofs, and every tile.
pub(crate) fn check_log(log: &LogHandle) {
    let info = log.info();
    let keys: Vec<VerifierKey> =
        info.vkeys.iter().map(|vkey| vkey.parse().expect("a vkey")).collect();
    let opened =
        open_checkpoint(&log.checkpoint().expect("published"), info.origin.as_str(), &keys, &[]);
    let opened = opened.expect("signed by the log");
    let (size, root) = (opened.checkpoint.size, opened.checkpoint.root);
    let mut prev = graven_merkle::EMPTY_ROOT;
    for index in (0..size.0).map(LeafIndex) {
        let bytes = log.entry(index).expect("an entry");
        let entry = Entry::parse(&bytes).expect("well-formed");
        assert_eq!((entry.header.index, entry.header.prev), (index, prev), "log {}", info.name);
        prev = leaf_hash(&bytes);
        if index.0 % 97 == 0 || index.0 + 3 > size.0 {
            let proof =
                TlogProof::parse(log.proof(index).expect("a proof").as_bytes()).expect("parses");
            verify_inclusion(index, size, &prev, &proof.hashes, &root).expect("proves");
        }
    }
    for old in [1, size.0 / 3, size.0].into_iter().filter(|old| *old > 0).map(TreeSize) {
        let (old_root, proof) =
            (log.root_at(old).expect("a root"), log.consistency(old, size).expect("a proof"));
        verify_consistency(old, size, &old_root, &root, &proof).expect("extends");
    }
    for path in tiles_of(size) {
        log.tile(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

#[test]
fn receipts_name_entries_that_can_be_proved() {
    let world = World::new(1);
    let cell = world.open();
    let log = cell.log("main").expect("made at the first start");
    let appended = append(&log, (0..300).map(event).collect()).expect("appended");
    assert_eq!(appended.receipts.len(), 300);
    for (number, receipt) in appended.receipts.iter().enumerate() {
        let bytes = log.entry(receipt.index).expect("an entry");
        assert_eq!(receipt.index.0, number as u64 + 1, "entry 0 is the log's own");
        assert_eq!(leaf_hash(&bytes), receipt.leaf_hash);
        assert_eq!(Entry::parse(&bytes).expect("well-formed").event, event(number as u64));
    }
    check_log(&log);
    check_log(&cell.log("system").expect("made at the first start"));
}

#[test]
fn a_restart_keeps_everything() {
    let world = World::new(2);
    let mut total = 1;
    for round in 0..6_u64 {
        let cell = world.open();
        let log = cell.log("main").expect("is there");
        assert_eq!(log.info().size, TreeSize(total), "round {round}");
        let events = (0..70).map(|number| event(round * 1_000 + number)).collect();
        append(&log, events).expect("appended");
        total += 70;
        if round % 2 == 1 {
            cell.unload().expect("unloads");
        }
        check_log(&log);
        cell.stop();
    }
    let cell = world.open();
    check_log(&cell.log("main").expect("is there"));
}

#[test]
fn segments_are_sealed_and_read_back() {
    let world = World::new(3);
    let cell = world.open();
    let log = cell.log("main").expect("is there");
    for start in (0..70_000_u64).step_by(5_000) {
        append(&log, (start..start + 5_000).map(event).collect()).expect("appended");
    }
    cell.unload().expect("unloads");
    assert_eq!(cell.metrics().sealed_segments, 1);
    let sizes = [0, 1, 255, 256, 65_535, 65_536, 69_999];
    let read = |log: &LogHandle| sizes.map(|index| log.entry(LeafIndex(index)).expect("an entry"));
    let before = read(&log);
    check_log(&log);
    cell.stop();
    let cell = world.open();
    let log = cell.log("main").expect("is there");
    assert_eq!(read(&log), before);
    append(&log, vec![event(99_999)]).expect("goes on");
    check_log(&log);
}

#[test]
fn the_same_id_repeats_its_receipt_even_after_a_restart() {
    let world = World::new(4);
    let cell = world.open();
    let log = cell.log("main").expect("is there");
    let first = append(&log, vec![event(1), event(2)]).expect("appended");
    cell.unload().expect("unloads");
    cell.stop();
    let cell = world.open();
    let log = cell.log("main").expect("is there");
    let again = append(&log, vec![event(1), event(2)]).expect("repeated");
    for (first, again) in first.receipts.iter().zip(&again.receipts) {
        assert_eq!(
            (first.index, first.leaf_hash, &first.time),
            (again.index, again.leaf_hash, &again.time)
        );
        assert!(again.repeated);
    }
    assert_eq!(log.info().size, TreeSize(3));
    let mut other = event(1);
    other.insert(1, b' ');
    let refusal = append(&log, vec![other]).expect_err("another event of the same id");
    assert_eq!(refusal.code, Code::Conflict);
    assert_eq!(log.info().size, TreeSize(3));
}

#[test]
fn streams_and_cursors_survive() {
    let world = World::new(5);
    let claim = |first_seq| StreamClaim { name: "db/main".to_owned(), first_seq };
    let batch = |numbers: std::ops::Range<u64>, first_seq, cursor: &str| Batch {
        events: numbers.map(event).collect(),
        stream: Some(claim(first_seq)),
        cursor: Some(cursor.to_owned()),
        ..Batch::default()
    };
    let cell = world.open();
    let log = cell.log("main").expect("is there");
    let submit =
        |log: &LogHandle, batch| log.submit(&writer(), batch).and_then(crate::Pending::wait);
    submit(&log, batch(0..3, Some(0), "lsn 3")).expect("appended");
    submit(&log, batch(3..5, None, "lsn 5")).expect("appended");
    let head = log.stream("db/main").expect("known");
    assert_eq!((head.next_seq, head.cursor.as_deref()), (5, Some("lsn 5")));
    cell.unload().expect("unloads");
    cell.stop();
    let cell = world.open();
    let log = cell.log("main").expect("is there");
    assert_eq!(log.stream("db/main"), Some(head));
    let gap = submit(&log, batch(7..8, Some(7), "x")).expect_err("a gap");
    assert_eq!((gap.code, gap.next_seq), (Code::SeqGap, Some(5)));
    let again = submit(&log, batch(3..6, Some(3), "lsn 6")).expect("two repeats and one new");
    assert_eq!(again.receipts.iter().map(|r| r.repeated).collect::<Vec<_>>(), [true, true, false]);
    let fork = submit(&log, batch(90..91, Some(5), "x")).expect_err("a fork");
    assert_eq!(fork.code, Code::Conflict);
    append(&log, vec![event(500)]).expect("appended after the fork's own entry");
    let last = log.info().size.0 - 2;
    let bytes = log.entry(LeafIndex(last)).expect("an entry");
    let entry = Entry::parse(&bytes).expect("well-formed");
    assert!(entry.header.auth.is_log());
    assert!(String::from_utf8_lossy(entry.event).contains("graven.fork"));
    check_log(&log);
}

#[test]
fn sidecars_travel_with_their_entry() {
    let world = World::new(6);
    let cell = world.open();
    let log = cell.log("main").expect("is there");
    let blob = vec![7; 100_000];
    let sidecars = vec![Sidecar::Blob { event: 1, bytes: blob.clone() }];
    let batch = Batch { events: vec![event(1), event(2)], sidecars, ..Batch::default() };
    let appended = log.submit(&writer(), batch).expect("queued").wait().expect("appended");
    let index = appended.receipts[1].index;
    let check = |log: &LogHandle| {
        let stored = log.sidecars(index).expect("readable");
        assert_eq!(stored.len(), 1, "entry {index}");
        assert!(stored[0].bytes == blob, "entry {index}");
        assert_eq!(log.sidecars(appended.receipts[0].index).expect("readable"), []);
    };
    check(&log);
    cell.unload().expect("unloads");
    check(&log);
    cell.stop();
    check(&world.open().log("main").expect("is there"));
}

#[test]
fn many_logs_share_one_cell() {
    let world = World::new(7);
    let cell = world.open();
    let names: Vec<LogName> =
        (0..1_000).map(|n| LogName::new(&format!("tenant-{n}")).expect("a name")).collect();
    for name in &names {
        cell.create_log(name, NewLog::default()).expect("created");
    }
    let exists = cell.create_log(&names[0], NewLog::default()).map(|_| ()).expect_err("taken");
    assert_eq!(exists.code, Code::Exists);
    for round in 0..3_u64 {
        let pending: Vec<_> = names
            .iter()
            .map(|name| {
                cell.log(name.as_str())
                    .expect("is there")
                    .submit(&writer(), Batch::of(vec![event(round)]))
            })
            .collect();
        for pending in pending {
            pending.expect("queued").wait().expect("appended");
        }
        if round == 1 {
            cell.unload().expect("unloads");
        }
    }
    cell.stop();
    let cell = world.open();
    assert_eq!(cell.logs().len(), 1_002);
    let mut origins: Vec<String> = Vec::new();
    for (place, log) in cell.logs().iter().enumerate() {
        if place % 41 == 0 {
            check_log(log);
        }
        origins.push(log.info().origin.to_string());
    }
    origins.sort();
    origins.dedup();
    assert_eq!(origins.len(), 1_002, "every log has an origin of its own");
}

#[test]
fn keys_rotate_and_proofs_follow() {
    let world = World::new(8);
    let cell = world.open();
    let log = cell.log("main").expect("is there");
    append(&log, vec![event(1)]).expect("appended");
    let old = log.info().vkeys;
    let new = log.rotate_keys().expect("rotates");
    assert_ne!(old, new);
    assert_eq!(log.info().vkeys, new);
    append(&log, vec![event(2)]).expect("appended");
    check_log(&log);
    cell.stop();
    let cell = world.open();
    let log = cell.log("main").expect("is there");
    assert_eq!(log.info().all_vkeys.len(), 4);
    check_log(&log);
}

#[test]
fn a_guard_ends_a_log_that_was_rolled_back() {
    let world = World::new(9);
    world.disk_dir("/guard");
    let mut options = world.options();
    options.guard = Some("/guard/file".into());
    let open = || Cell::open(world.env(), options.clone()).expect("opens");
    let (cell, _) = open();
    append(&cell.log("main").expect("is there"), vec![event(1)]).expect("appended");
    cell.stop();
    let backup = world.disk.snapshot();
    let (cell, _) = open();
    append(&cell.log("main").expect("is there"), vec![event(2)]).expect("appended");
    cell.stop();
    let guard = read_file(&world, "/guard/file");
    world.disk.restore(&backup);
    write_file(&world, "/guard/file", &guard);
    let (cell, report) = open();
    let ended: Vec<&str> = report.ended.iter().map(|(name, _)| name.as_str()).collect();
    assert!(ended.contains(&"main"), "{report:?}");
    let log = cell.log("main").expect("is there");
    let refusal = append(&log, vec![event(3)]).expect_err("read-only");
    assert_eq!(refusal.code, Code::Unavailable);
    let successor = log.succeed().expect("continues elsewhere");
    assert_eq!(successor.info().name.as_str(), "main-2");
    assert_ne!(successor.info().origin, log.info().origin);
    let opening = successor.entry(LeafIndex(0)).expect("an entry");
    assert!(String::from_utf8_lossy(&opening).contains("predecessor"));
    append(&successor, vec![event(3)]).expect("appended");
}

/// The journal writes a checkpoint down behind the entries that it covers. Where the keys are lost before that, the last
/// entries stay without one.
#[test]
fn what_no_checkpoint_covers_is_read_and_not_proved() {
    let world = World::new(10);
    let mut options = world.options();
    options.pace = Pace::ByHand;
    let (cell, _) = Cell::open(world.env(), options.clone()).expect("opens");
    let log = cell.log("main").expect("is there");
    append(&log, vec![event(0)]).expect("appended");
    append(&log, vec![event(1)]).expect("appended");
    drop(cell);
    world.disk.crash();
    env::Disk::remove(&*world.disk, Path::new("/data/keys/main.keys")).expect("removes");
    options.lost_keys = true;
    let (cell, _) = Cell::open(world.env(), options).expect("opens");
    let log = cell.log("main").expect("is there");
    assert_eq!(log.info().size, TreeSize(3));
    log.proof(LeafIndex(0)).expect("covered");
    log.entry(LeafIndex(2)).expect("readable");
    let unsigned = log.proof(LeafIndex(2)).expect_err("not covered");
    assert!(matches!(unsigned, ReadError::Unsigned { index: LeafIndex(2), .. }), "{unsigned}");
}

impl World {
    fn disk_dir(&self, path: &str) {
        env::Disk::create_dir(&*self.disk, Path::new(path)).expect("creates");
    }
}

fn read_file(world: &World, path: &str) -> Vec<u8> {
    let file = env::Disk::open(&*world.disk, Path::new(path), env::OpenMode::Read).expect("opens");
    let mut bytes = vec![0; file.len_bytes().expect("has a length") as usize];
    file.read_exact_at(&mut bytes, 0).expect("reads");
    bytes
}

fn write_file(world: &World, path: &str, bytes: &[u8]) {
    let file =
        env::Disk::open(&*world.disk, Path::new(path), env::OpenMode::ReadWrite).expect("opens");
    file.set_len(bytes.len() as u64).expect("cuts");
    file.write_at(bytes, 0).expect("writes");
    file.sync_all().expect("flushes");
}

/// A clock that can be held, and with it the commit thread, which reads it for every batch.
struct HeldClock {
    clock: Arc<SimClock>,
    gate: Mutex<()>,
}

impl Clock for HeldClock {
    fn wall_ns(&self) -> u64 {
        drop(self.gate.lock().expect("not poisoned"));
        self.clock.wall_ns()
    }

    fn boot_ns(&self) -> u64 {
        self.clock.boot_ns()
    }

    fn kernel_state(&self) -> env::ClockState {
        self.clock.kernel_state()
    }
}

#[test]
fn a_queue_has_a_limit_and_loses_nothing() {
    let mut world = World::new(10);
    world.limits.log_queue_events = 10;
    let clock = Arc::new(HeldClock { clock: Arc::clone(&world.clock), gate: Mutex::new(()) });
    let env = Env { clock: Arc::clone(&clock) as _, ..world.env() };
    let (cell, _) = Cell::open(env, world.options()).expect("opens");
    let log = cell.log("main").expect("is there");
    let held = clock.gate.lock().expect("not poisoned");
    let mut pending = Vec::new();
    for number in 0..10 {
        pending.push(log.submit(&writer(), Batch::of(vec![event(number)])).expect("has room"));
    }
    let refusal = log.submit(&writer(), Batch::of(vec![event(10)])).map(|_| ()).expect_err("full");
    assert_eq!((refusal.code, refusal.retry_after_s), (Code::Busy, Some(1)));
    drop(held);
    for one in pending {
        one.wait().expect("what is accepted is appended");
    }
    assert_eq!(log.info().size, TreeSize(11));
    append(&log, vec![event(10)]).expect("there is room again");
    cell.stop();
    assert_eq!(append(&log, vec![event(11)]).expect_err("stopped").code, Code::Unavailable);
}

/// A batch of a stream, attested by its key.
fn attested(log: &LogHandle, key: &SigningKey, numbers: std::ops::Range<u64>) -> Batch {
    let stream = Name::new(key.name().as_str()).expect("a name");
    let origin = log.info().origin;
    let before = log.stream(stream.as_str());
    let mut head =
        before.as_ref().map_or_else(|| chain_start(&origin, &stream), |known| known.head);
    let events: Vec<Vec<u8>> = numbers.map(event).collect();
    for event in &events {
        head = chain_next(&head, &event_hash(event));
    }
    let first_seq = before.map_or(0, |known| known.next_seq);
    let length = first_seq + events.len() as u64;
    let claim = Claim { origin: &origin, stream: &stream, length, head: &head };
    let attestation = Some(Attestation::sign(key, &claim).expect("signs"));
    let stream = Some(StreamClaim { name: stream.to_string(), first_seq: Some(first_seq) });
    Batch { events, stream, attestation, ..Batch::default() }
}

#[test]
fn one_entry_proves_its_producers_signature() {
    let world = World::new(11);
    let cell = world.open();
    let log = cell.log("main").expect("is there");
    let stream = Name::new("billing/7f").expect("a name");
    let key = SigningKey::from_seed(
        stream.as_str().parse().expect("a name"),
        Algorithm::Ed25519,
        [3; 32],
    );
    log.change_stream_key(&stream, &StreamKeyChange::Add(key.verifier(), None))
        .expect("registered");
    let plain = Batch { attestation: None, ..attested(&log, &key, 0..1) };
    let refusal =
        log.submit(&writer(), plain).and_then(crate::Pending::wait).expect_err("unsigned");
    assert_eq!(refusal.code, Code::BadAttestation);
    for numbers in [0..5, 5..6, 6..9] {
        let batch = attested(&log, &key, numbers);
        log.submit(&writer(), batch).expect("queued").wait().expect("appended");
        append(&log, vec![event(1_000 + log.info().size.0)]).expect("appended between");
    }
    let check = |log: &LogHandle| {
        let mut signed = 0;
        for index in (1..log.info().size.0).map(LeafIndex) {
            let bytes = log.entry(index).expect("an entry");
            let entry = Entry::parse(&bytes).expect("well-formed");
            let proof =
                TlogProof::parse(log.proof(index).expect("a proof").as_bytes()).expect("parses");
            assert_eq!(proof.extra.is_some(), entry.header.grade == Grade::Signed, "entry {index}");
            let Some(extra) = proof.extra else { continue };
            let extra = Extra::parse(&extra).expect("parses");
            let seq = entry.header.seq.expect("in a stream");
            let keys = [key.verifier()];
            extra
                .verify_event(&entry.header.origin, &stream, seq, entry.event, &keys)
                .unwrap_or_else(|error| panic!("entry {index}: {error}"));
            signed += 1;
        }
        assert_eq!(signed, 9);
    };
    check(&log);
    cell.unload().expect("unloads");
    cell.stop();
    let cell = world.open();
    check(&cell.log("main").expect("is there"));
}

#[test]
fn the_system_log_tells_each_minutes_roots() {
    let world = World::new(12);
    let cell = world.open();
    append(&cell.log("main").expect("is there"), vec![event(1)]).expect("appended");
    let system = cell.log("system").expect("is there");
    let before = system.info().size;
    for _ in 0..200 {
        if system.info().size > before {
            break;
        }
        // The keeper may begin its minute at any of these moments.
        world.clock.advance(61_000_000_000);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let bytes = system.entry(LeafIndex(before.0)).expect("written within ten seconds");
    let text = String::from_utf8(bytes).expect("text");
    assert!(text.contains("graven.roots"), "{text}");
    assert!(text.contains(&cell.log("main").expect("is there").info().root.to_string()), "{text}");
}
