//! The query language: a text, the tree that it means, and whether an entry matches. `docs/search.md` describes it.
//!
//! Command line, HTTP and the user interface share this one reading; what is stored is [`Ast`]'s text, which reads back as
//! the same tree.

mod error;
mod field;
mod glob;
mod lexer;
mod matches;
pub(crate) mod moment;
mod parse;
mod print;
mod rewrite;
mod special;

use std::net::IpAddr;
use std::ops::Bound;

pub use error::{QueryError, QueryErrorKind};
pub use field::Field;
pub use glob::Glob;
pub use matches::matches;
pub(crate) use matches::{BARE_PATHS, address_range, canonical_word};
pub use parse::parse;
pub use rewrite::{ID_PATHS, fixed_at};

use crate::doc::UNPLAIN;

/// What a query means. Brackets, `AND` inside of `AND` and a double `NOT` leave no trace in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Ast {
    /// Every entry.
    All,
    /// A word of free text, or a whole id.
    Word(String),
    /// The same with wildcards.
    WordLike(Glob),
    /// Words of free text side by side.
    Phrase(String),
    /// A test of a field.
    Field(Field, Test),
    /// Not this.
    Not(Box<Ast>),
    /// All of these, at least two.
    And(Vec<Ast>),
    /// Any of these, at least two.
    Or(Vec<Ast>),
}

/// What a field is tested for. Where it has many values, one of them has to pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is there.
    Exists,
    /// It is this string.
    Equals(String),
    /// It is this number, `true`, `false` or `null`, or the string that reads so.
    Is(String),
    /// It is a string that the wildcards fit.
    Like(Glob),
    /// It is an address in this network, or the string that reads so.
    Net(Net),
    /// It lies between two points of one kind, at least one of which is there.
    Range(Bound<Point>, Bound<Point>),
}

/// Addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// Any of them.
    pub address: IpAddr,
    /// How many bits are fixed: at most 32 or 128.
    pub bits: u8,
}

/// An end of a range.
#[derive(Clone, Debug, PartialEq)]
pub enum Point {
    /// A number as it was written; compared as an IEEE 754 double.
    Number(String),
    /// A moment, in nanoseconds since 1970.
    At(u64),
    /// So many seconds before the query is asked.
    Ago(u64),
    /// An address; those of version 4 come before those of version 6.
    Address(IpAddr),
}

impl Ast {
    /// Finds entries that have a string at `path` elsewhere than where an event's field of this name stands, by a key with a dot in
    /// it or a list; and knows it of `action`, `actor.id`, `actor.type`, `outcome`, `target.id` and `target.type`.
    pub fn unplain(path: &str) -> Ast {
        Ast::Field(Field::Path(UNPLAIN.to_owned()), Test::Equals(path.to_owned()))
    }
}

impl Point {
    /// The moment, if it is one, for a query that is asked at `now_ns`.
    pub(crate) fn moment_ns(&self, now_ns: u64) -> Option<u64> {
        match self {
            Point::At(ns) => Some(*ns),
            Point::Ago(seconds) => {
                Some(now_ns.saturating_sub(seconds.saturating_mul(1_000_000_000)))
            }
            _ => None,
        }
    }
}
