//! Groups by columns whose texts repeat, as groups by [`Numbers`].

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, ExprSchema as _, Result};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::numbers::Numbers;

/// Columns of `events` and `changes` that have few different texts, in most logs.
const REPEATING: [&str; 10] = [
    "writer",
    "auth",
    "grade",
    "stream",
    "actor_type",
    "action",
    "target_type",
    "outcome",
    "field",
    "actor_on_behalf_of",
];

/// `GROUP BY action` becomes a group by the number of the action, whose text is looked up once a group.
#[derive(Debug)]
pub(crate) struct Grouping(pub(crate) Arc<Numbers>);

impl OptimizerRule for Grouping {
    fn name(&self) -> &'static str {
        "grouping"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(by_text) = &plan else { return Ok(Transformed::no(plan)) };
        let repeats: Vec<bool> =
            by_text.group_expr.iter().map(|expr| is_repeating(expr, &by_text.input)).collect();
        if repeats.iter().any(|repeats| *repeats) {
            return Ok(Transformed::yes(self.by_number(by_text, &repeats)?));
        }
        Ok(Transformed::no(plan))
    }
}

impl Grouping {
    /// The same groups, with the same names and types.
    fn by_number(&self, by_text: &Aggregate, repeats: &[bool]) -> Result<LogicalPlan> {
        let repeats = |place: usize| repeats.get(place).copied().unwrap_or_default();
        let groups = by_text.group_expr.iter().enumerate().map(|(place, expr)| {
            if repeats(place) { self.0.to(expr.clone()) } else { expr.clone() }
        });
        let input = Arc::clone(&by_text.input);
        let by_number = Aggregate::try_new(input, groups.collect(), by_text.aggr_expr.clone())?;
        let fields = by_text.schema.iter().zip(by_number.schema.columns()).enumerate();
        let texts = fields.map(|(place, ((relation, field), made))| {
            let made = Expr::Column(made);
            if repeats(place) {
                self.0.from(made).alias_qualified(relation.cloned(), field.name())
            } else {
                made
            }
        });
        let texts = texts.collect();
        let projection = Projection::try_new(texts, Arc::new(LogicalPlan::Aggregate(by_number)))?;
        Ok(LogicalPlan::Projection(projection))
    }
}

/// Whether it is a column of which a table has few different texts.
fn is_repeating(expr: &Expr, input: &LogicalPlan) -> bool {
    let Some(column) = column_of(expr) else { return false };
    let is_text = |kind: &DataType| *kind == DataType::Utf8View;
    input.schema().data_type(column).is_ok_and(is_text) && comes_from(column, input)
}

/// Whether a column is one of [`REPEATING`] as a table has it.
fn comes_from(column: &Column, plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => REPEATING.contains(&column.name()),
        LogicalPlan::Filter(filter) => comes_from(column, &filter.input),
        LogicalPlan::SubqueryAlias(alias) => {
            comes_from(&Column::new_unqualified(column.name()), &alias.input)
        }
        LogicalPlan::Join(join) => {
            let sides = [&join.left, &join.right];
            sides.iter().any(|side| side.schema().has_column(column) && comes_from(column, side))
        }
        LogicalPlan::Projection(projection) => {
            let place = projection.schema.maybe_index_of_column(column);
            let expr = place.and_then(|place| projection.expr.get(place));
            expr.and_then(column_of).is_some_and(|below| comes_from(below, &projection.input))
        }
        _ => false,
    }
}

/// The column that an expression is, by whatever name.
fn column_of(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => column_of(&alias.expr),
        _ => None,
    }
}
