//! A proxy between browser and server that can lie about the log.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::site::{Reply, find, read_more};

/// What it makes of an answer: the request's path, and the body.
pub(super) type Lie = Box<dyn Fn(&str, String) -> String + Send + Sync>;

/// The proxy; its thread ends with the test program.
pub(super) struct Liar {
    pub(super) addr: SocketAddr,
    lie: Arc<Mutex<Option<Arc<Lie>>>>,
}

impl Liar {
    pub(super) fn before(server: SocketAddr) -> Liar {
        Liar::at(TcpListener::bind("127.0.0.1:0").expect("a free port"), server)
    }

    /// The same, where it listens already.
    pub(super) fn at(listener: TcpListener, server: SocketAddr) -> Liar {
        let addr = listener.local_addr().expect("it is bound");
        let lie: Arc<Mutex<Option<Arc<Lie>>>> = Arc::default();
        let shared = Arc::clone(&lie);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || pass(client, server, &shared));
            }
        });
        Liar { addr, lie }
    }

    /// From now on answers are changed so; or not at all.
    pub(super) fn tell(&self, lie: Option<Lie>) {
        *self.lie.lock().unwrap_or_else(PoisonError::into_inner) = lie.map(Arc::new);
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

/// One request and its answer; then the connection ends.
fn pass(mut client: TcpStream, server: SocketAddr, lie: &Mutex<Option<Arc<Lie>>>) {
    let mut request = Vec::new();
    let head_end = loop {
        if let Some(end) = find(&request, b"\r\n\r\n") {
            break end + 2;
        }
        if !read_more(&mut client, &mut request) {
            return;
        }
    };
    let head = String::from_utf8_lossy(&request[..head_end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
    });
    while request.len() < head_end + 2 + length.unwrap_or(0) && read_more(&mut client, &mut request)
    {
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let kept = head.lines().filter(|line| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !matches!(name.as_str(), "connection" | "accept-encoding")
    });
    let head: String = kept.map(|line| format!("{line}\r\n")).collect();
    if let Some(reply) = from_folder(&path) {
        drop(client.write_all(&reply));
        return;
    }
    let mut upstream = TcpStream::connect(server).expect("the server listens");
    let sent = [head.as_bytes(), b"connection: close\r\n\r\n", &request[head_end + 2..]].concat();
    if upstream.write_all(&sent).is_err() {
        return;
    }
    answer(&mut client, &mut upstream, &path, lie);
}

/// A script or the stylesheet as it is in the folder that `GRAVEN_UI` names, where it names one: what is changed there, a fault
/// on purpose as well, is tried without building the server.
fn from_folder(path: &str) -> Option<Vec<u8>> {
    let name = path.strip_prefix("/ui/assets/")?.split('/').next_back()?;
    let file = Path::new(&std::env::var_os("GRAVEN_UI")?).join(name);
    let kinds = [(".js", "text/javascript"), (".css", "text/css")];
    let (_, kind) = kinds.into_iter().find(|(end, _)| name.ends_with(end))?;
    let body = std::fs::read(file).ok()?;
    let head = format!(
        "HTTP/1.1 200 x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    Some([head.as_bytes(), &body].concat())
}

/// Passes the answer on as it comes, or where there is a lie about the log, what that makes of it.
fn answer(
    client: &mut TcpStream,
    upstream: &mut TcpStream,
    path: &str,
    lie: &Mutex<Option<Arc<Lie>>>,
) {
    let lie = lie.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(lie) = lie.filter(|_| path.starts_with("/api/")) else {
        // A page that has gone on does not wait for what it asked for.
        drop(std::io::copy(upstream, client));
        return;
    };
    let reply = Reply::read(upstream);
    let body = lie(path, reply.text()).into_bytes();
    let mut head = format!("HTTP/1.1 {} x\r\n", reply.status);
    for (name, value) in &reply.headers {
        if !matches!(name.as_str(), "connection" | "content-length" | "transfer-encoding") {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
    drop(client.write_all(&[head.as_bytes(), &body].concat()));
}
