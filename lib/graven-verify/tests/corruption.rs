//! One corruption a row: each is found, as what it is and where it is.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod support;

use graven_entry::{Grade, Header, Name, Time};
use graven_merkle::LeafIndex;
use graven_note::SigningKey;
use graven_verify::{FaultKind, KeyOp, KeyTarget};
use support::*;

type Expected = Result<(), (FaultKind, Option<u64>)>;

fn bad(kind: FaultKind, index: u64) -> Expected {
    Err((kind, Some(index)))
}

/// Replaces the first `from` of an entry.
fn replace(entry: &mut Vec<u8>, from: &str, to: &str) {
    let at = entry.windows(from.len()).position(|window| window == from.as_bytes());
    let at = at.unwrap_or_else(|| panic!("{from:?} is in {}", String::from_utf8_lossy(entry)));
    entry.splice(at..at + from.len(), to.bytes());
}

#[test]
fn the_whole_log_is_good() {
    check("untouched", &log(), Ok(()));
    for (item, entry) in items().iter().zip(&log().entries) {
        let header = Header::parse(entry.split_inclusive(|byte| *byte == b'\n').next().unwrap());
        assert!(is_built_alike(item, &header.unwrap(), entry));
    }
}

/// Bytes changed where they are stored, with everything else as it was.
#[test]
fn changed_on_disk() {
    use FaultKind::*;
    type Row = (&'static str, fn(&mut Vec<Vec<u8>>), Expected);
    let rows: &[Row] = &[
        ("event", |e| replace(&mut e[2], "p_2", "p_7"), bad(LeafMismatch, 2)),
        ("event of entry 0", |e| replace(&mut e[0], "main", "mian"), bad(LeafMismatch, 0)),
        ("time", |e| replace(&mut e[2], "00Z\"", "01Z\""), bad(LeafMismatch, 2)),
        ("nonce", |e| replace(&mut e[2], "\"nonce\":\"A", "\"nonce\":\"B"), bad(LeafMismatch, 2)),
        ("writer", |e| replace(&mut e[2], "billing-api", "billing-apl"), bad(LeafMismatch, 2)),
        ("auth", |e| replace(&mut e[2], "token", "tokem"), bad(LeafMismatch, 2)),
        ("error_ns", |e| replace(&mut e[1], "812001", "812002"), bad(LeafMismatch, 1)),
        ("signed event", |e| replace(&mut e[6], "p_1", "p_9"), bad(LeafMismatch, 6)),
        ("prev", |e| flip_prev(&mut e[2]), bad(PrevMismatch, 2)),
        ("prev of entry 0", |e| flip_prev(&mut e[0]), bad(PrevMismatch, 0)),
        ("prev of the last", |e| flip_prev(&mut e[19]), bad(PrevMismatch, 19)),
        ("prev of the first of a run", |e| flip_prev(&mut e[6]), bad(PrevMismatch, 6)),
        ("prev of the last of a run", |e| flip_prev(&mut e[5]), bad(PrevMismatch, 5)),
        ("the last but one", |e| replace(&mut e[18], "a.b", "a.c"), bad(LeafMismatch, 18)),
        ("the last", |e| replace(&mut e[19], "p_19", "p_20"), bad(RootMismatch, 19)),
        ("space in header", |e| replace(&mut e[2], ",\"time", ", \"time"), bad(HeaderMalformed, 2)),
        ("nonce not canonical", |e| replace(&mut e[2], "g==", "h=="), bad(HeaderMalformed, 2)),
        ("unknown header key", |e| replace(&mut e[2], "grade", "grads"), bad(HeaderMalformed, 2)),
        ("no entry", |e| e[2].clear(), bad(HeaderMalformed, 2)),
        ("another version", |e| replace(&mut e[2], "y/v1", "y/v2"), bad(UnsupportedVersion, 2)),
        ("version of no number", |e| replace(&mut e[2], "y/v1", "y/vX"), bad(HeaderMalformed, 2)),
        ("index", |e| replace(&mut e[2], "index\":2", "index\":3"), bad(WrongIndex, 2)),
        ("origin", |e| replace(&mut e[2], "acme", "acne"), bad(WrongOrigin, 2)),
        ("two swapped", |e| e.swap(2, 3), bad(WrongIndex, 2)),
        ("one taken out", |e| drop(e.remove(5)), bad(WrongIndex, 5)),
        ("one twice", |e| e.insert(5, e[5].clone()), bad(WrongIndex, 6)),
        ("tail cut off", |e| e.truncate(12), bad(MissingEntry, 12)),
        ("all cut off", Vec::clear, bad(MissingEntry, 0)),
        ("byte behind the entry", |e| e[2].push(b'x'), bad(AttestationBad, 2)),
        ("line behind the entry", |e| e[2].push(b'\n'), bad(AttestationBad, 2)),
        ("line feed missing", |e| cut(&mut e[2]), bad(EventInvalid, 2)),
        ("carriage return", |e| replace(&mut e[2], "}}\n", "}}\r\n"), bad(EventInvalid, 2)),
        ("quote lost", |e| replace(&mut e[2], "\"p_2\"", "\"p_2 "), bad(EventInvalid, 2)),
        ("key twice", |e| replace(&mut e[2], "\"type\"", "\"id\""), bad(EventInvalid, 2)),
        ("no action", |e| replace(&mut e[2], "\"action\"", "\"acted\""), bad(EventInvalid, 2)),
        ("no UTF-8", |e| *e[2].iter_mut().nth_back(3).unwrap() = 0xff, bad(EventInvalid, 2)),
        ("reserved action", |e| replace(&mut e[2], "invoice.", "graven."), bad(OwnEntryForged, 2)),
        ("attestation cut", |e| drop(e[7].split_off(540)), bad(AttestationBad, 7)),
        ("too large", |e| e[2].extend(vec![b' '; 70_000]), bad(EventInvalid, 2)),
    ];
    for (what, spoil, expected) in rows {
        let mut log = log();
        spoil(&mut log.entries);
        check(what, &log, *expected);
    }
}

fn flip_prev(entry: &mut [u8]) {
    let at = entry.windows(8).position(|window| window == b"\"prev\":\"").unwrap() + 10;
    entry[at] = if entry[at] == b'A' { b'B' } else { b'A' };
}

/// Every single byte of the log, changed in its lowest bit: found at the entry itself.
#[test]
fn every_byte_counts() {
    let good = log();
    for index in 0..good.entries.len() {
        for at in 0..good.entries[index].len() {
            let mut log = good.clone();
            log.entries[index][at] ^= 1;
            for run_entries in [usize::MAX, 4] {
                let keys = graven_verify::KeySource::FromLog;
                let found = verify(&log, run_entries, &keys, |_| Ok(())).unwrap_err();
                let place = format!("entry {index} byte {at}, runs of {run_entries}: {found}");
                assert_eq!(found.index, Some(LeafIndex(index as u64)), "{place}");
            }
        }
    }
}

/// Entries changed by someone who can hash: the chain is whole again, the root is another.
#[test]
fn rewritten_without_the_key() {
    let signed = log();
    let mut rewritten = items();
    replace(&mut rewritten[2].event, "p_2", "p_7");
    let log = Log { checkpoint: signed.checkpoint.clone(), ..log_of(&rewritten) };
    check("rewritten", &log, bad(FaultKind::RootMismatch, 19));
}

/// Headers by someone who has the log's key: everything is hashed and signed anew.
#[test]
fn forged_headers() {
    use FaultKind::*;
    type Row = (&'static str, fn(&mut Header), Expected);
    let rows: &[Row] = &[
        ("time stands still", |h| on(h, 3, |h| h.time = time_of(2)), bad(TimeNotIncreasing, 3)),
        ("time goes back", |h| on(h, 6, |h| h.time = time_of(1)), bad(TimeNotIncreasing, 6)),
        ("time leaps", |h| on(h, 6, |h| h.time = Time::MAX), bad(TimeNotIncreasing, 7)),
        ("index skips", |h| on(h, 6, |h| h.index = LeafIndex(7)), bad(WrongIndex, 6)),
        ("origin", |h| on(h, 6, |h| h.origin = Name::origin("b").unwrap()), bad(WrongOrigin, 6)),
        ("signed alone", |h| on(h, 8, |h| h.grade = Grade::Signed), bad(AttestationBad, 8)),
        ("signed by none", |h| on(h, 18, |h| h.grade = Grade::Signed), bad(AttestationBad, 18)),
        ("graded down", |h| on(h, 6, |h| h.grade = Grade::Asserted), Ok(())),
        ("not the first", |h| on(h, 0, |h| h.index = LeafIndex(1)), bad(WrongIndex, 0)),
    ];
    for (what, forge, expected) in rows {
        let entries = assemble(&items(), forge);
        let checkpoint = sign(&head_of(&entries, entries.len()), &[log_key(2)]);
        check(what, &Log { entries, checkpoint }, *expected);
    }
}

fn on(header: &mut Header, index: u64, forge: impl Fn(&mut Header)) {
    if header.index == LeafIndex(index) {
        forge(header);
    }
}

fn time_of(index: u64) -> Time {
    Time::from_unix_ns(1_795_000_000_000_000_000 + index * 7_000_000_000).unwrap()
}

/// An item changed by someone who has the log's key: everything is hashed and signed anew.
type Forgery = (&'static str, fn(&mut Vec<Item>), Expected);

fn check_forgeries(rows: &[Forgery]) {
    for (what, spoil, expected) in rows {
        let mut items = items();
        spoil(&mut items);
        check(what, &log_of(&items), *expected);
    }
}

/// A stream that is not as its producer wrote it.
#[test]
fn forged_streams() {
    use FaultKind::*;
    check_forgeries(&[
        ("signed event withheld", |i| drop(i.remove(6)), bad(StreamGap, 6)),
        ("unsigned event withheld", |i| drop(i.remove(9)), bad(StreamGap, 9)),
        ("event twice", |i| i.insert(6, i[5].clone()), bad(StreamFork, 6)),
        ("events swapped", |i| i.swap(5, 6), bad(StreamGap, 5)),
        ("contents swapped", |i| swap_contents(i), bad(ChainMismatch, 7)),
        ("signed event changed", |i| replace(&mut i[5].event, "a.b", "a.c"), bad(ChainMismatch, 7)),
        ("covered later", |i| i[7].attestation = None, Ok(())),
        ("attestation withheld", |i| i[17].attestation = None, bad(AttestationBad, 16)),
        ("batch withheld", |i| i[17] = plain(17), bad(AttestationBad, 16)),
        ("unsigned in a stream with a key", unsigned_at_end, bad(AttestationBad, 20)),
        ("attestation by a stranger", |i| attest(i, &stream_key(9), None, 6), bad(KeyUnknown, 17)),
        ("by a retired key", |i| attest(i, &stream_key(1), None, 6), bad(KeyNotValidThen, 17)),
        ("of another length", |i| attest(i, &stream_key(2), None, 5), bad(AttestationBad, 17)),
        ("of another log", |i| attest(i, &stream_key(2), Some("b"), 6), bad(AttestationBad, 17)),
        ("attestation on no stream", |i| i[8] = on_no_stream(i), bad(AttestationBad, 8)),
        ("key after its first use", |i| i.swap(4, 8), bad(KeyUnknown, 7)),
        ("key never named", |i| i[14] = plain(14), bad(KeyUnknown, 17)),
    ]);
}

/// The log's own entries, by others or not as they must be.
#[test]
fn forged_own_entries() {
    use FaultKind::*;
    check_forgeries(&[
        ("key revoked", |i| replace(&mut i[15].event, "retire", "revoke"), Ok(())),
        ("no opening", |i| i[0] = plain(0), bad(OwnEntryMalformed, 0)),
        ("another own entry first", |i| i.swap(0, 4), bad(OwnEntryMalformed, 0)),
        ("opening by another", |i| i[0].auth = "token", bad(OwnEntryForged, 0)),
        (
            "opening of another log",
            |i| replace(&mut i[0].event, ORIGIN, "b"),
            bad(OwnEntryMalformed, 0),
        ),
        ("opening without keys", |i| i[0] = opening(&[]), bad(OwnEntryMalformed, 0)),
        (
            "opening with a key of another",
            |i| i[0] = opening(&[vkey(&stream_key(1))]),
            bad(OwnEntryMalformed, 0),
        ),
        ("key entry by another", |i| i[4].auth = "token", bad(OwnEntryForged, 4)),
        (
            "key entry of no op",
            |i| replace(&mut i[4].event, "\"add", "\"sub"),
            bad(OwnEntryMalformed, 4),
        ),
        (
            "key entry of no key",
            |i| replace(&mut i[4].event, "\"key\"", "\"kay\""),
            bad(OwnEntryMalformed, 4),
        ),
        (
            "key of another name",
            |i| replace(&mut i[4].event, "\"id\":\"billing", "\"id\":\"bill"),
            bad(OwnEntryMalformed, 4),
        ),
        (
            "key entry of another log",
            |i| replace(&mut i[13].event, "\"id\":\"acme", "\"id\":\"bcme"),
            Ok(()),
        ),
    ]);
}

/// New keys of the log that the old one did not announce.
#[test]
fn forged_log_keys() {
    use FaultKind::*;
    check_forgeries(&[
        (
            "new key signed by a stranger",
            |i| i[11] = rotate(Some(&log_key(7))),
            bad(KeyNotValidThen, 11),
        ),
        ("new key signed for another", |i| i[11] = signed_for_other(), bad(SignatureBad, 11)),
        ("new key without a signature", |i| i[11] = rotate(None), Ok(())),
        ("new key never named", |i| i[11] = plain(11), Err((KeyUnknown, None))),
        ("new key retired", |i| i[19] = retire(), Err((KeyNotValidThen, None))),
    ]);
}

/// Events that are none, hashed and signed like all others; and odd ones that are.
#[test]
fn forged_events() {
    use FaultKind::*;
    check_forgeries(&[
        ("depth 65", |i| nest(i, 65), bad(EventInvalid, 19)),
        ("depth 64", |i| nest(i, 64), Ok(())),
        ("blank in an event", |i| replace(&mut i[2].event, ",\"", " ,\t\""), Ok(())),
        (
            "escapes in an event",
            |i| replace(&mut i[2].event, "p_2", "\\u00e9\\n\\\\\u{fc}"),
            Ok(()),
        ),
        ("half a surrogate", |i| replace(&mut i[2].event, "p_2", "\\ud800"), bad(EventInvalid, 2)),
    ]);
}

fn vkey(key: &SigningKey) -> String {
    key.verifier().to_string()
}

fn swap_contents(items: &mut [Item]) {
    let event = items[5].event.clone();
    items[5].event = std::mem::replace(&mut items[6].event, event);
}

fn unsigned_at_end(items: &mut Vec<Item>) {
    let mut item = items[17].clone();
    item.stream = Some((SIGNED, 6));
    (item.grade, item.attestation) = (Grade::Asserted, None);
    items.push(item);
}

/// Another attestation on the last batch.
fn attest(items: &mut [Item], key: &SigningKey, other: Option<&str>, length: u64) {
    let mut producer = Producer::new(SIGNED);
    producer.batch(6, None);
    let origin = other.map_or(origin(), |other| Name::origin(other).unwrap());
    items[17].attestation = Some(producer.attest(key, &origin, length));
}

fn on_no_stream(items: &[Item]) -> Item {
    Item { attestation: items[7].attestation.clone(), ..plain(8) }
}

fn rotate(voucher: Option<&SigningKey>) -> Item {
    key_item(&KeyTarget::Log, KeyOp::Add, &log_key(2), voucher)
}

fn signed_for_other() -> Item {
    let other = key_item(&KeyTarget::Log, KeyOp::Add, &log_key(3), Some(&log_key(1)));
    let mut event = String::from_utf8(other.event).unwrap();
    event = event.replace(&vkey(&log_key(3)), &vkey(&log_key(2)));
    own(event)
}

fn retire() -> Item {
    key_item(&KeyTarget::Log, KeyOp::Retire, &log_key(2), None)
}

fn nest(items: &mut [Item], depth: usize) {
    let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
    let event = format!(r#"{{"actor":{{}},"action":"a","deep":{open}{close}}}"#);
    items[19] = item("w", "token", event);
}
