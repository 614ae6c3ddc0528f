//! Policies: listed, set and taken away. Each change is an entry of `system` before it counts.

use access::{Policies, Policy, PolicyError, Privilege, Right, Standing};
use append::{Code, Refusal};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{apply, read_json};
use crate::approval::{Wanted, require};
use crate::call::Call;
use crate::json;

/// The body of `POST /api/v1/policies/{policy}`: a text, or none where the policy is taken away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangePolicy {
    text: Option<String>,
    #[serde(default)]
    remove: bool,
}

/// `GET /api/v1/policies`: all of them by id, and the schema that they have to fit.
pub(crate) fn list(call: &Call) -> Response {
    let standing = call.shared.gate.standing();
    let all = standing.policies.all();
    let all: Vec<Value> = all.map(|(id, policy)| json!({"id": id, "text": policy.text})).collect();
    answer(&json!({"policies": all, "schema": Policies::SCHEMA}))
}

/// `POST /api/v1/policies/{policy}`: sets a policy, or takes it away.
pub(crate) async fn change(call: &mut Call) -> Result<Response, Refusal> {
    let wanted: ChangePolicy = read_json(call).await?;
    let id = call.param("policy").unwrap_or_default().to_owned();
    let policy = match (&wanted.text, wanted.remove) {
        (Some(text), false) => Some(Policy::parse(text).map_err(|error| refused(&error))?),
        (None, true) => None,
        _ => {
            let detail = "give either `text`, or `remove`: true";
            return Err(Refusal::new(Code::BadJson, detail).in_field("body"));
        }
    };
    let what = wanted.text.as_ref().map(|text| format!("set the policy {id}: {text}"));
    let what = what.unwrap_or_else(|| format!("remove the policy {id}"));
    let actor = call.principal()?.id.clone();
    let planned = call.shared.gate.standing().policies.plan(&actor, &id, policy.as_ref());
    planned.map_err(|error| refused(&error))?;
    let (privilege, right) = (Privilege::Grant, Right::Grant);
    let _approved =
        require(call, Wanted { privilege, right, log: None, class: None, what }).await?;
    let body = json!({"id": id, "text": wanted.text});
    let plan = move |standing: &Standing| {
        let event = standing.policies.plan(&actor, &id, policy.as_ref());
        Ok(vec![event.map_err(|error| refused(&error))?])
    };
    apply(call, plan).await?;
    Ok(answer(&body))
}

fn answer(body: &Value) -> Response {
    json::response(StatusCode::OK, format!("{body}\n").into_bytes())
}

fn refused(error: &PolicyError) -> Refusal {
    let (code, field) = match error {
        PolicyError::Id => (Code::BadJson, "policy"),
        PolicyError::Text(_) | PolicyError::Permit => (Code::BadJson, "text"),
        PolicyError::TooLarge(_) => (Code::TooLarge, "text"),
        PolicyError::TooMany => (Code::Forbidden, "policy"),
        PolicyError::Done(_) => (Code::Exists, "text"),
        PolicyError::Unknown(_) => (Code::NotFound, "policy"),
    };
    Refusal::new(code, error.to_string()).in_field(field)
}
