//! The seam for access: who asks, and whether they may. The server calls it in one place only.

use append::{Code, Refusal};
use axum::http::{HeaderMap, header};
use graven_entry::{AuthMethod, Grade, Name};
use log::Writer;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a route needs its caller to be allowed. Every route declares one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Append events to a log.
    Append,
    /// Read whole entries, bundles of them and the tail: all of a log, unscoped.
    ReadEntries,
    /// Read checkpoints, hash tiles and proofs, which tell nothing of contents.
    ReadProofs,
    /// Read where streams stand.
    ReadStreams,
    /// List logs and what is public about them.
    ListLogs,
    /// Create a log.
    CreateLog,
    /// Add a stream's key, rotate a log's.
    ManageKeys,
    /// Read the server's counters.
    ReadMetrics,
    /// Read the API's contract.
    ReadContract,
}

impl Right {
    /// The right's name in the API's contract and in refusals.
    pub fn as_str(self) -> &'static str {
        match self {
            Right::Append => "append",
            Right::ReadEntries => "read_entries",
            Right::ReadProofs => "read_proofs",
            Right::ReadStreams => "read_streams",
            Right::ListLogs => "list_logs",
            Right::CreateLog => "create_log",
            Right::ManageKeys => "manage_keys",
            Right::ReadMetrics => "read_metrics",
            Right::ReadContract => "read_contract",
        }
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Principal {
    /// How the principal stands in the headers of the entries that it writes.
    pub writer: Writer,
}

/// Decides who asks and what they may do. Both calls are on every request's path: they must not block.
pub trait Gate: Send + Sync {
    /// Who sent these headers; [`Code::Unauthenticated`] without a good credential.
    fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, Refusal>;

    /// Whether `principal` has `right`, on one log where a log is named; [`Code::Forbidden`] if not, or
    /// [`Code::NotFound`] where even the log's existence is not theirs to know.
    fn authorise(
        &self,
        principal: &Principal,
        right: Right,
        log: Option<&str>,
    ) -> Result<(), Refusal>;
}

/// The gate of a server with one admin token, which grants everything.
///
/// Only the token's SHA-256 is kept, and digests are compared in constant time.
pub struct AdminToken {
    token_hash: [u8; 32],
    principal: Principal,
}

impl AdminToken {
    /// Lets in whoever sends `Authorization: Bearer <token>`, as `principal`.
    pub fn new(token: &str, principal: Principal) -> Self {
        AdminToken { token_hash: Sha256::digest(token.as_bytes()).into(), principal }
    }

    /// The principal that stands for the admin token in entries: writer `admin`, auth `token`.
    pub fn principal() -> Principal {
        let id = Name::new("admin").expect("a word of ASCII letters is a name");
        let auth = AuthMethod::new("token").expect("a word of lower-case letters names a method");
        Principal { writer: Writer { id, auth, grade: Grade::Asserted } }
    }
}

impl Gate for AdminToken {
    fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, Refusal> {
        let token = bearer(headers)?;
        let token_hash: [u8; 32] = Sha256::digest(token).into();
        if bool::from(token_hash.ct_eq(&self.token_hash)) {
            Ok(self.principal.clone())
        } else {
            Err(unauthenticated("the bearer token is not one of this server; check GRAVEN_TOKEN"))
        }
    }

    fn authorise(
        &self,
        _principal: &Principal,
        _right: Right,
        _log: Option<&str>,
    ) -> Result<(), Refusal> {
        Ok(())
    }
}

/// The token of the one `Authorization: Bearer` header (RFC 6750 §2.1; the scheme's case is free).
fn bearer(headers: &HeaderMap) -> Result<&[u8], Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values
        .next()
        .ok_or_else(|| unauthenticated("no credential; send `Authorization: Bearer <token>`"))?;
    if values.next().is_some() {
        return Err(unauthenticated("more than one Authorization header; send exactly one"));
    }
    match value.as_bytes().split_at_checked(7) {
        // An empty token is none, even on a server whose own were empty by mistake.
        Some((scheme, token))
            if scheme.eq_ignore_ascii_case(b"bearer ") && !token.trim_ascii().is_empty() =>
        {
            Ok(token.trim_ascii())
        }
        _ => Err(unauthenticated("unknown credential; send `Authorization: Bearer <token>`")),
    }
}

fn unauthenticated(detail: &str) -> Refusal {
    Refusal::new(Code::Unauthenticated, detail).in_field("authorization")
}
