//! A segment of the search index: its columns, kept open.

use std::sync::Arc;

use tantivy::SegmentReader;
use tantivy::columnar::{Column, ColumnarReader, StrColumn};
use tantivy::index::{SegmentComponent, SegmentId};

use crate::blocks::Blocks;
use crate::schema::{Facet, INDEX, MARKS, RECEIVED, TIME};

/// The columns of a segment that are kept open.
pub(crate) struct Segment {
    pub(crate) id: SegmentId,
    pub(crate) docs: u32,
    pub(crate) index: Column<u64>,
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
        let time = fast.u64(TIME)?;
        Ok(Segment {
            id: reader.segment_id(),
            docs: reader.max_doc(),
            index: fast.u64(INDEX)?,
            times: Arc::new(Blocks::of(&time)),
            time,
            received: fast.u64(RECEIVED)?,
            columns: ColumnarReader::open(reader.open_read(SegmentComponent::FastFields)?)?,
            facets: facets.into_iter().collect::<tantivy::Result<_>>()?,
            marks: fast.str(MARKS)?,
        })
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
