//! A log in memory to follow, and a search index that follows it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use graven_entry::Name;
use graven_merkle::{LeafIndex, TreeSize};
use log::ReadError;
use tokio::sync::watch;

use super::made::{ORIGIN, Random, entry, event};
use crate::limits::FOLLOWER_THREADS;
use crate::query::Ast;
use crate::{Answer, Facet, Follower, Followers, Growth, Index, Request, Source, Want};

/// More than any test takes; one that waits so long has failed.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

/// Entries of which a prefix is committed.
#[derive(Clone)]
pub(super) struct Entries {
    pub(super) origin: Name,
    bytes: Arc<Mutex<Vec<Vec<u8>>>>,
    committed: Arc<watch::Sender<TreeSize>>,
}

impl Entries {
    pub(super) fn new() -> Entries {
        let committed = Arc::new(watch::channel(TreeSize(0)).0);
        Entries { origin: Name::origin(ORIGIN).unwrap(), bytes: Arc::default(), committed }
    }

    /// `count` made entries.
    pub(super) fn made(seed: u64, count: u64) -> Entries {
        let entries = Entries::new();
        entries.grow(seed, count);
        entries
    }

    pub(super) fn grow(&self, seed: u64, count: u64) {
        let mut random = Random(seed);
        for _ in 0..count {
            self.push(&event(&mut random));
        }
    }

    pub(super) fn push(&self, event: &str) {
        self.push_uncommitted(event);
        self.commit();
    }

    pub(super) fn push_uncommitted(&self, event: &str) {
        let mut entries = self.bytes.lock().unwrap();
        let index = entries.len() as u64;
        entries.push(entry(index, event));
    }

    pub(super) fn commit(&self) {
        let size = self.bytes.lock().unwrap().len() as u64;
        self.committed.send_replace(TreeSize(size));
    }

    pub(super) fn size(&self) -> u64 {
        self.committed.borrow().0
    }

    pub(super) fn all(&self) -> Vec<Vec<u8>> {
        self.bytes.lock().unwrap().clone()
    }
}

impl Source for Entries {
    fn origin(&self) -> Name {
        self.origin.clone()
    }

    fn entry(&self, index: LeafIndex) -> Result<Vec<u8>, ReadError> {
        let size = *self.committed.borrow();
        let missing = || ReadError::NotFound { what: format!("entry {index}"), size };
        let entries = self.bytes.lock().unwrap();
        entries.get(index.0 as usize).filter(|_| index.0 < size.0).cloned().ok_or_else(missing)
    }

    fn wait_past(&self, size: TreeSize) -> Growth {
        let mut committed = self.committed.subscribe();
        Box::pin(async move { *committed.wait_for(|now| *now > size).await.unwrap() })
    }
}

/// The threads that all tests share, as all logs of a server do.
pub(super) static FOLLOWERS: LazyLock<Followers> =
    LazyLock::new(|| Followers::start("test-follow", FOLLOWER_THREADS).unwrap());

pub(super) fn follow(index: &Index, source: &Entries) -> Follower {
    let index = index.clone();
    FOLLOWERS.follow(source.clone(), move || Ok(index.writer()), Box::new(|_| {}))
}

/// Waits until all of the log is searchable.
pub(super) fn wait(index: &Index, size: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let there = runtime.block_on(index.wait(LeafIndex(size - 1), PATIENCE));
    assert!(there, "{size} entries are not there after {PATIENCE:?}");
}

/// An index of all of a log, by a follower that was stopped again.
pub(super) fn indexed(folder: &Path, source: &Entries) -> Index {
    let index = Index::open(folder, &source.origin).unwrap();
    let follower = follow(&index, source);
    wait(&index, source.size());
    follower.stop();
    index
}

pub(super) const ALL: Want<'_> = Want { total: true, facets: &Facet::ALL, histogram: true };

/// Every page of a search, and the first answer.
pub(super) fn every_page(
    index: &Index,
    (query, scope): (&Ast, &Ast),
    now_ns: u64,
    limit: usize,
) -> (Vec<u64>, Answer) {
    let request = Request { query, scope, now_ns, limit, page: None, want: ALL };
    let first = index.search(&request).unwrap();
    let mut found: Vec<u64> = first.results.iter().map(|index| index.0).collect();
    let mut next = first.next;
    while let Some(page) = next {
        let page = page.to_string().parse().unwrap();
        // A later page goes by the time of the first.
        let request = Request { now_ns: 0, page: Some(page), want: Want::default(), ..request };
        let answer = index.search(&request).unwrap();
        assert!(!answer.results.is_empty(), "an empty page");
        found.extend(answer.results.iter().map(|index| index.0));
        next = answer.next;
    }
    (found, first)
}

/// What facets must be, from the values of each match.
pub(super) fn counted(values: impl Iterator<Item = Vec<String>>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for mut of_one in values {
        of_one.sort();
        of_one.dedup();
        for value in of_one {
            *counts.entry(value).or_default() += 1;
        }
    }
    counts
}
