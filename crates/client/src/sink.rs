//! Where a replay goes: any HTTP endpoint, which is told with every entry that it is one of old.

use graven_merkle::LeafIndex;
use ureq::http::HeaderValue;

use crate::ClientError;
use crate::transport::{ClientTls, Request, Transport};

/// The media type of a line of a replay: no server takes it for new events.
const MEDIA_TYPE: &str = "application/vnd.graven.replay+json";
/// The header that says which entry it is: `<origin>/<index>`.
const REPLAY: &str = "graven-replay";

/// An HTTP endpoint that a replay is sent to. No token goes there, no answer is read but its status, and nothing that
/// may have arrived is sent again.
#[derive(Clone, Debug)]
pub struct Sink {
    transport: Transport,
    path: String,
}

impl Sink {
    /// The endpoint at `url`.
    pub fn new(url: &str) -> Result<Sink, ClientError> {
        let after_scheme = url.find("://").map_or(0, |at| at + 3);
        let path_at = url.get(after_scheme..).and_then(|rest| rest.find('/'));
        let (server, path) = url.split_at(path_at.map_or(url.len(), |at| after_scheme + at));
        let path = if path.is_empty() { "/" } else { path };
        Ok(Sink {
            transport: Transport::new(server, None, &ClientTls::default())?,
            path: path.to_owned(),
        })
    }

    /// Sends one line, of the entry `index` of `origin`.
    pub fn post(&self, origin: &str, index: LeafIndex, line: &[u8]) -> Result<(), ClientError> {
        let name = format!("{origin}/{index}");
        let value = HeaderValue::from_str(&name).map_err(|_| ClientError::Unexpected {
            request: format!("replay of {name:?}"),
            why: "the origin cannot stand in a header".to_owned(),
        })?;
        let headers = [(REPLAY, value)];
        let body = Some((MEDIA_TYPE, line));
        let request =
            Request { path: self.path.clone(), body, headers: &headers, repeatable: false };
        self.transport.open(&request).map(drop)
    }
}
