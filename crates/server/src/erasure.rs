//! Erasing a subject, and revealing one value: both are entries of `system` before they happen.

use std::collections::BTreeSet;

use access::{ClosedValue, KeyId, KeyringError, OpenedValue};
use append::{Code, Refusal};
use graven_entry::{Disclosure, Entry, Name, elements, pointer, string_value};
use graven_merkle::LeafIndex;
use log::{Cell, LogHandle, SidecarKind};
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

/// One value, opened for someone who may see it.
#[derive(Debug)]
pub struct Revealed {
    /// Path, class and disclosure.
    pub opened: OpenedValue,
    /// The value, as the JSON text in which it was written.
    pub value_json: Vec<u8>,
    /// The entry's tlog-proof.
    pub proof: String,
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

/// Opens one sealed value of one entry. The entry that says so stands in `system` before the value is handed out. Blocks.
pub fn reveal(
    cell: &Cell,
    sealing: &Sealing,
    (log, index): (&LogHandle, LeafIndex),
    path: &str,
    because: Because<'_>,
) -> Result<Revealed, Refusal> {
    check_reason(because.reason)?;
    let origin = log.info().origin;
    let sidecars = log.sidecars(index).map_err(|error| Refusal::from(&error))?;
    let mut is_erased = false;
    for sidecar in sidecars.iter().filter(|sidecar| sidecar.kind == SidecarKind::Disclosure) {
        let Ok(closed) = ClosedValue::parse(&sidecar.bytes) else { continue };
        let keys = match sealing.keyring.keys(closed.key) {
            Err(KeyringError::Destroyed { .. }) => {
                is_erased = true;
                continue;
            }
            other => other.map_err(refusal)?,
        };
        let Ok(opened) = closed.open(&keys, origin.as_str()) else { continue };
        if opened.path != path {
            continue;
        }
        let disclosure = Disclosure::parse(&opened.disclosure)
            .map_err(|error| Refusal::new(Code::Unavailable, error.to_string()))?;
        let proof = log.proof(index).map_err(|error| Refusal::from(&error))?;
        let data = json!({
            "origin": origin.as_str(),
            "index": index.0,
            "digest": closed.digest(),
            "class": opened.class.as_str(),
            "reason": because.reason,
        });
        record(cell, because.who, "graven.reveal", data)?;
        return Ok(Revealed { opened, value_json: disclosure.value_json, proof });
    }
    let (code, detail) = if is_erased {
        (
            Code::Expired,
            "values of this entry were erased, and what is left does not hold that path",
        )
    } else {
        (Code::NotFound, "no sealed value of this entry belongs there")
    };
    Err(Refusal::new(code, detail).in_field("path"))
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
fn record(cell: &Cell, who: &Name, action: &str, data: Value) -> Result<(), Refusal> {
    let actor = json!({"type": "user", "id": who.as_str()});
    let event = json!({"actor": actor, "action": action, "data": data});
    cell.record(vec![event.to_string().into_bytes()])?.wait()?;
    Ok(())
}

fn check_reason(reason: &str) -> Result<(), Refusal> {
    if (1..=REASON_BYTES_MAX).contains(&reason.len()) {
        return Ok(());
    }
    let detail =
        format!("the reason has {} bytes; 1 to {REASON_BYTES_MAX} are needed", reason.len());
    Err(Refusal::new(Code::BadEvent, detail).in_field("reason"))
}

fn refusal(error: KeyringError) -> Refusal {
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
