//! The tables of a query, each over one [`Snapshot`], so that they go equally far.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{Result, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry as _};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, col, lit};
use datafusion::object_store::memory::InMemory;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;

use crate::filter::RowFilter;
use crate::lake::Snapshot;
use crate::parquet_file::{LakeFile, LakeReaders};
use crate::scope::{Plan, ScopeExec};
use crate::table::Table;

/// What the engine believes the files to lie in. Nothing does: [`LakeReaders`] open them.
const STORE: &str = "graven://lake";
/// Columns of `gaps`, which are all of `events`.
const GAPS: [&str; 10] = [
    "index",
    "time",
    "event_time",
    "target_type",
    "target_id",
    "target_name",
    "more_targets",
    "outcome",
    "reason",
    "data",
];

/// The only stores that a query can reach: one that is empty. No file, no URL.
pub(crate) fn no_stores() -> Result<Arc<DefaultObjectStoreRegistry>> {
    let stores = DefaultObjectStoreRegistry::new();
    stores.deregister_store(ObjectStoreUrl::local_filesystem().as_ref())?;
    stores.register_store(ObjectStoreUrl::parse(STORE)?.as_ref(), Arc::new(InMemory::new()));
    Ok(Arc::new(stores))
}

/// `events` or `changes`: the files and the tail.
#[derive(Debug)]
pub(crate) struct FileTable {
    pub(crate) table: Table,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) filter: RowFilter,
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        self.table.view_schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let partitions = state.config().target_partitions();
        let RowFilter::Only(allows) = &self.filter else {
            return self.rows(partitions, projection.cloned(), limit);
        };
        let all: Vec<usize> = (0..self.table.columns().len()).collect();
        let plan = Plan::new(self.table, projection.unwrap_or(&all))?;
        let rows = self.rows(partitions, Some(plan.read.clone()), None)?;
        Ok(Arc::new(ScopeExec::new(rows, Arc::new(plan), Arc::clone(allows))?))
    }
}

impl FileTable {
    /// All rows.
    fn rows(
        &self,
        partitions: usize,
        projection: Option<Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let place = self.table as usize;
        let (files, tail) = (&self.snapshot.files[place], &self.snapshot.tails[place]);
        let schema = self.table.view_schema();
        let tail = MemorySourceConfig::try_new_exec(
            std::slice::from_ref(tail),
            schema,
            projection.clone(),
        )?;
        if files.is_empty() {
            return Ok(tail);
        }
        let source = ParquetSource::new(self.table.view_schema())
            .with_parquet_file_reader_factory(Arc::new(LakeReaders));
        let rows = files.iter().map(|file| file.line.rows as usize).sum();
        let group = FileGroup::new(files.iter().map(|file| self.describe(file)).collect());
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse(STORE)?, Arc::new(source))
            .with_file_groups(group.split_files(partitions))
            .with_statistics(self.counted(rows))
            .with_projection_indices(projection)?
            .with_limit(limit)
            .build();
        UnionExec::try_new(vec![DataSourceExec::from_data_source(config), tail])
    }

    /// A file, for the engine: how many rows it has and between which indexes, so that it need not be opened in vain.
    fn describe(&self, file: &Arc<LakeFile>) -> PartitionedFile {
        let line = &file.line;
        let mut statistics = self.counted(line.rows as usize);
        if let Some(index) = statistics.column_statistics.first_mut() {
            let bound = |index: u64| ScalarValue::Int64(i64::try_from(index).ok());
            index.min_value = Precision::Inexact(bound(line.first));
            index.max_value = Precision::Inexact(bound(line.end.saturating_sub(1)));
            index.null_count = Precision::Exact(0);
        }
        PartitionedFile::new(line.path.clone(), line.size_bytes)
            .with_statistics(Arc::new(statistics))
            .with_extension(Arc::clone(file))
    }

    fn counted(&self, rows: usize) -> Statistics {
        let mut statistics = Statistics::new_unknown(&self.table.view_schema());
        statistics.num_rows = Precision::Exact(rows);
        statistics
    }
}

/// `gaps`: the log's own entries that say that something may be missing.
pub(crate) fn gaps(events: Arc<dyn TableProvider>) -> Result<ViewTable> {
    let is_gap = col("action").eq(lit("graven.gap")).and(col("is_own"));
    let plan = LogicalPlanBuilder::scan("events", provider_as_source(events), None)?
        .filter(is_gap)?
        .project(GAPS.map(col))?
        .build()?;
    Ok(ViewTable::new(plan, None))
}

/// Rows that are made when they are asked for.
type Make = Box<dyn Fn() -> Result<RecordBatch> + Send + Sync>;

/// A table that is small enough to be made whole.
pub(crate) struct MadeTable {
    pub(crate) schema: SchemaRef,
    pub(crate) make: Make,
}

impl fmt::Debug for MadeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MadeTable")
    }
}

#[async_trait]
impl TableProvider for MadeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = (self.make)()?;
        let schema = Arc::clone(&self.schema);
        Ok(MemorySourceConfig::try_new_exec(&[vec![rows]], schema, projection.cloned())?)
    }
}
