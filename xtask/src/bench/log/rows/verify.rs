//! Full verification, beside what SHA-256 alone would take.

use std::time::Instant;

use crate::bench::log::kit::Kit;
use crate::bench::log::line::{Goal, Line};
use crate::bench::log::number::{median, number};

/// `graven verify` on all cores, as a user runs it.
pub(super) fn verify(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let data = kit.large()?.data.clone();
    let mut seconds = Vec::new();
    for _ in 0..kit.counts.rounds {
        let mut command = kit.graven();
        command.arg("verify").arg(&data).args(["--log", "main"]);
        let began = Instant::now();
        kit.run("verify", &mut command)?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    let hashed = kit.run_json("hash_rate", kit.example("hash_rate").arg(&data))?;
    let (megabytes, hash_s) = (number(&hashed, "/bytes")? / 1e6, number(&hashed, "/hash_s")?);
    let (cores, verify_s) = (kit.cores.count, median(seconds)?);
    let line = Line::new(
        "full verification, start of the process included",
        "MB/s",
        megabytes / verify_s,
        format!("SHA-256 of one core × {cores} cores"),
        Ok(megabytes / hash_s * cores as f64),
    );
    let entries = number(&hashed, "/entries")?;
    let note = format!(
        "{entries:.0} entries, {megabytes:.0} MB, in {verify_s:.2} s; entries not in a sealed segment yet are among them"
    );
    Ok(vec![line.asked(Goal::AtLeast(0.4)).of_limit().note(note)])
}
