//! A query that is to be left out of another.
//!
//! tantivy 0.27 moves what it excludes by `seek_danger`, and an intersection with a phrase in it then calls its phrase with a
//! document that lies behind: an assertion fails in debug builds. Behind this, what is excluded is moved by `seek` alone.

use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader};

/// The same documents, without `seek_danger` of their own.
#[derive(Debug)]
pub(crate) struct Steady<T>(pub(crate) T);

impl Clone for Steady<Box<dyn Query>> {
    fn clone(&self) -> Self {
        Steady(self.0.box_clone())
    }
}

impl Query for Steady<Box<dyn Query>> {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(Steady(self.0.weight(scoring)?)))
    }
}

impl Weight for Steady<Box<dyn Weight>> {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(Box::new(Steady(self.0.scorer(reader, boost)?)))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        self.0.explain(reader, doc)
    }
}

impl DocSet for Steady<Box<dyn Scorer>> {
    fn advance(&mut self) -> DocId {
        self.0.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.0.seek(target)
    }

    fn doc(&self) -> DocId {
        self.0.doc()
    }

    fn size_hint(&self) -> u32 {
        self.0.size_hint()
    }
}

impl Scorer for Steady<Box<dyn Scorer>> {
    fn score(&mut self) -> Score {
        self.0.score()
    }
}
