//! Whether an entry matches a query: the meaning of the language. Live tails ask this; the index has to agree with it.

use std::borrow::Cow;
use std::ops::Bound;

use super::field::Field;
use super::{Ast, Net, Point, Test};
use crate::doc::{Doc, Fact, address_number, canonical, texts_of, value_of};
use crate::limits::VALUE_BYTES_MAX;
use crate::words::{cut, words};

/// Paths in which a bare word is looked for as a whole id.
pub(crate) const BARE_PATHS: [&str; 7] = [
    "action",
    "actor.id",
    "actor.session",
    "context.request_id",
    "context.trace_id",
    "id",
    "target",
];

/// Whether an entry matches a query that is asked at `now_ns` (nanoseconds since 1970).
pub fn matches(doc: &Doc, ast: &Ast, now_ns: u64) -> bool {
    match ast {
        Ast::All => true,
        Ast::Not(inner) => !matches(doc, inner, now_ns),
        Ast::And(all) => all.iter().all(|ast| matches(doc, ast, now_ns)),
        Ast::Or(any) => any.iter().any(|ast| matches(doc, ast, now_ns)),
        Ast::Phrase(text) => has_phrase(doc, text),
        Ast::Word(word) => {
            let whole = cut(word, VALUE_BYTES_MAX);
            has_phrase(doc, word) || has_id(doc, |value| value == whole)
        }
        Ast::WordLike(glob) => {
            let lower = glob.to_lowercase();
            let has_word = doc.prose.iter().flatten().any(|word| lower.matches(word));
            has_word || has_id(doc, |value| glob.matches(value))
        }
        Ast::Field(field, test) => has_field(doc, field, test, now_ns),
    }
}

fn has_id(doc: &Doc, is_it: impl Fn(&str) -> bool) -> bool {
    doc.facts.iter().any(|(path, fact)| match fact {
        Fact::Text(value) => {
            BARE_PATHS.iter().any(|bare| texts_of(bare).contains(&&**path)) && is_it(value)
        }
        _ => false,
    })
}

fn has_phrase(doc: &Doc, text: &str) -> bool {
    let wanted: Vec<Cow<'_, str>> = words(text).collect();
    !wanted.is_empty()
        && doc.prose.iter().any(|prose| {
            prose.windows(wanted.len()).any(|part| part.iter().zip(&wanted).all(|(a, b)| a == b))
        })
}

fn has_field(doc: &Doc, field: &Field, test: &Test, now_ns: u64) -> bool {
    let text = |value: &str| text_passes(value, test);
    match field {
        Field::Time => moment_passes(doc.time_ns, test, now_ns),
        Field::Received => moment_passes(doc.received_ns, test, now_ns),
        Field::Index => count_passes(doc.index, test),
        Field::Seq => doc.seq.is_some_and(|seq| count_passes(seq, test)),
        Field::Writer => text(&doc.writer),
        Field::Auth => text(&doc.auth),
        Field::Grade => text(doc.grade),
        Field::Stream => doc.stream.as_deref().is_some_and(text),
        Field::Path(path) => {
            let path = &**path;
            doc.facts.iter().any(|(at, fact)| {
                let is_there =
                    at == path || matches!(fact, Fact::Text(_)) && texts_of(&path).contains(&&**at);
                is_there && fact_passes(fact, test, now_ns)
            })
        }
    }
}

fn fact_passes(fact: &Fact<'_>, test: &Test, now_ns: u64) -> bool {
    match (fact, test) {
        (Fact::Exists, Test::Exists) => true,
        (Fact::Text(_), Test::Exists) => false,
        (Fact::Text(text), _) => text_passes(text, test),
        (Fact::Word(word), Test::Is(wanted)) => *word == canonical_word(wanted),
        (Fact::Number(value), Test::Range(from, to)) => number_between(*value, from, to),
        (Fact::Moment(ns), Test::Range(from, to)) => moment_between(*ns, from, to, now_ns),
        (Fact::Address(address), Test::Net(net)) => address_range(*net).contains(address),
        (Fact::Address(address), Test::Range(from, to)) => {
            let number = |point: &Point| match point {
                Point::Address(address) => Some(address_number(*address)),
                _ => None,
            };
            is_between(*address, from, to, number)
        }
        _ => false,
    }
}

fn text_passes(text: &str, test: &Test) -> bool {
    match test {
        Test::Exists => true,
        Test::Equals(wanted) | Test::Is(wanted) => text == cut(wanted, VALUE_BYTES_MAX),
        Test::Like(glob) => glob.matches(text),
        Test::Net(net) => text == net.to_string(),
        Test::Range(..) => false,
    }
}

/// A number, `true`, `false` or `null` in its one spelling.
pub(crate) fn canonical_word(text: &str) -> String {
    if matches!(text, "true" | "false" | "null") { text.to_owned() } else { canonical(text) }
}

/// The first and the last address of a network.
pub(crate) fn address_range(net: Net) -> std::ops::RangeInclusive<u128> {
    let free = if net.address.is_ipv4() { 32 - net.bits } else { 128 - net.bits };
    let mask = u128::MAX.checked_shl(u32::from(free)).unwrap_or(0);
    let first = address_number(net.address) & mask;
    first..=first | !mask
}

fn count_passes(count: u64, test: &Test) -> bool {
    match test {
        Test::Exists => true,
        Test::Range(from, to) => number_between(count as f64, from, to),
        _ => false,
    }
}

fn moment_passes(ns: u64, test: &Test, now_ns: u64) -> bool {
    match test {
        Test::Exists => true,
        Test::Range(from, to) => moment_between(ns, from, to, now_ns),
        _ => false,
    }
}

fn number_between(value: f64, from: &Bound<Point>, to: &Bound<Point>) -> bool {
    let number = |point: &Point| match point {
        Point::Number(text) => value_of(text),
        _ => None,
    };
    is_between(value, from, to, number)
}

fn moment_between(ns: u64, from: &Bound<Point>, to: &Bound<Point>, now_ns: u64) -> bool {
    is_between(ns, from, to, |point| point.moment_ns(now_ns))
}

/// Whether a value lies between two points; never, where a point is of another kind.
fn is_between<T: PartialOrd>(
    value: T,
    from: &Bound<Point>,
    to: &Bound<Point>,
    read: impl Fn(&Point) -> Option<T>,
) -> bool {
    let after = match from {
        Bound::Unbounded => true,
        Bound::Included(point) => read(point).is_some_and(|from| value >= from),
        Bound::Excluded(point) => read(point).is_some_and(|from| value > from),
    };
    after
        && match to {
            Bound::Unbounded => true,
            Bound::Included(point) => read(point).is_some_and(|to| value <= to),
            Bound::Excluded(point) => read(point).is_some_and(|to| value < to),
        }
}
