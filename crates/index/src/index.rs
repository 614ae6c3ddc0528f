//! A log's search index on the disk: opened, checked, set aside where it cannot be trusted, written and read.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use graven_entry::{Entry, Name};
use graven_merkle::{Hash, LeafIndex, TreeSize, leaf_hash};
use serde::{Deserialize, Serialize};
use tantivy::indexer::IndexWriterOptions;
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{
    IndexBuilder, IndexReader, IndexSettings, IndexSortByField, IndexWriter, Order, ReloadPolicy,
    TantivyError,
};
use tokio::sync::watch;

use crate::derived::{Cursor, Derived, DerivedError};
use crate::error::IndexError;
use crate::limits::{MERGE_THREADS, QUEUE_DOCUMENTS, QUEUE_WAIT_MS, WRITER_HEAP_BYTES};
use crate::mapped::Mapped;
use crate::queue::{Queue, Queued};
use crate::schema::{self, FORMAT, INDEX, WORDS, Words};
use crate::snapshot::{Snapshot, take_snapshot};

/// The folder of the search index within a log's derived data.
const FOLDER: &str = "search";
/// Where an index goes that cannot be trusted; the one before it goes for good.
const ASIDE: &str = "search.set-aside";
const QUEUE_WAIT: Duration = Duration::from_millis(QUEUE_WAIT_MS);

/// A log's search index. Cheap to clone; the follower that [`Index::writer`] is for keeps it up to date.
#[derive(Clone)]
pub struct Index {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    origin: Name,
    opened: Mutex<Opened>,
    through: watch::Sender<TreeSize>,
    damaged: AtomicBool,
}

/// What is open now; replaced as a whole when the index is built anew.
struct Opened {
    index: tantivy::Index,
    reader: IndexReader,
    cursor: Cursor,
    snapshot: Arc<Snapshot>,
}

/// The cursor as it is committed with the documents: they stand in one file, so there is no gap and no double.
#[derive(Serialize, Deserialize)]
struct Payload {
    format: u32,
    origin: String,
    next: u64,
    last: Option<String>,
}

impl Index {
    /// Opens the search index of the log `origin` in `folder`, or begins one. One that is damaged, of another log or of
    /// another format is set aside, and a new one begun.
    pub fn open(folder: &Path, origin: &Name) -> Result<Index, IndexError> {
        let opened = match try_open(&folder.join(FOLDER), origin) {
            Ok(Some(opened)) => opened,
            Ok(None) => create(&folder.join(FOLDER))?,
            Err(why) => {
                set_aside(folder, origin, &why)?;
                create(&folder.join(FOLDER))?
            }
        };
        let (through, _) = watch::channel(opened.cursor.next);
        let shared = Shared {
            folder: folder.to_owned(),
            origin: origin.clone(),
            opened: Mutex::new(opened),
            through,
            damaged: AtomicBool::new(false),
        };
        Ok(Index { shared: Arc::new(shared) })
    }

    /// How many entries, from index 0 on, can be found now.
    pub fn indexed_through(&self) -> TreeSize {
        *self.shared.through.borrow()
    }

    /// Resolves with `true` when the entry `index` can be found, with `false` after `timeout` if it can't yet.
    pub async fn wait(&self, index: LeafIndex, timeout: Duration) -> bool {
        let mut through = self.shared.through.subscribe();
        let there = through.wait_for(|size| size.0 > index.0);
        tokio::time::timeout(timeout, there).await.is_ok_and(|there| there.is_ok())
    }

    /// The writing end, for a [`crate::Follower`]; one at a time.
    pub fn writer(&self) -> SearchWriter {
        let cursor = self.shared.opened().cursor.clone();
        let queue = Queue::new(QUEUE_DOCUMENTS);
        SearchWriter { index: self.clone(), writer: None, queue, cursor }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.shared.opened().snapshot)
    }

    /// Says that a file turned out not to be what was written: the follower builds the index anew.
    pub(crate) fn report_damage(&self) {
        self.shared.damaged.store(true, Ordering::Release);
    }
}

impl Shared {
    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, opened: Opened) {
        let through = opened.cursor.next;
        *self.opened() = opened;
        self.through.send_replace(through);
    }
}

fn engine_settings() -> IndexSettings {
    let newest_first = IndexSortByField { field: INDEX.to_owned(), order: Order::Desc };
    IndexSettings { sort_by_field: Some(newest_first), ..IndexSettings::default() }
}

fn create(path: &Path) -> Result<Opened, IndexError> {
    let failed = |source| IndexError::Folder { path: path.to_owned(), source };
    std::fs::create_dir_all(path).map_err(failed)?;
    let (schema, _) = schema::schema();
    let builder = IndexBuilder::new().schema(schema).settings(engine_settings());
    let index = builder.open_or_create(Mapped::open(path)?)?;
    Ok(open_reader(index, Cursor::START)?)
}

/// The index at `path`, if there is one; an error says why it cannot be trusted.
fn try_open(path: &Path, origin: &Name) -> Result<Option<Opened>, String> {
    if !path.join("meta.json").exists() {
        return if path.exists() { Err("it has no meta.json".to_owned()) } else { Ok(None) };
    }
    let text = |error: TantivyError| error.to_string();
    let index = Mapped::open(path).and_then(tantivy::Index::open).map_err(text)?;
    let meta = index.load_metas().map_err(text)?;
    let cursor = match &meta.payload {
        None if meta.segments.is_empty() => Cursor::START,
        None => return Err("it has no cursor".to_owned()),
        Some(payload) => read_cursor(payload, origin)?,
    };
    if index.schema() != schema::schema().0 {
        return Err("it has another schema".to_owned());
    }
    let damaged = index.validate_checksum().map_err(text)?;
    if let Some(file) = damaged.iter().min() {
        return Err(format!("{} is not what was written", file.display()));
    }
    open_reader(index, cursor).map(Some).map_err(text)
}

fn read_cursor(payload: &str, origin: &Name) -> Result<Cursor, String> {
    let payload: Payload = serde_json::from_str(payload)
        .map_err(|error| format!("its cursor cannot be read: {error}"))?;
    if payload.format != FORMAT {
        return Err(format!("it has format {}, not {FORMAT}", payload.format));
    }
    if payload.origin != origin.as_str() {
        return Err(format!("it is of {}, not of {origin}", payload.origin));
    }
    let last = payload.last.map(|text| text.parse::<Hash>()).transpose();
    let last = last.map_err(|error| format!("its cursor cannot be read: {error}"))?;
    Ok(Cursor { next: TreeSize(payload.next), last })
}

fn open_reader(mut index: tantivy::Index, cursor: Cursor) -> tantivy::Result<Opened> {
    index.tokenizers().register(WORDS, TextAnalyzer::from(Words));
    index.set_executor(tantivy::Executor::single_thread());
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    let snapshot = Arc::new(take_snapshot(&reader, cursor.next, None)?);
    Ok(Opened { index, reader, cursor, snapshot })
}

fn set_aside(folder: &Path, origin: &Name, why: &str) -> Result<(), IndexError> {
    let (from, to) = (folder.join(FOLDER), folder.join(ASIDE));
    tracing::warn!(origin = %origin, reason = why, moved_to = %to.display(), "search index set aside, building a new one from the log");
    let failed = |source| IndexError::Folder { path: to.clone(), source };
    if to.exists() {
        std::fs::remove_dir_all(&to).map_err(failed)?;
    }
    std::fs::rename(&from, &to).map_err(failed)
}

/// The writing end of a search index.
pub struct SearchWriter {
    index: Index,
    /// Made when the first entry comes: it costs threads and memory.
    writer: Option<IndexWriter<Queued>>,
    /// What the engine has not taken yet.
    queue: Arc<Queue>,
    cursor: Cursor,
}

impl SearchWriter {
    fn writer(&mut self) -> tantivy::Result<&mut IndexWriter<Queued>> {
        if self.writer.is_none() {
            let options = IndexWriterOptions::builder()
                .memory_budget_per_thread(WRITER_HEAP_BYTES)
                .num_worker_threads(1)
                .num_merge_threads(MERGE_THREADS)
                .build();
            let index = self.index.shared.opened().index.clone();
            self.writer = Some(index.writer_with_options(options)?);
        }
        // Put there just now.
        self.writer.as_mut().ok_or(TantivyError::SystemError("no writer".to_owned()))
    }

    /// Waits for merges and gives threads and memory back. Says whether there were any to give.
    fn end(&mut self) -> tantivy::Result<bool> {
        let writer = self.writer.take();
        let was_open = writer.is_some();
        writer.map_or(Ok(()), IndexWriter::wait_merging_threads)?;
        Ok(was_open)
    }

    /// Has searches see what is committed up to a cursor, in the segments in which it lies now.
    fn show(&self, cursor: Cursor) -> tantivy::Result<()> {
        let shared = &self.index.shared;
        let (index, reader, before) = {
            let opened = shared.opened();
            (opened.index.clone(), opened.reader.clone(), Arc::clone(&opened.snapshot))
        };
        reader.reload()?;
        let snapshot = Arc::new(take_snapshot(&reader, cursor.next, Some(&before))?);
        shared.show(Opened { index, reader, cursor, snapshot });
        Ok(())
    }
}

impl Derived for SearchWriter {
    fn origin(&self) -> &Name {
        &self.index.shared.origin
    }

    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    fn take(&mut self, index: LeafIndex, bytes: &[u8]) -> Result<(), DerivedError> {
        let malformed = |error| DerivedError::Entry { index, why: format!("{error}") };
        let entry = Entry::parse(bytes).map_err(malformed)?;
        let document = schema::document(&self.index.snapshot().fields, &entry);
        let queued = self.queue.enter(document, QUEUE_WAIT);
        self.writer()?.add_document(queued)?;
        self.cursor = Cursor { next: TreeSize(index.0 + 1), last: Some(leaf_hash(bytes)) };
        Ok(())
    }

    fn commit(&mut self) -> Result<(), DerivedError> {
        let payload = Payload {
            format: FORMAT,
            origin: self.index.shared.origin.to_string(),
            next: self.cursor.next.0,
            last: self.cursor.last.map(|hash| hash.to_string()),
        };
        let payload = serde_json::to_string(&payload).expect("strings and numbers are JSON");
        let mut commit = self.writer()?.prepare_commit()?;
        commit.set_payload(&payload);
        commit.commit()?;
        self.show(self.cursor.clone())?;
        Ok(())
    }

    fn rest(&mut self) -> Result<(), DerivedError> {
        if !self.end()? {
            return Ok(());
        }
        // Merges since the last commit left fewer segments to look in, and deleted files of which the room is free when nobody looks into them.
        let committed = self.index.shared.opened().cursor.clone();
        self.show(committed)?;
        Ok(())
    }

    fn go_back(&mut self) -> Result<(), DerivedError> {
        self.writer = None;
        self.cursor = self.index.shared.opened().cursor.clone();
        Ok(())
    }

    fn is_damaged(&self) -> bool {
        self.index.shared.damaged.load(Ordering::Acquire)
    }

    fn begin_anew(&mut self, why: &str) -> Result<(), DerivedError> {
        // A merge that still runs would write into the new folder, which has the old one's name.
        if let Err(error) = self.end() {
            tracing::warn!(error = %error, "the writer of the old search index did not end well");
        }
        let shared = &self.index.shared;
        set_aside(&shared.folder, &shared.origin, why)?;
        shared.show(create(&shared.folder.join(FOLDER))?);
        shared.damaged.store(false, Ordering::Release);
        self.cursor = Cursor::START;
        Ok(())
    }
}
