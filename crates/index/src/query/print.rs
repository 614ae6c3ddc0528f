//! The text of a query's tree, which reads back as the same tree.

use std::fmt::{self, Write};
use std::ops::Bound;

use super::field::{Field, Kind};
use super::parse::plain_test;
use super::special::push_escaped;
use super::{Ast, Net, Point, Test, moment};

impl fmt::Display for Ast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ast::All => f.write_char('*'),
            Ast::Word(word) => f.write_str(&escaped_word(word)),
            Ast::WordLike(glob) => f.write_str(&escape_start(glob.to_string())),
            Ast::Phrase(phrase) => f.write_str(&quoted(phrase)),
            Ast::Field(field, test) => f.write_str(&field_text(field, test)),
            Ast::Not(inner) => write!(f, "-{}", in_brackets(inner, true)),
            Ast::And(all) => {
                join(f, all.iter().map(|ast| in_brackets(ast, matches!(ast, Ast::Or(_)))), " ")
            }
            Ast::Or(any) => join(f, any.iter().map(|ast| in_brackets(ast, false)), " OR "),
        }
    }
}

fn join(
    f: &mut fmt::Formatter<'_>,
    parts: impl Iterator<Item = String>,
    between: &str,
) -> fmt::Result {
    for (place, part) in parts.enumerate() {
        f.write_str(if place > 0 { between } else { "" })?;
        f.write_str(&part)?;
    }
    Ok(())
}

fn in_brackets(ast: &Ast, needed: bool) -> String {
    let compound = matches!(ast, Ast::And(_) | Ast::Or(_));
    if needed && compound { format!("({ast})") } else { ast.to_string() }
}

fn field_text(field: &Field, test: &Test) -> String {
    let name = name_text(field);
    match test {
        Test::Exists => format!("{name}:*"),
        Test::Is(text) => format!("{name}:{text}"),
        Test::Like(glob) => format!("{name}:{}", escape_value_start(glob.to_string())),
        Test::Net(net) => format!("{name}:{net}"),
        Test::Equals(text) => {
            let plain: String = escape_value_start(escaped(text));
            let same = matches!(field.kind(), Kind::Any | Kind::Text)
                && plain_test(&plain) == Some(Test::Equals(text.clone()));
            if same && plain == *text {
                format!("{name}:{text}")
            } else {
                format!("{name}:{}", quoted(text))
            }
        }
        Test::Range(Bound::Included(from), Bound::Unbounded) if *field == Field::Time => {
            format!("since:{from}")
        }
        Test::Range(Bound::Unbounded, Bound::Excluded(to)) if *field == Field::Time => {
            format!("until:{to}")
        }
        Test::Range(Bound::Included(from), Bound::Unbounded) => format!("{name}>={from}"),
        Test::Range(Bound::Excluded(from), Bound::Unbounded) => format!("{name}>{from}"),
        Test::Range(Bound::Unbounded, Bound::Included(to)) => format!("{name}<={to}"),
        Test::Range(Bound::Unbounded, Bound::Excluded(to)) => format!("{name}<{to}"),
        Test::Range(from, to) => {
            let (open, from) = match from {
                Bound::Included(point) => ('[', point.to_string()),
                Bound::Excluded(point) => ('{', point.to_string()),
                Bound::Unbounded => ('[', "*".to_owned()),
            };
            let (close, to) = match to {
                Bound::Included(point) => (']', point.to_string()),
                Bound::Excluded(point) => ('}', point.to_string()),
                Bound::Unbounded => (']', "*".to_owned()),
            };
            format!("{name}:{open}{from} TO {to}{close}")
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Point::Number(text) => f.write_str(text),
            Point::At(ns) => f.write_str(&moment::print(*ns)),
            Point::Ago(seconds) => f.write_str(&moment::print_length(*seconds)),
            Point::Address(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.address.is_ipv4() { 32 } else { 128 };
        if self.bits == whole {
            self.address.fmt(f)
        } else {
            write!(f, "{}/{}", self.address, self.bits)
        }
    }
}

fn name_text(field: &Field) -> String {
    let name = field.name();
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '$' | '/');
    if name.chars().all(plain) { name } else { quoted(&name) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    text.chars().for_each(|character| push_escaped(&mut out, character));
    out
}

fn escaped_word(word: &str) -> String {
    escape_start(escaped(word))
}

/// A bare word must not begin as `-not` does, nor be a word of the language.
fn escape_start(word: String) -> String {
    if word.starts_with('-') || matches!(&*word, "AND" | "OR" | "NOT") {
        format!("\\{word}")
    } else {
        word
    }
}

/// A value must not begin as a range does.
fn escape_value_start(value: String) -> String {
    if value.starts_with(['[', '{']) { format!("\\{value}") } else { value }
}
