//! The query engine: statements in, answers out, within limits.
//!
//! It has threads of its own, so that a query that never pauses can hold up other queries, and nothing else.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::Result as EngineResult;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryPool};
use datafusion::execution::object_store::DefaultObjectStoreRegistry;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use futures::StreamExt as _;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};

use crate::answer::{self, Answer};
use crate::columns::Columns;
use crate::entries::EntriesTable;
use crate::error::{LakeError, QueryError};
use crate::failure::explain;
use crate::filter::RowFilter;
use crate::grouping::Grouping;
use crate::lake::Snapshot;
use crate::limits::{
    ANSWER_BYTES_MAX, ANSWER_ROWS_MAX, QUERIES_AT_ONCE, QUERY_MEMORY_BYTES, QUERY_STACK_BYTES,
    QUERY_STOP_WAIT, QUERY_THREADS_MAX, QUERY_TIME,
};
use crate::made::{checkpoints, streams};
use crate::numbers::Numbers;
use crate::pauses::Pauses;
use crate::pg::{self, Catalogue, PgAsked, PgPrepared, PgRows, PgStatement};
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
    /// PostgreSQL's, once a client asks by its protocol.
    catalogue: Arc<OnceLock<Catalogue>>,
}

/// A query that can be asked: by whom, and of what.
#[derive(Clone)]
pub struct Question {
    /// What is asked.
    pub columns: Arc<Columns>,
    /// Which entries of it the reader may see.
    pub filter: RowFilter,
    /// One statement.
    pub text: String,
    /// What it may take.
    pub limits: Limits,
    /// Whether its asker is there still: once the sender of this has gone, the query stops.
    pub gone: Option<watch::Receiver<()>>,
}

/// The tables of a query, by name.
pub(crate) type Tables = Vec<(&'static str, Arc<dyn TableProvider>)>;

/// One query on its way.
struct Query {
    question: Question,
    /// The name that the log has as a database of PostgreSQL's; nothing where the query is not in its grammar.
    database: Option<String>,
    threads: usize,
    stores: Arc<DefaultObjectStoreRegistry>,
    catalogue: Arc<OnceLock<Catalogue>>,
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
        let catalogue = Arc::default();
        Ok(Engine { runtime: Some(runtime), threads, slots, stores, catalogue })
    }

    /// Answers one statement over everything that the log's columns have taken in, of which the reader sees what its filter
    /// lets through. Waits for the answer on this thread, for no longer than the limits say.
    pub fn query(
        &self,
        columns: &Arc<Columns>,
        text: &str,
        limits: &Limits,
        filter: RowFilter,
    ) -> Result<Answer, QueryError> {
        let (columns, text, limits) = (Arc::clone(columns), text.to_owned(), *limits);
        let question = Question { columns, filter, text, limits, gone: None };
        self.run(limits.time, None, self.ask(question, None).answer())
    }

    /// Reads the statements of a client that speaks PostgreSQL's protocol. Waits on this thread.
    pub fn pg_statements(&self, text: String) -> Result<Vec<PgStatement>, QueryError> {
        let read = async move { pg::parse(&text)?.iter().map(pg::sort).collect() };
        self.run(QUERY_TIME, None, read)
    }

    /// What the one statement of a question takes and gives. Waits on this thread.
    pub fn pg_prepare(&self, log: &str, question: Question) -> Result<PgPrepared, QueryError> {
        let (time, gone) = (question.limits.time, question.gone.clone());
        self.run(time, gone, self.ask(question, Some(log.to_owned())).prepare())
    }

    /// The rows of one of a question's statements. Waits on this thread.
    pub fn pg_query(
        &self,
        log: &str,
        question: Question,
        asked: PgAsked,
    ) -> Result<PgRows, QueryError> {
        let (time, gone) = (question.limits.time, question.gone.clone());
        self.run(time, gone, self.ask(question, Some(log.to_owned())).pg_rows(asked))
    }

    /// Queries that have not ended, those included whose callers have gone.
    pub fn running(&self) -> usize {
        QUERIES_AT_ONCE - self.slots.available_permits()
    }

    fn ask(&self, question: Question, database: Option<String>) -> Query {
        let (threads, stores) = (self.threads, Arc::clone(&self.stores));
        let catalogue = Arc::clone(&self.catalogue);
        Query { question, database, threads, stores, catalogue }
    }

    /// Does a piece of work on the engine's own threads.
    fn run<T: Send + 'static>(
        &self,
        time: Duration,
        gone: Option<watch::Receiver<()>>,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
    ) -> Result<T, QueryError> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| {
            QueryError::Busy(format!(
                "{QUERIES_AT_ONCE} queries are running; try again in a moment"
            ))
        })?;
        let runtime = self.runtime.as_ref().expect("it goes with the engine");
        let (answer, answered) = sync_channel(1);
        let task = runtime.spawn(async move {
            let outcome = tokio::select! {
                outcome = tokio::time::timeout(time, work) => outcome,
                () = is_gone(gone) => Ok(Err(QueryError::Limit("its asker has gone".to_owned()))),
            };
            // Given back however the work ended.
            drop(slot);
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
    async fn answer(self) -> Result<Answer, QueryError> {
        let statement = parse(&self.question.text)?;
        let snapshot = self.question.columns.snapshot();
        let indexed_through = snapshot.through;
        let (context, plan) = self.plan(&snapshot, statement).await?;
        let batches = execute(&context, plan).await?;
        let columns = answer::columns(&batches.schema());
        let size = |row: &Vec<Value>| row.iter().map(answer::size_bytes).sum();
        let rows = self.collect(batches, |batch| answer::rows(&batch), size).await?;
        Ok(Answer { columns, rows, indexed_through })
    }

    async fn prepare(self) -> Result<PgPrepared, QueryError> {
        let statement = self.pg_statement(0)?;
        let (_, plan) = self.plan(&self.question.columns.snapshot(), statement).await?;
        PgPrepared::of(&plan)
    }

    async fn pg_rows(
        self,
        PgAsked { place, parameters, format }: PgAsked,
    ) -> Result<PgRows, QueryError> {
        let statement = self.pg_statement(place)?;
        let (context, mut plan) = self.plan(&self.question.columns.snapshot(), statement).await?;
        if let Some(given) = parameters {
            let values = PgPrepared::of(&plan)?.bind(given)?;
            plan = plan.replace_params_with_values(&values).map_err(|error| explain(&error))?;
        }
        let batches = execute(&context, plan).await?;
        let fields = Arc::new(pg::fields(&batches.schema(), &format)?);
        let encode = |batch| pg::rows(&fields, batch);
        let rows = self.collect(batches, encode, |row| row.data.len()).await?;
        Ok(PgRows { fields, rows })
    }

    /// The statement at a place of the text, which has to be one that reads.
    fn pg_statement(&self, place: usize) -> Result<Statement, QueryError> {
        let statement = pg::parse(&self.question.text)?.into_iter().nth(place);
        match statement {
            Some(plain) if pg::sort(&plain)? == PgStatement::Query => {
                Ok(Statement::Statement(Box::new(plain)))
            }
            _ => Err(QueryError::bad("there is no statement that reads")),
        }
    }

    /// The plan of a statement that only reads, and the session that it is of.
    async fn plan(
        &self,
        snapshot: &Arc<Snapshot>,
        statement: Statement,
    ) -> Result<(SessionContext, LogicalPlan), QueryError> {
        let context = self.context(snapshot).map_err(|error| explain(&error))?;
        let plan = context.state().statement_to_plan(statement).await;
        let plan = plan.map_err(|error| explain(&error))?;
        check_plan(&plan, &self.question.filter)?;
        Ok((context, plan))
    }

    /// All rows of a stream, up to the limits.
    async fn collect<R>(
        &self,
        mut batches: SendableRecordBatchStream,
        encode: impl Fn(RecordBatch) -> Result<Vec<R>, QueryError>,
        size_bytes: impl Fn(&R) -> usize,
    ) -> Result<Vec<R>, QueryError> {
        let limits = &self.question.limits;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(|error| explain(&error))?;
            if rows.len() + batch.num_rows() > limits.rows {
                return Err(self.too_many_rows());
            }
            let more = encode(batch)?;
            bytes += more.iter().map(&size_bytes).sum::<usize>();
            if bytes > limits.answer_bytes {
                return Err(self.too_large());
            }
            rows.extend(more);
        }
        Ok(rows)
    }

    /// A session with our tables and nothing else: no files, no stores, no spilling to disk.
    fn context(&self, snapshot: &Arc<Snapshot>) -> EngineResult<SessionContext> {
        let pool = GreedyMemoryPool::new(self.question.limits.memory_bytes);
        let pool: Arc<dyn MemoryPool> = Arc::new(pool);
        let grouping = Grouping(Arc::new(Numbers::new(&pool)));
        let no_disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(pool)
            .with_disk_manager_builder(no_disk)
            .with_object_store_registry(Arc::clone(&self.stores) as _)
            .build_arc()?;
        let mut config =
            SessionConfig::new().with_target_partitions(self.threads).with_information_schema(true);
        config.options_mut().sql_parser.collect_spans = true;
        let tables = self.tables(snapshot)?;
        let session = match &self.database {
            Some(database) => {
                let schemas = tables.iter().map(|(name, table)| (*name, table.schema()));
                self.catalogue()?.session(database, config, schemas)?
            }
            None => SessionStateBuilder::new()
                .with_config(config.with_default_catalog_and_schema("graven", "log"))
                .with_default_features(),
        };
        let session = session
            .with_runtime_env(runtime)
            .with_optimizer_rule(Arc::new(grouping))
            .with_physical_optimizer_rule(Arc::new(Pauses));
        let context = SessionContext::new_with_state(session.build());
        for name in WITHHELD {
            context.deregister_udf(name);
        }
        for (name, table) in tables {
            context.register_table(name, table)?;
        }
        Ok(context)
    }

    fn catalogue(&self) -> EngineResult<&Catalogue> {
        if let Some(made) = self.catalogue.get() {
            return Ok(made);
        }
        let made = Catalogue::make()?;
        Ok(self.catalogue.get_or_init(|| made))
    }

    fn tables(&self, snapshot: &Arc<Snapshot>) -> EngineResult<Tables> {
        let Question { filter, columns, .. } = &self.question;
        let file_table = |table| -> Arc<dyn TableProvider> {
            let (snapshot, filter) = (Arc::clone(snapshot), filter.clone());
            Arc::new(FileTable { table, snapshot, filter })
        };
        let (events, source) = (file_table(Table::Events), columns.source());
        let entries = EntriesTable::new(Arc::clone(source), snapshot.through, filter.clone());
        Ok(vec![
            ("gaps", Arc::new(gaps(Arc::clone(&events))?)),
            ("events", events),
            ("changes", file_table(Table::Changes)),
            ("entries", Arc::new(entries)),
            ("checkpoints", Arc::new(checkpoints(Arc::clone(source), filter))),
            ("streams", Arc::new(streams(Arc::clone(source), filter))),
        ])
    }

    fn too_many_rows(&self) -> QueryError {
        QueryError::Limit(format!(
            "the answer has more than {} rows; add LIMIT, a condition or GROUP BY",
            self.question.limits.rows
        ))
    }

    fn too_large(&self) -> QueryError {
        QueryError::Limit(format!(
            "the answer has more than {} bytes; ask for fewer columns, or add LIMIT",
            self.question.limits.answer_bytes
        ))
    }
}

/// Comes back once the sender has gone; never where there is none.
async fn is_gone(sender: Option<watch::Receiver<()>>) {
    match sender {
        Some(mut sender) => while sender.changed().await.is_ok() {},
        None => std::future::pending().await,
    }
}

async fn execute(
    context: &SessionContext,
    plan: LogicalPlan,
) -> Result<SendableRecordBatchStream, QueryError> {
    let frame = context.execute_logical_plan(plan).await.map_err(|error| explain(&error))?;
    frame.execute_stream().await.map_err(|error| explain(&error))
}

fn too_slow(time: Duration) -> QueryError {
    QueryError::Limit(format!(
        "the query took longer than {} s; ask for a range of index or time",
        time.as_secs_f64()
    ))
}
