//! One keep-alive connection of HTTP/1.1: sends a request, reads the whole answer, begins again.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// What the server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 200.
    Good,
    /// 429: not now.
    Busy,
}

/// A connection with its buffers.
pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects to `host:port`.
    pub(crate) async fn open(host: &str) -> io::Result<Connection> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, answer: Vec::with_capacity(16 << 10) })
    }

    /// Sends a whole request and reads its answer; anything but 200 and 429 is an error that shows it.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        let mut whole_bytes = usize::MAX;
        while self.answer.len() < whole_bytes {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if whole_bytes == usize::MAX {
                whole_bytes = answer_bytes(&self.answer)?.unwrap_or(usize::MAX);
            }
        }
        match self.answer.get(..b"HTTP/1.1 200 ".len()) {
            Some(b"HTTP/1.1 200 ") => Ok(Answer::Good),
            Some(b"HTTP/1.1 429 ") => Ok(Answer::Busy),
            _ => Err(io::Error::other(String::from_utf8_lossy(&self.answer).into_owned())),
        }
    }
}

/// Bytes of head and body together, once the head is there.
fn answer_bytes(answer: &[u8]) -> io::Result<Option<usize>> {
    let Some(head_bytes) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(answer.get(..head_bytes).unwrap_or_default());
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        if is_length { value.trim().parse::<usize>().ok() } else { None }
    });
    match length {
        Some(length) if length <= ANSWER_BYTES_MAX => Ok(Some(head_bytes + 4 + length)),
        _ => Err(io::Error::other(format!("an answer without a usable length: {head}"))),
    }
}
