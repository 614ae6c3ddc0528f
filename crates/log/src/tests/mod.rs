//! Tests of the log: each noun alone, then whole cells over real and simulated disks.

mod bundle;
mod cell;
mod faults;
mod frame;
mod frame_pool;
mod guard;
mod identity_key;
mod inbox;
mod jobs;
mod plan;
mod sealer;
mod sequencer;
mod skeleton;
mod state;
mod time;
mod unload;

use crate::nonce::{NonceMaker, NonceSeed};
use graven_entry::{AuthMethod, Clock, Grade, Header, Name, Time, build_entry};
use graven_merkle::{EMPTY_ROOT, Hash, LeafIndex, leaf_hash};

/// The nonce seed of made entries.
pub(crate) const SEED: NonceSeed = NonceSeed([7; 16]);

/// `count` chained entries from `first` on, as the log would write them, with the leaf hash before the first.
pub(crate) fn made_entries(first: u64, count: u64, prev: Hash) -> Vec<Vec<u8>> {
    let nonces = NonceMaker::new(SEED);
    let mut prev = prev;
    let mut entries = Vec::new();
    for index in first..first + count {
        let header = Header {
            origin: Name::origin("test.example/log").expect("an origin"),
            index: LeafIndex(index),
            time: Time::from_unix_ns(1_800_000_000_000_000_000 + index).expect("in range"),
            clock: Clock::Synced,
            error_ns: Some(index % 1_000),
            wall: None,
            prev,
            nonce: nonces.nonce(LeafIndex(index)),
            writer: Name::new("writer-1").expect("a name"),
            auth: AuthMethod::new("token").expect("a method"),
            grade: Grade::Asserted,
            stream: None,
            seq: None,
            altered: Vec::new(),
        };
        let event = format!(r#"{{"actor":{{"type":"user","id":"u{index}"}},"action":"a.b"}}"#);
        let mut entry = Vec::new();
        build_entry(&mut entry, &header, event.as_bytes(), None).expect("builds");
        prev = leaf_hash(&entry);
        entries.push(entry);
    }
    entries
}

/// The same from the start of a log.
pub(crate) fn first_entries(count: u64) -> Vec<Vec<u8>> {
    made_entries(0, count, EMPTY_ROOT)
}
