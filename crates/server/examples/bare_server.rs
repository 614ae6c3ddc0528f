//! The least that a durable HTTP intake does: the limit beside which appends over HTTP are measured.
//!
//! `cargo run --release -p graven-server --example bare_server -- DIRECTORY [hash]`
//!
//! The server's own stack (axum and hyper with the same settings of a connection), the same scanner over each event, and
//! all bodies that wait made permanent by one write as the store writes its frames. No numbering, headers, identities,
//! receipts or signatures. With `hash` it also hashes leaves and nodes of an RFC 6962 tree. It overwrites one file from its
//! start again and again, and serves until it is killed.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use env::{BLOCK_BYTES, Disk, DiskFile, OpenMode, RealDisk};
use graven_entry::check_event;
use graven_merkle::{Frontier, leaf_hash};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use server::limits::{BACKLOG_CONNECTIONS, BODY_BYTES_MAX, HEADER_BYTES_PARSED_MAX, ServerLimits};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tower::Service as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of the file that is written round and round.
const FILE_BYTES: u64 = 256 << 20;
/// How full a frame gets before it is written; one more body may still go in.
const FRAME_TARGET_BYTES: usize = 8 << 20;

/// One request's events, on their way to the disk.
struct Work {
    body: Vec<u8>,
    is_lines: bool,
    /// Answered with the number of its first event.
    reply: oneshot::Sender<u64>,
}

/// Where requests hand in their work.
type Intake = Sender<Work>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let directory = PathBuf::from(args.next().ok_or("name a directory to write to")?);
    let frontier = match args.next().as_deref() {
        None => None,
        Some("hash") => Some(Frontier::new()),
        Some(other) => return Err(format!("`{other}` is not `hash`").into()),
    };
    let disk = DurableFile::create(&directory.join("bare_server.tmp"))?;
    let (intake, work) = channel();
    std::thread::spawn(move || commit(&work, disk, frontier));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(intake))
}

async fn serve(intake: Intake) -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    socket2::SockRef::from(&listener).listen(BACKLOG_CONNECTIONS)?;
    writeln!(std::io::stderr(), "listening on http://{}", listener.local_addr()?)?;
    let router = Router::new().route("/events", post(append)).with_state(intake);
    let header_read = ServerLimits::default().header_read;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(connection(stream, router.clone(), header_read));
    }
}

async fn connection(stream: TcpStream, router: Router, header_read: Duration) {
    // As the server does: without it answers are only slower.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request: hyper::Request<Incoming>| router.clone().call(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_read)
        .max_header_size(HEADER_BYTES_PARSED_MAX)
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks off is its own affair.
    drop(connection.await);
}

async fn append(State(intake): State<Intake>, request: Request) -> Response {
    match accept(intake, request).await {
        Some(first) => answer(StatusCode::OK, format!("{{\"index\":{first}}}")),
        None => answer(StatusCode::BAD_REQUEST, String::new()),
    }
}

/// Checks a request's events and waits until they are permanent; none where they are not events.
async fn accept(intake: Intake, request: Request) -> Option<u64> {
    let kind = request.headers().get(header::CONTENT_TYPE)?;
    let is_lines = kind == "application/x-ndjson";
    let body: Vec<u8> = to_bytes(request.into_body(), BODY_BYTES_MAX).await.ok()?.into();
    for event in events(&body, is_lines) {
        check_event(event).ok()?;
    }
    let (reply, committed) = oneshot::channel();
    intake.send(Work { body, is_lines, reply }).ok()?;
    committed.await.ok()
}

fn answer(status: StatusCode, body: String) -> Response {
    let response = Response::builder().status(status);
    let response = response.header(header::CONTENT_TYPE, "application/json");
    response.body(Body::from(body)).expect("status and header are constants")
}

/// The events of a body: the whole, or one a line.
fn events(body: &[u8], is_lines: bool) -> impl Iterator<Item = &[u8]> {
    let whole = body.trim_ascii_end();
    whole.split(move |byte| is_lines && *byte == b'\n')
}

/// Takes all that waits, makes it permanent with one write, answers, and begins again.
fn commit(work: &Receiver<Work>, mut disk: DurableFile, mut frontier: Option<Frontier>) {
    let mut next = 0;
    let mut replies = Vec::new();
    while let Ok(first) = work.recv() {
        let mut waiting = Some(first);
        while let Some(Work { body, is_lines, reply }) = waiting {
            replies.push((reply, next));
            for event in events(&body, is_lines) {
                if let Some(frontier) = &mut frontier {
                    frontier.push(leaf_hash(event));
                }
                next += 1;
            }
            disk.push(&body);
            waiting = if disk.is_full() { None } else { work.try_recv().ok() };
        }
        disk.flush().expect("a disk that fails ends the measurement");
        for (reply, first) in replies.drain(..) {
            // A client that has gone needs no answer.
            reply.send(first).unwrap_or_default();
        }
    }
}

/// A frame in the making, and the file that it goes to.
struct DurableFile {
    file: Box<dyn DiskFile>,
    /// Writes need `sync_data`: the file system has no direct writes.
    is_cached: bool,
    /// Room for a frame at a block's start in memory, as direct writes want it.
    buffer: Vec<u8>,
    start: usize,
    used_bytes: usize,
    offset: u64,
}

impl DurableFile {
    fn create(path: &Path) -> Result<DurableFile, Box<dyn Error>> {
        let file = RealDisk.open(path, OpenMode::CreateNew)?;
        file.write_zeros_at(0, FILE_BYTES)?;
        file.sync_all()?;
        let opened = RealDisk.open_direct(path)?;
        let buffer = vec![0; FRAME_TARGET_BYTES + BODY_BYTES_MAX + 2 * BLOCK_BYTES];
        let start = buffer.as_ptr().align_offset(BLOCK_BYTES);
        let is_cached = opened.fallback.is_some();
        Ok(DurableFile { file: opened.file, is_cached, buffer, start, used_bytes: 0, offset: 0 })
    }

    fn push(&mut self, body: &[u8]) {
        let at = self.start + self.used_bytes;
        self.buffer[at..at + body.len()].copy_from_slice(body);
        self.used_bytes += body.len();
    }

    fn is_full(&self) -> bool {
        self.used_bytes >= FRAME_TARGET_BYTES
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let frame_bytes = self.used_bytes.next_multiple_of(BLOCK_BYTES);
        let frame = &mut self.buffer[self.start..self.start + frame_bytes];
        frame[self.used_bytes..].fill(0);
        if self.offset + frame_bytes as u64 > FILE_BYTES {
            self.offset = 0;
        }
        self.file.write_at(frame, self.offset)?;
        if self.is_cached {
            self.file.sync_data()?;
        }
        self.offset += frame_bytes as u64;
        self.used_bytes = 0;
        Ok(())
    }
}
