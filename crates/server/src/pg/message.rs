//! What a client of PostgreSQL's protocol sends (PostgreSQL's documentation, "Message Formats"): read within limits, and taken
//! apart without trust in any number that stands in it.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use pgwire::messages::PgWireFrontendMessage as Message;
use pgwire::messages::extendedquery::{Bind, Close, Describe, Execute, Flush, Parse, Sync};
use pgwire::messages::simplequery::Query;
use pgwire::messages::startup::SecretKey;
use pgwire::messages::terminate::Terminate;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::limits::{PG_MESSAGE_BYTES_MAX, PG_STARTUP_BYTES_MAX};

/// Bytes of a message's length, which counts itself.
const LENGTH_BYTES: usize = 4;
/// A request for TLS, in the place of a version.
const TLS_CODE: u32 = 80_877_103;
/// A request for encryption by GSSAPI.
const GSS_CODE: u32 = 80_877_104;
/// A request to cancel what another connection asks.
const CANCEL_CODE: u32 = 80_877_102;

/// With what a connection begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// It wants TLS.
    Tls,
    /// It wants encryption by GSSAPI.
    Gss,
    /// It wants another connection's query to end.
    Cancel { process: i32, key: SecretKey },
    /// It wants to sign in: the version (major, minor), and what it says of itself.
    Startup { version: (u16, u16), parameters: BTreeMap<String, String> },
}

/// A message as it came: its kind, and what follows its length.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) body: Bytes,
}

/// Reads a connection's first message, or the one after a refused request.
pub(super) async fn read_first<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<First> {
    let body = read_body(stream, PG_STARTUP_BYTES_MAX).await?;
    first(&body).ok_or_else(|| invalid("the connection begins with no message of this protocol"))
}

/// Reads a message; none where the client has left.
pub(super) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Frame>> {
    let mut kind = [0; 1];
    if stream.read(&mut kind).await? == 0 {
        return Ok(None);
    }
    let body = read_body(stream, PG_MESSAGE_BYTES_MAX).await?;
    let [kind] = kind;
    Ok(Some(Frame { kind, body }))
}

/// No room is kept for what has not come, whatever the length says.
async fn read_body<S: AsyncRead + Unpin>(stream: &mut S, bytes_max: usize) -> io::Result<Bytes> {
    let length = stream.read_u32().await? as usize;
    if length > bytes_max {
        let detail = format!("a message has {length} bytes; the limit is {bytes_max}");
        return Err(invalid(&detail));
    }
    let missing = length.checked_sub(LENGTH_BYTES);
    let missing = missing.ok_or_else(|| invalid("a message is shorter than its length"))?;
    let mut body = Vec::new();
    stream.take(missing as u64).read_to_end(&mut body).await?;
    if body.len() < missing {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    }
    Ok(Bytes::from(body))
}

fn invalid(detail: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail)
}

/// A connection's first message, from what follows its length.
pub(crate) fn first(body: &[u8]) -> Option<First> {
    let mut rest = Rest(body);
    let code = rest.u32()?;
    Some(match code {
        TLS_CODE => rest.is_done().map(|()| First::Tls)?,
        GSS_CODE => rest.is_done().map(|()| First::Gss)?,
        CANCEL_CODE => {
            let process = rest.u32()?.cast_signed();
            First::Cancel { process, key: SecretKey::Bytes(Bytes::copy_from_slice(rest.0)) }
        }
        _ => {
            let mut parameters = BTreeMap::new();
            loop {
                let name = rest.text()?;
                if name.is_empty() {
                    break;
                }
                parameters.insert(name, rest.text()?);
            }
            rest.is_done()?;
            First::Startup { version: ((code >> 16) as u16, code as u16), parameters }
        }
    })
}

/// A password, from a message's body.
pub(crate) fn password(body: &[u8]) -> Option<String> {
    let mut rest = Rest(body);
    let password = rest.text()?;
    rest.is_done()?;
    Some(password)
}

/// A message of a client that has signed in.
pub(crate) fn message(kind: u8, body: &[u8]) -> Option<Message> {
    let mut rest = Rest(body);
    let message = match kind {
        b'Q' => Message::Query(Query::new(rest.text()?)),
        b'P' => {
            let (name, text, count) = (rest.name()?, rest.text()?, rest.u16()?);
            let types = (0..count).map(|_| rest.u32()).collect::<Option<_>>()?;
            Message::Parse(Parse::new(name, text, types))
        }
        b'B' => {
            let (portal, statement, formats) = (rest.name()?, rest.name()?, rest.formats()?);
            let count = rest.u16()?;
            let values = (0..count).map(|_| rest.value()).collect::<Option<_>>()?;
            Message::Bind(Bind::new(portal, statement, formats, values, rest.formats()?))
        }
        b'D' => Message::Describe(Describe::new(rest.target()?, rest.name()?)),
        b'C' => Message::Close(Close::new(rest.target()?, rest.name()?)),
        b'E' => {
            let name = rest.name()?;
            Message::Execute(Execute::new(name, rest.u32()?.cast_signed()))
        }
        b'H' => Message::Flush(Flush::new()),
        b'S' => Message::Sync(Sync::new()),
        b'X' => Message::Terminate(Terminate::new()),
        _ => return None,
    };
    rest.is_done()?;
    Some(message)
}

/// What is left of a message.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Text up to a zero byte.
    fn text(&mut self) -> Option<String> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = std::str::from_utf8(self.0.get(..end)?).ok()?.to_owned();
        self.0 = self.0.get(end + 1..)?;
        Some(text)
    }

    /// A name; nothing where it is empty.
    #[expect(
        clippy::option_option,
        reason = "outside, whether it can be read; inside, whether it is there"
    )]
    fn name(&mut self) -> Option<Option<String>> {
        self.text().map(|name| Some(name).filter(|name| !name.is_empty()))
    }

    /// What is described or closed: a statement or a portal.
    fn target(&mut self) -> Option<u8> {
        let [target] = self.array()?;
        matches!(target, b'S' | b'P').then_some(target)
    }

    /// Formats of values: text or binary.
    fn formats(&mut self) -> Option<Vec<i16>> {
        let count = self.u16()?;
        let format = |_| self.u16().filter(|format| *format <= 1).map(u16::cast_signed);
        (0..count).map(format).collect()
    }

    /// A parameter's value; nothing where it is null.
    #[expect(
        clippy::option_option,
        reason = "outside, whether it can be read; inside, whether it is there"
    )]
    fn value(&mut self) -> Option<Option<Bytes>> {
        let length = self.u32()?.cast_signed();
        if length == -1 {
            return Some(None);
        }
        let (value, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(Some(Bytes::copy_from_slice(value)))
    }

    fn is_done(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(test)]
#[path = "../tests/pg_message.rs"]
mod tests;
