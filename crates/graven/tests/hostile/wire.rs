//! A client that says what it likes: bytes over a socket, and what comes back.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// Longest wait for anything that the server must do at once.
const ANSWER_WAIT_MAX: Duration = Duration::from_mins(1);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// One connection.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    /// Read and not yet used.
    read: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Status line and headers, as they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// A request with this body; its length is stated.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

impl Peer {
    /// Connects to the server at this URL.
    pub(crate) fn connect(url: &str) -> Peer {
        let address = url.strip_prefix("http://").expect("a URL of the fixture");
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(ANSWER_WAIT_MAX)).unwrap();
        stream.set_write_timeout(Some(ANSWER_WAIT_MAX)).unwrap();
        Peer { stream, read: Vec::new() }
    }

    /// Sends bytes; fails where the server has closed.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a request to a server that takes requests, and reads its answer.
    pub(crate) fn exchange(&mut self, bytes: &[u8]) -> Reply {
        self.send(bytes).expect("the server takes requests");
        self.reply().expect("an answer")
    }

    /// Sends a piece again and again until the server answers or closes, or `bytes_max` were sent: how many were.
    pub(crate) fn send_endless(&mut self, piece: &[u8], bytes_max: usize) -> usize {
        self.stream.set_nonblocking(true).unwrap();
        let started = Instant::now();
        let (mut sent, mut at) = (0, 0);
        while sent < bytes_max && started.elapsed() < ANSWER_WAIT_MAX {
            match self.stream.write(&piece[at..]) {
                Ok(count) => {
                    sent += count;
                    at = (at + count) % piece.len();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(_) => break,
            }
            if self.has_something_to_read() {
                break;
            }
        }
        self.stream.set_nonblocking(false).unwrap();
        sent
    }

    /// Whether an answer or the end of the connection has arrived; the socket does not block.
    fn has_something_to_read(&self) -> bool {
        let peeked = self.stream.peek(&mut [0]);
        !peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// The next answer; none where the connection ends instead.
    pub(crate) fn reply(&mut self) -> Option<Reply> {
        let head_end = loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.read_more()?;
        };
        let head: Vec<u8> = self.read.drain(..head_end).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status");
        let mut reply = Reply { status, head, body: Vec::new() };
        if let Some(length) = reply.header("content-length") {
            let length: usize = length.parse().expect("a number");
            assert!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
            while self.read.len() < length {
                self.read_more()?;
            }
            reply.body = self.read.drain(..length).collect();
        }
        Some(reply)
    }

    /// Reads until the server closes: what came.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read_more().is_some() {}
        std::mem::take(&mut self.read)
    }

    /// Whether the server closes without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.rest().is_empty()
    }

    /// Says that nothing more will be sent.
    pub(crate) fn end(&mut self) {
        drop(self.stream.shutdown(Shutdown::Write));
    }

    fn read_more(&mut self) -> Option<()> {
        let mut buffer = [0; 16 * 1024];
        let count = self.stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        self.read.extend_from_slice(&buffer[..count]);
        assert!(self.read.len() <= ANSWER_BYTES_MAX, "an answer without end");
        Some(())
    }
}

impl Reply {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
