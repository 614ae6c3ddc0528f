//! What every row works with: the programs, built; cores; counts; a folder on the disk that is measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::Bench;
use super::cores::Cores;
use super::large::Large;
use super::load::{Load, Loaded};
use super::process::Server;
use super::size::{Counts, Size};
use crate::limits::BENCH_STEP_WAIT_MAX;
use crate::stage::Stages;

/// The profile that tests are built in. Its programs are built all at once, as the tests are: by themselves they would have other
/// features, and everything below them would be built once more.
pub(super) const PROFILE_OF_TESTS: &str = "dev";

/// Figures of the search index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Entries indexed a second.
    pub(super) entries_per_s: f64,
    /// The same of bare tantivy.
    pub(super) bare_per_s: f64,
    /// Bytes on disk an entry.
    pub(super) entry_bytes: f64,
    /// Microseconds of count, facets and histogram of a tenth.
    pub(super) tenth_us: f64,
}

/// What every row works with.
pub(super) struct Kit {
    /// The checkout.
    pub(super) root: PathBuf,
    /// Cargo's profile.
    profile: &'static str,
    /// Who runs where.
    pub(super) cores: Cores,
    /// How much.
    pub(super) counts: Counts,
    /// The large log, once a row has asked for it.
    pub(super) large: Option<Large>,
    /// Whether PostgreSQL is left out of the row `search`.
    pub(super) no_postgres: bool,
    /// What the row `search` measured, once it has, for rows that stand it beside other engines.
    pub(super) found: Option<Found>,
    /// Runs commands and keeps their logs.
    pub(super) stages: Stages,
    scratch: TempDir,
}

impl Kit {
    /// Builds the binary by itself, so that nothing else turns features on, and the examples that measure.
    pub(super) fn prepare(
        root: &Path,
        scratch: TempDir,
        cores: Cores,
        (size, bench): (Size, &Bench),
    ) -> Result<Kit, String> {
        let (root, counts, stages) = (root.to_owned(), size.counts(), Stages::new(root)?);
        let profile = bench.profile;
        let (large, found, no_postgres) = (None, None, false);
        let kit = Kit { root, profile, cores, counts, large, no_postgres, found, stages, scratch };
        if bench.with_server {
            kit.build("build graven", &["--package", "graven"])?;
        }
        kit.build_examples(bench.examples_of)?;
        Ok(kit)
    }

    /// Builds the examples of these packages.
    pub(super) fn build_examples(&self, packages: &[&str]) -> Result<(), String> {
        let packages = packages.iter().flat_map(|package| ["--package", package]);
        let what: Vec<&str> = std::iter::once("--examples").chain(packages).collect();
        self.build("build examples", &what)
    }

    /// Builds the binary with SQL, and what the rows about columns measure: all at once, as the engine is dear to build.
    pub(super) fn build_with_sql(&self) -> Result<(), String> {
        let packages =
            ["--package", "graven", "--package", "graven-log", "--package", "graven-sql"];
        let what = [&packages[..], &["--features", "graven/sql", "--bins", "--examples"]].concat();
        self.build("build with SQL", &what)
    }

    fn build(&self, name: &str, what: &[&str]) -> Result<(), String> {
        let mut build = Command::new("cargo");
        if self.profile == PROFILE_OF_TESTS {
            build.args(["test", "--workspace", "--no-run"]);
        } else {
            build.args(["build", "--profile", self.profile]).args(what);
        }
        build.current_dir(&self.root);
        if self.stages.run(name, &mut build)?.good {
            return Ok(());
        }
        Err("what is to be measured does not build".to_owned())
    }

    /// Where cargo puts what it builds.
    fn built(&self) -> PathBuf {
        let folder = if self.profile == PROFILE_OF_TESTS { "debug" } else { self.profile };
        self.root.join("target").join(folder)
    }

    /// The binary.
    pub(super) fn graven(&self) -> Command {
        Command::new(self.built().join("graven"))
    }

    /// An example of ours.
    pub(super) fn example(&self, name: &str) -> Command {
        Command::new(self.built().join("examples").join(name))
    }

    /// Where to measure; goes at the end.
    pub(super) fn dir(&self) -> &Path {
        self.scratch.path()
    }

    /// A new folder there.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.dir().join(name);
        std::fs::create_dir(&path).map_err(|e| format!("cannot make {}: {e}", path.display()))?;
        Ok(path)
    }

    /// Runs a step to its end; what it printed.
    pub(super) fn run(&self, name: &str, command: &mut Command) -> Result<String, String> {
        let name = format!("bench {name}");
        let outcome = self.stages.run_limited(&name, command, BENCH_STEP_WAIT_MAX)?;
        if outcome.good {
            return Ok(outcome.output);
        }
        self.stages.print_tail(&name, &outcome.output);
        Err(format!("`{name}` failed"))
    }

    /// Runs a step that prints one line of JSON, perhaps among others.
    pub(super) fn run_json(&self, name: &str, command: &mut Command) -> Result<Value, String> {
        let output = self.run(name, command)?;
        let line = output.lines().rfind(|line| line.starts_with('{'));
        let value = line.and_then(|line| serde_json::from_str(line).ok());
        value.ok_or_else(|| format!("`{name}` printed no figures"))
    }

    /// Starts `graven serve` on the servers' cores.
    pub(super) fn serve(&self, data: &Path) -> Result<Server, String> {
        // The log is what is measured: a search index takes its time beside it.
        Server::graven(self.cores.server(self.graven()), data, &["--search", "off"])
    }

    /// Starts `graven serve` with its followers; on all cores, as they take turns with the log.
    pub(super) fn serve_followed(&self, data: &Path) -> Result<Server, String> {
        Server::graven(self.graven(), data, &[])
    }

    /// Starts the bare server on the servers' cores.
    pub(super) fn serve_bare(&self, name: &str, hash: bool) -> Result<Server, String> {
        let mut command = self.example("bare_server");
        command.arg(self.folder(name)?).args(hash.then_some("hash"));
        Server::start(self.cores.server(command))
    }

    /// Sends events to a server from the load's cores.
    pub(super) fn load(&self, server: &Server, path: &str, load: Load) -> Result<Loaded, String> {
        let mut command = self.example("http_load");
        command.arg(format!("{}{path}", server.url)).arg(load.events.to_string());
        command.args(["--connections", &load.connections.to_string()]);
        command.args(["--batch", &load.batch.to_string(), "--first", &load.first.to_string()]);
        command.args(["--token", &server.token]);
        let server_cpu_s = server.cpu_s()?;
        let value = self.run_json("http_load", &mut self.cores.load(command))?;
        Loaded::parse(&value, server.cpu_s()? - server_cpu_s)
    }
}
