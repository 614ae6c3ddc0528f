//! The audit scope of a log: what its policy is, its next one, and what it would make of an event.

use access::{AuditPolicy, AuditPolicyError, Level, ScopeError, Scoped, Standing};
use append::{Code, Refusal};
use axum::http::StatusCode;
use axum::response::Response;
use graven_entry::check_event;
use serde_json::{Value, json};

use super::{apply, read_json};
use crate::call::Call;
use crate::intake::{self, Stands};
use crate::json;
use crate::refusal::{bad_field, bad_query};

/// `GET …/policy`: the audit policy in force; version 0 where the log never had one.
pub(crate) fn show(call: &Call) -> Result<Response, Refusal> {
    let log = call.log()?.name().clone();
    Ok(answer(log.as_str(), call.shared.gate.scope(log.as_str()).as_deref()))
}

/// `POST …/policy`: another audit policy. It counts once its entry is permanent.
pub(crate) async fn set(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?.name().clone();
    let policy: Value = read_json(call).await?;
    let policy = AuditPolicy::parse(policy.to_string().as_bytes()).map_err(no_policy)?;
    let actor = call.principal()?.id.clone();
    let name = log.clone();
    let plan = move |standing: &Standing| {
        let event = standing.scopes.plan(&actor, name.as_str(), &policy).map_err(refused)?;
        Ok(vec![event])
    };
    apply(call, plan).await?;
    Ok(answer(log.as_str(), call.shared.gate.scope(log.as_str()).as_deref()))
}

/// `POST …/explain`: what would become of an event, and by which rule. Nothing is written.
pub(crate) async fn explain(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?.name().clone();
    let stands = stands(call)?;
    // Read as it is written: an event's bytes are never made anew.
    let event = super::read_text(call).await?;
    let checked = check_event(&event).map_err(|error| {
        let refusal = Refusal::new(Code::BadEvent, error.to_string());
        refusal.in_field(error.path.clone()).at_position(error.position)
    })?;
    let line = event.get(checked.range).unwrap_or_default();
    let scoped = call.shared.gate.scope(log.as_str());
    let whole = Scoped { version: 0, policy: AuditPolicy::default() };
    let scoped = scoped.as_deref().unwrap_or(&whole);
    let Some((about, verdict)) = intake::judge(line, scoped, &[]) else {
        let detail = "actions `graven.*` are the log's own; no policy is asked";
        return Err(Refusal::new(Code::BadEvent, detail).in_field("/action"));
    };
    let refusal = intake::check(&about, &verdict, stands, scoped.version).err();
    let outcome = match (&refusal, verdict.level) {
        (Some(_), _) => "refused",
        (None, Level::None) => "not recorded",
        (None, _) if verdict.drops() => "recorded in part",
        (None, _) => "recorded",
    };
    let mut body = json!({
        "log": log.as_str(),
        "version": scoped.version,
        "outcome": outcome,
        "level": verdict.level.as_str(),
        "rule": verdict.rule_name,
        "missing": verdict.missing,
        "dropped": verdict.dropped,
    });
    if let Some(refusal) = refusal {
        body["why"] = refusal.detail.into();
    }
    Ok(json::response(StatusCode::OK, format!("{body}\n").into_bytes()))
}

/// How the event would be handed in: a signed one always stands in a stream.
fn stands(call: &Call) -> Result<Stands, Refusal> {
    match call.query("as") {
        None | Some("event") => Ok(Stands { in_stream: false, is_signed: false }),
        Some("stream") => Ok(Stands { in_stream: true, is_signed: false }),
        Some("signed") => Ok(Stands { in_stream: true, is_signed: true }),
        Some(_) => Err(bad_query("as", "neither `event`, `stream` nor `signed`")),
    }
}

fn answer(log: &str, scoped: Option<&Scoped>) -> Response {
    let body = match scoped {
        Some(scoped) => {
            json!({"log": log, "version": scoped.version, "policy": scoped.policy.written()})
        }
        None => json!({"log": log, "version": 0, "policy": {}}),
    };
    json::response(StatusCode::OK, format!("{body}\n").into_bytes())
}

fn no_policy(error: AuditPolicyError) -> Refusal {
    match error {
        AuditPolicyError::TooLarge { .. } => {
            Refusal::new(Code::TooLarge, error.to_string()).in_field("body")
        }
        AuditPolicyError::Form(ref source) => bad_field("body", &format!("{error}: {source}")),
        AuditPolicyError::Rule { ref place, .. } => bad_field(place, &error),
    }
}

fn refused(error: ScopeError) -> Refusal {
    match error {
        ScopeError::System(_) => Refusal::new(Code::Forbidden, error.to_string()).in_field("log"),
        ScopeError::Same(_) => Refusal::new(Code::Exists, error.to_string()).in_field("body"),
        ScopeError::Policy(error) => no_policy(error),
    }
}
