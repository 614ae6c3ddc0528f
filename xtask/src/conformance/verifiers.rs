//! The two verifiers of whole logs that are not ours, and what their verdicts look like.

use std::path::Path;

use super::kit::Kit;
use crate::limits::VERIFIER_WAIT_MAX;
use crate::stage::Outcome;

/// A worker of `fsck` (v1.0.4) ends at the first tile that is wrong, and with the last one gone the program waits for ever:
/// so there are more of them than a test damages tiles.
const FSCK_WORKERS: &str = "-N=8";

/// What a verifier said of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All of it holds.
    Accepted,
    /// Something does not: the line that says what.
    Refused(String),
}

impl Verdict {
    /// An error unless the log was accepted.
    pub(super) fn accepted(self) -> Result<(), String> {
        match self {
            Verdict::Accepted => Ok(()),
            Verdict::Refused(reason) => Err(format!("refused: {reason}")),
        }
    }

    /// An error unless it was refused.
    pub(super) fn refused(self) -> Result<(), String> {
        match self {
            Verdict::Accepted => Err("accepted".to_owned()),
            Verdict::Refused(_) => Ok(()),
        }
    }
}

/// A log as a verifier finds it.
pub(super) struct Target<'a> {
    /// Its URL, or its folder.
    pub(super) place: &'a str,
    /// The file with its verifier key.
    pub(super) vkey: &'a Path,
    /// The credential that reading it takes, where it is not public.
    pub(super) token: Option<&'a str>,
}

impl Target<'_> {
    /// Both verifiers, in the order of their names in reports.
    pub(super) fn verify_with(&self, kit: &Kit, verifier: &str) -> Result<Verdict, String> {
        match verifier {
            "fsck" => self.fsck(kit),
            _ => self.tlogverify(kit, None),
        }
    }

    /// Our program on Go's `x/mod/sumdb`; with a proof it must hold too.
    pub(super) fn tlogverify(&self, kit: &Kit, proof: Option<&Path>) -> Result<Verdict, String> {
        let mut command = kit.program("tlogverify");
        command.arg(self.place).arg(self.vkey).args(proof).env_remove("GRAVEN_TOKEN");
        if let Some(token) = self.token {
            command.env("GRAVEN_TOKEN", token);
        }
        let outcome = kit.stages.run_limited("tlogverify", &mut command, VERIFIER_WAIT_MAX)?;
        let proofs_wanted = usize::from(proof.is_some());
        tlogverify_verdict(&outcome, proofs_wanted)
    }

    /// Tessera's `fsck`.
    pub(super) fn fsck(&self, kit: &Kit) -> Result<Verdict, String> {
        let url = if self.place.starts_with("http://") {
            format!("{}/", self.place.trim_end_matches('/'))
        } else {
            format!("file://{}", self.place)
        };
        let mut command = kit.program("fsck");
        command.args(["--ui=false", FSCK_WORKERS]).arg(format!("--storage_url={url}"));
        command.arg(format!("--public_key={}", self.vkey.display()));
        if let Some(token) = self.token {
            command.arg(format!("--bearer_token={token}"));
        }
        fsck_verdict(&kit.stages.run_limited("fsck", &mut command, VERIFIER_WAIT_MAX)?)
    }
}

/// Exit status and words must agree, else it is no verdict.
pub(super) fn tlogverify_verdict(outcome: &Outcome, proofs: usize) -> Result<Verdict, String> {
    let accepted = outcome.output.lines().filter(|line| line.starts_with("OK: ")).count();
    let refused = outcome.output.lines().find(|line| line.starts_with("FAIL: "));
    match (outcome.good, refused) {
        (true, None) if accepted == 1 + proofs => Ok(Verdict::Accepted),
        (false, Some(line)) => Ok(Verdict::Refused(line.to_owned())),
        _ => Err(format!("tlogverify gave no verdict: {}", outcome.output.trim())),
    }
}

/// Its exit status is 0 even where it refuses (v1.0.4), so only its words count, and only clear ones.
pub(super) fn fsck_verdict(outcome: &Outcome) -> Result<Verdict, String> {
    let line = |words: &str| outcome.output.lines().find(|line| line.contains(words));
    match (line("Successfully fsck'd log"), line("fsck failed")) {
        (Some(_), None) => Ok(Verdict::Accepted),
        (None, Some(refused)) => Ok(Verdict::Refused(refused.to_owned())),
        _ => Err(format!("fsck gave no verdict: {}", outcome.output.trim())),
    }
}
