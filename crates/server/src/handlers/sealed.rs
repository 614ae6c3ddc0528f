//! Sealed values: opened one by one, each with a reason.

use std::sync::Arc;

use access::{Privilege, Right, is_system};
use append::{Code, Refusal};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::entries::index;
use super::read_json;
use crate::approval;
use crate::call::Call;
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
    let name = log.name();
    let (target, on, principal, why) = (log.clone(), name.clone(), who.clone(), reason.clone());
    let open = move || {
        // What is sealed in the server's own log are its people's secrets, and nobody's to open.
        let is_own = is_system(on.as_str());
        let may = |class| !is_own && shared.gate.may_reveal(&principal, on.as_str(), class);
        let wanted = Wanted { log: &target, index, path: &path, may: &may };
        reveal::open(&shared.cell, &sealing, wanted, &why)
    };
    let revealed = call.shared.blocking(open).await?;
    let revealed = revealed.map_err(|refusal| match refusal.code {
        // That there is a value of a class that is not the caller's is told in `system` alone.
        Code::Forbidden => {
            call.deny();
            reveal::hidden()
        }
        _ => refusal,
    })?;
    let wanted = approval::Wanted {
        privilege: Privilege::Reveal,
        right: Right::Reveal,
        log: Some(name.to_string()),
        class: Some(revealed.opened.class),
        // By its digest: a path may tell as much as a value.
        what: format!("open the value {} of entry {index}: {reason}", revealed.digest),
    };
    let _approved = approval::require(call, wanted).await?;
    let shared = Arc::clone(&call.shared);
    let tell = move || {
        let because = Because { who: who.name(), reason: &reason };
        reveal::tell(&shared.cell, (&log, index), &revealed, because).map(|()| revealed)
    };
    let revealed = call.shared.blocking(tell).await??;
    Ok(json::response(StatusCode::OK, json::revealed(&revealed)))
}
