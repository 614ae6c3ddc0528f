//! One log from whatever source: every entry, tile and signature, in parallel, with progress kept.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use client::LogKeys;
use graven_merkle::{LeafIndex, TilePath};
use graven_note::Policy;
use graven_verify::{
    Entries, ExpectedTile, FaultKind, KeySource, LogVerdict, LogVerifier, RunReport, TileChecker,
    VerifyOptions, check_tile,
};

use super::bundles::stated;
use super::drive::{CheckedSpan, drive};
use super::remember::Memory;
use super::resume;
use super::source::{ReadFault, Source, bad};
use super::verdict::LogReport;
use crate::connect::KeysFrom;
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Progress;

/// Entries between two writes of the progress file.
const SAVE_EVERY_ENTRIES: u64 = 1 << 20;

/// What is asked of a verification.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Threads; 0 takes one a processor.
    pub(crate) jobs: usize,
    /// The log's keys, where somebody gave them.
    pub(crate) keys: Option<LogKeys>,
    /// An older checkpoint that the log has to extend, and the file that it comes from.
    pub(crate) since: Option<(String, Vec<u8>)>,
    pub(crate) policy: Option<Policy>,
    /// The progress file.
    pub(crate) resume: Option<PathBuf>,
    /// Whether other logs of the target are checked too, so that keys and checkpoints may be of those.
    pub(crate) is_one_of_many: bool,
}

/// What a verification reads and writes beside the log.
#[derive(Default)]
pub(crate) struct Outside<'a> {
    pub(crate) memory: Option<&'a mut Memory>,
    pub(crate) sink: Option<&'a mut dyn Sink>,
}

/// Takes what was read as it is checked, in index order: an export is written while it is verified.
pub(crate) trait Sink {
    /// Entries from index `first` on; none of them is wrong in itself.
    fn entries(&mut self, first: u64, entries: &Entries) -> Result<(), Failure>;

    /// Hash tiles as they must be; each once.
    fn tiles(&mut self, tiles: &[ExpectedTile]) -> Result<(), Failure>;
}

/// One verification under way.
struct Check<'a, 's> {
    source: &'a dyn Source,
    asked: &'a Asked,
    verifier: LogVerifier,
    sink: Option<&'s mut dyn Sink>,
    /// `None` where the run does not start at entry 0, so that tiles can't be worked out whole.
    tiles: Option<TileChecker>,
    /// Tiles that were read and wait for the entries that complete them.
    waiting: BTreeMap<TilePath, Vec<u8>>,
    tiles_checked: u64,
    tiles_skipped: u64,
    started_at: u64,
    saved_at: u64,
}

/// Verifies one log. `Err` says that it could not be read; what is wrong with it stands in the report.
pub(crate) fn check_log(
    context: &Context,
    name: Option<String>,
    source: &dyn Source,
    asked: &Asked,
    outside: Outside<'_>,
) -> Result<LogReport, Failure> {
    let origin = Some(source.origin().to_string());
    let mut report = LogReport { log: name, origin, ..LogReport::default() };
    let mut asked = asked.clone();
    asked.leave_to_others(source, &mut report);
    match judge(context, source, &asked, outside, &mut report) {
        Ok(()) => Ok(report),
        Err(fault) => {
            report.fault = Some(fault.finding()?);
            Ok(report)
        }
    }
}

fn judge(
    context: &Context,
    source: &dyn Source,
    asked: &Asked,
    outside: Outside<'_>,
    report: &mut LogReport,
) -> Result<(), ReadFault> {
    let Outside { memory, sink } = outside;
    check_origin(source, asked)?;
    let mut check = Check::start(context, source, asked, memory.as_deref(), report)?;
    check.sink = sink;
    check.read_all(context)?;
    let verdict = check.finish(report)?;
    check.describe(&verdict, report);
    if let (Some(memory), Some(note)) = (memory, source.checkpoint()) {
        memory.learn(&stated(note)?, note)?;
    }
    Ok(())
}

impl<'a> Check<'a, '_> {
    /// Takes up the progress file where it fits, and states beforehand every root that is known from elsewhere.
    fn start(
        context: &Context,
        source: &'a dyn Source,
        asked: &'a Asked,
        memory: Option<&Memory>,
        report: &mut LogReport,
    ) -> Result<Self, ReadFault> {
        let anew = || LogVerifier::new(source.origin().clone(), asked.options());
        let resumed = match &asked.resume {
            Some(path) => resume::load(context.out, path, source, asked.options())?,
            None => None,
        };
        let mut verifier = resumed.unwrap_or_else(anew);
        let heads = heads(source, asked, memory, report)?;
        let can_compare = heads
            .iter()
            .all(|(head, _)| head.size >= verifier.size() || verifier.root_at(head.size).is_some());
        if !can_compare {
            context.out.note(
                "starting anew: a checkpoint to compare with lies before the progress file's end",
            );
            verifier = anew();
        }
        for (head, _) in &heads {
            verifier.expect_head(head)?;
        }
        for stated in source.stated_roots() {
            if stated.size >= verifier.size() || verifier.root_at(stated.size).is_some() {
                let expected = verifier.expect_root(stated.size, stated.root, &stated.place);
                expected?;
            }
        }
        if let Some(note) = source.checkpoint() {
            expect_checkpoint(&mut verifier, source, note)?;
        }
        for note in source.older_checkpoints() {
            expect_checkpoint(&mut verifier, source, note)?;
        }
        let started_at = verifier.size().0;
        Ok(Check {
            source,
            asked,
            verifier,
            sink: None,
            tiles: (started_at == 0).then(TileChecker::new),
            waiting: BTreeMap::new(),
            tiles_checked: 0,
            tiles_skipped: 0,
            started_at,
            saved_at: started_at,
        })
    }

    fn read_all(&mut self, context: &Context) -> Result<(), ReadFault> {
        let total = self.source.size().0.saturating_sub(self.started_at);
        let progress = Progress::new(context.out, Some(total), "entries");
        let (source, from) = (self.source, LeafIndex(self.started_at));
        let stream_keys = RwLock::new(self.verifier.stream_keys());
        drive(source, from, self.asked.jobs, &stream_keys, |checked| {
            let count = checked.span.count;
            self.take(checked)?;
            *stream_keys.write().unwrap_or_else(PoisonError::into_inner) =
                self.verifier.stream_keys();
            progress.add(count);
            Ok(())
        })?;
        progress.finish();
        if self.asked.resume.is_some() && self.verifier.size().0 > self.saved_at {
            self.save()?;
        }
        self.source.check_end()?;
        self.check_partial_tiles()
    }

    /// Joins one span to what came before.
    fn take(&mut self, checked: CheckedSpan) -> Result<(), ReadFault> {
        let CheckedSpan { evidence, report, span } = checked;
        self.waiting.extend(evidence.tiles);
        let expected = match &mut self.tiles {
            Some(tiles) => tiles.push_run(&report)?,
            None => Vec::new(),
        };
        let alone = self.tiles_alone(&report);
        // Before the tiles: a wrong entry is to be named as such.
        self.verifier.push_run(report)?;
        for tile in expected.iter().chain(&alone) {
            self.check_tile(tile)?;
        }
        if let Some(sink) = &mut self.sink {
            sink.entries(span.first, &evidence.entries)?;
            sink.tiles(&expected)?;
        }
        if self.tiles.is_none() {
            self.tiles_skipped += self.waiting.len() as u64;
            self.waiting.clear();
        }
        let is_due = self.verifier.size().0 - self.saved_at >= SAVE_EVERY_ENTRIES;
        if self.asked.resume.is_some() && is_due { self.save() } else { Ok(()) }
    }

    /// In a resumed run: the tiles all of whose entries lie in this span.
    fn tiles_alone(&self, report: &RunReport) -> Vec<ExpectedTile> {
        if self.tiles.is_some() {
            return Vec::new();
        }
        self.waiting.keys().filter_map(|path| report.tile(path)).collect()
    }

    fn check_partial_tiles(&mut self) -> Result<(), ReadFault> {
        let partial = self.tiles.as_ref().map(TileChecker::partial_tiles).unwrap_or_default();
        for tile in &partial {
            self.check_tile(tile)?;
        }
        if let Some(sink) = &mut self.sink {
            sink.tiles(&partial)?;
        }
        match self.waiting.keys().next() {
            Some(path) => {
                let detail = format!("{path} is there, and the entries are not enough for it");
                Err(bad(None, FaultKind::TileMismatch, detail))
            }
            None => Ok(()),
        }
    }

    /// Compares a tile with what the target stores, where it stores it.
    fn check_tile(&mut self, expected: &ExpectedTile) -> Result<(), ReadFault> {
        let stored = match self.waiting.remove(&expected.path) {
            Some(stored) => Some(stored),
            None => self.source.upper_tile(&expected.path)?,
        };
        if let Some(stored) = stored {
            check_tile(expected, &stored)?;
            self.tiles_checked += 1;
        }
        Ok(())
    }

    fn save(&mut self) -> Result<(), ReadFault> {
        if let Some(path) = &self.asked.resume {
            resume::save(path, &self.verifier)?;
            self.saved_at = self.verifier.size().0;
        }
        Ok(())
    }

    /// Judges the signatures: of the checkpoint, then of the older one that was handed in and of those beside.
    fn finish(&self, report: &mut LogReport) -> Result<LogVerdict, ReadFault> {
        let keys = match &self.asked.keys {
            Some(keys) => KeySource::Given(keys.keys.clone()),
            None => KeySource::FromLog,
        };
        let verdict = match self.source.checkpoint() {
            Some(note) => self.verifier.finish(note, &keys)?,
            None if self.asked.keys.is_some() || self.asked.policy.is_some() => {
                let detail = "the target holds no signed checkpoint to check with the key";
                return Err(bad(None, FaultKind::KeyUnknown, detail));
            }
            None => {
                report.keys_from = None;
                self.verifier.finish_unsigned()?
            }
        };
        if let Some((_, note)) = &self.asked.since {
            self.verifier.check_head(note, &keys)?;
        }
        self.check_beside(&keys)?;
        Ok(verdict)
    }

    /// Signatures of older checkpoints, and the keys that lie beside the log.
    fn check_beside(&self, keys: &KeySource) -> Result<(), ReadFault> {
        for note in self.source.older_checkpoints() {
            let size = stated(note)?.size;
            let was_passed = size == self.verifier.size() || self.verifier.root_at(size).is_some();
            // One that lies before a resumed run's start was checked by the earlier run.
            if was_passed || size.0 > self.started_at {
                self.verifier.check_head(note, keys)?;
            }
        }
        let beside = self.source.key_files();
        if let (Some(note), false) = (self.source.checkpoint(), beside.is_empty()) {
            self.verifier.check_head(note, &KeySource::Given(beside.to_vec())).map_err(
                |fault| {
                    let why = "the log's key files do not hold the keys that signed";
                    bad(None, FaultKind::KeyUnknown, format!("{why}: {}", fault.detail))
                },
            )?;
        }
        Ok(())
    }

    fn describe(&self, verdict: &LogVerdict, report: &mut LogReport) {
        report.size = Some(verdict.size.0);
        report.root = Some(verdict.root.to_string());
        report.keys_used.clone_from(&verdict.keys_used);
        let counts = [
            ("entries", verdict.entries_checked),
            ("streams", verdict.streams),
            ("signed_events", verdict.signed_events),
            ("tiles", self.tiles_checked),
        ];
        for (what, count) in counts {
            report.checked.insert(what.to_owned(), count.into());
        }
        report.predecessor.clone_from(&verdict.predecessor);
        let witnesses = verdict.policy.iter().flat_map(|policy| &policy.cosigned_by);
        report.cosigned_by = witnesses.map(ToString::to_string).collect();
        report.not_checked.extend(verdict.not_checked.iter().map(|what| (*what).to_owned()));
        if self.tiles_skipped > 0 {
            report
                .not_checked
                .push(format!("{} tiles, because of the resumed run", self.tiles_skipped));
        }
        let keys = verdict.unannounced_keys.iter();
        report.not_checked.extend(keys.map(|key| format!("whose key {key} is")));
    }
}

impl Asked {
    /// The same for one log among several: each has a progress file of its own, and a key or an older checkpoint counts
    /// for the log that it is of.
    pub(crate) fn for_log(&self, is_one_of_many: bool, name: &str) -> Asked {
        let mut asked = self.clone();
        if is_one_of_many && let Some(path) = &self.resume {
            let mut file = path.clone().into_os_string();
            file.push(format!(".{name}"));
            asked.resume = Some(PathBuf::from(file));
        }
        asked.is_one_of_many = is_one_of_many;
        asked
    }

    /// Where several logs are checked, keys and checkpoints of another log are not this one's.
    fn leave_to_others(&mut self, source: &dyn Source, report: &mut LogReport) {
        if self.is_one_of_many {
            self.keys = self.keys.take().filter(|keys| keys.origin == *source.origin());
            let is_ours = |note: &[u8]| match stated(note) {
                Ok(checkpoint) => checkpoint.origin == source.origin().as_str(),
                Err(_) => true,
            };
            self.since = self.since.take().filter(|(_, note)| is_ours(note));
        }
        let is_given = self.keys.is_some();
        report.keys_from = Some(if is_given { KeysFrom::Given } else { KeysFrom::Target });
    }

    fn options(&self) -> VerifyOptions {
        VerifyOptions { policy: self.policy.clone() }
    }
}

/// Keys of another log are a mistake that must not end in "unknown key".
fn check_origin(source: &dyn Source, asked: &Asked) -> Result<(), ReadFault> {
    match &asked.keys {
        Some(keys) if keys.origin != *source.origin() => {
            let detail = format!("the log is {}, the key is of {}", source.origin(), keys.origin);
            Err(bad(None, FaultKind::WrongOrigin, detail))
        }
        _ => Ok(()),
    }
}

/// A checkpoint that the target holds speaks of a tree that the entries have to give when their number is passed.
fn expect_checkpoint(
    verifier: &mut LogVerifier,
    source: &dyn Source,
    note: &[u8],
) -> Result<(), ReadFault> {
    let head = stated(note)?;
    let is_passed = head.size < verifier.size() && verifier.root_at(head.size).is_none();
    if head.size < source.size() && !is_passed {
        let place = format!("the checkpoint of size {}", head.size);
        verifier.expect_root(head.size, head.root, &place)?;
    }
    Ok(())
}

/// The heads from outside that the log has to extend, each with where it comes from.
fn heads(
    source: &dyn Source,
    asked: &Asked,
    memory: Option<&Memory>,
    report: &mut LogReport,
) -> Result<Vec<(graven_note::Checkpoint, String)>, ReadFault> {
    let mut heads = Vec::new();
    if let Some((place, note)) = &asked.since {
        heads.push((stated(note)?, place.clone()));
    }
    if let Some(memory) = memory
        && let Some(remembered) = memory.head(source.origin().as_str())?
    {
        heads.push((remembered, "the remembered heads".to_owned()));
    }
    let newest = heads.iter().max_by_key(|(head, _)| head.size);
    report.external_head = newest.map(|(head, place)| (place.clone(), head.size.0));
    Ok(heads)
}
