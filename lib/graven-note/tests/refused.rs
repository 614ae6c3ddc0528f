//! Malformed input of every kind, each refused for its own reason.

#[path = "support/keys.rs"]
mod keys;

use std::fmt::Debug;

use graven_merkle::ParseHashError;
use graven_note::base64::{self, Base64Error};
use graven_note::{
    AddCheckpoint, AddCheckpointError, Algorithm, Checkpoint, CheckpointError, HashLinesError,
    KeyError, KeyId, KeyName, Note, NoteError, Policy, PolicyErrorKind as Kind, ProofError,
    SignatureLine, SigningKey, TlogProof, VerifierKey, limits,
};
use keys::{key, log, witness, witness_pq};

/// A hash, and the text of a checkpoint with it as root.
const HASH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const CHECKPOINT: &str = "example.com/log\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
/// The start of a signature line.
const LINE: &str = "\u{2014} example.com/log ";

/// Each input is refused, and for this reason.
fn check<T: Debug, E: Debug + PartialEq>(
    parse: impl Fn(&[u8]) -> Result<T, E>,
    cases: impl IntoIterator<Item = (impl AsRef<[u8]>, E)>,
) {
    for (input, expected) in cases {
        let input = input.as_ref();
        let shown = String::from_utf8_lossy(&input[..input.len().min(300)]);
        match parse(input) {
            Ok(parsed) => panic!("{shown:?} is taken for {parsed:?}"),
            Err(error) => assert_eq!(error, expected, "{shown:?}"),
        }
    }
}

/// For parsers of text.
fn text(input: &[u8]) -> &str {
    std::str::from_utf8(input).expect("the case is UTF-8")
}

#[test]
fn base64_has_one_spelling() {
    let cases = [
        ("A", Base64Error::Padding),
        ("AA", Base64Error::Padding),
        ("AA=", Base64Error::Padding),
        ("AAA", Base64Error::Padding),
        ("AA===", Base64Error::Byte { offset_bytes: 2 }),
        ("AB==", Base64Error::UnusedBits),
        ("AAB=", Base64Error::UnusedBits),
        ("AA-_", Base64Error::Byte { offset_bytes: 2 }),
        ("AAAA\n", Base64Error::Byte { offset_bytes: 4 }),
        (" AAAA", Base64Error::Byte { offset_bytes: 0 }),
    ];
    check(|input| base64::decode_canonical(text(input)), cases);
    for bytes in [&[][..], &[0], &[0, 255], &[1, 2, 3], &[255; 64]] {
        assert_eq!(base64::decode_canonical(&base64::encode(bytes)).as_deref(), Ok(bytes));
    }
}

#[test]
fn key_names() {
    let character = |character| KeyError::NameCharacter { character };
    let cases = [
        (String::new(), KeyError::NameEmpty),
        ("a b".to_owned(), character(' ')),
        ("a+b".to_owned(), character('+')),
        ("a\n".to_owned(), character('\n')),
        ("a\u{a0}b".to_owned(), character('\u{a0}')),
        ("\u{2003}".to_owned(), character('\u{2003}')),
        ("a\u{1}".to_owned(), character('\u{1}')),
        ("a".repeat(256), KeyError::NameTooLong { size_bytes: 256 }),
    ];
    check(|input| text(input).parse::<KeyName>(), cases);
    let longest = "a".repeat(255);
    assert_eq!(longest.parse::<KeyName>().map(|name| name.to_string()), Ok(longest));
}

/// A vkey of this type and key, with the id that they have.
fn vkey(name: &str, material: &[u8]) -> String {
    let name: KeyName = name.parse().expect("name");
    let algorithm = Algorithm::from_type_byte(material[0]).expect("known type");
    let id = KeyId::of(&name, algorithm, &material[1..]);
    format!("{name}+{id}+{}", base64::encode(material))
}

/// The type, this byte and zeros: a public key or seed of any length.
fn material(type_byte: u8, first: u8, size_bytes: usize) -> Vec<u8> {
    let mut material = vec![0; 1 + size_bytes];
    material[0] = type_byte;
    material[1] = first;
    material
}

#[test]
fn verifier_keys_of_wrong_form() {
    let good = log().verifier().to_string();
    let (head, material) = good.rsplit_once('+').expect("vkey");
    let other = format!("example.com/log+{}+{material}", KeyId([0, 1, 2, 3]));
    let stated = KeyId([0, 1, 2, 3]);
    let cases = [
        (String::new(), KeyError::VerifierKeyForm),
        ("example.com/log".to_owned(), KeyError::VerifierKeyForm),
        (head.to_owned(), KeyError::VerifierKeyForm),
        (format!("+9be5d3c6+{material}"), KeyError::NameEmpty),
        (format!("a b+9be5d3c6+{material}"), KeyError::NameCharacter { character: ' ' }),
        (format!("a+9BE5D3C6+{material}"), KeyError::IdForm),
        (format!("a+9be5d3c+{material}"), KeyError::IdForm),
        (format!("a+9be5d3c6a+{material}"), KeyError::IdForm),
        (format!("a+-be5d3c6+{material}"), KeyError::IdForm),
        (format!("a++{material}"), KeyError::IdForm),
        (format!("{good}\n"), KeyError::Base64(Base64Error::Byte { offset_bytes: 44 })),
        (format!("{head}+AYqI4"), KeyError::Base64(Base64Error::Padding)),
        (format!("{head}+AR=="), KeyError::Base64(Base64Error::UnusedBits)),
        (format!("{head}+"), KeyError::NoType),
        (format!("{head}+Ag=="), KeyError::UnknownType { type_byte: 0x02 }),
        (format!("{head}+BQAA"), KeyError::UnknownType { type_byte: 0x05 }),
        (format!("{head}+AAAA"), KeyError::UnknownType { type_byte: 0x00 }),
        (format!("{head}+/wAA"), KeyError::UnknownType { type_byte: 0xff }),
        (other, KeyError::WrongId { stated, computed: log().id() }),
    ];
    check(|input| text(input).parse::<VerifierKey>(), cases);
}

#[test]
fn verifier_keys_of_wrong_content() {
    let length = |algorithm, size_bytes| KeyError::PublicKeyLength { algorithm, size_bytes };
    // p + 1, another spelling of the neutral point's coordinate.
    let mut respelt = vec![0xff; 33];
    (respelt[0], respelt[1], respelt[32]) = (0x01, 0xee, 0x7f);
    let cases = [
        (vkey("a", &material(0x01, 9, 31)), length(Algorithm::Ed25519, 31)),
        (vkey("a", &material(0x01, 9, 33)), length(Algorithm::Ed25519, 33)),
        (vkey("a", &material(0x04, 9, 1312)), length(Algorithm::Ed25519Cosignature, 1312)),
        (vkey("a", &material(0x06, 9, 32)), length(Algorithm::MlDsa44, 32)),
        (vkey("a", &material(0x06, 9, 1311)), length(Algorithm::MlDsa44, 1311)),
        (vkey("a", &material(0x01, 2, 32)), KeyError::NotAPoint),
        (vkey("a", &respelt), KeyError::NotAPoint),
        (vkey("a", &material(0x01, 1, 32)), KeyError::Weak),
        (vkey("a", &material(0x04, 0, 32)), KeyError::Weak),
    ];
    check(|input| text(input).parse::<VerifierKey>(), cases);
}

#[test]
fn signing_keys() {
    let good = log().to_string();
    let (head, material) = good.rsplit_once('+').expect("signing key");
    let zero = KeyId([0; 4]);
    let cases = [
        (String::new(), KeyError::SigningKeyForm),
        (log().verifier().to_string(), KeyError::SigningKeyForm),
        (format!("private+key+{}", &good[12..]), KeyError::SigningKeyForm),
        ("PRIVATE+KEY+example.com/log".to_owned(), KeyError::SigningKeyForm),
        (head.to_owned(), KeyError::SigningKeyForm),
        (format!("PRIVATE+KEY++00000000+{material}"), KeyError::NameEmpty),
        (format!("PRIVATE+KEY+a+0000000G+{material}"), KeyError::IdForm),
        (format!("{good}="), KeyError::Base64(Base64Error::Byte { offset_bytes: 44 })),
        (format!("{head}+"), KeyError::NoType),
        (format!("{head}+AwAA"), KeyError::UnknownType { type_byte: 0x03 }),
        (format!("{head}+AQAA"), KeyError::SeedLength { size_bytes: 2 }),
        (
            format!("PRIVATE+KEY+example.com/log+00000000+{material}"),
            KeyError::WrongId { stated: zero, computed: log().id() },
        ),
    ];
    check(|input| text(input).parse::<SigningKey>(), cases);
}

#[test]
fn notes() {
    let line = format!("{LINE}AAAAAAA=\n");
    let control = |byte, offset_bytes| NoteError::ControlCharacter { byte, offset_bytes };
    let (name, id) = (log().name().clone(), KeyId([0; 4]));
    let cases = [
        (Vec::new(), NoteError::NoSeparator),
        (b"text\n".to_vec(), NoteError::NoSeparator),
        (format!("text\n{line}").into_bytes(), NoteError::NoSeparator),
        (format!("\n{line}").into_bytes(), NoteError::NoSeparator),
        (b"text\n\n".to_vec(), NoteError::NoSignatures),
        (format!("text\n\n{line}\n").into_bytes(), NoteError::NoSignatures),
        (format!("text\n\n{}", line.trim_end()).into_bytes(), NoteError::NoFinalNewline),
        ([b"te\xffxt\n\n", line.as_bytes()].concat(), NoteError::NotUtf8 { offset_bytes: 2 }),
        (format!("te\0xt\n\n{line}").into_bytes(), control(0, 2)),
        (format!("te\txt\n\n{line}").into_bytes(), control(9, 2)),
        (format!("text\r\n\r\n{line}").into_bytes(), control(13, 4)),
        (format!("text\n\n{line}{line}").into_bytes(), NoteError::DuplicateSignature { name, id }),
        (
            vec![b'\n'; limits::NOTE_BYTES_MAX + 1],
            NoteError::TooLarge { size_bytes: limits::NOTE_BYTES_MAX + 1 },
        ),
    ];
    check(Note::parse, cases);
    let text_form = Note::new("text".to_owned(), vec![log().sign_note("text\n").expect("line")]);
    assert_eq!(text_form, Err(NoteError::TextForm));
    assert_eq!(Note::new("text\n".to_owned(), vec![]), Err(NoteError::NoSignatures));
}

#[test]
fn signature_lines() {
    let form = |line| NoteError::LineForm { line };
    let name = |source| NoteError::LineName { line: 1, source };
    let base64 = |source| NoteError::LineBase64 { line: 1, source };
    let space = KeyError::NameCharacter { character: '\u{3000}' };
    let cases = [
        (String::new(), NoteError::NoSignatures),
        ("\n".to_owned(), form(1)),
        ("- example.com/log AAAAAAA=\n".to_owned(), form(1)),
        ("\u{2013} example.com/log AAAAAAA=\n".to_owned(), form(1)),
        ("\u{2014}example.com/log AAAAAAA=\n".to_owned(), form(1)),
        ("\u{2014} example.com/log\n".to_owned(), form(1)),
        (format!("{LINE}AAAAAAA=\n \u{2014} a AAAAAAA=\n"), form(2)),
        ("\u{2014}  AAAAAAA=\n".to_owned(), name(KeyError::NameEmpty)),
        ("\u{2014} a+b AAAAAAA=\n".to_owned(), name(KeyError::NameCharacter { character: '+' })),
        ("\u{2014} a\u{3000}b AAAAAAA=\n".to_owned(), name(space)),
        (
            format!("\u{2014} {} AAAAAAA=\n", "a".repeat(256)),
            name(KeyError::NameTooLong { size_bytes: 256 }),
        ),
        (format!("{LINE}AAAAAAA\n"), base64(Base64Error::Padding)),
        (format!("{LINE}AAAAAAB=\n"), base64(Base64Error::UnusedBits)),
        (format!("{LINE}AAAAAA_=\n"), base64(Base64Error::Byte { offset_bytes: 6 })),
        (format!("{LINE} AAAAAAA=\n"), base64(Base64Error::Byte { offset_bytes: 0 })),
        (format!("{LINE}AAAAAAA= \n"), base64(Base64Error::Byte { offset_bytes: 8 })),
        (format!("{LINE}\n"), NoteError::LineTooShort { line: 1 }),
        (format!("{LINE}AAAAAA==\n"), NoteError::LineTooShort { line: 1 }),
    ];
    check(|input| SignatureLine::parse_lines(text(input)), cases);
}

#[test]
fn signatures() {
    let not_a_checkpoint = NoteError::NotACheckpoint(CheckpointError::TooShort);
    let extended = format!("{CHECKPOINT}extension\n");
    let resized = |key: SigningKey, size_bytes| {
        let mut line = key.cosign(CHECKPOINT, 1).expect("signature");
        line.signature.resize(size_bytes, 0);
        (key.verifier().verify_note(CHECKPOINT, &line), (key.algorithm(), size_bytes))
    };
    for size_bytes in [0, 7, 8, 64, 71, 73, 2420, 2427, 2429] {
        for (result, (algorithm, size_bytes)) in
            [resized(witness(), size_bytes), resized(witness_pq(), size_bytes)]
        {
            assert_eq!(result, Err(NoteError::SignatureLength { algorithm, size_bytes }));
        }
    }
    for key in [witness(), witness_pq()] {
        let mut line = key.cosign(CHECKPOINT, 1).expect("signature");
        assert_eq!(key.verifier().verify_note("text\n", &line), Err(not_a_checkpoint.clone()));
        line.signature[..8].fill(0xff);
        let late = Err(NoteError::Timestamp { timestamp_s: u64::MAX });
        assert_eq!(key.verifier().verify_note(CHECKPOINT, &line), late);
    }
    let line = witness_pq().cosign(CHECKPOINT, 1).expect("signature");
    let result = witness_pq().verifier().verify_note(&extended, &line);
    assert_eq!(result, Err(NoteError::ExtensionLines));
}

#[test]
fn checkpoints() {
    let sized = |size: &str| (format!("origin\n{size}\n{HASH}\n"), CheckpointError::Size);
    let rooted = |root: &str, error| (format!("origin\n5\n{root}\n"), CheckpointError::Root(error));
    let cases = [
        (String::new(), CheckpointError::TooShort),
        ("origin\n5\n".to_owned(), CheckpointError::TooShort),
        (format!("origin\n5\n{HASH}"), CheckpointError::TooShort),
        (format!("\n5\n{HASH}\n"), CheckpointError::Origin),
        sized(""),
        sized("05"),
        sized("00"),
        sized("+5"),
        sized("-5"),
        sized(" 5"),
        sized("5 "),
        sized("0x5"),
        sized("\u{665}"),
        sized("9223372036854775808"),
        sized("18446744073709551616"),
        rooted("", ParseHashError::Length { len_bytes: 0 }),
        rooted(&HASH[..43], ParseHashError::Length { len_bytes: 43 }),
        rooted(&HASH.replace("FU=", "FV="), ParseHashError::NotCanonical),
        rooted(&HASH.replace('/', "_"), ParseHashError::NotCanonical),
        (format!("{CHECKPOINT}\n"), CheckpointError::EmptyExtension { line: 4 }),
        (format!("{CHECKPOINT}a\n\nb\n"), CheckpointError::EmptyExtension { line: 5 }),
        (format!("{CHECKPOINT}a"), CheckpointError::NoFinalNewline),
        (
            CHECKPOINT.replace('\n', "\r\n"),
            CheckpointError::ControlCharacter { byte: 13, offset_bytes: 15 },
        ),
        (
            "\n".repeat(limits::NOTE_BYTES_MAX + 1),
            CheckpointError::TooLarge { size_bytes: limits::NOTE_BYTES_MAX + 1 },
        ),
    ];
    check(|input| Checkpoint::parse(text(input)), cases);
    let extended = format!("{CHECKPOINT}one\ntwo\n");
    let parsed = Checkpoint::parse(&extended).expect("extension lines are legal");
    assert_eq!((parsed.to_text(), parsed.extensions.len()), (extended, 2));
    assert!(!parsed.is_empty_consistent(), "only size 0 has this root");
    let (size, root) = (parsed.size, parsed.root);
    let result = Checkpoint::new("two\nlines", size, root);
    assert_eq!(result, Err(CheckpointError::Size));
    let result = Checkpoint::new(&format!("smuggled\n5\n{HASH}"), size, root);
    assert_eq!(result, Err(CheckpointError::Origin));
}

/// A checkpoint's note.
fn note() -> String {
    format!("{CHECKPOINT}\n{}", log().sign_note(CHECKPOINT).expect("signature"))
}

#[test]
fn proofs() {
    let note = note();
    let first = "c2sp.org/tlog-proof@v1\n";
    let hash_at = |line, source| ProofError::Hashes(HashLinesError::Hash { line, source });
    let no_end = || ProofError::Hashes(HashLinesError::NoEnd);
    let extra = |data: &str| format!("{first}extra {data}\nindex 0\n\n{note}");
    let hashes = format!("{HASH}\n").repeat(64);
    let large = base64::encode(&vec![0; limits::EXTRA_BYTES_MAX + 1]);
    let size_bytes = limits::EXTRA_BYTES_MAX + 1;
    let length = |len_bytes| ParseHashError::Length { len_bytes };
    let cases = [
        (String::new(), ProofError::FirstLine),
        (first.trim_end().to_owned(), ProofError::FirstLine),
        (format!("index 0\n\n{note}"), ProofError::FirstLine),
        (format!("c2sp.org/tlog-proof@v2\nindex 0\n\n{note}"), ProofError::FirstLine),
        (first.to_owned(), ProofError::Index),
        (format!("{first}\nindex 0\n\n{note}"), ProofError::Index),
        (format!("{first}index 00\n\n{note}"), ProofError::Index),
        (format!("{first}index  0\n\n{note}"), ProofError::Index),
        (format!("{first}index\n\n{note}"), ProofError::Index),
        (format!("{first}index 9223372036854775808\n\n{note}"), ProofError::Index),
        (format!("{first}extra AAAA\n\n{note}"), ProofError::Index),
        (format!("{first}extra AAAA\nextra AAAA\nindex 0\n\n{note}"), ProofError::Index),
        (format!("{first}extra\nindex 0\n\n{note}"), ProofError::Index),
        (extra(""), ProofError::ExtraEmpty),
        (extra("AAA"), ProofError::Extra(Base64Error::Padding)),
        (extra("AB=="), ProofError::Extra(Base64Error::UnusedBits)),
        (extra(&large), ProofError::ExtraTooLarge { size_bytes }),
        (format!("{first}index 0\n{}\n\n{note}", &HASH[1..]), hash_at(3, length(43))),
        (format!("{first}extra AAAA\nindex 0\n{HASH}\nA\n\n{note}"), hash_at(5, length(1))),
        (
            format!("{first}index 0\n{hashes}\n{note}"),
            ProofError::Hashes(HashLinesError::TooMany { line: 66 }),
        ),
        (format!("{first}index 0\n"), no_end()),
        (format!("{first}index 0\n{HASH}\n"), no_end()),
        (format!("{first}index 0\n{HASH}"), no_end()),
        (format!("{first}index 0\n\n{CHECKPOINT}"), ProofError::Note(NoteError::NoSeparator)),
        (
            format!("{first}index 0\n\nprose\n\n{LINE}AAAAAAA=\n"),
            ProofError::Checkpoint(CheckpointError::TooShort),
        ),
        (
            "a".repeat(limits::PROOF_BYTES_MAX + 1),
            ProofError::TooLarge { size_bytes: limits::PROOF_BYTES_MAX + 1 },
        ),
    ];
    check(TlogProof::parse, cases);
    check(TlogProof::parse, [(b"\xff", ProofError::NotUtf8 { offset_bytes: 0 })]);
    let longest = extra(&base64::encode(&vec![0; limits::EXTRA_BYTES_MAX]));
    let parsed = TlogProof::parse(longest.as_bytes()).expect("at the limit");
    assert_eq!(parsed.to_string(), longest);
}

#[test]
fn witness_requests() {
    let note = note();
    let hashes = format!("{HASH}\n").repeat(64);
    let no_end = || AddCheckpointError::Proof(HashLinesError::NoEnd);
    let cases = [
        (String::new(), AddCheckpointError::Old),
        (format!("\n{note}"), AddCheckpointError::Old),
        (format!("old\n\n{note}"), AddCheckpointError::Old),
        (format!("old 01\n\n{note}"), AddCheckpointError::Old),
        (format!("old -1\n\n{note}"), AddCheckpointError::Old),
        (format!("Old 1\n\n{note}"), AddCheckpointError::Old),
        (format!("old 9223372036854775808\n\n{note}"), AddCheckpointError::Old),
        ("old 1\n".to_owned(), no_end()),
        (format!("old 1\n{HASH}\n"), no_end()),
        (
            format!("old 1\n{HASH}\n{note}"),
            AddCheckpointError::Proof(HashLinesError::Hash {
                line: 3,
                source: ParseHashError::Length { len_bytes: 15 },
            }),
        ),
        (
            format!("old 1\n{hashes}\n{note}"),
            AddCheckpointError::Proof(HashLinesError::TooMany { line: 65 }),
        ),
        ("old 1\n\n".to_owned(), AddCheckpointError::Note(NoteError::NoSeparator)),
        (
            format!("old 1\n\nprose\n\n{LINE}AAAAAAA=\n"),
            AddCheckpointError::Checkpoint(CheckpointError::TooShort),
        ),
        (
            "a".repeat(limits::ADD_CHECKPOINT_BYTES_MAX + 1),
            AddCheckpointError::TooLarge { size_bytes: limits::ADD_CHECKPOINT_BYTES_MAX + 1 },
        ),
    ];
    check(AddCheckpoint::parse, cases);
    check(AddCheckpoint::parse, [(b"old \xff", AddCheckpointError::NotUtf8 { offset_bytes: 4 })]);
}

/// The policy's lines, and why which of them is refused.
fn check_policies(cases: impl IntoIterator<Item = (impl AsRef<[u8]>, usize, Kind)>) {
    let cases = cases.into_iter().map(|(policy, line, kind)| (policy, (line, kind)));
    check(|input| Policy::parse(input).map_err(|error| (error.line, error.kind)), cases);
}

#[test]
fn policy_lines() {
    let vkey = log().verifier();
    let w1 = witness().verifier();
    let keyword = |word| Kind::Keyword { word };
    let unknown = policy_name(b"unknown");
    check_policies([
        (String::new(), 1, Kind::NoQuorum),
        ("# quorum none\n\n \t\n".to_owned(), 3, Kind::NoQuorum),
        ("quorum none".to_owned(), 1, Kind::NoFinalNewline),
        ("quorum none\r\n".to_owned(), 1, Kind::ControlCharacter { byte: 13 }),
        ("\n# \u{7f}\nquorum none\n".to_owned(), 2, Kind::ControlCharacter { byte: 127 }),
        ("unknown none\n".to_owned(), 1, keyword(unknown)),
        ("quorum none # all\n".to_owned(), 1, Kind::QuorumForm),
        ("quorum\n".to_owned(), 1, Kind::QuorumForm),
        ("quorum none\nquorum none\n".to_owned(), 2, Kind::SecondQuorum),
        ("log\n".to_owned(), 1, Kind::LogForm),
        (format!("log {vkey} https://a https://b\n"), 1, Kind::LogForm),
        (format!("witness {w1}\n"), 1, Kind::WitnessForm),
        (format!("witness w1 {w1} https://a b\n"), 1, Kind::WitnessForm),
        ("group g\n".to_owned(), 1, Kind::GroupForm),
        ("group g any\n".to_owned(), 1, Kind::GroupForm),
        ("log example.com\n".to_owned(), 1, Kind::Key(KeyError::VerifierKeyForm)),
        (format!("log {w1}\n"), 1, Kind::LogAlgorithm { algorithm: Algorithm::Ed25519Cosignature }),
        (
            format!("witness w1 {vkey}\n"),
            1,
            Kind::WitnessAlgorithm { algorithm: Algorithm::Ed25519 },
        ),
        (
            " ".repeat(limits::POLICY_BYTES_MAX + 1),
            1,
            Kind::TooLarge { size_bytes: limits::POLICY_BYTES_MAX + 1 },
        ),
    ]);
    check_policies([(b"log \xff\n", 1, Kind::KeyNotUtf8)]);
}

#[test]
fn policy_names_and_groups() {
    let [a, b] = [21, 22].map(|seed| key("w", Algorithm::Ed25519Cosignature, seed).verifier());
    let ab = format!("witness a {a}\nwitness b {b}\n");
    let member_twice = |word: &[u8]| Kind::MemberTwice { name: policy_name(word) };
    let unknown = |word: &[u8]| Kind::NameUnknown { name: policy_name(word) };
    let taken = |word: &[u8]| Kind::NameTaken { name: policy_name(word) };
    let threshold = |word: &[u8]| Kind::Threshold { threshold: policy_name(word), members: 2 };
    check_policies([
        (format!("witness none {a}\n"), 1, Kind::NameReserved),
        (format!("{ab}group none any a b\n"), 3, Kind::NameReserved),
        (format!("{ab}group g any a none\n"), 3, Kind::NameReserved),
        (format!("witness a {a}\nwitness a {b}\n"), 2, taken(b"a")),
        (format!("{ab}group a any b\n"), 3, taken(b"a")),
        (format!("{ab}group g any a c\n"), 3, unknown(b"c")),
        (format!("{ab}group g any a g\n"), 3, unknown(b"g")),
        (format!("{ab}group g any A b\n"), 3, unknown(b"A")),
        (format!("quorum a\n{ab}"), 1, unknown(b"a")),
        (format!("group g any a b\n{ab}"), 1, unknown(b"a")),
        (format!("{ab}group g any a a\n"), 3, member_twice(b"a")),
        (format!("{ab}group g any a\ngroup h any a b\n"), 4, member_twice(b"a")),
        (format!("{ab}group g any a\ngroup h any g\ngroup i any b g\n"), 5, member_twice(b"g")),
        (format!("{ab}group g 0 a b\n"), 3, threshold(b"0")),
        (format!("{ab}group g 3 a b\n"), 3, threshold(b"3")),
        (format!("{ab}group g 01 a b\n"), 3, threshold(b"01")),
        (format!("{ab}group g +1 a b\n"), 3, threshold(b"+1")),
        (format!("{ab}group g most a b\n"), 3, threshold(b"most")),
        (format!("{ab}group g 99999999999999999999 a b\n"), 3, threshold(b"99999999999999999999")),
    ]);
}

#[test]
fn policy_keys() {
    let renamed = key("other", Algorithm::Ed25519, 1).verifier();
    let name = |name: &str| name.parse::<KeyName>().expect("name");
    let (log, w1) = (log().verifier(), witness().verifier());
    let w1_renamed = key("other", Algorithm::Ed25519Cosignature, 2).verifier();
    let seeds = 1..=limits::POLICY_LOGS_MAX as u8 + 1;
    let log_lines = seeds.fold(String::new(), |lines, seed| {
        format!("{lines}log {}\n", key("a", Algorithm::Ed25519, seed).verifier())
    });
    let too_many = Kind::TooMany { what: "logs", max: limits::POLICY_LOGS_MAX };
    check_policies([
        (
            format!("log {log}\nlog {log}\n"),
            2,
            Kind::DuplicateKey { name: name("example.com/log") },
        ),
        (
            format!("log {log}\nlog {renamed}\n"),
            2,
            Kind::DuplicateKey { name: name("example.com/log") },
        ),
        (
            format!("witness a {w1}\nwitness b {w1_renamed}\n"),
            2,
            Kind::DuplicateKey { name: name("witness.example/w1") },
        ),
        (log_lines, limits::POLICY_LOGS_MAX + 1, too_many),
    ]);
    // A log's key may cosign for others, and names are bytes.
    let policy = format!("log {log} https://a\nwitness a {w1}\ngroup g any a\nquorum g\n");
    let policy = [policy.into_bytes(), b"# \xff\n".to_vec()].concat();
    let policy = Policy::parse(policy).expect("policy");
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (1, 1));
    assert_eq!(policy.logs()[0].url.as_deref(), Some("https://a"));
}

/// A policy's name with these bytes.
fn policy_name(word: &[u8]) -> graven_note::PolicyName {
    let refused = Policy::parse([word, b"\n"].concat()).expect_err("not a line");
    match refused.kind {
        Kind::Keyword { word } => word,
        kind => panic!("{kind}"),
    }
}
