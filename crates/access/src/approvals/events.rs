//! The events of requests and approvals: made for `system`, and read back from it.

use std::collections::BTreeSet;

use graven_entry::{elements, pointer, string_value};
use serde_json::json;

use super::{Privilege, Request};
use crate::Class;
use crate::audit::POLICY;
use crate::directory::ReplayError;
use crate::principal::PrincipalId;
use crate::role::Right;

/// A request, its approval or its use.
const APPROVAL: &str = "graven.approval";
/// The kind of policy that says what needs a second person.
const KIND: &str = "four_eyes";

/// What an event says.
pub(super) enum Told {
    Needed(BTreeSet<Privilege>),
    Request(u64, Request),
    Approve(u64, PrincipalId),
    /// It is done, or will not be.
    End(u64),
}

pub(super) fn request(number: u64, request: &Request) -> Vec<u8> {
    let event = json!({
        "actor": {"id": request.who.as_str()},
        "action": APPROVAL,
        "target": {"type": "approval", "id": number.to_string()},
        "outcome": "success",
        "data": {
            "op": "request",
            "privilege": request.privilege.as_str(),
            "right": request.right.as_str(),
            "log": request.log,
            "class": request.class.map(Class::as_str),
            "what": request.what,
            "expires": request.expires.to_string(),
        },
    });
    event.to_string().into_bytes()
}

pub(super) fn step(who: &PrincipalId, op: &str, number: u64) -> Vec<u8> {
    let event = json!({
        "actor": {"id": who.as_str()},
        "action": APPROVAL,
        "target": {"type": "approval", "id": number.to_string()},
        "outcome": "success",
        "data": {"op": op},
    });
    event.to_string().into_bytes()
}

pub(super) fn needed(before: &BTreeSet<Privilege>, after: &BTreeSet<Privilege>) -> Vec<u8> {
    set(KIND, before, after)
}

/// The event by which something else is asked of privileged things.
pub(crate) fn set(
    kind: &str,
    before: &BTreeSet<Privilege>,
    after: &BTreeSet<Privilege>,
) -> Vec<u8> {
    let names = |set: &BTreeSet<Privilege>| set.iter().map(|one| one.as_str()).collect::<Vec<_>>();
    let event = json!({
        "actor": {"id": "graven"},
        "action": POLICY,
        "target": {"type": "server", "id": "graven"},
        "outcome": "success",
        "data": {"kind": kind, "before": names(before), "after": names(after)},
    });
    event.to_string().into_bytes()
}

/// Of which privileged things an event of this kind asks it; most are of no such kind.
pub(crate) fn read_set(
    kind: &str,
    event: &[u8],
) -> Result<Option<BTreeSet<Privilege>>, ReplayError> {
    let text = |path: &str| pointer(event, path).and_then(string_value);
    let is_ours = text("/action").as_deref() == Some(POLICY)
        && text("/outcome").as_deref() == Some("success")
        && text("/data/kind").as_deref() == Some(kind);
    if !is_ours {
        return Ok(None);
    }
    let fail = |why: &str| ReplayError { action: POLICY.to_owned(), why: why.to_owned() };
    let after = pointer(event, "/data/after").ok_or_else(|| fail("data.after is missing"))?;
    let names = elements(after).map(|raw| Privilege::parse(&string_value(raw)?));
    let names: Option<BTreeSet<Privilege>> = names.collect();
    names.map(Some).ok_or_else(|| fail("data.after names what this version does not know"))
}

pub(super) fn read(event: &[u8]) -> Result<Option<Told>, ReplayError> {
    let text = |path: &str| pointer(event, path).and_then(string_value);
    let action = text("/action").unwrap_or_default();
    if text("/outcome").as_deref() != Some("success") {
        return Ok(None);
    }
    let fail = |why: &str| ReplayError { action: action.to_string(), why: why.to_owned() };
    if let Some(needed) = read_set(KIND, event)? {
        return Ok(Some(Told::Needed(needed)));
    }
    if action != APPROVAL {
        return Ok(None);
    }
    let number = text("/target/id").and_then(|id| id.parse().ok());
    let number: u64 = number.ok_or_else(|| fail("target.id is no number"))?;
    let who = text("/actor/id").and_then(|id| PrincipalId::parse(&id).ok());
    let who = who.ok_or_else(|| fail("actor.id is no principal"))?;
    match text("/data/op").as_deref() {
        Some("request") => {
            let request =
                read_request(event, who).ok_or_else(|| fail("the request is not whole"))?;
            Ok(Some(Told::Request(number, request)))
        }
        Some("approve") => Ok(Some(Told::Approve(number, who))),
        Some("use" | "deny") => Ok(Some(Told::End(number))),
        _ => Err(fail("data.op is not known to this version")),
    }
}

fn read_request(event: &[u8], who: PrincipalId) -> Option<Request> {
    let text = |path: &str| pointer(event, path).and_then(string_value);
    let class = match text("/data/class") {
        Some(name) => Some(Class::parse(&name)?),
        None => None,
    };
    Some(Request {
        who,
        privilege: Privilege::parse(&text("/data/privilege")?)?,
        right: Right::parse(&text("/data/right")?)?,
        log: text("/data/log").map(std::borrow::Cow::into_owned),
        class,
        what: text("/data/what")?.into_owned(),
        expires: text("/data/expires")?.parse().ok()?,
        approved_by: None,
    })
}
