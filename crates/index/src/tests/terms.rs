//! Terms that stand alone are read a block of 128 at a time: a page may end anywhere in one, and none goes on behind its list. A term that
//! no segment can have is not looked for, until one has it.

use graven_merkle::LeafIndex;

use super::made::START_NS;
use super::source::{Entries, every_page, indexed};
use crate::query::{Ast, parse};
use crate::{Derived, Index};

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

/// Which of these events a query finds, each of them a segment of its own.
#[track_caller]
fn check_found(events: &[&str], query: &str, expected: &[u64]) {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::new();
    let index = Index::open(folder.path(), &source.origin).unwrap();
    let mut writer = index.writer();
    for (number, event) in (0..).zip(events) {
        source.push(event);
        writer.take(LeafIndex(number), &source.all()[number as usize]).unwrap();
        writer.commit().unwrap();
    }
    let query = parse(query).unwrap();
    let (found, _) = every_page(&index, (&query, &Ast::All), START_NS, 10);
    assert_eq!(found, expected);
}

#[test]
fn strings_at_the_target_itself_are_found_once_there_are_some() {
    let of_type = r#"{"action":"a","target":{"type":"door","id":"7"}}"#;
    let numbered = r#"{"action":"a","target":{"type":"door","id":7}}"#;
    let name = r#"{"action":"a","target":"7"}"#;
    let listed = r#"{"action":"a","target":[["7"]]}"#;
    check_found(&[of_type, of_type], "target:7", &[1, 0]);
    check_found(&[of_type, numbered], "target:7", &[1, 0]);
    check_found(&[of_type, name], "target:7", &[1, 0]);
    check_found(&[of_type, listed, of_type], "target:7", &[2, 1, 0]);
    check_found(&[listed], "target:7", &[0]);
    check_found(&[of_type, listed], "target:door/7", &[0]);
}
