//! Documents wait for the engine in a bounded number, and each gives its place back.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use tantivy::{Index, IndexWriter, TantivyDocument};

use super::source::PATIENCE;
use crate::queue::{Queue, Queued};
use crate::schema::{WORDS, Words, schema};

const NO_TIME: Duration = Duration::ZERO;

/// So many documents go through so many places to one who takes them as they come.
#[track_caller]
fn check(documents: usize, places: usize) {
    let queue = Queue::new(places);
    let (sender, receiver) = channel();
    let seen = Arc::clone(&queue);
    let taker = thread::spawn(move || {
        while seen.len() < places.min(documents) {
            thread::yield_now();
        }
        receiver.into_iter().map(drop::<Queued>).count()
    });
    for _ in 0..documents {
        sender.send(queue.enter(TantivyDocument::new(), PATIENCE)).unwrap();
        assert!(queue.len() <= places, "no more wait than there are places");
    }
    drop(sender);
    assert_eq!(taker.join().unwrap(), documents);
    assert_eq!(queue.len(), 0, "each gave its place back");
}

#[test]
fn no_more_documents_wait_than_there_are_places() {
    check(1, 4);
    check(4, 4);
    check(5_000, 4);
    check(100, 1);
}

#[test]
fn a_document_whose_wait_is_over_enters_all_the_same() {
    let queue = Queue::new(1);
    let first = queue.enter(TantivyDocument::new(), NO_TIME);
    let second = queue.enter(TantivyDocument::new(), NO_TIME);
    assert_eq!(queue.len(), 2);
    drop((first, second));
    assert_eq!(queue.len(), 0);
}

/// The engine takes what it is given, or lets go of it when it is dropped itself; both give places back.
#[test]
fn the_engine_gives_places_back() {
    let (schema, fields) = schema();
    let index = Index::create_in_ram(schema);
    index.tokenizers().register(WORDS, Words);
    let queue = Queue::new(8);
    let mut writer: IndexWriter<Queued> = index.writer_with_num_threads(1, 15_000_000).unwrap();
    let give = |writer: &IndexWriter<Queued>| {
        for number in 0..100 {
            let mut document = TantivyDocument::new();
            for field in [fields.index, fields.time, fields.received] {
                document.add_u64(field, number);
            }
            writer.add_document(queue.enter(document, PATIENCE)).unwrap();
        }
    };
    give(&writer);
    writer.commit().unwrap();
    assert_eq!(queue.len(), 0, "all are taken");
    assert_eq!(index.reader().unwrap().searcher().num_docs(), 100);
    give(&writer);
    drop(writer);
    assert_eq!(queue.len(), 0, "those that are not committed are let go of");
}
