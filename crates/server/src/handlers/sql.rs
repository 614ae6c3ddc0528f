//! SQL: one statement over a log's columns.

use std::sync::Arc;

use access::Right;
use append::{Code, Refusal};
use axum::http::StatusCode;
use axum::response::Response;
use graven_merkle::LeafIndex;
use serde::Deserialize;

use super::read_json;
use crate::call::Call;
use crate::json;
use crate::lakes::Lakes;
use crate::shared::Shared;

/// The body of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    query: String,
}

/// `POST …/sql`: what a statement gives, over what its asker may see.
pub(crate) async fn sql(call: &mut Call) -> Result<Response, Refusal> {
    #[cfg(feature = "sql")]
    if let Some(ask) = call.parts.extensions.remove::<crate::pg::ask::Ask>() {
        let shared = Arc::clone(&call.shared);
        return crate::pg::answer(call, lakes(&shared)?, ask).await;
    }
    let log = call.log()?;
    let slice = call.slice(Right::ReadEntries)?;
    let wait = call.query_number("wait")?.map(LeafIndex);
    let text = read_json::<Statement>(call).await?.query;
    let shared = Arc::clone(&call.shared);
    let name = log.name();
    let lake = lakes(&shared)?.open(name.as_str(), wait, shared.limits.search_wait).await?;
    let statement = text.clone();
    let (rows, body) = shared.blocking(move || lake.query(&statement, slice)).await??;
    call.show_search(rows, text);
    Ok(json::response(StatusCode::OK, body))
}

fn lakes(shared: &Shared) -> Result<&Lakes, Refusal> {
    let detail = if cfg!(feature = "sql") {
        "this server was started without SQL (`--sql off`); search, or read entries by index"
    } else {
        "this build has no SQL; `cargo build --release -p graven --features sql` makes one that has"
    };
    shared.lakes.as_deref().ok_or_else(|| Refusal::new(Code::Unavailable, detail))
}
