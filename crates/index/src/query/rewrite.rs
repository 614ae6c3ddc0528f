//! Queries made of queries: with moments in the place of lengths of time.

use std::ops::Bound;

use super::{Ast, Point, Test};

/// Paths whose values policy may have replaced by pseudonyms.
pub const ID_PATHS: [&str; 5] =
    ["actor.id", "actor.name", "actor.on_behalf_of", "target", "target.id"];

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
