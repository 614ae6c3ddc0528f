//! The door to one log: append, read, prove.

use crate::budget::Reservation;
use crate::create::{append_own, next_name, succession};
use crate::extra::extra;
use crate::frame::SidecarKind;
use crate::inbox::Work;
use crate::inner::{Inner, NewLog, is_system};
use crate::intake::{Intake, Prepared, PreparedSidecar, Reduced, Writer};
use crate::keys::{LogKeys, write_keys};
use crate::limits::PUBLISH_EVERY_NS;
use crate::meta::{VKEY_FILE, VKEYS_FILE};
use crate::own::{self, KeyOp};
use crate::read::ReadError;
use crate::sequencer::own_batch;
use crate::shared::{DurableHead, LogShared, Published, SignedHead};
use crate::stream_keys::{self, StreamKeyChange};
use crate::sync::wait_for;
use crate::vault::{self, StoredSidecar};
use append::{Appended, Batch, Code, Refusal, StreamHead};
use graven_entry::{LogName, Name, with_causes};
use graven_merkle::{Hash, LeafIndex, TilePath, TreeSize};
use graven_note::{Note, VerifierKey};
use graven_verify::{KeyTarget, key_statement};
use std::future::Future;
use std::ops::Bound;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// One log. Cheap to clone.
#[derive(Clone)]
pub struct LogHandle {
    inner: Arc<Inner>,
    log: Arc<LogShared>,
}

/// One proof for many entries (`graven_merkle::inclusion_proof_of_many`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManyProof {
    /// The signed note of the tree that has them.
    pub checkpoint: String,
    /// What leads from them to its root, left to right.
    pub hashes: Vec<Hash>,
}

/// What a log is and how far it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogInfo {
    /// Its name on this server.
    pub name: LogName,
    /// Its name for ever, everywhere.
    pub origin: Name,
    /// Anyone may read its tiles and checkpoint.
    pub public: bool,
    /// Committed entries.
    pub size: TreeSize,
    /// Their root.
    pub root: Hash,
    /// Verifier keys that count now: Ed25519 first.
    pub vkeys: Vec<String>,
    /// Every verifier key that it ever had, oldest first.
    pub all_vkeys: Vec<String>,
    /// Why it takes no more entries, if it ended.
    pub ended: Option<String>,
}

/// A batch on its way: resolves when it is permanent and signed for, or refused.
#[must_use = "the answer says whether the batch was appended"]
pub struct Pending {
    answer: oneshot::Receiver<Result<Appended, Refusal>>,
    inner: Arc<Inner>,
}

impl Future for Pending {
    type Output = Result<Appended, Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        Pin::new(&mut this.answer)
            .poll(context)
            .map(|answer| finish(&this.inner, answer.unwrap_or_else(|_| Err(gone(&this.inner)))))
    }
}

impl Pending {
    /// Hands in events of the log's own.
    pub(crate) fn own(inner: &Arc<Inner>, log: Arc<LogShared>, events: Vec<Vec<u8>>) -> Pending {
        let (reply, answer) = oneshot::channel();
        inner.inbox.push(Work::Own { log, events, reply: Some(reply) });
        Pending { answer, inner: Arc::clone(inner) }
    }

    /// Hands in an event of the log's own with encrypted disclosures.
    pub(crate) fn own_sealed(
        inner: &Arc<Inner>,
        log: Arc<LogShared>,
        event: Vec<u8>,
        disclosures: Vec<Vec<u8>>,
    ) -> Pending {
        let (reply, answer) = oneshot::channel();
        let kind = SidecarKind::Disclosure;
        let sidecars = disclosures.into_iter();
        let sidecars = sidecars.map(|bytes| PreparedSidecar { event: 0, kind, bytes }).collect();
        let prepared = Box::new(Prepared { sidecars, ..own_batch(vec![event]) });
        inner.inbox.push(Work::Append { log, prepared, room: None, reply });
        Pending { answer, inner: Arc::clone(inner) }
    }

    /// Waits for the answer on this thread.
    pub fn wait(self) -> Result<Appended, Refusal> {
        let inner = self.inner;
        finish(&inner, wait_for(self.answer).unwrap_or_else(|_| Err(gone(&inner))))
    }
}

fn finish(inner: &Inner, answer: Result<Appended, Refusal>) -> Result<Appended, Refusal> {
    answer.inspect_err(|refusal| inner.stats.refused(refusal.code))
}

/// The outcome is unknown: the next start knows it.
fn gone(inner: &Inner) -> Refusal {
    let why = inner.poison.reason().unwrap_or("the server stopped before it could answer");
    let detail = format!(
        "{why}; whether the batch was recorded shows when it is sent again with the same ids"
    );
    Refusal::new(Code::Unavailable, detail).retry_after(5)
}

impl LogHandle {
    pub(crate) fn new(inner: &Arc<Inner>, log: Arc<LogShared>) -> LogHandle {
        LogHandle { inner: Arc::clone(inner), log }
    }

    /// Its name on this server.
    pub fn name(&self) -> &LogName {
        &self.log.name
    }

    /// Its name for ever, everywhere.
    pub fn origin(&self) -> &Name {
        &self.log.origin
    }

    /// Anyone may read its tiles and checkpoint.
    pub fn is_public(&self) -> bool {
        self.log.public
    }

    /// Committed entries.
    pub fn size(&self) -> TreeSize {
        self.log.head().size
    }

    /// All of that in one answer, with its root and keys.
    pub fn info(&self) -> LogInfo {
        let head = self.log.head();
        let state = self.log.state();
        let current = state.keys.iter().filter(|key| key.ended_at.is_none());
        let mut vkeys: Vec<String> = current.map(|key| key.vkey.clone()).collect();
        // All have one name, and an ML-DSA-44 key is the longer by far; making it ready for use only to see its kind
        // would cost more than all else here.
        vkeys.sort_by_key(String::len);
        LogInfo {
            name: self.log.name.clone(),
            origin: self.log.origin.clone(),
            public: self.log.public,
            size: head.size,
            root: head.root,
            vkeys,
            all_vkeys: state.keys.iter().map(|key| key.vkey.clone()).collect(),
            ended: self.log.ended(),
        }
    }

    /// Checks a batch on this thread and queues it.
    pub fn submit(&self, writer: &Writer, batch: Batch) -> Result<Pending, Refusal> {
        self.submit_reduced(writer, batch, &Reduced::default())
    }

    /// The same of a batch some of whose events policy made less of: their entries say so.
    pub fn submit_reduced(
        &self,
        writer: &Writer,
        batch: Batch,
        reduced: &Reduced,
    ) -> Result<Pending, Refusal> {
        self.try_submit(writer, batch, reduced)
            .inspect_err(|refusal| self.inner.stats.refused(refusal.code))
    }

    fn try_submit(
        &self,
        writer: &Writer,
        batch: Batch,
        reduced: &Reduced,
    ) -> Result<Pending, Refusal> {
        self.check_open()?;
        if is_system(self.log.name.as_str()) {
            let detail = "this log is the server's own record; hand events in to another log";
            return Err(Refusal::new(Code::Forbidden, detail));
        }
        self.inner.room.check()?;
        let intake = Intake {
            log: &self.log,
            hasher: &self.inner.hasher,
            sealer: self.inner.sealer.get().map(|sealer| &**sealer),
            poison: &self.inner.poison,
        };
        let prepared = Box::new(intake.prepare(writer, batch, reduced)?);
        let writer_queue = self.inner.writers.of(writer.id.as_str());
        let accounts = [&self.inner.queue, &self.log.queue, &writer_queue];
        let room = Reservation::take(accounts, prepared.events.len(), prepared.cost_bytes())?;
        let (reply, answer) = oneshot::channel();
        let log = Arc::clone(&self.log);
        self.inner.inbox.push(Work::Append { log, prepared, room: Some(room), reply });
        Ok(Pending { answer, inner: Arc::clone(&self.inner) })
    }

    fn check_open(&self) -> Result<(), Refusal> {
        self.inner.check_open()?;
        let Some(reason) = self.log.ended() else { return Ok(()) };
        let detail = format!(
            "log {} has ended and is read-only ({reason}); continue it with `graven log succeed {}`",
            self.log.name, self.log.name
        );
        Err(Refusal::new(Code::Unavailable, detail))
    }

    /// The published checkpoint: a signed note with an Ed25519 and an ML-DSA-44 signature, at most a second behind.
    pub fn checkpoint(&self) -> Result<Vec<u8>, ReadError> {
        let now_ns = self.inner.env.clock.boot_ns();
        let mut published = self.log.published.lock().unwrap_or_else(PoisonError::into_inner);
        let head = self.log.head();
        let fresh = |last: &&Published| now_ns.saturating_sub(last.boot_ns) < PUBLISH_EVERY_NS;
        if let Some(last) = published.as_ref().filter(fresh) {
            return Ok(last.note.clone());
        }
        let signed = self.sign(head)?;
        let note = self.add_ml_dsa(&signed)?;
        *published = Some(Published { boot_ns: now_ns, note: note.clone() });
        Ok(note)
    }

    /// Signs a durable head, or finds the signature that covers it; an ended log shows what it signed last.
    fn sign(&self, head: DurableHead) -> Result<Arc<SignedHead>, ReadError> {
        if self.log.ended().is_some() {
            let last = self.log.signer().last.clone();
            let none = || {
                ReadError::Unavailable(format!(
                    "log {} has ended and has no checkpoint",
                    self.log.name
                ))
            };
            return last.filter(|last| last.head.size <= head.size).ok_or_else(none);
        }
        let signed = self.log.sign(head, &self.inner.poison);
        let signed = signed.map_err(|fatal| ReadError::Unavailable(fatal.0))?;
        crate::answer::note_signed(&self.inner.answers, &self.log, &signed);
        Ok(signed)
    }

    fn add_ml_dsa(&self, signed: &SignedHead) -> Result<Vec<u8>, ReadError> {
        let broken = |what: &dyn std::error::Error| ReadError::Unavailable(what.to_string());
        let mut note = Note::parse(signed.note.as_bytes()).map_err(|error| broken(&error))?;
        let seconds = self.inner.env.clock.wall_ns() / 1_000_000_000;
        let signer = self.log.signer();
        let state = self.log.state();
        if let Some(keys) = signer.keys_at(signed.head.size, &state.keys) {
            let line = keys.ml_dsa.cosign(note.text(), seconds).map_err(|error| broken(&error))?;
            note.push(line).map_err(|error| broken(&error))?;
        }
        Ok(note.to_string().into_bytes())
    }

    /// The newest signed head: what proofs are made against.
    fn signed(&self) -> Result<Arc<SignedHead>, ReadError> {
        self.sign(self.log.head())
    }

    /// The same, which has to have this entry.
    fn signed_beyond(&self, index: LeafIndex) -> Result<Arc<SignedHead>, ReadError> {
        let size = self.log.head().size;
        if index.0 >= size.0 {
            return Err(ReadError::NotFound { what: format!("entry {index}"), size });
        }
        let signed = self.signed()?;
        let signed_size = signed.head.size;
        if index.0 >= signed_size.0 {
            return Err(ReadError::Unsigned { index, signed_size });
        }
        Ok(signed)
    }

    /// An entry's bytes.
    pub fn entry(&self, index: LeafIndex) -> Result<Vec<u8>, ReadError> {
        self.inner.reader.entry(&self.log, index)
    }

    /// What entries say, in the order in which they are named, by a cheaper way: as [`LogHandle::entry`], but `prev` and `nonce` may be
    /// zeros. Never to be hashed, proved or given out as the entry. Cheapest, where neighbours in the log are neighbours in the list.
    pub fn entries_unlinked(&self, indexes: &[LeafIndex]) -> Result<Vec<Vec<u8>>, ReadError> {
        self.inner.reader.unlinked(&self.log, indexes)
    }

    /// An entry's C2SP tlog-proof against the newest signed checkpoint.
    pub fn proof(&self, index: LeafIndex) -> Result<String, ReadError> {
        let signed = self.signed_beyond(index)?;
        let extra = extra(&self.inner.reader, &self.log, index)?;
        self.inner.reader.proof(&self.log, index, &signed, extra)
    }

    /// One proof that the entries at these indexes, which increase, are in the newest signed tree.
    pub fn proof_of_many(&self, indexes: &[LeafIndex]) -> Result<ManyProof, ReadError> {
        let signed = match indexes.last() {
            Some(last) => self.signed_beyond(*last)?,
            None => self.signed()?,
        };
        let hashes = self.inner.reader.proof_of_many(&self.log, indexes, signed.head.size)?;
        Ok(ManyProof { checkpoint: signed.note.clone(), hashes })
    }

    /// The proof that the tree of size `new` extends the one of size `old`.
    pub fn consistency(&self, old: TreeSize, new: TreeSize) -> Result<Vec<Hash>, ReadError> {
        let size = self.log.head().size;
        if new > size || old > new {
            return Err(ReadError::NotFound {
                what: format!("a tree from size {old} to {new}"),
                size,
            });
        }
        self.inner.reader.consistency(&self.log, old, new)
    }

    /// The root that the log had at a size.
    pub fn root_at(&self, size: TreeSize) -> Result<Hash, ReadError> {
        let have = self.log.head().size;
        if size > have {
            return Err(ReadError::NotFound { what: format!("a tree of size {size}"), size: have });
        }
        self.inner.reader.root_at(&self.log, size)
    }

    /// A C2SP hash tile or entry bundle, whole or partial, of the newest signed tree.
    pub fn tile(&self, path: &TilePath) -> Result<Vec<u8>, ReadError> {
        let size = self.signed()?.head.size;
        self.inner.reader.tile(&self.log, path, size)
    }

    /// Streams by name, after `after`, at most `limit`.
    pub fn streams(&self, after: Option<&str>, limit: usize) -> Vec<(String, StreamHead)> {
        let state = self.log.state();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = state.streams.range::<str, _>((from, Bound::Unbounded));
        range.take(limit).map(|(name, stream)| (name.clone(), stream.head.clone())).collect()
    }

    /// A stream as a producer resumes it.
    pub fn stream(&self, name: &str) -> Option<StreamHead> {
        self.log.state().streams.get(name).map(|stream| stream.head.clone())
    }

    /// The keys of a stream that count now, as vkeys.
    pub fn stream_keys(&self, name: &str) -> Vec<String> {
        let state = self.log.state();
        state
            .streams
            .get(name)
            .map_or(Vec::new(), |stream| stream.current_keys().map(str::to_owned).collect())
    }

    /// The sidecars of an entry: blobs and disclosures that travelled with it.
    pub fn sidecars(&self, index: LeafIndex) -> Result<Vec<StoredSidecar>, ReadError> {
        if let Some(chunk) = self.log.tail().chunk(index.0).cloned() {
            let here = chunk.sidecars().filter(|(at, _, _)| *at == index.0);
            let here =
                here.map(|(_, kind, bytes)| StoredSidecar { index, kind, bytes: bytes.to_vec() });
            return Ok(here.collect());
        }
        let unavailable = |what: String| ReadError::Unavailable(what);
        let (vault, name) = (&self.inner.vault, self.log.name.as_str());
        let objects = vault.list_vault(name).map_err(|error| unavailable(error.to_string()))?;
        let holding = objects.into_iter().filter_map(|object| {
            let (first, end) = vault::object_range(&object)?;
            (first..end).contains(&index.0).then_some((end, object))
        });
        // An unloading that was cut off before its part leaves its object; the next one, which went further, holds the same.
        let Some((_, object)) = holding.max() else { return Ok(Vec::new()) };
        let bytes =
            vault.read_vault(name, &object).map_err(|error| unavailable(error.to_string()))?;
        let Some(bytes) = bytes else { return Ok(Vec::new()) };
        let all = vault::decode(&bytes).map_err(|error| unavailable(error.to_string()))?;
        Ok(all.into_iter().filter(|sidecar| sidecar.index == index).collect())
    }

    /// Takes sidecars that are in the vault out of it for ever, and says how many. Those of entries that still stand in the
    /// journal are not in the vault yet: [`crate::Cell::unload`] comes first.
    ///
    /// Each object is replaced as a whole; a crash leaves some done and some not, and doing it again is safe.
    pub fn erase_sidecars(
        &self,
        is_to_go: impl Fn(&StoredSidecar) -> bool,
    ) -> Result<u64, ReadError> {
        let unavailable =
            |error: &dyn std::error::Error| ReadError::Unavailable(with_causes(error));
        let (vault, name) = (&self.inner.vault, self.log.name.as_str());
        let mut gone = 0;
        for object in vault.list_vault(name).map_err(|error| unavailable(&error))? {
            let bytes = vault.read_vault(name, &object).map_err(|error| unavailable(&error))?;
            let mut all =
                vault::decode(&bytes.unwrap_or_default()).map_err(|error| unavailable(&error))?;
            let before = all.len();
            all.retain(|sidecar| !is_to_go(sidecar));
            if all.len() < before {
                let kept = vault::encode_again(&all);
                vault.write_vault(name, &object, &kept).map_err(|error| unavailable(&error))?;
                gone += (before - all.len()) as u64;
            }
        }
        Ok(gone)
    }

    /// Resolves with the committed size as soon as it is beyond `size`.
    pub async fn wait_past(&self, size: TreeSize) -> TreeSize {
        let mut committed = self.log.committed.subscribe();
        match committed.wait_for(|head| head.size > size).await {
            Ok(head) => head.size,
            // The sender lives as long as this handle.
            Err(_) => self.log.head().size,
        }
    }

    /// Changes the keys of a stream. From its first on the stream takes only batches attested by one of its keys.
    pub fn change_stream_key(
        &self,
        stream: &Name,
        change: &StreamKeyChange,
    ) -> Result<Appended, Refusal> {
        self.check_open()?;
        // One at a time: two keys cannot both be the first.
        let _creator = self.inner.creator.lock().unwrap_or_else(PoisonError::into_inner);
        append_own(&self.inner, &self.log, self.plan_stream_key(stream, change)?)
    }

    /// The events of a change of a stream's keys, if it could be made now; nothing is written.
    pub fn plan_stream_key(
        &self,
        stream: &Name,
        change: &StreamKeyChange,
    ) -> Result<Vec<Vec<u8>>, Refusal> {
        let state = self.log.state();
        let known = state.streams.get(stream.as_str());
        let known = known.map_or(Vec::new(), |known| known.keys.clone());
        drop(state);
        stream_keys::plan(&self.log.origin, stream, &known, change)
    }

    /// Draws new keys for the log; the old ones announce them and are retired. Returns the new verifier keys.
    ///
    /// Both pairs are durable before the announcement. A crash before it is permanent leaves the old keys in force,
    /// after it the new: the log's own entries decide.
    pub fn rotate_keys(&self) -> Result<Vec<String>, Refusal> {
        self.check_open()?;
        let creator = self.inner.creator.lock().unwrap_or_else(PoisonError::into_inner);
        let unusable = |why: String| Refusal::new(Code::Unavailable, why);
        let (disk, name) = (&*self.inner.env.disk, self.log.name.as_str());
        let origin = self.log.origin.as_str();
        let keys = LogKeys::generate(origin, &*self.inner.env.random).map_err(unusable)?;
        let new: Vec<String> = keys.vkeys().iter().map(VerifierKey::to_string).collect();
        let keep = keys.duplicate().map_err(unusable)?;
        let events = {
            let mut signer = self.log.signer();
            signer.keys.truncate(1);
            let old =
                signer.keys.first().ok_or_else(|| unusable("its key is missing".to_owned()))?;
            write_keys(disk, &creator.keys_dir, name, &[old, &keys])
                .map_err(|error| self.fatal(&error))?;
            let events = self.announce(old, &new).map_err(unusable)?;
            // From the frame that retires the old keys on, checkpoints are signed with the new.
            signer.keys.push(keep);
            events
        };
        append_own(&self.inner, &self.log, events)?;
        write_keys(disk, &creator.keys_dir, name, &[&keys]).map_err(|error| self.fatal(&error))?;
        self.log.signer().keys = vec![keys];
        *self.log.published.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let mut all = self.info().all_vkeys.join("\n");
        all.push('\n');
        let store = &creator.store;
        store
            .write_file(name, VKEYS_FILE, all.as_bytes())
            .and_then(|()| store.write_file(name, VKEY_FILE, format!("{}\n", new[0]).as_bytes()))
            .map_err(|error| self.fatal(&error))?;
        Ok(new)
    }

    /// The entries of a rotation: the old Ed25519 key vouches for each new key and for the end of each old one.
    fn announce(&self, old: &LogKeys, new: &[String]) -> Result<Vec<Vec<u8>>, String> {
        let retired: Vec<String> = old.vkeys().iter().map(VerifierKey::to_string).collect();
        let added = new.iter().map(|vkey| (KeyOp::Add, vkey));
        // Its own end comes last: until then it vouches.
        let retired = retired.iter().rev().map(|vkey| (KeyOp::Retire, vkey));
        let mut events = Vec::new();
        for (op, vkey) in added.chain(retired) {
            let statement = key_statement(&self.log.origin, &KeyTarget::Log, op, vkey);
            let line = old.ed25519.sign_note(&statement).map_err(|error| error.to_string())?;
            let line = line.to_string();
            let origin = self.log.origin.as_str();
            events.push(own::key_changed("log", origin, op, vkey, Some(line.trim_end())));
        }
        Ok(events)
    }

    fn fatal(&self, error: &dyn std::error::Error) -> Refusal {
        let fatal = self.inner.poison.fatal(with_causes(error));
        Refusal::new(Code::Unavailable, fatal.0)
    }

    /// Continues an ended log as a successor with an origin of its own, named after it.
    pub fn succeed(&self) -> Result<LogHandle, Refusal> {
        if self.log.ended().is_none() {
            let detail =
                format!("log {} has not ended; only an ended log has a successor", self.log.name);
            return Err(Refusal::new(Code::Conflict, detail));
        }
        let name = next_name(&self.inner, self.log.name.as_str());
        let bad = |error: &dyn std::error::Error| Refusal::new(Code::BadEvent, error.to_string());
        let name = LogName::new(&name).map_err(|error| bad(&error))?;
        let new =
            NewLog { origin: None, public: self.log.public, succeeds: Some(succession(&self.log)) };
        let mut creator = self.inner.creator.lock().unwrap_or_else(PoisonError::into_inner);
        let log = creator.create(&self.inner, &name, &new)?;
        Ok(LogHandle::new(&self.inner, log))
    }
}
