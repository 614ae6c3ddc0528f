//! A deliberate fault, for the test that shows that somebody notices: `prev` goes unchecked. Outside of this crate's own
//! tests there is no such switch.

use crate::run::check_run;
use crate::{Fault, FaultKind, KeySource, LogVerifier, VerifyOptions};
use graven_entry::{AuthMethod, Clock, Grade, Header, Name, build_entry};
use graven_merkle::{EMPTY_ROOT, Frontier, Hash, LeafIndex, leaf_hash};
use graven_note::{Algorithm, Checkpoint, Note, SigningKey};
use std::cell::Cell;

thread_local! {
    /// No `prev` is compared with the hash of the entry before.
    pub(crate) static PREV_UNCHECKED: Cell<bool> = const { Cell::new(false) };
}

const ORIGIN: &str = "acme.example/prod";
const ENTRIES: u64 = 4;

fn entry(index: u64, prev: Hash, key: &SigningKey) -> Vec<u8> {
    let data = format!(r#"{{"origin":"{ORIGIN}","keys":["{}"]}}"#, key.verifier());
    let (auth, action) = if index == 0 { ("log", "graven.log") } else { ("token", "a.b") };
    let event = format!(r#"{{"actor":{{"id":"u"}},"action":"{action}","data":{data}}}"#);
    let auth = AuthMethod::new(auth).expect("a constant method");
    let header = Header {
        origin: Name::origin(ORIGIN).expect("a constant name"),
        index: LeafIndex(index),
        time: format!("2026-11-20T22:55:0{index}.123456789Z").parse().expect("a constant time"),
        clock: Clock::Synced,
        error_ns: None,
        wall: None,
        prev,
        nonce: [7; 16],
        writer: Name::new("graven").expect("a constant name"),
        auth,
        grade: Grade::Asserted,
        stream: None,
        seq: None,
        altered: Vec::new(),
    };
    let mut bytes = Vec::new();
    build_entry(&mut bytes, &header, event.as_bytes(), None).expect("within the limits");
    bytes
}

/// Verifies a log in which one entry states another `prev`, while every hash above it and the signature fit.
fn verify(wrong: Option<u64>, run_entries: usize) -> Result<(), Fault> {
    let origin = Name::origin(ORIGIN).expect("a constant name");
    let name = ORIGIN.parse().expect("a constant name");
    let key = SigningKey::from_seed(name, Algorithm::Ed25519, [7; 32]);
    let (mut entries, mut frontier, mut prev) = (Vec::new(), Frontier::new(), EMPTY_ROOT);
    for index in 0..ENTRIES {
        let stated = if wrong == Some(index) { leaf_hash(b"another entry") } else { prev };
        entries.push(entry(index, stated, &key));
        prev = leaf_hash(&entries[index as usize]);
        frontier.push(prev);
    }
    let checkpoint = Checkpoint::new(ORIGIN, frontier.size(), frontier.root());
    let text = checkpoint.expect("a whole tree").to_text();
    let line = key.sign_note(&text).expect("a checkpoint's text");
    let note = Note::new(text, vec![line]).expect("one signature").to_string();
    let mut verifier = LogVerifier::new(origin.clone(), VerifyOptions { policy: None });
    let mut first = LeafIndex(0);
    for run in entries.chunks(run_entries) {
        verifier.push_run(check_run(&origin, first, run)?)?;
        first.0 += run.len() as u64;
    }
    verifier.finish(note.as_bytes(), &KeySource::Given(vec![key.verifier()])).map(drop)
}

#[test]
fn mutant_prev_unchecked_is_killed() {
    for run_entries in [1, 2, ENTRIES as usize] {
        assert_eq!(verify(None, run_entries), Ok(()));
        for wrong in 0..ENTRIES {
            let place = format!("entry {wrong}, runs of {run_entries}");
            let fault = verify(Some(wrong), run_entries).expect_err(&place);
            // Where nothing vouches for the entry before, that one may be named.
            let is_prev = matches!(fault.kind, FaultKind::PrevMismatch | FaultKind::LeafMismatch);
            assert!(is_prev, "{place}: {fault}");
            PREV_UNCHECKED.set(true);
            let unseen = verify(Some(wrong), run_entries);
            PREV_UNCHECKED.set(false);
            // Nothing else would have noticed: the check of `prev` alone stands between.
            assert_eq!(unseen, Ok(()), "{place}");
        }
    }
}
