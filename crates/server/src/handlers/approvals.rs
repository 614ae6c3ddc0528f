//! Approvals: what waits for a second person, and that person's word.

use access::{ApprovalError, Class, PrincipalId, Request, Standing};
use append::Refusal;
use axum::http::StatusCode;
use axum::response::Response;
use graven_entry::Time;
use serde_json::{Value, json};

use super::apply;
use crate::approval::refused;
use crate::call::Call;
use crate::json;

/// `GET /api/v1/approvals`: the caller's own requests, and those that it could approve.
pub(crate) fn list(call: &Call) -> Result<Response, Refusal> {
    let (gate, who) = (&call.shared.gate, &call.principal()?.id);
    let (standing, now) = (gate.standing(), gate.now());
    let open = standing.approvals.open(now);
    let seen = open.filter(|(_, one)| one.who == *who || standing.may_approve(who, one, now));
    let shown = seen.map(|(number, request)| shown(&standing, (number, request), now));
    let requests: Vec<Value> = shown.collect();
    let needed = standing.approvals.needed().iter().map(|one| one.as_str());
    let body = json!({"needed": needed.collect::<Vec<_>>(), "approvals": requests});
    Ok(json::response(StatusCode::OK, format!("{body}\n").into_bytes()))
}

/// The event of somebody's word on the request of this number.
type Word = fn(&Standing, &PrincipalId, u64, Time) -> Result<Vec<u8>, ApprovalError>;

/// `POST /api/v1/approvals/{approval}/approve`: whoever asked may do it once, within the time that is left.
pub(crate) async fn approve(call: &mut Call) -> Result<Response, Refusal> {
    decide(call, Standing::approve).await
}

/// `POST /api/v1/approvals/{approval}/deny`: the request ends undone.
pub(crate) async fn deny(call: &mut Call) -> Result<Response, Refusal> {
    decide(call, Standing::deny).await
}

async fn decide(call: &mut Call, word: Word) -> Result<Response, Refusal> {
    let number = call.param("approval").and_then(|text| text.parse::<u64>().ok());
    let number = number.ok_or_else(|| refused(&ApprovalError::Unknown))?;
    let (who, strength) = (call.principal()?.id.clone(), call.principal()?.strength);
    let now = call.shared.gate.now();
    let privilege = {
        let standing = call.shared.gate.standing();
        standing
            .approvals
            .open(now)
            .find(|(other, _)| *other == number)
            .map(|(_, one)| one.privilege)
    };
    call.shared.gate.check_privilege(strength, privilege)?;
    let plan = move |standing: &Standing| {
        let event = word(standing, &who, number, now);
        Ok(vec![event.map_err(|error| refused(&error))?])
    };
    apply(call, plan).await?;
    let standing = call.shared.gate.standing();
    let found = standing.approvals.open(now).find(|(other, _)| *other == number);
    let body = found.map_or(json!({"approval": number}), |one| shown(&standing, one, now));
    Ok(json::response(StatusCode::OK, format!("{body}\n").into_bytes()))
}

fn shown(standing: &Standing, (number, request): (u64, &Request), now: Time) -> Value {
    let approved_by = request.approved_by.as_ref();
    let approved_by = approved_by.filter(|by| standing.may_approve(by, request, now));
    json!({
        "approval": number,
        "who": request.who.as_str(),
        "privilege": request.privilege.as_str(),
        "log": request.log,
        "class": request.class.map(Class::as_str),
        "what": request.what,
        "expires": request.expires.to_string(),
        "approved_by": approved_by.map(PrincipalId::as_str),
    })
}
