//! Terms that stand alone are read a block of 128 at a time: a page may end anywhere in a block, and a list too.

use super::made::START_NS;
use super::source::{Entries, every_page, indexed};
use crate::query::{Ast, parse};

/// Of so many entries every third is not asked for; pages of `limit` tell the others, newest first.
#[track_caller]
fn check(entries: u64, limit: usize) {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::new();
    for number in 0..entries {
        let action = if number % 3 == 2 { "door.close" } else { "door.open" };
        source.push_uncommitted(&format!(r#"{{"action":"{action}","actor":"a"}}"#));
    }
    source.commit();
    let query = parse("action:door.open").unwrap();
    let index = indexed(folder.path(), &source);
    let (found, first) = every_page(&index, (&query, &Ast::All), START_NS, limit);
    let expected: Vec<u64> = (0..entries).rev().filter(|number| number % 3 != 2).collect();
    assert_eq!(found, expected, "{entries} entries, pages of {limit}");
    assert_eq!(first.total, Some(expected.len() as u64));
    assert_eq!(first.results.len(), limit.min(expected.len()));
}

#[test]
fn pages_end_anywhere_in_a_block() {
    // The first page asks for one match more, to know whether there is another page.
    for limit in [1, 126, 127, 128, 255, 256, 600] {
        check(600, limit);
    }
}

#[test]
fn lists_end_anywhere_in_a_block() {
    for matches in [1, 127, 128, 129, 256, 257] {
        check(matches * 3 / 2, 1_000);
    }
}
