//! The least and the greatest value of each block of a column, so that a range is looked for only where it can be.

use std::ops::RangeInclusive;

use tantivy::DocId;
use tantivy::columnar::{Cardinality, Column};

/// Documents of a block: a bound is read for each, and all of a block for a range that ends in it. Tests have many small ones.
pub(crate) const BLOCK_DOCS: u32 = if cfg!(test) { 16 } else { 2_048 };

/// Bounds of a column's blocks. They take 16 bytes for 2,048 documents and are read when a segment is opened.
pub(crate) struct Blocks<T> {
    bounds: Vec<(T, T)>,
}

/// Documents side by side among which to go on looking; all before them are out of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) start: DocId,
    /// The one behind the last; may lie behind the column's end.
    pub(crate) end: DocId,
    /// Whether all of them are in the range.
    pub(crate) is_within: bool,
}

impl Blocks<u64> {
    /// Reads a column that has one value for each document; of others nothing is known.
    pub(crate) fn of(column: &Column<u64>) -> Blocks<u64> {
        if column.get_cardinality() != Cardinality::Full {
            return Blocks::unknown();
        }
        let docs = column.num_docs();
        let mut values = vec![0; BLOCK_DOCS as usize];
        let bounds = (0..docs).step_by(BLOCK_DOCS as usize).map(|start| {
            let values = &mut values[..(docs - start).min(BLOCK_DOCS) as usize];
            column.values.get_range(u64::from(start), values);
            let widen =
                |(least, most): (u64, u64), value: &u64| (least.min(*value), most.max(*value));
            values.iter().fold((u64::MAX, 0), widen)
        });
        Blocks { bounds: bounds.collect() }
    }
}

impl<T: PartialOrd + Copy> Blocks<T> {
    /// Of a column of which nothing is known.
    pub(crate) fn unknown() -> Blocks<T> {
        Blocks { bounds: Vec::new() }
    }

    /// Where to go on, from a document on: what lies before has nothing of the range.
    pub(crate) fn next(&self, from: DocId, range: &RangeInclusive<T>) -> Stretch {
        if self.bounds.is_empty() {
            return Stretch { start: from, end: DocId::MAX, is_within: false };
        }
        let first = (from / BLOCK_DOCS) as usize;
        let mut rest = self.bounds.iter().zip(0_u32..).skip(first);
        let may_have =
            |((least, most), _): &(&(T, T), u32)| least <= range.end() && most >= range.start();
        let Some(((least, most), block)) = rest.find(may_have) else {
            return Stretch { start: DocId::MAX, end: DocId::MAX, is_within: false };
        };
        let start = block * BLOCK_DOCS;
        let is_within = range.contains(least) && range.contains(most);
        Stretch { start: start.max(from), end: start.saturating_add(BLOCK_DOCS), is_within }
    }
}
