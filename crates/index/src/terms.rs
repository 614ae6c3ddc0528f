//! Documents that have one of a few terms.
//!
//! The engine's own query of a term makes ready to score by it in each segment, which for the newest hundred takes as long as finding
//! them; nothing here has a score.

use tantivy::postings::TermInfo;
use tantivy::query::{
    AllScorer, BooleanQuery, ConstScorer, EmptyQuery, EmptyScorer, EnableScoring, Explanation,
    Query, Scorer, TermQuery, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, InvertedIndexReader, Score, SegmentReader, Term};

/// Any of these terms of one field.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    field: Field,
    terms: Vec<Term>,
}

/// What a segment has of them.
enum Found {
    None,
    One(TermInfo),
    Many,
}

impl Terms {
    pub(crate) fn new(field: Field, keys: impl Iterator<Item = String>) -> Terms {
        let terms = keys.map(|key| Term::from_field_text(field, &key)).collect();
        Terms { field, terms }
    }

    fn find(&self, index: &InvertedIndexReader) -> tantivy::Result<Found> {
        let mut found = Found::None;
        for term in &self.terms {
            found = match (index.get_term_info(term)?, found) {
                (None, found) => found,
                (Some(info), Found::None) => Found::One(info),
                _ => return Ok(Found::Many),
            };
        }
        Ok(found)
    }

    /// Adds a segment's first documents to `docs`, until it holds `count`; not where the segment has more than one of the terms, which
    /// is said by `false`. As they lie, a block at a time: nothing stands between the list and who reads it.
    pub(crate) fn first(
        &self,
        reader: &SegmentReader,
        count: usize,
        docs: &mut Vec<DocId>,
    ) -> tantivy::Result<bool> {
        let index = reader.inverted_index(self.field)?;
        let info = match self.find(&index)? {
            Found::None => return Ok(true),
            Found::One(info) => info,
            Found::Many => return Ok(false),
        };
        let mut blocks =
            index.read_block_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
        while docs.len() < count && !blocks.docs().is_empty() {
            docs.extend(blocks.docs().iter().take(count - docs.len()));
            blocks.advance();
        }
        Ok(true)
    }

    /// The same as queries of the engine.
    pub(crate) fn of_engine(&self) -> Box<dyn Query> {
        let each = self.terms.iter().map(|term| -> Box<dyn Query> {
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
        let index = reader.inverted_index(self.field)?;
        Ok(match self.find(&index)? {
            Found::None => Box::new(EmptyScorer),
            Found::One(info) if info.doc_freq == reader.max_doc() => {
                Box::new(AllScorer::new(reader.max_doc()))
            }
            Found::One(info) => {
                let docs = index.read_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
                Box::new(ConstScorer::new(docs, boost))
            }
            Found::Many => self.union(reader, boost)?,
        })
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("a term, which has no score", 1.0))
    }

    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        // Nothing is ever deleted.
        Ok(match self.find(&*reader.inverted_index(self.field)?)? {
            Found::None => 0,
            Found::One(info) => info.doc_freq,
            Found::Many => self.union(reader, 1.0)?.count_including_deleted(),
        })
    }
}
