//! Revealing one sealed value: [`open`] finds it, and [`tell`] has an entry of `system` say who, why and which before it goes
//! out. Between the two a second person may be asked.

use access::{Class, ClosedValue, KeyId, KeyringError, OpenedValue};
use append::{Code, Refusal};
use graven_entry::Disclosure;
use graven_merkle::LeafIndex;
use log::{Cell, LogHandle, SidecarKind};
use serde_json::json;

use crate::blob;
use crate::erasure::{Because, REVEAL, check_reason, record, refusal};
use crate::sealing::Sealing;

/// One value, opened for someone who may see it.
#[derive(Debug)]
pub struct Revealed {
    /// Path, class and disclosure.
    pub opened: OpenedValue,
    /// The value, as the JSON text in which it was written.
    pub value_json: Vec<u8>,
    /// The entry's tlog-proof.
    pub proof: String,
    /// The sealed blob whose digest the value is.
    pub blob: Option<Vec<u8>>,
    /// The digest that stands for it in the entry.
    pub digest: String,
    /// The subject's key.
    pub key: KeyId,
}

/// Which value is asked for, and which classes the caller may open.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The log.
    pub log: &'a LogHandle,
    /// The entry.
    pub index: LeafIndex,
    /// RFC 6901 path of the value in the opened event.
    pub path: &'a str,
    /// Whether the caller may open values of a class.
    pub may: &'a dyn Fn(Class) -> bool,
}

/// Opens one sealed value of one entry, and tells it before it is handed out. Blocks.
pub fn reveal(
    cell: &Cell,
    sealing: &Sealing,
    wanted: Wanted<'_>,
    because: Because<'_>,
) -> Result<Revealed, Refusal> {
    let revealed = open(cell, sealing, wanted, because.reason)?;
    tell(cell, (wanted.log, wanted.index), &revealed, because)?;
    Ok(revealed)
}

/// Appends the entry that says who opened a value, and why; it is permanent when this returns. Blocks.
pub(crate) fn tell(
    cell: &Cell,
    (log, index): (&LogHandle, LeafIndex),
    revealed: &Revealed,
    because: Because<'_>,
) -> Result<(), Refusal> {
    let data = json!({
        "origin": log.origin().as_str(),
        "index": index.0,
        "digest": revealed.digest,
        "key": revealed.key.to_string(),
        "class": revealed.opened.class.as_str(),
        "reason": because.reason,
    });
    record(cell, because.who, REVEAL, data)
}

/// Opens one sealed value of one entry, which may not be handed out before it is told. A value of a class that the caller may
/// not open is [`Code::Forbidden`]. Blocks.
pub(crate) fn open(
    cell: &Cell,
    sealing: &Sealing,
    wanted: Wanted<'_>,
    reason: &str,
) -> Result<Revealed, Refusal> {
    check_reason(reason)?;
    cell.check_own_room()?;
    let Wanted { log, index, path, may } = wanted;
    let origin = log.origin();
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
        if !may(opened.class) {
            let detail = format!("values of class {} are not yours to open", opened.class.as_str());
            return Err(Refusal::new(Code::Forbidden, detail).in_field("path"));
        }
        let disclosure = Disclosure::parse(&opened.disclosure)
            .map_err(|error| Refusal::new(Code::Unavailable, error.to_string()))?;
        let digest = closed.digest();
        let value = (path, disclosure.value_json.as_slice());
        let blob = blob::open_beside(&sidecars, &keys, (origin.as_str(), &digest), value)?;
        let proof = log.proof(index).map_err(|error| Refusal::from(&error))?;
        let (value_json, key) = (disclosure.value_json, closed.key);
        return Ok(Revealed { opened, value_json, proof, blob, digest, key });
    }
    Err(nothing(is_erased))
}

/// There is no such value, for this caller.
fn nothing(is_erased: bool) -> Refusal {
    let (code, detail) = if is_erased {
        let detail = "values of this entry were erased, and what is left does not hold that path";
        (Code::Expired, detail)
    } else {
        (Code::NotFound, "this entry has no sealed value at that path that you may open")
    };
    Refusal::new(code, detail).in_field("path")
}

/// The answer in the place of a refusal that would say that there is a value of another class.
pub(crate) fn hidden() -> Refusal {
    nothing(false)
}
