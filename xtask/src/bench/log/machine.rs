//! What the figures were measured on.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::cores::Cores;

/// The load average up to which a machine is idle enough.
const LOAD_AVERAGE_IDLE: f64 = 0.5;
/// What is said of a machine that is not.
const BUSY: &str = "\n\nThe machine was busy with other work: these figures cannot be relied on.";

/// The machine, as it was when the run began.
#[derive(Debug)]
pub(super) struct Machine {
    /// The processor's model.
    pub(super) processor: String,
    /// Cores that may be used.
    pub(super) cores: usize,
    /// The kernel's release.
    pub(super) kernel: String,
    /// Processes that wanted to run, on average of the last minute.
    pub(super) load_average: f64,
    /// Who ran where.
    pub(super) pinned: String,
    /// The commit that was measured, and whether files differed from it.
    pub(super) commit: String,
}

impl Machine {
    /// Looks at this machine and the checkout.
    pub(super) fn look(root: &Path, cores: &Cores) -> Machine {
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
        let model = model.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim());
        Machine {
            processor: model.unwrap_or("unknown processor").to_owned(),
            cores: cores.count,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_average: first_number(&read("/proc/loadavg")),
            pinned: cores.text(),
            commit: git(root, &["describe", "--always", "--dirty"]),
        }
    }

    /// One line for people, and another where the figures cannot be relied on.
    pub(super) fn text(&self) -> String {
        let Machine { processor, cores, kernel, load_average, pinned, commit } = self;
        let busy = if *load_average > LOAD_AVERAGE_IDLE { BUSY } else { "" };
        format!(
            "{processor}, {cores} cores, Linux {kernel}, load average {load_average:.2} at the start; {pinned}; commit {commit}.{busy}"
        )
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "processor": self.processor,
            "cores": self.cores,
            "kernel": self.kernel,
            "load_average": self.load_average,
            "pinned": self.pinned,
            "commit": self.commit,
        })
    }
}

/// The number that a text begins with; infinity where it does not, so that nobody takes it for an idle machine.
fn first_number(text: &str) -> f64 {
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(f64::INFINITY)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn git(root: &Path, args: &[&str]) -> String {
    let output = Command::new("git").args(args).current_dir(root).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |o| String::from_utf8_lossy(&o.stdout).trim().to_owned(),
    )
}
