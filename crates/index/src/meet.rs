//! Documents that have each of several terms.
//!
//! The engine takes a document of the rarer list and looks for it in the other, at every one of them guessing wrong which way to go on.
//! Lists of about the same length are laid side by side here, a block at a time, without a guess.

use std::io;

use tantivy::postings::BlockSegmentPostings;
use tantivy::query::{BooleanQuery, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, Score, SegmentReader, TERMINATED};

use crate::terms::{List, One, Terms};

/// Documents of a block that have a place each: most blocks of a list that has one document in 32 or more lie within so many.
const SPAN_DOCS: usize = 4_096;

/// From so many times the rarer list's length on, its documents are looked for one by one.
const RATIO_MAX: u32 = 32;

/// All of these, each of which is any of a few terms.
#[derive(Clone, Debug)]
pub(crate) struct Meet(pub(crate) Vec<Terms>);

impl Meet {
    /// Adds a segment's first documents to `docs`, until it holds `count`; not where the segment has several lists of one of them, which
    /// is said by `false`.
    pub(crate) fn first(
        &self,
        reader: &SegmentReader,
        count: usize,
        docs: &mut Vec<DocId>,
    ) -> tantivy::Result<bool> {
        let Some(lists) = self.lists(reader)? else { return Ok(false) };
        let Some(mut meeting) = Meeting::new(&lists)? else { return Ok(true) };
        while docs.len() < count && meeting.next(docs) {}
        docs.truncate(count);
        Ok(true)
    }

    /// One list for each, the shortest first, or none at all where one has no document; nothing where one has several.
    fn lists(&self, reader: &SegmentReader) -> tantivy::Result<Option<Vec<One>>> {
        let mut lists = Vec::with_capacity(self.0.len());
        for terms in &self.0 {
            match terms.list(reader)? {
                List::None => return Ok(Some(Vec::new())),
                List::One(one) => lists.push(one),
                List::Many => return Ok(None),
            }
        }
        lists.sort_by_key(One::count);
        Ok(Some(lists))
    }

    fn of_engine(&self, reader: &SegmentReader) -> tantivy::Result<Box<dyn Weight>> {
        let each = self.0.iter().map(Terms::of_engine).collect();
        let scoring = EnableScoring::disabled_from_schema(reader.schema());
        BooleanQuery::intersection(each).weight(scoring)
    }
}

impl Query for Meet {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for Meet {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        self.of_engine(reader)?.scorer(reader, boost)
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("several terms, which have no score", 1.0))
    }

    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        let Some(lists) = self.lists(reader)? else { return self.of_engine(reader)?.count(reader) };
        let Some(mut meeting) = Meeting::new(&lists)? else { return Ok(0) };
        let (mut found, mut count) = (Vec::new(), 0);
        while meeting.next(&mut found) {
            count += found.drain(..).len() as u32;
        }
        Ok(count)
    }
}

/// Lists that are read side by side.
struct Meeting {
    rarest: BlockSegmentPostings,
    /// How much of the rarest list's block is behind.
    at: usize,
    others: Vec<BlockSegmentPostings>,
    /// The next list's documents, each in the place of its last bits; those of earlier blocks may still be there.
    places: Option<Box<[DocId; SPAN_DOCS]>>,
}

impl Meeting {
    fn new(lists: &[One]) -> io::Result<Option<Meeting>> {
        let [rarest, others @ ..] = lists else { return Ok(None) };
        let is_close = |next: &One| next.count() / RATIO_MAX <= rarest.count();
        let places = others.first().is_some_and(is_close);
        Ok(Some(Meeting {
            rarest: rarest.blocks()?,
            at: 0,
            others: others.iter().map(One::blocks).collect::<io::Result<_>>()?,
            places: places.then(|| Box::new([TERMINATED; SPAN_DOCS])),
        }))
    }

    /// Adds what the next two blocks have in common, and every other list has too; false at the end.
    fn next(&mut self, docs: &mut Vec<DocId>) -> bool {
        if self.at == self.rarest.docs().len() {
            self.rarest.advance();
            self.at = 0;
        }
        let left = &self.rarest.docs()[self.at..];
        let Some((next, others)) = self.others.split_first_mut() else {
            docs.extend(left);
            self.at += left.len();
            return !left.is_empty();
        };
        let Some(first) = left.first() else { return false };
        if next.docs().last().is_none_or(|last| last < first) {
            next.seek(*first);
        }
        let block = next.docs();
        let Some(last) = block.last().filter(|last| *last >= first) else { return false };
        let start = docs.len();
        self.at += match &mut self.places {
            Some(places) if (last - block[0]) < SPAN_DOCS as u32 => {
                meet_close(left, block, places, docs)
            }
            _ => meet_far(left, block, docs),
        };
        for other in others {
            keep(other, docs, start);
        }
        true
    }
}

/// Adds the documents that both have, and says how many of `left` are behind then; those of `block` are so close that each has a place
/// of its own.
fn meet_close(
    left: &[DocId],
    block: &[DocId],
    places: &mut [DocId; SPAN_DOCS],
    docs: &mut Vec<DocId>,
) -> usize {
    for doc in block {
        places[*doc as usize % SPAN_DOCS] = *doc;
    }
    let last = block.last().copied().unwrap_or_default();
    for (at, doc) in left.iter().enumerate() {
        if *doc > last {
            return at;
        }
        if places[*doc as usize % SPAN_DOCS] == *doc {
            docs.push(*doc);
        }
    }
    left.len()
}

/// The same for any block.
fn meet_far(left: &[DocId], block: &[DocId], docs: &mut Vec<DocId>) -> usize {
    let behind = block.last().map_or(0, |last| left.partition_point(|doc| doc <= last));
    docs.extend(left[..behind].iter().filter(|doc| block.binary_search(doc).is_ok()));
    behind
}

/// Keeps those documents from a place on that are in a list.
fn keep(list: &mut BlockSegmentPostings, docs: &mut Vec<DocId>, start: usize) {
    let mut kept = start;
    for at in start..docs.len() {
        let doc = docs[at];
        let place = list.seek(doc);
        if list.docs().get(place) == Some(&doc) {
            docs[kept] = doc;
            kept += 1;
        }
    }
    docs.truncate(kept);
}
