//! Documents that have each of several words, whose lists are read side by side: close ones and wide ones, a long one beside a short one,
//! over the ends of blocks of 128.

use std::sync::LazyLock;

use tempfile::TempDir;

use super::made::START_NS;
use super::source::{Entries, every_page, indexed};
use crate::Index;
use crate::query::parse;

/// Blocks of the widest list below span 128 times 64 of them, twice what has a place of its own.
const ENTRIES: u64 = 9_000;

/// Words are as frequent as their numbers say: `every3` is in each third entry. `every7` is an action too.
const EVERY: [u64; 9] = [1, 2, 3, 5, 7, 64, 96, 400, 4_000];

static MADE: LazyLock<(TempDir, Index)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::new();
    for number in 0..ENTRIES {
        let has = EVERY.iter().filter(|each| number.is_multiple_of(**each));
        let words: Vec<String> = has.map(|each| format!("every{each}")).collect();
        let odd = if number % 2 == 1 { "odd" } else { "even" };
        let action = if number % 1_000 == 1 { "every7" } else { "door.open" };
        let message = words.join(" ");
        source.push_uncommitted(&format!(
            r#"{{"action":"{action}","actor":"{odd}","message":"{message} {odd}"}}"#
        ));
    }
    source.commit();
    let index = indexed(folder.path(), &source);
    (folder, index)
});

/// All entries that the query should find, over all pages and counted.
#[track_caller]
fn check(query: &str, scope: &str, is_match: impl Fn(u64) -> bool) {
    let (text, query, scope) = (query, parse(query).unwrap(), parse(scope).unwrap());
    let expected: Vec<u64> = (0..ENTRIES).rev().filter(|number| is_match(*number)).collect();
    for limit in [1_000, 127] {
        let (found, first) = every_page(&MADE.1, (&query, &scope), START_NS, limit);
        assert_eq!(found, expected, "{text}, pages of {limit}");
        assert_eq!(first.total, Some(expected.len() as u64), "{text}");
    }
}

#[test]
fn close_lists_meet() {
    check("every2 every3", "*", |number| number % 6 == 0);
    check("every3 every5 every2", "*", |number| number % 30 == 0);
    check("every1 odd", "*", |number| number % 2 == 1);
}

#[test]
fn wide_lists_meet() {
    check("every64 every96", "*", |number| number % 192 == 0);
    check("every96 every64 every5", "*", |number| number % 960 == 0);
}

#[test]
fn a_short_list_meets_a_long_one() {
    check("every2 every400", "*", |number| number % 400 == 0);
    check("every4000 every1", "*", |number| number % 4_000 == 0);
    check("every4000 every3 every2", "*", |number| number % 12_000 == 0);
}

#[test]
fn words_that_never_meet() {
    check("odd even", "*", |_| false);
    check("odd every2", "*", |_| false);
    check("every2 nowhere", "*", |_| false);
}

/// The lists of a word and of an action that reads like it do not lie in order together.
#[test]
fn a_word_that_is_an_id_too() {
    check("every7 odd", "*", |number| number % 14 == 7 || number % 1_000 == 1);
}

#[test]
fn a_scope_and_a_query_meet_as_one() {
    check("every3 every5", "actor:odd", |number| number % 30 == 15);
    check("every3 actor:even", "actor:odd", |_| false);
}

#[test]
fn what_is_asked_twice_is_found_once() {
    check("every3 every3", "*", |number| number % 3 == 0);
}
