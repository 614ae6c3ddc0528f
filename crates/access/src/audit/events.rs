//! The events of `system` that change an audit policy: made, and read back.

use graven_entry::{pointer, string_value};
use serde_json::{Value, json};

use crate::directory::ReplayError;
use crate::principal::PrincipalId;

/// The action of every change of a policy; `data.kind` says of which.
pub(crate) const POLICY: &str = "graven.policy";
/// The kind that is ours.
const KIND: &str = "audit";

pub(super) fn change(
    actor: &PrincipalId,
    log: &str,
    version: u64,
    (before, after): (&Value, &Value),
) -> Vec<u8> {
    let event = json!({
        "actor": {"id": actor.as_str()},
        "action": POLICY,
        "target": {"type": "log", "id": log},
        "outcome": "success",
        "data": {"kind": KIND, "version": version, "before": before, "after": after},
    });
    event.to_string().into_bytes()
}

/// The log, the version and the policy that an event sets; most set none.
pub(super) fn read(event: &[u8]) -> Result<Option<(String, u64, Value)>, ReplayError> {
    let text = |path: &str| pointer(event, path).and_then(string_value);
    // A refusal for want of a right is recorded under the same action.
    let is_ours = text("/action").as_deref() == Some(POLICY)
        && text("/outcome").as_deref() == Some("success")
        && text("/data/kind").as_deref() == Some(KIND);
    if !is_ours {
        return Ok(None);
    }
    let log = text("/target/id").ok_or_else(|| fail("target.id is missing"))?;
    let number = |path| pointer(event, path).and_then(|raw| serde_json::from_slice(raw).ok());
    let version = number("/data/version").ok_or_else(|| fail("data.version is no number"))?;
    let after = pointer(event, "/data/after").ok_or_else(|| fail("data.after is missing"))?;
    let after = serde_json::from_slice(after).map_err(|error| fail(&error.to_string()))?;
    Ok(Some((log.into_owned(), version, after)))
}

pub(super) fn fail(why: &str) -> ReplayError {
    ReplayError { action: POLICY.to_owned(), why: why.to_owned() }
}
