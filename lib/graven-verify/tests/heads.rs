//! Checkpoints: whose keys, which size, which root, and what was seen before.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod support;

use graven_entry::Name;
use graven_merkle::{Hash, TreeSize, consistency_proof};
use graven_note::{Algorithm, Checkpoint, Policy, SigningKey};
use graven_verify::{
    Fault, FaultKind, KeyOp, KeySource, KeyTarget, LogVerifier, StateError, VerifyOptions,
    check_run, check_run_with, compare_heads,
};
use sha2::Digest as _;
use support::*;

type Expected = Result<(), (FaultKind, Option<u64>)>;

fn given(keys: &[SigningKey]) -> KeySource {
    KeySource::Given(keys.iter().map(SigningKey::verifier).collect())
}

/// A checkpoint at a size, by these keys.
fn head(size: usize, keys: &[SigningKey]) -> Vec<u8> {
    sign(&head_of(&log().entries, size), keys)
}

fn other_key() -> SigningKey {
    SigningKey::from_seed("other".parse().unwrap(), Algorithm::Ed25519, [9; 32])
}

/// Verifies the log with this checkpoint, whose size may be one of a few.
fn check_head(what: &str, checkpoint: Vec<u8>, keys: &KeySource, expected: Expected) {
    let log = Log { checkpoint, ..log() };
    let found = verify(&log, 7, keys, |verifier| {
        [11, 12, 13, 14].into_iter().try_for_each(|size| verifier.ask_root(TreeSize(size)))
    });
    check_result(what, found, expected);
}

#[test]
fn keys_count_where_the_log_says() {
    use FaultKind::*;
    let not_valid: Expected = Err((KeyNotValidThen, None));
    let unknown: Expected = Err((KeyUnknown, None));
    for (what, size, signers, expected) in [
        ("by the new key", 20, &[2][..], Ok(())),
        ("by both, one retired", 20, &[1, 2], Ok(())),
        ("by the retired key", 20, &[1], not_valid),
        ("just retired", 14, &[1], not_valid),
        ("not yet retired", 13, &[1], Ok(())),
        ("just added", 12, &[2], Ok(())),
        ("not yet added", 11, &[2], not_valid),
        ("by a stranger", 20, &[7], unknown),
        ("a stranger beside", 20, &[7, 2], Ok(())),
        ("not stated before", 10, &[1], Err((SizeMismatch, None))),
    ] {
        let signers: Vec<SigningKey> = signers.iter().map(|number| log_key(*number)).collect();
        check_head(what, head(size, &signers), &KeySource::FromLog, expected);
    }
    for (what, signer, keys, expected) in [
        ("the new key given", 2, given(&[log_key(2)]), Ok(())),
        ("the old key given", 2, given(&[log_key(1)]), Ok(())),
        ("a stranger given", 2, given(&[log_key(7)]), unknown),
        ("another log's given", 2, given(&[other_key()]), unknown),
        ("none given", 2, given(&[]), unknown),
        ("given, not the log's", 7, given(&[log_key(7)]), not_valid),
    ] {
        check_head(what, head(20, &[log_key(signer)]), &keys, expected);
    }
}

#[test]
fn checkpoints_fit_the_entries() {
    use FaultKind::*;
    let good = head_of(&log().entries, 20);
    let signed = |checkpoint| sign(&checkpoint, &[log_key(2)]);
    let spelled = |from: &str, to: &str| {
        String::from_utf8(signed(good.clone())).unwrap().replace(from, to).into_bytes()
    };
    let mut flipped = signed(good.clone());
    let at = flipped.len() - 20;
    flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
    let other_log = sign(&Checkpoint { origin: "other".into(), ..good.clone() }, &[other_key()]);
    let other_root = signed(Checkpoint { root: Hash::new([7; 32]), ..good.clone() });
    let larger = signed(Checkpoint { size: TreeSize(21), ..good.clone() });
    for (what, checkpoint, expected) in [
        ("untouched", signed(good.clone()), Ok(())),
        ("of another log", other_log, Err((WrongOrigin, None))),
        ("of another root", other_root, Err((RootMismatch, Some(19)))),
        ("of a larger tree", larger, Err((MissingEntry, Some(20)))),
        ("size changed", spelled("\n20\n", "\n19\n"), Err((SignatureBad, None))),
        ("signature changed", flipped, Err((SignatureBad, None))),
        ("size with a zero", spelled("\n20\n", "\n020\n"), Err((SignatureBad, None))),
        ("no note", b"abc\n".to_vec(), Err((SignatureBad, None))),
    ] {
        check_head(what, checkpoint, &KeySource::FromLog, expected);
    }
}

/// To whoever has a key, the log's word alone is not enough for another, whatever that one signs.
#[test]
fn keys_are_believed_by_signatures() {
    use FaultKind::*;
    let mut items = items();
    items[8] = key_item(&KeyTarget::Log, KeyOp::Add, &log_key(3), None);
    items[19] = key_item(&KeyTarget::Log, KeyOp::Add, &log_key(4), Some(&log_key(3)));
    let entries = assemble(&items, |_| {});
    let signed = |key| sign(&head_of(&entries, 20), &[key]);
    for (what, key, source, expected) in [
        ("announced", log_key(2), KeySource::FromLog, Ok(())),
        ("unannounced, by the log", log_key(3), KeySource::FromLog, Ok(())),
        ("unannounced", log_key(3), given(&[log_key(1)]), Err((KeyUnknown, None))),
        ("by an unannounced one", log_key(4), given(&[log_key(1)]), Err((KeyUnknown, None))),
        ("unannounced, but given", log_key(3), given(&[log_key(3)]), Ok(())),
        ("by one that is given", log_key(4), given(&[log_key(3)]), Ok(())),
        ("by another that is given", log_key(4), given(&[log_key(2)]), Err((KeyUnknown, None))),
    ] {
        let log = Log { entries: entries.clone(), checkpoint: signed(key) };
        check_result(what, verify(&log, 7, &source, |_| Ok(())), expected);
    }
}

#[test]
fn what_was_seen_before() {
    use FaultKind::*;
    let forked = |size| Checkpoint { root: Hash::new([7; 32]), ..head_of(&log().entries, size) };
    let other = Checkpoint { origin: "other".into(), ..head_of(&log().entries, 9) };
    let larger = Checkpoint { size: TreeSize(25), ..head_of(&log().entries, 20) };
    let empty = Checkpoint::new(ORIGIN, TreeSize(0), graven_merkle::EMPTY_ROOT).unwrap();
    let rows: Vec<(&str, Checkpoint, Expected)> = vec![
        ("nothing", empty, Ok(())),
        ("an older head", head_of(&log().entries, 9), Ok(())),
        ("the same head", head_of(&log().entries, 20), Ok(())),
        ("another tree", forked(9), Err((Fork, Some(8)))),
        ("another tree of the same size", forked(20), Err((Fork, Some(19)))),
        ("a longer log", larger, Err((Rollback, None))),
        ("another log", other, Err((WrongOrigin, None))),
    ];
    for (what, remembered, expected) in rows {
        let expect = |verifier: &mut LogVerifier| verifier.expect_head(&remembered);
        let found = verify(&log(), 7, &KeySource::FromLog, expect);
        check_result(what, found, expected);
    }
    for (size, root, expected) in [
        (9, head_of(&log().entries, 9).root, Ok(())),
        (9, Hash::new([7; 32]), Err((RootMismatch, Some(8)))),
        (25, Hash::new([7; 32]), Err((MissingEntry, Some(20)))),
    ] {
        let expect = |verifier: &mut LogVerifier| verifier.expect_root(TreeSize(size), root, "it");
        let found = verify(&log(), 7, &KeySource::FromLog, expect);
        check_result(&format!("root at {size}"), found, expected);
    }
}

#[test]
fn heads_compared_by_proof() {
    use FaultKind::*;
    let log = log();
    let proof =
        |old: usize| consistency_proof(TreeSize(old as u64), log.size(), &log.leaves()).unwrap();
    let at = |size| head_of(&log.entries, size);
    let forked = |size| Checkpoint { root: Hash::new([7; 32]), ..at(size) };
    let other = Checkpoint { origin: "other".into(), ..at(20) };
    for (what, old, new, proof, expected) in [
        ("extended", at(9), at(20), proof(9), Ok(())),
        ("the same", at(20), at(20), vec![], Ok(())),
        ("from nothing", at(0), at(20), vec![], Ok(())),
        ("shorter", at(20), at(9), proof(9), Err((Rollback, None))),
        ("old root", forked(9), at(20), proof(9), Err((Fork, None))),
        ("new root", at(9), forked(20), proof(9), Err((Fork, None))),
        ("same size", at(20), forked(20), vec![], Err((Fork, None))),
        ("another size's proof", at(9), at(20), proof(10), Err((Fork, None))),
        ("cut proof", at(9), at(20), proof(9)[1..].to_vec(), Err((Fork, None))),
        ("another log", at(9), other, proof(9), Err((WrongOrigin, None))),
    ] {
        check_result(what, compare_heads(&old, &new, &proof), expected);
    }
}

#[test]
fn policies() {
    let witness = |number: u8| {
        let name = format!("witness-{number}").parse().unwrap();
        SigningKey::from_seed(name, Algorithm::Ed25519Cosignature, [50 + number; 32])
    };
    let policy = format!(
        "log {}\nwitness a {}\nwitness b {}\ngroup both all a b\nquorum both\n",
        log_key(2).verifier(),
        witness(1).verifier(),
        witness(2).verifier()
    );
    let head = head_of(&log().entries, 20);
    let cosigned = |numbers: &[u8]| {
        let mut note = graven_note::Note::parse(&sign(&head, &[log_key(2)])).unwrap();
        for number in numbers {
            let line = witness(*number).cosign(&head.to_text(), 1_795_000_100).unwrap();
            note.push(line).unwrap();
        }
        note.to_string().into_bytes()
    };
    for (numbers, expected) in [
        (&[1, 2][..], Ok(())),
        (&[1], Err((FaultKind::PolicyUnmet, None))),
        (&[], Err((FaultKind::PolicyUnmet, None))),
    ] {
        let policy = Some(Policy::parse(&policy).unwrap());
        let mut verifier = LogVerifier::new(origin(), VerifyOptions { policy });
        push_all(&mut verifier, &log().entries, 7).unwrap();
        let found = verifier.finish(&cosigned(numbers), &KeySource::FromLog);
        check_result(&format!("cosigned by {numbers:?}"), found, expected);
    }
}

#[test]
fn the_verdict_says_what_it_does_not_say() {
    let ask = |verifier: &mut LogVerifier| verifier.ask_root(TreeSize(13));
    let older = Log { checkpoint: head(13, &[log_key(1)]), ..log() };
    let verdict = verify(&older, 7, &KeySource::FromLog, ask).unwrap();
    assert_eq!((verdict.size, verdict.entries_checked), (TreeSize(13), 20));
    assert_eq!((verdict.streams, verdict.signed_events), (2, 6));
    assert_eq!(verdict.keys_used, [log_key(1).verifier().to_string()]);
    for part in ["whose log", "after the checkpoint", "freshness"] {
        let says = verdict.not_checked.iter().any(|what| what.contains(part));
        assert!(says, "{part} in {:?}", verdict.not_checked);
    }
    let remembered = head_of(&log().entries, 9);
    let expect = |verifier: &mut LogVerifier| verifier.expect_head(&remembered);
    let verdict = verify(&log(), 7, &given(&[log_key(2)]), expect).unwrap();
    assert!(verdict.not_checked.is_empty(), "{:?}", verdict.not_checked);
}

#[test]
fn stream_keys_by_the_logs_word_alone_are_named() {
    let mut items = items();
    items[14] = key_item(&stream_target(), KeyOp::Add, &stream_key(2), None);
    let verdict = verify(&log_of(&items), 7, &KeySource::FromLog, |_| Ok(())).unwrap();
    assert_eq!(verdict.unannounced_keys, [stream_key(2).verifier().to_string()]);
}

/// Runs checked on threads, in any order and with or without keys at hand, give what one run gives.
#[test]
fn parallel_runs_are_one_run() {
    let log = log();
    let mut whole = LogVerifier::new(origin(), options());
    push_all(&mut whole, &log.entries, usize::MAX).unwrap();
    for run_entries in 1..=20 {
        let mut verifier = LogVerifier::new(origin(), options());
        let hints = whole.stream_keys();
        let reports = std::thread::scope(|scope| {
            let (entries, hints) = (&log.entries, &hints);
            let threads: Vec<_> = entries
                .chunks(run_entries)
                .enumerate()
                .map(|(number, run)| {
                    let first = graven_merkle::LeafIndex((number * run_entries) as u64);
                    scope.spawn(move || {
                        check_run_with(&origin(), first, &run.iter().collect(), hints)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        for report in reports {
            verifier.push_run(report.unwrap()).unwrap();
        }
        assert_eq!(verifier.save(), whole.save(), "runs of {run_entries}");
        assert_eq!(verifier.root(), head_of(&log.entries, 20).root);
    }
}

/// Wherever it is saved, it ends as it would have without a stop.
#[test]
fn resumed_is_as_in_one_go() {
    let good = log();
    let mut bad = items();
    bad[17].attestation = None;
    let bad = log_of(&bad);
    for stop in 0..=20 {
        for (log, expected) in [(&good, Ok(())), (&bad, Err((FaultKind::AttestationBad, Some(16))))]
        {
            let mut verifier = LogVerifier::new(origin(), options());
            push_all(&mut verifier, &log.entries[..stop], 3).unwrap();
            verifier.expect_root(TreeSize(stop as u64), verifier.root(), "itself").unwrap();
            let mut verifier = LogVerifier::load(&verifier.save(), options()).unwrap();
            assert_eq!(verifier.size(), TreeSize(stop as u64));
            push_all(&mut verifier, &log.entries, 7).unwrap();
            assert!(verifier.root_at(TreeSize(stop as u64)).is_some(), "stop {stop}");
            let found = verifier.finish(&log.checkpoint, &KeySource::FromLog);
            check_result(&format!("stopped at {stop}"), found, expected);
        }
    }
}

#[test]
fn damaged_states_are_refused() {
    let mut verifier = LogVerifier::new(origin(), options());
    push_all(&mut verifier, &log().entries, 7).unwrap();
    let state = verifier.save();
    for at in 0..state.len() {
        let mut damaged = state.clone();
        damaged[at] ^= 1;
        let error = LogVerifier::load(&damaged, options()).err();
        let is_refused = matches!(error, Some(StateError::Version | StateError::Digest));
        assert!(is_refused, "byte {at}: {error:?}");
        assert!(LogVerifier::load(&state[..at], options()).is_err(), "cut at {at}");
    }
}

/// A state that someone made up: whatever it says, nothing panics.
#[test]
fn made_up_states_do_no_harm() {
    let log = log();
    let mut verifier = LogVerifier::new(origin(), options());
    push_all(&mut verifier, &log.entries[..13], 7).unwrap();
    let state = verifier.save();
    let body = &state[..state.len() - 32];
    let mut loaded = 0;
    for at in 0..body.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut state = body.to_vec();
            state[at] = byte;
            state.extend(sha2::Sha256::digest(&state));
            let Ok(mut verifier) = LogVerifier::load(&state, options()) else { continue };
            loaded += 1;
            assert_eq!(verifier.save(), state, "byte {at}: a state has one spelling");
            if verifier.size() == TreeSize(13) {
                let pushed = push_all(&mut verifier, &log.entries, 7);
                let finished = verifier.finish(&log.checkpoint, &KeySource::FromLog);
                assert!(pushed.is_ok() || finished.is_err(), "byte {at}");
            }
        }
    }
    assert!(loaded > 1_000, "{loaded} states were taken up");
}

/// After a fault nothing good is said any more.
#[test]
fn a_fault_stays() {
    let log = log();
    let mut verifier = LogVerifier::new(origin(), options());
    push_all(&mut verifier, &log.entries[..10], 10).unwrap();
    let wrong = Hash::new([7; 32]);
    let fault = verifier.expect_root(TreeSize(10), wrong, "it").unwrap_err();
    let again: Vec<Result<(), Fault>> = vec![
        push_all(&mut verifier, &log.entries, 10),
        verifier.finish(&log.checkpoint, &KeySource::FromLog).map(drop),
        verifier.finish_unsigned().map(drop),
        verifier.check_head(&log.checkpoint, &KeySource::FromLog).map(drop),
    ];
    for result in again {
        assert_eq!(result, Err(fault.clone()));
    }
    assert!(verifier.save().is_empty());
}

/// Runs that do not follow each other, or are of another log, are not joined.
#[test]
fn runs_must_follow() {
    use FaultKind::*;
    let log = log();
    let run = |first: usize, end: usize| {
        let index = graven_merkle::LeafIndex(first as u64);
        check_run(&origin(), index, &log.entries[first..end]).unwrap()
    };
    for (what, second, expected) in [
        ("following", run(10, 20), Ok(())),
        ("empty", run(5, 5), Ok(())),
        ("a gap", run(11, 20), Err((MissingEntry, Some(10)))),
        ("an overlap", run(9, 20), Err((SizeMismatch, Some(10)))),
    ] {
        let mut verifier = LogVerifier::new(origin(), options());
        verifier.push_run(run(0, 10)).unwrap();
        check_result(what, verifier.push_run(second), expected);
    }
    let mut other = LogVerifier::new(Name::origin("other").unwrap(), options());
    check_result("another log", other.push_run(run(0, 10)), Err((WrongOrigin, None)));
}
