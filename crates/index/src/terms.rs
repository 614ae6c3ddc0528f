//! Documents that have one of a few terms.
//!
//! The engine's own query of a term makes ready to score by it in each segment, which for the newest hundred takes as long as finding
//! them; nothing here has a score.

use std::io;
use std::sync::Arc;

use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::query::{
    AllScorer, BooleanQuery, ConstScorer, EmptyQuery, EmptyScorer, EnableScoring, Explanation,
    Query, Scorer, TermQuery, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, InvertedIndexReader, Score, SegmentReader, Term};

/// Any of these terms.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms(Vec<Term>);

/// What a segment has of them.
pub(crate) enum List {
    None,
    One(One),
    /// Of more than one term, so that they do not lie in order.
    Many,
}

/// The documents of one term in a segment.
pub(crate) struct One {
    index: Arc<InvertedIndexReader>,
    info: TermInfo,
}

impl One {
    /// How many they are.
    pub(crate) fn count(&self) -> u32 {
        self.info.doc_freq
    }

    /// As they lie, a block of 128 at a time: nothing stands between the list and who reads it.
    pub(crate) fn blocks(&self) -> io::Result<BlockSegmentPostings> {
        self.index.read_block_postings_from_terminfo(&self.info, IndexRecordOption::Basic)
    }
}

impl Terms {
    pub(crate) fn of(field: Field, keys: impl IntoIterator<Item = impl AsRef<str>>) -> Terms {
        let terms = keys.into_iter().map(|key| Term::from_field_text(field, key.as_ref()));
        Terms(terms.collect())
    }

    /// Any of these or of those.
    pub(crate) fn or(mut self, mut those: Terms) -> Terms {
        self.0.append(&mut those.0);
        self
    }

    pub(crate) fn list(&self, reader: &SegmentReader) -> tantivy::Result<List> {
        let mut list = List::None;
        let mut last: Option<(Field, Arc<InvertedIndexReader>)> = None;
        for term in &self.0 {
            let index = match last {
                Some((field, index)) if field == term.field() => index,
                _ => reader.inverted_index(term.field())?,
            };
            list = match (index.get_term_info(term)?, list) {
                (None, list) => list,
                (Some(info), List::None) => List::One(One { index: Arc::clone(&index), info }),
                _ => return Ok(List::Many),
            };
            last = Some((term.field(), index));
        }
        Ok(list)
    }

    /// Adds a segment's first documents to `docs`, until it holds `count`; not where the segment has more than one of the terms, which
    /// is said by `false`.
    pub(crate) fn first(
        &self,
        reader: &SegmentReader,
        count: usize,
        docs: &mut Vec<DocId>,
    ) -> tantivy::Result<bool> {
        let one = match self.list(reader)? {
            List::None => return Ok(true),
            List::One(one) => one,
            List::Many => return Ok(false),
        };
        let mut blocks = one.blocks()?;
        while docs.len() < count && !blocks.docs().is_empty() {
            docs.extend(blocks.docs().iter().take(count - docs.len()));
            blocks.advance();
        }
        Ok(true)
    }

    /// The same as queries of the engine.
    pub(crate) fn of_engine(&self) -> Box<dyn Query> {
        let each = self.0.iter().map(|term| -> Box<dyn Query> {
            Box::new(TermQuery::new(term.clone(), IndexRecordOption::Basic))
        });
        let mut each: Vec<_> = each.collect();
        if each.len() > 1 {
            return Box::new(BooleanQuery::union(each));
        }
        each.pop().unwrap_or_else(|| Box::new(EmptyQuery))
    }

    fn union(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let scoring = EnableScoring::disabled_from_schema(reader.schema());
        self.of_engine().weight(scoring)?.scorer(reader, boost)
    }
}

impl Query for Terms {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for Terms {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(match self.list(reader)? {
            List::None => Box::new(EmptyScorer),
            List::One(one) if one.count() == reader.max_doc() => {
                Box::new(AllScorer::new(reader.max_doc()))
            }
            List::One(One { index, info }) => {
                let docs = index.read_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
                Box::new(ConstScorer::new(docs, boost))
            }
            List::Many => self.union(reader, boost)?,
        })
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("a term, which has no score", 1.0))
    }

    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        // Nothing is ever deleted.
        Ok(match self.list(reader)? {
            List::None => 0,
            List::One(one) => one.count(),
            List::Many => self.union(reader, 1.0)?.count_including_deleted(),
        })
    }
}
