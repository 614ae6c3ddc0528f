//! Subjects: erased, held, and found again by those who may. Their ids come in bodies, never in paths, which proxies keep.

use std::sync::Arc;

use access::{KeyId, Privilege, Right};
use append::Refusal;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::read_json;
use crate::approval::{Wanted, require};
use crate::call::Call;
use crate::erased::Erased;
use crate::erasure::{self, Because, Subject, ToErase};
use crate::json;
use crate::sealing::Sealing;
use crate::shared::Shared;

/// The body of all of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    subject: String,
    reason: String,
}

/// Copies that an erasure does not reach.
const COPIES: [&str; 3] = [
    "copies of the keyring made before now, with its master key, still open copies of the ciphertext: destroy them",
    "copies of the data directory and the journal's files hold ciphertext until they are overwritten; without the key it tells nothing",
    "what stood in clear in an event stays, and so does what whoever saw the values kept",
];

/// `POST /api/v1/subjects/erase`: destroys key and ciphertext for ever.
pub(crate) async fn erase(call: &mut Call) -> Result<Response, Refusal> {
    let named: Named = read_json(call).await?;
    let check = |shared: &Shared, sealing: &Sealing, subject: &str, because: Because<'_>| {
        erasure::check_erase(&shared.cell, sealing, subject, because)
    };
    let target = run(call, &named, check).await?;
    if let ToErase::Subject(Subject { key, .. }) = target {
        approve(call, (Privilege::Erase, Right::Erase), ("erase", key), &named.reason).await?;
    }
    let work = |shared: &Shared, sealing: &Sealing, subject: &str, because: Because<'_>| {
        erasure::erase(&shared.cell, sealing, subject, because)
    };
    Ok(answer(&to_json(&run(call, &named, work).await?)))
}

/// `POST /api/v1/subjects/hold`: nothing of the subject is erased until the hold is released.
pub(crate) async fn hold(call: &mut Call) -> Result<Response, Refusal> {
    set_hold(call, true).await
}

/// `POST /api/v1/subjects/release`: it may be erased again.
pub(crate) async fn release(call: &mut Call) -> Result<Response, Refusal> {
    set_hold(call, false).await
}

/// `POST /api/v1/subjects/show`: what stands for the subject in events, which is as much as opening a value.
pub(crate) async fn show(call: &mut Call) -> Result<Response, Refusal> {
    let named: Named = read_json(call).await?;
    Ok(answer(&subject_to_json(&look_up(call, &named).await?)))
}

/// The subject that the body names, its own id first, told in `system` as it is when it is shown.
pub(super) async fn of_body(call: &mut Call) -> Result<(String, Subject), Refusal> {
    let named: Named = read_json(call).await?;
    let found = look_up(call, &named).await?;
    Ok((named.subject, found))
}

async fn look_up(call: &mut Call, named: &Named) -> Result<Subject, Refusal> {
    let check = |shared: &Shared, sealing: &Sealing, subject: &str, because: Because<'_>| {
        erasure::check_show(&shared.cell, sealing, subject, because)
    };
    let key = run(call, named, check).await?.key;
    let kind = (Privilege::Reveal, Right::FindSubject);
    approve(call, kind, ("learn the pseudonym of", key), &named.reason).await?;
    let work = |shared: &Shared, sealing: &Sealing, subject: &str, because: Because<'_>| {
        erasure::show_subject(&shared.cell, sealing, subject, because)
    };
    run(call, named, work).await
}

async fn set_hold(call: &mut Call, is_held: bool) -> Result<Response, Refusal> {
    let named: Named = read_json(call).await?;
    let work = move |shared: &Shared, sealing: &Sealing, subject: &str, because: Because<'_>| {
        let (found, is_new) =
            erasure::set_hold(&shared.cell, sealing, (subject, is_held), because)?;
        let mut body = subject_to_json(&found);
        body["repeated"] = (!is_new).into();
        Ok(body)
    };
    Ok(answer(&run(call, &named, work).await?))
}

/// Asks for a second person, who is not told the subject's id: `system` keeps what is asked for ever.
async fn approve(
    call: &mut Call,
    (privilege, right): (Privilege, Right),
    (verb, key): (&str, KeyId),
    reason: &str,
) -> Result<(), Refusal> {
    let what = format!("{verb} the subject of key {key}: {reason}");
    let wanted = Wanted { privilege, right, log: None, class: None, what };
    let _approved = require(call, wanted).await?;
    Ok(())
}

/// Does the work where it may block. A client that goes away does not cut it off.
async fn run<T: Send + 'static>(
    call: &mut Call,
    Named { subject, reason }: &Named,
    work: impl FnOnce(&Shared, &Sealing, &str, Because<'_>) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let (subject, reason) = (subject.clone(), reason.clone());
    let shared = Arc::clone(&call.shared);
    let (sealing, who) = (shared.sealing()?, call.principal()?.id.clone());
    let work = move || {
        let because = Because { who: who.name(), reason: &reason };
        work(&shared, &sealing, &subject, because)
    };
    call.shared.blocking(work).await?
}

fn answer(body: &Value) -> Response {
    json::response(StatusCode::OK, format!("{body}\n").into_bytes())
}

fn subject_to_json(subject: &Subject) -> Value {
    let Subject { key, pseudonym, is_held } = subject;
    json!({"key": key.to_string(), "pseudonym": pseudonym, "held": is_held})
}

fn to_json(erased: &Erased) -> Value {
    json!({
        "key": erased.key.to_string(),
        "pseudonym": erased.pseudonym,
        "values": erased.values,
        "revealed": erased.revealed,
        "revealed_to": erased.revealed_to,
        "repeated": erased.repeated,
        "copies": COPIES,
    })
}
