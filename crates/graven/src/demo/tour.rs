//! The tour: four tamperings, each done to a copy, and what `graven verify` makes of it.

mod check;
mod fork;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::LOG;
use super::forge::{Forged, Rewrite, Signatures, forge};
use super::load::Loaded;
use super::place::Place;
use super::program::Program;
use super::stop::Stop;
use super::tamper::{drop_tail, flip_byte};
use super::voice::{Voice, thousands};
use crate::failure::Failure;
use crate::files;
use check::{Check, Claim, Seen};

/// Who is to have done what the victim's entry tells of.
const SCAPEGOAT: &str = r#"{"type":"service","id":"backup-rotation"}"#;

/// What the tour is about.
pub(super) struct Scene<'a> {
    pub(super) program: &'a Program,
    pub(super) place: &'a Place,
    pub(super) loaded: &'a Loaded,
    pub(super) stop: &'a Stop,
}

/// The tour, with what it prepared.
pub(super) struct Tour<'a> {
    voice: Voice,
    scene: Scene<'a>,
    /// A verified backup, from which each case starts.
    pristine: PathBuf,
    /// What the auditor remembers.
    memory: PathBuf,
}

/// Does a tampering to a copy and has it checked.
type Showing<'a> = fn(&Tour<'a>) -> Result<Case, Failure>;

/// One tampering and what was made of it.
struct Case {
    name: &'static str,
    done: String,
    copy: PathBuf,
    checks: Vec<Check>,
}

impl<'a> Tour<'a> {
    /// Takes a backup as a place to start from, and lets an auditor verify the server and remember what it saw.
    pub(super) fn prepare(voice: Voice, scene: Scene<'a>, url: &str) -> Result<Tour<'a>, Failure> {
        let place = scene.place;
        let (pristine, memory) =
            (place.tour().join("0-backup"), place.tour().join("remembered.json"));
        let tour = Tour { voice, scene, pristine, memory };
        let (data, copy, memory) = (text(place.data()), text(&tour.pristine), text(&tour.memory));
        voice.title("What outlasts a tampering");
        voice.say("a backup, from which every case starts: the disk without the keys");
        tour.must(&["backup", &copy, "--data", &data])?;
        voice.say("an auditor verifies the server, and remembers what was signed");
        let vkey = text(&place.vkey());
        let audit =
            ["verify", url, "--log", LOG, "--vkey", &vkey, "--remember", &memory, "--data", &data];
        tour.must(&audit)?;
        let [remembered, kept] = [&tour.memory, &place.receipt()].map(|path| place.short(path));
        voice.fact(
            "kept",
            &format!(
                "{remembered} by the auditor; {kept}, the checkpoint of the last receipt, by a producer"
            ),
        );
        Ok(tour)
    }

    /// Shows every case. Says whether all were detected as claimed.
    pub(super) fn give(&self) -> Result<bool, Failure> {
        let cases: [(&str, Showing<'_>); 4] = [
            ("1. One byte is flipped in a stored file", Self::flipped_byte),
            ("2. The tail is dropped, at a frame's edge", Self::dropped_tail),
            ("3. An entry is rewritten, and every hash above it", Self::rewritten_entry),
            ("4. The same, signed again with the stolen key: a fork", Self::fork),
        ];
        let mut is_as_claimed = true;
        for (title, case) in cases {
            self.scene.stop.check()?;
            self.voice.title(title);
            let case = case(self)?;
            is_as_claimed &= case.is_as_claimed();
            self.voice.json(&case.to_json())?;
        }
        self.voice.title("The tour is over");
        let words = if is_as_claimed {
            "all four tamperings were detected, each as claimed"
        } else {
            "NOT all tamperings were detected as claimed: see above"
        };
        self.voice.result(is_as_claimed, if is_as_claimed { "detected" } else { "missed" }, words);
        Ok(is_as_claimed)
    }

    /// A disk that rots, or somebody clumsy: the file's own digests see it, before any hash of the log is asked.
    fn flipped_byte(&self) -> Result<Case, Failure> {
        let copy = self.copy("1-flipped-byte")?;
        let flipped = flip_byte(&copy, self.scene.loaded.victim.index)?;
        let (first, last) = (flipped.first, flipped.last);
        let done = format!(
            "byte {} of {} changed from 0x{:02x} to 0x{:02x}; it lies among entries {first} to {last}",
            thousands(flipped.offset as u64),
            flipped.file.display(),
            flipped.before,
            flipped.after,
        );
        self.voice.fact("done", &done);
        let claim = Claim::Finds { what: "storage_damaged", indexes: Some(first..=last) };
        let check = self.check(&copy, &[], "the checksums of the stored part", claim)?;
        Ok(Case { name: "flipped_byte", done, copy, checks: vec![check] })
    }

    /// What is left is whole and signed: only who remembers more can tell.
    fn dropped_tail(&self) -> Result<Case, Failure> {
        let copy = self.copy("2-dropped-tail")?;
        let dropped = drop_tail(&copy)?;
        let lost = dropped.size_before - dropped.size_after;
        let done = format!(
            "the journal's last {} frames zeroed: {lost} of {} entries are gone, with the checkpoints over them",
            dropped.frames,
            thousands(dropped.size_before),
        );
        self.voice.fact("done", &done);
        let rollback = Claim::Finds { what: "rollback", indexes: None };
        let checks = vec![
            self.check(&copy, &[], "nothing", Claim::Passes { not_checked: "freshness" })?,
            self.check(&copy, &self.remembered(), "the remembered checkpoint", rollback.clone())?,
            self.check(&copy, &self.since(), "the checkpoint of a receipt", rollback)?,
        ];
        Ok(Case { name: "dropped_tail", done, copy, checks })
    }

    /// Whoever has the disk can compute everything but a signature.
    fn rewritten_entry(&self) -> Result<Case, Failure> {
        let (kept, copy) = (self.path("3-rewritten"), self.path("3-rewritten-unsigned"));
        let forged = forge(&self.pristine, &kept, &self.rewrite(), Signatures::Keep)?;
        let done = self.tell_rewritten(&forged);
        self.voice.fact("done", &done);
        let by_checkpoint = Claim::Finds { what: "root_mismatch", indexes: Some(self.rewritten()) };
        let mut checks = vec![self.check(
            &kept,
            &[],
            "a signed checkpoint that lies beside the entries",
            by_checkpoint,
        )?];
        let forged = forge(&self.pristine, &copy, &self.rewrite(), Signatures::Remove)?;
        let removed = format!("all {} checkpoints of the log removed as well", forged.removed);
        self.voice.fact("done", &removed);
        let vkey = ["--vkey".to_owned(), text(&self.scene.place.vkey())];
        let unsigned = Claim::Finds { what: "key_unknown", indexes: None };
        let fork = Claim::Finds { what: "fork", indexes: Some(self.rewritten()) };
        checks.extend([
            self.check(&copy, &[], "nothing", Claim::Passes { not_checked: "signatures" })?,
            self.check(&copy, &vkey, "the log's key, whose signature is asked for", unsigned)?,
            self.check(&copy, &self.remembered(), "the remembered checkpoint", fork.clone())?,
            self.check(&copy, &self.since(), "the checkpoint of a receipt", fork)?,
        ]);
        Ok(Case { name: "rewritten_entry", done: format!("{done}; {removed}"), copy, checks })
    }

    /// With the key even the signatures are right: two of them that contradict are the proof.
    fn fork(&self) -> Result<Case, Failure> {
        let copy = self.path("4-forked");
        forge(&self.pristine, &copy, &self.rewrite(), Signatures::Remove)?;
        let forked = fork::sign(self.scene.place, &copy)?;
        let done = format!(
            "the rewritten log was opened with the real signing key, signed anew at size {}, and went on to {}",
            thousands(forked.size),
            thousands(forked.size_after),
        );
        self.voice.fact("done", &done);
        let vkey = ["--vkey".to_owned(), text(&self.scene.place.vkey())];
        let is_fork = Claim::Finds { what: "fork", indexes: Some(self.rewritten()) };
        let mut checks = vec![
            self.check(&copy, &vkey, "nothing", Claim::Passes { not_checked: "freshness" })?,
            self.check(&copy, &self.remembered(), "the remembered checkpoint", is_fork.clone())?,
            self.check(&copy, &self.since(), "the checkpoint of a receipt", is_fork.clone())?,
        ];
        let seen = fork::compare(self.scene.place, &forked)?;
        let by = "the two checkpoints: same log, same key, same size, another root";
        checks.push(self.judge(None, seen, by, is_fork)?);
        Ok(Case { name: "fork", done, copy, checks })
    }

    /// A fresh copy of the backup.
    fn copy(&self, name: &str) -> Result<PathBuf, Failure> {
        let copy = self.path(name);
        files::copy_tree(&self.pristine, &copy)?;
        Ok(copy)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scene.place.tour().join(name)
    }

    fn rewrite(&self) -> Rewrite {
        Rewrite { index: self.scene.loaded.victim.index, actor: SCAPEGOAT.to_owned() }
    }

    /// The entries that a rewriting can be noticed at.
    fn rewritten(&self) -> std::ops::RangeInclusive<u64> {
        self.scene.loaded.victim.index.0..=self.scene.loaded.last.0
    }

    fn tell_rewritten(&self, forged: &Forged) -> String {
        let victim = &self.scene.loaded.victim;
        format!(
            "entry {}, {} by {}, now says that it was {SCAPEGOAT}; {} entries, their chain, the roots, the stream heads and \
             all frames computed again, which gives the root {}",
            victim.index,
            victim.action,
            victim.actor,
            thousands(forged.entries),
            forged.root,
        )
    }

    fn remembered(&self) -> [String; 2] {
        ["--remember".to_owned(), text(&self.memory)]
    }

    fn since(&self) -> [String; 2] {
        ["--since".to_owned(), text(&self.scene.place.receipt())]
    }

    /// Runs a command that has to succeed.
    fn must(&self, args: &[&str]) -> Result<(), Failure> {
        let args: Vec<String> = args.iter().map(|word| (*word).to_owned()).collect();
        let shown = self.scene.program.shown(&args);
        self.voice.command(&shown);
        let answer = self.scene.program.run(&args, self.scene.place.tour())?;
        self.scene.stop.check()?;
        if answer.exit == Some(0) {
            return Ok(());
        }
        Err(Failure::bad(format!("`{shown}` failed: {} {}", answer.said, answer.json)))
    }

    /// Verifies a copy and compares the verdict with what is claimed.
    fn check(
        &self,
        copy: &Path,
        flags: &[String],
        noticed_by: &'static str,
        claim: Claim,
    ) -> Result<Check, Failure> {
        let mut args = vec!["verify".to_owned(), text(copy)];
        args.extend_from_slice(flags);
        let shown = self.scene.program.shown(&args);
        self.voice.command(&shown);
        let answer = self.scene.program.run(&args, self.scene.place.tour())?;
        self.judge(Some(shown), Seen::of(&answer), noticed_by, claim)
    }

    fn judge(
        &self,
        command: Option<String>,
        seen: Seen,
        noticed_by: &'static str,
        claim: Claim,
    ) -> Result<Check, Failure> {
        self.scene.stop.check()?;
        let check = Check { command, noticed_by, claim, seen };
        check.tell(self.voice);
        Ok(check)
    }
}

impl Case {
    fn is_as_claimed(&self) -> bool {
        self.checks.iter().all(Check::is_as_claimed)
    }

    fn to_json(&self) -> Value {
        json!({
            "step": "tampering",
            "case": self.name,
            "done": self.done,
            "copy": text(&self.copy),
            "detected": self.checks.iter().any(Check::is_detection),
            "as_claimed": self.is_as_claimed(),
            "checks": self.checks.iter().map(Check::to_json).collect::<Vec<_>>(),
        })
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
