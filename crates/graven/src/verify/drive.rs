//! Reads and checks spans in parallel, and hands their reports over in index order.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, PoisonError, RwLock};
use std::thread::available_parallelism;

use graven_merkle::LeafIndex;
use graven_verify::{FaultKind, RunReport, StreamKeys, check_run_with};

use super::source::{Evidence, ReadFault, Source, Span, bad};

/// Spans that may be in memory for each thread.
const SPANS_PER_JOB: usize = 2;

/// A span that was read and checked alone.
pub(crate) struct CheckedSpan {
    pub(crate) span: Span,
    pub(crate) evidence: Evidence,
    pub(crate) report: RunReport,
}

/// What every thread does its work with.
#[derive(Clone, Copy)]
struct Job<'a> {
    source: &'a dyn Source,
    from: LeafIndex,
    /// The keys by which attestations are verified here already; what is missing is verified when spans are joined.
    stream_keys: &'a RwLock<StreamKeys>,
}

/// How far the threads may read ahead: they wait until the span is less than `ahead_max` past the last one taken.
struct Window {
    taken: Mutex<State>,
    moved: Condvar,
    ahead_max: usize,
}

struct State {
    /// The next span that nobody reads yet.
    next: usize,
    /// Spans that were handed over.
    taken: usize,
    is_over: bool,
}

/// Checks every span of `source` that reaches past `from` with `jobs` threads (0: one a processor), and hands each to `take`, in index
/// order. Ends at the first fault in index order, or where `take` ends it.
pub(crate) fn drive(
    source: &dyn Source,
    from: LeafIndex,
    jobs: usize,
    stream_keys: &RwLock<StreamKeys>,
    mut take: impl FnMut(CheckedSpan) -> Result<(), ReadFault>,
) -> Result<(), ReadFault> {
    let spans: Vec<Span> = source.spans().into_iter().filter(|span| span.end() > from.0).collect();
    let jobs = if jobs == 0 { available_parallelism().map_or(1, usize::from) } else { jobs };
    let jobs = jobs.clamp(1, spans.len().max(1));
    let window = Window::new(jobs * SPANS_PER_JOB);
    let (sender, receiver) = sync_channel(jobs);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, spans, window) = (sender.clone(), &spans, &window);
            let job = Job { source, from, stream_keys };
            scope.spawn(move || job.work(spans, window, &sender));
        }
        drop(sender);
        let result = in_order(&receiver, &window, &mut take);
        window.end();
        // Threads that still have something to hand over must not wait for us for ever.
        drop(receiver);
        result
    })
}

fn in_order(
    receiver: &Receiver<(usize, Result<CheckedSpan, ReadFault>)>,
    window: &Window,
    take: &mut impl FnMut(CheckedSpan) -> Result<(), ReadFault>,
) -> Result<(), ReadFault> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (place, checked) in receiver {
        early.insert(place, checked);
        while let Some(checked) = early.remove(&next) {
            take(checked?)?;
            next += 1;
            window.take();
        }
    }
    Ok(())
}

impl Job<'_> {
    /// Spans in turn, until there are no more.
    fn work(
        &self,
        spans: &[Span],
        window: &Window,
        sender: &SyncSender<(usize, Result<CheckedSpan, ReadFault>)>,
    ) {
        while let Some(place) = window.next() {
            let Some(span) = spans.get(place) else { break };
            let checked = self.check(*span);
            let is_bad = checked.is_err();
            if sender.send((place, checked)).is_err() || is_bad {
                break;
            }
        }
    }

    fn check(&self, span: Span) -> Result<CheckedSpan, ReadFault> {
        let mut evidence = self.source.read(span)?;
        let count = evidence.entries.len() as u64;
        if count != span.count {
            let end = span.first + count;
            let detail = format!("the target claims entries up to {}, and ends here", span.end());
            return Err(bad(Some(end), FaultKind::MissingEntry, detail));
        }
        let mut first = span.first;
        if first < self.from.0 {
            let known = usize::try_from(self.from.0 - first).unwrap_or(usize::MAX);
            evidence.entries = evidence.entries.skip(known);
            first = self.from.0;
        }
        let keys = self.stream_keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (origin, entries) = (self.source.origin(), &evidence.entries);
        let report = check_run_with(origin, LeafIndex(first), entries, &keys)?;
        let span = Span { first, count: entries.len() as u64 };
        Ok(CheckedSpan { span, evidence, report })
    }
}

impl Window {
    fn new(ahead_max: usize) -> Window {
        let state = State { next: 0, taken: 0, is_over: false };
        Window { taken: Mutex::new(state), moved: Condvar::new(), ahead_max }
    }

    /// The place of the next span to read; waits while too many are read ahead. `None` when all is over.
    fn next(&self) -> Option<usize> {
        let state = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let must_wait =
            |state: &mut State| !state.is_over && state.next >= state.taken + self.ahead_max;
        let waited = self.moved.wait_while(state, must_wait);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            return None;
        }
        let place = state.next;
        state.next += 1;
        Some(place)
    }

    fn take(&self) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).taken += 1;
        self.moved.notify_all();
    }

    fn end(&self) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
        self.moved.notify_all();
    }
}

#[cfg(test)]
mod tests;
