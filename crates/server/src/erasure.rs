//! Erasing a subject: an entry of `system` before it happens, and one with the counts after it. Legal hold keeps it off.

use std::collections::{BTreeMap, BTreeSet};

use access::{ClosedBlob, ClosedValue, KeyId, KeyringError};
use append::{Code, Refusal};
use graven_entry::{Entry, Name, elements, pointer, string_value};
use graven_merkle::LeafIndex;
use log::{Cell, SidecarKind};
use serde_json::{Value, json};

use crate::erased::Erased;
use crate::limits::{REASON_BYTES_MAX, REVEALED_TO_MAX};
use crate::sealing::{Custody, Sealing};

/// The action of both entries of an erasure.
const ERASURE: &str = "graven.erasure";
/// The action of what is done about a legal hold.
const HOLD: &str = "graven.hold";
/// The action of a look-up.
const SUBJECT: &str = "graven.subject";
/// The action of an opened value.
pub(crate) const REVEAL: &str = "graven.reveal";

/// What the keyring knows of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its key.
    pub key: KeyId,
    /// What stands for it in events.
    pub pseudonym: String,
    /// Whether it is under legal hold.
    pub is_held: bool,
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
///
/// Asked again, it says what it said the first time. That memory is this process's: what would outlive it would tie the
/// subject to what was erased.
pub fn erase(
    cell: &Cell,
    sealing: &Sealing,
    subject: &str,
    because: Because<'_>,
) -> Result<Erased, Refusal> {
    let mut custody = sealing.custody();
    let found = match to_erase(cell, sealing, &custody, (subject, because))? {
        ToErase::Subject(found) => found,
        ToErase::Done(erased) => return Ok(erased),
    };
    let key = found.key;
    let data = json!({
        "op": "begin",
        "keys": [key.to_string()],
        "pseudonyms": [found.pseudonym],
        "reason": because.reason,
    });
    record(cell, because.who, ERASURE, data)?;
    let values = destroy(cell, sealing, because.who, key)?;
    let (revealed, revealed_to) = revealed(cell, key)?;
    let pseudonym = found.pseudonym;
    let erased = Erased { key, pseudonym, values, revealed, revealed_to, repeated: false };
    custody.remember(subject, &erased);
    Ok(erased)
}

/// What an erasure is about.
pub(crate) enum ToErase {
    Subject(Subject),
    /// It was done before.
    Done(Erased),
}

/// What [`erase`] would erase now; nothing happens to it. Blocks.
pub(crate) fn check_erase(
    cell: &Cell,
    sealing: &Sealing,
    subject: &str,
    because: Because<'_>,
) -> Result<ToErase, Refusal> {
    to_erase(cell, sealing, &sealing.custody(), (subject, because))
}

/// The subject of an erasure, if nothing is against it. That a hold kept one off is told.
fn to_erase(
    cell: &Cell,
    sealing: &Sealing,
    custody: &Custody<'_>,
    (subject, because): (&str, Because<'_>),
) -> Result<ToErase, Refusal> {
    check_reason(because.reason)?;
    let found = match find(sealing, subject) {
        Err(refusal) if refusal.code == Code::NotFound => {
            return custody.erased(subject).map(ToErase::Done).ok_or(refusal);
        }
        found => found?,
    };
    if found.is_held {
        let key = found.key;
        let data = json!({"op": "blocked", "key": key.to_string(), "reason": because.reason});
        record(cell, because.who, HOLD, data)?;
        return Err(refusal(KeyringError::Held { key }));
    }
    Ok(ToErase::Subject(found))
}

/// Puts a subject under legal hold, or releases it. Whether that changed anything. Blocks.
pub fn set_hold(
    cell: &Cell,
    sealing: &Sealing,
    (subject, is_held): (&str, bool),
    because: Because<'_>,
) -> Result<(Subject, bool), Refusal> {
    check_reason(because.reason)?;
    let _custody: Custody<'_> = sealing.custody();
    let found = find(sealing, subject)?;
    if found.is_held == is_held {
        return Ok((found, false));
    }
    let op = if is_held { "set" } else { "release" };
    let data = json!({"op": op, "key": found.key.to_string(), "reason": because.reason});
    let set = || sealing.keyring.set_held(found.key, is_held).map_err(refusal);
    // Of the two that a crash may part, the hold is the one that stays.
    if is_held {
        set()?;
        record(cell, because.who, HOLD, data)?;
    } else {
        record(cell, because.who, HOLD, data)?;
        set()?;
    }
    Ok((Subject { is_held, ..found }, true))
}

/// What [`show_subject`] would show, which may not be handed out before it is told. Blocks.
pub(crate) fn check_show(
    cell: &Cell,
    sealing: &Sealing,
    subject: &str,
    because: Because<'_>,
) -> Result<Subject, Refusal> {
    check_reason(because.reason)?;
    cell.check_own_room()?;
    find(sealing, subject)
}

/// What stands for a subject in events; the entry that says who looked stands in `system` before. Blocks.
pub fn show_subject(
    cell: &Cell,
    sealing: &Sealing,
    subject: &str,
    because: Because<'_>,
) -> Result<Subject, Refusal> {
    let found = check_show(cell, sealing, subject, because)?;
    let data = json!({"op": "show", "key": found.key.to_string(), "reason": because.reason});
    record(cell, because.who, SUBJECT, data)?;
    Ok(found)
}

/// Destroys again every key that an erasure entry names, since the keyring may be an old one that was put back, and finishes
/// the erasures that a crash cut off; holds that such a keyring lacks are set again. For the start, before any reveal; says how
/// many keys it destroyed. Blocks.
pub fn finish_erasures(cell: &Cell, sealing: &Sealing, who: &Name) -> Result<u64, Refusal> {
    let (mut begun, mut done, mut held) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    each_own(cell, &[ERASURE, HOLD], |action, text, event| {
        let op = text("/data/op");
        match (action, op.as_deref()) {
            (ERASURE, Some("begin")) => begun.extend(keys_of(event)),
            (ERASURE, _) => done.extend(keys_of(event)),
            (_, Some(op @ ("set" | "release"))) => {
                held.extend(
                    text("/data/key").and_then(|key| Some((KeyId::parse(&key)?, op == "set"))),
                );
            }
            _ => {}
        }
    })?;
    let destroyed = sealing.keyring.destroy_again(begun.iter().copied()).map_err(refusal)?;
    for key in begun.difference(&done) {
        destroy(cell, sealing, who, *key)?;
    }
    for key in held.into_iter().filter_map(|(key, is_held)| is_held.then_some(key)) {
        if sealing.keyring.is_held(key).is_ok_and(|is_held| !is_held) {
            sealing.keyring.set_held(key, true).map_err(refusal)?;
        }
    }
    Ok(destroyed)
}

/// The subject's key and what is derived from it.
fn find(sealing: &Sealing, subject: &str) -> Result<Subject, Refusal> {
    let unknown = || {
        let detail = "this server has no key of that subject: nothing of it was ever sealed here, or it was erased, of which no trace of the id is kept";
        Refusal::new(Code::NotFound, detail).in_field("subject")
    };
    let key = sealing.keyring.find(subject).ok_or_else(unknown)?;
    let is_held = sealing.keyring.is_held(key).map_err(refusal)?;
    let pseudonym = sealing.keyring.keys(key).map_err(refusal)?.pseudonym(subject);
    Ok(Subject { key, pseudonym, is_held })
}

/// Key, ciphertext, counts: what follows the first entry of an erasure. Doing it again is safe. How many values went.
fn destroy(cell: &Cell, sealing: &Sealing, who: &Name, key: KeyId) -> Result<u64, Refusal> {
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
            let closed = match sidecar.kind {
                SidecarKind::Disclosure => {
                    ClosedValue::parse(&sidecar.bytes).map(|value| value.key)
                }
                SidecarKind::SealedBlob => ClosedBlob::parse(&sidecar.bytes).map(|blob| blob.key),
                SidecarKind::Blob => return false,
            };
            closed.is_ok_and(|of| of == key)
        });
        values += gone.map_err(|error| Refusal::from(&error))?;
    }
    let data = json!({"op": "done", "keys": [key.to_string()], "values": values});
    record(cell, who, ERASURE, data)?;
    Ok(values)
}

/// How often values under a key were revealed, and to whom.
fn revealed(cell: &Cell, key: KeyId) -> Result<(u64, BTreeSet<String>), Refusal> {
    let (mut count, mut to) = (0, BTreeSet::new());
    let key = key.to_string();
    each_own(cell, &[REVEAL], |_, text, _| {
        if text("/data/key").is_some_and(|of| of == key) {
            count += 1;
            to.extend(text("/actor/id").filter(|_| to.len() < REVEALED_TO_MAX));
        }
    })?;
    Ok((count, to))
}

/// Reads a text of an event.
type Text<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Goes through the server's own entries of these actions, in their order: action, reader of texts, event.
fn each_own(
    cell: &Cell,
    actions: &[&'static str],
    mut take: impl FnMut(&'static str, Text<'_>, &[u8]),
) -> Result<(), Refusal> {
    for log in cell.system_logs() {
        for index in (0..log.size().0).map(LeafIndex) {
            let bytes = log.entry(index).map_err(|error| Refusal::from(&error))?;
            let Ok(entry) = Entry::parse(&bytes) else { continue };
            let text = |path: &str| {
                pointer(entry.event, path).and_then(string_value).map(std::borrow::Cow::into_owned)
            };
            let action = text("/action").filter(|_| entry.header.auth.is_log());
            let action = actions.iter().find(|known| action.as_deref() == Some(**known));
            if let Some(action) = action {
                take(action, &text, entry.event);
            }
        }
    }
    Ok(())
}

fn keys_of(event: &[u8]) -> Vec<KeyId> {
    let keys = pointer(event, "/data/keys").map(elements).into_iter().flatten();
    keys.filter_map(|raw| KeyId::parse(&string_value(raw)?)).collect()
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
