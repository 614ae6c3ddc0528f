//! The most frequent values of a field, and what the others add up to.

use crate::count::{FacetCounts, top};
use crate::limits::FACET_VALUES_MAX;
use crate::schema::Facet;

/// The counts of these many values, value `n` in `count(n)` entries, are those that sorting all of them gives.
fn check(values: u64, count: impl Fn(u64) -> u64) {
    let mut all: Vec<(String, u64)> =
        (0..values).map(|number| (format!("v-{number:03}"), count(number))).collect();
    let told = top(Facet::Action, all.iter().cloned().collect());
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let others = all.iter().skip(FACET_VALUES_MAX).map(|(_, count)| count).sum();
    all.truncate(FACET_VALUES_MAX);
    let expected = FacetCounts { facet: Facet::Action, values: all, distinct: values, others };
    assert_eq!(told, expected, "{values} values");
}

#[test]
fn the_most_frequent_come_first_and_ties_by_value() {
    let most = FACET_VALUES_MAX as u64;
    for values in [0, 1, most - 1, most, most + 1, 3 * most, 1_000] {
        check(values, |number| number * 7 % 11);
        check(values, |_| 1);
        check(values, |number| number);
    }
}
