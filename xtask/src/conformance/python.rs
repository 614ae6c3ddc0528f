//! Python with packages from PyPI, in an environment of its own.

use std::path::PathBuf;
use std::process::Command;

use super::kit::Kit;
use super::report::Report;
use crate::stage::installed;

/// The interpreter of a part's environment, which has what the part's file of requirements names; none, with a skip, where
/// Python or the packages cannot be had.
pub(super) fn environment(
    kit: &Kit,
    report: &mut Report,
    part: &str,
    requirements: &str,
) -> Result<Option<PathBuf>, String> {
    let packages = kit.root.join("xtask/conformance").join(part).join(requirements);
    let target = kit.root.join("target/conformance").join(format!("venv-{part}"));
    if !installed("python3", &["-m", "venv", "--help"]) {
        let how = "install Python 3 with venv (`apt install python3-venv`)";
        report.skip(&format!("conformance-{part}: {how}"));
        return Ok(None);
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(&target);
    let mut fetch = Command::new(target.join("bin/pip"));
    fetch.args(["install", "--quiet", "-r"]).arg(packages);
    for (name, command) in [("venv", &mut make), ("pip", &mut fetch)] {
        if !kit.stages.run_quiet(name, command)?.good {
            let how = "PyPI's packages cannot be fetched; set PIP_INDEX_URL to one that works";
            report.skip(&format!("conformance-{part}: {how}"));
            return Ok(None);
        }
    }
    Ok(Some(target.join("bin/python")))
}
