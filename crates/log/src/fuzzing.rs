//! The parsers of this crate for the fuzz targets: each panics where what is accepted does not print back.

use crate::bundle::{self, Encoder, Entries};
use crate::frame::{self, BodyWriter, FooterCheckpoint, FooterLog, Record, SidecarKind};
use crate::guard::{self, GuardHeads};
use crate::identity::Identity;
use crate::meta::Meta;
use crate::nonce::{NonceMaker, NonceSeed};
use crate::part::PartHeader;
use crate::state::{self, LogState};
use crate::vault;
use append::StreamHead;
use graven_entry::{LogName, Name};
use graven_merkle::{EMPTY_ROOT, Hash, LeafIndex, TreeSize, leaf_hash};
use store::FrameBuf;

const SEED: NonceSeed = NonceSeed([7; 16]);

/// A frame's body: every byte of it is accounted for.
pub fn frame_body(bytes: &[u8]) -> bool {
    let Ok(body) = frame::decode(bytes) else { return false };
    let mut writer = BodyWriter::new(FrameBuf::new());
    for record in &body.records {
        write_record(&mut writer, record);
    }
    assert_eq!(writer.finish(&body.logs, &body.checkpoints).body(), bytes);
    true
}

fn write_record(writer: &mut BodyWriter, record: &Record<'_>) {
    match record {
        Record::Run(run) => {
            writer.begin_run(run.log_no, run.first, run.entries.len() as u32);
            for entry in &run.entries {
                assert_eq!(writer.push_entry(entry.bytes, &entry.intake), entry.offset);
            }
        }
        Record::Sidecar { log_no, index, kind, offset, bytes } => {
            assert_eq!(writer.push_sidecar(*log_no, *index, *kind, bytes), *offset);
        }
        Record::Identity(identity) => writer.push_identity(identity),
        Record::Chain { log_no, index, chain } => writer.push_chain(*log_no, *index, chain),
        Record::Stream { log_no, name, head } => writer.push_stream(*log_no, name, head),
    }
}

/// Bodies with every kind of record, made of these entries.
pub fn frame_bodies(entries: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let hash = Hash::new([9; 32]);
    let mut writer = BodyWriter::new(FrameBuf::new());
    writer.begin_run(0, 0, entries.len() as u32);
    for entry in entries {
        writer.push_entry(entry, &hash);
    }
    writer.push_sidecar(0, 1, SidecarKind::Blob, b"a blob");
    writer.push_identity(&Identity { key: [1; 16], received: [2; 16], index: 1 });
    writer.push_chain(0, 1, &hash);
    writer.push_stream(0, "s/1", &stream_head());
    let log = FooterLog {
        name: "main".to_owned(),
        size_before: TreeSize(0),
        size_after: TreeSize(entries.len() as u64),
        root_after: hash,
        seeds: vec![(0, SEED)],
    };
    let note = "a note\n".to_owned();
    let checkpoint = FooterCheckpoint { name: "main".to_owned(), size: TreeSize(1), note };
    let empty = BodyWriter::new(FrameBuf::new()).finish(&[], &[]);
    vec![writer.finish(&[log], &[checkpoint]).body().to_vec(), empty.body().to_vec()]
}

fn stream_head() -> StreamHead {
    StreamHead { next_seq: 9, head: Hash::new([3; 32]), cursor: Some("at 7".to_owned()) }
}

/// A stored bundle, given before its compression, and as if it were compressed already.
pub fn stored_bundle(bytes: &[u8]) -> bool {
    let nonces = NonceMaker::new(SEED);
    drop(bundle::decode(LeafIndex(0), bytes, &nonces));
    let stored = zstd::bulk::compress(bytes, 1).expect("memory takes it");
    let Ok(entries) = bundle::decode(LeafIndex(0), &stored, &nonces) else { return false };
    // The first entry's `prev` is part of the bundle; any other gives the same entries back too.
    let again = encode(&entries);
    assert_eq!(bundle::decode(LeafIndex(0), &again, &nonces).ok(), Some(entries));
    true
}

/// The bundle of these entries before its compression, and after.
pub fn stored_bundles(entries: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut bundle = Entries::default();
    for entry in entries {
        bundle.mark(Hash::new([5; 32]));
        bundle.push(entry, leaf_hash(entry), crc32c::crc32c(entry));
    }
    let stored = encode(&bundle);
    let plain = zstd::bulk::decompress(&stored, 1 << 24).expect("it was just compressed");
    vec![plain, stored]
}

fn encode(entries: &Entries) -> Vec<u8> {
    let mut encoder = Encoder::new(NonceMaker::new(SEED)).expect("memory takes it");
    bundle::encode(LeafIndex(0), &EMPTY_ROOT, entries, &mut encoder).expect("memory takes it")
}

/// A log's state.
pub fn log_state(bytes: &[u8]) -> bool {
    let Ok(state) = state::decode(bytes) else { return false };
    assert_eq!(state::encode(&state), bytes);
    true
}

/// States of a new log and of one with these leaves and a stream.
pub fn log_states(leaves: &[Hash]) -> Vec<Vec<u8>> {
    let mut state =
        LogState { last_leaf: leaves.last().copied(), last_time_ns: 7, ..LogState::default() };
    for leaf in leaves {
        state.skeleton.push(*leaf);
    }
    state.seeds.insert(0, SEED);
    let origin = Name::origin("a.example/b").expect("it is an origin");
    state.stream_mut(&origin, "s/1").head = stream_head();
    state.checkpoint = Some("a note\n".to_owned());
    vec![state::encode(&state), state::encode(&LogState::default())]
}

/// A part's header, a log's meta file, a guard file, a vault object: as the first byte says.
pub fn small_file(bytes: &[u8]) -> bool {
    let Some((which, bytes)) = bytes.split_first() else { return false };
    let again = match which % 4 {
        0 => PartHeader::decode(bytes).ok().map(|header| header.encode()),
        1 => text(bytes).and_then(Meta::parse).map(|meta| meta.to_text().into_bytes()),
        2 => text(bytes)
            .and_then(|text| guard::parse(text).ok())
            .map(|heads| guard::format(&heads).into_bytes()),
        _ => vault::decode(bytes).ok().map(|sidecars| vault::encode_again(&sidecars)),
    };
    again.is_some_and(|again| {
        assert_eq!(again, bytes);
        true
    })
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// One of each that is accepted.
pub fn small_files() -> Vec<Vec<u8>> {
    let header = PartHeader {
        origin: "a.example/b".to_owned(),
        seed: SEED,
        checkpoint: Some("a note\n".to_owned()),
    };
    let meta = Meta {
        name: LogName::new("main").expect("it is a name"),
        origin: Name::origin("a.example/b").expect("it is an origin"),
        public: true,
        opening: "{}".to_owned(),
    };
    let heads = GuardHeads::from([("a.example/b".to_owned(), (TreeSize(7), Hash::new([1; 32])))]);
    let sidecars =
        [(7, SidecarKind::Disclosure, b"{}".as_slice()), (8, SidecarKind::Blob, b"a blob")];
    [
        header.encode(),
        meta.to_text().into_bytes(),
        guard::format(&heads).into_bytes(),
        vault::encode((7, 9), sidecars.into_iter()).swap_remove(0).1,
    ]
    .into_iter()
    .zip(0..)
    .map(|(bytes, which)| [vec![which], bytes].concat())
    .collect()
}
