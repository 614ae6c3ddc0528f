//! What a comparison makes of answers that are right, short, long, doubled or not what they are counted as.

use index::query::Ast;

use super::{Comparison, Question};
use crate::verify::LogReport;

/// The query finds the entries `matching` of a log of `size`, of which the answer is of `end` and gives `found`, and counts
/// `total`: how many it left out, how many it invented, and whether it is good.
fn check(
    (matching, size): (&[u64], u64),
    (found, end, total): (&[u64], u64, u64),
    (left_out, invented, is_good): (&[u64], &[u64], bool),
) {
    let question = Question { query: Ast::All, now_ns: 0 };
    let mut found = found.to_vec();
    found.reverse();
    let mut comparison = Comparison::new(&question, end, found);
    for index in 0..size.min(end) {
        comparison.meet(index, matching.contains(&index));
    }
    let report = LogReport { size: Some(size), ..LogReport::default() };
    let audited = comparison.finish(total, report);
    assert_eq!(audited.left_out.named, left_out);
    assert_eq!(audited.invented.named, invented);
    assert_eq!(audited.is_good(), is_good, "{}", audited.text());
}

#[test]
fn answers_are_compared_with_what_is_read() {
    let all = &[2, 5, 9][..];
    check((all, 12), (all, 10, 3), (&[], &[], true));
    check((all, 12), (&[2, 9], 10, 2), (&[5], &[], false));
    check((all, 12), (&[2, 4, 5, 9], 10, 4), (&[], &[4], false));
    check((all, 12), (&[2, 4, 9], 10, 3), (&[5], &[4], false));
    check((all, 12), (&[2, 5, 5, 9], 10, 3), (&[], &[5], false));
    check((all, 12), (&[2, 5, 9, 10], 10, 3), (&[], &[10], false));
    // Right results, wrongly counted.
    check((all, 12), (all, 10, 4), (&[], &[], false));
    // What no checkpoint covers yet is not judged.
    check((&[2, 5], 8), (all, 10, 3), (&[], &[], true));
    check((&[2, 5], 8), (&[2, 9], 10, 3), (&[5], &[], false));
    check((&[], 0), (&[], 0, 0), (&[], &[], true));
}
