//! What recovery needs of a log at a size, beyond the entries themselves (`docs/format.md`, "State").
//!
//! The journal thread keeps it in step with the journal; unloading writes it beside the log's parts, so that the journal's
//! older frames can go.

use crate::frame::{BadBody, Reader};
use crate::nonce::NonceSeed;
use crate::own::KeyOp;
use crate::skeleton::{Growth, SegmentTile, Skeleton};
use append::StreamHead;
use graven_entry::{Header, Name, chain_start, pointer, string_value};
use graven_merkle::{EMPTY_ROOT, Hash};
use std::collections::BTreeMap;

/// Version of the state's format.
const STATE_VERSION: u8 = 1;

/// A key that a `graven.key` entry named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedKey {
    pub(crate) vkey: String,
    pub(crate) added_at: u64,
    /// Index of the entry that retired or revoked it.
    pub(crate) ended_at: Option<u64>,
}

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamState {
    pub(crate) head: StreamHead,
    pub(crate) keys: Vec<NamedKey>,
}

impl StreamState {
    /// Whether the stream takes only attested submissions.
    pub(crate) fn needs_attestation(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The keys that count now.
    pub(crate) fn current_keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter(|key| key.ended_at.is_none()).map(|key| key.vkey.as_str())
    }
}

/// A log's state at a size.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogState {
    pub(crate) skeleton: Skeleton,
    /// Time of the last entry, 0 before the first.
    pub(crate) last_time_ns: u64,
    /// Leaf hash of the last entry; the empty tree's root before the first.
    pub(crate) last_leaf: Option<Hash>,
    /// Seeds of the segments that are not sealed yet.
    pub(crate) seeds: BTreeMap<u64, NonceSeed>,
    /// Level-1 tiles of the complete segments that are not sealed yet; not persisted.
    pub(crate) tiles: BTreeMap<u64, SegmentTile>,
    pub(crate) streams: BTreeMap<String, StreamState>,
    /// The log's own keys by its `graven.log` and `graven.key` entries.
    pub(crate) keys: Vec<NamedKey>,
    /// The newest checkpoint known to have been signed, as a note.
    pub(crate) checkpoint: Option<String>,
}

impl LogState {
    /// Number of entries.
    pub(crate) fn size(&self) -> u64 {
        self.skeleton.size().0
    }

    /// The next entry's `prev`.
    pub(crate) fn prev(&self) -> Hash {
        self.last_leaf.unwrap_or(EMPTY_ROOT)
    }

    /// Takes in the next entry.
    pub(crate) fn apply(&mut self, header: &Header, event: &[u8], leaf: Hash) {
        let index = self.size();
        if let Some(tile) = self.skeleton.push(leaf) {
            self.tiles.insert(index / crate::limits::SEGMENT_ENTRIES, tile);
        }
        self.last_time_ns = header.time.unix_ns();
        self.last_leaf = Some(leaf);
        if header.auth.is_log() {
            self.apply_own(&header.origin, index, event);
        }
    }

    /// Takes in the next entries, hashed already; `leaves` has at least one. What the log's own among them say is not
    /// taken in: that is for [`LogState::apply_own`].
    pub(crate) fn apply_run(&mut self, growth: Growth, leaves: &[Hash], last_time_ns: u64) {
        let segment = self.size() / crate::limits::SEGMENT_ENTRIES;
        self.tiles.extend((segment..).zip(self.skeleton.take_in(growth, leaves)));
        self.last_time_ns = last_time_ns;
        self.last_leaf = leaves.last().copied().or(self.last_leaf);
    }

    /// The tile of a complete segment that is not sealed yet.
    pub(crate) fn tile(&self, segment: u64) -> Option<&SegmentTile> {
        self.tiles.get(&segment)
    }

    /// Takes in what the log's own entry at `index` says of keys.
    pub(crate) fn apply_own(&mut self, origin: &Name, index: u64, event: &[u8]) {
        let text = |path: &str| pointer(event, path).and_then(string_value);
        match text("/action").as_deref() {
            Some("graven.log") if index == 0 => {
                for place in 0..crate::limits::KEYS_PER_NAME_MAX {
                    let Some(vkey) = text(&format!("/data/keys/{place}")) else { break };
                    self.keys.push(NamedKey { vkey: vkey.into(), added_at: 0, ended_at: None });
                }
            }
            Some("graven.key") => {
                let (Some(kind), Some(target)) = (text("/target/type"), text("/target/id")) else {
                    return;
                };
                let (Some(op), Some(vkey)) = (text("/data/op"), text("/data/key")) else { return };
                let keys = match kind.as_ref() {
                    "log" => &mut self.keys,
                    _ => &mut self.stream_mut(origin, &target).keys,
                };
                change_key(keys, &op, &vkey, index);
            }
            _ => {}
        }
    }

    /// The stream, made where it is new.
    pub(crate) fn stream_mut(&mut self, origin: &Name, name: &str) -> &mut StreamState {
        if !self.streams.contains_key(name) {
            let start = Name::new(name).map_or(EMPTY_ROOT, |name| chain_start(origin, &name));
            let head = StreamHead { next_seq: 0, head: start, cursor: None };
            self.streams.insert(name.to_owned(), StreamState { head, keys: Vec::new() });
        }
        self.streams.get_mut(name).expect("just inserted")
    }
}

fn change_key(keys: &mut Vec<NamedKey>, op: &str, vkey: &str, index: u64) {
    if op == KeyOp::Add.as_str() {
        keys.push(NamedKey { vkey: vkey.to_owned(), added_at: index, ended_at: None });
        return;
    }
    for key in keys.iter_mut().filter(|key| key.vkey == vkey && key.ended_at.is_none()) {
        key.ended_at = Some(index);
    }
}

/// The state as bytes.
pub(crate) fn encode(state: &LogState) -> Vec<u8> {
    let mut out = vec![STATE_VERSION];
    let (segments, bundles, leaves) = state.skeleton.parts();
    for hashes in [segments, bundles, leaves] {
        put_u32(&mut out, hashes.len());
        for hash in hashes {
            out.extend_from_slice(hash.as_bytes());
        }
    }
    out.extend_from_slice(&state.last_time_ns.to_be_bytes());
    out.extend_from_slice(state.prev().as_bytes());
    put_u32(&mut out, state.seeds.len());
    for (segment, seed) in &state.seeds {
        out.extend_from_slice(&segment.to_be_bytes());
        out.extend_from_slice(&seed.0);
    }
    put_u32(&mut out, state.streams.len());
    for (name, stream) in &state.streams {
        put_text(&mut out, name);
        put_stream_head(&mut out, &stream.head);
        put_keys(&mut out, &stream.keys);
    }
    put_keys(&mut out, &state.keys);
    put_text(&mut out, state.checkpoint.as_deref().unwrap_or_default());
    out
}

/// Reads what [`encode`] wrote.
pub(crate) fn decode(bytes: &[u8]) -> Result<LogState, BadBody> {
    let mut reader = Reader { body: bytes, at: 0 };
    if reader.u8()? != STATE_VERSION {
        return Err(BadBody { at: 0, what: "unknown version" });
    }
    let (segments, bundles, leaves) =
        (hashes(&mut reader)?, hashes(&mut reader)?, hashes(&mut reader)?);
    let skeleton = Skeleton::from_parts(segments, bundles, leaves)
        .map_err(|_| BadBody { at: 1, what: "tree skeleton is not whole" })?;
    let mut state = LogState { skeleton, last_time_ns: reader.u64()?, ..LogState::default() };
    let prev = reader.hash()?;
    state.last_leaf = (state.size() > 0).then_some(prev);
    for _ in 0..reader.u32()? {
        state.seeds.insert(reader.u64()?, reader.seed()?);
    }
    for _ in 0..reader.u32()? {
        let name = reader.text()?.to_owned();
        let head = reader.stream_head()?;
        state.streams.insert(name, StreamState { head, keys: keys(&mut reader)? });
    }
    state.keys = keys(&mut reader)?;
    state.checkpoint = Some(reader.text()?.to_owned()).filter(|note| !note.is_empty());
    // One state has one spelling: sorted, nothing twice, nothing behind it.
    if encode(&state) != bytes {
        return Err(BadBody { at: reader.at, what: "not as a state is written" });
    }
    Ok(state)
}

fn hashes(reader: &mut Reader<'_>) -> Result<Vec<Hash>, BadBody> {
    let count = reader.u32()?;
    (0..count).map(|_| reader.hash()).collect()
}

fn keys(reader: &mut Reader<'_>) -> Result<Vec<NamedKey>, BadBody> {
    let count = reader.u32()?;
    let mut keys = Vec::new();
    for _ in 0..count {
        let vkey = reader.text()?.to_owned();
        let added_at = reader.u64()?;
        let ended = reader.u64()?;
        keys.push(NamedKey { vkey, added_at, ended_at: (ended != u64::MAX).then_some(ended) });
    }
    Ok(keys)
}

fn put_u32(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(&(value as u32).to_be_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_u32(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn put_stream_head(out: &mut Vec<u8>, head: &StreamHead) {
    out.extend_from_slice(&head.next_seq.to_be_bytes());
    out.extend_from_slice(head.head.as_bytes());
    out.push(u8::from(head.cursor.is_some()));
    put_text(out, head.cursor.as_deref().unwrap_or_default());
}

fn put_keys(out: &mut Vec<u8>, keys: &[NamedKey]) {
    put_u32(out, keys.len());
    for key in keys {
        put_text(out, &key.vkey);
        out.extend_from_slice(&key.added_at.to_be_bytes());
        out.extend_from_slice(&key.ended_at.unwrap_or(u64::MAX).to_be_bytes());
    }
}
