//! Entries with one proof for all of them.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod support;

use graven_merkle::{Hash, LeafIndex, inclusion_proof_of_many};
use graven_note::{Algorithm, Policy, SigningKey, VerifierKey};
use graven_verify::{
    FaultKind, KeyOp, KeyTarget, Results, key_statement, verify_key_changes, verify_results,
};
use support::*;

/// These entries of the log with their proof.
fn results(log: &Log, indexes: &[u64]) -> Results {
    let indexes: Vec<LeafIndex> = indexes.iter().copied().map(LeafIndex).collect();
    let proof = inclusion_proof_of_many(&indexes, log.size(), &log.leaves()).unwrap();
    let entry = |index: &LeafIndex| (*index, log.entries[index.0 as usize].clone());
    let entries = indexes.iter().map(entry).collect();
    Results { entries, checkpoint: log.checkpoint.clone(), proof }
}

fn keys() -> Vec<VerifierKey> {
    vec![log_key(2).verifier()]
}

#[test]
fn any_choice_of_entries_by_one_proof() {
    let log = log();
    let count = log.entries.len() as u64;
    let every = (0..count).collect::<Vec<_>>();
    for indexes in [&every[..], &[], &[0], &[count - 1], &[2, 6, 7, 12]] {
        let results = results(&log, indexes);
        let read = Results::parse(&results.write()).unwrap();
        assert_eq!(read, results, "{indexes:?}");
        let verdict = verify_results(&read, &origin(), &keys(), None).unwrap();
        assert_eq!((verdict.entries, verdict.checkpoint.size), (indexes.len(), log.size()));
        assert_eq!(verdict.keys_used, [log_key(2).verifier().to_string()]);
        assert!(verdict.not_checked[0].contains("all entries"));
    }
}

#[test]
fn bad_results() {
    use FaultKind::*;
    type Row = (&'static str, fn(&mut Results), Result<(), (FaultKind, Option<u64>)>);
    let rows: &[Row] = &[
        ("untouched", |_| {}, Ok(())),
        (
            "an entry changed",
            |r| swap(&mut r.entries[1].1, "a.b", "a.c"),
            Err((LeafMismatch, None)),
        ),
        ("an entry left out", |r| cut(&mut r.entries), Err((LeafMismatch, None))),
        ("an entry twice", |r| r.entries.push(r.entries[2].clone()), Err((LeafMismatch, None))),
        ("two entries change places", |r| r.entries.swap(0, 1), Err((LeafMismatch, None))),
        ("a place changed", |r| r.entries[1].0 = LeafIndex(7), Err((WrongIndex, Some(7)))),
        (
            "another log's",
            |r| swap(&mut r.entries[0].1, "acme", "bcme"),
            Err((WrongOrigin, Some(2))),
        ),
        ("a hash changed", |r| r.proof[0] = Hash::new([7; 32]), Err((LeafMismatch, None))),
        ("a hash left out", |r| cut(&mut r.proof), Err((LeafMismatch, None))),
        ("a hash too many", |r| r.proof.push(r.proof[0]), Err((LeafMismatch, None))),
        ("the checkpoint cut", |r| cut(&mut r.checkpoint), Err((SignatureBad, None))),
        ("signed by another", |r| r.checkpoint = by(7), Err((KeyUnknown, None))),
        ("an older tree", older, Err((LeafMismatch, None))),
    ];
    for (what, spoil, expected) in rows {
        let mut results = results(&log(), &[2, 6, 12]);
        spoil(&mut results);
        check_result(what, verify_results(&results, &origin(), &keys(), None), *expected);
    }
}

/// Who knew the first key believes the second one, which the first announces at 11; the first ends at 13.
#[test]
fn keys_are_followed_through_their_changes() {
    use FaultKind::*;
    type Row = (
        &'static str,
        &'static [u64],
        u8,
        fn(&mut Vec<Item>),
        Result<(), (FaultKind, Option<u64>)>,
    );
    let rows: &[Row] = &[
        ("announced", &[11, 13], 1, |_| {}, Ok(())),
        ("among others", &[4, 6, 11, 12, 13, 15], 1, |_| {}, Ok(())),
        ("the old one's end left out", &[11], 1, |_| {}, Ok(())),
        ("known already", &[13], 2, |_| {}, Ok(())),
        ("the announcement left out", &[13], 1, |_| {}, Err((KeyUnknown, None))),
        ("another key known", &[11, 13], 7, |_| {}, Err((KeyNotValidThen, Some(11)))),
        ("not signed", &[11, 13], 1, |i| i[11] = announced(None), Err((KeyUnknown, None))),
        (
            "signed by a stranger",
            &[11, 13],
            1,
            |i| i[11] = announced(Some((7, 2))),
            Err((KeyNotValidThen, Some(11))),
        ),
        (
            "signed for another",
            &[11, 13],
            1,
            |i| i[11] = announced(Some((1, 3))),
            Err((SignatureBad, Some(11))),
        ),
        ("by a writer", &[11, 13], 1, |i| i[11].auth = "token", Err((KeyUnknown, None))),
        ("revoked since", &[11, 13], 1, |i| i[13] = revoked(), Err((KeyUnknown, None))),
    ];
    for (what, indexes, known, spoil, expected) in rows {
        let mut items = items();
        spoil(&mut items);
        let (results, known) = (results(&log_of(&items), indexes), [log_key(*known).verifier()]);
        let found = verify_key_changes(&results, &origin(), &known, None);
        if let Ok(verdict) = &found {
            assert!(verdict.keys.contains(&log_key(2).verifier()), "{what}");
            let has_first = verdict.keys.contains(&log_key(1).verifier());
            assert_eq!(has_first, !indexes.contains(&13), "{what}");
        }
        check_result(what, found, *expected);
    }
}

/// The second key's announcement, with a signature of one generation's key over another's.
fn announced(signature: Option<(u8, u8)>) -> Item {
    let vkey = |generation| log_key(generation).verifier().to_string();
    let line = signature.map(|(by, of)| {
        let statement = key_statement(&origin(), &KeyTarget::Log, KeyOp::Add, &vkey(of));
        log_key(by).sign_note(&statement).unwrap().to_string()
    });
    key_item_of(&KeyTarget::Log, "add", &vkey(2), line.as_deref())
}

fn revoked() -> Item {
    key_item(&KeyTarget::Log, KeyOp::Revoke, &log_key(2), None)
}

/// The checkpoint signed by a key that is not the log's.
fn by(generation: u8) -> Vec<u8> {
    let log = log();
    sign(&head_of(&log.entries, log.entries.len()), &[log_key(generation)])
}

fn older(results: &mut Results) {
    let log = log();
    results.checkpoint = sign(&head_of(&log.entries, log.entries.len() - 1), &[log_key(2)]);
}

fn swap(entry: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8(std::mem::take(entry)).unwrap();
    assert!(text.contains(from), "{text}");
    *entry = text.replacen(from, to, 1).into_bytes();
}

#[test]
fn a_policy_has_to_be_met() {
    let log = log();
    let results = results(&log, &[3]);
    let key = log_key(2).verifier();
    let name = "witness-1".parse().unwrap();
    let witness = SigningKey::from_seed(name, Algorithm::Ed25519Cosignature, [1; 32]);
    let unmet = format!("log {key}\nwitness w {}\nquorum w\n", witness.verifier());
    let unmet = Policy::parse(&unmet).unwrap();
    let verdict = verify_results(&results, &origin(), &[], Some(&unmet));
    check_result("no witness", verdict, Err((FaultKind::PolicyUnmet, None)));
    let met = Policy::parse(format!("log {key}\nquorum none\n")).unwrap();
    assert!(verify_results(&results, &origin(), &[], Some(&met)).is_ok());
}

#[test]
fn malformed_lines() {
    use FaultKind::*;
    let good = String::from_utf8(results(&log(), &[2, 6]).write()).unwrap();
    let check = |text: &str, kind: FaultKind| {
        let fault = Results::parse(text.as_bytes()).unwrap_err();
        assert_eq!(fault.kind, kind, "{fault:?} in {text}");
    };
    assert!(Results::parse(good.trim_end().as_bytes()).is_ok());
    check("", ExportMalformed);
    check(&good.replace("results/v1", "results/v2"), ExportMalformed);
    check(&good.replace("\"index\":2", "\"index\":02"), ExportMalformed);
    check(&good.replace("\"proof\"", "\"proofs\""), ExportMalformed);
    check(&good.replace("]}", "]} x"), ExportMalformed);
    check(&good.replace("]}", ",\"AAAA\"]}"), ExportMalformed);
    check(&good[..good.rfind("{\"checkpoint\"").unwrap()], MissingEntry);
    check(&format!("{good}{{}}\n"), TrailingBytes);
}
