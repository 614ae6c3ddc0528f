//! The columns of a server's logs, and SQL over them: each log has its own, which a few threads keep up to date. Nothing of an
//! append waits for them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use access::{EventAbout, Slice};
use append::{Code, Refusal};
use env::RealDisk;
use graven_entry::Name;
use graven_merkle::{LeafIndex, TreeSize};
use index::limits::FOLLOWER_THREADS;
use index::{Cursor, Derived, DerivedError, Follower, Followers, Progress};
use log::LogHandle;
use serde_json::json;
use sql::{
    Answer, Columns, Engine, Limits, PgStatement, QueryError, Question, RowAbout, RowFilter,
};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::pg::ask::{Ask, Asked, Told};
use crate::pg::clients::Clients;

/// The folder of the columns within a log's derived data.
const FOLDER: &str = "lake";
/// How the name of the folder ends in which columns are that cannot be used.
const ASIDE: &str = "set-aside";

/// The columns of all logs of a server, and what asks them.
pub struct Lakes {
    /// The folder of what is derived from logs, one folder each.
    folder: PathBuf,
    followers: Followers,
    engine: Arc<Engine>,
    /// By the log's name.
    by_log: Mutex<BTreeMap<String, Arc<Lake>>>,
    /// Who asks by PostgreSQL's protocol.
    pg_clients: Clients,
}

/// The columns of one log.
struct Lake {
    /// Nothing until they are open: that reads all of them.
    columns: watch::Receiver<Option<Arc<Columns>>>,
    /// What queries see.
    through: watch::Receiver<TreeSize>,
    /// A query could not read them.
    is_damaged: Arc<AtomicBool>,
    follower: Follower,
}

/// One log's columns, and what asks them.
pub(crate) struct Opened {
    log: String,
    engine: Arc<Engine>,
    lake: Arc<Lake>,
    columns: Arc<Columns>,
}

impl Lakes {
    /// Starts the threads. The columns lie in `derived`, which may be deleted while the server stands.
    pub fn start(derived: &Path) -> std::io::Result<Option<Lakes>> {
        let followers = Followers::start("graven-lake", FOLLOWER_THREADS)?;
        let engine = Arc::new(Engine::start().map_err(std::io::Error::other)?);
        let (folder, by_log, pg_clients) = (derived.to_owned(), Mutex::default(), Clients::new());
        Ok(Some(Lakes { folder, followers, engine, by_log, pg_clients }))
    }

    /// Opens a log's columns, or begins them, and keeps them up to date from now on.
    pub(crate) fn follow(&self, log: &LogHandle) {
        let info = log.info();
        let (folder, name) = (self.folder.join(info.name.as_str()).join(FOLDER), info.name);
        let (opened, columns) = watch::channel(None);
        let (shown, through) = watch::channel(TreeSize(0));
        let is_damaged = Arc::new(AtomicBool::new(false));
        let (source, damage) = (log.clone(), Arc::clone(&is_damaged));
        let open = move || -> Result<Writer, DerivedError> {
            let columns = open(&folder, &source)?;
            opened.send_replace(Some(Arc::clone(&columns)));
            Ok(Writer::new(info.origin.clone(), columns, Arc::clone(&damage)))
        };
        let on_progress = move |progress: &Progress| {
            shown.send_replace(progress.through);
        };
        let follower = self.followers.follow(log.clone(), open, Box::new(on_progress));
        let lake = Arc::new(Lake { columns, through, is_damaged, follower });
        self.lock().insert(name.to_string(), lake);
    }

    /// How many entries of each log queries see.
    pub(crate) fn through(&self) -> Vec<(String, TreeSize)> {
        let lakes = self.lock();
        lakes.iter().map(|(log, lake)| (log.clone(), *lake.through.borrow())).collect()
    }

    /// A log's columns, once they are open and have the entry that is waited for, or the time for that is over.
    pub(crate) async fn open(
        &self,
        log: &str,
        wait: Option<LeafIndex>,
        time: Duration,
    ) -> Result<Opened, Refusal> {
        let lake = self.lock().get(log).cloned();
        let lake = lake.ok_or_else(|| unready("they are not followed yet"))?;
        let columns = lake.ready(wait, time).await?;
        Ok(Opened { log: log.to_owned(), engine: Arc::clone(&self.engine), lake, columns })
    }

    /// Reads the statements of a client that speaks PostgreSQL's protocol. Waits on this thread.
    pub(crate) fn pg_statements(&self, text: String) -> Result<Vec<PgStatement>, QueryError> {
        self.engine.pg_statements(text)
    }

    /// Who asks by that protocol.
    pub(crate) fn pg_clients(&self) -> &Clients {
        &self.pg_clients
    }

    /// Stops to follow; waits for what is being written.
    pub(crate) fn stop(&self) {
        self.followers.stop();
        drop(std::mem::take(&mut *self.lock()));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Lake>>> {
        self.by_log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opened {
    /// Answers a statement over the entries that `slice` shows: how many rows, and the body of the answer. Blocks.
    pub(crate) fn query(&self, text: &str, slice: Slice) -> Result<(u64, Vec<u8>), Refusal> {
        let answer = self.engine.query(&self.columns, text, &Limits::default(), filter(slice));
        let answer = answer.map_err(|error| self.lake.refusal(&self.log, &error))?;
        Ok((answer.rows.len() as u64, body(&answer)))
    }

    /// Answers a client that speaks PostgreSQL's protocol. Blocks.
    pub(crate) fn pg(&self, slice: Slice, ask: Ask) -> Result<Told, Box<(Refusal, QueryError)>> {
        let Ask { asked, gone, .. } = ask;
        let question = |text| {
            let (columns, filter) = (Arc::clone(&self.columns), filter(slice));
            Question { columns, filter, text, limits: Limits::default(), gone: Some(gone) }
        };
        let told = match asked {
            Asked::SignIn => Ok(Told::SignedIn),
            Asked::Prepare(text) => {
                self.engine.pg_prepare(&self.log, question(text)).map(Told::Prepared)
            }
            Asked::Rows(text, asked) => {
                self.engine.pg_query(&self.log, question(text), asked).map(Told::Rows)
            }
        };
        told.map_err(|error| Box::new((self.lake.refusal(&self.log, &error), error)))
    }
}

impl Lake {
    /// The columns, once they are open and have the entry that is waited for, or the time for that is over.
    async fn ready(
        &self,
        wait: Option<LeafIndex>,
        time: Duration,
    ) -> Result<Arc<Columns>, Refusal> {
        let mut columns = self.columns.clone();
        let opened = timeout(time, columns.wait_for(Option::is_some)).await;
        let columns = opened.ok().and_then(Result::ok).and_then(|columns| columns.clone());
        let columns = columns.ok_or_else(|| unready("they are being opened"))?;
        if let Some(wait) = wait {
            let mut through = self.through.clone();
            // Whether it came: the answer says how far the columns are.
            drop(timeout(time, through.wait_for(|through| through.0 > wait.0)).await);
        }
        Ok(columns)
    }

    /// What a client is told of a query without an answer; what somebody must look at is written down.
    fn refusal(&self, log: &str, error: &QueryError) -> Refusal {
        let code = match error {
            QueryError::Bad { .. } | QueryError::ReadOnly => Code::BadQuery,
            QueryError::Limit(_) => Code::QueryLimit,
            QueryError::Busy(_) => Code::Busy,
            QueryError::Unavailable(_) => {
                tracing::error!(log, error = %error, "a query could not read what it needs");
                self.is_damaged.store(true, Ordering::Release);
                self.follower.nudge();
                Code::Unavailable
            }
        };
        Refusal::new(code, error.to_string()).in_field("query")
    }
}

/// Takes a log's entries into its columns.
struct Writer {
    origin: Name,
    columns: Arc<Columns>,
    cursor: Cursor,
    is_damaged: Arc<AtomicBool>,
}

impl Writer {
    fn new(origin: Name, columns: Arc<Columns>, is_damaged: Arc<AtomicBool>) -> Writer {
        let mut writer = Writer { origin, columns, cursor: Cursor::START, is_damaged };
        writer.look();
        writer
    }

    /// The columns know best how far they are.
    fn look(&mut self) {
        let (next, last) = self.columns.taken();
        self.cursor = Cursor { next, last };
    }
}

impl Derived for Writer {
    fn origin(&self) -> &Name {
        &self.origin
    }

    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    fn take(&mut self, index: LeafIndex, entry: &[u8]) -> Result<(), DerivedError> {
        let last = self.columns.take(index, entry).map_err(other)?;
        self.cursor = Cursor { next: TreeSize(index.0 + 1), last: Some(last) };
        Ok(())
    }

    fn commit(&mut self) -> Result<(), DerivedError> {
        self.columns.show().map_err(other)
    }

    fn rest(&mut self) -> Result<(), DerivedError> {
        self.columns.rest().map_err(other)
    }

    /// What was taken is good: only what could not be written is tried again.
    fn go_back(&mut self) -> Result<(), DerivedError> {
        let shown = self.columns.show();
        self.look();
        shown.map_err(other)
    }

    fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Acquire)
    }

    /// Makes damaged files anew. Whose history the columns have was asked when they were opened.
    fn begin_anew(&mut self, why: &str) -> Result<(), DerivedError> {
        if !self.is_damaged.swap(false, Ordering::AcqRel) {
            return Err(DerivedError::Other(why.into()));
        }
        let mended = self.columns.mend();
        self.look();
        tell(&self.origin, &mended.map_err(other)?);
        Ok(())
    }
}

/// Opens a log's columns. Those of another log, format or history are set aside; the ones set aside before go for good.
fn open(folder: &Path, log: &LogHandle) -> Result<Arc<Columns>, DerivedError> {
    let info = log.info();
    let open = || Columns::open(Arc::new(RealDisk), folder, &info.origin, Arc::new(log.clone()));
    let columns = match open() {
        Err(error) if error.is_foreign() => {
            let aside = folder.with_extension(ASIDE);
            let (reason, moved_to) = (error.to_string(), aside.display());
            tracing::warn!(origin = %info.origin, reason, %moved_to, "columns set aside, making new ones from the log");
            if aside.exists() {
                std::fs::remove_dir_all(&aside).map_err(other)?;
            }
            std::fs::rename(folder, &aside).map_err(other)?;
            open()
        }
        opened => opened,
    };
    let columns = columns.map_err(other)?;
    tell(&info.origin, columns.mended());
    Ok(Arc::new(columns))
}

fn tell(origin: &Name, mended: &[String]) {
    for file in mended {
        tracing::warn!(%origin, file, "columns were damaged and are made anew");
    }
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> DerivedError {
    DerivedError::Other(Box::new(error))
}

/// What policies show of the log, as a condition on rows: the same judgement as on an entry that is read by its index.
fn filter(slice: Slice) -> RowFilter {
    if matches!(slice, Slice::Free) {
        return RowFilter::Everything;
    }
    RowFilter::Only(Arc::new(move |about: &RowAbout<'_>| {
        let about = EventAbout {
            action: about.action.to_owned(),
            actor_type: about.actor_type.to_owned(),
            actor: about.actor.to_owned(),
            targets: about.targets.clone(),
            outcome: about.outcome.to_owned(),
        };
        // No event of a log is without an action: this one cannot be judged.
        !about.action.is_empty() && slice.allows(&about)
    }))
}

/// `{"columns":[{"name","type"}],"rows":[[...]],"indexed_through"}`.
fn body(answer: &Answer) -> Vec<u8> {
    let columns: Vec<_> =
        answer.columns.iter().map(|one| json!({"name": one.name, "type": one.kind})).collect();
    let through = answer.indexed_through.0;
    let body = json!({"columns": columns, "rows": answer.rows, "indexed_through": through});
    format!("{body}\n").into_bytes()
}

fn unready(why: &str) -> Refusal {
    let detail = format!("the columns of this log are not there: {why}; try again");
    Refusal::new(Code::Unavailable, detail)
}

impl std::fmt::Debug for Lakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lakes").field("folder", &self.folder).finish_non_exhaustive()
    }
}
