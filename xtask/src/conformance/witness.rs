//! Torchwood's `litewitness` as a witness: it cosigns what extends what it has seen, and refuses the rest.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::files;
use super::http::{self, Response};
use super::kit::Kit;
use super::report::Report;
use crate::limits::{READY_POLL, READY_WAIT_MAX};
use crate::stage;

/// The witness's name, and its key's.
const NAME: &str = "witness.test/w1";

/// Fails where one of OpenSSH's programs is missing; run by `sh`.
const FIND_OPENSSH: &str = "command -v ssh-agent && command -v ssh-add && command -v ssh-keygen";

/// A witness on loopback, with its own key in its own agent; both end with it.
pub(super) struct Witness {
    /// Its verifier key, of type 0x04.
    pub(super) vkey: String,
    url: String,
    database: PathBuf,
    processes: Vec<Child>,
    /// Where the agent's socket lies: a socket's path may have 107 bytes, which a checkout's may take up alone.
    _socket: TempDir,
}

/// Runs the part on the logs of `../shared/vectors/tlog`, of which each extends the one before.
pub(super) fn run(kit: &Kit, report: &mut Report) -> Result<(), String> {
    let Some(vectors) = kit.shared("vectors/tlog") else {
        report.skip("conformance-witness: ../shared/vectors/tlog missing");
        return Ok(());
    };
    let Some(witness) = Witness::start(kit, "witness", report)? else { return Ok(()) };
    let vkey = files::read_text(&vectors.join("log.vkey"))?;
    let first = files::read_text(&vectors.join("log-1/checkpoint"))?;
    let body = request(0, &[], &first);
    report.check("litewitness does not know the log", expect(&witness.submit(&body)?, 404));
    witness.add_log(kit, vkey.trim())?;
    let cosigned = witness.submit(&body)?;
    report.check("litewitness cosigns a first checkpoint", expect(&cosigned, 200));
    report.check(
        "our library verifies its cosignature",
        verify_cosignature(kit, &first, &cosigned.body, &witness.vkey),
    );
    let other = with_other_time(&cosigned.body);
    let refused = match verify_cosignature(kit, &first, &other, &witness.vkey) {
        Ok(()) => Err("accepted".to_owned()),
        Err(_) => Ok(()),
    };
    report.check("our library refuses it with another time", refused);
    let next = files::read_text(&vectors.join("add-checkpoint-5.txt"))?;
    report.check("litewitness cosigns what extends it", expect(&witness.submit(&next)?, 200));
    let again = witness.submit(&next)?;
    report.check("litewitness says which size it has", expect_body(&again, 409, "5\n"));
    let third = files::read_text(&vectors.join("log-600/checkpoint"))?;
    let unproved = request(5, &["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="], &third);
    report.check("litewitness refuses a wrong proof", expect(&witness.submit(&unproved)?, 422));
    let forged = request(5, &[], &third.replacen("\n600\n", "\n601\n", 1));
    report.check("litewitness refuses a forged size", expect(&witness.submit(&forged)?, 403));
    Ok(())
}

impl Witness {
    /// Starts one; none, with a skip, where OpenSSH's agent is missing.
    pub(super) fn start(
        kit: &Kit,
        name: &str,
        report: &mut Report,
    ) -> Result<Option<Witness>, String> {
        if !stage::installed("sh", &["-c", FIND_OPENSSH]) {
            report.skip(
                "conformance: install openssh-client: the witness keeps its key in ssh-agent",
            );
            return Ok(None);
        }
        let folder = kit.folder(name)?;
        let key = folder.join("key");
        let key_text = path_text(&key);
        let socket_folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
        let socket = socket_folder.path().join("agent");
        run_quietly(
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", key_text]),
        )?;
        let agent = spawn(Command::new("ssh-agent").args(["-D", "-a", path_text(&socket)]))?;
        let address = free_address()?;
        // Made here, so that the agent is killed where something after it fails.
        let mut witness = Witness {
            vkey: String::new(),
            url: format!("http://{address}"),
            database: folder.join("witness.db"),
            processes: vec![agent],
            _socket: socket_folder,
        };
        wait_until("ssh-agent", || socket.exists().then_some(()))?;
        run_quietly(Command::new("ssh-add").args(["-q", key_text]).env("SSH_AUTH_SOCK", &socket))?;
        let mut command = kit.program("litewitness");
        command.args(["-name", NAME, "-key", &fingerprint(&key)?, "-listen", &address]);
        command.arg("-db").arg(&witness.database).arg("-ssh-agent").arg(&socket);
        witness.processes.push(spawn(&mut command)?);
        let look = || http::send("GET", &witness.url, &[], b"").ok();
        let page = wait_until("litewitness", look)?.body;
        let vkey = page.lines().find(|line| line.starts_with(&format!("{NAME}+")));
        vkey.ok_or("litewitness does not tell its key on its page")?.clone_into(&mut witness.vkey);
        Ok(Some(witness))
    }

    /// Makes it know a log by its verifier key, whose name is the origin.
    pub(super) fn add_log(&self, kit: &Kit, vkey: &str) -> Result<(), String> {
        let origin = vkey.split('+').next().unwrap_or_default();
        let mut command = kit.program("witnessdb");
        run_quietly(command.arg(&self.database).args([origin, vkey]))
    }

    /// Hands in an `add-checkpoint` body.
    pub(super) fn submit(&self, body: &str) -> Result<Response, String> {
        http::send("POST", &format!("{}/add-checkpoint", self.url), &[], body.as_bytes())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            // Where it cannot be killed it has ended already.
            if process.kill().is_ok() {
                process.wait().map(drop).unwrap_or_default();
            }
        }
    }
}

/// An `add-checkpoint` body (C2SP tlog-witness): the size that the witness has, the proof from there, the checkpoint.
pub(super) fn request(old_size: u64, proof: &[&str], checkpoint: &str) -> String {
    let mut body = format!("old {old_size}\n");
    for hash in proof {
        body.push_str(hash);
        body.push('\n');
    }
    body + "\n" + checkpoint
}

/// An error unless the answer has this status.
pub(super) fn expect(response: &Response, status: u16) -> Result<(), String> {
    if response.status == status {
        return Ok(());
    }
    Err(format!("status {}, not {status}: {}", response.status, response.body.trim()))
}

/// Has our library verify a witness's signature lines on a checkpoint.
pub(super) fn verify_cosignature(
    kit: &Kit,
    checkpoint: &str,
    lines: &str,
    vkey: &str,
) -> Result<(), String> {
    let file = kit.folder("cosigned")?.join("checkpoint");
    files::write(&file, format!("{checkpoint}{lines}").as_bytes())?;
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--package", "xtask", "--example", "cosigned", "--"]);
    command.arg(&file).arg(vkey).current_dir(&kit.root);
    let outcome = kit.stages.run_quiet("cosigned", &mut command)?;
    if outcome.good { Ok(()) } else { Err(outcome.output.trim().to_owned()) }
}

/// The signature line with the last bit of its time flipped: the 16th base64 character after key id (4 bytes) and time
/// (8 bytes) ends exactly there.
pub(super) fn with_other_time(line: &str) -> String {
    let start = line.rfind(' ').map_or(0, |space| space + 1);
    let mut changed = line.to_owned();
    let at = start + 15;
    let other = if line[at..].starts_with('A') { "B" } else { "A" };
    changed.replace_range(at..=at, other);
    changed
}

fn expect_body(response: &Response, status: u16, body: &str) -> Result<(), String> {
    expect(response, status)?;
    if response.body == body { Ok(()) } else { Err(format!("body {:?}", response.body)) }
}

/// The key's fingerprint as `ssh-keygen -l` prints it: `256 SHA256:… comment (ED25519)`.
fn fingerprint(key: &Path) -> Result<String, String> {
    let output = Command::new("ssh-keygen").args(["-l", "-f", path_text(key)]).output();
    let output = output.map_err(|e| format!("cannot run ssh-keygen: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text.split(' ').nth(1).map(str::to_owned);
    found.ok_or_else(|| "ssh-keygen gives no fingerprint".to_owned())
}

/// An address on loopback that was free a moment ago.
pub(super) fn free_address() -> Result<String, String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0");
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|a| a.to_string()).map_err(|e| format!("no free port on loopback: {e}"))
}

/// Starts a process that runs until it is killed, and says nothing.
pub(super) fn spawn(command: &mut Command) -> Result<Child, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().map_err(|e| format!("cannot run `{program}`: {e}"))
}

/// Looks until there is something, or for as long as anything may take to become ready.
pub(super) fn wait_until<T>(name: &str, look: impl Fn() -> Option<T>) -> Result<T, String> {
    let started = Instant::now();
    while started.elapsed() < READY_WAIT_MAX {
        if let Some(found) = look() {
            return Ok(found);
        }
        std::thread::sleep(READY_POLL);
    }
    Err(format!("{name} was not ready within {} s", READY_WAIT_MAX.as_secs()))
}

fn run_quietly(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|e| format!("cannot run `{program}`: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("`{program}`: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("paths of the checkout and of temporary folders are UTF-8")
}
