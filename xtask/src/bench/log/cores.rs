//! Servers on some cores, their load generator on the others.

use std::process::Command;

use crate::stage;

/// Which cores whom.
#[derive(Clone, Debug)]
pub(super) struct Cores {
    /// How many cores this process may use.
    pub(super) count: usize,
    /// Cores of servers and of the load, as `taskset` takes them; or why nothing is pinned.
    pinned: Result<(String, String), String>,
}

impl Cores {
    /// The first half of the cores that this process may use for servers, the second for the load.
    pub(super) fn share() -> Cores {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        let cores = list.map(|list| numbers(list.trim())).unwrap_or_default();
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let pinned = match halves(&cores) {
            None => Err("not pinned: there is no second core".to_owned()),
            Some(_) if !stage::installed("taskset", &["--version"]) => {
                Err("not pinned: taskset (util-linux) is missing".to_owned())
            }
            Some(halves) => Ok(halves),
        };
        Cores { count, pinned }
    }

    /// The command on the servers' cores.
    pub(super) fn server(&self, command: Command) -> Command {
        self.on(command, |(server, _)| server)
    }

    /// The command on the load's cores.
    pub(super) fn load(&self, command: Command) -> Command {
        self.on(command, |(_, load)| load)
    }

    fn on(&self, command: Command, which: impl Fn(&(String, String)) -> &String) -> Command {
        let Ok(pinned) = &self.pinned else { return command };
        let mut wrapped = Command::new("taskset");
        wrapped.arg("--cpu-list").arg(which(pinned)).arg(command.get_program());
        wrapped.args(command.get_args());
        wrapped
    }

    /// What was done, for the table.
    pub(super) fn text(&self) -> String {
        match &self.pinned {
            Ok((server, load)) => format!("servers on core {server}, load on core {load}"),
            Err(why) => why.clone(),
        }
    }
}

/// The numbers of a list such as `0-2,5`.
pub(super) fn numbers(list: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.parse::<usize>().ok()?..=to.parse::<usize>().ok()?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

/// Both halves as lists; none where there is one core.
pub(super) fn halves(cores: &[usize]) -> Option<(String, String)> {
    let (first, second) = cores.split_at(cores.len() / 2);
    let list = |cores: &[usize]| cores.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    (!first.is_empty()).then(|| (list(first), list(second)))
}
