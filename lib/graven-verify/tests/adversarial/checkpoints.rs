//! Signed checkpoints in every wrong spelling, by wrong keys, and with wrong cosignatures.

use graven_merkle::TreeSize;
use graven_note::{Algorithm, Note, Policy, SignatureLine, SigningKey};
use graven_verify::FaultKind::*;
use graven_verify::{KeySource, LogVerifier, VerifyOptions};

use crate::support::*;
use crate::{Corpus, Expected};

/// When the witnesses sign.
const TIME_S: u64 = 1_795_000_100;

pub(crate) fn add(corpus: &mut Corpus) {
    spelled_wrong(corpus);
    signed_wrong_spellings(corpus);
    cut_short(corpus);
    keys_of_other_times(corpus);
    cosignatures(corpus);
}

/// The log's second key signs all of it.
fn good() -> String {
    String::from_utf8(log().checkpoint).unwrap()
}

fn with_checkpoint(corpus: &mut Corpus, what: &str, checkpoint: &str, expected: Expected) {
    let log = Log { checkpoint: checkpoint.as_bytes().to_vec(), ..log() };
    corpus.log(format!("checkpoint: {what}"), &log, expected);
}

/// Changed after it was signed.
fn spelled_wrong(corpus: &mut Corpus) {
    let good = good();
    let root = good.lines().nth(2).unwrap();
    let signature = good.lines().nth(4).unwrap();
    let (bare, doubled) = (signature.trim_end_matches('='), format!("{signature}\n{signature}\n"));
    let rows: &[(&str, &str, &str)] = &[
        ("leading zero", "\n20\n", "\n020\n"),
        ("plus", "\n20\n", "\n+20\n"),
        ("minus", "\n20\n", "\n-20\n"),
        ("hexadecimal", "\n20\n", "\n0x14\n"),
        ("fraction", "\n20\n", "\n20.0\n"),
        ("blank before", "\n20\n", "\n 20\n"),
        ("blank behind", "\n20\n", "\n20 \n"),
        ("no size", "\n20\n", "\n\n"),
        ("2^63", "\n20\n", "\n9223372036854775808\n"),
        ("2^64 and 20", "\n20\n", "\n18446744073709551636\n"),
        ("other digits", "\n20\n", "\n\u{0662}\u{0660}\n"),
        ("smaller", "\n20\n", "\n19\n"),
        ("larger", "\n20\n", "\n21\n"),
        ("root without padding", "=\n\n", "\n\n"),
        ("root twice padded", "=\n\n", "==\n\n"),
        ("root with a blank", "=\n\n", "= \n\n"),
        ("extension line", "=\n\n", "=\nmore\n\n"),
        ("two extension lines", "=\n\n", "=\nmore\nand more\n\n"),
        ("empty line more", "=\n\n", "=\n\n\n"),
        ("carriage returns", "\n", "\r\n"),
        ("tab", "\n20\n", "\n20\t\n"),
        ("escape", "\n20\n", "\n\u{1b}[2J20\n"),
        ("zero byte", "\n20\n", "\n20\0\n"),
        ("dash", "\u{2014}", "-"),
        ("en dash", "\u{2014}", "\u{2013}"),
        ("two blanks", "\u{2014} ", "\u{2014}  "),
        ("no blank", "\u{2014} ", "\u{2014}"),
        ("signature line twice", &format!("{signature}\n"), &doubled),
        ("signature without padding", signature, bare),
        ("signature cut", signature, &signature[..signature.len() - 8]),
        ("signature longer", signature, &format!("{bare}AAAA")),
        ("signature url-safe", signature, &signature.replace('/', "_").replace('+', "-")),
        ("signature gone", signature, ""),
        ("key id alone", signature, &signature[..signature.len() - 88]),
        ("root of another", root, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
    ];
    for (what, from, to) in rows {
        let spoilt = good.replace(from, to);
        assert_ne!(spoilt, good, "{what} changes something");
        with_checkpoint(corpus, what, &spoilt, (SignatureBad, None));
    }
    for tail in ["\n", " ", "x", "\u{2014}", "\n\n"] {
        with_checkpoint(
            corpus,
            &format!("{tail:?} behind"),
            &format!("{good}{tail}"),
            (SignatureBad, None),
        );
    }
    for front in ["\n", " ", "x", "\u{feff}"] {
        let kind = if front == "\n" { SignatureBad } else { WrongOrigin };
        with_checkpoint(
            corpus,
            &format!("{front:?} before"),
            &format!("{front}{good}"),
            (kind, None),
        );
    }
    for origin in ["acme.example/prof", "ACME.example/prod", "acme.example/prod/", "other"] {
        let spoilt = good.replacen(ORIGIN, origin, 1);
        with_checkpoint(corpus, &format!("of {origin}"), &spoilt, (WrongOrigin, None));
    }
}

/// Signed as they stand by the log's own key: the form alone is wrong.
fn signed_wrong_spellings(corpus: &mut Corpus) {
    let text = head_of(&log().entries, 20).to_text();
    let root = text.lines().nth(2).unwrap().to_owned();
    let last = root.as_bytes()[42];
    // The last character before the padding has two bits that mean nothing and must be zero.
    let twin = format!("{}{}=", &root[..42], char::from(last + 1));
    let rows: [(&str, String); 11] = [
        ("leading zero", text.replace("\n20\n", "\n020\n")),
        ("plus", text.replace("\n20\n", "\n+20\n")),
        ("2^63", text.replace("\n20\n", "\n9223372036854775808\n")),
        ("no size", text.replace("\n20\n", "\n\n")),
        ("root of 31 bytes", text.replace(&root, &root[4..])),
        ("root not canonical", text.replace(&root, &twin)),
        ("root without padding", text.replace("=\n", "\n")),
        ("no root", text.replace(&format!("{root}\n"), "")),
        ("empty extension line", format!("{text}\nmore\n")),
        ("no origin", text.replacen(ORIGIN, "", 1)),
        ("one line", "acme.example/prod\n".to_owned()),
    ];
    for (what, text) in rows {
        let line = log_key(2).sign_note(&text).unwrap();
        let note = Note::new(text, vec![line]).unwrap().to_string();
        with_checkpoint(corpus, &format!("signed, {what}"), &note, (SignatureBad, None));
    }
    let attested = items()[7].attestation.clone().unwrap();
    let attested = String::from_utf8(attested).unwrap();
    with_checkpoint(corpus, "an attestation", &attested, (SignatureBad, None));
}

/// Cut off within the note, at every place.
fn cut_short(corpus: &mut Corpus) {
    let good = good();
    for end in (0..good.len()).filter(|end| good.is_char_boundary(*end)).step_by(4) {
        with_checkpoint(corpus, &format!("cut to {end}"), &good[..end], (SignatureBad, None));
    }
}

/// Keys of the log's that did not count at a size, or never.
fn keys_of_other_times(corpus: &mut Corpus) {
    let good = log();
    let mut add = |what: String, size: usize, key: &SigningKey, expected: Expected| {
        let log = Log {
            checkpoint: sign(&head_of(&good.entries, size), std::slice::from_ref(key)),
            ..good.clone()
        };
        let asked = |verifier: &mut LogVerifier| verifier.ask_root(TreeSize(size as u64));
        corpus.case(what, verify(&log, 7, &KeySource::FromLog, asked), expected);
    };
    for size in 1..=11 {
        add(format!("key 2 too early, at {size}"), size, &log_key(2), (KeyNotValidThen, None));
    }
    for size in 14..=20 {
        add(format!("key 1 retired, at {size}"), size, &log_key(1), (KeyNotValidThen, None));
    }
    for size in 1..=20 {
        add(format!("a stranger, at {size}"), size, &log_key(7), (KeyUnknown, None));
        add(format!("the stream's key, at {size}"), size, &stream_key(1), (KeyUnknown, None));
    }
}

fn witness(number: u8, algorithm: Algorithm) -> SigningKey {
    let name = format!("witness-{number}").parse().unwrap();
    SigningKey::from_seed(name, algorithm, [50 + number; 32])
}

/// Cosignatures that are spoilt, of another time, another checkpoint or another key.
fn cosignatures(corpus: &mut Corpus) {
    for algorithm in [Algorithm::Ed25519Cosignature, Algorithm::MlDsa44] {
        let own = witness(1, algorithm);
        let text = head_of(&log().entries, 20).to_text();
        let line = own.cosign(&text, TIME_S).unwrap();
        check_cosigned(corpus, "none", &own, None);
        for (what, time_s) in [("a second later", TIME_S + 1), ("never", 0), ("2^63", 1 << 63)] {
            check_cosigned(corpus, what, &own, Some(at_time(&line, time_s)));
        }
        for bit in (0..line.signature.len() * 8).step_by(line.signature.len() * 8 / 12) {
            let mut flipped = line.clone();
            flipped.signature[bit / 8] ^= 1 << (bit % 8);
            check_cosigned(corpus, &format!("bit {bit}"), &own, Some(flipped));
        }
        for size in [1, 13, 19] {
            let older = head_of(&log().entries, size).to_text();
            let of_older = own.cosign(&older, TIME_S).unwrap();
            check_cosigned(corpus, &format!("of size {size}"), &own, Some(of_older));
        }
        let other = witness(2, algorithm);
        check_cosigned(corpus, "by another", &own, Some(other.cosign(&text, TIME_S).unwrap()));
        let renamed = SignatureLine {
            name: own.name().clone(),
            id: own.id(),
            ..other.cosign(&text, TIME_S).unwrap()
        };
        check_cosigned(corpus, "by another in its name", &own, Some(renamed));
        let mut short = line.clone();
        cut(&mut short.signature);
        check_cosigned(corpus, "short", &own, Some(short));
    }
}

/// The line with another time in it: its first eight bytes.
fn at_time(line: &SignatureLine, time_s: u64) -> SignatureLine {
    let mut line = line.clone();
    line.signature[..8].copy_from_slice(&time_s.to_be_bytes());
    line
}

/// The whole log under a policy that asks for this witness, with this line of its beside the log's.
fn check_cosigned(corpus: &mut Corpus, what: &str, own: &SigningKey, line: Option<SignatureLine>) {
    let policy = format!("log {}\nwitness w {}\nquorum w\n", log_key(2).verifier(), own.verifier());
    let policy = Some(Policy::parse(policy).unwrap());
    let mut verifier = LogVerifier::new(origin(), VerifyOptions { policy });
    push_all(&mut verifier, &log().entries, 7).unwrap();
    let mut note = Note::parse(&log().checkpoint).unwrap();
    if let Some(line) = line {
        note.push(line).unwrap();
    }
    let found = verifier.finish(note.to_string().as_bytes(), &KeySource::FromLog);
    let what = format!("{} cosignature {what}", own.algorithm());
    corpus.case(what, found, (PolicyUnmet, None));
}
