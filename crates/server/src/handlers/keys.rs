//! Keys: a stream's first or next key, a log's own rotation.

use append::{Code, Refusal};
use axum::http::StatusCode;
use axum::response::Response;
use graven_entry::Name;
use graven_note::VerifierKey;
use serde::Deserialize;

use super::{bad_field, logs, read_json};
use crate::dispatch::Call;

/// The body of `POST …/keys`: a stream with its key, or the wish to rotate the log's own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeKey {
    stream: Option<String>,
    vkey: Option<String>,
    #[serde(default)]
    rotate: bool,
}

/// `POST …/keys`: adds a stream's key, or rotates the log's keys. Answers with the log.
pub(crate) async fn change(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let wanted: ChangeKey = read_json(call).await?;
    let target = log.clone();
    match (wanted.stream, wanted.vkey, wanted.rotate) {
        (Some(stream), Some(vkey), false) => {
            let stream = Name::new(&stream).map_err(|error| bad_field("stream", &error))?;
            let vkey: VerifierKey = vkey.parse().map_err(|error| bad_field("vkey", &error))?;
            call.shared.blocking(move || target.add_stream_key(&stream, &vkey)).await??;
        }
        (None, None, true) => {
            call.shared.blocking(move || target.rotate_keys()).await??;
        }
        _ => {
            let detail = "give either `stream` and `vkey`, or `rotate`: true";
            return Err(Refusal::new(Code::BadJson, detail).in_field("body"));
        }
    }
    logs::answer(call, StatusCode::OK, log).await
}
