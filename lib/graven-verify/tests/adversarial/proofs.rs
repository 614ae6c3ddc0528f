//! Proof files of one entry, with anything in them spoilt.

use graven_entry::{Extra, Name, chain_next, chain_start, event_hash};
use graven_merkle::{Hash, LeafIndex, inclusion_proof, node_hash};
use graven_note::{TlogProof, VerifierKey};
use graven_verify::FaultKind::*;
use graven_verify::verify_entry;

use crate::support::*;
use crate::{Corpus, Expected};

/// The entry that is proved: signed by its producer.
const INDEX: u64 = 6;

pub(crate) fn add(corpus: &mut Corpus) {
    of_other_places(corpus);
    other_hashes(corpus);
    other_checkpoints(corpus);
    other_extras(corpus);
    no_proof_files(corpus);
}

fn proof() -> TlogProof {
    let log = log();
    let index = LeafIndex(INDEX);
    let hashes = inclusion_proof(index, log.size(), &log.leaves()).unwrap();
    TlogProof { extra: Some(extra().to_bytes()), index, hashes, checkpoint: log.checkpoint }
}

/// What proves the producer's signature on the entry: the second of a batch of three.
fn extra() -> Extra {
    let items = items();
    let start = chain_start(&origin(), &Name::new(SIGNED).unwrap());
    Extra {
        chain: chain_next(&start, &event_hash(&items[5].event)),
        following: vec![event_hash(&items[7].event)],
        attestation: items[7].attestation.clone().unwrap(),
    }
}

fn keys() -> Vec<VerifierKey> {
    vec![log_key(2).verifier(), stream_key(1).verifier()]
}

fn check(corpus: &mut Corpus, what: String, proof: &TlogProof, expected: Expected) {
    let entry = &log().entries[INDEX as usize];
    let found = verify_entry(entry, proof, &origin(), &keys(), None);
    corpus.case(format!("proof: {what}"), found, expected);
}

/// Proofs of other entries, and other entries with this proof.
fn of_other_places(corpus: &mut Corpus) {
    let log = log();
    for other in (0..20).filter(|other| *other != INDEX) {
        let hashes = inclusion_proof(LeafIndex(other), log.size(), &log.leaves()).unwrap();
        let index = LeafIndex(other);
        let whole = TlogProof { index, hashes: hashes.clone(), ..proof() };
        check(corpus, format!("of {other}"), &whole, (WrongIndex, Some(other)));
        let mixed = TlogProof { hashes, ..proof() };
        let mismatch = (LeafMismatch, Some(INDEX));
        check(corpus, format!("hashes of {other}"), &mixed, mismatch);
        let entry = &log.entries[other as usize];
        let found = verify_entry(entry, &proof(), &origin(), &keys(), None);
        corpus.case(format!("proof: entry {other}"), found, (WrongIndex, Some(INDEX)));
    }
    for index in [20, 1 << 32, (1 << 63) - 1, u64::MAX] {
        let far = TlogProof { index: LeafIndex(index), ..proof() };
        check(corpus, format!("index {index}"), &far, (WrongIndex, Some(index)));
    }
    // An inner node's two hashes are no entry, however they are put.
    let leaves = log.leaves().0;
    let inner = [leaves[6].as_bytes().as_slice(), leaves[7].as_bytes()].concat();
    let shorter =
        TlogProof { index: LeafIndex(3), hashes: proof().hashes[1..].to_vec(), ..proof() };
    for (what, entry) in [("bare", inner.clone()), ("with its prefix", [&[1], &inner[..]].concat())]
    {
        let found = verify_entry(&entry, &shorter, &origin(), &keys(), None);
        corpus.case(format!("proof: an inner node {what}"), found, (LeafMismatch, Some(3)));
    }
    let parent = TlogProof { hashes: vec![node_hash(&leaves[6], &leaves[7])], ..proof() };
    check(corpus, "its parent alone".into(), &parent, (LeafMismatch, Some(INDEX)));
}

fn other_hashes(corpus: &mut Corpus) {
    let good = proof();
    let mut add = |what: String, spoil: &dyn Fn(&mut Vec<Hash>)| {
        let mut spoilt = good.clone();
        spoil(&mut spoilt.hashes);
        check(corpus, what, &spoilt, (LeafMismatch, Some(INDEX)));
    };
    for place in 0..good.hashes.len() {
        for bit in [0, 7, 128, 255] {
            add(format!("bit {bit} of hash {place}"), &|hashes| {
                let mut bytes = *hashes[place].as_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                hashes[place] = Hash::new(bytes);
            });
        }
        add(format!("without hash {place}"), &|hashes| {
            hashes.remove(place);
        });
        add(format!("hash {place} twice"), &|hashes| hashes.insert(place, hashes[place]));
        if place > 0 {
            add(format!("hashes {place} swapped"), &|hashes| hashes.swap(place - 1, place));
        }
    }
    for more in [1, 2, 10, 58] {
        add(format!("{more} hashes more"), &|hashes| {
            hashes.extend(vec![Hash::new([7; 32]); more]);
        });
    }
}

/// Checkpoints of other sizes, other logs, other keys.
fn other_checkpoints(corpus: &mut Corpus) {
    let log = log();
    let with = |checkpoint: Vec<u8>| TlogProof { checkpoint, ..proof() };
    for size in 0..20 {
        let checkpoint = sign(&head_of(&log.entries, size), &[log_key(2)]);
        check(
            corpus,
            format!("checkpoint of {size}"),
            &with(checkpoint),
            (LeafMismatch, Some(INDEX)),
        );
    }
    for generation in [1, 3, 7] {
        let checkpoint = sign(&head_of(&log.entries, 20), &[log_key(generation)]);
        check(
            corpus,
            format!("checkpoint by key {generation}"),
            &with(checkpoint),
            (KeyUnknown, None),
        );
    }
    let mut forked = items();
    forked[8] = plain(88);
    let forked = log_of(&forked).checkpoint;
    check(corpus, "checkpoint of a fork".into(), &with(forked), (LeafMismatch, Some(INDEX)));
    let mut other = head_of(&log.entries, 20);
    other.origin = "acme.example/test".into();
    let other = sign(&other, &[log_key(2)]);
    check(corpus, "checkpoint of another log".into(), &with(other), (WrongOrigin, None));
    let text = String::from_utf8(log.checkpoint.clone()).unwrap();
    let name_at = text.find("\u{2014} ").unwrap() + "\u{2014} ".len();
    for at in (0..name_at + ORIGIN.len()).step_by(3) {
        let mut flipped = text.clone().into_bytes();
        flipped[at] ^= 1;
        let kind = match at {
            at if at < ORIGIN.len() => WrongOrigin,
            at if at < name_at => SignatureBad,
            _ => KeyUnknown,
        };
        check(corpus, format!("bit of byte {at} of the checkpoint"), &with(flipped), (kind, None));
    }
}

/// The `extra` line, which proves the producer's signature.
fn other_extras(corpus: &mut Corpus) {
    let bad = (AttestationBad, Some(INDEX));
    let good = extra();
    let mut add = |what: String, bytes: Vec<u8>| {
        let spoilt = TlogProof { extra: Some(bytes), ..proof() };
        check(corpus, format!("extra {what}"), &spoilt, bad);
    };
    let bytes = good.to_bytes();
    for end in (0..bytes.len()).step_by(16) {
        add(format!("cut to {end}"), bytes[..end].to_vec());
    }
    for at in (0..bytes.len()).step_by(13) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        // Another key's id is another key, of which nothing is known; it is no part of what is refused here.
        if Extra::parse(&flipped).is_ok_and(|extra| names_other_key(&extra.attestation)) {
            continue;
        }
        add(format!("bit of byte {at}"), flipped);
    }
    let hash = Hash::new([7; 32]);
    add("chain of another".into(), Extra { chain: hash, ..good.clone() }.to_bytes());
    for (what, following) in [
        ("without what follows", vec![]),
        ("with another that follows", vec![hash]),
        ("with one more", vec![good.following[0], hash]),
        ("with what follows twice", vec![good.following[0]; 2]),
        ("with 64 that follow", vec![hash; 64]),
    ] {
        add(what.into(), Extra { following, ..good.clone() }.to_bytes());
    }
    for end in [12, 17] {
        let attestation = items()[end].attestation.clone().unwrap();
        if !names_other_key(&attestation) {
            add(
                format!("with the attestation of {end}"),
                Extra { attestation, ..good.clone() }.to_bytes(),
            );
        }
    }
    for tail in ["x", "\n", "\0"] {
        add(format!("with {tail:?} behind"), [&bytes, tail.as_bytes()].concat());
    }
}

fn names_other_key(attestation: &[u8]) -> bool {
    let read = graven_entry::Attestation::parse(attestation);
    read.is_ok_and(|attestation| attestation.key_id != stream_key(1).id())
}

/// Texts that are no proof: refused before anything is judged.
fn no_proof_files(corpus: &mut Corpus) {
    let good = String::from_utf8(proof().to_bytes()).unwrap();
    let hash = Hash::new([7; 32]).to_string();
    let extra_line = good.lines().nth(1).unwrap();
    let rows: Vec<(String, String)> = [
        ("of version 2", "proof@v1", "proof@v2"),
        ("in capitals", "c2sp.org", "C2SP.ORG"),
        ("index with a zero", "index 6", "index 06"),
        ("index with a plus", "index 6", "index +6"),
        ("index negative", "index 6", "index -6"),
        ("index of 2^63", "index 6", "index 9223372036854775808"),
        ("index missing", "index 6\n", ""),
        ("index twice", "index 6\n", "index 6\nindex 6\n"),
        ("index with two blanks", "index 6", "index  6"),
        ("carriage return", "index 6\n", "index 6\r\n"),
        ("extra empty", extra_line, "extra "),
        ("extra not base64", extra_line, "extra !!!!"),
        ("extra not canonical", extra_line, "extra AB=="),
        ("extra without padding", extra_line, "extra AA"),
        ("extra twice", extra_line, &format!("{extra_line}\n{extra_line}")),
        ("extra in two lines", extra_line, &extra_line.replacen('A', "A\n", 1)),
        ("extra behind the index", "index 6\n", &format!("index 6\n{extra_line}\n")),
        (
            "hash of 31 bytes",
            "index 6\n",
            "index 6\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBw==\n",
        ),
        (
            "hash not canonical",
            "index 6\n",
            "index 6\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwd=\n",
        ),
        ("hash url-safe", "index 6\n", "index 6\n_wcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n"),
        ("blank line before the hashes", "index 6\n", "index 6\n\n"),
        ("64 hashes", "index 6\n", &format!("index 6\n{}", format!("{hash}\n").repeat(64))),
        ("1000 hashes", "index 6\n", &format!("index 6\n{}", format!("{hash}\n").repeat(1_000))),
    ]
    .into_iter()
    .map(|(what, from, to)| (what.to_owned(), good.replacen(from, to, 1)))
    .chain(
        ["x", "\n", "\0", " \n"]
            .map(|tail| (format!("with {tail:?} behind"), format!("{good}{tail}"))),
    )
    .chain(
        (0..good.len() - 3)
            .step_by(40)
            .filter(|end| good.is_char_boundary(*end))
            .map(|end| (format!("cut to {end}"), good[..end].to_owned())),
    )
    .collect();
    for (what, text) in rows {
        assert_ne!(text, good, "{what} changes something");
        corpus.cases += 1;
        if let Ok(read) = TlogProof::parse(text.as_bytes()) {
            corpus.wrong.push(format!("proof {what} was read: {read:?}"));
        }
    }
}
