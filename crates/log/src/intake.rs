//! Checking what is handed in, on the producer's own thread: everything that needs no knowledge of other events.
//!
//! The event is validated, perhaps compacted, and hashed here; the hash travels with it and is compared again with the
//! bytes in the frame just before they are made permanent.

use crate::frame::SidecarKind;
use crate::identity::{IdentityHasher, IdentityKey, ReceivedHash};
use crate::limits::{EVENT_OVERHEAD_BYTES, SEALED_BATCH_BYTES_MAX, STREAMS_PER_LOG_MAX};
use crate::poison::Poison;
use crate::sealer::{PlacedValue, SealFault, Sealed, SealedValue, Sealer, ToSeal};
use crate::shared::LogShared;
use crate::state::{NamedKey, StreamState};
use crate::stream_keys;
use append::{AckLevel, BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Batch, CURSOR_BYTES_MAX};
use append::{Code, Refusal, Sidecar};
use graven_entry::{
    Altered, Attestation, AuthMethod, DisclosureError, EventError, EventErrorKind, EventFacts,
    Grade, Name, SealedDigest, check_event, compact, event_hash, match_disclosures, open_matches,
    with_causes,
};
use graven_merkle::Hash;
use graven_note::VerifierKey;
use std::collections::BTreeMap;
use std::str::FromStr;

/// Who hands events in, as the server authenticated them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// An opaque principal id.
    pub id: Name,
    /// How they were authenticated.
    pub auth: AuthMethod,
    /// How well the actor is known.
    pub grade: Grade,
}

/// The events of a batch of which policy dropped values before they were handed in, by their place.
pub type Reduced = BTreeMap<usize, ReducedEvent>;

/// What was done to an event before it was handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReducedEvent {
    /// The hash of the bytes that the producer sent, by which a repetition is known.
    pub received: Hash,
    /// Digests of values that were dropped: no disclosure comes with them, and nobody has one.
    pub withheld: Vec<String>,
}

/// An event that is ready to be numbered.
#[derive(Debug)]
pub(crate) struct PreparedEvent {
    /// The event line without its line end.
    pub(crate) bytes: Vec<u8>,
    /// SHA-256 of `bytes`.
    pub(crate) intake: Hash,
    pub(crate) altered: Vec<Altered>,
    /// Identity by writer and id, for an event outside a stream that has an id.
    pub(crate) identity: Option<IdentityKey>,
    /// Keyed hash of the bytes as received.
    pub(crate) received: ReceivedHash,
}

/// The stream of a prepared batch.
#[derive(Debug)]
pub(crate) struct PreparedStream {
    pub(crate) name: Name,
    pub(crate) first_seq: Option<u64>,
    pub(crate) cursor: Option<String>,
    pub(crate) attestation: Option<PreparedAttestation>,
}

/// An attestation whose signature was verified.
#[derive(Debug)]
pub(crate) struct PreparedAttestation {
    pub(crate) bytes: Vec<u8>,
    pub(crate) parsed: Attestation,
    /// The key that verified it, as its vkey.
    pub(crate) vkey: String,
    /// Whether that key's word is its producer's.
    pub(crate) is_vouched: bool,
}

/// A sidecar of the event at `event`.
#[derive(Debug)]
pub(crate) struct PreparedSidecar {
    pub(crate) event: usize,
    pub(crate) kind: SidecarKind,
    pub(crate) bytes: Vec<u8>,
}

/// A batch that is ready for the commit thread.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) writer: Writer,
    pub(crate) events: Vec<PreparedEvent>,
    pub(crate) stream: Option<PreparedStream>,
    pub(crate) sidecars: Vec<PreparedSidecar>,
    pub(crate) proof: bool,
}

impl Prepared {
    /// The verified attestation, if the batch is signed.
    pub(crate) fn attestation(&self) -> Option<&PreparedAttestation> {
        self.stream.as_ref()?.attestation.as_ref()
    }

    /// What the batch is charged in the queues.
    pub(crate) fn cost_bytes(&self) -> usize {
        let events = self.events.iter().map(|event| event.bytes.len() + EVENT_OVERHEAD_BYTES);
        let sidecars = self.sidecars.iter().map(|sidecar| sidecar.bytes.len());
        events.chain(sidecars).sum()
    }
}

/// What checking a batch needs beside it.
pub(crate) struct Intake<'a> {
    pub(crate) log: &'a LogShared,
    pub(crate) hasher: &'a IdentityHasher,
    pub(crate) sealer: Option<&'a dyn Sealer>,
    pub(crate) poison: &'a Poison,
}

impl Intake<'_> {
    /// Checks a batch and makes it ready.
    pub(crate) fn prepare(
        &self,
        writer: &Writer,
        batch: Batch,
        reduced: &Reduced,
    ) -> Result<Prepared, Refusal> {
        check_shape(&batch)?;
        let stream = prepare_stream(self.log, &batch)?;
        let signed = stream.as_ref().is_some_and(|stream| stream.attestation.is_some());
        let mut brought = split_sidecars(batch.sidecars, batch.events.len())?;
        let mut prepared = Vec::with_capacity(batch.events.len());
        let mut values = Vec::new();
        for (place, bytes) in batch.events.into_iter().enumerate() {
            let disclosed = brought.disclosed.remove(&place).unwrap_or_default();
            let reduced = reduced.get(&place);
            let withheld = reduced.map_or(&[][..], |reduced| &reduced.withheld);
            let checked = self.prepare_event(bytes, signed, (disclosed, withheld));
            let mut event = checked.map_err(|refusal| refusal.at_event(place))?;
            if let Some(reduced) = reduced {
                event.received = Some(reduced.received);
                if !event.altered.contains(&Altered::Sealed) {
                    event.altered.push(Altered::Sealed);
                }
            }
            let by_id = event.id.take().filter(|_| stream.is_none());
            let log = self.log.name.as_str();
            let identity = by_id.map(|id| self.hasher.by_id(log, writer.id.as_str(), &id));
            let intake = event_hash(&event.bytes);
            let received = self.hasher.received(event.received.as_ref().unwrap_or(&intake));
            values.extend(event.values.into_iter().map(|value| (place, value)));
            let (bytes, altered) = (event.bytes, event.altered);
            prepared.push(PreparedEvent { bytes, intake, altered, identity, received });
        }
        let mut sidecars = brought.blobs;
        sidecars.extend(self.close(values)?);
        let writer = writer.clone();
        let prepared = Prepared { writer, events: prepared, stream, sidecars, proof: batch.proof };
        let size_bytes = prepared.cost_bytes();
        if size_bytes > SEALED_BATCH_BYTES_MAX {
            let detail = format!(
                "the batch has {size_bytes} bytes with what was sealed, the limit is {SEALED_BATCH_BYTES_MAX}; split it"
            );
            return Err(Refusal::new(Code::TooLarge, detail));
        }
        Ok(prepared)
    }

    fn prepare_event(
        &self,
        bytes: Vec<u8>,
        signed: bool,
        (mut values, withheld): (Vec<SealedValue>, &[String]),
    ) -> Result<CheckedEvent, Refusal> {
        let facts = check_event(&bytes).map_err(|error| event_refusal(&error))?;
        if facts.is_reserved_action {
            let detail = format!(
                "actions `graven.*` are the log's own, `{}` is refused; use another name",
                facts.action
            );
            return Err(Refusal::new(Code::BadEvent, detail).in_field("/action"));
        }
        let id = facts.id.as_deref().map(str::to_owned);
        if facts.has_line_break && signed {
            let detail = "an event of a signed submission holds a line break, and a signed event is never altered; send it on one line";
            return Err(Refusal::new(Code::BadEvent, detail));
        }
        let mut altered = Vec::new();
        let line = &bytes[facts.range.clone()];
        let compacted = facts.has_line_break.then(|| compact(line));
        altered.extend(compacted.is_some().then_some(Altered::Compacted));
        let line = compacted.as_deref().unwrap_or(line);
        let sealed = self.seal(line, &facts, signed)?;
        if sealed.is_none() && values.is_empty() && facts.digests.is_empty() {
            let received = compacted.is_some().then(|| event_hash(&bytes));
            let is_whole = compacted.is_none() && line.len() == bytes.len();
            let line = if is_whole { bytes } else { line.to_vec() };
            return Ok(CheckedEvent { bytes: line, received, altered, id, values: Vec::new() });
        }
        let line = match sealed {
            Some(sealed) => {
                altered.push(Altered::Sealed);
                values.extend(sealed.values);
                sealed.event
            }
            None => line.to_vec(),
        };
        let values = place_disclosures(&line, values, withheld)?;
        let received = (!altered.is_empty()).then(|| event_hash(&bytes));
        Ok(CheckedEvent { bytes: line, received, altered, id, values })
    }

    /// What policy makes of an event line.
    fn seal(
        &self,
        event: &[u8],
        facts: &EventFacts<'_>,
        is_signed: bool,
    ) -> Result<Option<Sealed>, Refusal> {
        let Some(sealer) = self.sealer else { return Ok(None) };
        let event = ToSeal { log: &self.log.name, event, action: &facts.action, is_signed };
        sealer.seal(&event).map_err(|fault| self.refusal(fault))
    }

    /// Encrypts the disclosures of the batch; what comes back travels in its frame.
    fn close(&self, values: Vec<(usize, PlacedValue)>) -> Result<Vec<PreparedSidecar>, Refusal> {
        let (places, values): (Vec<usize>, Vec<PlacedValue>) = values.into_iter().unzip();
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let Some(sealer) = self.sealer else {
            let detail = "disclosures need a keyring, and this server was started without one";
            return Err(Refusal::new(Code::BadEvent, detail).in_field("disclosure"));
        };
        let closed = sealer.close(&self.log.origin, &values);
        let closed = closed.map_err(|fault| self.refusal(fault))?;
        let kind = SidecarKind::Disclosure;
        let closed = places.into_iter().zip(closed);
        Ok(closed.map(|(event, bytes)| PreparedSidecar { event, kind, bytes }).collect())
    }

    fn refusal(&self, fault: SealFault) -> Refusal {
        match fault {
            SealFault::Refused(refusal) => refusal,
            SealFault::Fatal(why) => Refusal::new(Code::Unavailable, self.poison.fatal(why).0),
        }
    }
}

fn check_shape(batch: &Batch) -> Result<(), Refusal> {
    let (count, bytes) = (batch.events.len(), batch.events.iter().map(Vec::len).sum::<usize>());
    if batch.ack != AckLevel::Local {
        let detail = format!(
            "this server gives the ack level `local` only, not `{}`: it has no mirrors, object store or witnesses configured",
            batch.ack
        );
        return Err(Refusal::new(Code::AckUnavailable, detail).in_field("ack"));
    }
    if count == 0 {
        return Err(Refusal::new(Code::BadEvent, "the batch holds no event; send at least one"));
    }
    if count > BATCH_EVENTS_MAX {
        let detail =
            format!("the batch holds {count} events, the limit is {BATCH_EVENTS_MAX}; split it");
        return Err(Refusal::new(Code::TooLarge, detail));
    }
    if bytes > BATCH_BYTES_MAX {
        let detail =
            format!("the batch holds {bytes} bytes, the limit is {BATCH_BYTES_MAX}; split it");
        return Err(Refusal::new(Code::TooLarge, detail));
    }
    if batch.stream.is_none() && (batch.cursor.is_some() || batch.attestation.is_some()) {
        let detail = "a cursor or an attestation needs a stream; name it in `stream`";
        return Err(Refusal::new(Code::BadEvent, detail).in_field("stream"));
    }
    Ok(())
}

/// An event that was checked alone.
struct CheckedEvent {
    /// The event line.
    bytes: Vec<u8>,
    /// SHA-256 of the bytes as received, where they differ.
    received: Option<Hash>,
    altered: Vec<Altered>,
    /// The event's `id`.
    id: Option<String>,
    /// What opens its sealed values.
    values: Vec<PlacedValue>,
}

/// Each digest of the event that is not withheld has a disclosure, each disclosure a digest, and the path that its producer
/// states is where it belongs: what is encrypted for a path must open there.
fn place_disclosures(
    event: &[u8],
    values: Vec<SealedValue>,
    withheld: &[String],
) -> Result<Vec<PlacedValue>, Refusal> {
    let bad = |detail: String, field: &str| Refusal::new(Code::BadEvent, detail).in_field(field);
    let wrong = |error: DisclosureError| bad(with_causes(&error), "disclosure");
    let facts = check_event(event).map_err(|error| event_refusal(&error))?;
    let encoded: Vec<&str> = values.iter().map(|value| value.disclosure.as_str()).collect();
    let matches = match_disclosures(&facts.digests, &encoded).map_err(wrong)?;
    let mut closed = matches.withheld.iter().filter_map(|at| facts.digests.get(*at));
    let is_lacking = |digest: &&SealedDigest<'_>| !withheld.iter().any(|one| one == digest.digest);
    if let Some(digest) = closed.find(is_lacking) {
        let detail = "the batch brings no disclosure for this digest; send it as a sidecar, or the foreign original as a string";
        return Err(bad(detail.to_owned(), &digest.path));
    }
    let placed = matches.opened.iter().zip(&values);
    if let Some((opened, value)) = placed.into_iter().find(|(o, value)| o.path != value.path) {
        let detail =
            format!("a disclosure says it is for {}, it opens {}", value.path, opened.path);
        return Err(bad(detail, "path"));
    }
    open_matches(event, &facts.digests, &matches).map_err(wrong)?;
    let placed = values.into_iter().zip(matches.opened);
    Ok(placed.map(|(value, opened)| PlacedValue { value, digest: opened.digest }).collect())
}

fn event_refusal(error: &EventError) -> Refusal {
    let code = match error.kind() {
        EventErrorKind::BadJson => Code::BadJson,
        EventErrorKind::BadEvent => Code::BadEvent,
        EventErrorKind::TooLarge => Code::TooLarge,
    };
    let refusal = Refusal::new(code, error.to_string()).at_position(error.position);
    if error.path.is_empty() { refusal } else { refusal.in_field(error.path.clone()) }
}

fn prepare_stream(log: &LogShared, batch: &Batch) -> Result<Option<PreparedStream>, Refusal> {
    let Some(claim) = &batch.stream else { return Ok(None) };
    let bad = |detail: String| Refusal::new(Code::BadEvent, detail).in_field("stream");
    let name = Name::new(&claim.name)
        .map_err(|error| bad(format!("the stream's name is refused: {error}")))?;
    if let Some(cursor) = batch.cursor.as_ref().filter(|cursor| cursor.len() > CURSOR_BYTES_MAX) {
        let detail =
            format!("the cursor has {} bytes, the limit is {CURSOR_BYTES_MAX}", cursor.len());
        return Err(Refusal::new(Code::TooLarge, detail).in_field("cursor"));
    }
    let state = log.state();
    let known = state.streams.get(name.as_str());
    if known.is_none() && state.streams.len() >= STREAMS_PER_LOG_MAX {
        let detail = format!(
            "the log has {STREAMS_PER_LOG_MAX} streams, its limit; use an existing one or another log"
        );
        return Err(Refusal::new(Code::Busy, detail).in_field("stream").retry_after(3_600));
    }
    // Cheap to copy: nothing where there are no keys, and few where there are.
    let known = batch.attestation.as_ref().and(known).cloned();
    drop(state);
    let attestation = match &batch.attestation {
        Some(bytes) => Some(verify_attestation(log, &name, bytes, known.as_ref())?),
        None => None,
    };
    let (first_seq, cursor) = (claim.first_seq, batch.cursor.clone());
    Ok(Some(PreparedStream { name, first_seq, cursor, attestation }))
}

fn verify_attestation(
    log: &LogShared,
    stream: &Name,
    bytes: &[u8],
    known: Option<&StreamState>,
) -> Result<PreparedAttestation, Refusal> {
    let bad = |detail: String| Refusal::new(Code::BadAttestation, detail).in_field("attestation");
    let parsed = Attestation::parse(bytes).map_err(|error| bad(with_causes(&error)))?;
    if parsed.origin != log.origin || parsed.stream != *stream {
        return Err(bad(format!(
            "the attestation is for stream {} of origin {}, this is stream {stream} of origin {}",
            parsed.stream, parsed.origin, log.origin
        )));
    }
    for vkey in known.iter().flat_map(|known| known.current_keys()) {
        let Ok(key) = VerifierKey::from_str(vkey) else { continue };
        if key.id() != parsed.key_id {
            continue;
        }
        parsed.verify_signature(&[key]).map_err(|error| bad(with_causes(&error)))?;
        let (bytes, vkey) = (bytes.to_vec(), vkey.to_owned());
        let is_vouched = known.is_some_and(|known| known.is_vouched(&vkey));
        return Ok(PreparedAttestation { bytes, parsed, vkey, is_vouched });
    }
    let keys = known.map_or(&[][..], |known| &known.keys);
    let is_it = |key: &&NamedKey| {
        VerifierKey::from_str(&key.vkey).is_ok_and(|key| key.id() == parsed.key_id)
    };
    if let Some(NamedKey { ended_at: Some(ended_at), .. }) = keys.iter().find(is_it) {
        return Err(bad(format!(
            "key {} of stream {stream} ended with entry {ended_at}; {}",
            parsed.key_id,
            stream_keys::expected(keys)
        )));
    }
    let detail = format!(
        "no key of stream {stream} has id {}; {}; an operator registers one with `graven key add --stream`",
        parsed.key_id,
        stream_keys::expected(keys)
    );
    Err(bad(detail))
}

/// What a batch brought beside its events.
struct Brought {
    blobs: Vec<PreparedSidecar>,
    /// Disclosures by their event's place.
    disclosed: BTreeMap<usize, Vec<SealedValue>>,
}

fn split_sidecars(sidecars: Vec<Sidecar>, events: usize) -> Result<Brought, Refusal> {
    let mut brought = Brought { blobs: Vec::new(), disclosed: BTreeMap::new() };
    for sidecar in sidecars {
        let event = sidecar.event();
        if event >= events {
            let detail =
                format!("a sidecar belongs to event {event}, the batch has {events}; count from 0");
            return Err(Refusal::new(Code::BadEvent, detail).in_field("event"));
        }
        match sidecar {
            Sidecar::Blob { bytes, .. } => {
                brought.blobs.push(PreparedSidecar { event, kind: SidecarKind::Blob, bytes });
            }
            Sidecar::SealedBlob { bytes, .. } => {
                let kind = SidecarKind::SealedBlob;
                brought.blobs.push(PreparedSidecar { event, kind, bytes });
            }
            Sidecar::Disclosure { disclosure, path, subject, class, .. } => {
                let value = SealedValue { disclosure, path, subject, class };
                brought.disclosed.entry(event).or_default().push(value);
            }
        }
    }
    Ok(brought)
}
