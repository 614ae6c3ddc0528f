//! The API's contract: OpenAPI 3.1, assembled from the route table. Its text is a golden file.

use access::limits::VIEW_S_MAX;
use access::{Class, Role};
use append::{AckLevel, Code};
use serde_json::{Map, Value, json};

use crate::limits::REASON_BYTES_MAX;
use crate::problem;
use crate::route::{Access, Method, Route};

/// Codes with which every route that asks for a credential may refuse.
const COMMON: [Code; 5] =
    [Code::BadQuery, Code::Unauthenticated, Code::Forbidden, Code::TooLarge, Code::Busy];

/// The contract of these routes as an OpenAPI 3.1 document.
pub(crate) fn document(routes: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let path = route.path.replace("{*", "{");
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        let method = match route.method {
            Method::Get => "get",
            Method::Post => "post",
            Method::Delete => "delete",
        };
        methods[method] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Graven",
            "version": "1",
            "description": "An audit log whose history can be proved. Errors are RFC 9457 problem \
                documents with a stable `code`. Parameters that a path does not name are refused.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "certificate": {"type": "mutualTLS"},
                "session": {"type": "apiKey", "in": "cookie", "name": "graven_session",
                    "description": "`__Host-graven_session` over TLS; what is not a GET also needs \
                        the session's `csrf` as X-Graven-Csrf"},
            },
            "schemas": all_schemas(),
        },
    })
}

/// The contract as the server serves it.
pub(crate) fn text(routes: &[Route]) -> String {
    let mut text = serde_json::to_string_pretty(&document(routes))
        .expect("a value of strings, numbers and lists is always JSON");
    text.push('\n');
    text
}

fn operation(route: &Route) -> Value {
    let doc = &route.doc;
    let mut operation = json!({"operationId": doc.id, "summary": doc.summary});
    operation["security"] = match route.access {
        Access::Open | Access::Page => json!([]),
        Access::PublicLog(_) => json!([{}, {"token": []}, {"session": []}]),
        Access::Needs(_) | Access::AnyPrincipal | Access::OwnOr(_) => {
            json!([{"token": []}, {"session": []}])
        }
    };
    if let Access::PublicLog(right) | Access::Needs(right) | Access::OwnOr(right) = route.access {
        operation["x-right"] = json!(right.as_str());
    }
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if !doc.body.is_empty() {
        let content: Map<String, Value> =
            doc.body.iter().map(|(media, name)| (media.to_string(), content(name))).collect();
        operation["requestBody"] = json!({"required": true, "content": content});
    }
    operation["responses"] = responses(route);
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        let (name, rest) = match name.strip_prefix('*') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let schema = if name == "index" { "integer" } else { "string" };
        let mut parameter =
            json!({"name": name, "in": "path", "required": true, "schema": schema_of(schema)});
        if rest {
            parameter["description"] = json!("the rest of the path; may hold `/`");
        }
        Some(parameter)
    });
    let in_query = route.doc.query.iter().map(|param| {
        json!({
            "name": param.name,
            "in": "query",
            "required": param.is_required,
            "description": param.summary,
            "schema": schema_of(param.schema),
        })
    });
    in_path.chain(in_query).collect()
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    for (status, media, name) in route.doc.answers {
        responses.insert(
            status.to_string(),
            json!({
                "description": match status {
                    202 => "permanent, the asked ack level is late",
                    303 => "it is elsewhere",
                    401 => "the way to sign in",
                    403 => "it is not yours to see",
                404 => "there is no such page, or it is not yours to know",
                    _ => "good",
                },
                "content": {*media: content(name)},
            }),
        );
    }
    let is_open = matches!(route.access, Access::Open | Access::Page);
    let common: &[Code] = if is_open { &[] } else { &COMMON };
    let mut codes: Vec<Code> = route.doc.refusals.iter().chain(common).copied().collect();
    codes.sort_by_key(|code| (problem::status(*code), Code::ALL.iter().position(|c| c == code)));
    codes.dedup();
    for status in codes.iter().map(|code| problem::status(*code)) {
        let names: Vec<&str> = codes
            .iter()
            .filter(|code| problem::status(**code) == status)
            .map(|code| code.as_str())
            .collect();
        responses.insert(
            status.as_str().to_owned(),
            json!({
                "description": names.join(", "),
                "content": {problem::PROBLEM_JSON: content("Problem")},
            }),
        );
    }
    Value::Object(responses)
}

fn content(name: &str) -> Value {
    json!({"schema": schema_of(name)})
}

/// A plain type, or a reference to one of [`schemas`].
fn schema_of(name: &str) -> Value {
    match name {
        "Any" => json!({"type": "object"}),
        "Text" | "Lines" | "string" => json!({"type": "string"}),
        "Bytes" => json!({"type": "string", "contentMediaType": "application/octet-stream"}),
        "boolean" => json!({"type": "boolean"}),
        "integer" => json!({"type": "integer", "minimum": 0}),
        "ack" => json!({"type": "string", "enum": AckLevel::ALL.map(AckLevel::as_str)}),
        "class" => json!({"type": "string", "enum": Class::ALL.map(Class::as_str)}),
        "role" => json!({"type": "string", "enum": Role::ALL.map(Role::as_str)}),
        name => json!({"$ref": format!("#/components/schemas/{name}")}),
    }
}

fn schemas() -> Value {
    let hash = json!({"type": "string", "description": "SHA-256, padded standard base64"});
    let count = json!({"type": "integer", "minimum": 0});
    let text = json!({"type": "string"});
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let flag = json!({"type": "boolean"});
    json!({
        "Event": {
            "type": "object",
            "description": "one event, stored verbatim; unknown members are kept",
            "required": ["actor", "action"],
            "properties": {
                "id": text, "time": text, "actor": {}, "action": text, "target": {},
                "outcome": {"type": "string", "enum": ["success", "failure", "denied", "unknown"]},
                "reason": text, "changes": {"type": "object"}, "context": {"type": "object"},
                "data": {},
            },
        },
        "Receipt": object(&["index", "leaf_hash", "time", "ack"], &json!({
            "index": count, "leaf_hash": hash, "time": text, "ack": schema_of("ack"),
            "repeated": flag, "header": text, "proof": text,
        })),
        "Appended": object(&["checkpoint", "receipts"], &json!({
            "checkpoint": text, "receipts": list("Receipt"), "dropped": list("Dropped"),
        })),
        "Dropped": object(&["event", "rule"], &json!({"event": count, "rule": text})),
        "CreateLog": object(&["name"], &json!({"name": text, "origin": text, "public": flag})),
        "Log": object(&["name", "origin", "public", "size", "root", "created", "vkeys"], &json!({
            "name": text, "origin": text, "public": flag, "size": count, "root": hash,
            "created": text, "vkeys": texts, "ended": text,
        })),
        "Logs": object(&["logs"], &json!({"logs": list("Log"), "next": text})),
        "Stream": object(&["next_seq", "head", "cursor"], &json!({
            "stream": text, "next_seq": count, "head": hash, "cursor": {"type": ["string", "null"]},
        })),
        "Streams": object(&["streams"], &json!({"streams": list("Stream"), "next": text})),
        "Consistency": object(&["old", "new", "proof"], &json!({
            "old": count, "new": count, "proof": texts,
        })),
        "EntryLine": object(&["index", "entry"], &json!({"index": count, "entry": text})),
        "ChangeKey": object(&[], &json!({
            "stream": text, "vkey": text, "signature": text, "rotate": flag, "revoke": flag,
        })),
        "CreateToken": object(&["name", "role"], &json!({
            "name": text, "role": schema_of("role"), "log": text, "class": schema_of("class"),
            "certificate": text, "expires_s": {"type": "integer", "minimum": 1},
        })),
        "ChangeRole": object(&["role"], &json!({
            "role": schema_of("role"), "log": text, "class": schema_of("class"), "remove": flag,
        })),
        "Token": object(&["principal", "roles"], &json!({
            "principal": text, "token": text, "certificate": text, "issuer": text,
            "roles": {"type": "array", "items": object(&["role"], &json!({
                "role": schema_of("role"), "log": text, "class": schema_of("class"),
            }))},
            "created": text, "expires": text, "last_used": text, "revoked": text,
        })),
        "Tokens": object(&["tokens"], &json!({"tokens": list("Token"), "next": text})),
        "Problem": object(&["type", "title", "status", "code", "detail"], &json!({
            "type": text, "title": text, "status": count,
            "code": {"type": "string", "enum": Code::ALL.map(Code::as_str)},
            "detail": text, "event": count, "field": text, "position": count, "next_seq": count,
            "retry_after_s": count,
        })),
    })
}

/// What the routes of access send and take.
fn access_schemas() -> Value {
    let (text, count) = (json!({"type": "string"}), json!({"type": "integer", "minimum": 0}));
    let texts = json!({"type": "array", "items": text});
    json!({
        "AuditPolicy": object(&[], &json!({
            "rules": {"type": "array", "items": object(&["level"], &json!({
                "name": text, "action": text, "actor": text, "actor_type": text, "target": text,
                "target_type": text, "drop": texts,
                "level": {"type": "string", "enum": ["none", "metadata", "full"]},
            }))},
            "catalogue": {"type": "array", "items": object(&["action", "require"], &json!({
                "action": text, "require": texts,
            }))},
        })),
        "Policy": object(&["id"], &json!({"id": text, "text": {"type": ["string", "null"]}})),
        "SavedQuery": object(&["name"], &json!({
            "name": text, "query": text, "when": text, "url": text, "owner": text, "saved": text,
            "next": count, "stands": {"type": ["string", "null"]},
            "pending": {"type": ["object", "null"]}, "delivered": count, "dead": count,
            "dead_letters": {"type": "array", "items": object(&["id", "why", "time"], &json!({
                "id": text, "why": text, "time": text,
            }))},
            "secret": {"type": "string", "description": "what signs its webhooks (Standard Webhooks 1.0), only in the answer to a change"},
        })),
        "Queries": object(&["queries"], &json!({"queries": list("SavedQuery")})),
        "ChangeQuery": object(&[], &json!({
            "query": text, "when": text, "url": text, "from": count,
            "rotate": {"type": "boolean"}, "remove": {"type": "boolean"},
        })),
        "Tested": object(&["delivered", "why"], &json!({
            "delivered": {"type": "boolean"}, "why": {"type": ["string", "null"]},
        })),
        "Policies": object(&["policies", "schema"], &json!({
            "policies": list("Policy"), "schema": text,
        })),
        "ChangePolicy": object(&[], &json!({"text": text, "remove": {"type": "boolean"}})),
        "Approval": object(&["approval"], &json!({
            "approval": count, "who": text, "privilege": text, "what": text, "expires": text,
            "log": {"type": ["string", "null"]}, "class": {"type": ["string", "null"]},
            "approved_by": {"type": ["string", "null"]},
        })),
        "Approvals": object(&["needed", "approvals"], &json!({
            "needed": texts, "approvals": list("Approval"),
        })),
        "CreateView": object(&["field", "value"], &json!({
            "field": text, "value": text, "title": text,
            "expires_s": {"type": "integer", "minimum": 1, "maximum": VIEW_S_MAX},
            "theme": {"type": "object", "additionalProperties": text},
        })),
        "View": object(&["view", "token", "path", "expires"], &json!({
            "view": text, "token": text, "path": text, "expires": text,
        })),
        "ViewLink": object(&["log", "field", "value", "title", "theme", "expires"], &json!({
            "log": text, "field": text, "value": text, "title": text, "expires": text,
            "theme": {"type": "object", "additionalProperties": text},
        })),
        "LogPolicy": object(&["log", "version", "policy"], &json!({
            "log": text, "version": count, "policy": schema_of("AuditPolicy"),
        })),
        "Explanation": object(&["log", "version", "outcome", "level", "rule", "missing", "dropped"], &json!({
            "log": text, "version": count, "level": text, "rule": text, "missing": texts,
            "dropped": texts, "why": text,
            "outcome": {"type": "string",
                "enum": ["recorded", "recorded in part", "not recorded", "refused"]},
        })),
    })
}

/// What is about sessions and second factors.
fn session_schemas() -> Value {
    let text = json!({"type": "string"});
    let roles = json!({"type": "array", "items": {"type": "object"}});
    let (flag, count) = (schema_of("boolean"), schema_of("integer"));
    json!({
        "SignIn": object(&[], &json!({"token": text, "totp": text, "id_token": text})),
        "Session": object(&["principal", "roles", "factors", "strong"], &json!({
            "principal": text, "roles": roles, "factors": list("Factor"), "strong": flag,
            "auth": text, "csrf": text, "until": text,
        })),
        "Factor": object(&["factor", "kind", "added"], &json!({
            "factor": text, "kind": {"type": "string", "enum": ["totp", "passkey"]}, "added": text,
        })),
        "Factors": object(&["factors"], &json!({"factors": list("Factor")})),
        "StartFactor": object(&["kind"], &json!({
            "kind": {"type": "string", "enum": ["totp", "passkey"]},
        })),
        "StartedFactor": object(&[], &json!({
            "entry": count, "secret": text, "uri": text, "publicKey": {"type": "object"},
        })),
        "FinishFactor": object(&[], &json!({
            "entry": count, "code": text, "passkey": {"type": "object"},
        })),
    })
}

/// What is about sealed values.
fn sealed_schemas() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let (flag, count) = (schema_of("boolean"), schema_of("integer"));
    let reason = json!({"type": "string", "minLength": 1, "maxLength": REASON_BYTES_MAX});
    json!({
        "Reveal": object(&["path", "reason"], &json!({
            "path": {"type": "string", "description": "RFC 6901 path of the value in the opened event"},
            "reason": reason,
        })),
        "OfSubject": object(&["subject", "reason"], &json!({"subject": text, "reason": reason})),
        "Subject": object(&["key", "pseudonym", "held"], &json!({
            "key": text, "pseudonym": text, "held": flag, "repeated": flag,
        })),
        "Erased": object(&["key", "pseudonym", "values", "revealed", "copies"], &json!({
            "key": text, "pseudonym": text, "values": count, "revealed": count,
            "revealed_to": texts, "repeated": flag, "copies": texts,
        })),
        "Revealed": object(&["path", "class", "value", "disclosure", "proof"], &json!({
            "path": text, "class": schema_of("class"), "value": {},
            "disclosure": {"type": "string", "description": "RFC 9901 encoding"}, "proof": text,
            "blob": {"type": "string", "description": "base64 of the sealed blob whose digest it is"},
        })),
    })
}

/// What a search answers.
fn search_schemas() -> Value {
    let (text, count) = (json!({"type": "string"}), schema_of("integer"));
    json!({
        "Found": object(&["total", "indexed_through", "results", "next"], &json!({
            "total": count,
            "indexed_through": {"type": "integer", "minimum": 0,
                "description": "so many entries, from index 0 on, were searched"},
            "results": list("Result"), "next": {"type": ["string", "null"]},
            "facets": {"type": "object", "additionalProperties": schema_of("Facet")},
            "histogram": {"type": "array", "items": object(&["from", "until", "count"], &json!({
                "from": text, "until": text, "count": count,
            }))},
            "proof": object(&["checkpoint", "hashes"], &json!({
                "checkpoint": text, "hashes": {"type": "array", "items": text},
            })),
        })),
        "Suggestions": object(&["suggestions"], &json!({"suggestions": {"type": "array", "items": text}})),
        "Result": object(&["index", "time", "writer", "grade", "event"], &json!({
            "index": count, "time": text, "writer": text, "grade": text,
            "event": schema_of("Event"), "entry": text,
        })),
        "Statement": object(&["query"], &json!({"query": text})),
        "Rows": object(&["columns", "rows", "indexed_through"], &json!({
            "columns": {"type": "array", "items": object(&["name", "type"], &json!({
                "name": text, "type": text,
            }))},
            "rows": {"type": "array", "items": {"type": "array", "items": {}}},
            "indexed_through": {"type": "integer", "minimum": 0,
                "description": "so many entries, from index 0 on, were asked"},
        })),
        "Facet": object(&["values", "distinct", "others"], &json!({
            "values": {"type": "array", "items": object(&["value", "count"], &json!({
                "value": text, "count": count,
            }))},
            "distinct": count, "others": count,
        })),
    })
}

/// What is answered about a resource or an actor.
fn state_schemas() -> Value {
    let (text, count, flag) = (schema_of("string"), schema_of("integer"), schema_of("boolean"));
    let next = json!({"type": ["integer", "null"], "minimum": 0});
    let narrowed = json!({"type": "boolean", "description": "true where policies hide entries from the caller"});
    let at = json!({"type": ["integer", "string", "null"]});
    let setter = json!({"index": count, "time": text, "actor": {}, "action": text, "grade": text});
    let by = ["index", "time", "actor", "action", "grade"];
    let set = |properties: Value| object(&by, &joined(properties, setter.clone()));
    let fields = |field: Value| json!({"type": "object", "additionalProperties": field});
    let change = object(&[], &json!({"before": {}, "after": {}, "sealed": {}}));
    let version = json!({"outcome": text, "counts": flag, "ends": flag, "hidden": count,
        "changes": fields(change)});
    let state = |name: &str, field: Value| {
        object(
            &["target", "at", "exists", "last", "hidden", "entries", name, "indexed_through"],
            &json!({
                "target": text, "at": at, "exists": {"type": ["boolean", "null"]},
                "last": {"anyOf": [set(json!({})), {"type": "null"}]}, "hidden": count, "entries": count,
                name: fields(field), "cleared": flag, "removed": {"type": "array", "items": text},
                "indexed_through": count, "narrowed": narrowed,
            }),
        )
    };
    json!({
        "History": object(&["target", "versions", "indexed_through", "next"], &json!({
            "target": text, "versions": {"type": "array", "items": set(version)},
            "indexed_through": count, "next": next, "narrowed": narrowed,
        })),
        "AsOf": state("state", json!({})),
        "Blame": state("fields", set(json!({"value": {}}))),
        "Diff": object(&["target", "a", "b", "fields", "indexed_through"], &json!({
            "target": text, "a": at, "b": at, "fields": fields(set(json!({"before": {}, "after": {}}))),
            "indexed_through": count, "narrowed": narrowed,
        })),
        "Timeline": object(&["results", "indexed_through", "next"], &json!({
            "results": list("Result"), "indexed_through": count, "next": next, "narrowed": narrowed,
        })),
    })
}

/// The schemas of all routes.
fn all_schemas() -> Value {
    let more =
        [access_schemas(), session_schemas(), sealed_schemas(), search_schemas(), state_schemas()];
    more.into_iter().fold(schemas(), joined)
}

/// Two objects as one.
fn joined(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

fn object(required: &[&str], properties: &Value) -> Value {
    let mut object = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn list(name: &str) -> Value {
    json!({"type": "array", "items": schema_of(name)})
}
