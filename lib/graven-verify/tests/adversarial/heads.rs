//! Forks and rollbacks against what was seen before.

use graven_merkle::{Hash, TreeSize, consistency_proof};
use graven_note::Checkpoint;
use graven_verify::FaultKind::*;
use graven_verify::{KeySource, LogVerifier, compare_heads};

use crate::Corpus;
use crate::support::*;

pub(crate) fn add(corpus: &mut Corpus) {
    remembered(corpus);
    compared(corpus);
}

/// What was seen before against the whole log.
fn remembered(corpus: &mut Corpus) {
    let log = log();
    let forked = forked_log();
    for size in 1..=20 {
        let mut add = |what: &str, seen: Checkpoint, expected| {
            let expect = |verifier: &mut LogVerifier| verifier.expect_head(&seen);
            let found = verify(&log, 6, &KeySource::FromLog, expect);
            corpus.case(format!("{what} at {size}"), found, expected);
        };
        let head = head_of(&log.entries, size);
        let at = Some(size as u64 - 1);
        add("another root", Checkpoint { root: Hash::new([7; 32]), ..head.clone() }, (Fork, at));
        let longer = TreeSize(20 + size as u64);
        add("a longer log", Checkpoint { size: longer, ..head.clone() }, (Rollback, None));
        add(
            "another log",
            Checkpoint { origin: "acme.example".into(), ..head.clone() },
            (WrongOrigin, None),
        );
        if size > 8 {
            add("the fork", head_of(&forked.entries, size), (Fork, at));
        }
        let expect = |verifier: &mut LogVerifier| {
            verifier.expect_root(TreeSize(size as u64), head_of(&forked.entries, 20).root, "a part")
        };
        let found = verify(&log, 6, &KeySource::FromLog, expect);
        corpus.case(format!("a part's root at {size}"), found, (RootMismatch, at));
    }
}

/// The log as it would be, had entry 8 been another; signed by the same key.
fn forked_log() -> Log {
    let mut items = items();
    items[8] = plain(88);
    log_of(&items)
}

/// Two heads with a proof between them.
fn compared(corpus: &mut Corpus) {
    let log = log();
    let forked = forked_log();
    let new = head_of(&log.entries, 20);
    let proof =
        |old: usize| consistency_proof(TreeSize(old as u64), log.size(), &log.leaves()).unwrap();
    for size in 1..20 {
        let old = head_of(&log.entries, size);
        let honest = proof(size);
        let mut add = |what: &str, old: &Checkpoint, new: &Checkpoint, proof: &[Hash], kind| {
            corpus.case(
                format!("{what} from {size}"),
                compare_heads(old, new, proof),
                (kind, None),
            );
        };
        let other = Checkpoint { root: Hash::new([7; 32]), ..old.clone() };
        add("another old root", &other, &new, &honest, Fork);
        let of_fork = head_of(&forked.entries, 20);
        add("the fork's root", &old, &of_fork, &honest, Fork);
        add("backwards", &new, &old, &honest, Rollback);
        add("a hash more", &old, &new, &[&honest[..], &[Hash::new([7; 32])]].concat(), Fork);
        add("64 hashes more", &old, &new, &[&honest[..], &[Hash::new([7; 32]); 64]].concat(), Fork);
        add("a hash less", &old, &new, &honest[1..], Fork);
        add("no proof", &old, &new, &[], Fork);
        let mut reversed = honest.clone();
        reversed.reverse();
        if reversed != honest {
            add("reversed", &old, &new, &reversed, Fork);
        }
        for place in 0..honest.len() {
            let mut changed = honest.clone();
            changed[place] = Hash::new([7; 32]);
            add(&format!("hash {place} changed"), &old, &new, &changed, Fork);
        }
    }
}
