//! HTTP/1.1 as plain as it gets: one connection, no repetition, so that a test knows what was sent and what was answered.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

/// Patience with a server that says nothing: a hang is an error and not a stuck test.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// Where a server is, and what it asks for.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// Host and port.
    pub(crate) host: String,
    pub(crate) token: String,
}

/// A kept-alive connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    address: Address,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The head's lines in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Address {
    /// From what a server said before it listened, and the token in its data directory.
    pub(crate) fn of(said: &str, data: &Path) -> Address {
        let last = said.lines().last().unwrap_or_default();
        let host = last.strip_prefix("listening on http://").expect("its last line says where");
        let token = std::fs::read_to_string(data.join("admin.token")).unwrap();
        Address { host: host.to_owned(), token: token.trim().to_owned() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.host)
    }
}

impl Connection {
    pub(crate) fn open(address: &Address) -> io::Result<Connection> {
        let stream = TcpStream::connect(&address.host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        Ok(Connection { stream: BufReader::new(stream), address: address.clone() })
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.exchange("GET", path, "", &[])
    }

    pub(crate) fn post(&mut self, path: &str, media_type: &str, body: &[u8]) -> io::Result<Answer> {
        let headers = format!("content-type: {media_type}\r\ncontent-length: {}\r\n", body.len());
        self.exchange("POST", path, &headers, body)
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> io::Result<Answer> {
        let Address { host, token } = &self.address;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n{headers}\r\n"
        );
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        head.make_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {head}")))?;
        let length = field(&head, "content-length").and_then(|length| length.parse().ok());
        let length = length.ok_or_else(|| io::Error::other(format!("no length in {head}")))?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, head, body })
    }
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
