//! The index finds what the evaluator says, and counts it right: made entries, made queries, made scopes.

use graven_entry::Entry;

use super::made::{Random, START_NS, query};
use super::source::{ALL, Entries, counted, every_page, follow, wait};
use crate::doc::{Fact, PLAIN_PATHS};
use crate::limits::SUGGESTIONS_MAX;
use crate::query::{Ast, matches, parse};
use crate::{Answer, Doc, Facet, Index, Request, Suggest, Want};

const NOW_NS: u64 = START_NS + 100_000 * 1_000_000_000;

/// An index in several segments, and what it holds.
pub(super) fn made(count: u64) -> (tempfile::TempDir, Index, Vec<Doc>) {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::new();
    let index = Index::open(folder.path(), &source.origin).unwrap();
    let follower = follow(&index, &source);
    for part in 0..6 {
        source.grow(part, count / 6);
        wait(&index, source.size());
    }
    follower.stop();
    let docs = source.all().iter().map(|bytes| Doc::new(&Entry::parse(bytes).unwrap())).collect();
    (folder, index, docs)
}

#[test]
fn index_and_evaluator_agree() {
    let (_folder, index, docs) = made(1_200);
    let mut found_some = 0;
    for seed in 0..1_500 {
        let mut random = Random(seed);
        let text = query(&mut random, 2);
        let ast = parse(&text).unwrap_or_else(|error| panic!("seed {seed}: {text}: {error}"));
        let scope = if seed % 3 == 0 { parse(&query(&mut random, 1)).unwrap() } else { Ast::All };
        let matching: Vec<&Doc> = docs
            .iter()
            .rev()
            .filter(|doc| matches(doc, &ast, NOW_NS) && matches(doc, &scope, NOW_NS))
            .collect();
        let expected: Vec<u64> = matching.iter().map(|doc| doc.index).collect();
        let (found, first) = every_page(&index, (&ast, &scope), NOW_NS, 1 + random.below(500));
        let shown = format!("seed {seed}: {text} within {scope}");
        assert_eq!(found, expected, "{shown}");
        assert_eq!(first.total, Some(expected.len() as u64), "{shown}");
        check_counts(&first, &matching, &shown);
        // The total alone is counted in another way.
        let want = Want { total: true, ..Want::default() };
        let request =
            Request { query: &ast, scope: &scope, now_ns: NOW_NS, limit: 0, page: None, want };
        assert_eq!(index.search(&request).unwrap().total, first.total, "{shown}");
        found_some += u32::from(!expected.is_empty() && expected.len() < docs.len());
    }
    assert!(found_some > 800, "only {found_some} of 1500 queries told entries apart");
}

fn check_counts(answer: &Answer, matching: &[&Doc], shown: &str) {
    for (facet, counts) in Facet::ALL.into_iter().zip(&answer.facets) {
        let expected = counted(matching.iter().map(|doc| values(doc, facet)));
        assert_eq!(counts.facet, facet);
        assert_eq!(counts.distinct, expected.len() as u64, "{shown} {facet:?}");
        let named: u64 = counts.values.iter().map(|(_, count)| count).sum();
        assert_eq!(named + counts.others, expected.values().sum::<u64>(), "{shown} {facet:?}");
        for (value, count) in &counts.values {
            assert_eq!(expected.get(value), Some(count), "{shown} {facet:?} {value}");
        }
    }
    let histogram = answer.histogram.as_ref().unwrap();
    let mut last_ms = None;
    for bucket in &histogram.buckets {
        let span = bucket.start_ms..bucket.start_ms + histogram.interval_ms;
        let expected = matching.iter().filter(|doc| span.contains(&(doc.time_ns / 1_000_000)));
        assert_eq!(bucket.count, expected.count() as u64, "{shown} {bucket:?}");
        assert!(last_ms < Some(bucket.start_ms), "{shown}: in order");
        last_ms = Some(bucket.start_ms);
    }
    let counted: u64 = histogram.buckets.iter().map(|bucket| bucket.count).sum();
    assert_eq!(counted, matching.len() as u64, "{shown}");
    assert!(histogram.buckets.len() <= crate::limits::HISTOGRAM_BUCKETS_MAX, "{shown}");
}

fn values(doc: &Doc, facet: Facet) -> Vec<String> {
    let of_header = match facet {
        Facet::Grade => Some(vec![doc.grade.to_owned()]),
        Facet::Writer => Some(vec![doc.writer.clone()]),
        Facet::Stream => Some(doc.stream.clone().into_iter().collect()),
        _ => None,
    };
    of_header.unwrap_or_else(|| {
        let facts = doc.facts.iter().filter(|(path, _)| path == facet.name());
        let texts = facts.filter_map(|(_, fact)| match fact {
            Fact::Text(text) => Some(text.to_string()),
            _ => None,
        });
        texts.collect()
    })
}

/// The event, and the paths at which it has strings from elsewhere than its field.
const ELSEWHERE: [(&str, &[&str]); 14] = [
    (
        r#"{"actor":{"id":"a","type":"b","x.y":"c"},"action":"d","outcome":"e","target":{"id":"f"}}"#,
        &[],
    ),
    (r#"{"actor":{},"action":"d"}"#, &[]),
    (r#"{"actor":{},"action":"d","outcome":["e"]}"#, &["outcome"]),
    (r#"{"actor":{},"action":"d","outcome":{"e":"f"},"outcome.e":"g"}"#, &[]),
    (r#"{"actor":{"id":"a"},"action":"d","actor.id":"b"}"#, &["actor.id"]),
    (r#"{"actor.type":"b","actor":{},"action":"d"}"#, &["actor.type"]),
    (r#"{"actor":{},"action":"d","actor.id":7}"#, &[]),
    (r#"{"actor":{},"action":"d","target":"f"}"#, &["target.id"]),
    (r#"{"actor":{},"action":"d","target":[{"id":"f","type":"g"},{"id":"f"}]}"#, &[]),
    (
        r#"{"actor":{},"action":"d","target":[[{"id":"f","type":"g"}]]}"#,
        &["target.id", "target.type"],
    ),
    (r#"{"actor":{},"action":"d","target":{"id":["f"],"type":7}}"#, &["target.id"]),
    (r#"{"actor":{},"action":"d","target":{"type":"g"},"target.type":"h"}"#, &["target.type"]),
    (r#"{"actor":{},"action":"d","target":["f"]}"#, &[]),
    (r#"{"actor":{},"action":"d","target":{"a":{"id":"f"}}}"#, &[]),
];

#[test]
fn strings_from_elsewhere_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::new();
    for (event, _) in &ELSEWHERE {
        source.push(event);
    }
    let index = super::source::indexed(folder.path(), &source);
    let docs: Vec<Doc> =
        source.all().iter().map(|bytes| Doc::new(&Entry::parse(bytes).unwrap())).collect();
    for path in PLAIN_PATHS {
        let query = Ast::unplain(path);
        let told = |(_, paths): &(&str, &[&str])| paths.contains(&path);
        let expected: Vec<bool> = ELSEWHERE.iter().map(told).collect();
        let asked: Vec<bool> = docs.iter().map(|doc| matches(doc, &query, NOW_NS)).collect();
        assert_eq!(asked, expected, "{path}");
        let (found, _) = every_page(&index, (&query, &Ast::All), NOW_NS, 5);
        let all = (0..ELSEWHERE.len() as u64).map(|index| found.contains(&index));
        assert_eq!(all.collect::<Vec<_>>(), expected, "{path}");
    }
}

/// Nothing of what a reader may not see shows in completions; what may be seen does.
#[test]
fn completions_keep_within_the_scope() {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::new();
    source.push(r#"{"actor":{"id":"alice"},"action":"a","data":{"open":"yes"}}"#);
    source.push(r#"{"actor":{"id":"alina"},"action":"b","data":{"secret":"code"}}"#);
    source.push(r#"{"actor":{"id":"bob"},"action":"c","unit":{"in use":"kg"}}"#);
    let index = super::source::indexed(folder.path(), &source);
    let check = |what: Suggest<'_>, scope: &str, expected: &[&str]| {
        let found = index.suggest(what, &parse(scope).unwrap(), NOW_NS).unwrap();
        assert_eq!(found, expected, "{what:?} within {scope}");
    };
    check(Suggest::Path("data."), "*", &["data.open", "data.secret"]);
    check(Suggest::Path("data."), "action:a", &["data.open"]);
    check(Suggest::Path(""), "action:a", &["action", "actor", "actor.id", "data", "data.open"]);
    let actor = Suggest::Value { field: "actor", begin: "al" };
    check(actor, "*", &["alice", "alina"]);
    check(actor, "action:b", &["alina"]);
    check(Suggest::Value { field: "writer", begin: "" }, "action:b", &["web"]);
    check(Suggest::Value { field: "index", begin: "" }, "*", &[]);
    let names = |begin: &str, scope: &str, expected: &[&str]| {
        let found = index.names(begin, &parse(scope).unwrap(), NOW_NS).unwrap();
        assert_eq!(found, expected, "{begin} within {scope}");
    };
    names("data", "action:a", &["data", "data.open"]);
    names("data", "action:b", &["data", "data.secret"]);
    names("un", "*", &["until", "event.unit", "\"event.unit.in use\""]);
    names("event.un", "*", &["event.unit", "\"event.unit.in use\""]);
    names("un", "action:a", &["until"]);
    names("se", "*", &["seq", "session"]);
    assert_eq!(index.names("", &Ast::All, NOW_NS).unwrap().len(), SUGGESTIONS_MAX);
    let limit = index.search(&Request {
        query: &parse("actor:al*").unwrap(),
        scope: &parse("action:b").unwrap(),
        now_ns: NOW_NS,
        limit: 9,
        page: None,
        want: ALL,
    });
    assert_eq!(limit.unwrap().facets[1].values, [("alina".to_owned(), 1)]);
}

/// Pages of a search stay as they were at the first while the log grows.
#[test]
fn pages_stay_while_the_log_grows() {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::made(7, 500);
    let index = Index::open(folder.path(), &source.origin).unwrap();
    let follower = follow(&index, &source);
    wait(&index, 500);
    let want = Want { total: true, ..Want::default() };
    let request =
        Request { query: &Ast::All, scope: &Ast::All, now_ns: NOW_NS, limit: 70, page: None, want };
    let first = index.search(&request).unwrap();
    assert_eq!(first.results[0].0, 499);
    let (mut next, mut expected) = (first.next, 429);
    while let Some(page) = next {
        source.grow(source.size(), 100);
        wait(&index, source.size());
        let answer = index.search(&Request { page: Some(page), ..request }).unwrap();
        assert_eq!(answer.total, Some(500));
        assert_eq!(answer.indexed_through.0, source.size());
        for found in &answer.results {
            assert_eq!(found.0, expected);
            expected = expected.wrapping_sub(1);
        }
        next = answer.next;
    }
    assert_eq!(expected, u64::MAX, "down to entry 0");
    assert!("1-2-0".parse::<crate::Page>().is_err());
    assert!("x".parse::<crate::Page>().is_err());
    follower.stop();
}

/// Wildcards over their limit are refused by name, never cut.
#[test]
fn a_wildcard_over_its_limit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::new();
    let many = crate::limits::WILDCARD_VALUES_MAX + 1;
    for first in (0..many).step_by(1_000) {
        let list: Vec<String> =
            (first..(first + 1_000).min(many)).map(|number| format!("\"v{number}\"")).collect();
        source
            .push(&format!(r#"{{"actor":{{}},"action":"a","data":{{"l":[{}]}}}}"#, list.join(",")));
    }
    let index = super::source::indexed(folder.path(), &source);
    let search = |text: &str| {
        let query = parse(text).unwrap();
        let want = Want { total: true, ..Want::default() };
        index.search(&Request {
            query: &query,
            scope: &Ast::All,
            now_ns: NOW_NS,
            limit: 1,
            page: None,
            want,
        })
    };
    assert_eq!(search("data.l:v1*").unwrap().total, Some(12));
    match search("data.l:v*") {
        Err(crate::SearchError::Query(error)) => assert_eq!(error.code(), "query_limit", "{error}"),
        other => panic!("{other:?}"),
    }
}

/// What all entries add up to is kept for whoever may see all, and for nobody else.
#[test]
fn everything_is_counted_once() {
    let (_folder, index, docs) = made(600);
    let search = |query: &Ast, scope: &Ast| {
        let request = Request { query, scope, now_ns: NOW_NS, limit: 3, page: None, want: ALL };
        index.search(&request).unwrap()
    };
    let kept = || index.snapshot().wholes.len();
    let whole = parse("index>=0").unwrap();
    let (narrowed, asked) = (search(&Ast::All, &whole), search(&whole, &Ast::All));
    assert_eq!((&narrowed, kept()), (&asked, 0));
    check_counts(&asked, &docs.iter().collect::<Vec<_>>(), "all");
    assert_eq!(search(&Ast::All, &Ast::All), asked);
    let segments = index.snapshot().segments.len();
    assert_eq!(kept(), segments * (Facet::ALL.len() + 1), "{segments} segments");
    assert_eq!(search(&Ast::All, &Ast::All), asked, "from what is kept");
}
