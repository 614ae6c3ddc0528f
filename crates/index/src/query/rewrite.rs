//! Queries made of queries: with pseudonyms beside clear ids, with moments in the place of lengths of time.

use std::ops::Bound;

use super::error::QueryError;
use super::field::Field;
use super::{Ast, Point, Test};
use crate::limits::QUERY_TERMS_MAX;

/// Paths whose values policy may have replaced by pseudonyms.
pub const ID_PATHS: [&str; 5] =
    ["actor.id", "actor.name", "actor.on_behalf_of", "target", "target.id"];

/// The query with each whole id joined by the pseudonyms that `of` gives for it; whoever owns the keys owns `of`.
///
/// Wildcards are left alone: what a pseudonym stands for cannot be listed.
pub fn with_pseudonyms(ast: Ast, of: &dyn Fn(&str) -> Vec<String>) -> Result<Ast, QueryError> {
    let mut terms = 0;
    rewrite(ast, of, &mut terms)
}

/// The query with the moment in the place of each length of time before `now_ns`: it means the same whenever it is asked.
pub fn fixed_at(ast: Ast, now_ns: u64) -> Ast {
    let each = |asts: Vec<Ast>| asts.into_iter().map(|ast| fixed_at(ast, now_ns)).collect();
    let end = |end: Bound<Point>| {
        end.map(|point| match point {
            Point::Ago(_) => Point::At(point.moment_ns(now_ns).unwrap_or_default()),
            other => other,
        })
    };
    match ast {
        Ast::And(all) => Ast::And(each(all)),
        Ast::Or(any) => Ast::Or(each(any)),
        Ast::Not(inner) => Ast::Not(Box::new(fixed_at(*inner, now_ns))),
        Ast::Field(field, Test::Range(from, to)) => {
            Ast::Field(field, Test::Range(end(from), end(to)))
        }
        other => other,
    }
}

fn rewrite(
    ast: Ast,
    of: &dyn Fn(&str) -> Vec<String>,
    terms: &mut usize,
) -> Result<Ast, QueryError> {
    let mut each = |asts: Vec<Ast>| -> Result<Vec<Ast>, QueryError> {
        asts.into_iter().map(|ast| rewrite(ast, of, terms)).collect()
    };
    Ok(match ast {
        Ast::And(all) => Ast::And(each(all)?),
        Ast::Or(any) => Ast::Or(each(any)?),
        Ast::Not(inner) => Ast::Not(Box::new(rewrite(*inner, of, terms)?)),
        Ast::Word(word) => {
            let others = of(&word);
            let found = others.into_iter().map(Ast::Word).collect();
            with(Ast::Word(word), found, terms)?
        }
        Ast::Field(Field::Path(path), Test::Equals(id)) if ID_PATHS.contains(&&*path) => {
            // A target may be asked for as `type/id`.
            let (kind, bare) = match id.split_once('/') {
                Some((kind, bare)) if path == "target" => (format!("{kind}/"), bare),
                _ => (String::new(), &*id),
            };
            let field = Field::Path(path);
            let found = of(bare).into_iter();
            let found = found
                .map(|other| Ast::Field(field.clone(), Test::Equals(format!("{kind}{other}"))))
                .collect();
            with(Ast::Field(field, Test::Equals(id)), found, terms)?
        }
        other => other,
    })
}

fn with(clear: Ast, mut others: Vec<Ast>, terms: &mut usize) -> Result<Ast, QueryError> {
    if others.is_empty() {
        return Ok(clear);
    }
    *terms += others.len();
    if *terms > QUERY_TERMS_MAX {
        let message = format!("the query's ids stand for more than {QUERY_TERMS_MAX} pseudonyms");
        return Err(QueryError::limit(0, message));
    }
    others.insert(0, clear);
    Ok(Ast::Or(others))
}
