//! Following a log: server-sent events, resumed where the connection breaks.

use std::io::{BufRead, BufReader, Read};

use graven_entry::Header;
use graven_merkle::{Hash, LeafIndex, leaf_hash};
use ureq::BodyReader;

use crate::ClientError;
use crate::answer;
use crate::limits::{RETRIES_MAX, TAIL_LINE_BYTES_MAX};
use crate::path::escape;
use crate::transport::{Request, Transport};

/// One entry of a tail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailEntry {
    /// Its index.
    pub index: LeafIndex,
    /// Its exact bytes.
    pub entry: Vec<u8>,
}

/// The entries of a log from an index on, without end: it waits for new ones.
///
/// Indexes come without a gap but where the server says that it leaves entries out ([`Tail::left_out`]), and each entry's `prev`
/// is checked against the entry before, if that came too; that the entries are under a signed checkpoint is not checked here. A
/// broken connection is resumed a bounded number of times without progress.
pub struct Tail {
    transport: Transport,
    log_path: String,
    /// What they have to match; without one all come.
    query: Option<String>,
    next: LeafIndex,
    left_out: u64,
    /// The leaf hash of the entry before `next`, if that was read.
    prev: Option<Hash>,
    lines: Option<BufReader<BodyReader<'static>>>,
    /// Connections since the last entry came.
    connections: u32,
}

impl Tail {
    pub(crate) fn new(
        transport: Transport,
        log_path: String,
        from: LeafIndex,
        query: Option<&str>,
    ) -> Tail {
        let (query, next) = (query.map(str::to_owned), from);
        let (left_out, prev, lines, connections) = (0, None, None, 0);
        Tail { transport, log_path, query, next, left_out, prev, lines, connections }
    }

    /// How many entries the server left out: the query does not find them, or the reader may not see them.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The index of the entry that comes next.
    pub fn next_index(&self) -> LeafIndex {
        self.next
    }

    fn read_next(&mut self) -> Result<TailEntry, ClientError> {
        loop {
            let data = match self.read_data() {
                Ok(Some(data)) => data,
                // The server ended the stream, or the connection broke: resume after the last entry.
                Ok(None) => continue,
                Err(error @ ClientError::BrokenOff { .. }) if self.connections > RETRIES_MAX => {
                    return Err(error);
                }
                Err(ClientError::BrokenOff { .. }) => continue,
                Err(error) => return Err(error),
            };
            let entry = self.accept(&data)?;
            self.connections = 0;
            return Ok(entry);
        }
    }

    /// The data of the next server-sent event; `None` where the stream ended. After `None` and after an error
    /// the next call connects again.
    fn read_data(&mut self) -> Result<Option<String>, ClientError> {
        let mut lines = match self.lines.take() {
            Some(lines) => lines,
            None => self.connect()?,
        };
        let (mut data, mut id) = (String::new(), None);
        let mut is_error = false;
        loop {
            let mut line = Vec::new();
            let limited = (&mut lines).take(TAIL_LINE_BYTES_MAX).read_until(b'\n', &mut line);
            let read = limited.map_err(|source| ClientError::BrokenOff {
                url: self.transport.url().to_owned(),
                source,
            })?;
            if read == 0 {
                return self.ended();
            }
            let line = String::from_utf8_lossy(&line);
            match line.trim_end_matches(['\r', '\n']).split_once(':') {
                Some(("data", value)) => data.push_str(value.strip_prefix(' ').unwrap_or(value)),
                Some(("event", value)) => is_error = value.trim() == "error",
                Some(("id", value)) => id = value.trim().parse().ok(),
                Some(_) => {}
                None if is_error => {
                    return Err(self.unexpected(format!("the server ended it: {data}")));
                }
                None if !data.is_empty() => {
                    self.lines = Some(lines);
                    return Ok(Some(data));
                }
                None => {
                    if let Some(id) = id.take() {
                        self.skip_past(id);
                    }
                }
            }
        }
    }

    /// Takes it that what comes next is after this index.
    fn skip_past(&mut self, index: u64) {
        let left_out = index.saturating_add(1).saturating_sub(self.next.0);
        if left_out > 0 {
            self.left_out += left_out;
            self.next = LeafIndex(self.next.0 + left_out);
            (self.prev, self.connections) = (None, 0);
        }
    }

    fn ended(&self) -> Result<Option<String>, ClientError> {
        if self.connections > RETRIES_MAX {
            return Err(self.unexpected("the server ends it again and again".to_owned()));
        }
        Ok(None)
    }

    fn connect(&mut self) -> Result<BufReader<BodyReader<'static>>, ClientError> {
        self.connections += 1;
        let answer = self.transport.open(&self.request())?;
        Ok(BufReader::new(answer.into_body().into_reader()))
    }

    fn request(&self) -> Request<'static> {
        let query = self.query.as_ref().map(|query| format!("&q={}", escape(query)));
        let query = query.unwrap_or_default();
        Request::get(format!("{}/tail?from={}{query}", self.log_path, self.next))
    }

    fn accept(&mut self, data: &str) -> Result<TailEntry, ClientError> {
        let value = answer::json(data.as_bytes()).map_err(|why| self.unexpected(why))?;
        let index = answer::number(&value, "index").map_err(|why| self.unexpected(why))?;
        let text = answer::text(&value, "entry").map_err(|why| self.unexpected(why))?;
        let (index, entry) = (LeafIndex(index), text.as_bytes().to_vec());
        let what = || format!("entry {index}");
        if index != self.next {
            return Err(ClientError::unproved(what(), format!("expected was {}", self.next)));
        }
        let line = entry.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        let header = Header::parse(line).map_err(|error| ClientError::unproved(what(), error))?;
        if header.index != index {
            return Err(ClientError::unproved(what(), "its header has another index"));
        }
        if self.prev.is_some_and(|prev| prev != header.prev) {
            let why = "its prev is not the leaf hash of the entry before";
            return Err(ClientError::unproved(what(), why));
        }
        self.prev = Some(leaf_hash(&entry));
        self.next = LeafIndex(index.0 + 1);
        Ok(TailEntry { index, entry })
    }

    fn unexpected(&self, why: String) -> ClientError {
        ClientError::Unexpected { request: self.request().name(), why }
    }
}

impl Iterator for Tail {
    type Item = Result<TailEntry, ClientError>;

    /// Waits for the next entry. After an error another call connects again.
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.read_next())
    }
}
