//! What the bounds of blocks leave out is not in the range, and all else is found.

use std::ops::RangeInclusive;
use std::sync::Arc;

use tantivy::columnar::column_values::VecColumn;
use tantivy::columnar::{Column, ColumnIndex};
use tantivy::{DocId, TERMINATED};

use super::made::Random;
use crate::blocks::{BLOCK_DOCS, Blocks, Stretch};
use crate::within::{scan, unknown};

fn column(values: &[u64]) -> Column<u64> {
    let values = Arc::new(VecColumn::from(values.to_vec()));
    Column { index: ColumnIndex::Full, values }
}

/// The documents whose value is in the range are found with the bounds of their blocks, without them, and from any place on.
fn check(values: &[u64], range: RangeInclusive<u64>) {
    let column = column(values);
    let bounds = Arc::new(Blocks::of(&column));
    let expected: Vec<DocId> =
        (0..).zip(values).filter(|(_, value)| range.contains(value)).map(|(doc, _)| doc).collect();
    for from in (0..values.len() as u32 + 3).step_by(7) {
        for with in [(column.clone(), Arc::clone(&bounds)), unknown(column.clone())] {
            let mut docs = scan(with, range.clone(), 1.0);
            docs.seek(from.max(docs.doc()));
            let mut found = Vec::new();
            while docs.doc() != TERMINATED {
                found.push(docs.doc());
                docs.advance();
            }
            let expected: Vec<DocId> =
                expected.iter().copied().filter(|doc| *doc >= from).collect();
            assert_eq!(found, expected, "{range:?} from {from}");
        }
    }
}

#[test]
fn ranges_are_found_in_any_column() {
    for seed in 0..40 {
        let mut random = Random(seed);
        let mut below = |end: u64| random.below(end as usize) as u64;
        let docs = below(6 * u64::from(BLOCK_DOCS));
        // Falling, as times do, by and large.
        let values: Vec<u64> =
            (0..docs).map(|doc| 3 * (docs - doc) + below(1 + seed * 3)).collect();
        for _ in 0..12 {
            let from = below(4 * docs + 2);
            check(&values, from..=from + below(docs + 9));
        }
        check(&values, 0..=u64::MAX);
    }
}

#[test]
fn blocks_without_the_range_are_left_out() {
    let values: Vec<u64> = (0..4 * u64::from(BLOCK_DOCS)).rev().collect();
    let blocks = Blocks::of(&column(&values));
    let at = |block: u32| block * BLOCK_DOCS;
    let stretch = |start, end, is_within| Stretch { start, end, is_within };
    let length = u64::from(BLOCK_DOCS);
    // The last block but one, as values fall.
    let range = length..=2 * length - 1;
    assert_eq!(blocks.next(0, &range), stretch(at(2), at(3), true));
    assert_eq!(blocks.next(at(2) + 5, &range), stretch(at(2) + 5, at(3), true));
    assert_eq!(blocks.next(0, &(length + 1..=3 * length - 1)), stretch(at(1), at(2), true));
    assert_eq!(blocks.next(at(2), &(length + 1..=3 * length - 1)), stretch(at(2), at(3), false));
    assert_eq!(blocks.next(at(3), &range), stretch(DocId::MAX, DocId::MAX, false));
}
