//! Which entries a segment's documents are, whether or not it has every one between its newest and its oldest.

use tantivy::{Index, TantivyDocument};

use crate::schema::{WORDS, Words, schema};
use crate::segment::Segment;

/// A segment of these entries, newest first, tells them again, and knows whether it is a run of them.
#[track_caller]
fn check(entries: &[u64], is_run: bool) {
    let (schema, fields) = schema();
    let index = Index::create_in_ram(schema);
    index.tokenizers().register(WORDS, Words);
    let mut writer = index.writer_with_num_threads(1, 15_000_000).unwrap();
    for entry in entries {
        let mut document = TantivyDocument::new();
        for field in [fields.index, fields.time, fields.received] {
            document.add_u64(field, *entry);
        }
        writer.add_document(document).unwrap();
    }
    writer.commit().unwrap();
    let searcher = index.reader().unwrap().searcher();
    let [reader] = searcher.segment_readers() else {
        panic!("one commit of a thread is a segment")
    };
    let segment = Segment::open(reader).unwrap();
    assert_eq!(segment.is_run(), is_run, "{entries:?}");
    let docs: Vec<u32> = (0..reader.max_doc()).collect();
    let mut found = vec![u64::MAX];
    segment.push_indexes(&docs, &mut found);
    assert_eq!(found[1..], *entries, "what was found before stays, these come behind it");
    assert_eq!(found[0], u64::MAX);
}

#[test]
fn a_segment_tells_its_entries() {
    check(&[9, 8, 7, 6, 5], true);
    check(&[3, 2, 1, 0], true);
    check(&[0], true);
    // Two commits were merged, and one between them was not.
    check(&[12, 11, 10, 5, 4], false);
    check(&[7, 0], false);
}
