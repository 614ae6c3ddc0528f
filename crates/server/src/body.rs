//! Reading a request's body: bounded in bytes, lines, time and inflation, while it streams.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use append::{Code, Refusal};
use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::{HeaderMap, header};
use flate2::write::MultiGzDecoder;
use tokio::time::{Instant, timeout};

use crate::limits::{
    BODY_PIECES_MAX, BODY_WIRE_BYTES_MAX, DRAIN_BYTES_MAX, INFLATE_FREE_BYTES,
    INFLATE_HOLLOW_BYTES, INFLATE_RATIO_MAX, INFLATE_STEP_BYTES, ServerLimits,
};

/// How a body is encoded (RFC 9110 §8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
}

/// What a body may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyShape {
    pub(crate) encoding: Encoding,
    /// Bytes after decompression.
    pub(crate) bytes_max: usize,
    /// Lines of an NDJSON body, each of which is an event.
    pub(crate) lines_max: Option<usize>,
}

/// Memory for bodies that are being read, shared by all requests.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes_max: usize,
    bytes: AtomicUsize,
}

/// A share of the [`Budget`]; gives itself back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

/// A body that was read, with the memory that it counts for.
#[derive(Debug)]
pub(crate) struct ReadBody {
    pub(crate) bytes: Vec<u8>,
    /// Kept until the body's bytes are gone.
    pub(crate) _share: Share,
}

impl Budget {
    pub(crate) fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Budget { bytes_max, bytes: AtomicUsize::new(0) })
    }

    /// Bytes held now.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// An empty share.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), bytes: 0 }
    }
}

impl Share {
    /// Counts `bytes` more, or refuses them.
    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let before = self.budget.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before.saturating_add(bytes) <= self.budget.bytes_max {
            return Ok(());
        }
        let detail = format!(
            "bodies being read hold all of their {} bytes; send smaller batches or fewer at once",
            self.budget.bytes_max
        );
        Err(Refusal::new(Code::Busy, detail))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The encoding that the headers name; anything but gzip and identity is refused.
pub(crate) fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    let encoding = match values.next().map(|value| value.as_bytes().trim_ascii()) {
        None => Some(Encoding::Identity),
        Some(name) if name.eq_ignore_ascii_case(b"identity") => Some(Encoding::Identity),
        Some(name) if name.eq_ignore_ascii_case(b"gzip") => Some(Encoding::Gzip),
        Some(_) => None,
    };
    match (encoding, values.next()) {
        (Some(encoding), None) => Ok(encoding),
        _ => Err(Refusal::new(
            Code::UnsupportedType,
            "unknown content encoding; send the body plain or as one gzip",
        )
        .in_field("content-encoding")),
    }
}

/// Reads the whole body within its limits.
pub(crate) async fn read(
    body: &mut Body,
    headers: &HeaderMap,
    shape: BodyShape,
    limits: &ServerLimits,
    mut share: Share,
) -> Result<ReadBody, Refusal> {
    let announced_bytes = announced_bytes(headers, shape)?;
    let capacity_bytes = match shape.encoding {
        Encoding::Identity => announced_bytes.unwrap_or(0),
        Encoding::Gzip => 0,
    };
    // Memory follows what has arrived, so that an announcement alone costs next to nothing.
    let mut sink = Sink::new(shape, capacity_bytes.min(INFLATE_FREE_BYTES));
    let deadline = Instant::now() + limits.body_total;
    let mut pieces = 0;
    while let Some(bytes) = next_piece(body, deadline, limits).await? {
        pieces += 1;
        if pieces > BODY_PIECES_MAX {
            return Err(too_many_pieces());
        }
        sink.count_wire(bytes.len())?;
        let held_before = sink.decoded_bytes();
        for step in bytes.chunks(sink.step_bytes()) {
            sink.write(step)?;
            if sink.inflates() {
                tokio::task::consume_budget().await;
            }
        }
        share.grow(sink.decoded_bytes() - held_before)?;
    }
    let held_before = sink.decoded_bytes();
    let bytes = sink.finish()?;
    share.grow(bytes.len() - held_before)?;
    Ok(ReadBody { bytes, _share: share })
}

/// Reads what is left of a refused body and forgets it, so that a client that sends before it
/// reads gets to read its refusal. Bounded in bytes and time; then the connection is closed.
pub(crate) async fn drain(mut body: Body, limit: Duration) {
    let mut left_bytes = DRAIN_BYTES_MAX;
    let rest = async {
        while let Ok(Some(bytes)) = next_data(&mut body).await {
            match left_bytes.checked_sub(bytes.len()) {
                Some(left) => left_bytes = left,
                None => break,
            }
        }
    };
    // Running out of time ends the connection, which is all that there is to do.
    drop(timeout(limit, rest).await);
}

/// The length that the headers announce, refused at once where it is over the limit.
fn announced_bytes(headers: &HeaderMap, shape: BodyShape) -> Result<Option<usize>, Refusal> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<u64>().ok());
    let bytes_max = match shape.encoding {
        Encoding::Identity => shape.bytes_max,
        Encoding::Gzip => BODY_WIRE_BYTES_MAX,
    };
    match announced {
        Some(bytes) if bytes > bytes_max as u64 => Err(too_large(bytes_max)),
        Some(bytes) => Ok(Some(bytes as usize)),
        None => Ok(None),
    }
}

/// The next piece of the body within its time limits; `None` at its end.
async fn next_piece(
    body: &mut Body,
    deadline: Instant,
    limits: &ServerLimits,
) -> Result<Option<Bytes>, Refusal> {
    let left = deadline.saturating_duration_since(Instant::now());
    match timeout(limits.body_idle.min(left), next_data(body)).await {
        Ok(Ok(piece)) => Ok(piece),
        Ok(Err(_)) => Err(Refusal::new(
            Code::BadJson,
            "the body broke off before its announced end; send all of it",
        )
        .in_field("body")),
        Err(_) => Err(Refusal::new(
            Code::Timeout,
            format!(
                "the body did not end in time; pauses may last {} ms, all of it {} ms",
                limits.body_idle.as_millis(),
                limits.body_total.as_millis()
            ),
        )
        .in_field("body")),
    }
}

/// The next data frame; trailers are left aside.
async fn next_data(body: &mut Body) -> Result<Option<Bytes>, axum::Error> {
    loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(error),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// A body of more bytes than it may have.
pub(crate) fn too_large(bytes_max: usize) -> Refusal {
    let detail = format!("the body is over its limit of {bytes_max} bytes; split it");
    Refusal::new(Code::TooLarge, detail).in_field("body")
}

/// Takes pieces as they arrive and keeps them decoded.
enum Sink {
    Plain(Kept, usize),
    Gzip(Box<MultiGzDecoder<Kept>>, usize),
}

/// The decoded bytes, and the limits that they keep. `refusal` says why a write failed.
struct Kept {
    bytes: Vec<u8>,
    bytes_max: usize,
    lines: usize,
    lines_max: Option<usize>,
    wire_bytes: usize,
    inflates: bool,
    refusal: Option<Refusal>,
}

impl Sink {
    fn new(shape: BodyShape, capacity_bytes: usize) -> Self {
        let kept = Kept {
            bytes: Vec::with_capacity(capacity_bytes),
            bytes_max: shape.bytes_max,
            lines: 0,
            lines_max: shape.lines_max,
            wire_bytes: 0,
            inflates: shape.encoding == Encoding::Gzip,
            refusal: None,
        };
        match shape.encoding {
            Encoding::Identity => Sink::Plain(kept, shape.bytes_max),
            Encoding::Gzip => Sink::Gzip(Box::new(MultiGzDecoder::new(kept)), BODY_WIRE_BYTES_MAX),
        }
    }

    fn inflates(&self) -> bool {
        matches!(self, Sink::Gzip(..))
    }

    /// Bytes handed to one [`Sink::write`].
    fn step_bytes(&self) -> usize {
        if self.inflates() { INFLATE_STEP_BYTES } else { usize::MAX }
    }

    fn decoded_bytes(&self) -> usize {
        match self {
            Sink::Plain(kept, _) => kept.bytes.len(),
            Sink::Gzip(decoder, _) => decoder.get_ref().bytes.len(),
        }
    }

    /// Counts bytes as they arrived: also what decodes to nothing has a limit.
    fn count_wire(&mut self, bytes: usize) -> Result<(), Refusal> {
        let (kept, wire_bytes_max) = match self {
            Sink::Plain(kept, max) => (kept, *max),
            Sink::Gzip(decoder, max) => (decoder.get_mut(), *max),
        };
        let filled_bytes = kept.bytes.len() + kept.bytes.len() / 3;
        if kept.inflates && kept.wire_bytes > filled_bytes + INFLATE_HOLLOW_BYTES {
            return Err(hollow());
        }
        kept.wire_bytes += bytes;
        if kept.wire_bytes > wire_bytes_max {
            return Err(too_large(wire_bytes_max));
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        match self {
            Sink::Plain(kept, _) => kept.push(bytes),
            Sink::Gzip(decoder, _) => match decoder.write_all(bytes) {
                Ok(()) => Ok(()),
                Err(error) => {
                    Err(decoder.get_mut().refusal.take().unwrap_or_else(|| bad_gzip(&error)))
                }
            },
        }
    }

    fn finish(self) -> Result<Vec<u8>, Refusal> {
        match self {
            Sink::Plain(kept, _) => Ok(kept.bytes),
            Sink::Gzip(mut decoder, _) => match decoder.try_finish() {
                Ok(()) => Ok(std::mem::take(&mut decoder.get_mut().bytes)),
                Err(error) => {
                    Err(decoder.get_mut().refusal.take().unwrap_or_else(|| bad_gzip(&error)))
                }
            },
        }
    }
}

impl Kept {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let decoded_bytes = self.bytes.len() + bytes.len();
        if decoded_bytes > self.bytes_max {
            return Err(too_large(self.bytes_max));
        }
        if self.inflates
            && decoded_bytes > INFLATE_FREE_BYTES
            && decoded_bytes / INFLATE_RATIO_MAX > self.wire_bytes
        {
            let detail = format!(
                "the gzip body inflates more than {INFLATE_RATIO_MAX} times; send it less compressed"
            );
            return Err(Refusal::new(Code::TooLarge, detail).in_field("body"));
        }
        if let Some(lines_max) = self.lines_max {
            self.lines += bytes.iter().map(|byte| usize::from(*byte == b'\n')).sum::<usize>();
            if self.lines > lines_max {
                return Err(too_many_events(lines_max));
            }
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.push(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(refusal) => {
                self.refusal = Some(refusal);
                Err(io::Error::other("over a limit"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A batch of more events than one may hold.
pub(crate) fn too_many_events(events_max: usize) -> Refusal {
    let detail = format!("a batch holds at most {events_max} events; split it");
    Refusal::new(Code::TooLarge, detail).at_event(events_max).in_field("events")
}

fn hollow() -> Refusal {
    let detail = "the gzip body is larger than what is in it; send it plain, or as one member";
    Refusal::new(Code::TooLarge, detail).in_field("body")
}

fn too_many_pieces() -> Refusal {
    let detail = format!("the body comes in over {BODY_PIECES_MAX} pieces; send larger chunks");
    Refusal::new(Code::TooLarge, detail).in_field("body")
}

fn bad_gzip(error: &io::Error) -> Refusal {
    let detail = format!("the body is not whole gzip ({error}); compress it again");
    Refusal::new(Code::BadJson, detail).in_field("body")
}

#[cfg(test)]
#[path = "tests/body.rs"]
mod tests;
