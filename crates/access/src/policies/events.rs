//! The events of `system` that change a policy: made, and read back.

use graven_entry::{pointer, string_value};
use serde_json::json;

use crate::audit::POLICY;
use crate::directory::ReplayError;
use crate::principal::PrincipalId;

/// The kind of policy that is ours.
const KIND: &str = "access";

pub(super) fn change(
    actor: &PrincipalId,
    id: &str,
    before: Option<&str>,
    after: Option<&str>,
) -> Vec<u8> {
    let event = json!({
        "actor": {"id": actor.as_str()},
        "action": POLICY,
        "target": {"type": "policy", "id": id},
        "outcome": "success",
        "data": {"kind": KIND, "before": before, "after": after},
    });
    event.to_string().into_bytes()
}

/// The policy that an event sets, and its text; none where it is taken away. Most events set none.
pub(super) fn read(event: &[u8]) -> Result<Option<(String, Option<String>)>, ReplayError> {
    let text = |path: &str| pointer(event, path).and_then(string_value);
    let is_ours = text("/action").as_deref() == Some(POLICY)
        && text("/outcome").as_deref() == Some("success")
        && text("/data/kind").as_deref() == Some(KIND);
    if !is_ours {
        return Ok(None);
    }
    let id = text("/target/id").ok_or_else(|| fail("target.id is missing"))?.into_owned();
    match pointer(event, "/data/after") {
        Some(b"null") => Ok(Some((id, None))),
        Some(raw) => {
            let after = string_value(raw).ok_or_else(|| fail("data.after is no text"))?;
            Ok(Some((id, Some(after.into_owned()))))
        }
        None => Err(fail("data.after is missing")),
    }
}

pub(super) fn fail(why: &str) -> ReplayError {
    ReplayError { action: POLICY.to_owned(), why: why.to_owned() }
}
