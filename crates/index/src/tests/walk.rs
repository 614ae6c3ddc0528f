//! Walks find what the evaluator says, oldest first, page by page, in any range and scope.

use super::agree::made;
use super::made::{Random, START_NS, query};
use crate::query::{Ast, matches, parse};
use crate::{Index, Walk};

const NOW_NS: u64 = START_NS + 100_000 * 1_000_000_000;

fn every_page(index: &Index, walk: Walk<'_>) -> Vec<u64> {
    let mut found = Vec::new();
    let mut from = walk.range.start;
    loop {
        let page = index.walk(&Walk { range: from..walk.range.end, ..walk.clone() }).unwrap();
        assert!(page.results.len() == walk.limit || page.next.is_none(), "a page with room");
        found.extend(page.results.iter().map(|index| index.0));
        let Some(next) = page.next else { return found };
        assert!(found.last() < Some(&next.0), "the next page is behind this one");
        from = next.0;
    }
}

#[test]
fn walks_and_evaluator_agree() {
    let (_folder, index, docs) = made(1_200);
    let mut found_some = 0;
    for seed in 0..1_000 {
        let mut random = Random(seed);
        let text = query(&mut random, 2);
        let ast = parse(&text).unwrap_or_else(|error| panic!("seed {seed}: {text}: {error}"));
        let scope = if seed % 3 == 0 { parse(&query(&mut random, 1)).unwrap() } else { Ast::All };
        let range = match random.below(3) {
            0 => 0..u64::MAX,
            1 => random.below(1_300) as u64..u64::MAX,
            _ => random.below(1_300) as u64..random.below(1_300) as u64,
        };
        let both = |doc: &&crate::Doc| {
            matches(doc, &ast, NOW_NS) && matches(doc, &scope, NOW_NS) && range.contains(&doc.index)
        };
        let expected: Vec<u64> = docs.iter().filter(both).map(|doc| doc.index).collect();
        let limit = 1 + random.below(if seed % 2 == 0 { 8 } else { 500 });
        let walk = Walk { query: &ast, scope: &scope, now_ns: NOW_NS, range: range.clone(), limit };
        let shown = format!("seed {seed}: {text} within {scope} and {range:?} by {limit}");
        assert_eq!(every_page(&index, walk), expected, "{shown}");
        found_some += u32::from(!expected.is_empty() && expected.len() < docs.len());
    }
    assert!(found_some > 400, "only {found_some} of 1000 walks told entries apart");
}
