//! Just enough HTTP for loopback: one request at a time, and a server of one folder.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::limits::{HTTP_BYTES_MAX, HTTP_READ_MAX, REQUEST_HEAD_BYTES_MAX};

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// The body, as text.
    pub(crate) body: String,
}

/// Sends one request and reads the answer to its end. HTTP/1.0, so that nobody answers in chunks.
pub(crate) fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Response, String> {
    let broken = |e: std::io::Error| format!("{method} {url}: {e}");
    let (host, path) = split_url(url)?;
    let mut stream = TcpStream::connect(host).map_err(broken)?;
    stream.set_read_timeout(Some(HTTP_READ_MAX)).map_err(broken)?;
    let mut head = vec![format!("{method} /{path} HTTP/1.0"), format!("Host: {host}")];
    head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
    head.push(format!("Content-Length: {}\r\n\r\n", body.len()));
    stream.write_all(head.join("\r\n").as_bytes()).map_err(broken)?;
    stream.write_all(body).map_err(broken)?;
    let mut answer = Vec::new();
    stream.take(HTTP_BYTES_MAX).read_to_end(&mut answer).map_err(broken)?;
    parse_response(&String::from_utf8_lossy(&answer))
        .ok_or_else(|| format!("{method} {url}: the answer is not HTTP"))
}

/// Host with port, and path without its first `/`.
fn split_url(url: &str) -> Result<(&str, &str), String> {
    let rest = url.strip_prefix("http://").ok_or_else(|| format!("{url}: not an http:// URL"))?;
    Ok(rest.split_once('/').unwrap_or((rest, "")))
}

/// Status and body of a whole answer.
pub(super) fn parse_response(text: &str) -> Option<Response> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some(Response { status, body: body.to_owned() })
}

/// Serves the files of one folder on loopback until it is dropped.
pub(super) struct FileServer {
    url: String,
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FileServer {
    /// Starts serving the folder.
    pub(super) fn start(folder: &Path) -> Result<FileServer, String> {
        let broken = |e: std::io::Error| format!("cannot listen on loopback: {e}");
        let listener = TcpListener::bind("127.0.0.1:0").map_err(broken)?;
        let address = listener.local_addr().map_err(broken)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (folder, stopped) = (folder.to_owned(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || serve(&listener, &folder, &stopped));
        Ok(FileServer { url: format!("http://{address}"), address, stop, thread: Some(thread) })
    }

    /// Its address, without a slash at the end.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // The connection wakes the thread; where it cannot be made the thread has ended already.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            // A panic of the thread has been printed; the verifier that it served has failed too.
            thread.join().unwrap_or_default();
        }
    }
}

/// Answers one connection after the other. A client that hangs up early is its own affair.
fn serve(listener: &TcpListener, folder: &Path, stopped: &AtomicBool) {
    for stream in listener.incoming() {
        if stopped.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(stream) = stream {
            answer(&stream, folder).unwrap_or_default();
        }
    }
}

fn answer(mut stream: &TcpStream, folder: &Path) -> std::io::Result<()> {
    stream.set_read_timeout(Some(HTTP_READ_MAX))?;
    let mut lines = BufReader::new(stream.take(REQUEST_HEAD_BYTES_MAX)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let file = requested_file(folder, &request).and_then(|path| std::fs::read(path).ok());
    let (status, body) = match file {
        Some(bytes) => ("200 OK", bytes),
        None => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// The file that a request line names; none for anything but a plain path below the folder.
pub(super) fn requested_file(folder: &Path, request: &str) -> Option<PathBuf> {
    let path = request.strip_prefix("GET /")?.split(' ').next()?;
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    path.split('/').all(plain).then(|| folder.join(path))
}
