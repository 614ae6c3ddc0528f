//! JSON answers as typed values.

use append::{AckLevel, Appended, Dropped, EntryProof, Receipt, StreamHead};
use graven_entry::Disclosure;
use graven_merkle::{Hash, LeafIndex, TreeSize};
use graven_note::base64;
use graven_verify::Results;
use serde_json::Value;

/// A log as the server lists it. Nothing of it is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogInfo {
    /// Its name inside the server.
    pub name: String,
    /// Its origin: its name in the world.
    pub origin: String,
    /// Whether anyone may read its tiles and checkpoint.
    pub public: bool,
    /// How many entries it has.
    pub size: TreeSize,
    /// The root of the tree of that size.
    pub root: Hash,
    /// When it was created, RFC 3339.
    pub created: String,
    /// Its verifier keys, the current ones first.
    pub vkeys: Vec<String>,
    /// Why it was ended, where it was.
    pub ended: Option<String>,
}

/// A log to be created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewLog {
    /// Its name inside the server: `[a-z0-9-]{1,63}`.
    pub name: String,
    /// Its origin; without one the server makes one.
    pub origin: Option<String>,
    /// Whether anyone may read its tiles and checkpoint.
    pub public: bool,
}

/// A principal to be made, with its first role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewToken {
    /// Its name for ever.
    pub name: String,
    /// The role.
    pub role: String,
    /// The one log that the role is for; without one, every log but `system`.
    pub log: Option<String>,
    /// The one class of sealed values that a revealer's role is for.
    pub class: Option<String>,
    /// A name in client certificates that are its credential, in the place of a token.
    pub certificate: Option<String>,
    /// Seconds after which its credential is good no more.
    pub expires_s: Option<u64>,
}

/// A search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The query; an empty one finds everything.
    pub query: String,
    /// Results of this page; at most 256.
    pub limit: u64,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Fields whose values are counted, with commas between them.
    pub facets: Option<String>,
    /// An index: the server waits a while until it can be found.
    pub wait: Option<u64>,
    /// Whether results come with their entries and one proof for all of them.
    pub proofs: bool,
    /// Only what is of this subject, by its id or by the pseudonym that stands for it.
    pub subject: Option<OfSubject>,
}

/// A subject that is looked for. It goes in the body of a request, so that no proxy keeps its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfSubject {
    /// Its id, in clear.
    pub subject: String,
    /// Why, for those who read the log `system`.
    pub reason: String,
}

/// A role to be given or taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleChange {
    /// The role.
    pub role: String,
    /// The one log that it is for.
    pub log: Option<String>,
    /// The one class of sealed values that it is for.
    pub class: Option<String>,
    /// It is taken.
    pub remove: bool,
}

/// A change of a stream's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// The stream.
    pub stream: String,
    /// The key that is added or revoked.
    pub vkey: String,
    /// By which an older key vouches for it, a signature line.
    pub signature: Option<String>,
    /// The key that vouches is retired.
    pub rotate: bool,
    /// The key is revoked.
    pub revoke: bool,
}

/// One sealed value, opened. That the disclosure is the entry's shows with the entry alone: `graven-verify` judges it.
#[derive(Clone, PartialEq, Eq)]
pub struct Revealed {
    /// Its class.
    pub class: String,
    /// What opens it, and what it says.
    pub disclosure: String,
    /// The value, as the JSON text in which it was written.
    pub value_json: String,
    /// The entry's tlog-proof.
    pub proof: String,
    /// The sealed blob whose digest the value is.
    pub blob: Option<Vec<u8>>,
}

/// What is missing or mistyped in an answer.
pub(crate) type Malformed = String;

impl NewLog {
    pub(crate) fn to_json(&self) -> Value {
        let mut body = serde_json::json!({ "name": self.name, "public": self.public });
        if let Some(origin) = &self.origin {
            body["origin"] = origin.as_str().into();
        }
        body
    }
}

impl NewToken {
    pub(crate) fn to_json(&self) -> Value {
        serde_json::json!({
            "name": self.name, "role": self.role, "log": self.log, "class": self.class,
            "certificate": self.certificate, "expires_s": self.expires_s,
        })
    }
}

impl KeyChange {
    pub(crate) fn to_json(&self) -> Value {
        serde_json::json!({
            "stream": self.stream, "vkey": self.vkey, "signature": self.signature,
            "rotate": self.rotate, "revoke": self.revoke,
        })
    }
}

impl RoleChange {
    pub(crate) fn to_json(&self) -> Value {
        serde_json::json!({
            "role": self.role, "log": self.log, "class": self.class, "remove": self.remove,
        })
    }
}

/// A revealed value; the value is read from the disclosure, where its text is as it was written.
pub(crate) fn revealed(value: &Value) -> Result<Revealed, Malformed> {
    let disclosure = text(value, "disclosure")?.to_owned();
    let read = Disclosure::parse(&disclosure).map_err(|error| error.to_string())?;
    let value_json = String::from_utf8(read.value_json).map_err(|error| error.to_string())?;
    let (class, proof) = (text(value, "class")?.to_owned(), text(value, "proof")?.to_owned());
    let blob = value.get("blob").and_then(Value::as_str).map(base64::decode_canonical);
    let blob = blob.transpose().map_err(|error| error.to_string())?;
    Ok(Revealed { class, disclosure, value_json, proof, blob })
}

/// The JSON document in `body`.
pub(crate) fn json(body: &[u8]) -> Result<Value, Malformed> {
    serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))
}

/// The list at `key`.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> Result<&'a [Value], Malformed> {
    let list = value.get(key).and_then(Value::as_array);
    list.map(Vec::as_slice).ok_or_else(|| format!("no list `{key}`"))
}

/// The text at `key`.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, Malformed> {
    value.get(key).and_then(Value::as_str).ok_or_else(|| format!("no text `{key}`"))
}

/// The number at `key`.
pub(crate) fn number(value: &Value, key: &str) -> Result<u64, Malformed> {
    value.get(key).and_then(Value::as_u64).ok_or_else(|| format!("no number `{key}`"))
}

/// The hash at `key`.
pub(crate) fn hash(value: &Value, key: &str) -> Result<Hash, Malformed> {
    parse_hash(text(value, key)?).map_err(|why| format!("`{key}`: {why}"))
}

/// The hashes at `key`.
pub(crate) fn hashes(value: &Value, key: &str) -> Result<Vec<Hash>, Malformed> {
    let parse = |item: &Value| parse_hash(item.as_str().ok_or(format!("no text in `{key}`"))?);
    list(value, key)?.iter().map(parse).collect()
}

pub(crate) fn log_info(value: &Value) -> Result<LogInfo, Malformed> {
    let vkeys = list(value, "vkeys")?.iter().filter_map(Value::as_str).map(str::to_owned);
    Ok(LogInfo {
        name: text(value, "name")?.to_owned(),
        origin: text(value, "origin")?.to_owned(),
        public: value.get("public").and_then(Value::as_bool).unwrap_or(false),
        size: TreeSize(number(value, "size")?),
        root: hash(value, "root")?,
        created: text(value, "created")?.to_owned(),
        vkeys: vkeys.collect(),
        ended: value.get("ended").and_then(Value::as_str).map(str::to_owned),
    })
}

/// The entries and the proof of a search's answer.
pub(crate) fn results(value: &Value) -> Result<Results, Malformed> {
    let entry = |result: &Value| -> Result<(LeafIndex, Vec<u8>), Malformed> {
        Ok((LeafIndex(number(result, "index")?), text(result, "entry")?.as_bytes().to_vec()))
    };
    // Newest first in the answer, by index in the file.
    let entries: Vec<_> =
        list(value, "results")?.iter().rev().map(entry).collect::<Result<_, _>>()?;
    let proof = value.get("proof").unwrap_or(&Value::Null);
    let checkpoint = text(proof, "checkpoint")?.as_bytes().to_vec();
    Ok(Results { entries, checkpoint, proof: hashes(proof, "hashes")? })
}

pub(crate) fn stream_head(value: &Value) -> Result<StreamHead, Malformed> {
    Ok(StreamHead {
        next_seq: number(value, "next_seq")?,
        head: hash(value, "head")?,
        cursor: value.get("cursor").and_then(Value::as_str).map(str::to_owned),
    })
}

pub(crate) fn named_stream_head(value: &Value) -> Result<(String, StreamHead), Malformed> {
    Ok((text(value, "stream")?.to_owned(), stream_head(value)?))
}

/// The answer to an append of `events` events; `ack_reached` comes from the status.
pub(crate) fn appended(
    value: &Value,
    events: usize,
    ack_reached: bool,
) -> Result<Appended, Malformed> {
    let dropped = match value.get("dropped") {
        Some(_) => list(value, "dropped")?.iter().map(dropped_event).collect(),
        None => Ok(Vec::new()),
    };
    let dropped: Vec<Dropped> = dropped?;
    let list = list(value, "receipts")?;
    if list.len() + dropped.len() != events {
        let (receipts, dropped) = (list.len(), dropped.len());
        return Err(format!("{receipts} receipts and {dropped} dropped for {events} events"));
    }
    let receipts = list.iter().map(receipt).collect::<Result<Vec<_>, _>>()?;
    let proofs = list.iter().filter(|item| item.get("proof").is_some()).map(entry_proof);
    Ok(Appended {
        checkpoint: text(value, "checkpoint")?.to_owned(),
        receipts,
        dropped,
        proofs: proofs.collect::<Result<Vec<_>, _>>()?,
        ack_reached,
    })
}

fn dropped_event(value: &Value) -> Result<Dropped, Malformed> {
    let event = number(value, "event")?;
    let event = usize::try_from(event).map_err(|_| format!("there is no event {event}"))?;
    Ok(Dropped { event, rule: text(value, "rule")?.to_owned() })
}

fn receipt(value: &Value) -> Result<Receipt, Malformed> {
    Ok(Receipt {
        index: LeafIndex(number(value, "index")?),
        leaf_hash: hash(value, "leaf_hash")?,
        time: text(value, "time")?.to_owned(),
        ack: text(value, "ack")?.parse::<AckLevel>()?,
        repeated: value.get("repeated").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn entry_proof(value: &Value) -> Result<EntryProof, Malformed> {
    Ok(EntryProof {
        header: text(value, "header")?.to_owned(),
        proof: text(value, "proof")?.to_owned(),
    })
}

fn parse_hash(text: &str) -> Result<Hash, Malformed> {
    text.parse().map_err(|error| format!("{error}"))
}
