//! Producers: each sends one request at a time over its own connection, and after a crash the unanswered one again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use append::{AckLevel, Appended, Batch, Receipt, Sidecar, StreamClaim};
use graven_merkle::LeafIndex;
use graven_note::base64;
use serde_json::Value;
use sim::{History, Outcome, Sent, Violation, event};

use super::dice::Dice;
use super::http::{Address, Answer, Connection};

/// The log that everything goes to.
pub(crate) const LOG: &str = "main";
/// Requests of one producer between two faults.
const REQUESTS_MAX: u64 = 2_000;

/// How a producer hands its events in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One event a request.
    Single,
    /// Many, one a line.
    Lines,
    /// Many that continue a stream.
    Stream,
    /// A few, the first with a blob.
    Blob,
}

/// What everyone outside of the server knows together.
#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) history: Mutex<History>,
    /// Number of the next event.
    next: AtomicU64,
    /// Requests that had no answer, and how many of them turned out to be in the log.
    pub(crate) unanswered: AtomicU64,
    pub(crate) unanswered_there: AtomicU64,
}

/// One producer.
pub(crate) struct Producer {
    kind: Kind,
    dice: Dice,
    stream: String,
    next_seq: u64,
    blob_bytes_max: u64,
    /// Sent and not answered.
    pending: Option<Request>,
    /// The last that was answered.
    last: Option<Request>,
}

struct Request {
    numbers: Vec<u64>,
    batch: Batch,
}

/// What the server made of a request.
enum Reply {
    Appended(Appended),
    /// Nothing was written: a refusal that passes, by its status.
    Refused(u16),
}

impl Outside {
    /// Events whose receipts came.
    pub(crate) fn acked(&self) -> usize {
        self.acked_from(0)
    }

    /// Those of them from this number on.
    pub(crate) fn acked_from(&self, number: u64) -> usize {
        let is_acked = |sent: &Sent| matches!(sent.outcome, Outcome::Acked { .. });
        let history = self.history.lock().unwrap();
        history.sent.range(number..).filter(|(_, sent)| is_acked(sent)).count()
    }

    /// The number of the next event.
    pub(crate) fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }
}

impl Producer {
    pub(crate) fn new(kind: Kind, dice: Dice, blob_bytes_max: u64) -> Producer {
        let stream = format!("producer-{kind:?}").to_ascii_lowercase();
        Producer { kind, dice, stream, next_seq: 0, blob_bytes_max, pending: None, last: None }
    }

    /// Sends until a request stays without an answer, or is refused.
    pub(crate) fn run(&mut self, address: &Address, outside: &Outside) -> Result<(), Violation> {
        let Ok(mut connection) = Connection::open(address) else { return Ok(()) };
        for _ in 0..REQUESTS_MAX {
            let is_new = self.pending.is_none();
            let request = self.pending.take().unwrap_or_else(|| self.next(outside));
            match send(&mut connection, &request)? {
                Some(Reply::Appended(appended)) => {
                    self.take(request, &appended, outside, !is_new)?;
                }
                Some(Reply::Refused(_)) if is_new => {
                    self.forget(&request, outside);
                    return Ok(());
                }
                // Refused after it had no answer: as open as before.
                Some(Reply::Refused(_)) => {
                    self.pending = Some(request);
                    return Ok(());
                }
                None => {
                    if is_new {
                        outside.unanswered.fetch_add(1, Ordering::Relaxed);
                    }
                    self.pending = Some(request);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Sends again what has no answer, and the last that has one: its receipts must be the first ones.
    pub(crate) fn settle(&mut self, address: &Address, outside: &Outside) -> Result<(), Violation> {
        let stuck = |what: String| Violation::new("I9", what);
        let connection = Connection::open(address);
        let mut connection =
            connection.map_err(|error| stuck(format!("cannot connect: {error}")))?;
        let again = [(self.last.take(), false), (self.pending.take(), true)];
        for (request, was_open) in again {
            let Some(request) = request else { continue };
            match send(&mut connection, &request)? {
                Some(Reply::Appended(appended)) => {
                    self.take(request, &appended, outside, was_open)?;
                }
                Some(Reply::Refused(status)) => {
                    return Err(stuck(format!("sound again, it refuses with {status}")));
                }
                None => return Err(stuck("sound again, it gives no answer".to_owned())),
            }
        }
        Ok(())
    }

    /// Sends a new request, which has to be taken.
    pub(crate) fn demand(&mut self, address: &Address, outside: &Outside) -> Result<(), Violation> {
        self.pending = Some(self.next(outside));
        self.settle(address, outside)
    }

    /// Writes receipts down. A batch that is there in part would show here: some of its events had been recorded before.
    fn take(
        &mut self,
        request: Request,
        appended: &Appended,
        outside: &Outside,
        was_open: bool,
    ) -> Result<(), Violation> {
        let there = appended.receipts.iter().filter(|receipt| receipt.repeated).count();
        if there != 0 && there != appended.receipts.len() {
            let what = format!("{there} events of the batch {:?} were there", request.numbers);
            return Err(Violation::new("I2", what));
        }
        if was_open && there != 0 {
            outside.unanswered_there.fetch_add(1, Ordering::Relaxed);
        }
        let answer = Ok(appended.clone());
        outside.history.lock().unwrap().answered(&request.numbers, &answer)?;
        self.last = Some(request);
        Ok(())
    }

    /// What was refused at its first try must never be there.
    fn forget(&mut self, request: &Request, outside: &Outside) {
        let mut history = outside.history.lock().unwrap();
        for number in &request.numbers {
            history.sent.get_mut(number).expect("it was sent").outcome = Outcome::Refused;
        }
        if request.batch.stream.is_some() {
            self.next_seq -= request.numbers.len() as u64;
        }
    }

    fn next(&mut self, outside: &Outside) -> Request {
        let events = match self.kind {
            Kind::Single => 1,
            Kind::Blob => self.dice.between(1, 3),
            Kind::Lines | Kind::Stream => self.dice.between(2, 60),
        };
        let first = outside.next.fetch_add(events, Ordering::Relaxed);
        let numbers: Vec<u64> = (first..first + events).collect();
        let blob = (self.kind == Kind::Blob).then(|| {
            let byte = self.dice.roll() as u8;
            vec![byte; self.dice.between(1, self.blob_bytes_max) as usize]
        });
        let mut batch = Batch::default();
        let mut history = outside.history.lock().unwrap();
        for number in &numbers {
            let padding_bytes = self.dice.between(0, 600) as usize;
            let event = event(*number, padding_bytes);
            let blob = blob.clone().filter(|_| *number == first);
            batch.events.push(event.clone());
            let sent = Sent {
                log: LOG.to_owned(),
                event: event.into(),
                blob: blob.map(Into::into),
                outcome: Outcome::Unknown,
            };
            history.sent.insert(*number, sent);
        }
        batch.sidecars.extend(blob.map(|bytes| Sidecar::Blob { event: 0, bytes }));
        if self.kind == Kind::Stream {
            let first_seq = Some(self.next_seq);
            batch.stream = Some(StreamClaim { name: self.stream.clone(), first_seq });
            self.next_seq += events;
        }
        Request { numbers, batch }
    }
}

/// Sends a request; `None` where no answer came.
fn send(connection: &mut Connection, request: &Request) -> Result<Option<Reply>, Violation> {
    let (media_type, body) = body_of(&request.batch);
    let path = format!("/api/v1/logs/{LOG}/events");
    let Ok(answer) = connection.post(&path, media_type, &body) else { return Ok(None) };
    match answer.status {
        200 => appended(&answer, request.numbers.len()).map(|all| Some(Reply::Appended(all))),
        429 | 507 if answer.header("retry-after").is_some() => {
            Ok(Some(Reply::Refused(answer.status)))
        }
        // It is stopping: whether the events are there is open.
        503 if answer.header("retry-after").is_some() => Ok(None),
        status => {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            Err(Violation::new("I9", format!("a good request got {status}: {}{body}", answer.head)))
        }
    }
}

fn body_of(batch: &Batch) -> (&'static str, Vec<u8>) {
    let lines = batch.events.iter().flat_map(|event| [event, &b"\n"[..]].concat());
    if batch.stream.is_none() && batch.sidecars.is_empty() {
        return match batch.events.as_slice() {
            [event] => ("application/json", event.clone()),
            _ => ("application/x-ndjson", lines.collect()),
        };
    }
    let mut body = format!(r#"{{"graven":"batch/v1","events":{}"#, batch.events.len());
    if let Some(StreamClaim { name, first_seq: Some(first) }) = &batch.stream {
        body.push_str(&format!(r#","stream":"{name}","first_seq":{first}"#));
    }
    body.push_str("}\n");
    let mut body = body.into_bytes();
    body.extend(lines);
    for sidecar in &batch.sidecars {
        if let Sidecar::Blob { event, bytes } = sidecar {
            let line = format!("{{\"event\":{event},\"blob\":\"{}\"}}\n", base64::encode(bytes));
            body.extend(line.into_bytes());
        }
    }
    ("application/vnd.graven.batch", body)
}

/// The receipts of an answer.
fn appended(answer: &Answer, events: usize) -> Result<Appended, Violation> {
    let bad = |what: String| Violation::new("I1", format!("no receipt: {what}"));
    let value: Value =
        serde_json::from_slice(&answer.body).map_err(|error| bad(error.to_string()))?;
    let list = value["receipts"].as_array().filter(|list| list.len() == events);
    let list = list.ok_or_else(|| bad(format!("{events} events, and the answer {value}")))?;
    let receipts: Option<Vec<Receipt>> = list.iter().map(receipt).collect();
    Ok(Appended {
        checkpoint: value["checkpoint"].as_str().unwrap_or_default().to_owned(),
        receipts: receipts.ok_or_else(|| bad(value.to_string()))?,
        dropped: Vec::new(),
        proofs: Vec::new(),
        ack_reached: true,
    })
}

fn receipt(value: &Value) -> Option<Receipt> {
    Some(Receipt {
        index: LeafIndex(value["index"].as_u64()?),
        leaf_hash: value["leaf_hash"].as_str()?.parse().ok()?,
        time: value["time"].as_str()?.to_owned(),
        ack: AckLevel::Local,
        repeated: value["repeated"].as_bool().unwrap_or(false),
    })
}
