//! What is signed verifies; what is changed in any way does not.

#[path = "support/keys.rs"]
mod keys;

use graven_merkle::{EMPTY_ROOT, Hash, LeafIndex, TreeSize, leaf_hash, node_hash};
use graven_note::{
    AddCheckpoint, Algorithm, Checkpoint, Note, NoteError, OpenError, Policy, PolicyName,
    PolicyVerdict, ProofError, SignatureLine, SigningKey, TlogProof, Verified, VerifierKey, limits,
    open_checkpoint,
};
use keys::{ORIGIN, key, log, witness, witness_pq};

/// When the witnesses of these tests cosign, in POSIX seconds.
const TIME_S: u64 = 1_700_000_000;

#[test]
fn every_flipped_bit_of_a_note_is_refused() {
    let text = checkpoint(5).to_text();
    // The large signature is tried at every 7th bit only, which visits each bit of a byte.
    check_flips(&log(), log().sign_note(&text), 1);
    check_flips(&witness(), witness().cosign(&text, TIME_S), 1);
    check_flips(&witness_pq(), witness_pq().cosign(&text, TIME_S), 7);
}

/// With any bit at a multiple of `step` flipped, the note by this one key is refused.
fn check_flips(key: &SigningKey, line: Result<SignatureLine, NoteError>, step: usize) {
    let lines = vec![line.expect("signature")];
    let bytes = Note::new(checkpoint(5).to_text(), lines).expect("note").to_string().into_bytes();
    let keys = [key.verifier()];
    let verify = |bytes: &[u8]| Note::parse(bytes).and_then(|note| note.verify(&keys));
    verify(&bytes).expect("the note itself is good");
    for bit in (0..bytes.len() * 8).step_by(step) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&flipped).is_err(), "bit {bit} of the note by {}", key.name());
    }
    for length in 0..bytes.len() {
        assert!(verify(&bytes[..length]).is_err(), "the first {length} bytes of the note");
    }
}

#[test]
fn notes_verify_by_the_keys_that_are_known() {
    let text = checkpoint(5).to_text();
    let keys = [log(), witness(), witness_pq()].map(|key| key.verifier());
    let note = note(&text, &[&log(), &witness(), &witness_pq()]);
    let (log, w1, pq) = ((0, None), (1, Some(TIME_S)), (2, Some(TIME_S)));
    check_verify(&note, &keys, Ok(vec![log, w1, pq]));
    check_verify(&note, &keys[..2], Ok(vec![log, w1]));
    check_verify(&note, &keys[1..], Ok(vec![(0, w1.1), (1, pq.1)]));
    check_verify(&note, &[], Err(NoteError::NoKnownKey));
    let stranger = key(ORIGIN, Algorithm::Ed25519, 9).verifier();
    check_verify(&note, &[stranger], Err(NoteError::NoKnownKey));
    let (name, id) = (keys[0].name().clone(), keys[0].id());
    let twice = [keys[0].clone(), keys[1].clone(), keys[0].clone()];
    check_verify(&note, &twice, Err(NoteError::AmbiguousKeys { name, id }));

    // One wrong line of a known key spoils the note, whatever else is good in it.
    let mut lines = note.signatures().to_vec();
    lines[1].signature[70] ^= 1;
    let (name, id) = (lines[1].name.clone(), lines[1].id);
    let spoilt = Note::new(text, lines).expect("note");
    check_verify(&spoilt, &keys, Err(NoteError::BadSignature { name, id }));
    check_verify(&spoilt, &keys[..1], Ok(vec![log]));
}

/// The note verifies with just these keys and timestamps, or fails so.
fn check_verify(
    note: &Note,
    keys: &[VerifierKey],
    expected: Result<Vec<(usize, Option<u64>)>, NoteError>,
) {
    let short = |verified: Vec<Verified>| {
        verified.iter().map(|line| (line.key_index, line.timestamp_s)).collect()
    };
    assert_eq!(note.verify(keys).map(short), expected, "{note}");
    assert_eq!(Note::parse(note.to_string().as_bytes()).as_ref(), Ok(note));
}

#[test]
fn subtrees_are_signed_and_nothing_else_passes_for_them() {
    let (key, hash) = (witness_pq(), leaf_hash(b"subtree"));
    let (start, end) = (LeafIndex(4), LeafIndex(7));
    let line = key.cosign_subtree(ORIGIN, start, end, &hash).expect("signature");
    let verify = |origin: &str, start: u64, end: u64, hash: &Hash, line: &SignatureLine| {
        key.verifier().verify_subtree(origin, LeafIndex(start), LeafIndex(end), hash, line)
    };
    assert_eq!(verify(ORIGIN, 4, 7, &hash, &line), Ok(0));
    let (name, id) = (key.name().clone(), key.id());
    let bad = Err(NoteError::BadSignature { name, id });
    assert_eq!(verify("example.com/other", 4, 7, &hash, &line), bad);
    assert_eq!(verify(ORIGIN, 4, 8, &hash, &line), bad);
    assert_eq!(verify(ORIGIN, 0, 7, &hash, &line), bad);
    assert_eq!(verify(ORIGIN, 4, 7, &EMPTY_ROOT, &line), bad);

    let mut timed = line.clone();
    timed.signature[7] = 1;
    let error = NoteError::SubtreeTimestamp { start };
    assert_eq!(verify(ORIGIN, 4, 7, &hash, &timed), Err(error));
    for (start, end) in [(3, 5), (8, 4), (0, 1 << 63), (u64::MAX, u64::MAX)] {
        let (start, end) = (LeafIndex(start), LeafIndex(end));
        let error = NoteError::NotASubtree { start, end };
        assert_eq!(verify(ORIGIN, start.0, end.0, &hash, &line), Err(error.clone()));
        assert_eq!(key.cosign_subtree(ORIGIN, start, end, &hash), Err(error));
    }
    for origin in [String::new(), "a".repeat(256)] {
        let error = NoteError::OriginLength { size_bytes: origin.len() };
        assert_eq!(verify(&origin, 4, 7, &hash, &line), Err(error));
    }

    // A whole tree's cosignature is one of the subtree from leaf 0, timestamp included.
    let checkpoint = checkpoint(5);
    let whole = key.cosign(&checkpoint.to_text(), TIME_S).expect("signature");
    assert_eq!(verify(ORIGIN, 0, 5, &checkpoint.root, &whole), Ok(TIME_S));
    let id = log().id();
    let other = SignatureLine { name: log().name().clone(), id, ..line };
    let error = NoteError::OtherKey { name: log().name().clone(), id };
    assert_eq!(verify(ORIGIN, 4, 7, &hash, &other), Err(error));
}

#[test]
fn keys_refuse_what_they_are_not_for() {
    let text = checkpoint(5).to_text();
    let (start, end) = (LeafIndex(0), LeafIndex(5));
    let refused = |result: Result<SignatureLine, NoteError>, key: &SigningKey| {
        let algorithm = key.algorithm();
        let right = matches!(&result, Err(NoteError::WrongAlgorithm { name, algorithm: refused, .. })
            if name == key.name() && *refused == algorithm);
        assert!(right, "{algorithm}: {result:?}");
    };
    refused(log().cosign(&text, TIME_S), &log());
    refused(log().cosign_subtree(ORIGIN, start, end, &EMPTY_ROOT), &log());
    refused(witness().sign_note(&text), &witness());
    refused(witness().cosign_subtree(ORIGIN, start, end, &EMPTY_ROOT), &witness());
    refused(witness_pq().sign_note(&text), &witness_pq());

    let late = Err(NoteError::Timestamp { timestamp_s: limits::TIMESTAMP_S_MAX + 1 });
    assert_eq!(witness().cosign(&text, limits::TIMESTAMP_S_MAX + 1), late);
    assert_eq!(log().sign_note("no line feed"), Err(NoteError::TextForm));
    let tab = NoteError::ControlCharacter { byte: 9, offset_bytes: 1 };
    assert_eq!(log().sign_note("a\tb\n"), Err(tab));
    let size_bytes = limits::NOTE_BYTES_MAX;
    let large = Err(NoteError::TooLarge { size_bytes });
    assert_eq!(log().sign_note(&"\n".repeat(size_bytes)), large);
    for key in [witness(), witness_pq()] {
        let result = key.cosign("not a checkpoint\n", TIME_S);
        assert!(matches!(result, Err(NoteError::NotACheckpoint(_))), "{result:?}");
    }
    let extended = format!("{text}extension\n");
    witness().cosign(&extended, TIME_S).expect("Ed25519 covers extension lines");
    assert_eq!(witness_pq().cosign(&extended, TIME_S), Err(NoteError::ExtensionLines));
    let long = Checkpoint::new(&"a".repeat(256), TreeSize(5), leaf_hash(b"")).expect("checkpoint");
    let error = NoteError::OriginLength { size_bytes: 256 };
    assert_eq!(witness_pq().cosign(&long.to_text(), TIME_S), Err(error));
}

#[test]
fn ed25519_has_one_signature_a_text() {
    // The order of the base point, little-endian: added to a signature's second half it gives
    // another one that a lax verifier takes.
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut line = log().sign_note("text\n").expect("signature");
    assert_eq!(log().verifier().verify_note("text\n", &line), Ok(None));
    let mut carry = 0;
    for (byte, added) in line.signature[32..].iter_mut().zip(order) {
        let [high, low] = (u16::from(*byte) + added + carry).to_be_bytes();
        (carry, *byte) = (u16::from(high), low);
    }
    let (name, id) = (line.name.clone(), line.id);
    let bad = Err(NoteError::BadSignature { name, id });
    assert_eq!(log().verifier().verify_note("text\n", &line), bad);
}

#[test]
fn checkpoints_open_for_their_log_only() {
    let text = checkpoint(5).to_text();
    let (log, w1) = (log().verifier(), witness().verifier());
    let other = key("example.com/other", Algorithm::Ed25519, 8);
    let signed = note(&text, &[&keys::log(), &witness()]).to_string();
    let open = |note: &str, origin: &str, logs: &[VerifierKey], others: &[VerifierKey]| {
        open_checkpoint(note.as_bytes(), origin, logs, others)
            .map(|opened| opened.verified.iter().map(|line| line.key_index).collect::<Vec<_>>())
    };
    let logs = [other.verifier(), log.clone()];
    assert_eq!(open(&signed, ORIGIN, &logs, std::slice::from_ref(&w1)), Ok(vec![1, 2]));
    let origin = || ORIGIN.to_owned();
    let not_signed = Err(OpenError::NoLogSignature { origin: origin() });
    let no_key = Err(OpenError::NoLogKey { origin: origin() });
    assert_eq!(open(&signed, ORIGIN, &[], std::slice::from_ref(&log)), no_key);
    assert_eq!(open(&signed, ORIGIN, &logs[..1], &[]), no_key);
    let wrong = OpenError::Origin { found: origin(), expected: "example.com/other".to_owned() };
    assert_eq!(open(&signed, "example.com/other", &logs, &[]), Err(wrong));

    // Neither a witness nor another log can stand in for the log.
    let cosigned = note(&text, &[&witness()]).to_string();
    assert_eq!(open(&cosigned, ORIGIN, &logs, std::slice::from_ref(&w1)), not_signed);
    let foreign = note(&text, &[&other]).to_string();
    assert_eq!(open(&foreign, ORIGIN, &logs, &[]), not_signed);
    let prose = note("prose\n", &[&keys::log()]).to_string();
    assert!(matches!(open(&prose, ORIGIN, &logs, &[]), Err(OpenError::Checkpoint(_))));
}

#[test]
fn proofs_hold_for_their_leaf_only() {
    let (left, right) = (leaf_hash(b"left"), leaf_hash(b"right"));
    let root = node_hash(&left, &right);
    let checkpoint = Checkpoint::new(ORIGIN, TreeSize(2), root).expect("checkpoint");
    let note = note(&checkpoint.to_text(), &[&log(), &witness()]).to_string();
    let checkpoint = note.into_bytes();
    let proof = TlogProof { extra: None, index: LeafIndex(1), hashes: vec![left], checkpoint };
    let keys = [log().verifier()];
    let verdict = proof.verify(&right, ORIGIN, &keys, None).expect("proof");
    assert_eq!((verdict.checkpoint.root, verdict.policy), (root, None));
    let refused = proof.verify(&left, ORIGIN, &keys, None);
    assert!(matches!(refused, Err(ProofError::Inclusion { index: LeafIndex(1), .. })));
    let refused = proof.verify(&right, "example.com/other", &keys, None);
    assert!(matches!(refused, Err(ProofError::Open(OpenError::Origin { .. }))));
    let refused = proof.verify(&right, ORIGIN, &[], None);
    assert!(matches!(refused, Err(ProofError::Open(OpenError::NoLogKey { .. }))));

    let policy = |text: String| Policy::parse(text).expect("policy");
    let w1 = policy(format!("witness w1 {}\nquorum w1\n", witness().verifier()));
    assert!(proof.verify(&right, ORIGIN, &keys, Some(&w1)).is_ok());
    let refused = proof.verify(&right, ORIGIN, &[], Some(&w1));
    assert!(matches!(refused, Err(ProofError::Open(OpenError::NoLogKey { .. }))));
    let pq = policy(format!("witness pq {}\nquorum pq\n", witness_pq().verifier()));
    let refused = proof.verify(&right, ORIGIN, &keys, Some(&pq));
    assert!(matches!(refused, Err(ProofError::Policy(verdict)) if !verdict.quorum_reached));
    // Keys given by hand do not lift the policy's own list of logs.
    let other = key(ORIGIN, Algorithm::Ed25519, 8).verifier();
    let other = policy(format!("log {other}\nquorum none\n"));
    let refused = proof.verify(&right, ORIGIN, &keys, Some(&other));
    assert!(matches!(refused, Err(ProofError::Policy(verdict)) if !verdict.log_signed));
}

/// Witnesses a to e: 0x04, 0x06 and three of 0x04; b and c of three in a group with d or e.
fn witnesses() -> [SigningKey; 5] {
    let (ed25519, pq) = (Algorithm::Ed25519Cosignature, Algorithm::MlDsa44);
    [
        key("a.example", ed25519, 11),
        key("b.example", pq, 12),
        key("c.example", ed25519, 13),
        key("d.example", ed25519, 14),
        key("e.example", ed25519, 15),
    ]
}

#[test]
fn policies_count_cosignatures() {
    let log = log().verifier();
    let witnesses = witnesses().map(|key| key.verifier());
    let line = |(name, key): (char, &VerifierKey)| format!("\twitness {name}  {key} https://w/\n");
    let witnesses: String = ('a'..='e').zip(&witnesses).map(line).collect();
    let keys = format!("# keys\nlog {log} https://example.com/log\n\n{witnesses}");
    let groups = "group two 2 a b c\ngroup one any d e\ngroup both all two one\n";
    let cases: [(&str, &[usize], bool); 12] = [
        ("quorum none", &[], true),
        ("quorum a", &[0], true),
        ("quorum a", &[1, 2, 3, 4], false),
        ("quorum one", &[], false),
        ("quorum one", &[4], true),
        ("quorum two", &[0, 3, 4], false),
        ("quorum two", &[1, 2], true),
        ("quorum both", &[0, 1, 2], false),
        ("quorum both", &[3, 4], false),
        ("quorum both", &[1, 2, 4], true),
        ("quorum both", &[0, 1, 2, 3, 4], true),
        ("quorum two", &[0, 1, 2], true),
    ];
    for (quorum, signers, satisfied) in cases {
        let policy = Policy::parse(format!("{keys}{groups}{quorum}\n")).expect("policy");
        let verdict = evaluate(&policy, signers);
        assert!(verdict.log_signed && verdict.failed.is_empty(), "{quorum} {signers:?}");
        let reached = (verdict.satisfied, verdict.quorum_reached);
        assert_eq!(reached, (satisfied, satisfied), "{quorum} {signers:?}");
        let named = |names: &[PolicyName]| -> Vec<usize> {
            names.iter().map(|name| usize::from(name.as_bytes()[0] - b'a')).collect()
        };
        assert_eq!(named(&verdict.cosigned_by), signers);
        assert_eq!(verdict.missing.len(), 5 - signers.len());
        let times = signers.first().zip(signers.last());
        let times = times.map(|(first, last)| (TIME_S + *first as u64, TIME_S + *last as u64));
        assert_eq!(verdict.oldest_timestamp_s.zip(verdict.newest_timestamp_s), times);
    }
}

#[test]
fn policies_trust_nothing_else() {
    let [a, ..] = witnesses().map(|key| key.verifier());
    let text = checkpoint(5).to_text();
    let policy = |log: &VerifierKey| {
        let text = format!("log {log}\nwitness a {a}\nquorum a\n");
        Policy::parse(text).expect("policy")
    };
    let policies = policy(&log().verifier());
    let signed = note(&text, &[&log(), &witnesses()[0]]);
    assert!(policies.evaluate(&signed, &checkpoint(5)).satisfied);
    // The note of another checkpoint shows nothing.
    let other = policies.evaluate(&signed, &checkpoint(6));
    assert!(!other.satisfied && !other.log_signed && other.cosigned_by.is_empty());
    // Without the log's signature, or with that of a log whose key has another name.
    let unsigned = policies.evaluate(&note(&text, &[&witnesses()[0]]), &checkpoint(5));
    assert!(!unsigned.satisfied && unsigned.quorum_reached);
    let foreign = key("example.com/other", Algorithm::Ed25519, 8);
    let signed = note(&text, &[&foreign, &witnesses()[0]]);
    assert!(!policy(&foreign.verifier()).evaluate(&signed, &checkpoint(5)).satisfied);
    // A wrong line of a listed key refuses all, even where the quorum is reached without it.
    let mut lines = note(&text, &[&log(), &witnesses()[0]]).signatures().to_vec();
    lines[1].signature[9] ^= 1;
    let none = format!("log {}\nwitness a {a}\nquorum none\n", log().verifier());
    let none = Policy::parse(none).expect("policy");
    let verdict = none.evaluate(&Note::new(text, lines).expect("note"), &checkpoint(5));
    assert!(!verdict.satisfied && verdict.quorum_reached && verdict.failed.len() == 1);
}

/// The policy's verdict on a checkpoint by the log and these witnesses, a second after each other.
fn evaluate(policy: &Policy, signers: &[usize]) -> PolicyVerdict {
    let text = checkpoint(5).to_text();
    let mut note = note(&text, &[&log()]);
    for &signer in signers {
        let line = witnesses()[signer].cosign(&text, TIME_S + signer as u64);
        note.push(line.expect("cosignature")).expect("another line");
    }
    policy.evaluate(&note, &checkpoint(5))
}

#[test]
fn notes_keep_their_limits() {
    let mut note = note("text\n", &[&log()]);
    let line = log().sign_note("text\n").expect("signature");
    let (name, id) = (line.name.clone(), line.id);
    assert_eq!(note.push(line.clone()), Err(NoteError::DuplicateSignature { name, id }));
    let line_by = |index: u8| {
        let mut line = line.clone();
        line.id.0 = [0, 0, 0, index];
        line
    };
    let empty = SignatureLine { signature: Vec::new(), ..line_by(0) };
    assert_eq!(note.push(empty), Err(NoteError::LineTooShort { line: 2 }));
    let huge = SignatureLine { signature: vec![0; limits::NOTE_BYTES_MAX], ..line_by(0) };
    assert!(matches!(note.push(huge), Err(NoteError::TooLarge { .. })));
    for index in 1..limits::SIGNATURES_MAX {
        note.push(line_by(index as u8)).expect("within the limit");
    }
    assert_eq!(note.push(line_by(0)), Err(NoteError::TooManySignatures));
    let bytes = note.to_string().into_bytes();
    assert_eq!(Note::parse(&bytes), Ok(note));
    let more = [bytes, line_by(0).to_string().into_bytes()].concat();
    assert_eq!(Note::parse(&more), Err(NoteError::TooManySignatures));

    // The largest note of all, and the next larger one.
    let line = line_by(0);
    let rest = 1 + line.to_string().len();
    let mut text = "a".repeat(limits::NOTE_BYTES_MAX - rest - 1) + "\n";
    let note = Note::new(text.clone(), vec![line.clone()]).expect("fits exactly");
    assert_eq!(note.to_string().len(), limits::NOTE_BYTES_MAX);
    assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note));
    text.insert(0, 'a');
    let size_bytes = limits::NOTE_BYTES_MAX + 1;
    assert_eq!(Note::new(text, vec![line]), Err(NoteError::TooLarge { size_bytes }));
}

/// How many mutations of each kind of input are tried.
const MUTATIONS: u64 = 3_000;

#[test]
fn mutated_inputs_are_refused_or_print_back() {
    let text = checkpoint(5).to_text();
    let note = note(&text, &[&log(), &witness()]).to_string();
    let hashes = format!("{EMPTY_ROOT}\n{EMPTY_ROOT}\n\n");
    let proof = format!("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 4\n{hashes}{note}");
    let vkey = log().verifier().to_string();
    let skey = log().to_string();
    let policy = format!("log {vkey} https://a\nwitness w {}\nquorum w\n", witness().verifier());
    check_mutations(&note, |bytes| Some(Note::parse(bytes).ok()?.to_string().into_bytes()));
    check_mutations(&proof, |bytes| Some(TlogProof::parse(bytes).ok()?.to_bytes()));
    check_mutations(&format!("old 3\n{hashes}{note}"), |bytes| {
        Some(AddCheckpoint::parse(bytes).ok()?.to_bytes())
    });
    check_mutations(&text, |bytes| {
        let text = std::str::from_utf8(bytes).ok()?;
        Some(Checkpoint::parse(text).ok()?.to_text().into_bytes())
    });
    check_mutations(&vkey, |bytes| {
        let key: VerifierKey = std::str::from_utf8(bytes).ok()?.parse().ok()?;
        Some(key.to_string().into_bytes())
    });
    check_mutations(&skey, |bytes| {
        let key: SigningKey = std::str::from_utf8(bytes).ok()?.parse().ok()?;
        Some(key.to_string().into_bytes())
    });
    // A policy has no printed form; it must only not panic.
    check_mutations(&policy, |bytes| Policy::parse(bytes).ok().map(|_| bytes.to_vec()));
}

/// What is left of `good` after a few changed, removed or doubled bytes is refused, or printed as
/// it was read.
fn check_mutations(good: &str, print: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    assert_eq!(print(good.as_bytes()).as_deref(), Some(good.as_bytes()), "the input is good");
    for seed in 1..=MUTATIONS {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut below = |end: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % end as u64) as usize
        };
        let mut bytes = good.as_bytes().to_vec();
        for _ in 0..=below(3) {
            let at = below(bytes.len());
            match below(3) {
                0 => bytes[at] = b"\n \t+=A0\xe2\x94\xff"[below(10)],
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, bytes[at]),
            }
        }
        if let Some(printed) = print(&bytes) {
            assert_eq!(printed, bytes, "seed {seed} on {good:?}");
        }
    }
}

/// A checkpoint of a tree of this size.
fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint::new(ORIGIN, TreeSize(size), leaf_hash(b"root")).expect("checkpoint")
}

/// The note of this text that these keys sign, those that cosign at the same time.
fn note(text: &str, signers: &[&SigningKey]) -> Note {
    let sign = |signer: &&SigningKey| match signer.algorithm() {
        Algorithm::Ed25519 => signer.sign_note(text).expect("signature"),
        _ => signer.cosign(text, TIME_S).expect("cosignature"),
    };
    Note::new(text.to_owned(), signers.iter().map(sign).collect()).expect("note")
}
