//! The query engine: statements in, answers out, within limits.
//!
//! It has threads of its own, so that a query that never pauses can hold up other queries, and nothing else.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, Result as EngineResult};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::object_store::DefaultObjectStoreRegistry;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt as _;
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::{self, Answer};
use crate::columns::Columns;
use crate::entries::EntriesTable;
use crate::error::{LakeError, QueryError};
use crate::failure::explain;
use crate::filter::RowFilter;
use crate::lake::Snapshot;
use crate::limits::{
    ANSWER_BYTES_MAX, ANSWER_ROWS_MAX, QUERIES_AT_ONCE, QUERY_MEMORY_BYTES, QUERY_STACK_BYTES,
    QUERY_STOP_WAIT, QUERY_THREADS_MAX, QUERY_TIME,
};
use crate::made::{checkpoints, streams};
use crate::pauses::Pauses;
use crate::provider::{FileTable, gaps, no_stores};
use crate::statement::{check_plan, parse};
use crate::table::Table;

/// Functions that make much out of little before any limit of memory sees it.
const WITHHELD: [&str; 10] = [
    "repeat",
    "lpad",
    "rpad",
    "array_repeat",
    "list_repeat",
    "array_resize",
    "list_resize",
    "range",
    "generate_series",
    "gen_series",
];

/// What one query may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the call to the answer.
    pub time: Duration,
    /// For hash tables, sorts and joins, in bytes.
    pub memory_bytes: usize,
    /// Rows of the answer.
    pub rows: usize,
    /// Bytes of the answer's values as text.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            time: QUERY_TIME,
            memory_bytes: QUERY_MEMORY_BYTES,
            rows: ANSWER_ROWS_MAX,
            answer_bytes: ANSWER_BYTES_MAX,
        }
    }
}

/// Answers queries over the columns of any number of logs.
pub struct Engine {
    /// None only while it is dropped.
    runtime: Option<Runtime>,
    threads: usize,
    slots: Arc<Semaphore>,
    stores: Arc<DefaultObjectStoreRegistry>,
}

/// One query on its way.
struct Query {
    columns: Arc<Columns>,
    text: String,
    limits: Limits,
    filter: RowFilter,
    threads: usize,
    stores: Arc<DefaultObjectStoreRegistry>,
}

impl Engine {
    /// Starts its threads.
    pub fn start() -> Result<Engine, LakeError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.clamp(2, QUERY_THREADS_MAX);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("graven-sql")
            .thread_stack_size(QUERY_STACK_BYTES)
            .enable_time()
            .build()?;
        let stores = no_stores().map_err(|error| LakeError::Engine(error.to_string()))?;
        let slots = Arc::new(Semaphore::new(QUERIES_AT_ONCE));
        Ok(Engine { runtime: Some(runtime), threads, slots, stores })
    }

    /// Answers one statement over everything that the log's columns have taken in, of which the reader sees what `filter`
    /// lets through. Waits for the answer on this thread, for no longer than the limits say.
    pub fn query(
        &self,
        columns: &Arc<Columns>,
        text: &str,
        limits: &Limits,
        filter: RowFilter,
    ) -> Result<Answer, QueryError> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| {
            QueryError::Busy(format!(
                "{QUERIES_AT_ONCE} queries are running; try again in a moment"
            ))
        })?;
        let query = Query {
            columns: Arc::clone(columns),
            text: text.to_owned(),
            limits: *limits,
            filter,
            threads: self.threads,
            stores: Arc::clone(&self.stores),
        };
        let runtime = self.runtime.as_ref().expect("it goes with the engine");
        let (answer, answered) = sync_channel(1);
        let time = limits.time;
        let task = runtime.spawn(async move {
            let outcome = tokio::time::timeout(time, query.run(slot)).await;
            // Whoever asked may have gone.
            drop(answer.send(outcome.unwrap_or_else(|_| Err(too_slow(time)))));
        });
        match answered.recv_timeout(time.saturating_add(QUERY_STOP_WAIT)) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => {
                task.abort();
                Err(too_slow(time))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(QueryError::bad("the engine gave up on this query; write it in another way"))
            }
        }
    }

    /// Queries that have not ended, those included whose callers have gone.
    pub fn running(&self) -> usize {
        QUERIES_AT_ONCE - self.slots.available_permits()
    }
}

impl Drop for Engine {
    /// Does not wait: the engine may be dropped where waiting is not allowed, and a query may not end soon.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Query {
    /// `slot` is given back when this ends, however it ends.
    async fn run(self, _slot: OwnedSemaphorePermit) -> Result<Answer, QueryError> {
        let statement = parse(&self.text)?;
        let snapshot = self.columns.snapshot();
        let indexed_through = snapshot.through;
        let context = self.context(&snapshot).map_err(|error| explain(&error))?;
        let failed = |error: DataFusionError| explain(&error);
        let plan = context.state().statement_to_plan(statement).await.map_err(failed)?;
        check_plan(&plan, &self.filter)?;
        let frame = context.execute_logical_plan(plan).await.map_err(failed)?;
        let mut batches = frame.execute_stream().await.map_err(failed)?;
        let columns = answer::columns(&batches.schema());
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(failed)?;
            if rows.len() + batch.num_rows() > self.limits.rows {
                return Err(self.too_many_rows());
            }
            let batch = answer::rows(&batch)?;
            bytes += batch.iter().flatten().map(answer::size_bytes).sum::<usize>();
            if bytes > self.limits.answer_bytes {
                return Err(self.too_large());
            }
            rows.extend(batch);
        }
        Ok(Answer { columns, rows, indexed_through })
    }

    /// A session with our tables and nothing else: no files, no stores, no spilling to disk.
    fn context(&self, snapshot: &Arc<Snapshot>) -> EngineResult<SessionContext> {
        let pool = GreedyMemoryPool::new(self.limits.memory_bytes);
        let no_disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(no_disk)
            .with_object_store_registry(Arc::clone(&self.stores) as _)
            .build_arc()?;
        let mut config = SessionConfig::new()
            .with_target_partitions(self.threads)
            .with_default_catalog_and_schema("graven", "log")
            .with_information_schema(true);
        config.options_mut().sql_parser.collect_spans = true;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .with_physical_optimizer_rule(Arc::new(Pauses))
            .build();
        let context = SessionContext::new_with_state(state);
        for name in WITHHELD {
            context.deregister_udf(name);
        }
        self.register_tables(&context, snapshot)?;
        Ok(context)
    }

    fn register_tables(
        &self,
        context: &SessionContext,
        snapshot: &Arc<Snapshot>,
    ) -> EngineResult<()> {
        let filter = &self.filter;
        let file_table = |table| -> Arc<dyn TableProvider> {
            let (snapshot, filter) = (Arc::clone(snapshot), filter.clone());
            Arc::new(FileTable { table, snapshot, filter })
        };
        let (events, source) = (file_table(Table::Events), self.columns.source());
        let entries = EntriesTable::new(Arc::clone(source), snapshot.through, filter.clone());
        context.register_table("gaps", Arc::new(gaps(Arc::clone(&events))?))?;
        context.register_table("events", events)?;
        context.register_table("changes", file_table(Table::Changes))?;
        context.register_table("entries", Arc::new(entries))?;
        context.register_table("checkpoints", Arc::new(checkpoints(Arc::clone(source), filter)))?;
        context.register_table("streams", Arc::new(streams(Arc::clone(source), filter)))?;
        Ok(())
    }

    fn too_many_rows(&self) -> QueryError {
        QueryError::Limit(format!(
            "the answer has more than {} rows; add LIMIT, a condition or GROUP BY",
            self.limits.rows
        ))
    }

    fn too_large(&self) -> QueryError {
        QueryError::Limit(format!(
            "the answer has more than {} bytes; ask for fewer columns, or add LIMIT",
            self.limits.answer_bytes
        ))
    }
}

fn too_slow(time: Duration) -> QueryError {
    QueryError::Limit(format!(
        "the query took longer than {} s; ask for a range of index or time",
        time.as_secs_f64()
    ))
}
