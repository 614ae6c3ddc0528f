//! Tests: rows alone, the lake under crashes and damage, queries and their limits, what a reader may see, a real log.

mod grouping;
mod lake;
mod log;
mod manifest;
mod query;
mod refuse;
mod row;
mod scope;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use ::env::{Disk, SimDisk};
use graven_entry::{Altered, AuthMethod, Clock, Grade, Header, Name, Time, build_entry};
use graven_merkle::{EMPTY_ROOT, Hash, LeafIndex, TreeSize, leaf_hash};
use serde_json::Value;

use crate::lake::{Place, Shape};
use crate::{Answer, Columns, Engine, EntrySource, Limits, QueryError, RowFilter};
use crate::{LakeError, SourceError, StreamNow};

pub(crate) const ORIGIN: &str = "test.example/log";
/// 2026-11-20T22:55:00Z.
pub(crate) const EPOCH_NS: u64 = 1_795_215_300_000_000_000;

/// A log in memory.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) entries: Mutex<Vec<Vec<u8>>>,
}

impl EntrySource for Memory {
    fn size(&self) -> TreeSize {
        TreeSize(self.entries.lock().unwrap().len() as u64)
    }

    fn read(
        &self,
        from: LeafIndex,
        count: usize,
    ) -> Result<Vec<(LeafIndex, Vec<u8>)>, SourceError> {
        let entries = self.entries.lock().unwrap();
        let all = (0..).map(LeafIndex).zip(entries.iter().cloned());
        Ok(all.skip(from.0 as usize).take(count).collect())
    }

    fn checkpoint(&self) -> Result<Vec<u8>, SourceError> {
        let (size, root) = (self.size().0, Hash::new([7; 32]));
        Ok(format!("{ORIGIN}\n{size}\n{root}\n\n— {ORIGIN} c2ln\n").into_bytes())
    }

    fn streams(&self, after: Option<&str>, limit: usize) -> Vec<StreamNow> {
        let stream = |name: &str| StreamNow {
            name: name.to_owned(),
            next_seq: name.len() as u64,
            head: Hash::new([1; 32]),
            cursor: (name == "b/2").then(|| "0/16B3748".to_owned()),
        };
        let all = ["a/1", "b/2", "c/3"].into_iter().filter(|name| after.is_none_or(|a| *name > a));
        all.map(stream).take(limit).collect()
    }
}

/// What an entry is made of.
#[derive(Clone, Copy)]
pub(crate) struct Made<'a> {
    pub(crate) event: &'a str,
    pub(crate) auth: &'a str,
    pub(crate) stream: Option<(&'a str, u64)>,
}

impl Memory {
    /// A log of these events.
    pub(crate) fn of(events: &[&str]) -> Arc<Memory> {
        let made = events.iter().map(|event| Made { event, auth: "token", stream: None });
        Memory::made(&made.collect::<Vec<_>>())
    }

    pub(crate) fn made(all: &[Made<'_>]) -> Arc<Memory> {
        let log = Arc::new(Memory::default());
        for made in all {
            log.push(made);
        }
        log
    }

    pub(crate) fn push(&self, made: &Made<'_>) {
        let mut entries = self.entries.lock().unwrap();
        let prev = entries.last().map_or(EMPTY_ROOT, |last| leaf_hash(last));
        let index = entries.len() as u64;
        entries.push(entry(index, prev, made));
    }
}

pub(crate) fn entry(index: u64, prev: Hash, made: &Made<'_>) -> Vec<u8> {
    let header = Header {
        origin: Name::origin(ORIGIN).unwrap(),
        index: LeafIndex(index),
        time: Time::from_unix_ns(EPOCH_NS + index * 1_000_000_000 + index).unwrap(),
        clock: Clock::Synced,
        error_ns: None,
        wall: None,
        prev,
        nonce: [9; 16],
        writer: Name::new("billing-api").unwrap(),
        auth: AuthMethod::new(made.auth).unwrap(),
        grade: if made.stream.is_some() { Grade::Signed } else { Grade::Asserted },
        stream: made.stream.map(|(name, _)| Name::new(name).unwrap()),
        seq: made.stream.map(|(_, seq)| seq),
        altered: if index == 1 { vec![Altered::Compacted] } else { Vec::new() },
    };
    let mut bytes = Vec::new();
    build_entry(&mut bytes, &header, made.event.as_bytes(), None).unwrap();
    bytes
}

/// Events of a small company, `count` of them: what the tests that need many take.
pub(crate) fn company(count: u64) -> Arc<Memory> {
    let log = Arc::new(Memory::default());
    for number in 0..count {
        let actor = ["alice", "bob", "carol"][(number % 3) as usize];
        let action = ["invoice.update", "invoice.read"][(number % 2) as usize];
        let (target, cents) = (number % 7, number * 100);
        let changes = format!(
            r#""changes":{{"amount":{{"before":{cents},"after":{cents}.50}},"iban":{{"_sd":["x"]}}}},"#
        );
        let changes = if number.is_multiple_of(2) { &*changes } else { "" };
        let event = format!(
            r#"{{"id":"e{number}","actor":{{"type":"user","id":"{actor}"}},"action":"{action}",{changes}"target":{{"type":"invoice","id":"{target}"}},"outcome":"success"}}"#
        );
        log.push(&Made { event: &event, auth: "token", stream: None });
    }
    log
}

/// One engine for all tests: its threads have large stacks.
pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::start().unwrap())
}

pub(crate) const DIR: &str = "/data/derived/main/lake";

/// Small files, so that few entries make many.
pub(crate) fn place(disk: &SimDisk, segment_entries: u64) -> Place {
    Place {
        disk: Arc::new(disk.clone()) as Arc<dyn Disk>,
        dir: PathBuf::from(DIR),
        origin: ORIGIN.to_owned(),
        shape: Shape { segment_entries, tail_bytes_max: 1 << 20, rest_bytes_max: 1_000 },
    }
}

pub(crate) fn disk(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    disk.create_dir(Path::new("/data")).unwrap();
    disk
}

/// Columns over the whole of a log, in files of 8 entries.
pub(crate) fn columns(log: &Arc<Memory>) -> Arc<Columns> {
    open(&disk(0), log)
}

pub(crate) fn open(disk: &SimDisk, log: &Arc<Memory>) -> Arc<Columns> {
    let columns = Columns::open_place(place(disk, 8), Arc::clone(log) as _).unwrap();
    follow(&columns, log.size());
    Arc::new(columns)
}

pub(crate) fn follow(columns: &Columns, size: TreeSize) {
    follow_to(columns, size).unwrap();
}

/// What a follower does: takes entries in up to `size`, and shows them.
pub(crate) fn follow_to(columns: &Columns, size: TreeSize) -> Result<(), LakeError> {
    let taken = columns.taken().0.0;
    let entries = columns.source().read(LeafIndex(taken), size.0.saturating_sub(taken) as usize)?;
    let taken = entries.iter().try_for_each(|(index, entry)| columns.take(*index, entry).map(drop));
    columns.show()?;
    taken
}

pub(crate) fn ask(columns: &Arc<Columns>, text: &str) -> Result<Answer, QueryError> {
    engine().query(columns, text, &Limits::default(), RowFilter::Everything)
}

/// The rows of an answer, as JSON.
pub(crate) fn rows(columns: &Arc<Columns>, text: &str) -> Value {
    let answer = ask(columns, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    Value::Array(answer.rows.into_iter().map(Value::Array).collect())
}

/// Everything that the two kept tables hold.
pub(crate) fn all_rows(columns: &Arc<Columns>) -> [Value; 2] {
    [
        rows(columns, "SELECT * FROM events ORDER BY index"),
        rows(columns, "SELECT * FROM changes ORDER BY index, field"),
    ]
}
