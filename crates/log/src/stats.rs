//! Counters of a cell, for `/metrics` and the benchmarks.

use append::Code;
use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the flush histogram, in microseconds; one more bucket takes the rest.
pub(crate) const FLUSH_BOUNDS_US: [u64; 12] =
    [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 102_400, 1_000_000];
/// Upper bounds of the entries-in-a-frame histogram; one more bucket takes the rest.
pub(crate) const FRAME_BOUNDS_ENTRIES: [u64; 10] =
    [1, 2, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536];

/// A histogram as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// Upper bounds of the buckets but the last.
    pub bounds: &'static [u64],
    /// How many fell in each bucket; one more than there are bounds.
    pub counts: Vec<u64>,
    /// Sum of all values.
    pub sum: u64,
}

/// Counters of a cell since its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Entries appended.
    pub appended_entries: u64,
    /// Batches refused, by code, for those that were.
    pub refused: Vec<(Code, u64)>,
    /// Frames made permanent.
    pub frames: u64,
    /// Bytes of frame bodies made permanent.
    pub frame_bytes: u64,
    /// Time of one durable write, in microseconds.
    pub flush_us: Histogram,
    /// Entries in a frame.
    pub frame_entries: Histogram,
    /// Rounds of unloading.
    pub unloads: u64,
    /// Segments sealed.
    pub sealed_segments: u64,
    /// Reads of bundles that the cache answered.
    pub bundle_cache_hits: u64,
    /// Reads of bundles that went to the parts or the tail.
    pub bundle_cache_misses: u64,
}

struct Buckets<const N: usize> {
    counts: [AtomicU64; N],
    sum: AtomicU64,
}

impl<const N: usize> Default for Buckets<N> {
    fn default() -> Self {
        Buckets { counts: std::array::from_fn(|_| AtomicU64::new(0)), sum: AtomicU64::new(0) }
    }
}

impl<const N: usize> Buckets<N> {
    fn add(&self, bounds: &[u64], value: u64) {
        let bucket = bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len());
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    fn read(&self, bounds: &'static [u64]) -> Histogram {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        Histogram { bounds, counts, sum: self.sum.load(Ordering::Relaxed) }
    }
}

/// The live counters.
#[derive(Default)]
pub(crate) struct Stats {
    appended: AtomicU64,
    refused: [AtomicU64; Code::ALL.len()],
    frames: AtomicU64,
    frame_bytes: AtomicU64,
    flush_us: Buckets<13>,
    frame_entries: Buckets<11>,
    unloads: AtomicU64,
    sealed: AtomicU64,
}

impl Stats {
    pub(crate) fn frame(&self, entries: u64, size_bytes: u64, flush_ns: u64) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.frame_bytes.fetch_add(size_bytes, Ordering::Relaxed);
        self.flush_us.add(&FLUSH_BOUNDS_US, flush_ns / 1_000);
        self.frame_entries.add(&FRAME_BOUNDS_ENTRIES, entries);
    }

    pub(crate) fn appended(&self, entries: u64) {
        self.appended.fetch_add(entries, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, code: Code) {
        let place = Code::ALL.iter().position(|known| *known == code);
        if let Some(count) = place.and_then(|place| self.refused.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn unloaded(&self) {
        self.unloads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sealed(&self) {
        self.sealed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, hits: u64, misses: u64) -> Metrics {
        let refused = Code::ALL.iter().zip(&self.refused);
        let refused = refused.map(|(code, count)| (*code, count.load(Ordering::Relaxed)));
        Metrics {
            appended_entries: self.appended.load(Ordering::Relaxed),
            refused: refused.filter(|(_, count)| *count > 0).collect(),
            frames: self.frames.load(Ordering::Relaxed),
            frame_bytes: self.frame_bytes.load(Ordering::Relaxed),
            flush_us: self.flush_us.read(&FLUSH_BOUNDS_US),
            frame_entries: self.frame_entries.read(&FRAME_BOUNDS_ENTRIES),
            unloads: self.unloads.load(Ordering::Relaxed),
            sealed_segments: self.sealed.load(Ordering::Relaxed),
            bundle_cache_hits: hits,
            bundle_cache_misses: misses,
        }
    }
}
