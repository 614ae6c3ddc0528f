//! What tells about the server itself: health, metrics and contract.

use append::{Code, Refusal};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::call::Call;
use crate::metrics::{self, prometheus};
use crate::problem;

/// `GET /docs/errors/{code}`: what an error code means.
pub(crate) fn error(call: &Call) -> Result<Response, Refusal> {
    let code = call.param("code").and_then(Code::parse).ok_or_else(|| {
        Refusal::new(Code::NotFound, "no such error code; see /api/v1/openapi.json")
            .in_field("code")
    })?;
    let text = format!("{code} ({}): {}\n", problem::status(code).as_u16(), problem::title(code));
    Ok(answer("text/plain; charset=utf-8", "public, max-age=300", text))
}

/// `GET /healthz`: the process answers.
pub(crate) fn healthz() -> Response {
    answer("text/plain; charset=utf-8", "no-store", "ok\n")
}

/// `GET /readyz`: appends are taken, and how many entries the index furthest behind lacks.
pub(crate) fn readyz(call: &Call) -> Result<Response, Refusal> {
    let is_stopping = *call.shared.stopping.borrow();
    let health = call.shared.cell.health();
    if is_stopping || !health.ready {
        // Why is for those who may read /metrics and the server's own log: this path asks nobody.
        let detail = "appends are not taken now; see /metrics and the server's own log";
        return Err(Refusal::new(Code::Unavailable, detail));
    }
    let finders = call.shared.finders.as_ref();
    let through = finders.map(|finders| finders.through()).unwrap_or_default();
    let lags = through.iter().map(|(log, through)| {
        let size = call.shared.cell.log(log).map_or(0, |log| log.size().0);
        size.saturating_sub(through.0)
    });
    let lag = lags.max().map(|lag| format!("index_lag {lag}\n")).unwrap_or_default();
    Ok(answer("text/plain; charset=utf-8", "no-store", format!("ready\n{lag}")))
}

/// `GET /metrics`: counters in the Prometheus text format.
pub(crate) async fn metrics(call: &mut Call) -> Result<Response, Refusal> {
    let cell = call.shared.cell.clone();
    let (metrics, health) = call.shared.blocking(move || (cell.metrics(), cell.health())).await?;
    let text = prometheus::text(&metrics::gather(&call.shared, &metrics, &health));
    Ok(answer("text/plain; version=0.0.4; charset=utf-8", "no-store", text))
}

/// `GET /api/v1/openapi.json`: the API's contract.
pub(crate) fn contract(text: String) -> Response {
    answer("application/json", "no-cache", text)
}

fn answer(content_type: &'static str, cache: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}
