//! Deciding what a batch becomes, before anything is numbered: new entries, repeats of recorded ones, or a refusal.

use crate::identity::{IdentityHasher, IdentityKey, IdentityWindow, KeyHasher, ReceivedHash};
use crate::intake::{Prepared, PreparedEvent, PreparedStream};
use append::{Code, Refusal, StreamHead};
use graven_entry::chain_next;
use graven_merkle::Hash;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// Largest `seq` and index: integers in a header stay below 2⁵³.
const SEQ_END: u64 = 1 << 53;

/// What becomes of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanItem {
    /// A new entry, remembered under `identity` if it has one.
    New { seq: Option<u64>, identity: Option<IdentityKey> },
    /// The entry at this index says the same already.
    Repeat { index: u64 },
    /// The same event stands earlier in this batch.
    SameAs { place: usize },
}

/// What becomes of a batch.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) items: Vec<PlanItem>,
    /// The stream as it stands after the batch.
    pub(crate) stream_after: Option<StreamHead>,
    /// The stream's chain head before the batch's first new event.
    pub(crate) chain_before: Option<Hash>,
}

impl Plan {
    /// How many entries the batch adds.
    pub(crate) fn new_count(&self) -> usize {
        self.items.iter().filter(|item| matches!(item, PlanItem::New { .. })).count()
    }
}

/// A producer offered other bytes for a `seq` that is recorded: refused, and itself recorded.
#[derive(Debug)]
pub(crate) struct Fork {
    pub(crate) seq: u64,
    pub(crate) index: u64,
}

/// Why a batch is not appended.
#[derive(Debug)]
pub(crate) struct Declined {
    pub(crate) refusal: Box<Refusal>,
    pub(crate) fork: Option<Fork>,
}

impl From<Refusal> for Declined {
    fn from(refusal: Refusal) -> Self {
        Declined { refusal: Box::new(refusal), fork: None }
    }
}

/// What planning looks at.
pub(crate) struct PlanContext<'a> {
    pub(crate) window: &'a IdentityWindow,
    pub(crate) hasher: &'a IdentityHasher,
    pub(crate) log: &'a str,
    /// The stream as it stands, with the entries that are still on their way.
    pub(crate) stream: Option<&'a StreamHead>,
    /// The keys that the stream's attestations are checked with now; empty where it has none.
    pub(crate) stream_keys: &'a [String],
    /// The stream has or had a key.
    pub(crate) attestation_needed: bool,
}

/// Plans a batch.
pub(crate) fn plan(context: &PlanContext<'_>, prepared: &Prepared) -> Result<Plan, Declined> {
    match (&prepared.stream, context.stream) {
        (Some(stream), Some(head)) => plan_stream(context, stream, head, &prepared.events),
        _ => plan_ids(context, &prepared.events),
    }
}

/// The identities of a batch's events so far.
type InBatch = HashMap<IdentityKey, (ReceivedHash, usize), BuildHasherDefault<KeyHasher>>;

fn plan_ids(context: &PlanContext<'_>, events: &[PreparedEvent]) -> Result<Plan, Declined> {
    let mut items = Vec::with_capacity(events.len());
    // Most batches are one event, and what comes last has nothing behind it that could be the same.
    let before_last = events.len().saturating_sub(1);
    let mut in_batch =
        InBatch::with_capacity_and_hasher(before_last, BuildHasherDefault::default());
    for (place, event) in events.iter().enumerate() {
        let Some(key) = event.identity else {
            items.push(PlanItem::New { seq: None, identity: None });
            continue;
        };
        let earlier = in_batch.get(&key).copied();
        let item = match (context.window.get(&key), earlier) {
            (Some((received, index)), _) if received == event.received => {
                PlanItem::Repeat { index }
            }
            (None, Some((received, place))) if received == event.received => {
                PlanItem::SameAs { place }
            }
            (None, None) => {
                if place < before_last {
                    in_batch.insert(key, (event.received, place));
                }
                PlanItem::New { seq: None, identity: Some(key) }
            }
            (recorded, _) => {
                return Err(id_conflict(place, recorded.map(|(_, index)| index)).into());
            }
        };
        items.push(item);
    }
    Ok(Plan { items, stream_after: None, chain_before: None })
}

fn id_conflict(place: usize, index: Option<u64>) -> Refusal {
    let where_else =
        index.map_or("earlier in this batch".to_owned(), |index| format!("as entry {index}"));
    let detail = format!(
        "the same writer sent this `id` with other bytes {where_else}; give every event an id of its own"
    );
    Refusal::new(Code::Conflict, detail).at_event(place).in_field("/id")
}

fn plan_stream(
    context: &PlanContext<'_>,
    stream: &PreparedStream,
    before: &StreamHead,
    events: &[PreparedEvent],
) -> Result<Plan, Declined> {
    let next = before.next_seq;
    let first = stream.first_seq.unwrap_or(next);
    if first > next {
        let detail =
            format!("stream {} expects seq {next} next, the batch begins at {first}", stream.name);
        return Err(seq_refusal(Code::SeqGap, detail, next).into());
    }
    if first.checked_add(events.len() as u64).is_none_or(|end| end >= SEQ_END) {
        let detail =
            format!("stream {} has no seq left below 2^53; begin a new stream", stream.name);
        return Err(seq_refusal(Code::SeqGap, detail, next).into());
    }
    let mut items = Vec::with_capacity(events.len());
    let mut head = before.head;
    for (place, event) in events.iter().enumerate() {
        let seq = first + place as u64;
        let key = context.hasher.by_seq(context.log, stream.name.as_str(), seq);
        if seq < next {
            items.push(repeat_of_seq(context, stream, &key, event, (seq, place, next))?);
            continue;
        }
        head = chain_next(&head, &event.intake);
        items.push(PlanItem::New { seq: Some(seq), identity: Some(key) });
    }
    let length = next.max(first + events.len() as u64);
    if length > next {
        check_attestation(context, stream, length, &head)?;
    }
    let cursor = stream.cursor.clone().or_else(|| before.cursor.clone());
    let stream_after = Some(StreamHead { next_seq: length, head, cursor });
    Ok(Plan { items, stream_after, chain_before: Some(before.head) })
}

fn repeat_of_seq(
    context: &PlanContext<'_>,
    stream: &PreparedStream,
    key: &IdentityKey,
    event: &PreparedEvent,
    (seq, place, next): (u64, usize, u64),
) -> Result<PlanItem, Declined> {
    let Some((received, index)) = context.window.get(key) else {
        let detail = format!(
            "seq {seq} of stream {} was recorded too long ago to repeat its receipt; continue at seq {next}",
            stream.name
        );
        return Err(seq_refusal(Code::SeqRecorded, detail, next).at_event(place).into());
    };
    if received == event.received {
        return Ok(PlanItem::Repeat { index });
    }
    let detail = format!(
        "seq {seq} of stream {} is recorded as entry {index} with other bytes; a stream that forks has two producers",
        stream.name
    );
    let refusal = Box::new(seq_refusal(Code::Conflict, detail, next).at_event(place));
    Err(Declined { refusal, fork: Some(Fork { seq, index }) })
}

fn seq_refusal(code: Code, detail: String, next_seq: u64) -> Refusal {
    Refusal::new(code, detail).in_field("first_seq").with_next_seq(next_seq)
}

fn check_attestation(
    context: &PlanContext<'_>,
    stream: &PreparedStream,
    length: u64,
    head: &Hash,
) -> Result<(), Declined> {
    let bad = |detail: String| Refusal::new(Code::BadAttestation, detail).in_field("attestation");
    let Some(attestation) = &stream.attestation else {
        if context.attestation_needed {
            let detail = format!(
                "stream {} has a key and takes only attested batches; sign this one",
                stream.name
            );
            return Err(bad(detail).into());
        }
        return Ok(());
    };
    if !context.stream_keys.contains(&attestation.vkey) {
        let detail =
            format!("the key that signed for stream {} was retired meanwhile", stream.name);
        return Err(bad(detail).into());
    }
    let parsed = &attestation.parsed;
    if parsed.length != length {
        let detail = format!(
            "the attestation covers {} events, the stream has {length} after this batch",
            parsed.length
        );
        return Err(bad(detail).with_next_seq(length).into());
    }
    if parsed.head != *head {
        let detail = format!(
            "the attestation's chain head is {}, the log computed {head}: an event is missing, repeated, reordered or changed",
            parsed.head
        );
        return Err(bad(detail).into());
    }
    Ok(())
}
