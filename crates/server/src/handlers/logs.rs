//! Logs: create, list, show.

use access::Right;
use append::Refusal;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use graven_entry::{Entry, LogName, Name};
use graven_merkle::LeafIndex;
use log::{LogHandle, NewLog, ReadError};
use serde::Deserialize;

use super::{logged, page_limit, read_json};
use crate::call::Call;
use crate::json::{self, CreatedLog};
use crate::refusal::bad_field;

/// The body of `POST /api/v1/logs`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateLog {
    name: String,
    origin: Option<String>,
    #[serde(default)]
    public: bool,
}

/// `POST /api/v1/logs`: a new log, with its own keys.
pub(crate) async fn create(call: &mut Call) -> Result<Response, Refusal> {
    let wanted: CreateLog = read_json(call).await?;
    let name = LogName::new(&wanted.name).map_err(|error| bad_field("name", &error))?;
    let origin = wanted.origin.as_deref().map(Name::origin).transpose();
    let origin = origin.map_err(|error| bad_field("origin", &error))?;
    call.show_log(name.as_str());
    let new = NewLog { origin, public: wanted.public, succeeds: None };
    let cell = call.shared.cell.clone();
    let log = call.shared.blocking(move || cell.create_log(&name, new)).await??;
    if let Some(finders) = &call.shared.finders {
        finders.follow(&log);
    }
    if let Some(lakes) = &call.shared.lakes {
        lakes.follow(&log);
    }
    let location = HeaderValue::from_str(&format!("/api/v1/logs/{}", log.name()));
    let mut response = answer(call, StatusCode::CREATED, log).await?;
    let location = location.expect("a log's name is plain ASCII");
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// `GET /api/v1/logs`: all logs by name, in pages.
pub(crate) async fn list(call: &mut Call) -> Result<Response, Refusal> {
    let limit = page_limit(call)?;
    let after = call.query("after").unwrap_or_default();
    let mut logs: Vec<LogHandle> = call.shared.cell.logs();
    logs.retain(|log| {
        let name = log.name();
        name.as_str() > after && call.may(Right::ListLogs, name.as_str())
    });
    let has_more = logs.len() > limit;
    logs.truncate(limit);
    let read = move || logs.iter().map(created).collect::<Result<Vec<_>, _>>();
    let logs = call.shared.blocking(read).await?.map_err(|error| logged(call, &error))?;
    let next = logs.last().filter(|_| has_more).map(|log| log.info.name.as_str());
    Ok(json::response(StatusCode::OK, json::page("logs", &logs, next, json::push_log)))
}

/// `GET /api/v1/logs/{log}`: one log.
pub(crate) async fn show(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    answer(call, StatusCode::OK, log).await
}

/// The answer that is one log as it stands now.
pub(super) async fn answer(
    call: &mut Call,
    status: StatusCode,
    log: LogHandle,
) -> Result<Response, Refusal> {
    let log = call.shared.blocking(move || created(&log)).await?;
    let log = log.map_err(|error| logged(call, &error))?;
    let mut body = Vec::with_capacity(512);
    json::push_log(&mut body, &log);
    body.push(b'\n');
    Ok(json::response(status, body))
}

/// A log with the time at which it began: that of entry 0. Reads it, so not for threads that serve.
fn created(log: &LogHandle) -> Result<CreatedLog, ReadError> {
    let index = LeafIndex(0);
    let entry = log.entry(index)?;
    let entry = Entry::parse(&entry)
        .map_err(|error| ReadError::Malformed { index, why: error.to_string() })?;
    Ok(CreatedLog { info: log.info(), created: entry.header.time.to_string() })
}
