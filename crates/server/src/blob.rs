//! Blobs: payloads too big for an event. An event of their own holds length, media type and SHA-256, sealed where they are.

use access::{ClosedBlob, SubjectKeys, close_blob};
use append::{Batch, Code, Refusal, Sidecar};
use graven_entry::{Name, ToSeal, seal_event};
use log::{LogHandle, SidecarKind, StoredSidecar};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::sealing::Sealing;

/// The action of the event that brings a blob.
const ACTION: &str = "blob.add";
/// Where that event's digest stands.
const DIGEST_PATH: &str = "/data/blob/sha256";
/// The last step of that path: a value that opens there may have a blob beside it.
const DIGEST_STEP: &str = "/sha256";

/// Whom a blob is about, where it is to be sealed.
pub(crate) struct About {
    pub(crate) subject: String,
    pub(crate) class: String,
}

/// The batch that brings a blob: one event in its writer's name, and the bytes beside it.
pub(crate) fn batch(writer: &Name, media_type: &str, bytes: Vec<u8>) -> Batch {
    let event = event(writer, media_type, &bytes);
    let sidecars = vec![Sidecar::Blob { event: 0, bytes }];
    Batch { events: vec![event], sidecars, ..Batch::default() }
}

/// The same with digest and bytes sealed: neither tells anything without the subject's key.
pub(crate) fn sealed_batch(
    log: &LogHandle,
    sealing: &Sealing,
    (writer, media_type): (&Name, &str),
    bytes: &[u8],
    about: About,
) -> Result<Batch, Refusal> {
    let unsealed = event(writer, media_type, bytes);
    let salt = sealing.salt();
    let sealed = seal_event(&unsealed, &[ToSeal { path: DIGEST_PATH, salt: &salt }])
        .map_err(|error| Refusal::new(Code::BadEvent, error.to_string()))?;
    let (disclosure, digest) = (sealed.disclosures.concat(), &sealed.digests[0]);
    let About { subject, class } = about;
    let keys = sealing.keys_of(&subject)?;
    let closed = close_blob(&keys, (log.origin().as_str(), digest), bytes, sealing.random());
    let path = DIGEST_PATH.to_owned();
    let sidecars = vec![
        Sidecar::Disclosure { event: 0, disclosure, path, subject, class },
        Sidecar::SealedBlob { event: 0, bytes: closed },
    ];
    Ok(Batch { events: vec![sealed.event], sidecars, ..Batch::default() })
}

/// The blob among an entry's sidecars that has this digest, if the event states it.
pub(crate) fn find(
    event: &[u8],
    sidecars: Vec<StoredSidecar>,
    digest: &str,
) -> Result<Vec<u8>, Refusal> {
    let refuse = |code, detail| Refusal::new(code, detail).in_field("digest");
    if !holds(event, digest) {
        return Err(refuse(Code::NotFound, "the entry names no blob of this digest"));
    }
    let mut blobs = sidecars.into_iter().filter(|sidecar| sidecar.kind == SidecarKind::Blob);
    let mut is_empty = true;
    let found = blobs.find(|blob| {
        is_empty = false;
        hex_digest(&blob.bytes) == digest
    });
    match found {
        Some(blob) => Ok(blob.bytes),
        None if is_empty => Err(refuse(Code::NotFound, "the entry came without its blob")),
        None => Err(refuse(Code::Unavailable, "the vault has other bytes than the entry states")),
    }
}

/// The sealed blob beside a revealed value, if that value is the digest of one.
pub(crate) fn open_beside(
    sidecars: &[StoredSidecar],
    keys: &SubjectKeys,
    (origin, digest): (&str, &str),
    (path, value_json): (&str, &[u8]),
) -> Result<Option<Vec<u8>>, Refusal> {
    if !is_digest_path(path) {
        return Ok(None);
    }
    let sealed = sidecars.iter().filter(|sidecar| sidecar.kind == SidecarKind::SealedBlob);
    let mut closed = sealed.filter_map(|sidecar| ClosedBlob::parse(&sidecar.bytes).ok());
    let opened = closed.find_map(|closed| closed.open(keys, origin, digest).ok());
    match opened {
        Some(blob) if format!("\"{}\"", hex_digest(&blob)).as_bytes() != value_json => {
            Err(Refusal::new(Code::Unavailable, "the vault has other bytes than the entry states"))
        }
        opened => Ok(opened),
    }
}

fn event(writer: &Name, media_type: &str, bytes: &[u8]) -> Vec<u8> {
    let blob =
        json!({"length": bytes.len(), "media_type": media_type, "sha256": hex_digest(bytes)});
    let actor = json!({"type": "service", "id": writer.as_str()});
    let event = json!({"actor": actor, "action": ACTION, "data": {"blob": blob}});
    event.to_string().into_bytes()
}

/// Whether an event states the digest of a blob with these bytes.
pub(crate) fn states(event: &[u8], bytes: &[u8]) -> bool {
    holds(event, &hex_digest(bytes))
}

/// Whether a value at this path may be the digest of a blob.
pub(crate) fn is_digest_path(path: &str) -> bool {
    path.ends_with(DIGEST_STEP)
}

fn holds(event: &[u8], digest: &str) -> bool {
    let quoted = format!("\"{digest}\"");
    event.windows(quoted.len()).any(|part| part == quoted.as_bytes())
}

/// Whether a text has the form in which entries state a blob's digest.
pub(crate) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
