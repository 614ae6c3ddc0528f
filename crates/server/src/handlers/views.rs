//! View links, made for somebody else's customers (ADR 0015).

use std::collections::BTreeMap;

use access::limits::{VIEW_S_DEFAULT, VIEW_S_MAX, VIEW_TITLE_BYTES_MAX};
use access::{ViewLink, is_theme};
use append::{Code, Refusal};
use axum::http::StatusCode;
use axum::response::Response;
use graven_entry::Time;
use serde::Deserialize;
use serde_json::json;

use super::read_json;
use crate::call::Call;
use crate::refusal::bad_field;
use crate::{json, view};

const NS_PER_S: u64 = 1_000_000_000;
const TITLE: &str = "Activity";

/// The body of `POST …/views`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateView {
    field: String,
    value: String,
    expires_s: Option<u64>,
    title: Option<String>,
    #[serde(default)]
    theme: BTreeMap<String, String>,
}

/// `POST …/views`: a link that narrows what the caller itself may read of the log.
pub(crate) async fn create(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?.name().to_string();
    let CreateView { field, value, expires_s, title, theme } = read_json(call).await?;
    view::shown(&field, &value)?;
    let title = title.unwrap_or_else(|| TITLE.to_owned());
    if title.is_empty() || title.len() > VIEW_TITLE_BYTES_MAX {
        return Err(bad_field("title", &format!("give 1 to {VIEW_TITLE_BYTES_MAX} bytes")));
    }
    if let Some((name, _)) = theme.iter().find(|(name, value)| !is_theme(name, value)) {
        let detail =
            "no variable that a view may set, or no plain colour, length or font (docs/access.md)";
        return Err(bad_field(&format!("theme.{name}"), &detail));
    }
    let expires = expires(call, expires_s.unwrap_or(VIEW_S_DEFAULT))?;
    let gate = &call.shared.gate;
    let (id, principal) = (ViewLink::draw_id(gate.random()), call.principal()?.id.clone());
    let link = ViewLink { id, principal, log, field, value, expires, title, theme };
    let token = gate.sign_view(&link);
    let ViewLink { id, field, value, .. } = &link;
    call.tell_reason(format!("view {id}: {field}={value} until {expires}"));
    let path = format!("/ui/view#{token}");
    let body = json!({"view": id, "token": token, "path": path, "expires": expires.to_string()});
    Ok(json::response(StatusCode::CREATED, format!("{body}\n").into_bytes()))
}

/// `GET /api/v1/view`: what the link shows that asks.
pub(crate) fn show(call: &Call) -> Result<Response, Refusal> {
    let link = call.principal()?.view.as_ref().ok_or_else(|| {
        Refusal::new(Code::NotFound, "this credential is no view link").in_field("authorization")
    })?;
    let body = json!({
        "log": link.log, "field": link.field, "value": link.value, "title": link.title,
        "theme": link.theme, "expires": link.expires.to_string(),
    });
    Ok(json::response(StatusCode::OK, format!("{body}\n").into_bytes()))
}

/// When a link ends: with what its maker asked by, at the latest.
fn expires(call: &Call, seconds: u64) -> Result<Time, Refusal> {
    if seconds == 0 || seconds > VIEW_S_MAX {
        return Err(bad_field(
            "expires_s",
            &format!("a view link is good for 1 to {VIEW_S_MAX} s"),
        ));
    }
    let now_ns = call.shared.gate.now().unix_ns();
    let expires = Time::from_unix_ns(now_ns.saturating_add(seconds * NS_PER_S));
    let expires = expires.map_err(|error| bad_field("expires_s", &error))?;
    Ok(call.principal()?.until.map_or(expires, |until| until.min(expires)))
}
