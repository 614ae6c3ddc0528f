//! Replaying the journal: the same steps that the journal thread takes after a commit, with every stated root recomputed.

use crate::frame::{self, Body, FooterLog, Record, Run};
use crate::frame_pool::PooledFrame;
use crate::identity::IdentityWindow;
use crate::shared::LogShared;
use crate::tail::{Chunk, SidecarSpan};
use graven_entry::{EntryParts, Header, event_hash};
use graven_merkle::{Hash, TreeSize, leaf_hash};
use graven_note::{Checkpoint, Note};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::FrameBuf;

/// What replay found of one log beside its state.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Roots that frames stated, by size.
    pub(crate) roots: BTreeMap<u64, Hash>,
    /// The newest checkpoint that a frame says was signed.
    pub(crate) signed: Option<(TreeSize, Hash, String)>,
}

/// Replays frames in slot order.
pub(crate) struct Replay<'a> {
    pub(crate) logs: &'a BTreeMap<String, Arc<LogShared>>,
    pub(crate) window: &'a mut IdentityWindow,
    pub(crate) seen: BTreeMap<String, Seen>,
}

impl Replay<'_> {
    /// Takes in the next frame's body.
    pub(crate) fn frame(&mut self, bytes: &[u8]) -> Result<(), String> {
        let buf = PooledFrame::alone(FrameBuf::from(bytes));
        let body = frame::decode(buf.body()).map_err(|error| error.to_string())?;
        for (log_no, footer) in body.logs.iter().enumerate() {
            self.log(&body, log_no as u32, footer, &buf)?;
        }
        for record in &body.records {
            if let Record::Identity(identity) = record {
                self.window.insert(*identity);
            }
        }
        for checkpoint in &body.checkpoints {
            self.checkpoint(&checkpoint.name, &checkpoint.note)?;
        }
        Ok(())
    }

    fn log(
        &mut self,
        body: &Body<'_>,
        log_no: u32,
        footer: &FooterLog,
        buf: &Arc<PooledFrame>,
    ) -> Result<(), String> {
        let name = &footer.name;
        let log = self.logs.get(name).ok_or_else(|| format!("log {name} has no directory"))?;
        let seen = self.seen.entry(name.clone()).or_default();
        seen.roots.insert(footer.size_after.0, footer.root_after);
        let size = log.state().skeleton.size();
        if footer.size_after <= size {
            return Ok(());
        }
        if footer.size_before != size {
            return Err(format!(
                "log {name} has {size} entries where the frame continues from {}",
                footer.size_before
            ));
        }
        let chunk = collect(log, body, log_no, footer, buf)?;
        let state = log.state();
        if state.skeleton.size() != footer.size_after || state.skeleton.root() != footer.root_after
        {
            return Err(format!(
                "log {name}: the entries do not give the root at {}",
                footer.size_after
            ));
        }
        drop(state);
        if chunk.end() > log.stored() {
            log.tail_mut().push(Arc::new(chunk));
        }
        Ok(())
    }

    /// A checkpoint that was signed must be one of ours.
    fn checkpoint(&mut self, name: &str, note: &str) -> Result<(), String> {
        let parsed = Note::parse(note.as_bytes()).map_err(|error| error.to_string())?;
        let checkpoint = Checkpoint::parse(parsed.text()).map_err(|error| error.to_string())?;
        let seen = self.seen.entry(name.to_owned()).or_default();
        let stated = seen.roots.get(&checkpoint.size.0);
        if stated.is_some_and(|root| *root != checkpoint.root) {
            return Err(format!("log {name} signed another root at size {}", checkpoint.size));
        }
        if seen.signed.as_ref().is_none_or(|(size, _, _)| *size < checkpoint.size) {
            seen.signed = Some((checkpoint.size, checkpoint.root, note.to_owned()));
        }
        Ok(())
    }
}

/// Takes one log's records of a frame into its state; returns them as a chunk of its tail.
fn collect(
    log: &LogShared,
    body: &Body<'_>,
    log_no: u32,
    footer: &FooterLog,
    buf: &Arc<PooledFrame>,
) -> Result<Chunk, String> {
    let mut chunk = Chunk {
        first: footer.size_before.0,
        frame: Arc::clone(buf),
        spans: Vec::new(),
        leaves: Vec::new(),
        crcs: Vec::new(),
        sidecars: Vec::new(),
        marks: Vec::new(),
    };
    log.state_mut().seeds.extend(footer.seeds.iter().copied());
    for record in &body.records {
        match record {
            Record::Run(run) if run.log_no == log_no => replay_run(log, run, &mut chunk)?,
            Record::Stream { log_no: no, name, head } if *no == log_no => {
                log.state_mut().stream_mut(&log.origin, name).head = head.clone();
            }
            Record::Sidecar { log_no: no, index, kind, offset, bytes } if *no == log_no => {
                let (offset, len) = (*offset as u32, bytes.len() as u32);
                chunk.sidecars.push(SidecarSpan { index: *index, kind: *kind, offset, len });
            }
            Record::Chain { log_no: no, index, chain } if *no == log_no => {
                chunk.marks.push((*index, *chain));
            }
            _ => {}
        }
    }
    Ok(chunk)
}

fn replay_run(log: &LogShared, run: &Run<'_>, chunk: &mut Chunk) -> Result<(), String> {
    let mut state = log.state_mut();
    if run.first != state.size() {
        return Err(format!(
            "log {}: a run begins at {}, not {}",
            log.name,
            run.first,
            state.size()
        ));
    }
    for entry in &run.entries {
        let index = state.size();
        let bad = |what: String| format!("log {}: entry {index}: {what}", log.name);
        let parts = EntryParts::split(entry.bytes).map_err(|error| bad(error.to_string()))?;
        let header = Header::parse(parts.header_line).map_err(|error| bad(error.to_string()))?;
        if event_hash(parts.event()) != entry.intake {
            return Err(bad("its event is not the one that was taken in".to_owned()));
        }
        if header.index.0 != index || header.prev != state.prev() {
            return Err(bad("its header does not continue the log".to_owned()));
        }
        let leaf = leaf_hash(entry.bytes);
        state.apply(&header, parts.event(), leaf);
        chunk.spans.push((entry.offset as u32, entry.bytes.len() as u32));
        chunk.leaves.push(leaf);
        chunk.crcs.push(crc32c::crc32c(entry.bytes));
    }
    Ok(())
}
