//! The verifier of a whole log: joins the reports of its runs, in index order.

use std::collections::BTreeMap;
use std::sync::Arc;

use graven_entry::{Name, Time};
use graven_merkle::{EMPTY_ROOT, Frontier, Hash, LeafIndex, TreeSize};
use graven_note::{Checkpoint, KeyId, Policy, VerifierKey};

use crate::fault::{Fault, FaultKind};
use crate::head::{HeadCheck, check_head, check_policy};
use crate::keys::{KeyRing, KeySource};
use crate::own::{KeyChange, KeyOp, KeyTarget, OwnEntry};
use crate::roots::Roots;
use crate::run::{
    Edge, Note, RunReport, StreamEvent, StreamKeys, Vouched, check_time, is_chained, prev_fault,
};
use crate::streams::Streams;
use crate::verdict::{LogVerdict, SignedHead};

/// What a verification asks for beyond what always holds.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// The policy that a checkpoint must satisfy.
    pub policy: Option<Policy>,
}

/// Joins the reports of a log's runs, from index 0 on.
///
/// What it has found can be saved and taken up later ([`save`](LogVerifier::save),
/// [`load`](LogVerifier::load)). After a fault it answers every call with that fault.
#[derive(Clone, Debug)]
pub struct LogVerifier {
    pub(crate) origin: Name,
    pub(crate) options: VerifyOptions,
    pub(crate) frontier: Frontier,
    /// The last entry's leaf hash.
    pub(crate) last_leaf: Hash,
    pub(crate) last_time: Option<Time>,
    pub(crate) keys: KeyRing,
    pub(crate) streams: Streams,
    /// The keys of the streams that count now.
    pub(crate) stream_keys: StreamKeys,
    pub(crate) roots: Roots,
    pub(crate) predecessor: Option<String>,
    pub(crate) has_sealed: bool,
    /// Where an earlier session ended.
    pub(crate) resumed_at: TreeSize,
    /// Whether a head from elsewhere was compared.
    pub(crate) has_outside_head: bool,
    pub(crate) fault: Option<Fault>,
}

impl LogVerifier {
    /// A verifier before the log's first entry.
    pub fn new(origin: Name, options: VerifyOptions) -> LogVerifier {
        LogVerifier {
            origin,
            options,
            frontier: Frontier::new(),
            last_leaf: EMPTY_ROOT,
            last_time: None,
            keys: KeyRing::default(),
            streams: Streams::default(),
            stream_keys: StreamKeys::default(),
            roots: Roots::default(),
            predecessor: None,
            has_sealed: false,
            resumed_at: TreeSize(0),
            has_outside_head: false,
            fault: None,
        }
    }

    /// Which log.
    pub fn origin(&self) -> &Name {
        &self.origin
    }

    /// Joins the next run, which begins where the last one ended.
    pub fn push_run(&mut self, run: RunReport) -> Result<(), Fault> {
        self.check_sound()?;
        let joined = self.join(&run);
        self.keep_fault(joined)
    }

    /// The index of the next run's first entry.
    pub fn next_index(&self) -> LeafIndex {
        LeafIndex(self.frontier.size().0)
    }

    /// How many entries were joined.
    pub fn size(&self) -> TreeSize {
        self.frontier.size()
    }

    /// The root of the tree of all entries joined so far.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The right edge of that tree.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The stream keys that count so far, for [`check_run_with`](crate::check_run_with).
    pub fn stream_keys(&self) -> StreamKeys {
        self.stream_keys.clone()
    }

    /// States that the tree of `size` entries has this root; `what` says so, for people ("the
    /// checkpoint of part 3"). It is compared when a run passes that size, and [`finish`] demands
    /// that one does.
    ///
    /// A size that was passed already is compared at once, where its root was kept.
    ///
    /// [`finish`]: LogVerifier::finish
    pub fn expect_root(&mut self, size: TreeSize, root: Hash, what: &str) -> Result<(), Fault> {
        self.check_sound()?;
        let stated = self.roots.state(&self.frontier, size, Some(root), (what, false));
        self.keep_fault(stated)
    }

    /// States that this checkpoint was seen before: a log that is shorter now was rolled back, one
    /// with another root there was forked. Whoever hands it in has verified it when it was seen.
    pub fn expect_head(&mut self, remembered: &Checkpoint) -> Result<(), Fault> {
        self.check_sound()?;
        if remembered.origin != self.origin.as_str() {
            let detail = format!(
                "the remembered checkpoint is of {:?}, this log is {}",
                remembered.origin, self.origin
            );
            return self.keep_fault(Err(Fault::of_log(FaultKind::WrongOrigin, detail)));
        }
        self.has_outside_head |= remembered.size.0 > 0;
        let what = ("the remembered checkpoint", true);
        let (size, root) = (remembered.size, Some(remembered.root));
        let stated = self.roots.state(&self.frontier, size, root, what);
        self.keep_fault(stated)
    }

    /// Asks for the root at a size to come, for [`root_at`](LogVerifier::root_at) and
    /// [`check_head`](LogVerifier::check_head).
    pub fn ask_root(&mut self, size: TreeSize) -> Result<(), Fault> {
        self.check_sound()?;
        self.roots.state(&self.frontier, size, None, ("the caller", false))
    }

    /// The root at the present size, or at one that was stated or asked for and passed.
    pub fn root_at(&self, size: TreeSize) -> Option<Hash> {
        self.roots.root_at(&self.frontier, size)
    }

    /// Judges a checkpoint of this log: signed by keys that counted at its size and are believed,
    /// and with the root that the entries have.
    ///
    /// Its size must be the present one, or was stated or asked for beforehand. Whether it
    /// satisfies the policy is asked of the last one alone, by [`finish`](LogVerifier::finish).
    pub fn check_head(&self, note: &[u8], keys: &KeySource) -> Result<SignedHead, Fault> {
        self.check_sound()?;
        check_head(&HeadCheck {
            origin: &self.origin,
            ring: &self.keys,
            source: keys,
            size: self.size(),
            root_at: &|size| self.root_at(size),
            note,
        })
    }

    /// Ends the verification with the log's newest checkpoint: [`check_head`], the policy, and
    /// nothing that was stated or begun is left open.
    ///
    /// [`check_head`]: LogVerifier::check_head
    pub fn finish(&self, checkpoint_note: &[u8], keys: &KeySource) -> Result<LogVerdict, Fault> {
        self.check_ends()?;
        let head = self.check_head(checkpoint_note, keys)?;
        let policy = check_policy(self.options.policy.as_ref(), &head)?;
        self.streams.check_covered()?;
        Ok(LogVerdict { policy, ..self.verdict(Some((head, keys))) })
    }

    /// Ends the verification of entries without a checkpoint: whole in themselves, signed by
    /// nobody.
    pub fn finish_unsigned(&self) -> Result<LogVerdict, Fault> {
        self.check_ends()?;
        self.streams.check_covered()?;
        Ok(self.verdict(None))
    }

    fn check_sound(&self) -> Result<(), Fault> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    fn keep_fault(&mut self, result: Result<(), Fault>) -> Result<(), Fault> {
        self.fault = result.as_ref().err().cloned();
        result
    }

    fn check_ends(&self) -> Result<(), Fault> {
        self.check_sound()?;
        self.roots.check_reached(self.size())
    }

    fn join(&mut self, run: &RunReport) -> Result<(), Fault> {
        if run.origin != self.origin {
            let detail = format!("the run is of log {}, this is log {}", run.origin, self.origin);
            return Err(Fault::of_log(FaultKind::WrongOrigin, detail));
        }
        let Some(edge) = run.edge else { return Ok(()) };
        self.check_edge(run, &edge)?;
        self.judge_notes(run)?;
        self.has_sealed |= run.has_sealed;
        self.roots.pass(&mut self.frontier, &run.tree)?;
        self.last_leaf = run.leaf_hashes().last().copied().unwrap_or(self.last_leaf);
        self.last_time = Some(edge.last_time);
        Ok(())
    }

    /// The first entry of the run against the last one before it.
    fn check_edge(&self, run: &RunReport, edge: &Edge) -> Result<(), Fault> {
        let (index, next) = (run.first(), self.next_index());
        if index != next {
            let detail = format!("the run begins at entry {index}, entry {next} is next");
            let kind = if index > next { FaultKind::MissingEntry } else { FaultKind::SizeMismatch };
            return Err(Fault::at(next, kind, detail));
        }
        if !is_chained(&edge.prev, &self.last_leaf) {
            // Inside of the run the second entry vouches for the first.
            let is_vouched = run.leaf_hashes().len() > 1;
            let vouched = if is_vouched { Vouched::Yes } else { Vouched::Unknown };
            return Err(prev_fault(index, &edge.prev, &self.last_leaf, vouched));
        }
        self.last_time.map_or(Ok(()), |before| check_time(index, before, edge.first_time))
    }

    /// Streams and the log's own entries, in index order: a key counts from its entry on.
    fn judge_notes(&mut self, run: &RunReport) -> Result<(), Fault> {
        let mut places: Vec<Option<usize>> = vec![None; run.streams.len()];
        for note in &run.notes {
            match note {
                Note::Stream(event) => self.judge_stream_event(run, &mut places, event)?,
                Note::Own(_, OwnEntry::Opening { keys, predecessor }) => {
                    self.keys = KeyRing::opened(keys.clone());
                    self.predecessor.clone_from(predecessor);
                }
                Note::Own(index, OwnEntry::Key(change)) => self.judge_key(*index, change)?,
            }
        }
        Ok(())
    }

    fn judge_stream_event(
        &mut self,
        run: &RunReport,
        places: &mut [Option<usize>],
        event: &StreamEvent,
    ) -> Result<(), Fault> {
        let index = LeafIndex(run.first().0.saturating_add(u64::from(event.offset)));
        let slot = event.stream as usize;
        let (Some(name), Some(known)) = (run.streams.get(slot), places.get_mut(slot)) else {
            return Ok(());
        };
        let place = match *known {
            Some(place) => place,
            None => *known.insert(self.streams.place(&self.origin, name)?),
        };
        match self.streams.list.get_mut(place) {
            Some(stream) => stream.push(&self.origin, index, event),
            None => Ok(()),
        }
    }

    fn judge_key(&mut self, index: LeafIndex, change: &KeyChange) -> Result<(), Fault> {
        let name = match &change.target {
            KeyTarget::Log => return self.keys.change(&self.origin, index, change),
            KeyTarget::Stream(name) => name,
        };
        let place = self.streams.place(&self.origin, name)?;
        let Some(stream) = self.streams.list.get_mut(place) else { return Ok(()) };
        stream.keys.change(&self.origin, index, change)?;
        let hints = Arc::make_mut(&mut self.stream_keys.0);
        let hint = (name.clone(), change.key.id());
        match change.op {
            KeyOp::Add => drop(hints.insert(hint, change.key.clone())),
            KeyOp::Retire | KeyOp::Revoke => drop(hints.remove(&hint)),
        }
        Ok(())
    }

    fn verdict(&self, head: Option<(SignedHead, &KeySource)>) -> LogVerdict {
        let not_checked = self.not_checked(head.as_ref());
        let (size, root) = match &head {
            Some((head, _)) => (head.checkpoint.size, head.checkpoint.root),
            None => (self.size(), self.root()),
        };
        let keys_used = head.map(|(head, _)| head.keys_used).unwrap_or_default();
        let streams = self.streams.list.iter().map(|stream| &stream.keys);
        let rings = std::iter::once(&self.keys).chain(streams);
        let unannounced = rings.flat_map(KeyRing::unannounced).map(VerifierKey::to_string);
        LogVerdict {
            origin: self.origin.clone(),
            size,
            root,
            entries_checked: self.size().0,
            streams: self.streams.count(),
            signed_events: self.streams.signed_events(),
            keys_used,
            unannounced_keys: unannounced.collect(),
            predecessor: self.predecessor.clone(),
            policy: None,
            not_checked,
        }
    }

    fn not_checked(&self, head: Option<&(SignedHead, &KeySource)>) -> Vec<&'static str> {
        let is_unsigned = head.is_none();
        let is_own_key = matches!(head, Some((_, KeySource::FromLog)));
        let is_ahead = head.is_some_and(|(head, _)| head.checkpoint.size < self.size());
        let is_alone = !self.has_outside_head && self.options.policy.is_none();
        [
            (is_unsigned, "signatures: there is no checkpoint"),
            (is_own_key, "whose log this is: the keys are its own"),
            (is_ahead, "entries after the checkpoint: nobody has signed them yet"),
            (is_alone, "freshness: no head or cosignature from elsewhere"),
            (self.resumed_at.0 > 0, "entries that an earlier session checked"),
            (self.predecessor.is_some(), "the log that this one continues"),
            (self.has_sealed, "sealed values: they open only with their disclosures"),
        ]
        .into_iter()
        .filter_map(|(applies, what)| applies.then_some(what))
        .collect()
    }
}

/// The keys of the streams that count now.
pub(crate) fn current_stream_keys(streams: &Streams) -> StreamKeys {
    let mut current: BTreeMap<(Name, KeyId), VerifierKey> = BTreeMap::new();
    for stream in &streams.list {
        for named in stream.keys.keys.iter().filter(|named| named.ended_at.is_none()) {
            current.insert((stream.name.clone(), named.key.id()), named.key.clone());
        }
    }
    StreamKeys(Arc::new(current))
}
