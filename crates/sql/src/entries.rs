//! `entries`: the log itself, read when a query asks, in the range of indexes that it asks for.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, BinaryBuilder, Int64Builder, RecordBatch, RecordBatchOptions,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::stream;
use graven_merkle::{LeafIndex, TreeSize, leaf_hash};

use crate::filter::RowFilter;
use crate::limits::ENTRIES_BATCH;
use crate::row::EntryRow;
use crate::source::EntrySource;

/// The columns, in this order.
const COLUMNS: [(&str, DataType); 3] =
    [("index", DataType::Int64), ("leaf_hash", DataType::Binary), ("bytes", DataType::Binary)];

/// See the module.
pub(crate) struct EntriesTable {
    schema: SchemaRef,
    scan: Scan,
}

#[derive(Clone)]
struct Scan {
    source: Arc<dyn EntrySource>,
    filter: RowFilter,
    /// From the first to before the second.
    range: (u64, u64),
    /// By their place in [`COLUMNS`].
    columns: Vec<usize>,
}

struct ScanStream {
    schema: SchemaRef,
    scan: Scan,
}

impl EntriesTable {
    pub(crate) fn new(
        source: Arc<dyn EntrySource>,
        through: TreeSize,
        filter: RowFilter,
    ) -> EntriesTable {
        let fields = COLUMNS.map(|(name, kind)| Field::new(name, kind, false));
        let columns = (0..COLUMNS.len()).collect();
        let scan = Scan { source, filter, range: (0, through.0), columns };
        EntriesTable { schema: Arc::new(Schema::new(fields.to_vec())), scan }
    }
}

impl fmt::Debug for EntriesTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EntriesTable")
    }
}

impl fmt::Debug for ScanStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entries {}..{}", self.scan.range.0, self.scan.range.1)
    }
}

#[async_trait]
impl TableProvider for EntriesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let narrows = |filter: &&Expr| match range_of(filter) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(narrows).collect())
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut scan = self.scan.clone();
        for (from, end) in filters.iter().filter_map(range_of) {
            scan.range = (scan.range.0.max(from), scan.range.1.min(end));
        }
        if let Some(columns) = projection {
            scan.columns.clone_from(columns);
        }
        let schema = Arc::new(self.schema.project(&scan.columns)?);
        let part = ScanStream { schema: Arc::clone(&schema), scan };
        let plan =
            StreamingTableExec::try_new(schema, vec![Arc::new(part)], None, None, false, limit)?;
        Ok(Arc::new(plan))
    }
}

impl PartitionStream for ScanStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (scan, schema) = (self.scan.clone(), Arc::clone(&self.schema));
        let mut next = scan.range.0;
        let batches = std::iter::from_fn(move || {
            (next < scan.range.1).then(|| scan.batch(&mut next, &schema))
        });
        let batches = stream::iter(batches);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

impl Scan {
    /// The rows of the next entries that the reader may see; there may be none.
    fn batch(&self, next: &mut u64, schema: &SchemaRef) -> Result<RecordBatch> {
        let count = ENTRIES_BATCH.min((self.range.1 - *next) as usize);
        let read = self.source.read(LeafIndex(*next), count);
        let entries = read.map_err(|error| DataFusionError::External(Box::new(error)))?;
        // A log that gives nothing where it says it has entries must not be asked for ever.
        *next = if entries.is_empty() { self.range.1 } else { *next + entries.len() as u64 };
        let seen: Vec<(LeafIndex, Vec<u8>)> =
            entries.into_iter().filter(|(index, bytes)| self.is_seen(*index, bytes)).collect();
        let column = |place: &usize| -> ArrayRef {
            match place {
                0 => {
                    let mut indexes = Int64Builder::with_capacity(seen.len());
                    for (index, _) in &seen {
                        indexes.append_value(index.0.cast_signed());
                    }
                    Arc::new(indexes.finish())
                }
                place => {
                    let mut column = BinaryBuilder::new();
                    for (_, bytes) in &seen {
                        match place {
                            1 => column.append_value(leaf_hash(bytes).as_bytes()),
                            _ => column.append_value(bytes),
                        }
                    }
                    Arc::new(column.finish())
                }
            }
        };
        let columns = self.columns.iter().map(column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(seen.len()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
    }

    fn is_seen(&self, index: LeafIndex, bytes: &[u8]) -> bool {
        match &self.filter {
            RowFilter::Everything => true,
            RowFilter::Only(allows) => allows(&EntryRow::read(index.0, bytes).about()),
        }
    }
}

/// The indexes between which a condition can hold, from the first to before the second; none where it says nothing of them.
fn range_of(condition: &Expr) -> Option<(u64, u64)> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            match (range_of(left), range_of(right)) {
                (Some(a), Some(b)) => Some((a.0.max(b.0), a.1.min(b.1))),
                (one, other) => one.or(other),
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(hull(range_of(left)?, range_of(right)?))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (&**left, &**right) {
            (column, Expr::Literal(value, _)) if is_index(column) => compared(*op, value),
            (Expr::Literal(value, _), column) if is_index(column) => compared(op.swap()?, value),
            _ => None,
        },
        Expr::InList(list) if is_index(&list.expr) && !list.negated => {
            let one = |value: &Expr| match value {
                Expr::Literal(value, _) => compared(Operator::Eq, value),
                _ => None,
            };
            let ranges = list.list.iter().map(one).collect::<Option<Vec<_>>>()?;
            ranges.into_iter().reduce(hull)
        }
        _ => None,
    }
}

fn hull(a: (u64, u64), b: (u64, u64)) -> (u64, u64) {
    (a.0.min(b.0), a.1.max(b.1))
}

fn is_index(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if column.name == "index")
}

fn compared(op: Operator, value: &ScalarValue) -> Option<(u64, u64)> {
    let ScalarValue::Int64(Some(value)) = value else { return None };
    let at = |value: i64| u64::try_from(value).unwrap_or(0);
    let after = at(value.saturating_add(1));
    match op {
        Operator::Eq => Some((at(*value), after)),
        Operator::Lt => Some((0, at(*value))),
        Operator::LtEq => Some((0, after)),
        Operator::Gt => Some((after, u64::MAX)),
        Operator::GtEq => Some((at(*value), u64::MAX)),
        _ => None,
    }
}
