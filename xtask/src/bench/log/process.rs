//! A server that a row measures: started, watched, stopped or killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::limits::READY_WAIT_MAX;

/// Ticks of `/proc/<pid>/stat` in a second: the same on every Linux.
const TICKS_PER_S: f64 = 100.0;

/// A server on loopback; killed where it is dropped.
pub(super) struct Server {
    child: Child,
    /// Keeps its standard error flowing.
    lines: Option<JoinHandle<()>>,
    /// `http://host:port`, without a slash at the end.
    pub(super) url: String,
    /// Its bearer token; empty where it asks for none.
    pub(super) token: String,
    /// From its start until it listened.
    pub(super) start: Duration,
}

impl Server {
    /// Starts `graven serve` on a data directory.
    pub(super) fn graven(
        mut command: Command,
        data: &Path,
        settings: &[&str],
    ) -> Result<Server, String> {
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(settings);
        let mut server = Server::start(command)?;
        let path = data.join("admin.token");
        let token = std::fs::read_to_string(&path);
        let token = token.map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        token.trim().clone_into(&mut server.token);
        Ok(server)
    }

    /// Starts a program that says `listening on URL` on standard error when it does.
    pub(super) fn start(mut command: Command) -> Result<Server, String> {
        let began = Instant::now();
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("cannot start a server: {e}"))?;
        let stderr = child.stderr.take().map(BufReader::new);
        let (tell, told) = channel();
        let lines = std::thread::spawn(move || {
            for line in stderr.into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
                // Nobody listens any more once it has started.
                tell.send(line).unwrap_or_default();
            }
        });
        let (url, token) = (String::new(), String::new());
        let mut server = Server { child, lines: Some(lines), url, token, start: Duration::ZERO };
        server.url = wait_for_url(&told)?;
        server.start = began.elapsed();
        Ok(server)
    }

    /// Seconds of processor time that it has used.
    pub(super) fn cpu_s(&self) -> Result<f64, String> {
        let text = self.proc_file("stat")?;
        let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
        let ticks: f64 =
            fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        Ok(ticks / TICKS_PER_S)
    }

    /// The most memory that it has held, in bytes, pages of files that are mapped among it.
    pub(super) fn memory_bytes_max(&self) -> Result<f64, String> {
        self.status_bytes("VmHWM")
    }

    /// The memory of its own that it holds now, in bytes: without files' pages, which the kernel can take back.
    pub(super) fn own_memory_bytes(&self) -> Result<f64, String> {
        self.status_bytes("RssAnon")
    }

    /// A line of proc(5), `status`.
    fn status_bytes(&self, name: &str) -> Result<f64, String> {
        let text = self.proc_file("status")?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
        kib.map(|kib| kib * 1024.0).ok_or_else(|| format!("the kernel does not say {name}"))
    }

    fn proc_file(&self, name: &str) -> Result<String, String> {
        let path = format!("/proc/{}/{name}", self.child.id());
        std::fs::read_to_string(&path).map_err(|e| format!("cannot read {path}: {e}"))
    }

    /// Asks it to stop, and waits until it has.
    pub(super) fn stop(mut self) -> Result<(), String> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or("a process without a number")?;
        kill_process(pid, Signal::TERM).map_err(|e| format!("cannot stop a server: {e}"))?;
        let status = self.child.wait().map_err(|e| format!("cannot wait for a server: {e}"))?;
        if status.success() { Ok(()) } else { Err(format!("a server ended with {status}")) }
    }

    /// Ends it as `kill -9` does.
    pub(super) fn kill(mut self) -> Result<(), String> {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.map(drop).map_err(|e| format!("cannot kill a server: {e}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it cannot be killed it has ended already.
        if self.child.kill().is_ok() {
            self.child.wait().map(drop).unwrap_or_default();
        }
        if let Some(lines) = self.lines.take() {
            lines.join().unwrap_or_default();
        }
    }
}

/// Reads lines until one says where the server listens; what it said instead is the error.
fn wait_for_url(told: &Receiver<String>) -> Result<String, String> {
    let mut said = Vec::new();
    while let Ok(line) = told.recv_timeout(READY_WAIT_MAX) {
        if let Some(url) = line.trim().strip_prefix("listening on ") {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        said.push(line);
    }
    Err(format!("a server did not start; it said: {}", said.join("; ")))
}
