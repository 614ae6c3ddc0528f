//! The streams of a log: numbers without gaps, a hash chain, and the producers' signatures.

use std::collections::BTreeMap;

use graven_entry::{Claim, Name, chain_next, chain_start, with_causes};
use graven_merkle::{Hash, LeafIndex};
use graven_note::VerifierKey;

use crate::fault::{Fault, FaultKind};
use crate::keys::KeyRing;
use crate::limits::STREAMS_MAX;
use crate::run::{HeldAttestation, StreamEvent};

/// All streams of a log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams {
    pub(crate) list: Vec<Stream>,
    places: BTreeMap<Name, usize>,
}

/// One stream, as far as the log was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) name: Name,
    /// How many events it has.
    pub(crate) length: u64,
    /// The chain's head after them.
    pub(crate) head: Hash,
    pub(crate) keys: KeyRing,
    /// How many of its events a verified attestation covers.
    pub(crate) attested: u64,
    /// The first entry that must be covered by an attestation and is not yet.
    pub(crate) uncovered: Option<LeafIndex>,
}

impl Streams {
    /// The place of a stream, made where it is new.
    pub(crate) fn place(&mut self, origin: &Name, name: &Name) -> Result<usize, Fault> {
        if let Some(place) = self.places.get(name) {
            return Ok(*place);
        }
        let stream = Stream {
            name: name.clone(),
            length: 0,
            head: chain_start(origin, name),
            keys: KeyRing::default(),
            attested: 0,
            uncovered: None,
        };
        self.push(stream).ok_or_else(|| {
            let detail = format!("the log has more than {STREAMS_MAX} streams");
            Fault::of_log(FaultKind::LimitExceeded, detail)
        })
    }

    /// Adds a stream; none where it is there already, or there are too many.
    pub(crate) fn push(&mut self, stream: Stream) -> Option<usize> {
        let place = self.list.len();
        if place >= STREAMS_MAX || self.places.contains_key(&stream.name) {
            return None;
        }
        self.places.insert(stream.name.clone(), place);
        self.list.push(stream);
        Some(place)
    }

    /// How many streams have events.
    pub(crate) fn count(&self) -> u64 {
        self.list.iter().filter(|stream| stream.length > 0).count() as u64
    }

    /// How many events are covered by a producer's signature.
    pub(crate) fn signed_events(&self) -> u64 {
        self.list.iter().fold(0, |sum: u64, stream| sum.saturating_add(stream.attested))
    }

    /// The fault of the first event that needs an attestation and has none.
    pub(crate) fn check_covered(&self) -> Result<(), Fault> {
        let uncovered = self.list.iter().filter_map(|stream| Some((stream.uncovered?, stream)));
        let Some((index, stream)) = uncovered.min_by_key(|(index, _)| *index) else {
            return Ok(());
        };
        let detail = format!(
            "no attestation covers this event of stream {}, which needs one: the stream has a \
             key, or the grade says signed",
            stream.name
        );
        Err(Fault::at(index, FaultKind::AttestationBad, detail))
    }
}

impl Stream {
    /// Takes in the event of the entry at `index`.
    pub(crate) fn push(
        &mut self,
        origin: &Name,
        index: LeafIndex,
        event: &StreamEvent,
    ) -> Result<(), Fault> {
        self.check_seq(index, event.seq)?;
        self.length += 1;
        self.head = chain_next(&self.head, &event.event_hash);
        if event.is_signed || !self.keys.is_empty() {
            self.uncovered.get_or_insert(index);
        }
        if let Some(held) = &event.attestation {
            self.check_attestation(origin, index, held)?;
            self.attested = self.length;
            self.uncovered = None;
        }
        Ok(())
    }

    fn check_seq(&self, index: LeafIndex, seq: u64) -> Result<(), Fault> {
        let (kind, what) = match seq.cmp(&self.length) {
            std::cmp::Ordering::Equal => return Ok(()),
            std::cmp::Ordering::Greater => (FaultKind::StreamGap, "events are missing"),
            std::cmp::Ordering::Less => (FaultKind::StreamFork, "another event has this number"),
        };
        let detail =
            format!("seq {seq} of stream {} where {} is next: {what}", self.name, self.length);
        Err(Fault::at(index, kind, detail))
    }

    fn check_attestation(
        &self,
        origin: &Name,
        index: LeafIndex,
        held: &HeldAttestation,
    ) -> Result<(), Fault> {
        let attestation = &held.attestation;
        let stream = &self.name;
        if attestation.origin == *origin
            && attestation.stream == *stream
            && attestation.length == self.length
            && attestation.head != self.head
        {
            let detail = format!(
                "the producer of stream {stream} signed chain head {}, the entries give {}: an \
                 event is missing, repeated, reordered or changed",
                attestation.head, self.head
            );
            return Err(Fault::at(index, FaultKind::ChainMismatch, detail));
        }
        let bad = |error| Fault::at(index, FaultKind::AttestationBad, with_causes(&error));
        let claim = Claim { origin, stream, length: self.length, head: &self.head };
        attestation.check(&claim).map_err(bad)?;
        let key = self.key_at(index, held)?;
        if held.verified_by.as_ref() == Some(key) {
            return Ok(());
        }
        attestation.verify_signature(std::slice::from_ref(key)).map_err(bad)
    }

    /// The key that an attestation names, which must count at `index`.
    fn key_at(&self, index: LeafIndex, held: &HeldAttestation) -> Result<&VerifierKey, Fault> {
        let id = held.attestation.key_id;
        let known = || self.keys.keys.iter().filter(move |named| named.key.id() == id);
        if let Some(named) = known().find(|named| named.counts_at(index)) {
            return Ok(&named.key);
        }
        let (kind, what) = match known().next() {
            Some(_) => (FaultKind::KeyNotValidThen, "did not count at this entry"),
            None => (FaultKind::KeyUnknown, "no entry before has named"),
        };
        let detail =
            format!("the attestation is by key {id} of stream {}, which {what}", self.name);
        Err(Fault::at(index, kind, detail))
    }
}
