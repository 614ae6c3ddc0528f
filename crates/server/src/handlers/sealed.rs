//! Sealed values: opened one by one, each with a reason.

use std::sync::Arc;

use append::{Code, Refusal};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::entries::index;
use super::read_json;
use crate::dispatch::Call;
use crate::erasure::Because;
use crate::json;
use crate::reveal::{self, Wanted};

/// The body of `POST …/reveal`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reveal {
    path: String,
    reason: String,
}

/// `POST …/entries/{index}/reveal`: one sealed value, with its disclosure and the entry's proof.
pub(crate) async fn reveal(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let index = index(call)?;
    let Reveal { path, reason } = read_json(call).await?;
    let shared = Arc::clone(&call.shared);
    let (sealing, who) = (shared.sealing()?, call.principal()?.id.clone());
    let work = move || {
        let name = log.info().name;
        let may = |class| shared.gate.may_reveal(&who, name.as_str(), class);
        let wanted = Wanted { log: &log, index, path: &path, may: &may };
        let because = Because { who: who.name(), reason: &reason };
        reveal::reveal(&shared.cell, &sealing, wanted, because)
    };
    let revealed = call.shared.blocking(work).await?;
    let revealed = revealed.map_err(|refusal| match refusal.code {
        // That there is a value of a class that is not the caller's is told in `system` alone.
        Code::Forbidden => {
            call.deny();
            reveal::hidden()
        }
        _ => refusal,
    })?;
    Ok(json::response(StatusCode::OK, json::revealed(&revealed)))
}
