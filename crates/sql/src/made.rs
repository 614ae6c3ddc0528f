//! `checkpoints` and `streams`: asked of the log when a query names them.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BinaryBuilder, Int64Builder, RecordBatch, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::DataFusionError;
use graven_merkle::Hash;

use crate::error::QueryError;
use crate::filter::RowFilter;
use crate::limits::{STREAMS_MAX, STREAMS_PAGE};
use crate::provider::MadeTable;
use crate::source::EntrySource;

/// The newest checkpoint.
pub(crate) fn checkpoints(source: Arc<dyn EntrySource>, filter: &RowFilter) -> MadeTable {
    let schema = schema(&[
        ("origin", DataType::Utf8),
        ("size", DataType::Int64),
        ("root", DataType::Binary),
        ("note", DataType::Utf8),
    ]);
    let (of, is_seen) = (Arc::clone(&schema), filter.is_everything());
    let make = move || {
        let mut columns =
            (StringBuilder::new(), Int64Builder::new(), BinaryBuilder::new(), StringBuilder::new());
        // A log without a checkpoint, as one that ended before its first, has no row.
        if let Some(note) = source.checkpoint().ok().filter(|_| is_seen) {
            let note = String::from_utf8_lossy(&note).into_owned();
            let mut lines = note.lines();
            columns.0.append_option(lines.next());
            columns.1.append_option(lines.next().and_then(|size| size.parse().ok()));
            let root = lines.next().and_then(|root| root.parse::<Hash>().ok());
            columns.2.append_option(root.as_ref().map(Hash::as_bytes));
            columns.3.append_value(&note);
        }
        let (mut origin, mut size, mut root, mut note) = columns;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(origin.finish()),
            Arc::new(size.finish()),
            Arc::new(root.finish()),
            Arc::new(note.finish()),
        ];
        RecordBatch::try_new(Arc::clone(&of), columns).map_err(DataFusionError::from)
    };
    MadeTable { schema, make: Box::new(make) }
}

/// Every stream.
pub(crate) fn streams(source: Arc<dyn EntrySource>, filter: &RowFilter) -> MadeTable {
    let schema = schema(&[
        ("stream", DataType::Utf8),
        ("next_seq", DataType::Int64),
        ("head", DataType::Binary),
        ("cursor", DataType::Utf8),
    ]);
    let (of, is_seen) = (Arc::clone(&schema), filter.is_everything());
    let make = move || {
        let (mut names, mut next_seqs) = (StringBuilder::new(), Int64Builder::new());
        let (mut heads, mut cursors) = (BinaryBuilder::new(), StringBuilder::new());
        let (mut after, mut count) = (None, 0);
        loop {
            let limit = if is_seen { STREAMS_PAGE } else { 0 };
            let page = source.streams(after.as_deref(), limit);
            count += page.len();
            if count > STREAMS_MAX {
                let detail = format!(
                    "the log has more than {STREAMS_MAX} streams, as many as this table shows; list them by name"
                );
                return Err(DataFusionError::External(Box::new(QueryError::Limit(detail))));
            }
            for stream in &page {
                names.append_value(&stream.name);
                next_seqs.append_option(i64::try_from(stream.next_seq).ok());
                heads.append_value(stream.head.as_bytes());
                cursors.append_option(stream.cursor.as_deref());
            }
            let Some(last) = page.last() else { break };
            after = Some(last.name.clone());
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(names.finish()),
            Arc::new(next_seqs.finish()),
            Arc::new(heads.finish()),
            Arc::new(cursors.finish()),
        ];
        RecordBatch::try_new(Arc::clone(&of), columns).map_err(DataFusionError::from)
    };
    MadeTable { schema, make: Box::new(make) }
}

fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let field = |(name, kind): &(&str, DataType)| Field::new(*name, kind.clone(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}
