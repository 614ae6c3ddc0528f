//! A directory with a server in it, and commands that are run there.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Patience with a server that is to end, and the pause between two looks.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// An event with an id; `n` makes it different from others.
pub(crate) fn event(n: u64) -> String {
    format!(
        r#"{{"id":"e-{n}","actor":{{"type":"user","id":"u-{}"}},"action":"invoice.update","data":{{"n":{n}}}}}"#,
        n % 7
    )
}

/// `count` events from `first` on, one a line.
pub(crate) fn events(first: u64, count: u64) -> String {
    (first..first + count).map(|n| event(n) + "\n").collect()
}

/// A directory of a test. Commands run in it, so that paths are short and nothing else is found.
pub(crate) struct Fixture {
    folder: TempDir,
    server: Option<Server>,
}

/// A running `graven serve`.
struct Server {
    child: Child,
    /// What it said until it listened.
    said: String,
    /// Reads what it says later, so that nothing of it blocks the server.
    later: JoinHandle<String>,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Fixture {
    /// Without a server.
    pub(crate) fn empty() -> Fixture {
        Fixture { folder: TempDir::new().unwrap(), server: None }
    }

    /// With a server on `graven-data`.
    pub(crate) fn serving() -> Fixture {
        let mut fixture = Fixture::empty();
        fixture.serve(&[]);
        fixture
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn serve(&mut self, args: &[&str]) -> String {
        let command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        let started = self.serve_by(command, args);
        started.unwrap_or_else(|(status, said)| panic!("the server ended: {status}: {said}"))
    }

    /// Starts the server by a command of [`Fixture::command`] or one around it; an error is how it ended and what it
    /// said.
    pub(crate) fn serve_by(
        &mut self,
        mut command: Command,
        args: &[&str],
    ) -> Result<String, (ExitStatus, String)> {
        assert!(self.server.is_none(), "a server runs already");
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        loop {
            let mut line = String::new();
            let read = lines.read_line(&mut line).unwrap();
            said.push_str(&line);
            if read == 0 {
                return Err((child.wait().unwrap(), said));
            }
            if line.starts_with("listening on ") {
                break;
            }
        }
        let later = std::thread::spawn(move || {
            lines.lines().map_while(Result::ok).map(|line| line + "\n").collect()
        });
        self.server = Some(Server { child, said: said.clone(), later });
        Ok(said)
    }

    /// Asks the server to stop and waits until it has; what it said after it listened.
    pub(crate) fn stop(&mut self) -> String {
        let said = self.server.as_ref().expect("a server runs").said.clone();
        let pid =
            rustix::process::Pid::from_raw(self.server_pid().cast_signed()).expect("no pid is 0");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let (status, later) = self.ended();
        assert!(status.success(), "{status:?} after {said}{later}");
        later
    }

    /// Waits until the server has ended; how, and what it said after it listened.
    pub(crate) fn ended(&mut self) -> (ExitStatus, String) {
        let mut server = self.server.take().expect("a server runs");
        let since = Instant::now();
        while server.child.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < PATIENCE, "the server does not end");
            std::thread::sleep(LOOK_EVERY);
        }
        (server.child.wait().unwrap(), server.later.join().unwrap())
    }

    /// Ends the server as a crash of the process would.
    pub(crate) fn kill(&mut self) {
        let mut server = self.server.take().expect("a server runs");
        server.child.kill().unwrap();
        server.child.wait().unwrap();
    }

    /// The running server's process.
    pub(crate) fn server_pid(&self) -> u32 {
        self.server.as_ref().expect("a server runs").child.id()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The URL of the running server.
    pub(crate) fn url(&self) -> String {
        self.read("graven-data/server.url").trim().to_owned()
    }

    /// The binary with these arguments, to be run in the directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_by(&[], args)
    }

    /// The same, run by another program that is given the command as its last arguments.
    pub(crate) fn command_by(&self, runner: &[&str], args: &[&str]) -> Command {
        let words = [runner, &[env!("CARGO_BIN_EXE_graven")]].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        let ours = std::env::vars_os().map(|(name, _)| name);
        for name in ours.filter(|name| name.to_string_lossy().starts_with("GRAVEN_")) {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).args(args).env("COLUMNS", "100");
        command
    }

    /// Runs a command with this standard input.
    pub(crate) fn run_with(&self, args: &[&str], stdin: &str) -> Ran {
        self.run_in(args, stdin, &[])
    }

    /// Runs a command with this standard input and environment.
    pub(crate) fn run_in(&self, args: &[&str], stdin: &str, variables: &[(&str, &str)]) -> Ran {
        let mut child = self
            .command(args)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let text = stdin.to_owned();
        // A command that does not read its input closes the pipe; that is no fault of the test.
        let writer = std::thread::spawn(move || drop(pipe.write_all(text.as_bytes())));
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ran {
            exit: status.code().expect("no signal ended it"),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    /// Runs a command that has to end with this exit code, with these snippets in its standard output and error; a
    /// snippet that starts with `!` must not be there.
    pub(crate) fn check(&self, args: &[&str], exit: i32, stdout: &[&str], stderr: &[&str]) -> Ran {
        self.check_with(args, "", exit, stdout, stderr)
    }

    /// The same, with standard input.
    pub(crate) fn check_with(
        &self,
        args: &[&str],
        stdin: &str,
        exit: i32,
        stdout: &[&str],
        stderr: &[&str],
    ) -> Ran {
        let ran = self.run_with(args, stdin);
        assert_eq!(ran.exit, exit, "graven {args:?} gave {ran:#?}");
        for (text, snippets) in [(&ran.stdout, stdout), (&ran.stderr, stderr)] {
            for snippet in snippets {
                match snippet.strip_prefix('!') {
                    Some(absent) => {
                        assert!(!text.contains(absent), "graven {args:?} has {absent:?}: {ran:#?}");
                    }
                    None => {
                        assert!(
                            text.contains(snippet),
                            "graven {args:?} lacks {snippet:?}: {ran:#?}"
                        );
                    }
                }
            }
        }
        ran
    }

    /// Runs a command that prints one JSON document.
    pub(crate) fn json(&self, args: &[&str], exit: i32) -> Value {
        let mut with_json = args.to_vec();
        with_json.push("--json");
        let ran = self.check(&with_json, exit, &[], &[]);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"))
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            drop(server.child.kill());
            drop(server.child.wait());
        }
    }
}
