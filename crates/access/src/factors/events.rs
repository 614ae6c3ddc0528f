//! The events of second factors: made for `system`, and read back from it.

use std::collections::BTreeSet;

use graven_entry::{pointer, string_value};
use serde_json::{Value, json};

use super::{Factor, FactorId, FactorKind, FactorName, SealedAt, Used};
use crate::approvals::{Privilege, events as approvals};
use crate::directory::ReplayError;
use crate::principal::PrincipalId;
use crate::webauthn::{PasskeyId, PasskeyKey, Registered};

/// A factor is begun, added or removed.
const FACTOR: &str = "graven.factor";
/// Somebody signed in.
const LOGIN: &str = "graven.login";
/// A credential is made or revoked; of these only the loss of all counts here.
const TOKEN: &str = "graven.token";
/// The kind of policy that says what needs strong authentication.
const KIND: &str = "strong_auth";
/// RFC 6901 path of the secret in the event that begins a TOTP factor.
pub const TOTP_SECRET_PATH: &str = "/data/secret";

/// What an event says.
pub(super) enum Told {
    Add(PrincipalId, FactorId, FactorKind),
    Remove(PrincipalId, FactorId),
    Used(PrincipalId, FactorId, Used),
    LostKey,
    Demanded(BTreeSet<Privilege>),
}

pub(super) fn begin(who: &PrincipalId, id: &FactorId, secret: &str) -> Vec<u8> {
    let kind = FactorName::Totp.as_str();
    let data = json!({"op": "begin", "kind": kind, "factor": id.as_str(), "secret": secret});
    event(who, who, data)
}

pub(super) fn add_totp(who: &PrincipalId, id: &FactorId, secret: &SealedAt, step: u64) -> Vec<u8> {
    let data = json!({
        "op": "add",
        "kind": FactorName::Totp.as_str(),
        "factor": id.as_str(),
        "origin": secret.origin,
        "entry": secret.index,
        "step": step,
    });
    event(who, who, data)
}

pub(super) fn add_passkey(who: &PrincipalId, id: &FactorId, passkey: &Registered) -> Vec<u8> {
    let data = json!({
        "op": "add",
        "kind": FactorName::Passkey.as_str(),
        "factor": id.as_str(),
        "passkey": passkey.id.to_string(),
        "key": passkey.key.to_base64(),
        "counter": passkey.counter,
    });
    event(who, who, data)
}

pub(super) fn remove(actor: &PrincipalId, who: &PrincipalId, id: &FactorId) -> Vec<u8> {
    event(actor, who, json!({"op": "remove", "factor": id.as_str()}))
}

/// Has what the records of other log-ins have, so that whoever reads these understands it.
pub(super) fn login(who: &PrincipalId, factor: &Factor, used: Used, address: &str) -> Vec<u8> {
    let (name, number) = match used {
        Used::Step(step) => ("step", step),
        Used::Counter(counter) => ("counter", u64::from(counter)),
    };
    let mut data = json!({
        "detail": factor.name().auth(),
        "requests": 1,
        "results": 0,
        "factor": factor.id.as_str(),
    });
    data[name] = number.into();
    let event = json!({
        "actor": {"id": who.as_str()},
        "action": LOGIN,
        "target": {"type": "principal", "id": who.as_str()},
        "outcome": "success",
        "context": {"ip": address},
        "data": data,
    });
    event.to_string().into_bytes()
}

pub(super) fn demanded(before: &BTreeSet<Privilege>, after: &BTreeSet<Privilege>) -> Vec<u8> {
    approvals::set(KIND, before, after)
}

fn event(actor: &PrincipalId, who: &PrincipalId, data: Value) -> Vec<u8> {
    let event = json!({
        "actor": {"id": actor.as_str()},
        "action": FACTOR,
        "target": {"type": "principal", "id": who.as_str()},
        "outcome": "success",
        "data": data,
    });
    event.to_string().into_bytes()
}

/// The factor that an event of this principal begins.
pub(super) fn begun(who: &PrincipalId, event: &[u8]) -> Option<FactorId> {
    let text = |path: &str| pointer(event, path).and_then(string_value);
    let is_ours = text("/action")? == FACTOR
        && text("/target/id")? == who.as_str()
        && text("/data/op")? == "begin";
    FactorId::parse(&text("/data/factor")?).filter(|_| is_ours)
}

/// What the event says of factors; most say nothing.
pub(super) fn read(event: &[u8]) -> Result<Option<Told>, ReplayError> {
    let text = |path: &str| pointer(event, path).and_then(string_value);
    let action = text("/action").unwrap_or_default();
    let op = text("/data/op").unwrap_or_default();
    // Refusals for want of a right are recorded under the same actions.
    if text("/outcome").as_deref() != Some("success") {
        return Ok(None);
    }
    if (&*action, &*op) == (TOKEN, "lost_key") {
        return Ok(Some(Told::LostKey));
    }
    if let Some(demanded) = approvals::read_set(KIND, event)? {
        return Ok(Some(Told::Demanded(demanded)));
    }
    if action == LOGIN {
        return Ok(read_login(event));
    }
    if action != FACTOR || op == "begin" {
        return Ok(None);
    }
    let fail = |why: &str| ReplayError { action: FACTOR.to_owned(), why: why.to_owned() };
    let who = text("/target/id").and_then(|id| PrincipalId::parse(&id).ok());
    let who = who.ok_or_else(|| fail("target.id is no principal"))?;
    let id = text("/data/factor").and_then(|id| FactorId::parse(&id));
    let id = id.ok_or_else(|| fail("data.factor is no name"))?;
    match &*op {
        "add" => {
            let kind = read_kind(event).ok_or_else(|| fail("data does not make a factor"))?;
            Ok(Some(Told::Add(who, id, kind)))
        }
        "remove" => Ok(Some(Told::Remove(who, id))),
        _ => Err(fail("data.op is not known to this version")),
    }
}

fn read_kind(event: &[u8]) -> Option<FactorKind> {
    let text = |path: &str| pointer(event, path).and_then(string_value);
    match &*text("/data/kind")? {
        "totp" => {
            let origin = text("/data/origin")?.into_owned();
            let secret = SealedAt { origin, index: number(event, "/data/entry")? };
            Some(FactorKind::Totp { secret, last_step: number(event, "/data/step")? })
        }
        "passkey" => Some(FactorKind::Passkey {
            id: PasskeyId::parse(&text("/data/passkey")?)?,
            key: PasskeyKey::from_base64(&text("/data/key")?)?,
            counter: number(event, "/data/counter")?.try_into().ok()?,
        }),
        _ => None,
    }
}

/// Log-ins without a factor are no business of this one.
fn read_login(event: &[u8]) -> Option<Told> {
    let text = |path: &str| pointer(event, path).and_then(string_value);
    let id = FactorId::parse(&text("/data/factor")?)?;
    let who = PrincipalId::parse(&text("/actor/id")?).ok()?;
    let counter = || Some(Used::Counter(number(event, "/data/counter")?.try_into().ok()?));
    let used = number(event, "/data/step").map(Used::Step).or_else(counter)?;
    Some(Told::Used(who, id, used))
}

fn number(event: &[u8], path: &str) -> Option<u64> {
    serde_json::from_slice(pointer(event, path)?).ok()
}
