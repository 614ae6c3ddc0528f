//! What clients write when they ask the catalogue and the engine does not read, after what the library rewrites: each is put into
//! words that mean the same.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    ObjectName, Query, Select, SelectItem, SetExpr, Statement, TableFactor, Visit as _,
    VisitMut as _, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::shown::list;

/// Functions of many rows: a subquery that selects one of them gives one row.
const OF_ROWS: [&str; 10] = [
    "array_agg",
    "avg",
    "bool_and",
    "bool_or",
    "count",
    "first_value",
    "max",
    "min",
    "string_agg",
    "sum",
];
/// How the library asks for a function's number.
const FUNCTION_NUMBER: &str = "SELECT oid FROM pg_catalog.pg_proc WHERE proname = '";

/// Rewrites a statement. Recurses as deep as it nests.
pub(super) fn rewrite(statement: &mut Statement) {
    let ControlFlow::Continue(()) = statement.visit(&mut Rewrites);
}

struct Rewrites;

impl VisitorMut for Rewrites {
    type Break = Infallible;

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Infallible> {
        name_apart(select);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        let text = match expr {
            Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("array") => {
                match &function.args {
                    FunctionArguments::Subquery(query) => array(query),
                    _ => None,
                }
            }
            Expr::Subquery(query) => one_row(query),
            Expr::CompoundFieldAccess { root, access_chain } => field(root, access_chain),
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => input(left, right),
            _ => None,
        };
        let read = text.and_then(|text| {
            Parser::new(&PostgreSqlDialect {}).try_with_sql(&text).ok()?.parse_expr().ok()
        });
        if let Some(read) = read {
            *expr = read;
        }
        ControlFlow::Continue(())
    }
}

/// `ARRAY(SELECT …)`: the list of a subquery's values.
fn array(query: &Query) -> Option<String> {
    let select = plain(query)?;
    if select.from.iter().any(|from| unfolds(&from.relation)) {
        return Some("arrow_cast(make_array(), 'List(Utf8)')".to_owned());
    }
    let value = value(select)?;
    let order = query.order_by.as_ref().map(ToString::to_string);
    let order = match order.as_deref().map(|order| order.trim_start_matches("ORDER BY ")) {
        None => String::new(),
        // Nothing but a name is written twice: what nests would grow with every level.
        Some("1") if name(value).is_some() => format!(" ORDER BY {value}"),
        Some(place) if place.starts_with(|sign: char| sign.is_ascii_digit()) => return None,
        Some(order) => format!(" ORDER BY {order}"),
    };
    let value = format!("array_agg({value}{order})");
    let mut query = query.clone();
    query.order_by = None;
    Some(format!("coalesce(({}), make_array())", select_instead(query, &value)?))
}

/// Whether a table is made of another's column, which the engine cannot, and which no object here has anything in.
fn unfolds(from: &TableFactor) -> bool {
    let column = match from {
        TableFactor::Table { name, args: Some(args), .. } => match (last(name), &*args.args) {
            (Some(function), [FunctionArg::Unnamed(FunctionArgExpr::Expr(column))])
                if function.eq_ignore_ascii_case("unnest") =>
            {
                column
            }
            _ => return false,
        },
        TableFactor::UNNEST { array_exprs, .. } => match &**array_exprs {
            [column] => column,
            _ => return false,
        },
        _ => return false,
    };
    name(column).is_some_and(|name| list(name).is_some() && !name.ends_with("acl"))
}

/// The name of what is only a column.
fn name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Identifier(name) => Some(&name.value),
        Expr::CompoundIdentifier(names) => Some(&names.last()?.value),
        _ => None,
    }
}

/// A subquery for each row of what is around it: the engine wants to see that it gives one row.
fn one_row(query: &Query) -> Option<String> {
    let value = value(plain(query)?)?;
    let mut names = Names::default();
    let ControlFlow::Continue(()) = query.visit(&mut names);
    let is_free = names.asked.iter().any(|name| !names.known.contains(name));
    if !is_free || names.is_of_rows || query.limit_clause.is_some() {
        return None;
    }
    let value = format!("first_value({value})");
    Some(format!("({})", select_instead(query.clone(), &value)?))
}

/// `(value).field`
fn field(root: &Expr, access: &[AccessExpr]) -> Option<String> {
    let [AccessExpr::Dot(Expr::Identifier(name))] = access else { return None };
    Some(format!("get_field({root}, '{}')", name.value.replace('\'', "''")))
}

/// `typinput = '…'::regproc`: those columns are the functions' names.
fn input(left: &Expr, right: &Expr) -> Option<String> {
    let (Some(column), Expr::Subquery(query)) = (name(left), right) else { return None };
    let query = query.to_string();
    let (function, _) = query.strip_prefix(FUNCTION_NUMBER)?.split_once('\'')?;
    let function = function.rsplit('.').next()?;
    column.starts_with("typ").then(|| format!("{left} = '{function}'"))
}

/// Gives columns of one result names of their own where two would have the same, as two times `NULL`.
fn name_apart(select: &mut Select) {
    let mut seen = BTreeSet::new();
    for (place, item) in select.projection.iter_mut().enumerate() {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        let mut bare = &*expr;
        while let Expr::Cast { expr: inner, .. } | Expr::Nested(inner) = bare {
            bare = inner;
        }
        // The engine calls every subquery the same.
        let name = match bare {
            Expr::Subquery(_) => String::new(),
            other => other.to_string(),
        };
        if !seen.insert(name) {
            let alias = Ident::new(format!("column{}", place + 1));
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }
}

fn plain(query: &Query) -> Option<&Select> {
    match &*query.body {
        SetExpr::Select(select) if select.distinct.is_none() => Some(select),
        _ => None,
    }
}

fn value(select: &Select) -> Option<&Expr> {
    match &*select.projection {
        [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] => Some(expr),
        _ => None,
    }
}

fn select_instead(mut query: Query, value: &str) -> Option<Query> {
    let SetExpr::Select(select) = &mut *query.body else { return None };
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(value).ok()?;
    select.projection = vec![SelectItem::UnnamedExpr(parser.parse_expr().ok()?)];
    Some(query)
}

/// The tables that a subquery names and those whose columns it asks for.
#[derive(Default)]
struct Names {
    known: BTreeSet<String>,
    asked: BTreeSet<String>,
    is_of_rows: bool,
}

impl Visitor for Names {
    type Break = Infallible;

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Infallible> {
        let (name, alias) = match factor {
            TableFactor::Table { name, alias, .. } => (last(name), alias),
            TableFactor::Derived { alias, .. } | TableFactor::UNNEST { alias, .. } => (None, alias),
            _ => (None, &None),
        };
        self.known.extend(alias.as_ref().map(|alias| alias.name.value.clone()).or(name));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Infallible> {
        match expr {
            Expr::CompoundIdentifier(words) => {
                self.asked.extend(words.iter().rev().nth(1).map(|word| word.value.clone()));
            }
            Expr::Function(function) => {
                let name = function.name.to_string().to_ascii_lowercase();
                self.is_of_rows |= OF_ROWS.contains(&name.as_str());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn last(name: &ObjectName) -> Option<String> {
    Some(name.0.last()?.as_ident()?.value.clone())
}
