//! From a query's tree to the engine's own queries. It has to find what [`crate::query::matches`] finds, and nothing else.

use std::collections::BTreeSet;
use std::ops::{Bound, RangeInclusive};
use std::sync::Arc;

use tantivy::query::{AllQuery, BooleanQuery, EmptyQuery, Occur, PhraseQuery, Query, TermSetQuery};
use tantivy::schema::Field as Column;
use tantivy::{TantivyError, Term};

use crate::doc::{address_number, texts_of, value_of};
use crate::limits::{UNION_TERMS_MAX, VALUE_BYTES_MAX, WILDCARD_SCAN_MAX, WILDCARD_VALUES_MAX};
use crate::meet::Meet;
use crate::query::{
    Ast, BARE_PATHS, Field, Glob, Net, Point, QueryError, Test, address_range, canonical_word,
};
use crate::schema::{
    AUTH, GRADE, SEQ, STREAM, Texts, WRITER, address_column, moment_column, number_column,
    path_key, text_key, word_key,
};
use crate::snapshot::Snapshot;
use crate::steady::Steady;
use crate::terms::Terms;
use crate::within::{Range, Within};
use crate::words::{cut, words};

/// Why a query cannot be compiled.
pub(crate) enum CompileError {
    Query(QueryError),
    Engine(TantivyError),
}

impl From<TantivyError> for CompileError {
    fn from(error: TantivyError) -> CompileError {
        CompileError::Engine(error)
    }
}

impl From<std::io::Error> for CompileError {
    fn from(error: std::io::Error) -> CompileError {
        CompileError::Engine(error.into())
    }
}

type Compiled = Result<Box<dyn Query>, CompileError>;

/// Compiles queries for one snapshot.
pub(crate) struct Compiler<'a> {
    snapshot: &'a Snapshot,
    now_ns: u64,
    /// Whether what is compiled is one of several that all have to be: the engine is quicker at those with terms of its own.
    is_joined: bool,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, now_ns: u64) -> Compiler<'a> {
        Compiler { snapshot, now_ns, is_joined: false }
    }

    pub(crate) fn query(&self, ast: &Ast) -> Compiled {
        if let Some(terms) = self.few(ast) {
            return Ok(self.terms(terms));
        }
        Ok(match ast {
            Ast::All => Box::new(AllQuery),
            Ast::Word(word) => any(vec![self.terms(self.ids(word)), self.phrase(word)]),
            Ast::WordLike(glob) => {
                let lower = glob.to_lowercase();
                let words = [Texts::behind("", &lower.prefix())];
                let mut each = vec![self.like(self.snapshot.fields.words, &words, &lower)?];
                for path in BARE_PATHS {
                    each.push(self.strings_like(path, glob)?);
                }
                any(each)
            }
            Ast::Phrase(text) => self.phrase(text),
            Ast::Field(field, test) => self.field(field, test)?,
            Ast::Not(inner) => not(self.query(inner)?),
            Ast::Or(each) => {
                any(each.iter().map(|ast| self.query(ast)).collect::<Result<_, _>>()?)
            }
            Ast::And(each) => self.all(each.iter())?,
        })
    }

    /// What must not be stands beside what must, so that it is never listed on its own.
    pub(crate) fn all<'q>(&self, each: impl Iterator<Item = &'q Ast>) -> Compiled {
        let each: Vec<&Ast> = each.flat_map(parts_of).filter(|ast| **ast != Ast::All).collect();
        if each.len() > 1
            && let Some(few) = each.iter().map(|ast| self.few(ast)).collect()
        {
            return Ok(Box::new(Meet(few)));
        }
        let joined = Compiler { is_joined: self.is_joined || each.len() > 1, ..*self };
        let mut clauses = Vec::new();
        for ast in each {
            clauses.push(match ast {
                Ast::Not(inner) => (Occur::MustNot, steady(joined.query(inner)?)),
                other => (Occur::Must, joined.query(other)?),
            });
        }
        if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
            clauses.push((Occur::Must, Box::new(AllQuery)));
        }
        if clauses.len() > 1 {
            return Ok(Box::new(BooleanQuery::new(clauses)));
        }
        Ok(clauses.pop().map_or_else(nothing, |(_, must)| must))
    }

    fn field(&self, field: &Field, test: &Test) -> Compiled {
        let range = |bounds| self.within(Range::Index(bounds));
        Ok(match field {
            Field::Time => self.clock(test, Range::Time),
            Field::Received => self.clock(test, Range::Received),
            Field::Index => match test {
                Test::Range(from, to) => {
                    number_bounds(from, to).map_or_else(nothing, |b| range(counts(&b)))
                }
                Test::Exists => Box::new(AllQuery),
                _ => nothing(),
            },
            _ if is_everywhere(field, test) => Box::new(AllQuery),
            _ => path_of(field).map_or_else(|| Ok(nothing()), |path| self.path(path, test))?,
        })
    }

    fn path(&self, path: &str, test: &Test) -> Compiled {
        Ok(match test {
            Test::Exists | Test::Equals(_) | Test::Is(_) => {
                self.path_terms(path, test).map_or_else(nothing, |terms| self.terms(terms))
            }
            Test::Like(glob) => self.strings_like(path, glob)?,
            Test::Net(net) => {
                any(vec![self.terms(self.strings(path, &net.to_string())), self.net(path, *net)])
            }
            Test::Range(from, to) => {
                let number = number_bounds(from, to);
                let number = number.map(|bounds| Range::Number(number_column(path), bounds));
                let moment = || {
                    moment_bounds(from, to, self.now_ns)
                        .map(|b| Range::Moment(moment_column(path), signed(&b)))
                };
                let address =
                    || address_bounds(from, to).map(|b| Range::Address(address_column(path), b));
                number
                    .or_else(moment)
                    .or_else(address)
                    .map_or_else(nothing, |range| self.within(range))
            }
        })
    }

    fn net(&self, path: &str, net: Net) -> Box<dyn Query> {
        self.within(Range::Address(address_column(path), address_range(net)))
    }

    fn clock(&self, test: &Test, make: fn(RangeInclusive<u64>) -> Range) -> Box<dyn Query> {
        match test {
            Test::Exists => Box::new(AllQuery),
            Test::Range(from, to) => {
                let bounds = moment_bounds(from, to, self.now_ns);
                bounds.map_or_else(nothing, |bounds| self.within(make(bounds)))
            }
            _ => nothing(),
        }
    }

    fn within(&self, range: Range) -> Box<dyn Query> {
        Box::new(Within { range, segments: Arc::clone(&self.snapshot.by_id) })
    }

    /// The query as a few terms of which an entry has one, if it is no more than that.
    fn few(&self, ast: &Ast) -> Option<Terms> {
        match ast {
            Ast::Word(word) => Some(self.ids(word).or(self.word(word)?)),
            Ast::Phrase(text) => self.word(text),
            Ast::Field(field, test) if !is_everywhere(field, test) => {
                self.path_terms(path_of(field)?, test)
            }
            _ => None,
        }
    }

    fn path_terms(&self, path: &str, test: &Test) -> Option<Terms> {
        let value = |key: String| Terms::of(self.snapshot.fields.values, [key]);
        Some(match test {
            Test::Exists => value(path_key(path)),
            Test::Equals(text) => self.strings(path, text),
            Test::Is(text) => {
                self.strings(path, text).or(value(word_key(path, &canonical_word(text))))
            }
            _ => return None,
        })
    }

    /// A string, cut as it is in the index.
    fn strings(&self, path: &str, text: &str) -> Terms {
        let text = cut(text, VALUE_BYTES_MAX);
        let keys = texts_of(&path).iter().map(|path| text_key(path, text));
        Terms::of(self.snapshot.fields.values, keys)
    }

    /// A whole id at any of the paths in which bare words are looked for.
    fn ids(&self, text: &str) -> Terms {
        let each = BARE_PATHS.iter().map(|path| self.strings(path, text));
        each.reduce(Terms::or).unwrap_or_default()
    }

    /// A text of one word.
    fn word(&self, text: &str) -> Option<Terms> {
        let mut words = words(text);
        let word = words.next().filter(|_| words.next().is_none())?;
        Some(Terms::of(self.snapshot.fields.words, [word]))
    }

    /// A text of several words, or of none; one of a single word is one of [`Compiler::few`].
    fn phrase(&self, text: &str) -> Box<dyn Query> {
        let column = self.snapshot.fields.words;
        let terms: Vec<Term> =
            words(text).map(|word| Term::from_field_text(column, &word)).collect();
        if terms.is_empty() { nothing() } else { Box::new(PhraseQuery::new(terms)) }
    }

    fn terms(&self, terms: Terms) -> Box<dyn Query> {
        if self.is_joined { terms.of_engine() } else { Box::new(terms) }
    }

    fn strings_like(&self, path: &str, glob: &Glob) -> Compiled {
        let each = texts_of(&path).iter().flat_map(|path| Texts::at(path, &glob.prefix()));
        self.like(self.snapshot.fields.values, &each.collect::<Vec<_>>(), glob)
    }

    /// Any of these terms whose text is as `glob` says.
    fn like(&self, column: Column, each: &[Texts], glob: &Glob) -> Compiled {
        let mut found = BTreeSet::new();
        let mut seen = 0;
        let readers = self.snapshot.searcher.segment_readers().iter();
        for (reader, texts) in readers.flat_map(|reader| each.iter().map(move |one| (reader, one)))
        {
            let index = reader.inverted_index(column)?;
            let mut terms = index.terms().range().ge(&texts.from).into_stream()?;
            while terms.advance() {
                let Some(text) = texts.text(terms.key()) else { break };
                seen += 1;
                if seen > WILDCARD_SCAN_MAX {
                    let message = format!(
                        "to find what `{glob}` stands for, over {WILDCARD_SCAN_MAX} values would be looked at, which is the limit; let it begin with more than `{}`",
                        glob.prefix()
                    );
                    return Err(CompileError::Query(QueryError::limit(0, message)));
                }
                if glob.matches(&text) {
                    found.insert(String::from_utf8_lossy(terms.key()).into_owned());
                }
                if found.len() > WILDCARD_VALUES_MAX {
                    let message = format!(
                        "`{glob}` stands for over {WILDCARD_VALUES_MAX} values, which is the limit; make it narrower"
                    );
                    return Err(CompileError::Query(QueryError::limit(0, message)));
                }
            }
        }
        if found.len() <= UNION_TERMS_MAX {
            return Ok(self.terms(Terms::of(column, found)));
        }
        let terms = found.iter().map(|key| Term::from_field_text(column, key));
        Ok(Box::new(TermSetQuery::new(terms)))
    }
}

/// Whether every entry has the field, so that no term says it.
fn is_everywhere(field: &Field, test: &Test) -> bool {
    matches!((field, test), (Field::Writer | Field::Auth | Field::Grade, Test::Exists))
}

/// The path under which a field's values are terms, if they are.
fn path_of(field: &Field) -> Option<&str> {
    Some(match field {
        Field::Seq => SEQ,
        Field::Stream => STREAM,
        Field::Writer => WRITER,
        Field::Auth => AUTH,
        Field::Grade => GRADE,
        Field::Path(path) => path,
        Field::Time | Field::Received | Field::Index => return None,
    })
}

/// `AND` inside of `AND`, where a scope meets a query, says no more than one.
fn parts_of(ast: &Ast) -> &[Ast] {
    if let Ast::And(each) = ast { each } else { std::slice::from_ref(ast) }
}

fn nothing() -> Box<dyn Query> {
    Box::new(EmptyQuery)
}

fn steady(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(Steady(query))
}

fn not(query: Box<dyn Query>) -> Box<dyn Query> {
    let all: Box<dyn Query> = Box::new(AllQuery);
    Box::new(BooleanQuery::new(vec![(Occur::Must, all), (Occur::MustNot, steady(query))]))
}

fn any(mut each: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match (each.len(), each.pop()) {
        (_, None) => nothing(),
        (1, Some(one)) => one,
        (_, Some(last)) => {
            each.push(last);
            Box::new(BooleanQuery::union(each))
        }
    }
}

fn moment_bounds(
    from: &Bound<Point>,
    to: &Bound<Point>,
    now_ns: u64,
) -> Option<RangeInclusive<u64>> {
    let read = |point: &Point| point.moment_ns(now_ns);
    let start = match from {
        Bound::Unbounded => 0,
        Bound::Included(point) => read(point)?,
        Bound::Excluded(point) => read(point)?.checked_add(1)?,
    };
    let end = match to {
        Bound::Unbounded => u64::MAX,
        Bound::Included(point) => read(point)?,
        Bound::Excluded(point) => read(point)?.checked_sub(1)?,
    };
    Some(start..=end)
}

fn address_bounds(from: &Bound<Point>, to: &Bound<Point>) -> Option<RangeInclusive<u128>> {
    let read = |point: &Point| match point {
        Point::Address(address) => Some(address_number(*address)),
        _ => None,
    };
    let start = match from {
        Bound::Unbounded => 0,
        Bound::Included(point) => read(point)?,
        Bound::Excluded(point) => read(point)?.checked_add(1)?,
    };
    let end = match to {
        Bound::Unbounded => u128::MAX,
        Bound::Included(point) => read(point)?,
        Bound::Excluded(point) => read(point)?.checked_sub(1)?,
    };
    Some(start..=end)
}

fn number_bounds(from: &Bound<Point>, to: &Bound<Point>) -> Option<RangeInclusive<f64>> {
    let read = |point: &Point| match point {
        Point::Number(text) => value_of(text),
        _ => None,
    };
    // There is one zero, the positive one: the number below 5e-324 is it, and above it no -0.0 is in a column.
    let start = match from {
        Bound::Unbounded => f64::NEG_INFINITY,
        Bound::Included(point) => read(point)?,
        Bound::Excluded(point) => read(point)?.next_up() + 0.0,
    };
    let end = match to {
        Bound::Unbounded => f64::INFINITY,
        Bound::Included(point) => read(point)?,
        Bound::Excluded(point) => read(point)?.next_down(),
    };
    Some(start..=end)
}

/// The whole numbers from 0 on that lie between two doubles.
#[expect(clippy::cast_sign_loss, reason = "below zero is cut off before")]
fn counts(bounds: &RangeInclusive<f64>) -> RangeInclusive<u64> {
    let start = bounds.start().ceil().max(0.0);
    let end = bounds.end().floor();
    if end < 0.0 {
        return RangeInclusive::new(1, 0);
    }
    start as u64..=end as u64
}

/// Moments are below the year 2262, so that only an open end does not fit.
fn signed(bounds: &RangeInclusive<u64>) -> RangeInclusive<i64> {
    let fit = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
    fit(*bounds.start())..=fit(*bounds.end())
}
