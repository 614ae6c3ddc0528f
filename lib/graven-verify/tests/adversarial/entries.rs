//! Logs whose entries were cut, moved, rewritten or forged, at every index.

use graven_entry::{Grade, Header, Name};
use graven_merkle::{Hash, LeafIndex};
use graven_verify::FaultKind::*;
use graven_verify::{KeyOp, KeyTarget};

use crate::support::*;
use crate::{Corpus, Expected};

/// Where the batches of the signed stream end, with its length there and the generation of its key.
const BATCH_ENDS: [(usize, u64, u8); 3] = [(7, 3, 1), (12, 4, 1), (17, 6, 2)];
/// The entries of streams: index, and number in the stream.
const IN_STREAMS: [(u64, u64); 9] =
    [(5, 0), (6, 1), (7, 2), (9, 0), (10, 1), (12, 3), (16, 4), (17, 5), (18, 2)];

pub(crate) fn add(corpus: &mut Corpus) {
    moved(corpus);
    bytes_added(corpus);
    rewritten(corpus);
    forged_headers(corpus);
    forged_streams(corpus);
    replayed_attestations(corpus);
    spoilt_attestations(corpus);
    stolen_words(corpus);
}

/// Entries as they are, but not all of them or not in their order.
fn moved(corpus: &mut Corpus) {
    let good = log();
    let last = good.entries.len() - 1;
    let mut add = |what: String, spoil: &dyn Fn(&mut Vec<Vec<u8>>), expected: Expected| {
        let mut log = good.clone();
        spoil(&mut log.entries);
        corpus.log(what, &log, expected);
    };
    for at in 0..=last {
        let index = at as u64;
        add(format!("cut to {at}"), &|e| e.truncate(at), (MissingEntry, Some(index)));
        let kind = if at == last { MissingEntry } else { WrongIndex };
        add(format!("{at} removed"), &|e| drop(e.remove(at)), (kind, Some(index)));
        let twice = (WrongIndex, Some(index + 1));
        add(format!("{at} twice"), &|e| e.insert(at, e[at].clone()), twice);
        add(format!("{at} emptied"), &|e| e[at].clear(), (HeaderMalformed, Some(index)));
        if at < last {
            add(format!("{at} swapped"), &|e| e.swap(at, at + 1), (WrongIndex, Some(index)));
            let moved = |e: &mut Vec<Vec<u8>>| {
                let entry = e.remove(at);
                e.push(entry);
            };
            add(format!("{at} moved to the end"), &moved, (WrongIndex, Some(index)));
        }
    }
}

/// Bytes behind an entry, or none where there were some.
fn bytes_added(corpus: &mut Corpus) {
    let good = log();
    for at in 0..good.entries.len() {
        for (what, tail) in [("x", &b"x"[..]), ("a line", b"x\n"), ("zeros", &[0; 4])] {
            let mut log = good.clone();
            log.entries[at].extend_from_slice(tail);
            let index = Some(at as u64);
            corpus.log(format!("{what} behind {at}"), &log, (AttestationBad, index));
        }
        let mut log = good.clone();
        cut(&mut log.entries[at]);
        let is_batch_end = BATCH_ENDS.iter().any(|(end, ..)| *end == at);
        let kind = if is_batch_end { AttestationBad } else { EventInvalid };
        corpus.log(format!("line feed of {at} lost"), &log, (kind, Some(at as u64)));
    }
}

/// Events changed by someone who can hash but has no key: the chain is whole again, what is signed is not.
fn rewritten(corpus: &mut Corpus) {
    let good = log();
    for at in [1, 2, 3, 5, 6, 7, 8, 9, 10, 12, 16, 17, 18, 19] {
        let mut items = items();
        let closing = items[at].event.len() - 1;
        items[at].event.splice(closing..closing, br#","more":1"#.iter().copied());
        let log = Log { checkpoint: good.checkpoint.clone(), ..log_of(&items) };
        let signed_by = BATCH_ENDS.iter().find(|(end, ..)| *end >= at);
        let is_signed = items[at].stream.is_some_and(|(stream, _)| stream == SIGNED);
        let expected = match signed_by {
            Some((end, ..)) if is_signed => (ChainMismatch, Some(*end as u64)),
            _ => (RootMismatch, Some(19)),
        };
        corpus.log(format!("{at} rewritten"), &log, expected);
    }
}

/// Headers by someone who has the log's key: everything is hashed and signed anew.
fn forged_headers(corpus: &mut Corpus) {
    type Forgery = (&'static str, fn(&mut Header), Expected);
    for index in 0..20 {
        let at = |kind| (kind, Some(index));
        let rows: &[Forgery] = &[
            ("next index", |h| h.index = LeafIndex(h.index.0 + 1), at(WrongIndex)),
            ("far index", |h| h.index = LeafIndex((1 << 53) - 1), at(WrongIndex)),
            (
                "another origin",
                |h| h.origin = Name::origin("acme.example").unwrap(),
                at(WrongOrigin),
            ),
        ];
        for (what, forge, expected) in rows {
            corpus.log(format!("{what} at {index}"), &forged(index, forge), *expected);
        }
        // From here on all fits: it is the entry before that is not what this one says of it.
        let another = |h: &mut Header| h.prev = Hash::new([7; 32]);
        let kind = if index == 0 { PrevMismatch } else { LeafMismatch };
        let expected = (kind, Some(index.saturating_sub(1)));
        corpus.log(format!("another prev at {index}"), &forged(index, &another), expected);
        if index > 0 {
            let back = |h: &mut Header| h.time = "2026-11-01T00:00:00.000000000Z".parse().unwrap();
            let same = |h: &mut Header| {
                let before = h.time.unix_ns() - 7_000_000_000;
                h.time = graven_entry::Time::from_unix_ns(before).unwrap();
            };
            corpus.log(
                format!("time back at {index}"),
                &forged(index, &back),
                at(TimeNotIncreasing),
            );
            corpus.log(
                format!("time still at {index}"),
                &forged(index, &same),
                at(TimeNotIncreasing),
            );
            let previous = |h: &mut Header| h.index = LeafIndex(h.index.0 - 1);
            corpus.log(format!("index back at {index}"), &forged(index, &previous), at(WrongIndex));
        }
        if !(5..8).contains(&index) && ![12, 16, 17].contains(&index) {
            // In no stream, or in one without a key: nobody can have signed.
            let signed = |h: &mut Header| h.grade = Grade::Signed;
            corpus.log(
                format!("graded signed at {index}"),
                &forged(index, &signed),
                at(AttestationBad),
            );
        }
    }
}

/// The log with one header forged and signed for.
fn forged(index: u64, forge: &dyn Fn(&mut Header)) -> Log {
    let entries = assemble(&items(), |header| {
        if header.index == LeafIndex(index) {
            forge(header);
        }
    });
    signed(entries)
}

fn signed(entries: Vec<Vec<u8>>) -> Log {
    let checkpoint = sign(&head_of(&entries, entries.len()), &[log_key(2)]);
    Log { entries, checkpoint }
}

/// Numbers of streams that skip or go back.
fn forged_streams(corpus: &mut Corpus) {
    for (index, seq) in IN_STREAMS {
        let skips = |h: &mut Header| h.seq = Some(seq + 1);
        corpus.log(
            format!("seq skips at {index}"),
            &forged(index, &skips),
            (StreamGap, Some(index)),
        );
        if seq > 0 {
            let repeats = |h: &mut Header| h.seq = Some(seq - 1);
            let expected = (StreamFork, Some(index));
            corpus.log(format!("seq repeats at {index}"), &forged(index, &repeats), expected);
        }
        let mut items = items();
        items.remove(index as usize);
        // The next of its stream tells, or the attestation over a batch that lacks its end.
        let next = next_in_stream(index);
        let expected = match (next, index) {
            (Some(next), _) => (StreamGap, Some(next - 1)),
            (None, 17) => (AttestationBad, Some(16)),
            _ => continue,
        };
        corpus.log(format!("{index} withheld"), &log_of(&items), expected);
    }
}

/// The next entry of the same stream.
fn next_in_stream(index: u64) -> Option<u64> {
    let items = items();
    let stream = |index: usize| items[index].stream.map(|(stream, _)| stream);
    let own = stream(index as usize);
    (index as usize + 1..items.len()).find(|other| stream(*other) == own).map(|next| next as u64)
}

/// Attestations that are good elsewhere: of another log, another stream, another place.
fn replayed_attestations(corpus: &mut Corpus) {
    let good = items();
    for (at, length, generation) in BATCH_ENDS {
        let index = Some(at as u64);
        let mut add = |what: &str, attestation: Vec<u8>, expected: Expected| {
            let mut items = good.clone();
            items[at].attestation = Some(attestation);
            corpus.log(format!("attestation at {at}: {what}"), &log_of(&items), expected);
        };
        let mut producer = Producer::new(SIGNED);
        producer.batch(length, None);
        let key = stream_key(generation);
        let other = Name::origin("acme.example/test").unwrap();
        add("of another log", producer.attest(&key, &other, length), (AttestationBad, index));
        for wrong in [length - 1, length + 1, length + 1_000].into_iter().filter(|wrong| *wrong > 0)
        {
            let attestation = producer.attest(&key, &origin(), wrong);
            add(&format!("of length {wrong}"), attestation, (AttestationBad, index));
        }
        add(
            "by a stranger",
            producer.attest(&stream_key(9), &origin(), length),
            (KeyUnknown, index),
        );
        let other_key = stream_key(3 - generation);
        let kind = if generation == 1 { KeyUnknown } else { KeyNotValidThen };
        add("by its other key", producer.attest(&other_key, &origin(), length), (kind, index));
        for (end, ..) in BATCH_ENDS.into_iter().filter(|(end, ..)| *end != at) {
            let attestation = good[end].attestation.clone().unwrap();
            add(&format!("that of {end}"), attestation, (AttestationBad, index));
        }
    }
    for at in [1, 4, 8, 9, 18, 19] {
        let mut items = good.clone();
        items[at].attestation.clone_from(&good[7].attestation);
        let expected = (AttestationBad, Some(at as u64));
        corpus.log(format!("attestation of 7 on {at}"), &log_of(&items), expected);
    }
}

/// Attestations that are no signed note of five lines, in a log that signs for them.
fn spoilt_attestations(corpus: &mut Corpus) {
    let good = items();
    for (at, ..) in BATCH_ENDS {
        let attestation = String::from_utf8(good[at].attestation.clone().unwrap()).unwrap();
        let lines: Vec<&str> = attestation.split_inclusive('\n').collect();
        let mut add = |what: String, spoilt: String| {
            let mut items = good.clone();
            items[at].attestation = Some(spoilt.into_bytes());
            corpus.log(
                format!("attestation at {at}: {what}"),
                &log_of(&items),
                (AttestationBad, Some(at as u64)),
            );
        };
        for number in 0..lines.len() {
            let mut without = lines.clone();
            without.remove(number);
            add(format!("line {number} removed"), without.concat());
            let mut twice = lines.clone();
            twice.insert(number, lines[number]);
            add(format!("line {number} twice"), twice.concat());
            add(format!("cut after line {number}"), lines[..number].concat() + "x");
        }
        add("leading zero".into(), attestation.replacen(lines[3], &format!("0{}", lines[3]), 1));
        add("signed length".into(), attestation.replacen(lines[3], &format!("+{}", lines[3]), 1));
        add("version".into(), attestation.replace("stream/v1", "stream/v2"));
        add("hyphen for dash".into(), attestation.replace('\u{2014}', "-"));
        add("carriage return".into(), attestation.replacen('\n', "\r\n", 1));
        add(
            "another name on the signature".into(),
            attestation.replace("\u{2014} billing/1", "\u{2014} billing/2"),
        );
        add("head without padding".into(), attestation.replacen("=\n", "\n", 1));
    }
}

/// Words of the log's own in other mouths, and keys that change places.
fn stolen_words(corpus: &mut Corpus) {
    let good = items();
    for at in [0, 4, 11, 13, 14, 15] {
        for auth in ["token", "mtls", "session"] {
            let mut items = good.clone();
            items[at].auth = auth;
            let expected = (OwnEntryForged, Some(at as u64));
            corpus.log(format!("own entry {at} by {auth}"), &log_of(&items), expected);
        }
    }
    for at in [1, 2, 3, 8, 19] {
        let mut items = good.clone();
        let event = String::from_utf8(items[at].event.clone()).unwrap();
        items[at].event = event.replace("invoice.update", "graven.erasure").into_bytes();
        let expected = (OwnEntryForged, Some(at as u64));
        corpus.log(format!("reserved action at {at}"), &log_of(&items), expected);
    }
    let log_target = KeyTarget::Log;
    let swaps: [(&str, usize, Item, Expected); 4] = [
        (
            "a stream's key as the log's",
            11,
            key_item(&log_target, KeyOp::Add, &stream_key(1), Some(&log_key(1))),
            (OwnEntryMalformed, Some(11)),
        ),
        (
            "the log's key as a stream's",
            4,
            key_item(&stream_target(), KeyOp::Add, &log_key(1), None),
            (OwnEntryMalformed, Some(4)),
        ),
        (
            "a stream's key vouched for by the log's",
            14,
            key_item(&stream_target(), KeyOp::Add, &stream_key(2), Some(&log_key(1))),
            (KeyNotValidThen, Some(14)),
        ),
        (
            "the log's key vouched for by a stream's",
            11,
            key_item(&log_target, KeyOp::Add, &log_key(2), Some(&stream_key(1))),
            (KeyNotValidThen, Some(11)),
        ),
    ];
    for (what, at, item, expected) in swaps {
        let mut items = good.clone();
        items[at] = item;
        corpus.log(what, &log_of(&items), expected);
    }
}
