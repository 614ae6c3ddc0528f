//! What is handed in: events with what travels beside them.

use crate::AckLevel;

/// One submission to one log: all of it is appended, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The events as the producer wrote them, one JSON object each, without a line end.
    pub events: Vec<Vec<u8>>,
    /// The stream that the events continue, if any.
    pub stream: Option<StreamClaim>,
    /// The producer's place in its own source, stored with the stream in the same commit; at most
    /// [`crate::CURSOR_BYTES_MAX`] bytes. Needs a stream.
    pub cursor: Option<String>,
    /// A signed note over the stream after these events (design §3). Needs a stream.
    pub attestation: Option<Vec<u8>>,
    /// Bytes that travel and commit with the entries but are not hashed into them.
    pub sidecars: Vec<Sidecar>,
    /// The ack level asked for.
    pub ack: AckLevel,
    /// Whether the producer wants each entry's proof and header.
    pub proof: bool,
}

/// The stream of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamClaim {
    /// The stream's name: at most 255 bytes of printable ASCII without `"`, `\`, `+` and space.
    pub name: String,
    /// The `seq` of the first event; without it the log gives the next.
    pub first_seq: Option<u64>,
}

/// Bytes that travel with one event of the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sidecar {
    /// Opens one sealed value (RFC 9901 encoding).
    Disclosure {
        /// The event's place in the batch, from 0.
        event: usize,
        /// base64url of the JSON array `[salt, name, value]`.
        disclosure: String,
        /// RFC 6901 path of the sealed value in the opened event.
        path: String,
        /// Whom the value is about.
        subject: String,
        /// Sensitivity class such as `pii`.
        class: String,
    },
    /// A payload too big for an event; the event holds its length, media type and digest.
    Blob {
        /// The event's place in the batch, from 0.
        event: usize,
        /// The payload.
        bytes: Vec<u8>,
    },
    /// A payload that the server encrypted under its subject's key; the event holds its digest sealed.
    SealedBlob {
        /// The event's place in the batch, from 0.
        event: usize,
        /// The ciphertext.
        bytes: Vec<u8>,
    },
}

impl Sidecar {
    /// The place in the batch of the event that it belongs to, from 0.
    pub fn event(&self) -> usize {
        match self {
            Sidecar::Disclosure { event, .. }
            | Sidecar::Blob { event, .. }
            | Sidecar::SealedBlob { event, .. } => *event,
        }
    }
}

impl Batch {
    /// A batch of these events and nothing else.
    pub fn of(events: Vec<Vec<u8>>) -> Self {
        Batch { events, ..Batch::default() }
    }
}
