//! The log's own entries that a verifier must understand: its opening and the changes of keys.

use graven_entry::{Name, elements, members, pointer, string_value, with_causes};
use graven_merkle::LeafIndex;
use graven_note::{Algorithm, SignatureLine, VerifierKey};

use crate::fault::{Fault, FaultKind};
use crate::limits::OPENING_KEYS_MAX;

/// What a key entry does to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyOp {
    /// It counts from this entry on.
    Add,
    /// It does not count for what comes after this entry.
    Retire,
    /// It was lost or stolen, and does not count for what comes after this entry.
    Revoke,
}

/// Whose key changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyTarget {
    /// The log's own.
    Log,
    /// A stream's.
    Stream(Name),
}

/// What one of the log's own entries says to a verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnEntry {
    /// Entry 0: the log's first keys, and the origin of the log that it continues.
    Opening { keys: Vec<VerifierKey>, predecessor: Option<String> },
    /// A key is added, retired or revoked.
    Key(Box<KeyChange>),
}

/// A change of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyChange {
    pub(crate) target: KeyTarget,
    pub(crate) op: KeyOp,
    pub(crate) key: VerifierKey,
    /// By which an older key vouches for the change, over [`key_statement`].
    pub(crate) signature: Option<SignatureLine>,
}

/// The text that an older key signs (Ed25519, type 0x01) to vouch for a change of keys: the value
/// of `signature` in a `graven.key` entry is that signature line.
///
/// ```text
/// graven/key/v1
/// <origin>
/// log, or stream
/// <origin, or the stream>
/// add, retire or revoke
/// <verifier key>
/// ```
///
/// As in an attestation the first line is fixed and the second is an origin, never a number, so
/// that no such text can pass for a checkpoint.
pub fn key_statement(origin: &Name, target: &KeyTarget, op: KeyOp, vkey: &str) -> String {
    let (kind, id) = match target {
        KeyTarget::Log => ("log", origin),
        KeyTarget::Stream(stream) => ("stream", stream),
    };
    format!("graven/key/v1\n{origin}\n{kind}\n{id}\n{}\n{vkey}\n", op.as_str())
}

/// What the log's own event at `index` says to a verifier; most say nothing. The event is valid.
pub(crate) fn read_own(
    origin: &Name,
    index: LeafIndex,
    event: &[u8],
) -> Result<Option<OwnEntry>, Fault> {
    let action = text(event, "/action").unwrap_or_default();
    let malformed = |detail: String| {
        Fault::at(index, FaultKind::OwnEntryMalformed, format!("{action}: {detail}"))
    };
    match (index, action.as_str()) {
        (LeafIndex(0), "graven.log") => read_opening(origin, event).map(Some),
        (LeafIndex(0), _) => Err("entry 0 of a log must be graven.log".to_owned()),
        (_, "graven.key") => read_key_change(origin, event),
        _ => Ok(None),
    }
    .map_err(malformed)
}

impl KeyOp {
    /// The word in the entry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Retire => "retire",
            Self::Revoke => "revoke",
        }
    }

    /// The change that a word names.
    pub fn from_word(word: &str) -> Option<KeyOp> {
        [Self::Add, Self::Retire, Self::Revoke].into_iter().find(|op| op.as_str() == word)
    }
}

fn read_opening(origin: &Name, event: &[u8]) -> Result<OwnEntry, String> {
    let stated = text(event, "/data/origin").ok_or("data.origin is missing")?;
    if stated != origin.as_str() {
        return Err(format!("data.origin is {stated:?}, the log is {origin}"));
    }
    let list = pointer(event, "/data/keys").ok_or("data.keys is missing")?;
    let mut keys: Vec<VerifierKey> = Vec::new();
    for raw in elements(list) {
        if keys.len() == OPENING_KEYS_MAX {
            return Err(format!("data.keys has more than {OPENING_KEYS_MAX} keys"));
        }
        let vkey = string_value(raw).ok_or("data.keys holds what is no string")?;
        let key = read_key(&vkey, origin)?;
        if key.algorithm() == Algorithm::Ed25519Cosignature {
            return Err("data.keys holds a witness's key".to_owned());
        }
        if keys.contains(&key) {
            return Err("data.keys holds a key twice".to_owned());
        }
        keys.push(key);
    }
    if !keys.iter().any(|key| key.algorithm() == Algorithm::Ed25519) {
        return Err("data.keys holds no Ed25519 key".to_owned());
    }
    Ok(OwnEntry::Opening { keys, predecessor: text(event, "/data/predecessor/origin") })
}

/// A change of keys of this log or of one of its streams; those of other logs, which the `system`
/// log may note, have no effect here.
fn read_key_change(origin: &Name, event: &[u8]) -> Result<Option<OwnEntry>, String> {
    let id = text(event, "/target/id").ok_or("target.id is missing")?;
    let kind = text(event, "/target/type").ok_or("target.type is missing")?;
    let (target, name) = match kind.as_str() {
        "log" if id != origin.as_str() => return Ok(None),
        "log" => (KeyTarget::Log, origin.clone()),
        "stream" => {
            let stream = Name::new(&id).map_err(|error| format!("target.id: {error}"))?;
            (KeyTarget::Stream(stream.clone()), stream)
        }
        _ => return Err(format!("target.type is {kind:?}, it must be log or stream")),
    };
    let op = text(event, "/data/op").ok_or("data.op is missing")?;
    let op = KeyOp::from_word(&op).ok_or("data.op must be add, retire or revoke")?;
    let vkey = text(event, "/data/key").ok_or("data.key is missing")?;
    let key = read_key(&vkey, &name)?;
    let fits = match target {
        KeyTarget::Log => key.algorithm() != Algorithm::Ed25519Cosignature,
        KeyTarget::Stream(_) => key.algorithm() == Algorithm::Ed25519,
    };
    if !fits {
        return Err(format!("data.key is for {}", key.algorithm()));
    }
    let signature = read_signature(event)?;
    Ok(Some(OwnEntry::Key(Box::new(KeyChange { target, op, key, signature }))))
}

fn read_key(vkey: &str, name: &Name) -> Result<VerifierKey, String> {
    let key: VerifierKey =
        vkey.parse().map_err(|error| format!("verifier key: {}", with_causes(&error)))?;
    if key.name().as_str() != name.as_str() {
        return Err(format!("verifier key is of {}, it must be of {name}", key.name()));
    }
    Ok(key)
}

/// The signature line, which may stand with or without its line feed.
fn read_signature(event: &[u8]) -> Result<Option<SignatureLine>, String> {
    let Some(data) = pointer(event, "/data") else { return Ok(None) };
    let Some((_, raw)) = members(data).find(|(key, _)| key == "signature") else {
        return Ok(None);
    };
    let line = string_value(raw).ok_or("data.signature is no string")?;
    let line = format!("{}\n", line.strip_suffix('\n').unwrap_or(&line));
    let lines = SignatureLine::parse_lines(&line)
        .map_err(|error| format!("data.signature: {}", with_causes(&error)))?;
    match <[SignatureLine; 1]>::try_from(lines) {
        Ok([line]) => Ok(Some(line)),
        Err(_) => Err("data.signature is more than one line".to_owned()),
    }
}

fn text(event: &[u8], path: &str) -> Option<String> {
    Some(string_value(pointer(event, path)?)?.into_owned())
}
