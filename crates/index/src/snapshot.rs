//! What a search sees of an index: the segments of one moment.

use std::collections::HashMap;
use std::sync::Arc;

use graven_merkle::TreeSize;
use tantivy::index::SegmentId;
use tantivy::{IndexReader, Searcher};

use crate::count::Wholes;
use crate::schema::{self, Fields};
use crate::segment::Segment;

/// What a search sees: documents and the cursor that was committed with them.
pub(crate) struct Snapshot {
    pub(crate) searcher: Searcher,
    pub(crate) fields: Fields,
    pub(crate) through: TreeSize,
    /// By place in the searcher.
    pub(crate) segments: Vec<Arc<Segment>>,
    /// The same, as queries of the engine find them.
    pub(crate) by_id: Arc<HashMap<SegmentId, Arc<Segment>>>,
    /// Places of the segments, that with the newest entry first.
    pub(crate) newest_first: Vec<usize>,
    pub(crate) wholes: Arc<Wholes>,
}

/// Columns of segments that were open before stay open, and what they add up to stays known.
pub(crate) fn take_snapshot(
    reader: &IndexReader,
    through: TreeSize,
    before: Option<&Snapshot>,
) -> tantivy::Result<Snapshot> {
    let searcher = reader.searcher();
    let known = before.iter().flat_map(|before| &before.segments);
    let known: HashMap<SegmentId, &Arc<Segment>> =
        known.map(|segment| (segment.id, segment)).collect();
    let segments = searcher.segment_readers().iter().map(|reader| {
        let open = || Segment::open(reader).map(Arc::new);
        known.get(&reader.segment_id()).map_or_else(open, |segment| Ok(Arc::clone(segment)))
    });
    let segments = segments.collect::<tantivy::Result<Vec<Arc<Segment>>>>()?;
    let by_id = segments.iter().map(|segment| (segment.id, Arc::clone(segment))).collect();
    let mut newest_first: Vec<usize> = (0..segments.len()).collect();
    newest_first.sort_by_key(|place| std::cmp::Reverse(segments[*place].index.max_value()));
    let wholes =
        before.map_or_else(|| Arc::new(Wholes::new()), |before| Arc::clone(&before.wholes));
    Ok(Snapshot {
        searcher,
        fields: schema::schema().1,
        through,
        segments,
        by_id: Arc::new(by_id),
        newest_first,
        wholes,
    })
}
