//! Tests of the parallel reading: order, and the first fault however threads race.

use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use graven_entry::{AuthMethod, Clock, Grade, Header, Name, Time, build_entry};
use graven_merkle::{EMPTY_ROOT, LeafIndex, TreeSize, leaf_hash};
use graven_note::{Algorithm, SigningKey};
use graven_verify::{Entries, FaultKind, StreamKeys};

use super::drive;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::verify::source::{Evidence, ReadFault, Source, Span, bad};

const SPAN_ENTRIES: u64 = 4;

/// A log in memory, some of whose spans can't be had.
struct Fake {
    origin: Name,
    entries: Vec<Vec<u8>>,
    bad: Vec<u64>,
    unreadable: Vec<u64>,
    reads: AtomicU64,
}

fn fake(count: u64) -> Fake {
    let origin = Name::origin("o").unwrap();
    let key = SigningKey::from_seed("o".parse().unwrap(), Algorithm::Ed25519, [1; 32]).verifier();
    let opening = format!(
        r#"{{"actor":{{"type":"service","id":"graven"}},"action":"graven.log","target":{{"type":"log","id":"main"}},"data":{{"origin":"o","keys":["{key}"],"public":false}}}}"#
    );
    let mut prev = EMPTY_ROOT;
    let mut entries = Vec::new();
    for index in 0..count {
        let (auth, event) = match index {
            0 => (AuthMethod::log(), opening.as_str()),
            _ => (AuthMethod::new("token").unwrap(), r#"{"actor":{},"action":"a"}"#),
        };
        let header = Header {
            origin: origin.clone(),
            index: LeafIndex(index),
            time: Time::from_unix_ns(1 + index).unwrap(),
            clock: Clock::Synced,
            error_ns: None,
            wall: None,
            prev,
            nonce: [1; 16],
            writer: Name::new("w").unwrap(),
            auth,
            grade: Grade::Asserted,
            stream: None,
            seq: None,
            altered: Vec::new(),
        };
        let mut entry = Vec::new();
        build_entry(&mut entry, &header, event.as_bytes(), None).unwrap();
        prev = leaf_hash(&entry);
        entries.push(entry);
    }
    Fake { origin, entries, bad: vec![], unreadable: vec![], reads: AtomicU64::new(0) }
}

impl Source for Fake {
    fn origin(&self) -> &Name {
        &self.origin
    }

    fn size(&self) -> TreeSize {
        TreeSize(self.entries.len() as u64)
    }

    fn spans(&self) -> Vec<Span> {
        Span::cut(self.size(), SPAN_ENTRIES)
    }

    fn read(&self, span: Span) -> Result<Evidence, ReadFault> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let hits =
            |list: &[u64]| list.iter().any(|index| span.first <= *index && *index < span.end());
        if hits(&self.bad) {
            return Err(bad(Some(span.first), FaultKind::TileMismatch, "as the test wants"));
        }
        if hits(&self.unreadable) {
            return Err(Failure::new(Exit::Unreachable, "as the test wants").into());
        }
        let mut entries = Entries::default();
        for index in span.first..span.end() {
            if let Some(entry) = self.entries.get(index as usize) {
                entries.push(entry);
            }
        }
        Ok(Evidence { entries, tiles: Vec::new() })
    }

    fn checkpoint(&self) -> Option<&[u8]> {
        None
    }
}

/// Reads from `from` on with many numbers of threads; `expected` is the end that was reached, or the first fault.
fn check(source: &Fake, from: u64, expected: Result<u64, &str>) {
    for jobs in [1, 2, 3, 8, 100] {
        let mut next = from;
        let keys = RwLock::new(StreamKeys::default());
        let result = drive(source, LeafIndex(from), jobs, &keys, |checked| {
            assert_eq!(checked.span.first, next, "spans come in order");
            assert_eq!(checked.report.first(), LeafIndex(next));
            next = checked.span.end();
            Ok(())
        });
        let found = match result {
            Ok(()) => Ok(next),
            Err(ReadFault::Bad(finding)) => Err(format!("{} {:?}", finding.what, finding.index)),
            Err(ReadFault::Unreadable(failure)) => Err(failure.message),
        };
        assert_eq!(found, expected.map_err(str::to_owned), "{jobs} jobs from {from}");
    }
}

#[test]
fn spans_come_in_order_from_anywhere() {
    check(&fake(0), 0, Ok(0));
    check(&fake(1), 0, Ok(1));
    check(&fake(103), 0, Ok(103));
    check(&fake(103), 50, Ok(103));
    check(&fake(103), 103, Ok(103));
}

#[test]
fn the_first_fault_in_index_order_wins() {
    let mut source = fake(200);
    source.bad = vec![150, 30, 90];
    source.unreadable = vec![60, 120];
    check(&source, 0, Err("tile_mismatch Some(28)"));
    check(&source, 40, Err("as the test wants"));
    check(&source, 64, Err("tile_mismatch Some(88)"));
    source.bad.clear();
    source.unreadable.clear();
    source.entries[77][5] ^= 1;
    check(&source, 0, Err("header_malformed Some(77)"));
}

#[test]
fn a_target_that_claims_more_than_it_has_is_short() {
    /// The same entries, and a claim of one more.
    struct Short(Fake);
    impl Source for Short {
        fn origin(&self) -> &Name {
            self.0.origin()
        }
        fn size(&self) -> TreeSize {
            TreeSize(self.0.size().0 + 1)
        }
        fn spans(&self) -> Vec<Span> {
            Span::cut(self.size(), SPAN_ENTRIES)
        }
        fn read(&self, span: Span) -> Result<Evidence, ReadFault> {
            self.0.read(span)
        }
        fn checkpoint(&self) -> Option<&[u8]> {
            None
        }
    }
    let keys = RwLock::new(StreamKeys::default());
    let result = drive(&Short(fake(10)), LeafIndex(0), 2, &keys, |_| Ok(()));
    let finding = result.unwrap_err().finding().unwrap();
    assert_eq!((finding.what, finding.index), ("missing_entry", Some(10)));
}

#[test]
fn threads_do_not_run_ahead_of_what_is_taken() {
    let source = fake(4_000);
    let keys = RwLock::new(StreamKeys::default());
    let mut taken = 0;
    let jobs = 4;
    drive(&source, LeafIndex(0), jobs, &keys, |_| {
        taken += 1;
        let ahead = source.reads.load(Ordering::Relaxed) - taken;
        assert!(ahead <= (jobs * super::SPANS_PER_JOB) as u64, "{ahead} spans ahead");
        Ok(())
    })
    .unwrap();
    assert_eq!(taken, 1_000);
}
