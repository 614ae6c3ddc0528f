//! Searching: the newest matches, a page at a time, and on request their total, facets and histogram.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use graven_merkle::{LeafIndex, TreeSize};
use tantivy::query::{EnableScoring, Query, Scorer, Weight};
use tantivy::{
    COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, Executor, Searcher, SegmentReader, TERMINATED,
    TantivyError,
};

use crate::compile::{CompileError, Compiler};
use crate::count::{Counter, FacetCounts, Histogram, Part};
use crate::error::IndexError;
use crate::index::Index;
use crate::limits::{COUNT_STRETCH_DOCS, COUNT_THREADS_MAX, SEARCH_LIMIT_MAX};
use crate::meet::Meet;
use crate::query::{Ast, QueryError};
use crate::schema::Facet;
use crate::segment::Segment;
use crate::snapshot::Snapshot;
use crate::terms::Terms;

/// Tests have small segments, and count them on several threads all the same.
const STRETCH_DOCS: u32 = if cfg!(test) { 32 } else { COUNT_STRETCH_DOCS };

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What to find.
    pub query: &'a Ast,
    /// What the asker may see at all: nothing else is found, counted, listed or suggested.
    pub scope: &'a Ast,
    /// When it is asked, in nanoseconds since 1970; later pages go by their first.
    pub now_ns: u64,
    /// Matches a page; at most [`SEARCH_LIMIT_MAX`] are given.
    pub limit: usize,
    /// Where the page before ended.
    pub page: Option<Page>,
    /// What else to answer.
    pub want: Want<'a>,
}

/// What costs more than the first page.
#[derive(Clone, Copy, Debug, Default)]
pub struct Want<'a> {
    /// How many match.
    pub total: bool,
    /// How often which values occur.
    pub facets: &'a [Facet],
    /// How the matches lie in time.
    pub histogram: bool,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The page's matches, newest first.
    pub results: Vec<LeafIndex>,
    /// Where to go on, if there are more.
    pub next: Option<Page>,
    /// How many match, over all pages, if it was asked.
    pub total: Option<u64>,
    /// In the order in which they were asked.
    pub facets: Vec<FacetCounts>,
    /// If it was asked.
    pub histogram: Option<Histogram>,
    /// Entries, from index 0 on, among which was searched.
    pub indexed_through: TreeSize,
}

/// A place between two pages. All pages of a search are of the entries that there were at the first, so that none moves
/// while the log grows. Its text is opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Entries from this index on came after the first page.
    upper: u64,
    /// The last index of the page before.
    before: u64,
    /// When the first page was asked for.
    now_ns: u64,
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}-{:x}", self.upper, self.before, self.now_ns)
    }
}

impl FromStr for Page {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Page, QueryError> {
        let numbers = text.split('-').map(|part| u64::from_str_radix(part, 16));
        let numbers: Vec<u64> = numbers.collect::<Result<_, _>>().unwrap_or_default();
        match numbers[..] {
            [upper, before, now_ns] if before < upper => Ok(Page { upper, before, now_ns }),
            _ => Err(QueryError::bad(0, "the cursor is none that a search gave out; leave it out")),
        }
    }
}

/// A search without an answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The query cannot be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl Index {
    /// Answers a search from what is indexed now.
    pub fn search(&self, request: &Request<'_>) -> Result<Answer, SearchError> {
        self.reading(|snapshot| snapshot.search(request))
    }

    /// Reads from what is indexed now; a file that is not what was written has the index built anew.
    pub(crate) fn reading<T>(
        &self,
        read: impl FnOnce(&Snapshot) -> Result<T, CompileError>,
    ) -> Result<T, SearchError> {
        match read(&self.snapshot()) {
            Ok(answer) => Ok(answer),
            Err(CompileError::Query(error)) => Err(error.into()),
            Err(CompileError::Engine(error @ TantivyError::DataCorruption(_))) => {
                tracing::error!(error = %error, "a search found a damaged index file");
                self.report_damage();
                Err(IndexError::Damaged.into())
            }
            Err(CompileError::Engine(error)) => Err(IndexError::Engine(error).into()),
        }
    }
}

impl Snapshot {
    /// The matches within a scope.
    pub(crate) fn weight(
        &self,
        (query, scope, now_ns): (&Ast, &Ast, u64),
    ) -> Result<Box<dyn Weight>, CompileError> {
        let compiled = self.compiled((query, scope, now_ns))?;
        Ok(compiled.weight(EnableScoring::disabled_from_searcher(&self.searcher))?)
    }

    /// The same as a query of the engine, which is not yet made ready.
    pub(crate) fn compiled(
        &self,
        (query, scope, now_ns): (&Ast, &Ast, u64),
    ) -> Result<Box<dyn Query>, CompileError> {
        Compiler::new(self, now_ns).all([scope, query].into_iter())
    }

    fn search(&self, request: &Request<'_>) -> Result<Answer, CompileError> {
        let now_ns = request.page.map_or(request.now_ns, |page| page.now_ns);
        let upper = request.page.map_or(self.through.0, |page| page.upper);
        let query = self.compiled((request.query, request.scope, now_ns))?;
        let matches = Matches::new(&*query, &self.searcher)?;
        let limit = request.limit.min(SEARCH_LIMIT_MAX);
        let before = request.page.map_or(upper, |page| page.before);
        let mut results = self.newest(&matches, before, limit + 1)?;
        let more = results.len() > limit;
        results.truncate(limit);
        let last = results.last().copied().unwrap_or(before);
        let mut counter = Counter::new(request.want.facets, request.want.histogram);
        if counter.looks_inside() || request.want.total {
            let is_all = (request.query, request.scope) == (&Ast::All, &Ast::All);
            self.count((matches.weight(), is_all), upper, &mut counter)?;
        }
        let total = request.want.total.then_some(counter.total);
        let (facets, histogram) = counter.finish();
        Ok(Answer {
            results: results.into_iter().map(LeafIndex).collect(),
            next: (more && limit > 0).then_some(Page { upper, before: last, now_ns }),
            total,
            facets,
            histogram,
            indexed_through: self.through,
        })
    }

    /// The newest matches below an index. Each segment is sorted newest first, so only the first of each are looked at,
    /// and a segment whose newest is older than all that was found not at all.
    pub(crate) fn newest(
        &self,
        matches: &Matches<'_>,
        before: u64,
        count: usize,
    ) -> tantivy::Result<Vec<u64>> {
        let mut found: Vec<u64> = Vec::with_capacity(count);
        let mut docs = Vec::with_capacity(count);
        for place in &self.newest_first {
            let segment = &self.segments[*place];
            let is_older = |oldest: &u64| segment.index.max_value() < *oldest;
            if found.len() >= count && found.last().is_some_and(is_older) {
                break;
            }
            docs.clear();
            let is_whole = segment.index.max_value() < before;
            let reader = &self.searcher.segment_readers()[*place];
            if !(is_whole && matches.first_terms(reader, count, &mut docs)?) {
                let mut matches = self.below(matches.weight(), *place, before)?;
                first_docs(&mut *matches, count, &mut docs);
            }
            let is_first = found.is_empty();
            segment.push_indexes(&docs, &mut found);
            if !is_first {
                found.sort_unstable_by_key(|index| std::cmp::Reverse(*index));
                found.truncate(count);
            }
        }
        Ok(found)
    }

    /// The matches of one segment below an index, newest first.
    pub(crate) fn below(
        &self,
        weight: &dyn Weight,
        place: usize,
        before: u64,
    ) -> tantivy::Result<Box<dyn Scorer>> {
        let segment: &Segment = &self.segments[place];
        let mut docs = weight.scorer(&self.searcher.segment_readers()[place], 1.0)?;
        let first = segment.first_below(&segment.index, before);
        if docs.doc() < first {
            docs.seek(first);
        }
        Ok(docs)
    }

    /// Counts the matches below an index. Where all match, which a reader with a scope cannot ask for, whole segments are not
    /// counted again.
    fn count(
        &self,
        (weight, is_all): (&dyn Weight, bool),
        upper: u64,
        counter: &mut Counter,
    ) -> tantivy::Result<()> {
        for (place, segment) in self.segments.iter().enumerate() {
            if is_all && segment.index.max_value() < upper {
                counter.add_whole(segment, &self.wholes)?;
                continue;
            }
            if !counter.looks_inside() && segment.index.max_value() < upper {
                let reader = &self.searcher.segment_readers()[place];
                counter.total += u64::from(weight.count(reader)?);
                continue;
            }
            let parts = self.count_segment(weight, (place, upper), counter)?;
            counter.add(parts)?;
        }
        Ok(())
    }

    /// Counts the matches of one segment below an index; those of a large one on several threads, each of which takes the
    /// next stretch of its documents until there is none.
    fn count_segment<'a>(
        &'a self,
        weight: &dyn Weight,
        (place, upper): (usize, u64),
        counter: &Counter,
    ) -> tantivy::Result<Vec<Part<'a>>> {
        let segment = &*self.segments[place];
        let next = AtomicU32::new(0);
        let worker = |_| {
            let mut part = counter.part(segment);
            let mut docs = self.below(weight, place, upper)?;
            loop {
                let start = next.fetch_add(STRETCH_DOCS, Ordering::Relaxed);
                if start >= segment.docs || docs.doc() == TERMINATED {
                    return Ok(part);
                }
                if docs.doc() < start {
                    docs.seek(start);
                }
                count_until(&mut *docs, start.saturating_add(STRETCH_DOCS), &mut part);
            }
        };
        if segment.docs <= STRETCH_DOCS {
            return Ok(vec![worker(0)?]);
        }
        let (executor, threads) = &*COUNTERS;
        executor.map(worker, 0..*threads)
    }
}

/// What a query finds, as the engine looks for it and, where it is no more than a few terms or what such have in common, as they lie.
pub(crate) enum Matches<'a> {
    Terms(&'a Terms),
    Meet(&'a Meet),
    Other(Box<dyn Weight>),
}

impl<'a> Matches<'a> {
    pub(crate) fn new(query: &'a dyn Query, searcher: &Searcher) -> tantivy::Result<Matches<'a>> {
        if let Some(terms) = query.downcast_ref() {
            return Ok(Matches::Terms(terms));
        }
        if let Some(meet) = query.downcast_ref() {
            return Ok(Matches::Meet(meet));
        }
        let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
        Ok(Matches::Other(weight))
    }

    fn weight(&self) -> &dyn Weight {
        match self {
            Matches::Terms(terms) => *terms,
            Matches::Meet(meet) => *meet,
            Matches::Other(weight) => &**weight,
        }
    }

    /// Adds a segment's first documents, where they can be read as they lie.
    fn first_terms(
        &self,
        reader: &SegmentReader,
        count: usize,
        docs: &mut Vec<DocId>,
    ) -> tantivy::Result<bool> {
        match self {
            Matches::Terms(terms) => terms.first(reader, count, docs),
            Matches::Meet(meet) => meet.first(reader, count, docs),
            Matches::Other(_) => Ok(false),
        }
    }
}

/// Takes the next matches, so many at most. Whole blocks are one call, however they are found.
fn first_docs(matches: &mut dyn Scorer, count: usize, docs: &mut Vec<DocId>) {
    let mut block = [0; COLLECT_BLOCK_BUFFER_LEN];
    while docs.len() + block.len() <= count {
        let filled = matches.fill_buffer(&mut block);
        docs.extend_from_slice(&block[..filled]);
        if filled < block.len() {
            return;
        }
    }
    while docs.len() < count && matches.doc() != TERMINATED {
        docs.push(matches.doc());
        matches.advance();
    }
}

/// Counts the matches before a document.
fn count_until(docs: &mut dyn Scorer, end: DocId, part: &mut Part<'_>) {
    let mut block = [0; COLLECT_BLOCK_BUFFER_LEN];
    while docs.doc() < end {
        let mut filled = 0;
        while filled < block.len() && docs.doc() < end {
            block[filled] = docs.doc();
            filled += 1;
            docs.advance();
        }
        part.count(&block[..filled]);
    }
}

/// The threads that count in large segments, for all indexes together; where they cannot be had, each request counts by itself.
static COUNTERS: LazyLock<(Executor, usize)> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(COUNT_THREADS_MAX);
    let executor = Executor::multi_thread(threads, "count-").map_err(|error| {
        tracing::warn!(error = %error, "no threads to count on, each request counts by itself");
    });
    executor.map_or((Executor::single_thread(), 1), |executor| (executor, threads))
});
