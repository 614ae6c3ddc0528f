//! Erasing a subject: an entry of `system` before it happens, and one with the counts after it.

use std::collections::BTreeSet;

use access::{ClosedValue, KeyId, KeyringError};
use append::{Code, Refusal};
use graven_entry::{Entry, Name, elements, pointer, string_value};
use graven_merkle::LeafIndex;
use log::{Cell, SidecarKind};
use serde_json::{Value, json};

use crate::limits::REASON_BYTES_MAX;
use crate::sealing::Sealing;

/// The action of both entries of an erasure.
const ERASURE: &str = "graven.erasure";

/// What was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The key that was destroyed.
    pub key: KeyId,
    /// Sealed values whose ciphertext was taken out of the vault.
    pub values: u64,
}

/// Who does it, and why.
#[derive(Clone, Copy, Debug)]
pub struct Because<'a> {
    /// The principal.
    pub who: &'a Name,
    /// Why, for those who read `system`: no personal data.
    pub reason: &'a str,
}

/// Erases a subject: first the erasure entry, with the key's id and the pseudonym only, then the key, then the ciphertext, then
/// the entry with the counts. A crash in between is finished by [`finish_erasures`] at the next start. Blocks.
pub fn erase(
    cell: &Cell,
    sealing: &Sealing,
    subject: &str,
    because: Because<'_>,
) -> Result<Erased, Refusal> {
    check_reason(because.reason)?;
    let unknown = || {
        let detail = "this server has no key of that subject: nothing of it is sealed here, or it is erased already";
        Refusal::new(Code::NotFound, detail).in_field("subject")
    };
    let key = sealing.keyring.find(subject).ok_or_else(unknown)?;
    if sealing.keyring.is_held(key).map_err(refusal)? {
        return Err(refusal(KeyringError::Held { key }));
    }
    let pseudonym = sealing.keyring.keys(key).map_err(refusal)?.pseudonym(subject);
    let data = json!({
        "op": "begin",
        "keys": [key.to_string()],
        "pseudonyms": [pseudonym],
        "reason": because.reason,
    });
    record(cell, because.who, ERASURE, data)?;
    destroy(cell, sealing, because.who, key)
}

/// Destroys again every key that an erasure entry names, since the keyring may be an old one that was put back, and finishes
/// the erasures that a crash cut off. For the start, before any reveal; says how many keys it destroyed. Blocks.
pub fn finish_erasures(cell: &Cell, sealing: &Sealing, who: &Name) -> Result<u64, Refusal> {
    let (mut begun, mut done) = (BTreeSet::new(), BTreeSet::new());
    for log in cell.system_logs() {
        for index in (0..log.info().size.0).map(LeafIndex) {
            let bytes = log.entry(index).map_err(|error| Refusal::from(&error))?;
            let Some((op, keys)) = read_erasure(&bytes) else { continue };
            if op == "begin" { begun.extend(keys) } else { done.extend(keys) }
        }
    }
    let destroyed = sealing.keyring.destroy_again(begun.iter().copied()).map_err(refusal)?;
    for key in begun.difference(&done) {
        destroy(cell, sealing, who, *key)?;
    }
    Ok(destroyed)
}

/// Key, ciphertext, counts: what follows the first entry of an erasure. Doing it again is safe.
fn destroy(cell: &Cell, sealing: &Sealing, who: &Name, key: KeyId) -> Result<Erased, Refusal> {
    match sealing.keyring.destroy(key) {
        // A keyring that lost it has nothing to destroy.
        Ok(_) | Err(KeyringError::NoSuchKey { .. }) => {}
        Err(error) => return Err(refusal(error)),
    }
    let unavailable = |why: String| Refusal::new(Code::Unavailable, why);
    // What still stands in the journal alone has to be in the vault first, to be taken out of it.
    cell.unload().map_err(unavailable)?;
    let mut values = 0;
    for log in cell.logs() {
        let gone = log.erase_sidecars(|sidecar| {
            let closed = ClosedValue::parse(&sidecar.bytes);
            sidecar.kind == SidecarKind::Disclosure && closed.is_ok_and(|closed| closed.key == key)
        });
        values += gone.map_err(|error| Refusal::from(&error))?;
    }
    let data = json!({"op": "done", "keys": [key.to_string()], "values": values});
    record(cell, who, ERASURE, data)?;
    Ok(Erased { key, values })
}

/// What an entry of `system` says of an erasure, if it is one: `begin` or `done`, and the keys.
fn read_erasure(bytes: &[u8]) -> Option<(String, Vec<KeyId>)> {
    let entry = Entry::parse(bytes).ok()?;
    let text = |path| pointer(entry.event, path).and_then(string_value);
    if !entry.header.auth.is_log() || text("/action")? != ERASURE {
        return None;
    }
    let keys = elements(pointer(entry.event, "/data/keys")?);
    let keys = keys.filter_map(|raw| KeyId::parse(&string_value(raw)?));
    Some((text("/data/op")?.into_owned(), keys.collect()))
}

/// Appends an entry to `system` and waits until it is permanent.
pub(crate) fn record(cell: &Cell, who: &Name, action: &str, data: Value) -> Result<(), Refusal> {
    let actor = json!({"type": "user", "id": who.as_str()});
    let event = json!({"actor": actor, "action": action, "data": data});
    cell.record(vec![event.to_string().into_bytes()])?.wait()?;
    Ok(())
}

pub(crate) fn check_reason(reason: &str) -> Result<(), Refusal> {
    if (1..=REASON_BYTES_MAX).contains(&reason.len()) {
        return Ok(());
    }
    let detail =
        format!("the reason has {} bytes; 1 to {REASON_BYTES_MAX} are needed", reason.len());
    Err(Refusal::new(Code::BadEvent, detail).in_field("reason"))
}

pub(crate) fn refusal(error: KeyringError) -> Refusal {
    let code = match error {
        KeyringError::Held { .. } => Code::Held,
        KeyringError::Destroyed { .. } => Code::Expired,
        _ => Code::Unavailable,
    };
    Refusal::new(code, error.to_string())
}

#[cfg(test)]
#[path = "tests/erasure.rs"]
mod tests;
