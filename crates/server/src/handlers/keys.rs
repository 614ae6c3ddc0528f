//! Keys: a stream's first or next key or a revoked one, a log's own rotation.

use access::{Privilege, Right};
use append::{Code, Refusal};
use axum::http::StatusCode;
use axum::response::Response;
use graven_entry::Name;
use graven_note::VerifierKey;
use log::{LogHandle, StreamKeyChange};
use serde::Deserialize;

use super::{logs, read_json};
use crate::approval::{Wanted, require};
use crate::call::Call;
use crate::refusal::bad_field;

/// The body of `POST …/keys`: a stream with a key and what is done with it, or the wish to rotate the log's own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeKey {
    stream: Option<String>,
    vkey: Option<String>,
    /// By which an older key vouches for this one.
    signature: Option<String>,
    #[serde(default)]
    rotate: bool,
    #[serde(default)]
    revoke: bool,
}

/// `POST …/keys`: changes a stream's keys, or rotates the log's keys. Answers with the log.
pub(crate) async fn change(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let wanted: ChangeKey = read_json(call).await?;
    let target = log.clone();
    match (&wanted.stream, &wanted.vkey) {
        (Some(stream), Some(vkey)) => {
            let key = || vkey.parse::<VerifierKey>().map_err(|error| bad_field("vkey", &error));
            let change = match (wanted.rotate, wanted.revoke, wanted.signature) {
                (false, false, signature) => StreamKeyChange::Add(key()?, signature),
                (true, false, Some(signature)) => StreamKeyChange::Rotate(key()?, signature),
                (false, true, None) => StreamKeyChange::Revoke(key()?),
                _ => return Err(bad_body()),
            };
            let stream = Name::new(stream).map_err(|error| bad_field("stream", &error))?;
            // One that was stolen must stop at once.
            if !wanted.revoke {
                log.plan_stream_key(&stream, &change)?;
                let verb = if wanted.rotate { "rotate" } else { "add" };
                approve(call, &log, format!("{verb} a key of stream {stream}: {vkey}")).await?;
            }
            call.shared.blocking(move || target.change_stream_key(&stream, &change)).await??;
        }
        (None, None) if wanted.rotate && !wanted.revoke && wanted.signature.is_none() => {
            approve(call, &log, "rotate the log's own keys".to_owned()).await?;
            call.shared.blocking(move || target.rotate_keys()).await??;
        }
        _ => return Err(bad_body()),
    }
    logs::answer(call, StatusCode::OK, log).await
}

/// Asks for a second person, where keys need one.
async fn approve(call: &mut Call, log: &LogHandle, what: String) -> Result<(), Refusal> {
    let log = Some(log.name().to_string());
    let (privilege, right) = (Privilege::Key, Right::ManageKeys);
    let wanted = Wanted { privilege, right, log, class: None, what };
    let _approved = require(call, wanted).await?;
    Ok(())
}

fn bad_body() -> Refusal {
    let detail = "give `stream` and `vkey`, with `signature`, with `signature` and `rotate`: true, or with `revoke`: true; or \
        `rotate`: true alone for the log's own keys";
    Refusal::new(Code::BadJson, detail).in_field("body")
}
