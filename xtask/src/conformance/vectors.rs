//! The complete logs of `../shared/vectors/tlog`: both verifiers accept them, and refuse them once damaged.

use std::path::Path;

use super::files::{self, Damage};
use super::http::FileServer;
use super::kit::Kit;
use super::report::Report;
use super::verifiers::{Target, Verdict};

/// The sizes of the logs.
const SIZES: &[u32] = &[1, 5, 256, 600, 70_000];
/// What is done to copies of the log of 600 entries.
const DAMAGES: &[Damage] = &[
    Damage::Flip("checkpoint"),
    Damage::Flip("tile/entries/001"),
    Damage::Flip("tile/entries/002.p/88"),
    Damage::Flip("tile/0/000"),
    Damage::Flip("tile/0/002.p/88"),
    Damage::Flip("tile/1/000.p/2"),
    Damage::Remove("tile/entries/000"),
    Damage::Remove("tile/0/001"),
];
/// The verifiers, by the names of their programs.
pub(super) const VERIFIERS: &[&str] = &["tlogverify", "fsck"];

/// Runs the part.
pub(super) fn run(kit: &Kit, report: &mut Report) -> Result<(), String> {
    let Some(vectors) = kit.shared("vectors/tlog") else {
        report.skip("conformance-vectors: ../shared/vectors/tlog missing");
        return Ok(());
    };
    let vkey = vectors.join("log.vkey");
    for size in SIZES {
        let log = vectors.join(format!("log-{size}"));
        for verifier in VERIFIERS {
            let verdict = target(&log, &vkey).verify_with(kit, verifier);
            report.check(
                &format!("{verifier} accepts the log of {size}"),
                verdict.and_then(Verdict::accepted),
            );
        }
    }
    served(kit, report, &vectors.join("log-600"), &vkey)?;
    proofs(kit, report, &vectors)?;
    for (number, damage) in DAMAGES.iter().enumerate() {
        let copy = kit.folder(&format!("damaged-{number}"))?;
        files::copy_folder(&vectors.join("log-600"), &copy)?;
        damage.apply(&copy)?;
        for verifier in VERIFIERS {
            let verdict = target(&copy, &vkey).verify_with(kit, verifier);
            report.check(
                &format!("{verifier} refuses the log with {}", damage.name()),
                verdict.and_then(Verdict::refused),
            );
        }
    }
    Ok(())
}

/// The same log from a server as from a folder.
fn served(kit: &Kit, report: &mut Report, log: &Path, vkey: &Path) -> Result<(), String> {
    let server = FileServer::start(log)?;
    let target = Target { place: server.url(), vkey, token: None };
    for verifier in VERIFIERS {
        let verdict = target.verify_with(kit, verifier);
        report.check(
            &format!("{verifier} accepts a log over HTTP"),
            verdict.and_then(Verdict::accepted),
        );
    }
    Ok(())
}

/// Proofs of the log that they are from and of one that extends it hold; a damaged one does not.
fn proofs(kit: &Kit, report: &mut Report, vectors: &Path) -> Result<(), String> {
    let (log, vkey) = (vectors.join("log-600"), vectors.join("log.vkey"));
    for size in [1, 5, 256, 600] {
        let proof = vectors.join(format!("proof-{size}.tlog-proof"));
        let verdict = target(&log, &vkey).tlogverify(kit, Some(&proof));
        report.check(
            &format!("tlogverify accepts the proof at size {size} in the log of 600"),
            verdict.and_then(Verdict::accepted),
        );
    }
    let damaged = kit.folder("proof")?.join("damaged.tlog-proof");
    let text = files::read_text(&vectors.join("proof-600.tlog-proof"))?;
    files::write(&damaged, text.replacen("index 300", "index 301", 1).as_bytes())?;
    let verdict = target(&log, &vkey).tlogverify(kit, Some(&damaged));
    let refused = verdict.and_then(Verdict::refused);
    report.check("tlogverify refuses the proof for another entry", refused);
    Ok(())
}

fn target<'a>(log: &'a Path, vkey: &'a Path) -> Target<'a> {
    let place = log.to_str().expect("paths of the checkout and its neighbour are UTF-8");
    Target { place, vkey, token: None }
}
