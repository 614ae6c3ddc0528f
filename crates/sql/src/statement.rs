//! What may be asked: one statement that reads, within its limits, checked before it is planned and after.

use std::collections::VecDeque;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::Statement as Plain;
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::QueryError;
use crate::failure::{explain, not_parsed};
use crate::filter::RowFilter;
use crate::limits::{STATEMENT_BYTES_MAX, STATEMENT_NESTING_MAX, STATEMENT_TOKENS_MAX};

/// Reads one statement that only reads.
pub(crate) fn parse(text: &str) -> Result<Statement, QueryError> {
    let dialect = GenericDialect {};
    check_size(text, &dialect)?;
    let statements = DFParserBuilder::new(text)
        .with_dialect(&dialect)
        .with_recursion_limit(STATEMENT_NESTING_MAX)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| explain(&error))?;
    let statement = only(statements)?;
    if reads(&statement) { Ok(statement) } else { Err(QueryError::ReadOnly) }
}

/// The words and signs of a statement that is not too long to plan: what walks its tree goes as deep as it has operators.
pub(crate) fn check_size(text: &str, dialect: &dyn Dialect) -> Result<Vec<Token>, QueryError> {
    if text.len() > STATEMENT_BYTES_MAX {
        let detail = format!(
            "the statement has {} bytes; the limit is {STATEMENT_BYTES_MAX}: shorten it, or ask in several",
            text.len()
        );
        return Err(QueryError::Limit(detail));
    }
    let tokens = Tokenizer::new(dialect, text).tokenize();
    let tokens = tokens.map_err(|error| not_parsed(&error.to_string()))?;
    let count = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).count();
    if count > STATEMENT_TOKENS_MAX {
        let detail = format!(
            "the statement has {count} words and signs; the limit is {STATEMENT_TOKENS_MAX}: ask for a range, or in several"
        );
        return Err(QueryError::Limit(detail));
    }
    Ok(tokens)
}

fn only(mut statements: VecDeque<Statement>) -> Result<Statement, QueryError> {
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => Ok(statement),
        (None, _) => {
            Err(QueryError::bad("there is no statement; try SELECT * FROM events LIMIT 10"))
        }
        (Some(_), more) => {
            let detail = format!("there are {} statements; send one at a time", more + 1);
            Err(QueryError::bad(detail))
        }
    }
}

fn reads(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(plain) => plain_reads(plain),
        Statement::Explain(explained) => reads(&explained.statement),
        _ => false,
    }
}

pub(crate) fn plain_reads(statement: &Plain) -> bool {
    match statement {
        Plain::Query(_)
        | Plain::ShowTables { .. }
        | Plain::ShowColumns { .. }
        | Plain::ExplainTable { .. } => true,
        Plain::Explain { statement, .. } => plain_reads(statement),
        _ => false,
    }
}

/// Refuses a plan that does more than read: the same again of what was understood, subqueries included.
pub(crate) fn check_plan(plan: &LogicalPlan, filter: &RowFilter) -> Result<(), QueryError> {
    let reads =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    reads.verify_plan(plan).map_err(|_| QueryError::ReadOnly)?;
    if filter.is_everything() {
        return Ok(());
    }
    let mut tells = false;
    let walked = plan.apply_with_subqueries(|node| {
        // Plans name files, which say how many entries there are, and count rows before the filter.
        tells |= matches!(node, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_));
        Ok(TreeNodeRecursion::Continue)
    });
    walked.map_err(|error| explain(&error))?;
    if tells {
        let detail = "EXPLAIN tells of entries that you may not see; leave it out";
        return Err(QueryError::bad(detail));
    }
    Ok(())
}
