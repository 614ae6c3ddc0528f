//! Opening what is on the disk: each log's state and parts, then the journal on top (design §5).

use crate::budget::Budget;
use crate::guard::GuardHeads;
use crate::identity::IdentityWindow;
use crate::keys::{KeyError, LogKeys, ReadyKeys, read_keys};
use crate::limits::{BUNDLE_ENTRIES, CellLimits, IDENTITIES_MAX};
use crate::meta::{ENDED_FILE, META_FILE, Meta};
use crate::part::segment_of;
use crate::read::{ReadError, Reader, find_part};
use crate::replay::{Replay, Seen};
use crate::shared::{DurableHead, LogShared, SignedHead, Signer};
use crate::state::{self, LogState};
use crate::tail::Tail;
use crate::unload_log::Persisted;
use env::Disk;
use graven_entry::{Entry, chain_next, event_hash};
use graven_merkle::{Hash, TreeSize, leaf_hash};
use graven_note::{Checkpoint, Note};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use store::segments::{PartMeta, SegmentStore};
use store::{Journal, JournalError, Slot, StoreError};

/// A cell cannot be opened. Nothing was changed; the message says where to look.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory's files.
    #[error("the data directory cannot be used")]
    Store(#[from] StoreError),
    /// The journal.
    #[error("the journal cannot be used")]
    Journal(#[from] JournalError),
    /// A signing key.
    #[error("a signing key cannot be used")]
    Key(#[from] KeyError),
    /// The independent guard.
    #[error("the guard cannot be used")]
    Guard(#[from] crate::guard::GuardError),
    /// A file of a log is not what was written.
    #[error("{} is corrupt: {why}; restore it from a backup or a mirror, nothing was changed", path.display())]
    Corrupt {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Stored entries cannot be read.
    #[error("stored entries cannot be read")]
    Read(#[from] ReadError),
    /// A thread or another part of the machine is not to be had.
    #[error("the machine refuses")]
    Machine(#[source] std::io::Error),
    /// Creating the first logs was refused.
    #[error("cannot create log {log}: {why}")]
    Create {
        /// Which.
        log: String,
        /// Why.
        why: String,
    },
}

/// Where a cell's files lie.
pub(crate) struct Places<'a> {
    pub(crate) disk: &'a Arc<dyn Disk>,
    pub(crate) data: &'a Path,
    pub(crate) keys: &'a Path,
    pub(crate) ready_keys: &'a ReadyKeys,
    pub(crate) store: &'a SegmentStore,
    /// The operator says that missing keys are lost.
    pub(crate) lost_keys: bool,
}

/// What recovery found.
pub(crate) struct Recovery {
    pub(crate) logs: BTreeMap<String, Arc<LogShared>>,
    pub(crate) window: IdentityWindow,
    /// Sizes of the states on disk.
    pub(crate) persisted: BTreeMap<String, Persisted>,
    /// Openings of logs whose creation a crash cut off.
    pub(crate) unopened: Vec<(Arc<LogShared>, String)>,
    /// Logs that had to end, with why.
    pub(crate) ended: Vec<(String, String)>,
}

/// Recovers every log from its state, its parts and the journal.
pub(crate) fn recover(
    places: &Places<'_>,
    journal: &dyn Journal,
    first_slot: Slot,
    (limits, reader): (&CellLimits, &Reader),
) -> Result<Recovery, OpenError> {
    let mut recovery = Recovery {
        logs: BTreeMap::new(),
        window: IdentityWindow::new(IDENTITIES_MAX),
        persisted: BTreeMap::new(),
        unopened: Vec::new(),
        ended: Vec::new(),
    };
    let mut openings = BTreeMap::new();
    for (no, name) in places.store.logs()?.into_iter().enumerate() {
        places.store.tidy(&name)?;
        let Some((log, opening)) = open_log(places, no as u32, &name, limits)? else { continue };
        // The next unloading writes the state anew where a signature has come since.
        let persisted = Persisted { size: log.state().size(), signed_size: 0 };
        recovery.persisted.insert(name.clone(), persisted);
        openings.insert(name.clone(), opening);
        recovery.logs.insert(name, Arc::new(log));
    }
    let Recovery { logs, window, .. } = &mut recovery;
    let mut replay = Replay { logs, window, seen: BTreeMap::new() };
    journal.read(first_slot, &mut |slot, body| {
        replay.frame(body).map_err(|why| frame_error(slot, why))
    })?;
    let seen = replay.seen;
    for (name, log) in &recovery.logs {
        catch_up(log, reader)?;
        take_keys(places, log)?;
        settle(log, seen.get(name), &mut recovery.ended);
        if log.head().size == TreeSize(0) {
            let opening = openings.remove(name).unwrap_or_default();
            recovery.unopened.push((Arc::clone(log), opening));
        }
    }
    Ok(recovery)
}

fn frame_error(slot: Slot, why: String) -> JournalError {
    let why = format!("slot {slot} does not fit the logs: {why}");
    JournalError::Corrupt { file: PathBuf::from("journal"), offset_bytes: 0, why }
}

/// Opens one log without the journal; `None` for a directory whose creation did not get as far as its meta file.
fn open_log(
    places: &Places<'_>,
    no: u32,
    name: &str,
    limits: &CellLimits,
) -> Result<Option<(LogShared, String)>, OpenError> {
    let dir = places.data.join("logs").join(name);
    let corrupt = |file: &str, why: String| OpenError::Corrupt { path: dir.join(file), why };
    let (state, parts) = (places.store.read_state(name)?, places.store.list(name)?);
    let Some(meta) = places.store.read_file(name, META_FILE)? else {
        if state.is_some() || !parts.is_empty() {
            return Err(corrupt(META_FILE, "it is missing while the log has entries".to_owned()));
        }
        return Ok(None);
    };
    let meta = String::from_utf8(meta).ok().and_then(|text| Meta::parse(&text));
    let meta = meta.ok_or_else(|| corrupt(META_FILE, "it is not a meta file".to_owned()))?;
    if meta.name.as_str() != name {
        return Err(corrupt(META_FILE, format!("it is the one of log {}", meta.name)));
    }
    let state = match state {
        None => LogState::default(),
        Some((size, bytes)) => {
            let state =
                state::decode(&bytes).map_err(|error| corrupt("state", error.to_string()))?;
            if state.size() != size {
                return Err(corrupt(
                    "state",
                    format!("named for size {size}, holds {}", state.size()),
                ));
            }
            state
        }
    };
    check_parts(&parts, state.size()).map_err(|why| corrupt("segments", why))?;
    let ended = places.store.read_file(name, ENDED_FILE)?;
    let ended = ended.map(|reason| String::from_utf8_lossy(&reason).trim_end().to_owned());
    let shared = shared_log(no, &meta, state, parts, Vec::new(), limits);
    if let Some(reason) = ended {
        shared.end(reason);
    }
    Ok(Some((shared, meta.opening)))
}

/// Makes the shared half of a log.
pub(crate) fn shared_log(
    no: u32,
    meta: &Meta,
    state: LogState,
    parts: Vec<PartMeta>,
    keys: Vec<LogKeys>,
    limits: &CellLimits,
) -> LogShared {
    let head = DurableHead { size: state.skeleton.size(), root: state.skeleton.root() };
    LogShared {
        no,
        name: meta.name.clone(),
        origin: meta.origin.clone(),
        public: meta.public,
        state: RwLock::new(state),
        tail: RwLock::new(Tail::default()),
        parts: RwLock::new(parts),
        committed: tokio::sync::watch::Sender::new(head),
        signer: Mutex::new(Signer { keys, last: None }),
        published: Mutex::new(None),
        queue: Budget::new("this log", limits.log_queue_events, limits.log_queue_bytes),
        ended: RwLock::new(None),
    }
}

/// Parts must follow each other from index 0 and reach the state's size.
fn check_parts(parts: &[PartMeta], size: u64) -> Result<(), String> {
    let mut next = 0;
    for part in parts {
        if part.first != next {
            return Err(format!("entries {next} to {} are in no part", part.first));
        }
        next += u64::from(part.count);
    }
    if next < size {
        return Err(format!(
            "entries {next} to {size} are in no part, the state says that they were stored"
        ));
    }
    Ok(())
}

/// Reads the signing keys that the log's own entries name. A log whose key is lost has ended.
fn take_keys(places: &Places<'_>, log: &LogShared) -> Result<(), OpenError> {
    let current: Vec<String> = {
        let state = log.state();
        let current = state.keys.iter().filter(|key| key.ended_at.is_none());
        current.map(|key| key.vkey.clone()).collect()
    };
    let keys = (places.keys, places.ready_keys);
    match read_keys(&**places.disk, keys, log.name.as_str(), &current) {
        Ok(keys) => log.signer().keys = vec![keys],
        Err(KeyError::Missing(_)) if log.ended().is_some() => {}
        Err(error @ KeyError::Missing(_)) if places.lost_keys => log.end(error.to_string()),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Takes in entries that stand in parts beyond the journal's end: a backup that was copied while the log went on.
fn catch_up(log: &LogShared, reader: &Reader) -> Result<(), OpenError> {
    let corrupt = |why: String| OpenError::Corrupt {
        path: PathBuf::from("logs").join(log.name.as_str()).join("segments"),
        why,
    };
    loop {
        let next = log.state().size();
        let end = log.stored().min(next - next % BUNDLE_ENTRIES + BUNDLE_ENTRIES);
        if next >= end {
            return Ok(());
        }
        let entries = reader.gather(log, next, end)?;
        let part = find_part(&log.parts(), next)
            .ok_or_else(|| corrupt(format!("no part holds {next}")))?;
        let seed = reader.open(&part)?.header.seed;
        let mut state = log.state_mut();
        if !part.sealed {
            state.seeds.insert(segment_of(next), seed);
        }
        for entry in entries.iter() {
            catch_up_entry(&mut state, log, entry).map_err(&corrupt)?;
        }
        if let Some(segment) = segment_of(end).checked_sub(1).filter(|_| part.sealed) {
            state.tiles.remove(&segment);
        }
    }
}

fn catch_up_entry(state: &mut LogState, log: &LogShared, entry: &[u8]) -> Result<(), String> {
    let parsed = Entry::parse(entry).map_err(|error| error.to_string())?;
    let header = &parsed.header;
    if header.index.0 != state.size() || header.prev != state.prev() {
        return Err(format!("entry {} does not continue the log", state.size()));
    }
    state.apply(header, parsed.event, leaf_hash(entry));
    if let (Some(stream), Some(seq)) = (&header.stream, header.seq) {
        let head = &mut state.stream_mut(&log.origin, stream.as_str()).head;
        head.next_seq = seq + 1;
        head.head = chain_next(&head.head, &event_hash(parsed.event));
    }
    Ok(())
}

/// After the journal: the committed head, what was signed, and whether anything signed is missing.
fn settle(log: &LogShared, seen: Option<&Seen>, ended: &mut Vec<(String, String)>) {
    let mut state = log.state_mut();
    let head = DurableHead { size: state.skeleton.size(), root: state.skeleton.root() };
    log.committed.send_replace(head);
    let from_frames = seen.and_then(|seen| seen.signed.clone());
    let from_state = state.checkpoint.as_deref().and_then(parse_signed);
    let signed = match (from_frames, from_state) {
        (Some(frames), Some(state)) if state.0 > frames.0 => Some(state),
        (frames, state) => frames.or(state),
    };
    if let Some((size, root, note)) = signed {
        state.checkpoint = Some(note.clone());
        drop(state);
        let signed = SignedHead { head: DurableHead { size, root }, note };
        log.signer().last = Some(Arc::new(signed));
        if size > head.size {
            let why = format!("its signer signed size {size}, the store has {} entries", head.size);
            end(log, why, ended);
        }
    }
    if let Some(reason) = log.ended() {
        ended.retain(|(name, _)| name != log.name.as_str());
        ended.push((log.name.to_string(), reason));
    }
}

fn parse_signed(note: &str) -> Option<(TreeSize, Hash, String)> {
    let parsed = Note::parse(note.as_bytes()).ok()?;
    let checkpoint = Checkpoint::parse(parsed.text()).ok()?;
    Some((checkpoint.size, checkpoint.root, note.to_owned()))
}

/// Compares every log with the independent guard; one that lacks what was signed has ended.
pub(crate) fn ask_guard(
    logs: &BTreeMap<String, Arc<LogShared>>,
    heads: &GuardHeads,
    reader: &Reader,
    ended: &mut Vec<(String, String)>,
) -> Result<(), OpenError> {
    for log in logs.values() {
        let Some((size, root)) = heads.get(log.origin.as_str()) else { continue };
        let have = log.head().size;
        if *size > have {
            let why = format!(
                "the guard saw size {size} signed, the store has {have} entries: it was rolled back"
            );
            end(log, why, ended);
        } else if size.0 > 0 && reader.root_at(log, *size)? != *root {
            let why = format!(
                "the guard saw another root signed at size {size}: the store holds another tree"
            );
            end(log, why, ended);
        }
    }
    Ok(())
}

fn end(log: &LogShared, why: String, ended: &mut Vec<(String, String)>) {
    tracing::error!(log = log.name.as_str(), why, "the log has ended: it is read-only");
    ended.retain(|(name, _)| name != log.name.as_str());
    ended.push((log.name.to_string(), why.clone()));
    log.end(why);
}
