//! The libraries' tests against other Rust implementations: their development dependencies.

use std::path::Path;
use std::process::Command;

use super::report::Report;
use crate::stage::Stages;
use crate::totals::Totals;

/// Packages with a test target `oracles`.
const PACKAGES: &[&str] = &["graven-merkle", "graven-note"];

/// Runs the part.
pub(super) fn run(root: &Path, stages: &Stages, report: &mut Report) -> Result<(), String> {
    for package in PACKAGES {
        let folder = package_folder(root, package);
        if !folder.join("tests/oracles.rs").is_file() {
            report.check(package, Err("tests/oracles.rs is missing".to_owned()));
            continue;
        }
        let mut command = Command::new("cargo");
        command.args(["test", "--package", package, "--test", "oracles"]).current_dir(root);
        let outcome = stages.run(&format!("oracles {package}"), &mut command)?;
        let totals = Totals::of_tests(&outcome.output);
        let verdict = match (outcome.good, totals.passed) {
            (true, 1..) => Ok(()),
            _ => Err(totals.line()),
        };
        report.check(&format!("{package} agrees with other Rust implementations"), verdict);
    }
    Ok(())
}

fn package_folder(root: &Path, package: &str) -> std::path::PathBuf {
    root.join("lib").join(package)
}
