//! The manifest: what is read is what was written, and nothing else is read.

use crate::manifest::{FileLine, Manifest, ManifestError};

fn manifest(ranges: &[(&str, u64, u64)]) -> Manifest {
    let mut manifest = Manifest::new("test.example/log");
    for (table, first, end) in ranges {
        manifest.head.covered = *end;
        manifest.files.push(FileLine {
            table: (*table).to_owned(),
            path: format!("{table}/{first}"),
            first: *first,
            end: *end,
            rows: end - first,
            size_bytes: 1,
            sha256: "00".to_owned(),
        });
    }
    manifest
}

#[test]
fn what_is_written_is_read() {
    let whole = [("events", 0, 8), ("changes", 0, 8), ("events", 8, 9), ("changes", 8, 9)];
    for manifest in [manifest(&[]), manifest(&whole)] {
        assert_eq!(Manifest::decode(&manifest.encode()), Ok(manifest));
    }
}

#[test]
fn every_bit_counts() {
    let bytes = manifest(&[("events", 0, 8), ("changes", 0, 8)]).encode();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 0x80 >> (bit % 8);
        assert!(Manifest::decode(&changed).is_err(), "bit {bit}");
    }
    for end in 0..bytes.len() {
        assert!(Manifest::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn files_follow_each_other() {
    let check = |ranges: &[(&str, u64, u64)]| {
        let decoded = Manifest::decode(&manifest(ranges).encode());
        assert_eq!(decoded, Err(ManifestError::Order), "{ranges:?}");
    };
    check(&[("events", 0, 8)]);
    check(&[("events", 1, 8), ("changes", 0, 8)]);
    check(&[("changes", 0, 8), ("events", 0, 7), ("events", 8, 8)]);
    check(&[("changes", 0, 8), ("events", 0, 6), ("events", 5, 8)]);
}
