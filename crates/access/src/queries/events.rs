//! The events of `system` that are about saved queries: made, and read back.

use std::borrow::Cow;

use graven_entry::{Time, elements, pointer, string_value};
use serde_json::{Value, json};

use super::{Firing, QueryName, Saved, Wanted, When};
use crate::directory::ReplayError;
use crate::principal::PrincipalId;

/// A query is saved, its secret drawn anew, or it is taken away.
const CHANGED: &str = "graven.query";
/// It fired.
const FIRED: &str = "graven.query.fired";
/// A firing was told, or given up.
const ENDED: &str = "graven.query.delivered";
/// The actor of what the server does by itself.
const SERVER: &str = "graven";

/// What an event says.
pub(super) enum Told {
    Saved(PrincipalId, Box<Wanted>, String),
    Rotated(String),
    Removed,
    Fired(Box<Firing>),
    /// Given up, where there is a reason.
    Ended(String, Option<String>),
}

pub(super) fn save(
    actor: &PrincipalId,
    name: &QueryName,
    (before, wanted): (Option<&Saved>, &Wanted),
    salt: &str,
) -> Vec<u8> {
    let Wanted { query, when, url, from } = wanted;
    let after = json!({
        "query": query, "when": when.to_string(), "url": url, "from": from, "salt": salt,
    });
    change(actor, name, &json!({"before": before.map(shown), "after": after}))
}

pub(super) fn rotate(actor: &PrincipalId, name: &QueryName, salt: &str) -> Vec<u8> {
    change(actor, name, &json!({"salt": salt}))
}

pub(super) fn remove(actor: &PrincipalId, name: &QueryName, before: &Saved) -> Vec<u8> {
    change(actor, name, &json!({"before": shown(before), "after": null}))
}

fn change(actor: &PrincipalId, name: &QueryName, data: &Value) -> Vec<u8> {
    event(actor.as_str(), (CHANGED, "success"), name, data)
}

fn shown(saved: &Saved) -> Value {
    json!({"query": saved.query, "when": saved.when.to_string(), "url": saved.url})
}

pub(super) fn fire(name: &QueryName, firing: &Firing) -> Vec<u8> {
    let Firing { id, reason, count, indexes, measured, next, .. } = firing;
    let data = json!({
        "id": id, "reason": reason, "count": count, "indexes": indexes, "measured": measured,
        "next": next,
    });
    event(SERVER, (FIRED, "success"), name, &data)
}

pub(super) fn end(name: &QueryName, id: &str, attempts: u32, why: Option<&str>) -> Vec<u8> {
    let outcome = if why.is_none() { "success" } else { "failure" };
    let data = json!({"id": id, "attempts": attempts, "why": why});
    event(SERVER, (ENDED, outcome), name, &data)
}

fn event(actor: &str, (action, outcome): (&str, &str), name: &QueryName, data: &Value) -> Vec<u8> {
    let event = json!({
        "actor": {"id": actor},
        "action": action,
        "target": {"type": "query", "id": format!("{}/{}", name.log, name.name)},
        "outcome": outcome,
        "data": data,
    });
    event.to_string().into_bytes()
}

/// Which query an event is about, and what it says. Most are about none.
pub(super) fn read(event: &[u8]) -> Result<Option<(QueryName, Told)>, ReplayError> {
    let raw = |path: &str| pointer(event, path).filter(|raw| *raw != b"null");
    let text = |path: &str| raw(path).and_then(string_value).map(Cow::into_owned);
    let action = text("/action").unwrap_or_default();
    if ![CHANGED, FIRED, ENDED].contains(&&*action) {
        return Ok(None);
    }
    let fail = |why: &str| ReplayError { action: action.clone(), why: why.to_owned() };
    let want = |path: &str| text(path).ok_or_else(|| fail(&format!("{path} is no text")));
    let number = |path: &str| raw(path).and_then(number);
    let name = want("/target/id")?;
    let (log, name) = name.split_once('/').ok_or_else(|| fail("target.id is no query"))?;
    let name = QueryName { log: log.to_owned(), name: name.to_owned() };
    let told = match &*action {
        CHANGED if raw("/data/after").is_some() => {
            let owner = PrincipalId::parse(&want("/actor/id")?);
            let when = When::parse(&want("/data/after/when")?);
            let wanted = Wanted {
                query: want("/data/after/query")?,
                when: when.map_err(|error| fail(&error.to_string()))?,
                url: want("/data/after/url")?,
                from: number("/data/after/from"),
            };
            let owner = owner.map_err(|error| fail(&error.to_string()))?;
            Told::Saved(owner, Box::new(wanted), want("/data/after/salt")?)
        }
        CHANGED => text("/data/salt").map_or(Told::Removed, Told::Rotated),
        FIRED => Told::Fired(Box::new(Firing {
            id: want("/data/id")?,
            reason: want("/data/reason")?,
            count: number("/data/count").ok_or_else(|| fail("data.count is no number"))?,
            indexes: raw("/data/indexes")
                .into_iter()
                .flat_map(elements)
                .filter_map(self::number)
                .collect(),
            measured: number("/data/measured"),
            next: number("/data/next").ok_or_else(|| fail("data.next is no number"))?,
            time: Time::MIN,
        })),
        _ => Told::Ended(want("/data/id")?, text("/data/why")),
    };
    Ok(Some((name, told)))
}

fn number(raw: &[u8]) -> Option<u64> {
    std::str::from_utf8(raw).ok()?.parse().ok()
}
