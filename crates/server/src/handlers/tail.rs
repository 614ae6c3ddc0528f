//! The tail: a log's entries as server-sent events, from an index on and for as long as it is read; all, or those that a query
//! finds.

use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::{Context, Poll};

use access::{Asked, PrincipalId, Right, Slice};
use append::{Code, Refusal};
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use graven_entry::{Entry, Time, with_causes};
use graven_merkle::{LeafIndex, TreeSize};
use hyper::body::Frame;
use index::Doc;
use index::query::{Ast, matches};
use log::{LogHandle, ReadError};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;

use super::search::query;
use crate::call::{Call, parse_number};
use crate::gate::unauthenticated;
use crate::limits::{
    RECORD_RANGES_MAX, TAIL_BYTES_PER_READ, TAIL_ENTRIES_PER_READ, TAIL_LEFT_OUT_MAX,
    TAIL_QUEUE_ITEMS,
};
use crate::narrowing::may_see;
use crate::record::{Access, Outcome};
use crate::refusal::bad_query;
use crate::shared::Shared;
use crate::{json, problem};

/// What is sent, and what is said last.
struct TailBody {
    pieces: mpsc::Receiver<Bytes>,
    last: Arc<OnceLock<Bytes>>,
    is_over: bool,
    /// The tail's place among those open.
    _permit: OwnedSemaphorePermit,
    /// Its place among its principal's.
    _place: Place,
}

/// One of a principal's tails, which it may have only so many of.
struct Place {
    shared: Arc<Shared>,
    id: PrincipalId,
}

/// The task that reads the log for one client.
struct Tail {
    shared: Arc<Shared>,
    log: LogHandle,
    /// What was shown and is not recorded yet.
    shown: Vec<Range<u64>>,
    next: u64,
    /// The index after the last one that the client knows of, sent or left out.
    told: u64,
    filter: Arc<Filter>,
    pieces: mpsc::Sender<Bytes>,
    /// Whose tail it is, as its record tells.
    access: Access,
    id: PrincipalId,
    /// When the credential that opened it ends.
    until: Option<Time>,
    /// That of the session which opened it, and ends it.
    cookie: Option<Vec<u8>>,
}

/// Why a tail ended.
enum End {
    /// The client is gone, or the server stops: nothing to say.
    Quiet,
    /// Said to the client in a last `event: error`.
    Refused(Refusal),
}

/// What a tail is of.
struct Filter {
    query: Ast,
    /// When it was asked.
    now_ns: u64,
}

/// Entries that were read: what is sent of them, and the index after the last.
struct Piece {
    bytes: Vec<u8>,
    /// The indexes of those that are sent.
    shown: Vec<Range<u64>>,
    next: u64,
    /// As it will be when this is sent.
    told: u64,
}

/// `GET …/tail`: `id` is the index, `data` the entry as JSON.
pub(crate) fn tail(call: &Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let next = start(call, log.size())?;
    let filter = Arc::new(Filter { query: query(call)?, now_ns: call.shared.gate.now().unix_ns() });
    let Ok(permit) = Arc::clone(&call.shared.tails).try_acquire_owned() else {
        let detail = format!(
            "{} tails are open, as many as this server allows; close one",
            call.shared.limits.tail_streams_max
        );
        return Err(Refusal::new(Code::Busy, detail).retry_after(5));
    };
    let id = call.principal()?.id.clone();
    let place = Place::take(&call.shared, &id)?;
    let (sender, pieces) = mpsc::channel(TAIL_QUEUE_ITEMS);
    let last = Arc::new(OnceLock::new());
    let body = TailBody {
        pieces,
        last: Arc::clone(&last),
        is_over: false,
        _permit: permit,
        _place: place,
    };
    let access = Access {
        actor: id.to_string(),
        action: "graven.read",
        outcome: Outcome::Success,
        target: ("log", log.name().to_string()),
        reason: None,
        detail: "tail, at its end",
        address: call.source(),
    };
    let shared = Arc::clone(&call.shared);
    let until = call.principal()?.until;
    let cookie = shared.gate.sign_in.cookie(&call.parts.headers).map(<[u8]>::to_vec);
    let shown = Vec::new();
    let (told, pieces) = (next, sender);
    let task = Tail { shared, log, shown, next, told, filter, pieces, access, id, until, cookie };
    // Ends with the client, whose going away closes the channel, or with the server.
    drop(tokio::spawn(task.run(last)));
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The first index to send: after `Last-Event-ID`, else `from`, else the first that is yet to come.
fn start(call: &Call, size: TreeSize) -> Result<u64, Refusal> {
    let last_id = call.parts.headers.get("last-event-id");
    let (name, start) = match last_id.and_then(|value| value.to_str().ok()) {
        Some(text) => ("last-event-id", parse_number("last-event-id", text)? + 1),
        None => ("from", call.query_number("from")?.unwrap_or(size.0)),
    };
    if start > size.0 {
        let detail = format!("the log has {size} entries: index {start} is past the next");
        return Err(bad_query(name, &detail));
    }
    Ok(start)
}

impl Tail {
    async fn run(mut self, last: Arc<OnceLock<Bytes>>) {
        let mut stopping = self.shared.stopping.clone();
        let end = tokio::select! {
            end = self.follow() => end,
            _ = stopping.wait_for(|stops| *stops) => End::Quiet,
        };
        // What was shown is known now, and the opening is recorded already: a tail of `system` must not feed itself.
        self.record();
        if let End::Refused(refusal) = end {
            let status = problem::status(refusal.code);
            let document = problem::document(&refusal, status);
            let mut piece = b"event: error\ndata: ".to_vec();
            piece.extend_from_slice(&document);
            piece.push(b'\n');
            // Nobody else sets it; the body looks once the channel is closed, by the drop of `self`.
            last.get_or_init(|| Bytes::from(piece));
        }
    }

    async fn follow(&mut self) -> End {
        loop {
            let size = match self.wait().await {
                Ok(size) => size,
                Err(end) => return end,
            };
            while self.next < size.0 {
                let piece = match self.read(size.0).await {
                    Ok(piece) => piece,
                    Err(refusal) => return End::Refused(refusal),
                };
                (self.next, self.told) = (piece.next, piece.told);
                self.show(piece.shown);
                // An empty piece would end the body.
                if !piece.bytes.is_empty()
                    && let Err(end) = self.send(Bytes::from(piece.bytes)).await
                {
                    return end;
                }
            }
        }
    }

    fn show(&mut self, shown: Vec<Range<u64>>) {
        for range in shown {
            match self.shown.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => self.shown.push(range),
            }
        }
        if self.shown.len() >= RECORD_RANGES_MAX {
            self.record();
        }
    }

    /// For the record: what was shown so far.
    fn record(&mut self) {
        for range in self.shown.drain(..) {
            self.shared.records.add(self.access.clone(), 0, Some(range));
        }
    }

    /// Waits until there is something to send, with a sign of life now and then.
    async fn wait(&mut self) -> Result<TreeSize, End> {
        loop {
            let more = self.log.wait_past(TreeSize(self.next));
            if let Ok(size) = timeout(self.shared.limits.tail_heartbeat, more).await {
                return Ok(size);
            }
            let mut piece = Vec::new();
            tell(&mut piece, &mut self.told, self.next);
            if piece.is_empty() {
                piece.extend_from_slice(b": still here\n\n");
            }
            self.send(Bytes::from(piece)).await?;
        }
    }

    /// Reads on, if its principal still may: a credential that is revoked or expires ends what it opened.
    async fn read(&self, size: u64) -> Result<Piece, Refusal> {
        let (right, log) = (Right::ReadEntries, Some(self.log.name().as_str()));
        let asked = Asked { right, log, stream: None };
        if self.until.is_some_and(|until| until <= self.shared.gate.now()) {
            let detail = "the credential that opened the tail has expired; resume with a new one";
            return Err(Refusal::new(Code::Unauthenticated, detail));
        }
        self.shared.gate.authorise(&self.id, &asked, self.log.is_public())?;
        if let Some(cookie) = &self.cookie
            && self.shared.gate.session(cookie).is_none()
        {
            return Err(unauthenticated("the session has ended; sign in again"));
        }
        let slice = self.shared.gate.slice(&self.id, right, self.log.name().as_str());
        let (log, filter) = (self.log.clone(), Arc::clone(&self.filter));
        let range = self.next..size.min(self.next + TAIL_ENTRIES_PER_READ);
        let told = self.told;
        let read = move || read_entries(&log, range, told, (&slice, &*filter));
        let piece = self.shared.blocking(read).await?;
        piece.map_err(|error| {
            tracing::error!(error = %with_causes(&error), "a tail could not read on");
            Refusal::from(&error)
        })
    }

    async fn send(&self, piece: Bytes) -> Result<(), End> {
        match timeout(self.shared.limits.tail_stall, self.pieces.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Quiet),
            Err(_) => {
                self.shared.counters.tail_dropped();
                let detail = "the reader is too slow and was dropped; resume after the last id";
                Err(End::Refused(Refusal::new(Code::Busy, detail)))
            }
        }
    }
}

impl Place {
    fn take(shared: &Arc<Shared>, id: &PrincipalId) -> Result<Place, Refusal> {
        let tails_max = shared.limits.principal_tails_max;
        let mut tails = shared.tails_of.lock().unwrap_or_else(PoisonError::into_inner);
        let open = tails.entry(id.clone()).or_default();
        if *open >= tails_max {
            let detail = format!("you have {tails_max} tails open, as many as you may; close one");
            return Err(Refusal::new(Code::Busy, detail).retry_after(5));
        }
        *open += 1;
        Ok(Place { shared: Arc::clone(shared), id: id.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut tails = self.shared.tails_of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = tails.get_mut(&self.id) {
            *open -= 1;
            if *open == 0 {
                tails.remove(&self.id);
            }
        }
    }
}

/// Reads the entries of a range, or until there are enough bytes for one piece, without those that policies do not show or the
/// query does not find.
fn read_entries(
    log: &LogHandle,
    range: Range<u64>,
    mut told: u64,
    (slice, filter): (&Slice, &Filter),
) -> Result<Piece, ReadError> {
    let (mut bytes, mut shown) = (Vec::new(), Vec::new());
    let mut next = range.start;
    while next < range.end && bytes.len() < TAIL_BYTES_PER_READ {
        let entry = log.entry(LeafIndex(next))?;
        if may_see(slice, &entry) && filter.finds(LeafIndex(next), &entry)? {
            tell(&mut bytes, &mut told, next);
            push_event(&mut bytes, LeafIndex(next), &String::from_utf8_lossy(&entry));
            extend(&mut shown, next);
            told = next + 1;
        }
        next += 1;
    }
    if next - told >= TAIL_LEFT_OUT_MAX {
        tell(&mut bytes, &mut told, next);
    }
    Ok(Piece { bytes, shown, next, told })
}

/// Says that what is before `next`, and was not sent, is left out: an id without data, from which a client resumes.
fn tell(out: &mut Vec<u8>, told: &mut u64, next: u64) {
    if *told < next {
        out.extend_from_slice(format!("id: {}\n\n", next - 1).as_bytes());
        *told = next;
    }
}

impl Filter {
    fn finds(&self, index: LeafIndex, entry: &[u8]) -> Result<bool, ReadError> {
        if self.query == Ast::All {
            return Ok(true);
        }
        let entry = Entry::parse(entry)
            .map_err(|error| ReadError::Malformed { index, why: error.to_string() })?;
        Ok(matches(&Doc::new(&entry), &self.query, self.now_ns))
    }
}

/// Takes in one more index.
fn extend(shown: &mut Vec<Range<u64>>, index: u64) {
    match shown.last_mut() {
        Some(last) if last.end == index => last.end += 1,
        _ => shown.push(index..index + 1),
    }
}

fn push_event(out: &mut Vec<u8>, index: LeafIndex, entry: &str) {
    out.extend_from_slice(format!("id: {index}\ndata: ").as_bytes());
    json::push_entry(out, index, entry);
    out.extend_from_slice(b"\n\n");
}

impl HttpBody for TailBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.pieces.poll_recv(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(piece)) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            Poll::Ready(None) if self.is_over => Poll::Ready(None),
            Poll::Ready(None) => {
                self.is_over = true;
                let last = self.last.get().cloned();
                Poll::Ready(last.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }
}
