//! The server under test, and its client: plain bytes over a socket, so that nothing is hidden.

use std::collections::BTreeSet;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use access::{Privilege, RateLimits, RelyingParty};
use log::{Cell, CellLimits, CellOptions, Env};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::TOKEN;
use crate::sealing::tests::{SITE_POLICY, open_sealing};
use crate::{
    Finders, Gate, GateOptions, Lakes, OidcOptions, Server, ServerLimits, ServerOptions, Tls,
};

/// The address that browsers know, as far as passkeys are concerned.
pub(super) const PUBLIC: &str = "http://localhost:7070";

/// A running server; stops when dropped.
pub(super) struct Site {
    pub(super) addr: SocketAddr,
    pub(super) cell: Cell,
    pub(super) gate: Arc<Gate>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    dir: TempDir,
    env: Env,
    demands: Demands,
}

/// What privileged things need.
#[derive(Clone, Default)]
pub(super) struct Demands {
    pub(super) four_eyes: BTreeSet<Privilege>,
    pub(super) strong_auth: BTreeSet<Privilege>,
    /// Who may embed views.
    pub(super) view_origins: Vec<String>,
    /// The address that browsers know, where it is not [`PUBLIC`].
    pub(super) public: Option<String>,
}

/// A request; by default with the good token.
pub(super) struct Ask<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: Vec<(&'a str, &'a str)>,
    pub(super) body: &'a [u8],
}

/// An answer, its body without chunk marks.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Site {
    /// Attempts at a webhook.
    pub(super) const WEBHOOK_ATTEMPTS: u32 = 8;

    pub(super) fn start() -> Site {
        Site::with_env(Env::real())
    }

    pub(super) fn with_limits(limits: ServerLimits) -> Site {
        Site::with(&Env::real(), limits, RateLimits::default(), Demands::default())
    }

    pub(super) fn with_rates(rates: RateLimits) -> Site {
        Site::with(&Env::real(), ServerLimits::default(), rates, Demands::default())
    }

    /// Whose gate goes by this clock and these random bytes.
    pub(super) fn with_env(env: Env) -> Site {
        Site::with_demands(env, Demands::default())
    }

    /// The same, on which privileged things need more than a token.
    pub(super) fn with_demands(env: Env, demands: Demands) -> Site {
        Site::with(&env, ServerLimits::default(), RateLimits::default(), demands)
    }

    /// On which these things need a second person.
    pub(super) fn with_four_eyes(four_eyes: BTreeSet<Privilege>) -> Site {
        Site::with_demands(Env::real(), Demands { four_eyes, ..Demands::default() })
    }

    /// The same, behind TLS: [`Site::ask`] does not reach it.
    pub(super) fn with_tls(env: &Env, tls: Tls) -> Site {
        Site::of(env, Some(tls), None)
    }

    /// The same, which believes an issuer.
    pub(super) fn with_oidc(env: &Env, oidc: OidcOptions) -> Site {
        Site::of(env, None, Some(oidc))
    }

    fn of(env: &Env, tls: Option<Tls>, oidc: Option<OidcOptions>) -> Site {
        let dir = TempDir::new().expect("a directory for data");
        let cell = open(dir.path(), CellLimits::default());
        let keys = dir.path().join("data/keys");
        let (public, is_secure) = (RelyingParty::parse(PUBLIC), tls.is_some());
        let options = GateOptions::new(TOKEN.to_owned(), keys);
        let options = GateOptions { oidc, public, is_secure, ..options };
        let gate = Arc::new(Gate::open(&cell, env, &options).expect("a good system log"));
        let limits = ServerLimits::default();
        let (addr, stop, thread) = serve(&cell, dir.path(), (limits, tls), Arc::clone(&gate));
        let (stop, thread, env) = (Some(stop), Some(thread), env.clone());
        Site { addr, cell, gate, stop, thread, dir, env, demands: Demands::default() }
    }

    fn with(env: &Env, limits: ServerLimits, rates: RateLimits, demands: Demands) -> Site {
        let dir = TempDir::new().expect("a directory for data");
        let cell = open(dir.path(), CellLimits::default());
        let gate = gate(&cell, env, dir.path(), (rates, &demands));
        let (addr, stop, thread) = serve(&cell, dir.path(), (limits, None), Arc::clone(&gate));
        let (stop, thread, env) = (Some(stop), Some(thread), env.clone());
        Site { addr, cell, gate, stop, thread, dir, env, demands }
    }

    /// Stops everything and starts it again on the same data with these limits of the log.
    pub(super) fn reopen(&mut self, limits: CellLimits) {
        self.stop();
        self.join();
        self.cell.stop();
        self.cell = open(self.dir.path(), limits);
        let rules = (RateLimits::default(), &self.demands);
        self.gate = gate(&self.cell, &self.env, self.dir.path(), rules);
        let (addr, stop, thread) = serve(
            &self.cell,
            self.dir.path(),
            (ServerLimits::default(), None),
            Arc::clone(&self.gate),
        );
        (self.addr, self.stop, self.thread) = (addr, Some(stop), Some(thread));
    }

    /// Asks the server to stop, without waiting for it.
    pub(super) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until the server has returned.
    pub(super) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server does not panic");
        }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        stream
    }

    pub(super) fn ask(&self, ask: &Ask<'_>) -> Reply {
        let mut stream = self.connect();
        // A server that refuses early may close before all is sent; its answer counts.
        drop(stream.write_all(&ask.bytes("connection: close\r\n")));
        Reply::read(&mut stream)
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        self.ask(&Ask::get(path))
    }

    pub(super) fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Reply {
        self.ask(&Ask::post(path, content_type, body))
    }

    /// Changes a byte in the middle of each file of a log that holds entries; gives the files.
    pub(super) fn damage(&self, log: &str) -> Vec<PathBuf> {
        let folder = self.dir.path().join("data/logs").join(log).join("segments");
        let files = std::fs::read_dir(folder)
            .expect("the log's folder")
            .map(|file| file.expect("a file").path());
        let parts: Vec<PathBuf> =
            files.filter(|file| file.extension().is_some_and(|kind| kind == "part")).collect();
        for part in &parts {
            let mut bytes = std::fs::read(part).expect("a part");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(part, bytes).expect("a part can be written");
        }
        parts
    }

    /// Where what is derived from `main` lies.
    pub(super) fn derived(&self) -> PathBuf {
        self.dir.path().join("data/derived/main")
    }

    /// Appends one event to `main` and returns its index.
    pub(super) fn append(&self, event: &str) -> u64 {
        let reply = self.post("/api/v1/logs/main/events", "application/json", event.as_bytes());
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["receipts"][0]["index"].as_u64().expect("an index")
    }

    /// The number of entries of `main`.
    pub(super) fn size(&self) -> u64 {
        self.cell.log("main").expect("the log that every server has").info().size.0
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop();
        self.join();
        self.cell.stop();
    }
}

impl<'a> Ask<'a> {
    pub(super) fn get(path: &'a str) -> Self {
        Ask { method: "GET", path, headers: vec![("authorization", BEARER)], body: b"" }
    }

    pub(super) fn post(path: &'a str, content_type: &'a str, body: &'a [u8]) -> Self {
        let headers = vec![("authorization", BEARER), ("content-type", content_type)];
        Ask { method: "POST", path, headers, body }
    }

    pub(super) fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same without a credential.
    pub(super) fn anonymous(mut self) -> Self {
        self.headers.retain(|(name, _)| *name != "authorization");
        self
    }

    /// The request as it goes over the wire.
    pub(super) fn bytes(&self, more_headers: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: test\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.extend([*name, ": ", *value, "\r\n"]);
        }
        if self.method == "POST" {
            head.extend(["content-length: ", &self.body.len().to_string(), "\r\n"]);
        }
        head.push_str(more_headers);
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body);
        bytes
    }
}

const BEARER: &str = "Bearer test-token";

impl Reply {
    /// Reads one answer.
    pub(super) fn read(stream: &mut impl Read) -> Reply {
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(end) = find(&bytes, b"\r\n\r\n") {
                break end;
            }
            assert!(read_more(stream, &mut bytes), "no answer, only {:?}", lossy(&bytes));
        };
        let head = lossy(&bytes[..head_end]);
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let status = status.parse().expect("a number");
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut reply = Reply { status, headers, body: bytes.split_off(head_end + 4) };
        reply.read_body(stream);
        reply
    }

    fn read_body(&mut self, stream: &mut impl Read) {
        if let Some(length) = self.header("content-length") {
            let length: usize = length.parse().expect("a number");
            while self.body.len() < length && read_more(stream, &mut self.body) {}
        } else if self.header("transfer-encoding").is_some() {
            while !self.body.ends_with(b"0\r\n\r\n") && read_more(stream, &mut self.body) {}
            self.body = unchunk(&self.body);
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self) -> String {
        lossy(&self.body)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }
}

/// The gate of the servers under test.
fn gate(cell: &Cell, env: &Env, dir: &Path, (rates, demands): (RateLimits, &Demands)) -> Arc<Gate> {
    let options = GateOptions::new(TOKEN.to_owned(), dir.join("data/keys"));
    let Demands { four_eyes, strong_auth, view_origins, public } = demands.clone();
    let public = RelyingParty::parse(public.as_deref().unwrap_or(PUBLIC));
    let options = GateOptions { rates, four_eyes, strong_auth, public, view_origins, ..options };
    Arc::new(Gate::open(cell, env, &options).expect("a good system log"))
}

/// The path below `shared` beside the checkout; without it the test is skipped, and says so.
///
/// With `CI=true` a skip fails unless the table of allowed skips in xtask names the test.
pub(super) fn shared(test: &str, below: &str) -> Option<PathBuf> {
    let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found =
        manifest_dir.ancestors().map(|dir| dir.join("shared").join(below)).find(|p| p.exists());
    if found.is_none() {
        println!("SKIP {test}: ../shared/{below} missing");
        let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
        let allowed = std::fs::read_to_string(manifest_dir.join("../../xtask/src/skips.rs"))
            .is_ok_and(|table| table.contains(&format!("\"{test}\"")));
        assert!(!strict || allowed, "{test} may not be skipped where CI=true");
    }
    found
}

fn open(data: &Path, limits: CellLimits) -> Cell {
    let options = CellOptions { limits, ..CellOptions::new(data.join("data")) };
    let (cell, _) = Cell::open(Env::real(), options).expect("a good data directory");
    cell
}

/// A server on a thread of its own: where it is, how to stop it, how to wait for it.
fn serve(
    cell: &Cell,
    dir: &Path,
    (limits, tls): (ServerLimits, Option<Tls>),
    gate: Arc<Gate>,
) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let sealing = open_sealing(&dir.join("data"), SITE_POLICY).expect("a keyring");
    cell.seal_with(Arc::clone(&sealing) as _);
    let sealing = Some(sealing);
    let finders = Finders::start(&dir.join("data/derived"), Arc::new(|_, _| {})).expect("threads");
    let finders = Some(Arc::new(finders));
    let lakes = Lakes::start(&dir.join("data/derived")).expect("threads").map(Arc::new);
    let limits = ServerLimits {
        webhook_time: Duration::from_secs(1),
        webhook_pause: Duration::from_millis(5),
        webhook_attempts_max: Site::WEBHOOK_ATTEMPTS,
        watch_every: Duration::from_millis(20),
        ..limits
    };
    let options = ServerOptions {
        limits,
        tls,
        sealing,
        finders,
        lakes,
        webhook_networks: "127.0.0.0/8".parse().expect("a network"),
        derived: Some(dir.join("data/derived")),
        ..ServerOptions::new(listen)
    };
    let server = Server::bind(cell.clone(), gate, options);
    let server = server.expect("a free port");
    let addr = server.local_addr();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let shutdown = async {
            drop(stopped.await);
        };
        runtime.block_on(server.run(shutdown)).expect("the server ran");
    });
    (addr, stop, thread)
}

pub(super) fn read_more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 16 * 1024];
    let count = stream.read(&mut buffer).unwrap_or(0);
    bytes.extend_from_slice(&buffer[..count]);
    count > 0
}

pub(super) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = find(bytes, b"\r\n") {
        let length = usize::from_str_radix(&lossy(&bytes[..end]), 16).expect("a chunk's length");
        let start = end + 2;
        if length == 0 || start + length > bytes.len() {
            break;
        }
        body.extend_from_slice(&bytes[start..start + length]);
        bytes = &bytes[(start + length + 2).min(bytes.len())..];
    }
    body
}
