//! Saved queries: listed, saved, taken away, and their webhooks tried. Each change is an entry of `system` before it counts.

use std::sync::Arc;

use access::{Asked, QueryName, Saved, SavedQueryError, Standing, Wanted, When};
use append::{Code, Refusal};
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::search::refused as bad_query;
use super::{apply, read_json};
use crate::call::Call;
use crate::json;
use crate::refusal::bad_field;
use crate::watch::watching::State;
use crate::watch::{Kind, right_of, send, shown};

/// The body of `POST …/queries/{query}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeQuery {
    #[serde(default)]
    query: String,
    #[serde(default = "each")]
    when: String,
    url: Option<String>,
    from: Option<u64>,
    #[serde(default)]
    rotate: bool,
    #[serde(default)]
    remove: bool,
}

fn each() -> String {
    When::Each.to_string()
}

/// `GET …/queries`: all of the log, and how each goes.
pub(crate) fn list(call: &Call) -> Result<Response, Refusal> {
    let log = call.log()?.name().clone();
    let all: Vec<(QueryName, Saved)> = {
        let standing = call.shared.gate.standing();
        let ours = standing.queries.all().filter(|(name, _)| name.log == log.as_str());
        ours.map(|(name, saved)| (name.clone(), saved.clone())).collect()
    };
    let state = |name: &QueryName| call.shared.watching.state(name);
    let all: Vec<Value> = all.iter().map(|(name, saved)| told(name, saved, &state(name))).collect();
    Ok(answer(&json!({"queries": all})))
}

/// `POST …/queries/{query}`: saves a query, draws its secret anew, or takes it away.
pub(crate) async fn change(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let wanted: ChangeQuery = read_json(call).await?;
    let name = name(call);
    let actor = call.principal()?.id.clone();
    let salt = salt(call);
    let (of, size) = (name.clone(), log.size().0);
    let save = wanted.url.as_deref().map(|url| checked(call, &wanted, url)).transpose()?;
    if u8::from(save.is_some()) + u8::from(wanted.rotate) + u8::from(wanted.remove) != 1 {
        let detail = "give either `url`, or `rotate`: true, or `remove`: true";
        return Err(Refusal::new(Code::BadJson, detail).in_field("body"));
    }
    let plan = move |standing: &Standing| {
        let queries = &standing.queries;
        let planned = match &save {
            Some(save) => queries.plan_save(&actor, &of, save, (size, &salt)),
            None if wanted.rotate => queries.plan_rotate(&actor, &of, &salt),
            None => queries.plan_remove(&actor, &of),
        };
        Ok(vec![planned.map_err(refused)?])
    };
    apply(call, plan).await?;
    call.shared.watching.change();
    let saved = call.shared.gate.standing().queries.of(&name).cloned();
    let Some(saved) = saved else { return Ok(answer(&json!({"name": name.name}))) };
    let mut body = told(&name, &saved, &call.shared.watching.state(&name));
    body["secret"] = json!(*shown(&call.shared.gate.webhook_secret(&saved.salt)));
    Ok(answer(&body))
}

/// `POST …/queries/{query}/test`: sends its webhook once, and says whether it arrived.
pub(crate) async fn test(call: &mut Call) -> Result<Response, Refusal> {
    let name = name(call);
    let saved = call.shared.gate.standing().queries.of(&name).cloned();
    let saved = saved.ok_or_else(|| refused(SavedQueryError::Unknown(name.clone())))?;
    let sent = send(&Arc::clone(&call.shared), &name, &saved, Kind::Test).await;
    let why = sent.err().map(|undelivered| undelivered.why);
    Ok(answer(&json!({"delivered": why.is_none(), "why": why})))
}

/// What is to be saved, if the caller may know what it would find.
fn checked(call: &mut Call, body: &ChangeQuery, url: &str) -> Result<Wanted, Refusal> {
    parse(&body.query)?;
    let when = When::parse(&body.when);
    let when = when.map_err(|error| bad_field("when", &error))?;
    let asked = Asked { right: right_of(&when), log: call.param("log"), stream: None };
    let authorised = call.shared.gate.authorise(&call.principal()?.id, &asked, false);
    authorised.inspect_err(|_| call.deny())?;
    let (query, url) = (body.query.clone(), url.to_owned());
    Ok(Wanted { query, when, url, from: body.from })
}

fn parse(query: &str) -> Result<(), Refusal> {
    index::query::parse(query).map(drop).map_err(|error| bad_query("query", query, &error))
}

fn name(call: &Call) -> QueryName {
    let text = |param| call.param(param).unwrap_or_default().to_owned();
    QueryName { log: text("log"), name: text("query") }
}

/// What a new secret is drawn from.
fn salt(call: &Call) -> String {
    let mut bytes = [0; 16];
    call.shared.gate.random().fill(&mut bytes);
    STANDARD.encode(bytes)
}

/// A query as it is and goes; never with its secret.
fn told(name: &QueryName, saved: &Saved, state: &State) -> Value {
    let pending = saved.pending.as_ref().map(|firing| {
        json!({
            "id": firing.id, "reason": firing.reason, "count": firing.count,
            "indexes": firing.indexes, "measured": firing.measured, "time": firing.time.to_string(),
            "attempts": state.attempts, "why": state.why,
        })
    });
    let dead = saved
        .dead_letters
        .iter()
        .map(|dead| json!({"id": dead.id, "why": dead.why, "time": dead.time.to_string()}));
    json!({
        "name": name.name, "query": saved.query, "when": saved.when.to_string(), "url": saved.url,
        "owner": saved.owner.as_str(), "saved": saved.saved.to_string(),
        "next": state.next.max(saved.next), "stands": state.stands, "pending": pending,
        "delivered": saved.delivered, "dead": saved.dead, "dead_letters": dead.collect::<Vec<_>>(),
    })
}

fn answer(body: &Value) -> Response {
    json::response(StatusCode::OK, format!("{body}\n").into_bytes())
}

fn refused(error: SavedQueryError) -> Refusal {
    let (code, field) = match error {
        SavedQueryError::Name => (Code::BadJson, "query"),
        SavedQueryError::TooLong(_) => (Code::TooLarge, "query"),
        SavedQueryError::Url => (Code::BadJson, "url"),
        SavedQueryError::TooMany => (Code::Forbidden, "query"),
        SavedQueryError::Unknown(_) => (Code::NotFound, "query"),
    };
    Refusal::new(code, error.to_string()).in_field(field)
}
