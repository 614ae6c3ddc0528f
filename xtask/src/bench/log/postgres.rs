//! PostgreSQL as a rival: a cluster of our own on loopback sockets, and pgbench's figures from it.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::kit::Kit;
use crate::limits::{READY_POLL, READY_WAIT_MAX};

/// What must be there, beside a name's other programs.
const PROGRAMS: &[&str] = &["initdb", "postgres", "pg_isready", "psql", "pgbench"];
/// Where Debian and its kin put a version's programs.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The server's settings: durable, and with room enough that it need not checkpoint within a run.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "shared_buffers=256MB",
    "max_wal_size=4GB",
    "max_connections=100",
];

/// A running cluster; it ends with this.
pub(super) struct Postgres {
    bin: PathBuf,
    /// Its socket's folder, in a place whose name is short enough for one.
    socket: TempDir,
    server: Child,
}

impl Postgres {
    /// Makes and starts a cluster; the inner error says why there is none to measure.
    pub(super) fn start(kit: &Kit) -> Result<Result<Postgres, String>, String> {
        let Some(bin) = find_programs() else {
            return Ok(Err("PostgreSQL is not installed: `apt install postgresql`".to_owned()));
        };
        let user = match unprivileged_user() {
            Ok(user) => user,
            Err(why) => return Ok(Err(why)),
        };
        let data = kit.folder("postgres")?;
        let socket = tempfile::tempdir().map_err(|e| format!("no folder for a socket: {e}"))?;
        hand_over(&data, user)?;
        hand_over(socket.path(), user)?;
        // The folder above is ours alone; the cluster's user must get through it.
        open_way(kit.dir())?;
        let mut init = as_user(Command::new(bin.join("initdb")), user);
        init.args(["--username=bench", "--auth=trust", "--no-locale", "--encoding=UTF8", "-D"]);
        kit.run("initdb", init.arg(&data))?;
        let mut command = Command::new(bin.join("postgres"));
        command.arg("-D").arg(&data).arg("-k").arg(socket.path());
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        let mut command = as_user(kit.cores.server(command), user);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = command.spawn().map_err(|e| format!("cannot start postgres: {e}"))?;
        let postgres = Postgres { bin, socket, server };
        postgres.wait_until_ready()?;
        Ok(Ok(postgres))
    }

    fn wait_until_ready(&self) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < READY_WAIT_MAX {
            let asked = self.program("pg_isready").stdout(Stdio::null()).status();
            if asked.is_ok_and(|status| status.success()) {
                return Ok(());
            }
            std::thread::sleep(READY_POLL);
        }
        Err("postgres did not become ready".to_owned())
    }

    /// A client program, told where the server is.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.arg("--host").arg(self.socket.path()).arg("--username=bench");
        command
    }

    /// Runs SQL and gives what it printed, without headers.
    pub(super) fn sql(&self, kit: &Kit, sql: &str) -> Result<String, String> {
        let mut psql = self.program("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        psql.args(["--set=ON_ERROR_STOP=1", "--dbname=postgres", "--command", sql]);
        Ok(kit.run("psql", &mut psql)?.trim().to_owned())
    }

    /// Transactions a second of a script that may use `:event`.
    pub(super) fn per_s(&self, kit: &Kit, run: &Script<'_>) -> Result<f64, String> {
        let file = kit.dir().join("pgbench.sql");
        std::fs::write(&file, run.sql).map_err(|e| format!("cannot write the script: {e}"))?;
        let mut pgbench = self.program("pgbench");
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--define"]);
        pgbench.arg(format!("event={}", run.event)).arg("--file").arg(&file);
        pgbench.args(["--client", &run.clients.to_string(), "--time", &run.seconds.to_string()]);
        let output = kit.run("pgbench", &mut kit.cores.load(with(pgbench, "postgres")))?;
        parse_pgbench(&output)
            .ok_or_else(|| "pgbench said no rate, or that transactions failed".to_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its children follow it: the postmaster's end is the cluster's. Where it cannot be asked it has ended.
        let pid = i32::try_from(self.server.id()).ok().and_then(rustix::process::Pid::from_raw);
        let asked = pid.is_some_and(|pid| {
            rustix::process::kill_process(pid, rustix::process::Signal::INT).is_ok()
        });
        if asked {
            self.server.wait().map(drop).unwrap_or_default();
        }
    }
}

/// What pgbench does again and again.
pub(super) struct Script<'a> {
    /// One transaction.
    pub(super) sql: &'a str,
    /// The event that `:event` stands for.
    pub(super) event: &'a str,
    /// Clients at once.
    pub(super) clients: u64,
    /// For how long.
    pub(super) seconds: u64,
}

/// The rate that pgbench reports, where no transaction failed.
pub(super) fn parse_pgbench(output: &str) -> Option<f64> {
    let after = |name: &str| output.lines().find_map(|line| line.strip_prefix(name));
    let failed = after("number of failed transactions: ")?;
    let rate = after("tps = ")?.split(' ').next()?.parse().ok()?;
    failed.starts_with("0 ").then_some(rate)
}

fn with(mut command: Command, arg: &str) -> Command {
    command.arg(arg);
    command
}

/// The folder of the newest installed version, or of what is on the path.
fn find_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&on_path));
    let complete = |folder: &PathBuf| PROGRAMS.iter().all(|name| folder.join(name).is_file());
    folders.into_iter().find(complete)
}

/// Whom to run as, since PostgreSQL refuses root: `nobody`, or for anyone else as they are.
fn unprivileged_user() -> Result<Option<(u32, u32)>, String> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
    if !is_root {
        return Ok(None);
    }
    let id = |flag| {
        let output = Command::new("id").args([flag, "nobody"]).output().ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().ok()
    };
    let user =
        id("-u").zip(id("-g")).ok_or("PostgreSQL refuses root, and there is no user `nobody`")?;
    Ok(Some(user))
}

fn as_user(mut command: Command, user: Option<(u32, u32)>) -> Command {
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

fn hand_over(path: &Path, user: Option<(u32, u32)>) -> Result<(), String> {
    let Some((uid, gid)) = user else { return Ok(()) };
    chown(path, Some(uid), Some(gid))
        .map_err(|e| format!("cannot hand {} over: {e}", path.display()))
}

fn open_way(path: &Path) -> Result<(), String> {
    let opened = std::fs::set_permissions(path, Permissions::from_mode(0o711));
    opened.map_err(|e| format!("cannot open {} to others: {e}", path.display()))
}
