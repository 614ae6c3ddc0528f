//! A segment of the search index: its columns, kept open.

use std::sync::Arc;

use tantivy::columnar::{Cardinality, Column, ColumnarReader, StrColumn};
use tantivy::index::{SegmentComponent, SegmentId};
use tantivy::{DocId, SegmentReader};

use crate::blocks::Blocks;
use crate::schema::{Facet, INDEX, MARKS, RECEIVED, TIME};

/// The columns of a segment that are kept open.
pub(crate) struct Segment {
    pub(crate) id: SegmentId,
    pub(crate) docs: u32,
    pub(crate) index: Column<u64>,
    /// The entry of the first document, where each document behind it is the entry before.
    newest: Option<u64>,
    pub(crate) time: Column<u64>,
    pub(crate) times: Arc<Blocks<u64>>,
    pub(crate) received: Column<u64>,
    pub(crate) columns: ColumnarReader,
    facets: Vec<Option<StrColumn>>,
    marks: Option<StrColumn>,
}

impl Segment {
    /// Opens all that searches need of it.
    pub(crate) fn open(reader: &SegmentReader) -> tantivy::Result<Segment> {
        let fast = reader.fast_fields();
        let facets = Facet::ALL.map(|facet| fast.str(&facet.column()));
        let (index, time) = (fast.u64(INDEX)?, fast.u64(TIME)?);
        Ok(Segment {
            id: reader.segment_id(),
            docs: reader.max_doc(),
            newest: newest_of_run(&index, reader.max_doc()),
            index,
            times: Arc::new(Blocks::of(&time)),
            time,
            received: fast.u64(RECEIVED)?,
            columns: ColumnarReader::open(reader.open_read(SegmentComponent::FastFields)?)?,
            facets: facets.into_iter().collect::<tantivy::Result<_>>()?,
            marks: fast.str(MARKS)?,
        })
    }

    /// Whether it has every entry between its newest and its oldest.
    #[cfg(test)]
    pub(crate) fn is_run(&self) -> bool {
        self.newest.is_some()
    }

    /// Adds the entries of documents to `found`.
    pub(crate) fn push_indexes(&self, docs: &[DocId], found: &mut Vec<u64>) {
        if let Some(newest) = self.newest {
            found.extend(docs.iter().map(|doc| newest - u64::from(*doc)));
            return;
        }
        let mut indexes = vec![None; docs.len()];
        self.index.first_vals(docs, &mut indexes);
        found.extend(indexes.into_iter().flatten());
    }

    pub(crate) fn facet(&self, facet: Facet) -> Option<&StrColumn> {
        self.facets.get(facet as usize)?.as_ref()
    }

    pub(crate) fn marks(&self) -> Option<&StrColumn> {
        self.marks.as_ref()
    }

    /// The first document whose value is below `end`, in a column that falls from document to document.
    pub(crate) fn first_below(&self, column: &Column<u64>, end: u64) -> u32 {
        if column.max_value() < end {
            return 0;
        }
        let (mut low, mut high) = (0, self.docs);
        while low < high {
            let middle = low + (high - low) / 2;
            if column.first(middle).is_some_and(|value| value >= end) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// The newest entry of a segment that has every entry from there down to its oldest: its documents, of which each entry is one, fall
/// by one then, and their column need not be read. A merge of segments that are not neighbours leaves gaps.
fn newest_of_run(index: &Column<u64>, docs: u32) -> Option<u64> {
    let (oldest, newest) = (index.min_value(), index.max_value());
    let is_run = docs > 0 && newest.checked_sub(oldest) == Some(u64::from(docs) - 1);
    (is_run && index.get_cardinality() == Cardinality::Full).then_some(newest)
}
