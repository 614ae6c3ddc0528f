//! Counting what matches: the total, values of fields, and how it lies in time. All of it exact.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tantivy::columnar::{Column, RowId, StrColumn};
use tantivy::index::SegmentId;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId};

use crate::limits::{FACET_VALUES_MAX, HISTOGRAM_BUCKETS_MAX, WHOLE_COUNTS_BYTES};
use crate::schema::Facet;
use crate::segment::Segment;

/// How often each value of a field occurs among what matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetCounts {
    /// The field.
    pub facet: Facet,
    /// The most frequent values and in how many entries each is, at most [`FACET_VALUES_MAX`]; ties by value.
    pub values: Vec<(String, u64)>,
    /// How many different values there are in all.
    pub distinct: u64,
    /// The sum of the counts of those that are not in `values`.
    pub others: u64,
}

/// How what matches lies in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// The length of a bucket in milliseconds.
    pub interval_ms: u64,
    /// Buckets with entries in them, oldest first, at most [`HISTOGRAM_BUCKETS_MAX`].
    pub buckets: Vec<Bucket>,
}

/// Entries within one interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// When it begins, in milliseconds since 1970; a multiple of the interval.
    pub start_ms: u64,
    /// How many.
    pub count: u64,
}

/// Lengths of buckets in milliseconds; each is a multiple of the one before, so that buckets can be joined.
const INTERVALS_MS: [u64; 20] = [
    1,
    10,
    100,
    1_000,
    5_000,
    15_000,
    60_000,
    300_000,
    900_000,
    3_600_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    7 * 86_400_000,
    28 * 86_400_000,
    84 * 86_400_000,
    336 * 86_400_000,
    1_680 * 86_400_000,
    8_400 * 86_400_000,
];

const NS_PER_MS: u64 = 1_000_000;

/// Counts what matches, segment by segment.
pub(crate) struct Counter {
    pub(crate) total: u64,
    facets: Vec<(Facet, HashMap<String, u64>)>,
    times: Option<Times>,
}

impl Counter {
    pub(crate) fn new(facets: &[Facet], histogram: bool) -> Counter {
        let facets = facets.iter().map(|facet| (*facet, HashMap::new())).collect();
        Counter { total: 0, facets, times: histogram.then(Times::default) }
    }

    /// Whether documents have to be looked at one by one.
    pub(crate) fn looks_inside(&self) -> bool {
        !self.facets.is_empty() || self.times.is_some()
    }

    /// Adds all documents of a segment, from what is kept of it as far as that is there.
    pub(crate) fn add_whole(&mut self, segment: &Segment, kept: &Wholes) -> std::io::Result<()> {
        self.total += u64::from(segment.docs);
        for (facet, all) in &mut self.facets {
            let whole = kept.of(segment, Some(*facet))?;
            for (value, count) in whole.facets.iter().flat_map(|(_, counts)| counts) {
                match all.get_mut(value) {
                    Some(sum) => *sum += count,
                    None => drop(all.insert(value.clone(), *count)),
                }
            }
        }
        if let Some(times) = &mut self.times {
            let whole = kept.of(segment, None)?;
            whole.times.iter().for_each(|other| times.add_all(other));
        }
        Ok(())
    }

    /// About how much memory it takes.
    fn memory_bytes(&self) -> u64 {
        const VALUE_BYTES: usize = 64;
        const OWN_BYTES: usize = 1_024;
        let values = self.facets.iter().flat_map(|(_, counts)| counts.keys());
        (OWN_BYTES + values.map(|value| value.len() + VALUE_BYTES).sum::<usize>()) as u64
    }

    /// Begins to count some documents of a segment, all of which [`Counter::add`] takes.
    pub(crate) fn part<'a>(&self, segment: &'a Segment) -> Part<'a> {
        let columns = self.facets.iter().map(|(facet, _)| {
            let column = segment.facet(*facet)?;
            Some((column, vec![0; column.num_terms()]))
        });
        Part {
            total: 0,
            columns: columns.collect(),
            times: self.times.is_some().then(|| (&segment.time, Times::default())),
            read: Read::default(),
        }
    }

    /// Adds what was counted in one segment.
    pub(crate) fn add(&mut self, parts: Vec<Part<'_>>) -> std::io::Result<()> {
        let Some(whole) = parts.into_iter().reduce(Part::join) else { return Ok(()) };
        self.total += whole.total;
        for (column, (_, all)) in whole.columns.into_iter().zip(&mut self.facets) {
            if let Some((column, counts)) = column {
                add_by_name(column, &counts, all)?;
            }
        }
        if let (Some(times), Some((_, others))) = (&mut self.times, whole.times) {
            times.add_all(&others);
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> (Vec<FacetCounts>, Option<Histogram>) {
        let facets = self.facets.into_iter().map(|(facet, counts)| top(facet, counts)).collect();
        (facets, self.times.map(Times::finish))
    }
}

/// What all documents of a segment add up to, for those who may see all: the values of one facet, or the times. A segment never
/// changes, so it stays right for as long as the segment is there; what nobody asks for goes first.
pub(crate) struct Wholes(Cache<WholeKey, Arc<Counter>, WholeWeight>);

/// Without a facet it is the times.
type WholeKey = (SegmentId, Option<Facet>);

#[derive(Clone)]
struct WholeWeight;

impl Weighter<WholeKey, Arc<Counter>> for WholeWeight {
    fn weight(&self, _: &WholeKey, whole: &Arc<Counter>) -> u64 {
        whole.memory_bytes()
    }
}

impl Wholes {
    pub(crate) fn new() -> Wholes {
        Wholes(Cache::with_weighter(256, WHOLE_COUNTS_BYTES, WholeWeight))
    }

    /// How many are kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn of(&self, segment: &Segment, facet: Option<Facet>) -> std::io::Result<Arc<Counter>> {
        if let Some(whole) = self.0.get(&(segment.id, facet)) {
            return Ok(whole);
        }
        let mut counter = Counter::new(facet.as_slice(), facet.is_none());
        let mut part = counter.part(segment);
        let docs: Vec<DocId> = (0..segment.docs).collect();
        docs.chunks(COLLECT_BLOCK_BUFFER_LEN).for_each(|some| part.count(some));
        counter.add(vec![part])?;
        let whole = Arc::new(counter);
        self.0.insert((segment.id, facet), Arc::clone(&whole));
        Ok(whole)
    }
}

/// Counts of some documents of one segment, by the numbers that values have there.
pub(crate) struct Part<'a> {
    total: u64,
    columns: Vec<Option<(&'a StrColumn, Vec<u64>)>>,
    times: Option<(&'a Column<u64>, Times)>,
    read: Read,
}

impl Part<'_> {
    /// Counts documents in rising order; cheapest in blocks.
    pub(crate) fn count(&mut self, docs: &[DocId]) {
        self.total += docs.len() as u64;
        for (column, counts) in self.columns.iter_mut().flatten() {
            for number in self.read.values(column.ords(), docs) {
                counts[*number as usize] += 1;
            }
        }
        if let Some((column, times)) = &mut self.times {
            self.read.values(column, docs).iter().for_each(|ns| times.add(*ns));
        }
    }

    /// What was counted in both, of the same segment.
    fn join(mut self, other: Self) -> Self {
        self.total += other.total;
        for (one, other) in self.columns.iter_mut().flatten().zip(other.columns.iter().flatten()) {
            one.1.iter_mut().zip(&other.1).for_each(|(sum, count)| *sum += count);
        }
        if let (Some((_, times)), Some((_, others))) = (&mut self.times, &other.times) {
            times.add_all(others);
        }
        self
    }
}

/// Reads columns a block of documents at a time.
#[derive(Default)]
struct Read {
    docs: Vec<DocId>,
    rows: Vec<RowId>,
    values: Vec<u64>,
}

impl Read {
    /// All values that documents in rising order have. Where they lie side by side, so do their values.
    fn values(&mut self, column: &Column<u64>, docs: &[DocId]) -> &[u64] {
        let (Some(first), Some(last)) = (docs.first(), docs.last()) else { return &[] };
        if (last - first) as usize + 1 == docs.len() {
            let rows = column.index.docid_range_to_rowids(*first..last + 1);
            self.values.resize(rows.len(), 0);
            column.values.get_range(u64::from(rows.start), &mut self.values);
        } else {
            self.docs.clear();
            self.rows.clear();
            column.row_ids_for_docs(docs, &mut self.docs, &mut self.rows);
            self.values.resize(self.rows.len(), 0);
            column.values.get_vals(&self.rows, &mut self.values);
        }
        &self.values
    }
}

/// Adds how often each value of a segment occurs to the sums of all. Names are read in their order: each part of the
/// dictionary is opened once, not once for each name in it.
fn add_by_name(
    column: &StrColumn,
    counts: &[u64],
    all: &mut HashMap<String, u64>,
) -> std::io::Result<()> {
    let numbered = (0_u64..).zip(counts).filter(|(_, count)| **count > 0);
    let (ords, counts): (Vec<u64>, Vec<u64>) = numbered.unzip();
    let (mut counts, mut is_text) = (counts.into_iter(), true);
    let is_whole = column.dictionary().sorted_ords_to_term_cb(&ords, |term| {
        let count = counts.next().unwrap_or_default();
        match std::str::from_utf8(term) {
            Ok(name) => match all.get_mut(name) {
                Some(sum) => *sum += count,
                None => drop(all.insert(name.to_owned(), count)),
            },
            Err(_) => is_text = false,
        }
    })?;
    if is_whole && is_text {
        return Ok(());
    }
    Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a column's values are not all there"))
}

pub(crate) fn top(facet: Facet, counts: HashMap<String, u64>) -> FacetCounts {
    let distinct = counts.len() as u64;
    let mut values: Vec<(String, u64)> = counts.into_iter().collect();
    let order = |a: &(String, u64), b: &(String, u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0));
    let mut others = 0;
    if values.len() > FACET_VALUES_MAX {
        values.select_nth_unstable_by(FACET_VALUES_MAX, order);
        others = values.drain(FACET_VALUES_MAX..).map(|(_, count)| count).sum();
    }
    values.sort_unstable_by(order);
    FacetCounts { facet, values, distinct, others }
}

/// Times in buckets of the shortest interval that holds them all; that depends on nothing but them.
#[derive(Default)]
struct Times {
    interval: usize,
    /// Number of the first bucket in `counts`.
    first: u64,
    counts: Vec<u64>,
    /// The bucket that was counted in last, from and to in nanoseconds: what lies side by side mostly comes into the same.
    near_ns: Range<u64>,
    /// Its place in `counts`.
    near: usize,
}

impl Times {
    fn add(&mut self, ns: u64) {
        if self.near_ns.contains(&ns) {
            self.counts[self.near] += 1;
        } else {
            self.add_many(ns / NS_PER_MS, 1);
        }
    }

    /// Adds the times of others. Their interval is not longer than that of both, so none comes into another bucket.
    fn add_all(&mut self, other: &Times) {
        while self.interval < other.interval {
            self.join();
        }
        for (number, count) in (other.first..).zip(&other.counts).filter(|(_, count)| **count > 0) {
            self.add_many(number * INTERVALS_MS[other.interval], *count);
        }
    }

    fn add_many(&mut self, ms: u64, count: u64) {
        loop {
            let number = ms / INTERVALS_MS[self.interval];
            if self.counts.is_empty() {
                self.first = number;
            }
            let end = self.first + self.counts.len() as u64;
            let (from, to) = (self.first.min(number), end.max(number + 1));
            if to - from <= HISTOGRAM_BUCKETS_MAX as u64 || self.interval + 1 == INTERVALS_MS.len()
            {
                let before = (self.first - from) as usize;
                if before > 0 {
                    self.counts.splice(0..0, std::iter::repeat_n(0, before));
                }
                self.first = from;
                self.counts.resize((to - from) as usize, 0);
                self.near = (number - from) as usize;
                self.counts[self.near] += count;
                let length_ns = INTERVALS_MS[self.interval] * NS_PER_MS;
                let start_ns = number.saturating_mul(length_ns);
                self.near_ns = start_ns..start_ns.saturating_add(length_ns);
                return;
            }
            self.join();
        }
    }

    /// Goes over to the next longer interval.
    fn join(&mut self) {
        let factor = INTERVALS_MS[self.interval + 1] / INTERVALS_MS[self.interval];
        let first = self.first / factor;
        let mut joined: Vec<u64> = Vec::new();
        for (number, count) in (self.first..).zip(&self.counts) {
            let place = (number / factor - first) as usize;
            joined.resize(joined.len().max(place + 1), 0);
            joined[place] += count;
        }
        (self.interval, self.first, self.counts) = (self.interval + 1, first, joined);
        self.near_ns = 0..0;
    }

    fn finish(self) -> Histogram {
        let interval_ms = INTERVALS_MS[self.interval];
        let buckets = (self.first..).zip(self.counts).filter(|(_, count)| *count > 0);
        let buckets =
            buckets.map(|(number, count)| Bucket { start_ms: number * interval_ms, count });
        Histogram { interval_ms, buckets: buckets.collect() }
    }
}
