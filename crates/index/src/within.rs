//! Ranges of columns as queries of the engine.

use std::collections::HashMap;
use std::fmt;
use std::ops::{Bound, RangeInclusive};
use std::sync::Arc;

use tantivy::columnar::{Column, DynamicColumn, NumericalType};
use tantivy::index::SegmentId;
use tantivy::query::{ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError};

use crate::blocks::Blocks;
use crate::schema::{COLUMNS, address_text};
use crate::segment::Segment;

/// Documents of a column that are looked at before the first answer, and after each seek; doubled while none is found.
const FETCH_DOCS_MIN: u32 = 256;
/// The most that are looked at in one go.
const FETCH_DOCS_MAX: u32 = 65_536;

/// Documents one of whose values lies in a range.
#[derive(Clone)]
pub(crate) struct Within {
    pub(crate) range: Range,
    pub(crate) segments: Arc<HashMap<SegmentId, Arc<Segment>>>,
}

/// Of which column, and from where to where; both ends included.
#[derive(Clone, Debug)]
pub(crate) enum Range {
    Index(RangeInclusive<u64>),
    Received(RangeInclusive<u64>),
    Time(RangeInclusive<u64>),
    Number(String, RangeInclusive<f64>),
    Moment(String, RangeInclusive<i64>),
    Address(String, RangeInclusive<u128>),
}

impl fmt::Debug for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.range.fmt(f)
    }
}

impl Query for Within {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for Within {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let missing = || TantivyError::SystemError("a segment without columns".to_owned());
        let segment = self.segments.get(&reader.segment_id()).ok_or_else(missing)?;
        Ok(match &self.range {
            Range::Index(range) => scored(run(segment, &segment.index, range), boost),
            Range::Received(range) => scored(run(segment, &segment.received, range), boost),
            Range::Time(range) => {
                scan((segment.time.clone(), Arc::clone(&segment.times)), range.clone(), boost)
            }
            Range::Number(name, range) => {
                match open(segment, name)?.and_then(|c| c.coerce_numerical(NumericalType::F64)) {
                    Some(DynamicColumn::F64(column)) => scan(unknown(column), range.clone(), boost),
                    _ => Box::new(EmptyScorer),
                }
            }
            Range::Moment(name, range) => {
                match open(segment, name)?.and_then(|c| c.coerce_numerical(NumericalType::I64)) {
                    Some(DynamicColumn::I64(column)) => scan(unknown(column), range.clone(), boost),
                    _ => Box::new(EmptyScorer),
                }
            }
            Range::Address(name, range) => match open(segment, name)? {
                Some(DynamicColumn::Str(column)) => {
                    let (from, to) = (address_text(*range.start()), address_text(*range.end()));
                    let (names, ords) = column.into_parts();
                    let bounds = (Bound::Included(from), Bound::Included(to));
                    let (first, end) = match names.term_bounds_to_ord(bounds.0, bounds.1)? {
                        (Bound::Included(first), Bound::Included(last)) => {
                            (first, last.saturating_add(1))
                        }
                        (Bound::Included(first), Bound::Excluded(end)) => (first, end),
                        _ => return Ok(Box::new(EmptyScorer)),
                    };
                    let end = end.min(names.num_terms() as u64);
                    if first >= end {
                        return Ok(Box::new(EmptyScorer));
                    }
                    scan(unknown(ords), first..=end - 1, boost)
                }
                _ => Box::new(EmptyScorer),
            },
        })
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("a range, which has no score", 1.0))
    }
}

fn open(segment: &Segment, name: &str) -> std::io::Result<Option<DynamicColumn>> {
    let handles = segment.columns.read_columns(&format!("{COLUMNS}\u{1}{name}"))?;
    handles.first().map(tantivy::columnar::DynamicColumnHandle::open).transpose()
}

fn scored(docs: impl DocSet + 'static, boost: Score) -> Box<dyn Scorer> {
    Box::new(ConstScorer::new(docs, boost))
}

/// A column of whose blocks nothing is known.
pub(crate) fn unknown<T: PartialOrd + Copy>(column: Column<T>) -> (Column<T>, Arc<Blocks<T>>) {
    (column, Arc::new(Blocks::unknown()))
}

pub(crate) fn scan<T: PartialOrd + Copy + fmt::Debug + Send + Sync + 'static>(
    (column, blocks): (Column<T>, Arc<Blocks<T>>),
    range: RangeInclusive<T>,
    boost: Score,
) -> Box<dyn Scorer> {
    if range.start() > range.end()
        || column.min_value() > *range.end()
        || column.max_value() < *range.start()
    {
        return Box::new(EmptyScorer);
    }
    let end = column.num_docs();
    let step = FETCH_DOCS_MIN;
    let mut scan = Scan { column, blocks, range, found: Vec::new(), place: 0, next: 0, end, step };
    scan.fetch();
    scored(scan, boost)
}

/// The run of documents whose value lies in the range, in a column that falls from document to document.
fn run(segment: &Segment, column: &Column<u64>, range: &RangeInclusive<u64>) -> Run {
    let end = segment.first_below(column, *range.start());
    let first = range.end().checked_add(1).map_or(0, |above| segment.first_below(column, above));
    Run { at: first, end: end.max(first) }
}

/// Documents side by side.
struct Run {
    at: DocId,
    end: DocId,
}

impl DocSet for Run {
    fn advance(&mut self) -> DocId {
        self.at = self.at.saturating_add(1).min(self.end);
        self.doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.at = self.at.max(target).min(self.end);
        self.doc()
    }

    fn doc(&self) -> DocId {
        if self.at < self.end { self.at } else { TERMINATED }
    }

    fn size_hint(&self) -> u32 {
        self.end - self.at
    }
}

/// Documents of a column in any order, looked at a stretch at a time.
struct Scan<T> {
    column: Column<T>,
    blocks: Arc<Blocks<T>>,
    range: RangeInclusive<T>,
    found: Vec<DocId>,
    place: usize,
    /// Documents below this were looked at.
    next: DocId,
    end: DocId,
    step: u32,
}

impl<T: PartialOrd + Copy + fmt::Debug + Send + Sync + 'static> Scan<T> {
    /// Looks at stretches until one has a document.
    fn fetch(&mut self) {
        self.found.clear();
        self.place = 0;
        while self.found.is_empty() && self.next < self.end {
            let stretch = self.blocks.next(self.next, &self.range);
            let start = stretch.start.min(self.end);
            let until = start.saturating_add(self.step).min(stretch.end).min(self.end);
            if stretch.is_within {
                self.found.extend(start..until);
            } else {
                let range = self.range.clone();
                self.column.get_docids_for_value_range(range, start..until, &mut self.found);
                self.found.dedup();
            }
            self.next = until;
            self.step = self.step.saturating_mul(2).min(FETCH_DOCS_MAX);
        }
    }
}

impl<T: PartialOrd + Copy + fmt::Debug + Send + Sync + 'static> DocSet for Scan<T> {
    fn advance(&mut self) -> DocId {
        self.place += 1;
        if self.place >= self.found.len() {
            self.fetch();
        }
        self.doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.doc() >= target {
            return self.doc();
        }
        if target < self.next {
            self.place += self.found[self.place..].partition_point(|doc| *doc < target);
        } else {
            (self.next, self.step) = (target.min(self.end), FETCH_DOCS_MIN);
            self.place = self.found.len();
        }
        if self.place >= self.found.len() {
            self.fetch();
        }
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.found.get(self.place).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        self.end.saturating_sub(self.next)
    }
}
