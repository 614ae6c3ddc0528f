//! One run of consecutive entries, checked alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use graven_entry::{Attestation, Header, Name, Time, event_hash, with_causes};
use graven_merkle::{EMPTY_ROOT, Hash, LeafIndex, TileKind, TilePath, TreeSize, leaf_hash};
use graven_note::{KeyId, VerifierKey};

use crate::entries::Entries;
use crate::expected_tile::ExpectedTile;
use crate::fault::{Fault, FaultKind};
use crate::form::{Body, HeaderFacts, first_line, read_body};
use crate::headers::Headers;
use crate::limits::RUN_ENTRIES_MAX;
use crate::own::{OwnEntry, read_own};
use crate::run_tree::RunTree;

/// Bytes in which two hashes agree only if one was copied from the other.
const ALIKE_BYTES_MIN: usize = 16;

/// What [`check_run`] found in a run without fault: all that joining it to its neighbours needs.
#[derive(Clone, Debug)]
pub struct RunReport {
    pub(crate) origin: Name,
    /// None in a run without entries.
    pub(crate) edge: Option<Edge>,
    pub(crate) tree: RunTree,
    /// The streams, by the slots in `notes`.
    pub(crate) streams: Vec<Name>,
    /// What is to be judged in order, by index.
    pub(crate) notes: Vec<Note>,
    pub(crate) has_sealed: bool,
}

/// The keys of a log's streams, by which attestations can be verified ahead. A clone is cheap.
#[derive(Clone, Debug, Default)]
pub struct StreamKeys(pub(crate) Arc<BTreeMap<(Name, KeyId), VerifierKey>>);

/// Where a run meets its neighbours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    /// What the first entry states as the hash of the one before.
    pub(crate) prev: Hash,
    pub(crate) first_time: Time,
    pub(crate) last_time: Time,
}

/// Something that only the entries before can judge.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    Stream(StreamEvent),
    Own(LeafIndex, OwnEntry),
}

/// An event in a stream.
#[derive(Clone, Debug)]
pub(crate) struct StreamEvent {
    /// The entry's offset in the run.
    pub(crate) offset: u32,
    pub(crate) stream: u32,
    pub(crate) seq: u64,
    pub(crate) event_hash: Hash,
    /// Whether the grade says that the producer signed.
    pub(crate) is_signed: bool,
    pub(crate) attestation: Option<Box<HeldAttestation>>,
}

/// An attestation, and the key by which its signature was already verified.
#[derive(Clone, Debug)]
pub(crate) struct HeldAttestation {
    pub(crate) attestation: Attestation,
    pub(crate) verified_by: Option<VerifierKey>,
}

/// Checks a run of entries, the first of which stands at index `first`: every header canonical,
/// of this origin and with its index, `prev` and time in order, every event strict JSON within its
/// limits, every attestation in its form. Gives the first fault.
///
/// Runs know nothing of each other, so they can be checked at once. An entry whose successor
/// denies it is named itself: the successor is believed if its own successor vouches for it.
pub fn check_run(
    origin: &Name,
    first: LeafIndex,
    entries: impl IntoIterator<Item = impl AsRef<[u8]>>,
) -> Result<RunReport, Fault> {
    let hashed = entries.into_iter().map(|entry| {
        let leaf = leaf_hash(entry.as_ref());
        (entry, leaf)
    });
    check_hashed(origin, first, hashed, &StreamKeys::default())
}

/// As [`check_run`], and verifies the attestations by `stream_keys` already here, on this thread.
/// A key that is missing or too many changes no verdict, only the time at which it is found.
pub fn check_run_with(
    origin: &Name,
    first: LeafIndex,
    entries: &Entries,
    stream_keys: &StreamKeys,
) -> Result<RunReport, Fault> {
    check_hashed(origin, first, entries.with_leaves(), stream_keys)
}

/// Checks entries that come with their leaf hashes, which were computed in this crate.
fn check_hashed(
    origin: &Name,
    first: LeafIndex,
    mut entries: impl Iterator<Item = (impl AsRef<[u8]>, Hash)>,
    stream_keys: &StreamKeys,
) -> Result<RunReport, Fault> {
    let mut checker = RunChecker::new(origin, first, stream_keys);
    checker.leaves.reserve(entries.size_hint().0.min(RUN_ENTRIES_MAX));
    while let Some((entry, leaf)) = entries.next() {
        checker.push(entry.as_ref(), leaf).map_err(|stop| match stop {
            Stop::Fault(fault) => fault,
            Stop::Prev { index, prev, before } => {
                let next = entries.next();
                let vouched = vouches(next.as_ref().map(|(next, _)| next.as_ref()), &leaf);
                prev_fault(index, &prev, &before, vouched)
            }
        })?;
    }
    Ok(checker.finish())
}

/// The origin that an entry states of itself: where to begin with a log of unknown origin.
pub fn origin_of(entry: &[u8]) -> Result<Name, Fault> {
    let header = Header::parse(first_line(entry))
        .map_err(|error| Fault::of_log(FaultKind::HeaderMalformed, with_causes(&error)))?;
    Ok(header.origin)
}

impl RunReport {
    /// The index of the run's first entry.
    pub fn first(&self) -> LeafIndex {
        LeafIndex(self.tree.first())
    }

    /// The size of the tree that the run ends.
    pub fn end(&self) -> TreeSize {
        TreeSize(self.tree.end())
    }

    /// The leaf hashes, in index order.
    pub fn leaf_hashes(&self) -> &[Hash] {
        self.tree.leaves()
    }

    /// A hash tile as it must be, of any level and width; none where not all of its entries lie in
    /// this run, or the path is no hash tile's.
    pub fn tile(&self, path: &TilePath) -> Option<ExpectedTile> {
        let TileKind::Hashes(level) = path.kind else { return None };
        let first = path.index.checked_mul(graven_merkle::TILE_WIDTH as u64)?;
        let level = level.checked_mul(8)?;
        let hashes = self.tree.nodes(level, first, usize::from(path.width))?.to_vec();
        Some(ExpectedTile { path: *path, hashes })
    }
}

/// Whether the entry after two that don't fit vouches for the second of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vouched {
    Yes,
    No,
    /// There is none that could.
    Unknown,
}

/// Why a run ends early.
enum Stop {
    Fault(Fault),
    /// The `prev` of the entry at `index` is not the hash of the one before.
    Prev {
        index: LeafIndex,
        prev: Hash,
        before: Hash,
    },
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

/// What is known of the run so far.
struct RunChecker<'a> {
    origin: &'a Name,
    first: LeafIndex,
    stream_keys: &'a StreamKeys,
    headers: Headers<'a>,
    edge: Option<Edge>,
    leaves: Vec<Hash>,
    notes: Vec<Note>,
    has_sealed: bool,
}

impl<'a> RunChecker<'a> {
    fn new(origin: &'a Name, first: LeafIndex, stream_keys: &'a StreamKeys) -> RunChecker<'a> {
        RunChecker {
            origin,
            first,
            stream_keys,
            headers: Headers::new(origin),
            edge: None,
            leaves: Vec::new(),
            notes: Vec::new(),
            has_sealed: false,
        }
    }

    fn push(&mut self, entry: &[u8], leaf: Hash) -> Result<(), Stop> {
        if self.leaves.len() == RUN_ENTRIES_MAX {
            let detail = format!("a run has more than {RUN_ENTRIES_MAX} entries, cut it");
            return Err(Fault::of_log(FaultKind::LimitExceeded, detail).into());
        }
        // Beyond 2^53 no header can state the index, so this sum decides nothing there.
        let index = LeafIndex(self.first.0.saturating_add(self.leaves.len() as u64));
        let (header, header_bytes) = self.headers.read(index, entry)?;
        self.check_order(index, &header)?;
        let body = read_body(index, entry, header_bytes)?;
        self.note_own(index, &header, &body)?;
        self.note_stream(index, &header, &body)?;
        self.has_sealed |= body.has_sealed;
        self.leaves.push(leaf);
        let edge = Edge { prev: header.prev, first_time: header.time, last_time: header.time };
        self.edge.get_or_insert(edge).last_time = header.time;
        Ok(())
    }

    fn check_order(&self, index: LeafIndex, header: &HeaderFacts) -> Result<(), Stop> {
        let (Some(edge), Some(before)) = (&self.edge, self.leaves.last()) else {
            return check_first(index, header);
        };
        if !is_chained(&header.prev, before) {
            return Err(Stop::Prev { index, prev: header.prev, before: *before });
        }
        Ok(check_time(index, edge.last_time, header.time)?)
    }

    /// What the log itself says, and that nobody else says it.
    fn note_own(
        &mut self,
        index: LeafIndex,
        header: &HeaderFacts,
        body: &Body<'_>,
    ) -> Result<(), Fault> {
        if !header.is_own && body.is_reserved {
            let detail = "the action is graven.*, but the log did not write it (auth is not log)";
            return Err(Fault::at(index, FaultKind::OwnEntryForged, detail));
        }
        if !header.is_own && index == LeafIndex(0) {
            let detail = "entry 0 of a log must be its own graven.log";
            return Err(Fault::at(index, FaultKind::OwnEntryMalformed, detail));
        }
        if header.is_own
            && let Some(own) = read_own(self.origin, index, body.event)?
        {
            self.notes.push(Note::Own(index, own));
        }
        Ok(())
    }

    fn note_stream(
        &mut self,
        index: LeafIndex,
        header: &HeaderFacts,
        body: &Body<'_>,
    ) -> Result<(), Fault> {
        let bad = |detail: String| Fault::at(index, FaultKind::AttestationBad, detail);
        let Some((stream, seq)) = header.stream else {
            return match body.attestation {
                Some(_) => Err(bad("an attestation stands on an event without a stream".into())),
                None if header.is_signed => {
                    Err(bad("the grade is signed, but the event is in no stream".into()))
                }
                None => Ok(()),
            };
        };
        let attestation = match body.attestation {
            Some(bytes) => {
                let held = self.read_attestation(bytes).map_err(bad)?;
                Some(Box::new(held))
            }
            None => None,
        };
        self.notes.push(Note::Stream(StreamEvent {
            offset: self.leaves.len() as u32,
            stream,
            seq,
            event_hash: event_hash(body.event),
            is_signed: header.is_signed,
            attestation,
        }));
        Ok(())
    }

    /// What the attestation claims is judged when the run is joined, when its stream is known.
    fn read_attestation(&self, bytes: &[u8]) -> Result<HeldAttestation, String> {
        let attestation = Attestation::parse(bytes).map_err(|error| with_causes(&error))?;
        let name = (attestation.stream.clone(), attestation.key_id);
        let key = self.stream_keys.0.get(&name).cloned();
        let verified_by =
            key.filter(|key| attestation.verify_signature(std::slice::from_ref(key)).is_ok());
        Ok(HeldAttestation { attestation, verified_by })
    }

    fn finish(self) -> RunReport {
        RunReport {
            origin: self.origin.clone(),
            edge: self.edge,
            tree: RunTree::new(self.first.0, self.leaves),
            streams: self.headers.into_streams(),
            notes: self.notes,
            has_sealed: self.has_sealed,
        }
    }
}

/// Whether an entry's `prev` is the hash of what is before it.
pub(crate) fn is_chained(prev: &Hash, before: &Hash) -> bool {
    #[cfg(test)]
    if crate::mutants::PREV_UNCHECKED.get() {
        return true;
    }
    prev == before
}

/// The first entry of a run: what is before it is known only where nothing is.
fn check_first(index: LeafIndex, header: &HeaderFacts) -> Result<(), Stop> {
    if index != LeafIndex(0) || is_chained(&header.prev, &EMPTY_ROOT) {
        return Ok(());
    }
    Err(prev_fault(index, &header.prev, &EMPTY_ROOT, Vouched::No).into())
}

/// Whether `next` states the hash of the entry before it.
fn vouches(next: Option<&[u8]>, before: &Hash) -> Vouched {
    let Some(next) = next else { return Vouched::Unknown };
    match Header::parse(first_line(next)) {
        Ok(header) if header.prev == *before => Vouched::Yes,
        _ => Vouched::No,
    }
}

/// Refuses a time that is not after the one before.
pub(crate) fn check_time(index: LeafIndex, before: Time, time: Time) -> Result<(), Fault> {
    if time > before {
        return Ok(());
    }
    let detail = format!("the time is {time}, not after {before} of the entry before");
    Err(Fault::at(index, FaultKind::TimeNotIncreasing, detail))
}

/// The fault of the entry at `index`, whose `prev` is not the `leaf` hash of the one before.
///
/// Which of the two was changed? If the next one vouches for the second, it is the first. Where
/// there is no next one, it is taken for the first too, unless `prev` looks like a flawed copy.
pub(crate) fn prev_fault(index: LeafIndex, prev: &Hash, leaf: &Hash, vouched: Vouched) -> Fault {
    let is_second = match vouched {
        Vouched::Yes => false,
        Vouched::No => true,
        Vouched::Unknown => are_alike(prev, leaf),
    };
    if is_second || index == LeafIndex(0) {
        let detail = format!("prev is {prev}, but what comes before has hash {leaf}");
        return Fault::at(index, FaultKind::PrevMismatch, detail);
    }
    let detail = format!("the entry has hash {leaf}, but entry {index} states {prev} for it");
    Fault::at(LeafIndex(index.0 - 1), FaultKind::LeafMismatch, detail)
}

/// Whether two hashes are so alike that one must be the other with a flaw: different entries have
/// hashes that differ nearly everywhere.
fn are_alike(left: &Hash, right: &Hash) -> bool {
    let same = left.as_bytes().iter().zip(right.as_bytes()).filter(|(left, right)| left == right);
    same.count() >= ALIKE_BYTES_MIN
}
