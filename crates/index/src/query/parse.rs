//! From a query's text to its tree.

use std::net::IpAddr;
use std::ops::Bound;

use super::error::QueryError;
use super::field::{Field, Kind};
use super::lexer::{Bare, Lexer, ends_value};
use super::special::is_special;
use super::{Ast, Net, Point, Test, moment};
use crate::doc::is_number;
use crate::limits::{QUERY_BYTES_MAX, QUERY_DEPTH_MAX, QUERY_TERMS_MAX};
use crate::words::words;

/// Reads a query. Nothing but white space asks for everything.
pub fn parse(text: &str) -> Result<Ast, QueryError> {
    if text.len() > QUERY_BYTES_MAX {
        let message = format!("the query has {} bytes; the limit is {QUERY_BYTES_MAX}", text.len());
        return Err(QueryError::limit(0, message));
    }
    let mut parser = Parser { lexer: Lexer::new(text), terms: 0, depth: 0 };
    parser.lexer.skip_white();
    if parser.lexer.peek().is_none() {
        return Ok(Ast::All);
    }
    let ast = parser.any()?;
    match parser.lexer.peek() {
        None => Ok(ast),
        Some(_) => Err(QueryError::bad(parser.lexer.column, "this bracket was never opened")),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    terms: usize,
    depth: usize,
}

impl Parser<'_> {
    /// Alternatives with `OR` between them.
    fn any(&mut self) -> Result<Ast, QueryError> {
        let mut any = Vec::new();
        loop {
            match self.all()? {
                Ast::Or(inner) => any.extend(inner),
                other => any.push(other),
            }
            if !self.lexer.take_keyword("OR") {
                break;
            }
        }
        Ok(one_or(any, Ast::Or))
    }

    /// What stands side by side, with or without `AND`.
    fn all(&mut self) -> Result<Ast, QueryError> {
        let mut all = Vec::new();
        loop {
            match self.maybe_not()? {
                Ast::And(inner) => all.extend(inner),
                other => all.push(other),
            }
            self.lexer.skip_white();
            if self.lexer.take_keyword("AND") {
                continue;
            }
            let is_or = self.lexer.clone().take_keyword("OR");
            if is_or || matches!(self.lexer.peek(), None | Some(')')) {
                break;
            }
        }
        Ok(one_or(all, Ast::And))
    }

    fn maybe_not(&mut self) -> Result<Ast, QueryError> {
        let mut negated = false;
        loop {
            self.lexer.skip_white();
            let is_word = self.lexer.take_keyword("NOT");
            if !is_word && !self.lexer.take('-') {
                break;
            }
            negated = !negated;
        }
        Ok(match (negated, self.one()?) {
            (false, ast) => ast,
            (true, Ast::Not(inner)) => *inner,
            (true, ast) => Ast::Not(Box::new(ast)),
        })
    }

    /// A bracket, a phrase, a word or a test of a field.
    fn one(&mut self) -> Result<Ast, QueryError> {
        let column = self.lexer.column;
        self.terms += 1;
        if self.terms > QUERY_TERMS_MAX {
            let message =
                format!("the query has more than {QUERY_TERMS_MAX} terms, which is the limit");
            return Err(QueryError::limit(column, message));
        }
        if self.lexer.take('(') {
            return self.bracket(column);
        }
        let keyword = ["AND", "OR"].into_iter().find(|word| self.lexer.clone().take_keyword(word));
        if let Some(keyword) = keyword {
            let message =
                format!("found `{keyword}` where a term is needed; to find the word, quote it");
            return Err(QueryError::bad(column, message).suggest(format!("\"{keyword}\"")));
        }
        if self.lexer.peek() == Some('"') {
            let text = self.lexer.quoted()?;
            let is_name = matches!(self.lexer.peek(), Some(':' | '=' | '<' | '>'));
            return if is_name { self.test(column, &text) } else { phrase(column, text) };
        }
        let bare = self.lexer.bare(is_special)?;
        if matches!(self.lexer.peek(), Some(':' | '=' | '<' | '>')) {
            return self.test(column, &bare.raw);
        }
        self.word(column, &bare)
    }

    fn bracket(&mut self, column: usize) -> Result<Ast, QueryError> {
        self.depth += 1;
        if self.depth > QUERY_DEPTH_MAX {
            let message =
                format!("more than {QUERY_DEPTH_MAX} brackets are open, which is the limit");
            return Err(QueryError::limit(column, message));
        }
        let inner = self.any()?;
        self.depth -= 1;
        if !self.lexer.take(')') {
            return Err(QueryError::bad(column, "the bracket is never closed; add `)`"));
        }
        Ok(inner)
    }

    fn word(&self, column: usize, bare: &Bare) -> Result<Ast, QueryError> {
        if bare.raw.is_empty() {
            let found = self.lexer.found();
            return Err(QueryError::bad(column, format!("found {found} where a term is needed")));
        }
        if bare.glob.is_anything() {
            return Ok(Ast::All);
        }
        Ok(bare.glob.literal().map_or_else(|| Ast::WordLike(bare.glob.clone()), Ast::Word))
    }

    /// What stands behind a field's name.
    fn test(&mut self, column: usize, name: &str) -> Result<Ast, QueryError> {
        let field = Field::named(name).ok_or_else(|| unknown_field(column, name))?;
        let relation = self.relation();
        let column = self.lexer.column;
        let is_end = matches!(name, "since" | "until");
        if is_end && relation != Relation::Is {
            let message = format!("`{name}` takes `:` and a time; for other relations use `time`");
            return Err(QueryError::bad(column, message));
        }
        let test = match (relation, self.lexer.peek()) {
            (Relation::Is, Some('[' | '{')) if !is_end => self.range(&field)?,
            (Relation::Is, Some('"')) => {
                let text = self.lexer.quoted()?;
                if is_end {
                    end_of_time(column, name, &text)?
                } else {
                    exactly(column, &field, text)?
                }
            }
            (relation, _) => {
                let bare = self.lexer.bare(ends_value)?;
                if bare.raw.is_empty() {
                    let found = self.lexer.found();
                    let message =
                        format!("`{name}` has no value: found {found}; quote an empty one");
                    return Err(QueryError::bad(column, message));
                }
                match relation {
                    Relation::Is if is_end => end_of_time(column, name, &bare.raw)?,
                    Relation::Is => value(column, &field, &bare)?,
                    order => order.range(point(column, &field, &bare.raw)?),
                }
            }
        };
        Ok(Ast::Field(field, test))
    }

    fn relation(&mut self) -> Relation {
        let is_open = self.lexer.take(':');
        if !matches!(self.lexer.peek(), Some('<' | '>')) {
            if !is_open {
                self.lexer.take('=');
            }
            return Relation::Is;
        }
        let is_less = self.lexer.next() == Some('<');
        match (is_less, self.lexer.take('=')) {
            (true, true) => Relation::AtMost,
            (true, false) => Relation::Less,
            (false, true) => Relation::AtLeast,
            (false, false) => Relation::More,
        }
    }

    /// `[a TO b]`, whose opening bracket is next; a curly one leaves its end out.
    fn range(&mut self, field: &Field) -> Result<Test, QueryError> {
        let start = self.lexer.column;
        let from_open = self.lexer.next() == Some('{');
        let from = self.range_end(field)?;
        self.lexer.skip_white();
        if !self.lexer.take_keyword("TO") {
            let found = self.lexer.found();
            let message = format!("found {found} where a range needs `TO`, as in `[1 TO 9]`");
            return Err(QueryError::bad(self.lexer.column, message));
        }
        let to = self.range_end(field)?;
        self.lexer.skip_white();
        let to_open = match self.lexer.next() {
            Some(']') => false,
            Some('}') => true,
            _ => return Err(QueryError::bad(start, "the range is never closed; add `]`")),
        };
        between(start, bound(from, from_open), bound(to, to_open))
    }

    fn range_end(&mut self, field: &Field) -> Result<Option<Point>, QueryError> {
        self.lexer.skip_white();
        let column = self.lexer.column;
        let bare = self.lexer.bare(|c| ends_value(c) || matches!(c, ']' | '}'))?;
        if bare.raw == "*" { Ok(None) } else { point(column, field, &bare.raw).map(Some) }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    Is,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Relation {
    fn range(self, point: Point) -> Test {
        match self {
            Relation::Less => Test::Range(Bound::Unbounded, Bound::Excluded(point)),
            Relation::AtMost | Relation::Is => {
                Test::Range(Bound::Unbounded, Bound::Included(point))
            }
            Relation::More => Test::Range(Bound::Excluded(point), Bound::Unbounded),
            Relation::AtLeast => Test::Range(Bound::Included(point), Bound::Unbounded),
        }
    }
}

fn one_or(mut many: Vec<Ast>, make: fn(Vec<Ast>) -> Ast) -> Ast {
    match (many.len(), many.pop()) {
        (1, Some(one)) => one,
        (_, last) => {
            many.extend(last);
            make(many)
        }
    }
}

fn unknown_field(column: usize, name: &str) -> QueryError {
    let message = format!(
        "found `{name}`, which is no field; another key of events is `event.{name}`, a text stands in quotes"
    );
    let error = QueryError::bad(column, message);
    match Field::nearest(name) {
        Some(near) => error.suggest(near),
        None => error,
    }
}

fn phrase(column: usize, text: String) -> Result<Ast, QueryError> {
    if words(&text).next().is_none() {
        return Err(QueryError::bad(column, "there is no word in the quotes"));
    }
    Ok(Ast::Phrase(text))
}

/// A value in quotes: only for fields of text.
fn exactly(column: usize, field: &Field, text: String) -> Result<Test, QueryError> {
    match field.kind() {
        Kind::Any | Kind::Text => Ok(Test::Equals(text)),
        _ => typed(column, field, &text),
    }
}

fn value(column: usize, field: &Field, bare: &Bare) -> Result<Test, QueryError> {
    if bare.glob.is_anything() {
        return Ok(Test::Exists);
    }
    if let Some((from, to)) = dots(&bare.raw).filter(|_| field.kind() != Kind::Text) {
        let end = |text: &str| match text {
            "" => Ok(None),
            text => point(column, field, text).map(Some),
        };
        match (end(from), end(to)) {
            (Ok(from), Ok(to)) => {
                let half_open = matches!(to, Some(Point::At(_) | Point::Ago(_)));
                return between(column, bound(from, false), bound(to, half_open));
            }
            (Err(error), _) | (_, Err(error)) if field.kind() != Kind::Any => return Err(error),
            _ => {}
        }
    }
    if matches!(field.kind(), Kind::Time | Kind::Number) {
        return typed(column, field, &bare.raw);
    }
    let plain = if bare.has_escape { None } else { plain_test(&bare.raw) };
    Ok(plain.unwrap_or_else(|| {
        bare.glob.literal().map_or_else(|| Test::Like(bare.glob.clone()), Test::Equals)
    }))
}

/// `a..b`, `a..` or `..b`.
fn dots(text: &str) -> Option<(&str, &str)> {
    text.split_once("..").filter(|(from, to)| !from.is_empty() || !to.is_empty())
}

/// What a value without quotes and wildcards means for a field of text.
pub(super) fn plain_test(text: &str) -> Option<Test> {
    if text.contains(['*', '?', '\\']) || text.starts_with(['[', '{']) {
        return None;
    }
    if is_number(text) || matches!(text, "true" | "false" | "null") {
        return Some(Test::Is(text.to_owned()));
    }
    if let Some(net) = net(text) {
        return Some(Test::Net(net));
    }
    if let Some((from, to)) = dots(text) {
        let any = Field::Path(String::new());
        let is_end = |text: &str| text.is_empty() || point(0, &any, text).is_ok();
        if is_end(from) && is_end(to) {
            return None;
        }
    }
    (!text.is_empty() && !text.contains(ends_value)).then(|| Test::Equals(text.to_owned()))
}

fn net(text: &str) -> Option<Net> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
    let address: IpAddr = address.parse().ok()?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => whole,
        Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => bits.parse().ok()?,
        Some(_) => return None,
    };
    (bits <= whole).then_some(Net { address, bits })
}

/// The value of a field of times or numbers.
fn typed(column: usize, field: &Field, text: &str) -> Result<Test, QueryError> {
    let at = point(column, field, text)?;
    if let (Point::At(_), Some(span)) = (&at, moment::span(text)) {
        let (from, to) = (Point::At(span.start_ns), Point::At(span.end_ns));
        return Ok(Test::Range(Bound::Included(from), Bound::Excluded(to)));
    }
    Ok(Test::Range(Bound::Included(at.clone()), Bound::Included(at)))
}

fn end_of_time(column: usize, name: &str, text: &str) -> Result<Test, QueryError> {
    let at = point(column, &Field::Time, text)?;
    let relation = if name == "since" { Relation::AtLeast } else { Relation::Less };
    Ok(relation.range(at))
}

/// An end of a range.
fn point(column: usize, field: &Field, text: &str) -> Result<Point, QueryError> {
    let shown = || if text.is_empty() { "nothing".to_owned() } else { format!("`{text}`") };
    let time = || {
        let at = moment::span(text).map(|span| Point::At(span.start_ns));
        at.or_else(|| moment::length_s(text).map(Point::Ago))
    };
    let number = || is_number(text).then(|| Point::Number(text.to_owned()));
    let (point, wanted) = match field.kind() {
        Kind::Time => (time(), "a time: `2026-11-20`, `2026-11-20T22:55:01Z` or `24h` before now"),
        Kind::Number => (number(), "a number"),
        Kind::Text => (None, "one name or a wildcard, as names have no order"),
        Kind::Any => {
            let address = || text.parse().ok().map(Point::Address);
            (number().or_else(address).or_else(time), "a number, a time or an address")
        }
    };
    point.ok_or_else(|| {
        QueryError::bad(
            column,
            format!("found {} where `{}` needs {wanted}", shown(), field.name()),
        )
    })
}

fn bound(point: Option<Point>, open: bool) -> Bound<Point> {
    match point {
        None => Bound::Unbounded,
        Some(point) if open => Bound::Excluded(point),
        Some(point) => Bound::Included(point),
    }
}

/// A range whose ends are of one kind.
fn between(column: usize, from: Bound<Point>, to: Bound<Point>) -> Result<Test, QueryError> {
    let kind = |bound: &Bound<Point>| match bound {
        Bound::Unbounded => None,
        Bound::Included(point) | Bound::Excluded(point) => Some(match point {
            Point::Number(_) => "a number",
            Point::At(_) | Point::Ago(_) => "a time",
            Point::Address(_) => "an address",
        }),
    };
    match (kind(&from), kind(&to)) {
        (None, None) => Ok(Test::Exists),
        (Some(from), Some(to)) if from != to => {
            let message =
                format!("the range begins with {from} and ends with {to}; give both one type");
            Err(QueryError::bad(column, message))
        }
        _ => Ok(Test::Range(from, to)),
    }
}
