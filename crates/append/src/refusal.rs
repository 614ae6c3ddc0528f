//! Why a request was refused: a stable code, and what to do about it.

use std::fmt;

/// The stable error codes of the API (design §8). Each has a page in `docs/errors/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// Not a JSON object that can be hashed and read the same way by everyone.
    BadJson,
    /// The event lacks a field, breaks the catalogue or policy, or is not the producer's to write.
    BadEvent,
    /// The attestation's signature, chain or key is wrong, or one is required.
    BadAttestation,
    /// This server cannot give the asked ack level.
    AckUnavailable,
    /// Query syntax or type.
    BadQuery,
    /// Over a query's limits.
    QueryLimit,
    /// An event, a batch, a header or a body is over its limit.
    TooLarge,
    /// Wrong content type or unknown encoding.
    UnsupportedType,
    /// No credential, or a bad one.
    Unauthenticated,
    /// The credential lacks the right.
    Forbidden,
    /// A second person has to approve.
    ApprovalNeeded,
    /// No such log or index, or not to be known.
    NotFound,
    /// Gone by retention.
    Expired,
    /// The same identity with other bytes.
    Conflict,
    /// A `seq` skips or goes back.
    SeqGap,
    /// A `seq` that was recorded too long ago to repeat its receipt.
    SeqRecorded,
    /// The name is taken.
    Exists,
    /// Under legal hold.
    Held,
    /// The body did not end in time.
    Timeout,
    /// Over a queue or a rate.
    Busy,
    /// Out of disk.
    DiskFull,
    /// Stopping, read-only or ended.
    Unavailable,
}

impl Code {
    /// All codes, in the order of design §8.
    pub const ALL: [Code; 22] = [
        Code::BadJson,
        Code::BadEvent,
        Code::BadAttestation,
        Code::AckUnavailable,
        Code::BadQuery,
        Code::QueryLimit,
        Code::TooLarge,
        Code::UnsupportedType,
        Code::Unauthenticated,
        Code::Forbidden,
        Code::ApprovalNeeded,
        Code::NotFound,
        Code::Expired,
        Code::Conflict,
        Code::SeqGap,
        Code::SeqRecorded,
        Code::Exists,
        Code::Held,
        Code::Timeout,
        Code::Busy,
        Code::DiskFull,
        Code::Unavailable,
    ];

    /// The code as it stands in a problem document.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::BadJson => "bad_json",
            Code::BadEvent => "bad_event",
            Code::BadAttestation => "bad_attestation",
            Code::AckUnavailable => "ack_unavailable",
            Code::BadQuery => "bad_query",
            Code::QueryLimit => "query_limit",
            Code::TooLarge => "too_large",
            Code::UnsupportedType => "unsupported_type",
            Code::Unauthenticated => "unauthenticated",
            Code::Forbidden => "forbidden",
            Code::ApprovalNeeded => "approval_needed",
            Code::NotFound => "not_found",
            Code::Expired => "expired",
            Code::Conflict => "conflict",
            Code::SeqGap => "seq_gap",
            Code::SeqRecorded => "seq_recorded",
            Code::Exists => "exists",
            Code::Held => "held",
            Code::Timeout => "timeout",
            Code::Busy => "busy",
            Code::DiskFull => "disk_full",
            Code::Unavailable => "unavailable",
        }
    }

    /// The code with this name.
    pub fn parse(text: &str) -> Option<Code> {
        Code::ALL.into_iter().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refused request. Nothing of it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// What is wrong, the limit that counts, and what to do: for people, in one or two sentences.
    pub detail: String,
    /// The place in the batch of the event at fault, from 0.
    pub event: Option<usize>,
    /// The field at fault, as an RFC 6901 path in the event, or a header's or parameter's name.
    pub field: Option<String>,
    /// The byte at fault within the event, from 0.
    pub position: Option<usize>,
    /// The `seq` that the stream expects next.
    pub next_seq: Option<u64>,
    /// Seconds to wait before another try.
    pub retry_after_s: Option<u32>,
}

impl Refusal {
    /// A refusal with a code and its explanation.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Refusal {
            code,
            detail: detail.into(),
            event: None,
            field: None,
            position: None,
            next_seq: None,
            retry_after_s: None,
        }
    }

    /// The same, naming the event at fault by its place in the batch.
    #[must_use]
    pub fn at_event(mut self, event: usize) -> Self {
        self.event = Some(event);
        self
    }

    /// The same, naming the field at fault.
    #[must_use]
    pub fn in_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The same, naming the byte at fault.
    #[must_use]
    pub fn at_position(mut self, position: usize) -> Self {
        self.position = Some(position);
        self
    }

    /// The same, telling the stream's next `seq`.
    #[must_use]
    pub fn with_next_seq(mut self, next_seq: u64) -> Self {
        self.next_seq = Some(next_seq);
        self
    }

    /// The same, telling how long to wait.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}
