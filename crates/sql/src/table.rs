//! The two tables that are kept as files: their columns, and rows on their way into them.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Int64Builder, RecordBatch, StringBuilder, TimestampNanosecondBuilder,
};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;

use crate::row::{CHANGE_CELLS, Cell, EVENT_CELLS};

/// The zone of every time: a plain offset, which needs no data base of zones.
const UTC: &str = "+00:00";

/// A table that is kept as files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Events,
    Changes,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Time,
    Text,
    /// A text that is looked for whole: its files have a bloom filter.
    Id,
    Flag,
}

/// A column: its name and what it holds. `index` is never null, all others may be.
pub(crate) type Column = (&'static str, Kind);

pub(crate) const EVENTS: [Column; EVENT_CELLS] = [
    ("index", Kind::Int),
    ("time", Kind::Time),
    ("event_time", Kind::Time),
    ("writer", Kind::Text),
    ("auth", Kind::Text),
    ("grade", Kind::Text),
    ("stream", Kind::Text),
    ("seq", Kind::Int),
    ("is_own", Kind::Flag),
    ("id", Kind::Id),
    ("actor_type", Kind::Text),
    ("actor_id", Kind::Id),
    ("actor_name", Kind::Text),
    ("actor_session", Kind::Id),
    ("actor_on_behalf_of", Kind::Text),
    ("action", Kind::Text),
    ("target_type", Kind::Text),
    ("target_id", Kind::Id),
    ("target_name", Kind::Text),
    ("more_targets", Kind::Text),
    ("outcome", Kind::Text),
    ("reason", Kind::Text),
    ("trace_id", Kind::Id),
    ("span_id", Kind::Text),
    ("request_id", Kind::Id),
    ("ip", Kind::Text),
    ("user_agent", Kind::Text),
    ("data", Kind::Text),
    ("altered", Kind::Text),
];

pub(crate) const CHANGES: [Column; CHANGE_CELLS] = [
    ("index", Kind::Int),
    ("time", Kind::Time),
    ("writer", Kind::Text),
    ("grade", Kind::Text),
    ("stream", Kind::Text),
    ("actor_type", Kind::Text),
    ("actor_id", Kind::Id),
    ("action", Kind::Text),
    ("target_type", Kind::Text),
    ("target_id", Kind::Id),
    ("more_targets", Kind::Text),
    ("outcome", Kind::Text),
    ("field", Kind::Text),
    ("before", Kind::Text),
    ("after", Kind::Text),
    ("sealed", Kind::Int),
];

impl Table {
    pub(crate) const ALL: [Table; 2] = [Table::Events, Table::Changes];

    /// Its name in SQL and of its folder.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Table::Events => "events",
            Table::Changes => "changes",
        }
    }

    pub(crate) fn columns(self) -> &'static [Column] {
        match self {
            Table::Events => &EVENTS,
            Table::Changes => &CHANGES,
        }
    }

    /// As it is written.
    pub(crate) fn file_schema(self) -> SchemaRef {
        static SCHEMAS: OnceLock<[SchemaRef; 2]> = OnceLock::new();
        let schemas = SCHEMAS.get_or_init(|| Table::ALL.map(|table| table.schema(DataType::Utf8)));
        Arc::clone(&schemas[self as usize])
    }

    /// As it is queried: texts as views, which conditions and groups read without copying.
    pub(crate) fn view_schema(self) -> SchemaRef {
        static SCHEMAS: OnceLock<[SchemaRef; 2]> = OnceLock::new();
        let schemas =
            SCHEMAS.get_or_init(|| Table::ALL.map(|table| table.schema(DataType::Utf8View)));
        Arc::clone(&schemas[self as usize])
    }

    fn schema(self, text: DataType) -> SchemaRef {
        let field = |(name, kind): &Column| {
            let is_nullable = *name != "index";
            Field::new(*name, kind.data_type(&text), is_nullable)
        };
        Arc::new(Schema::new(self.columns().iter().map(field).collect::<Vec<_>>()))
    }
}

impl Kind {
    fn data_type(self, text: &DataType) -> DataType {
        match self {
            Kind::Int => DataType::Int64,
            Kind::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into())),
            Kind::Text | Kind::Id => text.clone(),
            Kind::Flag => DataType::Boolean,
        }
    }
}

/// Rows on their way into a batch.
pub(crate) struct Rows {
    table: Table,
    columns: Vec<Cells>,
    /// How many rows no batch has yet.
    waiting: usize,
}

enum Cells {
    Int(Int64Builder),
    Time(TimestampNanosecondBuilder),
    Text(StringBuilder),
    Flag(BooleanBuilder),
}

impl Rows {
    pub(crate) fn new(table: Table) -> Rows {
        let cells = |(_, kind): &Column| match kind {
            Kind::Int => Cells::Int(Int64Builder::new()),
            Kind::Time => Cells::Time(TimestampNanosecondBuilder::new().with_timezone(UTC)),
            Kind::Text | Kind::Id => Cells::Text(StringBuilder::new()),
            Kind::Flag => Cells::Flag(BooleanBuilder::new()),
        };
        Rows { table, columns: table.columns().iter().map(cells).collect(), waiting: 0 }
    }

    /// Adds a row and returns about how many bytes it takes.
    pub(crate) fn push<'a>(&mut self, row: impl IntoIterator<Item = Cell<'a>>) -> usize {
        self.waiting += 1;
        self.columns.iter_mut().zip(row).map(|(column, cell)| column.push(&cell)).sum()
    }

    /// The rows since the last batch, if there are any.
    pub(crate) fn take(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.waiting == 0 {
            return Ok(None);
        }
        self.waiting = 0;
        let columns = self.columns.iter_mut().map(Cells::finish).collect();
        RecordBatch::try_new(self.table.file_schema(), columns).map(Some)
    }
}

impl Cells {
    /// A cell of another kind than its column becomes null: there is none, as the arrays above and in `row.rs` go together.
    fn push(&mut self, cell: &Cell<'_>) -> usize {
        match (self, cell) {
            (Cells::Int(column), Cell::Int(value)) => column.append_value(*value),
            (Cells::Time(column), Cell::Time(value)) => column.append_value(*value),
            (Cells::Flag(column), Cell::Flag(value)) => column.append_value(*value),
            (Cells::Text(column), Cell::Text(value)) => {
                column.append_value(value);
                return value.len() + 4;
            }
            (Cells::Int(column), _) => column.append_null(),
            (Cells::Time(column), _) => column.append_null(),
            (Cells::Text(column), _) => column.append_null(),
            (Cells::Flag(column), _) => column.append_null(),
        }
        8
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Cells::Int(column) => Arc::new(column.finish()),
            Cells::Time(column) => Arc::new(column.finish()),
            Cells::Text(column) => Arc::new(column.finish()),
            Cells::Flag(column) => Arc::new(column.finish()),
        }
    }
}

/// What has been taken in and stands in no file yet, as batches of which none is shorter than the one after it: so each row
/// is copied a few times only, however few come at once.
#[derive(Clone, Default)]
pub(crate) struct Chunks {
    /// As it is written, and as it is queried; both share the texts.
    chunks: Vec<(RecordBatch, RecordBatch)>,
}

impl Chunks {
    pub(crate) fn push(&mut self, table: Table, batch: RecordBatch) -> Result<(), ArrowError> {
        let mut merged = batch;
        while self.chunks.last().is_some_and(|(last, _)| last.num_rows() <= merged.num_rows()) {
            let (last, _) = self.chunks.pop().expect("the loop saw it");
            merged = concat_batches(&table.file_schema(), [&last, &merged])?;
        }
        let view = as_views(table, &merged)?;
        self.chunks.push((merged, view));
        Ok(())
    }

    /// As they are written.
    pub(crate) fn written(&self) -> impl Iterator<Item = &RecordBatch> {
        self.chunks.iter().map(|(written, _)| written)
    }

    /// As they are queried.
    pub(crate) fn queried(&self) -> Vec<RecordBatch> {
        self.chunks.iter().map(|(_, view)| view.clone()).collect()
    }

    pub(crate) fn rows(&self) -> usize {
        self.chunks.iter().map(|(written, _)| written.num_rows()).sum()
    }
}

fn as_views(table: Table, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = table.view_schema();
    let fields = schema.fields().iter().zip(batch.columns());
    let columns = fields.map(|(field, column)| cast(column, field.data_type()));
    RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)
}
