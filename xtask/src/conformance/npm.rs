//! Packages from npm, as a part's lock file has them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::report::Report;
use crate::stage::{Stages, installed};

/// The folder in which a part's packages are installed; none, with a skip, where they cannot be had.
pub(super) fn packages(
    root: &Path,
    stages: &Stages,
    report: &mut Report,
    part: &str,
) -> Result<Option<PathBuf>, String> {
    let source = root.join("xtask/conformance").join(part);
    let target = root.join("target/conformance").join(format!("npm-{part}"));
    if !installed("npm", &["--version"]) || !installed("node", &["--version"]) {
        report.skip(&format!("conformance-{part}: install Node.js 20 or newer with npm"));
        return Ok(None);
    }
    std::fs::create_dir_all(&target)
        .map_err(|e| format!("cannot make {}: {e}", target.display()))?;
    for name in ["package.json", "package-lock.json"] {
        let copied = std::fs::copy(source.join(name), target.join(name));
        copied.map_err(|e| format!("cannot copy {name}: {e}"))?;
    }
    let mut fetch = Command::new("npm");
    fetch.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&target);
    if !stages.run_quiet(&format!("npm-{part}"), &mut fetch)?.good {
        let how = "npm's packages cannot be fetched; set npm_config_registry to one that works";
        report.skip(&format!("conformance-{part}: {how}"));
        return Ok(None);
    }
    Ok(Some(target))
}
