//! A live server under all of the others' implementations: its tiles, its proofs, its export, its checkpoints.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use super::files::{self, Damage};
use super::http;
use super::kit::Kit;
use super::report::Report;
use super::vectors::VERIFIERS;
use super::verifiers::{Target, Verdict};
use super::witness::{self, Witness};

/// Events of each request: a single one, many that end within the first bundle, and more that end within the third.
const BATCHES: &[usize] = &[1, 253, 446];
/// The entry whose proof is checked.
const PROVED: u64 = 300;
/// What is done to copies of the export.
const DAMAGES: &[Damage] = &[
    Damage::Flip("checkpoint"),
    Damage::Flip("tile/entries/000"),
    Damage::Flip("tile/0/000"),
    Damage::Flip("tile/1/000.p/2"),
    Damage::Remove("tile/entries/001"),
];

/// A server of ours on loopback, with a new data directory; it ends with this.
pub(super) struct Server {
    process: Child,
    data: PathBuf,
    url: String,
    token: String,
}

/// Runs the part.
pub(super) fn run(kit: &Kit, report: &mut Report) -> Result<(), String> {
    let mut build = Command::new("cargo");
    build.args(["build", "--package", "graven"]).current_dir(&kit.root);
    if !kit.stages.run("build graven", &mut build)?.good {
        report.check("graven builds", Err("see above".to_owned()));
        return Ok(());
    }
    let server = Server::start(kit, "live", &[])?;
    let mut size = 0;
    for events in BATCHES {
        size = server.append(*events)?;
    }
    let checkpoint = server.published(size)?;
    server.verified(kit, report)?;
    exported(kit, report, &server)?;
    witnessed(kit, report, &server, &checkpoint)
}

impl Server {
    /// Starts one whose data lie in a folder of this name.
    pub(super) fn start(kit: &Kit, folder: &str, args: &[&str]) -> Result<Server, String> {
        let data = kit.folder(folder)?.join("data");
        let mut command = Command::new(binary(kit));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data).args(args);
        let process = witness::spawn(&mut command)?;
        // Made here, so that the process is killed where one of the files does not come.
        let mut server = Server { process, data, url: String::new(), token: String::new() };
        let file = |name: &str| witness::wait_until(name, || line_of(&server.data.join(name)));
        let (url, token) = (file("server.url")?, file("admin.token")?);
        server.token = token;
        server.url = url;
        let health = format!("{}/readyz", server.base());
        witness::wait_until("graven serve", || {
            http::send("GET", &health, &[], b"").ok().filter(|answer| answer.status == 200)
        })?;
        Ok(server)
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> Result<http::Response, String> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", kind)];
        http::send(method, &format!("{}{path}", self.base()), &headers, body)
    }

    fn get(&self, path: &str) -> Result<String, String> {
        let answer = self.send("GET", path, "text/plain", b"")?;
        witness::expect(&answer, 200)?;
        Ok(answer.body)
    }

    /// Its address, without a slash at the end.
    fn base(&self) -> &str {
        self.url.trim_end_matches('/')
    }

    /// Appends events and gives the log's size after them, as the last receipt says it.
    fn append(&self, events: usize) -> Result<u64, String> {
        const PATH: &str = "/api/v1/logs/main/events";
        let answer = self.send("POST", PATH, "application/x-ndjson", ndjson(events).as_bytes())?;
        witness::expect(&answer, 200)?;
        let size = size_after(&answer.body);
        size.ok_or_else(|| format!("no receipts in the answer: {}", answer.body))
    }

    /// Appends one event; its index, and the event as the entry has it.
    pub(super) fn append_one(&self, event: &str) -> Result<(u64, String), String> {
        let answer =
            self.send("POST", "/api/v1/logs/main/events", "application/json", event.as_bytes())?;
        witness::expect(&answer, 200)?;
        let size = size_after(&answer.body).ok_or("no receipt in the answer")?;
        let entry = self.get(&format!("/api/v1/logs/main/entries/{}", size - 1))?;
        let line = entry.lines().nth(1).ok_or("the entry has no event")?;
        Ok((size - 1, line.to_owned()))
    }

    /// The disclosure of one sealed value.
    pub(super) fn reveal(&self, index: u64, path: &str) -> Result<String, String> {
        let body = serde_json::json!({"path": path, "reason": "conformance"}).to_string();
        let route = format!("/api/v1/logs/main/entries/{index}/reveal");
        let answer = self.send("POST", &route, "application/json", body.as_bytes())?;
        witness::expect(&answer, 200)?;
        let answer: serde_json::Value =
            serde_json::from_str(&answer.body).map_err(|e| format!("the answer: {e}"))?;
        let disclosure = answer.get("disclosure").and_then(serde_json::Value::as_str);
        disclosure.map(str::to_owned).ok_or_else(|| format!("{path}: no disclosure in the answer"))
    }

    /// The published checkpoint, once it has this size: it may be a second behind.
    fn published(&self, size: u64) -> Result<String, String> {
        witness::wait_until("the published checkpoint", || {
            let text = self.get("/log/main/checkpoint").ok()?;
            (size_of(&text) == Some(size)).then_some(text)
        })
    }

    fn vkey(&self) -> PathBuf {
        self.data.join("logs/main/vkey")
    }

    /// Its tiles and a proof, read by others over HTTP.
    fn verified(&self, kit: &Kit, report: &mut Report) -> Result<(), String> {
        let place = format!("{}/log/main", self.base());
        let vkey = self.vkey();
        let target = Target { place: &place, vkey: &vkey, token: Some(&self.token) };
        for verifier in VERIFIERS {
            let verdict = target.verify_with(kit, verifier);
            report.check(
                &format!("{verifier} accepts the live server"),
                verdict.and_then(Verdict::accepted),
            );
        }
        let proof = kit.folder("live")?.join("entry.tlog-proof");
        let text = self.get(&format!("/api/v1/logs/main/entries/{PROVED}/proof"))?;
        files::write(&proof, text.as_bytes())?;
        let verdict = target.tlogverify(kit, Some(&proof));
        let accepted = verdict.and_then(Verdict::accepted);
        report.check("tlogverify accepts the server's proof", accepted);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it cannot be killed it has ended already.
        if self.process.kill().is_ok() {
            self.process.wait().map(drop).unwrap_or_default();
        }
    }
}

/// The static export is accepted by others, and refused once damaged.
fn exported(kit: &Kit, report: &mut Report, server: &Server) -> Result<(), String> {
    let export = kit.folder("export")?.join("log");
    let mut command = Command::new(binary(kit));
    command.args(["export", "--format", "tiles", "--url", &server.url, "--output"]).arg(&export);
    command.env("GRAVEN_TOKEN", &server.token);
    if !kit.stages.run("export", &mut command)?.good {
        report.check("graven exports tiles", Err("see above".to_owned()));
        return Ok(());
    }
    let vkey = server.vkey();
    for verifier in VERIFIERS {
        let verdict = folder_target(&export, &vkey).verify_with(kit, verifier);
        report
            .check(&format!("{verifier} accepts the export"), verdict.and_then(Verdict::accepted));
    }
    for (number, damage) in DAMAGES.iter().enumerate() {
        let copy = kit.folder(&format!("export-{number}"))?;
        files::copy_folder(&export, &copy)?;
        damage.apply(&copy)?;
        for verifier in VERIFIERS {
            let verdict = folder_target(&copy, &vkey).verify_with(kit, verifier);
            report.check(
                &format!("{verifier} refuses the export with {}", damage.name()),
                verdict.and_then(Verdict::refused),
            );
        }
    }
    Ok(())
}

/// A witness cosigns the server's checkpoint, and the next one by the server's consistency proof.
fn witnessed(kit: &Kit, report: &mut Report, server: &Server, first: &str) -> Result<(), String> {
    let Some(witness) = Witness::start(kit, "live-witness", report)? else { return Ok(()) };
    let vkey = line_of(&server.vkey()).ok_or("the server has written no vkey")?;
    witness.add_log(kit, &vkey)?;
    let cosigned = witness.submit(&witness::request(0, &[], first))?;
    report.check("litewitness cosigns the server's checkpoint", witness::expect(&cosigned, 200));
    let verified = witness::verify_cosignature(kit, first, &cosigned.body, &witness.vkey);
    report.check("our library verifies that cosignature", verified);
    let old = size_of(first).ok_or("the checkpoint has no size")?;
    let size = server.append(10)?;
    let next = server.published(size)?;
    let proof = server.get(&format!("/api/v1/logs/main/consistency?old={old}&new={size}"))?;
    let hashes = hashes_of(&proof).ok_or_else(|| format!("no hashes in the answer: {proof}"))?;
    let hashes: Vec<&str> = hashes.iter().map(String::as_str).collect();
    let cosigned = witness.submit(&witness::request(old, &hashes, &next))?;
    let extended = witness::expect(&cosigned, 200);
    report.check("litewitness cosigns the next by the server's consistency proof", extended);
    Ok(())
}

fn binary(kit: &Kit) -> PathBuf {
    kit.root.join("target/debug/graven")
}

fn folder_target<'a>(folder: &'a Path, vkey: &'a Path) -> Target<'a> {
    let place = folder.to_str().expect("paths below target/ are UTF-8");
    Target { place, vkey, token: None }
}

/// Events for one request, one a line.
fn ndjson(events: usize) -> String {
    let line = |n| {
        format!(
            "{{\"actor\":{{\"type\":\"service\",\"id\":\"conformance\"}},\"action\":\"conformance.append\",\
             \"data\":{{\"n\":{n}}}}}\n"
        )
    };
    (0..events).map(line).collect()
}

/// The first line of a file that is complete.
pub(super) fn line_of(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let (line, _) = text.split_once('\n')?;
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

/// The size in a checkpoint: its second line.
pub(super) fn size_of(checkpoint: &str) -> Option<u64> {
    checkpoint.lines().nth(1)?.parse().ok()
}

/// The size after an append: the last receipt's index and one.
pub(super) fn size_after(json: &str) -> Option<u64> {
    let answer: serde_json::Value = serde_json::from_str(json).ok()?;
    Some(answer.get("receipts")?.as_array()?.last()?.get("index")?.as_u64()? + 1)
}

/// The hashes of a consistency proof: the only array of strings in the answer.
pub(super) fn hashes_of(json: &str) -> Option<Vec<String>> {
    let answer: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).ok()?;
    let array = answer.values().find_map(serde_json::Value::as_array)?;
    array.iter().map(|hash| hash.as_str().map(str::to_owned)).collect()
}
