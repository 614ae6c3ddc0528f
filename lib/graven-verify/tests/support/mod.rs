//! A small log with everything in it that a verifier judges, and ways to spoil it.

#![expect(dead_code, reason = "each test program uses its own part")]

use std::convert::Infallible;

use graven_entry::{
    Altered, Attestation, AuthMethod, Claim, Clock, Grade, Header, Name, Time, build_entry,
    chain_next, chain_start, event_hash,
};
use graven_merkle::{
    EMPTY_ROOT, Frontier, Hash, LeafIndex, Node, NodeSource, TreeSize, leaf_hash, node_hash,
};
use graven_note::{Algorithm, Checkpoint, Note, SigningKey};
use graven_verify::{
    Fault, FaultKind, KeyOp, KeySource, KeyTarget, LogVerdict, LogVerifier, VerifyOptions,
    check_run, key_statement,
};

pub(crate) const ORIGIN: &str = "acme.example/prod";
pub(crate) const SIGNED: &str = "billing/1";
pub(crate) const FREE: &str = "free/1";

/// An entry before it is numbered and chained.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) writer: &'static str,
    pub(crate) auth: &'static str,
    pub(crate) grade: Grade,
    pub(crate) stream: Option<(&'static str, u64)>,
    pub(crate) event: Vec<u8>,
    pub(crate) attestation: Option<Vec<u8>>,
    pub(crate) altered: Vec<Altered>,
}

/// The producer of a stream: it knows its own chain, whatever the log does with it.
pub(crate) struct Producer {
    stream: &'static str,
    length: u64,
    head: Hash,
}

/// A log's bytes.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) checkpoint: Vec<u8>,
}

/// The leaves of a tree, whose nodes are worked out when asked for.
pub(crate) struct Leaves(pub(crate) Vec<Hash>);

pub(crate) fn origin() -> Name {
    Name::origin(ORIGIN).unwrap()
}

/// The log's Ed25519 key of this generation.
pub(crate) fn log_key(generation: u8) -> SigningKey {
    SigningKey::from_seed(ORIGIN.parse().unwrap(), Algorithm::Ed25519, [generation; 32])
}

/// The key of this generation of the signed stream.
pub(crate) fn stream_key(generation: u8) -> SigningKey {
    SigningKey::from_seed(SIGNED.parse().unwrap(), Algorithm::Ed25519, [100 + generation; 32])
}

/// The twenty entries of the log, by index: keys of the log change at 11 and 13, those of the
/// signed stream are named at 4, 14 and 15, and its batches end at 7, 12 and 17.
pub(crate) fn items() -> Vec<Item> {
    let mut signed = Producer::new(SIGNED);
    let mut free = Producer::new(FREE);
    let mut items = vec![opening(&[log_key(1).verifier().to_string()])];
    items.extend((1..4).map(plain));
    items.push(key_item(&stream_target(), KeyOp::Add, &stream_key(1), None));
    items.extend(signed.batch(3, Some(&stream_key(1))));
    items.push(plain(8));
    items.extend(free.batch(2, None));
    items.push(key_item(&KeyTarget::Log, KeyOp::Add, &log_key(2), Some(&log_key(1))));
    items.extend(signed.batch(1, Some(&stream_key(1))));
    items.push(key_item(&KeyTarget::Log, KeyOp::Retire, &log_key(1), None));
    items.push(key_item(&stream_target(), KeyOp::Add, &stream_key(2), Some(&stream_key(1))));
    items.push(key_item(&stream_target(), KeyOp::Retire, &stream_key(1), None));
    items.extend(signed.batch(2, Some(&stream_key(2))));
    items.extend(free.batch(1, None));
    items.push(plain(19));
    items
}

pub(crate) fn stream_target() -> KeyTarget {
    KeyTarget::Stream(Name::new(SIGNED).unwrap())
}

pub(crate) fn plain(number: usize) -> Item {
    let event = format!(
        r#"{{"id":"e-{number}","actor":{{"type":"user","id":"p_{number}"}},"action":"invoice.update","data":{{"amount":[1.50,-2e3,true,null]}}}}"#
    );
    item("billing-api", "token", event)
}

pub(crate) fn opening(keys: &[String]) -> Item {
    let keys = keys.join("\",\"");
    own(format!(
        r#"{{"actor":{{"type":"service","id":"graven"}},"action":"graven.log","target":{{"type":"log","id":"main"}},"data":{{"origin":"{ORIGIN}","keys":["{keys}"],"public":false}}}}"#
    ))
}

pub(crate) fn own(event: String) -> Item {
    item("graven", "log", event)
}

/// A key entry; `voucher` signs for it.
pub(crate) fn key_item(
    target: &KeyTarget,
    op: KeyOp,
    key: &SigningKey,
    voucher: Option<&SigningKey>,
) -> Item {
    let vkey = key.verifier().to_string();
    let signature = voucher.map(|voucher| {
        let statement = key_statement(&origin(), target, op, &vkey);
        voucher.sign_note(&statement).unwrap().to_string()
    });
    key_item_of(target, op.as_str(), &vkey, signature.as_deref())
}

pub(crate) fn key_item_of(
    target: &KeyTarget,
    op: &str,
    vkey: &str,
    signature: Option<&str>,
) -> Item {
    let (kind, id) = match target {
        KeyTarget::Log => ("log", ORIGIN),
        KeyTarget::Stream(name) => ("stream", name.as_str()),
    };
    let signature = signature
        .map_or(String::new(), |line| format!(r#","signature":"{}""#, line.replace('\n', "\\n")));
    own(format!(
        r#"{{"actor":{{"type":"service","id":"graven"}},"action":"graven.key","target":{{"type":"{kind}","id":"{id}"}},"data":{{"op":"{op}","key":"{vkey}"{signature}}}}}"#
    ))
}

pub(crate) fn item(writer: &'static str, auth: &'static str, event: String) -> Item {
    Item {
        writer,
        auth,
        grade: Grade::Asserted,
        stream: None,
        event: event.into_bytes(),
        attestation: None,
        altered: Vec::new(),
    }
}

impl Producer {
    pub(crate) fn new(stream: &'static str) -> Producer {
        let head = chain_start(&origin(), &Name::new(stream).unwrap());
        Producer { stream, length: 0, head }
    }

    /// The next events, signed by `key` on the last one.
    pub(crate) fn batch(&mut self, count: u64, key: Option<&SigningKey>) -> Vec<Item> {
        let mut items = Vec::new();
        for _ in 0..count {
            let seq = self.length;
            let event = format!(r#"{{"actor":{{"id":"p_{seq}"}},"action":"a.b","n":{seq}}}"#);
            self.head = chain_next(&self.head, &event_hash(event.as_bytes()));
            self.length += 1;
            let mut item = item(self.stream, "mtls", event);
            item.stream = Some((self.stream, seq));
            if key.is_some() {
                item.grade = Grade::Signed;
            }
            items.push(item);
        }
        if let (Some(key), Some(last)) = (key, items.last_mut()) {
            last.attestation = Some(self.attest(key, &origin(), self.length));
        }
        items
    }

    /// An attestation of the chain as it is.
    pub(crate) fn attest(&self, key: &SigningKey, origin: &Name, length: u64) -> Vec<u8> {
        let stream = &Name::new(self.stream).unwrap();
        Attestation::sign(key, &Claim { origin, stream, length, head: &self.head }).unwrap()
    }
}

/// Numbers, stamps and chains the items; `forge` has the last word on every header.
pub(crate) fn assemble(items: &[Item], forge: impl Fn(&mut Header)) -> Vec<Vec<u8>> {
    let mut prev = EMPTY_ROOT;
    let mut entries = Vec::new();
    for (item, index) in items.iter().zip(0..) {
        let mut header = Header {
            origin: origin(),
            index: LeafIndex(index),
            time: Time::from_unix_ns(1_795_000_000_000_000_000 + index * 7_000_000_000).unwrap(),
            clock: if index % 5 == 4 { Clock::Unsynced } else { Clock::Synced },
            error_ns: (index % 3 != 2).then_some(812_000 + index),
            wall: None,
            prev,
            nonce: [index as u8; 16],
            writer: Name::new(item.writer).unwrap(),
            auth: AuthMethod::new(item.auth).unwrap(),
            grade: item.grade,
            stream: item.stream.map(|(name, _)| Name::new(name).unwrap()),
            seq: item.stream.map(|(_, seq)| seq),
            altered: item.altered.clone(),
        };
        forge(&mut header);
        let mut entry = Vec::new();
        header.write_to(&mut entry);
        entry.extend_from_slice(&item.event);
        entry.push(b'\n');
        entry.extend_from_slice(item.attestation.as_deref().unwrap_or_default());
        prev = leaf_hash(&entry);
        entries.push(entry);
    }
    entries
}

/// The entries, and their checkpoint by the log's second key.
pub(crate) fn log_of(items: &[Item]) -> Log {
    let entries = assemble(items, |_| {});
    let checkpoint = sign(&head_of(&entries, entries.len()), &[log_key(2)]);
    Log { entries, checkpoint }
}

pub(crate) fn log() -> Log {
    log_of(&items())
}

/// What the first `size` entries give.
pub(crate) fn head_of(entries: &[Vec<u8>], size: usize) -> Checkpoint {
    let mut frontier = Frontier::new();
    entries.iter().take(size).for_each(|entry| frontier.push(leaf_hash(entry)));
    Checkpoint::new(ORIGIN, frontier.size(), frontier.root()).unwrap()
}

pub(crate) fn sign(checkpoint: &Checkpoint, keys: &[SigningKey]) -> Vec<u8> {
    let text = checkpoint.to_text();
    let lines = keys.iter().map(|key| match key.algorithm() {
        Algorithm::Ed25519 => key.sign_note(&text).unwrap(),
        _ => key.cosign(&text, 1_795_000_000).unwrap(),
    });
    Note::new(text.clone(), lines.collect()).unwrap().to_string().into_bytes()
}

/// One entry with its header, for splits that need no log.
pub(crate) fn entry_of(item: &Item) -> Vec<u8> {
    assemble(std::slice::from_ref(item), |_| {}).remove(0)
}

pub(crate) fn options() -> VerifyOptions {
    VerifyOptions { policy: None }
}

/// Verifies a log as a caller would: the checkpoint's root stated, runs of `run_entries`.
pub(crate) fn verify(
    log: &Log,
    run_entries: usize,
    keys: &KeySource,
    prepare: impl Fn(&mut LogVerifier) -> Result<(), Fault>,
) -> Result<LogVerdict, Fault> {
    let mut verifier = LogVerifier::new(origin(), options());
    prepare(&mut verifier)?;
    push_all(&mut verifier, &log.entries, run_entries)?;
    verifier.finish(&log.checkpoint, keys)
}

/// Checks and joins the entries from where the verifier is.
pub(crate) fn push_all(
    verifier: &mut LogVerifier,
    entries: &[Vec<u8>],
    run_entries: usize,
) -> Result<(), Fault> {
    for run in entries[verifier.size().0 as usize..].chunks(run_entries) {
        let report = check_run(verifier.origin(), verifier.next_index(), run)?;
        verifier.push_run(report)?;
    }
    Ok(())
}

/// Verifies by the log's own keys, in one run, in short ones and entry by entry: each must end
/// alike. Only a wrong `prev` at the edge of a run may be told of the entry that holds it by its
/// successor instead.
pub(crate) fn check(what: &str, log: &Log, expected: Result<(), (FaultKind, Option<u64>)>) {
    for run_entries in [usize::MAX, 6, 3, 1] {
        let mut found = verify(log, run_entries, &KeySource::FromLog, |_| Ok(()));
        if let (Err(fault), Err((FaultKind::PrevMismatch, _))) = (&mut found, expected)
            && run_entries != usize::MAX
            && fault.kind == FaultKind::LeafMismatch
        {
            fault.kind = FaultKind::PrevMismatch;
        }
        check_result(&format!("{what}, runs of {run_entries}"), found, expected);
    }
}

pub(crate) fn check_result<T: std::fmt::Debug>(
    what: &str,
    found: Result<T, Fault>,
    expected: Result<(), (FaultKind, Option<u64>)>,
) {
    match (&found, expected) {
        (Ok(_), Ok(())) => {}
        (Err(fault), Err((kind, index)))
            if fault.kind == kind && fault.index == index.map(LeafIndex) => {}
        _ => panic!("{what}: expected {expected:?}, found {found:#?}"),
    }
}

impl NodeSource for Leaves {
    type Error = Infallible;

    fn node(&self, node: Node) -> Result<Hash, Infallible> {
        if node.level == 0 {
            return Ok(self.0[node.index as usize]);
        }
        let child = |index| self.node(Node { level: node.level - 1, index });
        Ok(node_hash(&child(2 * node.index)?, &child(2 * node.index + 1)?))
    }
}

impl Log {
    pub(crate) fn leaves(&self) -> Leaves {
        Leaves(self.entries.iter().map(|entry| leaf_hash(entry)).collect())
    }

    pub(crate) fn size(&self) -> TreeSize {
        TreeSize(self.entries.len() as u64)
    }
}

/// A built entry, to see that the shape of the tests' entries is what the log would write.
pub(crate) fn is_built_alike(item: &Item, header: &Header, entry: &[u8]) -> bool {
    let mut built = Vec::new();
    build_entry(&mut built, header, &item.event, item.attestation.as_deref()).unwrap();
    built == entry
}

/// Takes the last one off.
pub(crate) fn cut<T>(list: &mut Vec<T>) {
    list.truncate(list.len() - 1);
}
