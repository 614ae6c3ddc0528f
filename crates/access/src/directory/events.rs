//! The directory's events: made for `system`, and read back from it.

use graven_entry::{LogName, Time, pointer, string_value};
use serde_json::{Value, json};

use super::{Credential, Proof, ReplayError};
use crate::Class;
use crate::certificate::CertificateName;
use crate::grant::Grant;
use crate::principal::PrincipalId;
use crate::role::Role;
use crate::token::{TokenHash, TokenId};

/// A credential is made or revoked.
pub(super) const TOKEN: &str = "graven.token";
/// A role is given or taken.
pub(super) const GRANT: &str = "graven.grant";
/// A credential was used for the first time in an hour, or was not good.
const LOGIN: &str = "graven.login";

/// What an event says.
#[derive(Debug)]
pub(super) enum Told {
    Create(PrincipalId, Credential),
    Revoke(PrincipalId),
    LostKey,
    Add(PrincipalId, Grant),
    Remove(PrincipalId, Grant),
    Login(PrincipalId),
}

pub(super) fn create(actor: &PrincipalId, id: &PrincipalId, credential: &Credential) -> Vec<u8> {
    let mut data = match &credential.proof {
        Proof::Token(id, hash) => {
            json!({"op": "create", "token": id.as_str(), "hash": hash.to_base64()})
        }
        Proof::Certificate(name) => json!({"op": "create", "certificate": name.as_str()}),
        Proof::Issuer(issuer) => json!({"op": "create", "issuer": issuer}),
    };
    if let Some(expires) = credential.expires {
        data["expires"] = expires.to_string().into();
    }
    event(actor, TOKEN, id, data)
}

pub(super) fn revoke(actor: &PrincipalId, id: &PrincipalId) -> Vec<u8> {
    event(actor, TOKEN, id, json!({"op": "revoke"}))
}

pub(super) fn lost_key() -> Vec<u8> {
    let event = json!({
        "actor": {"id": "graven"},
        "action": TOKEN,
        "target": {"type": "server", "id": "graven"},
        "outcome": "success",
        "reason": "the key of all tokens is lost: every one is revoked, and admin.token has every right",
        "data": {"op": "lost_key"},
    });
    event.to_string().into_bytes()
}

pub(super) fn grant(actor: &PrincipalId, id: &PrincipalId, op: &str, grant: &Grant) -> Vec<u8> {
    let mut data = json!({"op": op, "role": grant.role.as_str()});
    if let Some(log) = &grant.log {
        data["log"] = log.as_str().into();
    }
    if let Some(class) = grant.class {
        data["class"] = class.as_str().into();
    }
    event(actor, GRANT, id, data)
}

fn event(actor: &PrincipalId, action: &str, id: &PrincipalId, data: Value) -> Vec<u8> {
    let event = json!({
        "actor": {"id": actor.as_str()},
        "action": action,
        "target": {"type": "principal", "id": id.as_str()},
        "outcome": "success",
        "data": data,
    });
    event.to_string().into_bytes()
}

/// What the event says to a directory; most say nothing.
pub(super) fn read(event: &[u8]) -> Result<Option<Told>, ReplayError> {
    let text = |path: &str| pointer(event, path).and_then(string_value);
    let action = text("/action").unwrap_or_default();
    if action == LOGIN {
        let is_good = text("/outcome").is_some_and(|outcome| outcome == "success");
        let id = text("/actor/id").filter(|_| is_good);
        return Ok(id.and_then(|id| PrincipalId::parse(&id).ok()).map(Told::Login));
    }
    if action != TOKEN && action != GRANT {
        return Ok(None);
    }
    let fail = |why: &str| ReplayError { action: action.to_string(), why: why.to_owned() };
    if text("/outcome").is_none_or(|outcome| outcome != "success") {
        return Ok(None);
    }
    let op = text("/data/op").unwrap_or_default();
    if (&*action, &*op) == (TOKEN, "lost_key") {
        return Ok(Some(Told::LostKey));
    }
    let id = text("/target/id").ok_or_else(|| fail("target.id is missing"))?;
    let id = PrincipalId::parse(&id).map_err(|error| fail(&error.to_string()))?;
    match (&*action, &*op) {
        (TOKEN, "create") => read_credential(event)
            .map(|credential| Some(Told::Create(id, credential)))
            .ok_or_else(|| fail("data has no credential or expires as it should be")),
        (TOKEN, "revoke") => Ok(Some(Told::Revoke(id))),
        (GRANT, "add" | "remove") => {
            let grant =
                read_grant(event).ok_or_else(|| fail("data has no known role, log or class"))?;
            Ok(Some(if op == "add" { Told::Add(id, grant) } else { Told::Remove(id, grant) }))
        }
        _ => Err(fail("data.op is not known to this version")),
    }
}

fn read_credential(event: &[u8]) -> Option<Credential> {
    let text = |path: &str| pointer(event, path).and_then(string_value);
    let expires = match pointer(event, "/data/expires") {
        None => None,
        Some(raw) => Some(string_value(raw)?.parse::<Time>().ok()?),
    };
    let proof = match (text("/data/certificate"), text("/data/issuer")) {
        (Some(name), _) => Proof::Certificate(CertificateName::parse(&name)?),
        (None, Some(issuer)) => Proof::Issuer(issuer.into_owned()),
        (None, None) => Proof::Token(
            TokenId::parse(&text("/data/token")?)?,
            TokenHash::from_base64(&text("/data/hash")?)?,
        ),
    };
    Some(Credential { proof, expires })
}

fn read_grant(event: &[u8]) -> Option<Grant> {
    let role = pointer(event, "/data/role").and_then(string_value)?;
    let log = match pointer(event, "/data/log") {
        None => None,
        Some(raw) => Some(LogName::new(&string_value(raw)?).ok()?),
    };
    let class = match pointer(event, "/data/class") {
        None => None,
        Some(raw) => Some(Class::parse(&string_value(raw)?)?),
    };
    Some(Grant { role: Role::parse(&role)?, log, class })
}
