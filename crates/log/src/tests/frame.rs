//! The frame's body: what goes in comes out, and no other bytes decode.

use super::first_entries;
use crate::frame::{BodyWriter, FooterCheckpoint, FooterLog, Record, SidecarKind, decode};
use crate::identity::Identity;
use crate::nonce::NonceSeed;
use append::StreamHead;
use graven_merkle::{Hash, TreeSize, leaf_hash};
use store::FrameBuf;

fn made_body() -> (FrameBuf, Vec<Vec<u8>>) {
    let entries = first_entries(3);
    let mut writer = BodyWriter::new(FrameBuf::new());
    writer.begin_run(0, 0, 2);
    for entry in &entries[..2] {
        writer.push_entry(entry, &leaf_hash(entry));
    }
    writer.push_identity(&Identity { key: [1; 16], received: [2; 16], index: 1 });
    writer.push_sidecar(0, 1, SidecarKind::Blob, b"a blob");
    let head = StreamHead { next_seq: 9, head: leaf_hash(b"h"), cursor: Some("at 7".into()) };
    writer.push_stream(0, "s/1", &head);
    writer.begin_run(1, 5, 1);
    writer.push_entry(&entries[2], &leaf_hash(b"x"));
    (writer.finish(&footer_logs(), &checkpoints()), entries)
}

fn footer_logs() -> Vec<FooterLog> {
    let log = |name: &str, before, after| FooterLog {
        name: name.to_owned(),
        size_before: TreeSize(before),
        size_after: TreeSize(after),
        root_after: leaf_hash(name.as_bytes()),
        seeds: vec![(before, NonceSeed([after as u8; 16]))],
    };
    vec![log("main", 0, 2), log("other", 5, 6)]
}

fn checkpoints() -> Vec<FooterCheckpoint> {
    let note = "a note\n".to_owned();
    vec![FooterCheckpoint { name: "main".to_owned(), size: TreeSize(2), note }]
}

#[test]
fn a_body_comes_back() {
    let (buf, entries) = made_body();
    let body = decode(buf.body()).expect("decodes");
    assert_eq!(body.logs, footer_logs());
    assert_eq!(body.checkpoints, checkpoints());
    assert_eq!(body.records.len(), 5);
    let Record::Run(run) = &body.records[0] else { panic!("a run first") };
    assert_eq!((run.log_no, run.first, run.entries.len()), (0, 0, 2));
    for (entry, expected) in run.entries.iter().zip(&entries) {
        assert_eq!(entry.bytes, expected);
        assert_eq!(&buf.body()[entry.offset..entry.offset + entry.bytes.len()], expected);
        assert_eq!(entry.intake, leaf_hash(expected));
    }
    let sidecar = &body.records[2];
    let is_blob = matches!(sidecar, Record::Sidecar { index: 1, kind: SidecarKind::Blob, bytes, .. } if *bytes == b"a blob");
    assert!(is_blob, "{sidecar:?}");
    let Record::Stream { name, head, .. } = &body.records[3] else { panic!("a stream") };
    assert_eq!((*name, head.next_seq, head.cursor.as_deref()), ("s/1", 9, Some("at 7")));
}

#[test]
fn a_cut_or_longer_body_is_refused() {
    let (buf, _) = made_body();
    for end in 0..buf.len() {
        assert!(decode(&buf.body()[..end]).is_err(), "cut at {end}");
    }
    let mut longer = buf.body().to_vec();
    longer.push(0);
    assert!(decode(&longer).is_err());
}

/// A cursor is there with its text or absent without one: no third way to write it.
#[test]
fn a_cursor_has_one_spelling() {
    let (buf, _) = made_body();
    let text = buf.body().windows(4).position(|window| window == b"at 7").expect("the cursor");
    for flag in [0, 2, 0xff] {
        let mut bytes = buf.body().to_vec();
        bytes[text - 5] = flag;
        assert!(decode(&bytes).is_err(), "flag {flag}");
    }
}

#[test]
fn random_bytes_never_panic() {
    let (buf, _) = made_body();
    let random = env::SimRandom::new(42);
    for round in 0..50_000 {
        let mut bytes = buf.body().to_vec();
        for _ in 0..=random.next_u64() % 4 {
            let place = random.next_u64() as usize % bytes.len();
            bytes[place] = random.next_u64() as u8;
        }
        if let Ok(body) = decode(&bytes) {
            assert!(body.records.len() <= bytes.len(), "seed 42, round {round}");
        }
    }
    let _: Hash = leaf_hash(b"");
}
