//! Tokens and roles: made, listed, revoked, given and taken. Each change is an entry of `system` before it counts.

use access::{
    Account, CertificateName, Change, Class, Credential, Grant, PrincipalId, Privilege, Proof,
    Right, Role, Standing,
};
use append::{Code, Refusal};
use axum::http::StatusCode;
use axum::response::Response;
use graven_entry::{LogName, Time};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{apply, page_limit, read_json};
use crate::approval::{Wanted, require};
use crate::call::Call;
use crate::gate::refused;
use crate::json;
use crate::refusal::bad_field;

const NS_PER_S: u64 = 1_000_000_000;

/// The body of `POST /api/v1/tokens`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateToken {
    name: String,
    role: String,
    log: Option<String>,
    class: Option<String>,
    certificate: Option<String>,
    expires_s: Option<u64>,
}

/// The body of `POST /api/v1/tokens/{principal}/roles`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeRole {
    role: String,
    log: Option<String>,
    class: Option<String>,
    #[serde(default)]
    remove: bool,
}

/// `POST /api/v1/tokens`: a new principal with a role, and a token, which is shown this once, or bound to a certificate.
pub(crate) async fn create(call: &mut Call) -> Result<Response, Refusal> {
    let wanted: CreateToken = read_json(call).await?;
    let id = PrincipalId::new(&wanted.name).map_err(|error| bad_field("name", &error))?;
    let grant = grant(call, &wanted.role, wanted.log.as_deref(), wanted.class.as_deref())?;
    let expires_s = wanted.expires_s.map(|seconds| format!(", good for {seconds} s"));
    let certificate = wanted.certificate.as_deref().map(certificate).transpose()?;
    let by = certificate.as_ref().map(|name| format!(", by certificates of {name}"));
    let ends = [by.unwrap_or_default(), expires_s.unwrap_or_default()].concat();
    let what = format!("make {id}, a {grant}{ends}");
    let gate = &call.shared.gate;
    let expires = wanted.expires_s.map(|seconds| expiry(gate.now(), seconds)).transpose()?;
    let (token, credential) = if let Some(name) = certificate {
        (None, Credential { proof: Proof::Certificate(name), expires })
    } else {
        let (token, credential) = gate.draw(expires);
        (Some(token), credential)
    };
    let wanted = Change::Create(id.clone(), credential, grant);
    approve(call, &wanted, what).await?;
    change(call, wanted).await?;
    let mut body = account(&call.shared.gate.account(&id)?);
    if let Some(token) = token {
        body["token"] = token.text.as_str().into();
    }
    Ok(answer(StatusCode::CREATED, &body))
}

/// `GET /api/v1/tokens`: all principals by id, in pages. No token is among what is kept of them.
pub(crate) fn list(call: &Call) -> Result<Response, Refusal> {
    let limit = page_limit(call)?;
    let after = call.query("after").unwrap_or_default();
    let standing = call.shared.gate.standing();
    let mut rest = standing.directory.accounts().filter(|account| account.id.as_str() > after);
    let page: Vec<&Account> = rest.by_ref().take(limit).collect();
    let next = rest.next().and(page.last()).map(|account| account.id.as_str());
    let mut body = json!({"tokens": page.iter().map(|one| account(one)).collect::<Vec<Value>>()});
    if let Some(next) = next {
        body["next"] = next.into();
    }
    Ok(answer(StatusCode::OK, &body))
}

/// `POST /api/v1/tokens/{principal}/revoke`: the token is good no more.
pub(crate) async fn revoke(call: &mut Call) -> Result<Response, Refusal> {
    let id = principal(call)?;
    change(call, Change::Revoke(id.clone())).await?;
    Ok(answer(StatusCode::OK, &account(&call.shared.gate.account(&id)?)))
}

/// `POST /api/v1/tokens/{principal}/roles`: a role is given or taken.
pub(crate) async fn change_role(call: &mut Call) -> Result<Response, Refusal> {
    let wanted: ChangeRole = read_json(call).await?;
    let id = principal(call)?;
    let grant = grant(call, &wanted.role, wanted.log.as_deref(), wanted.class.as_deref())?;
    let verb = if wanted.remove { "take from" } else { "give to" };
    let what = format!("{verb} {id} the role {grant}");
    let wanted = if wanted.remove {
        Change::Take(id.clone(), grant)
    } else {
        Change::Grant(id.clone(), grant)
    };
    approve(call, &wanted, what).await?;
    change(call, wanted).await?;
    Ok(answer(StatusCode::OK, &account(&call.shared.gate.account(&id)?)))
}

/// Asks for a second person, where grants need one, for a change that can be made. A token is revoked without: one that was
/// stolen must stop at once.
async fn approve(call: &mut Call, change: &Change, what: String) -> Result<(), Refusal> {
    let actor = &call.principal()?.id;
    let planned = call.shared.gate.standing().directory.plan(actor, change);
    planned.map_err(|error| refused(&error))?;
    let (privilege, right) = (Privilege::Grant, Right::Grant);
    let wanted = Wanted { privilege, right, log: None, class: None, what };
    let _approved = require(call, wanted).await?;
    Ok(())
}

/// Makes a change of the directory.
async fn change(call: &mut Call, change: Change) -> Result<(), Refusal> {
    let actor = call.principal()?.id.clone();
    let plan = move |standing: &Standing| {
        standing.directory.plan(&actor, &change).map_err(|error| refused(&error))
    };
    apply(call, plan).await
}

pub(super) fn principal(call: &Call) -> Result<PrincipalId, Refusal> {
    let text = call.param("principal").unwrap_or_default();
    PrincipalId::parse(text).map_err(|_| {
        Refusal::new(Code::NotFound, "no principal of this name").in_field("principal")
    })
}

/// The grant that a body names; its log has to be there, so that no mistyped name waits for a log to come.
fn grant(
    call: &Call,
    role: &str,
    log: Option<&str>,
    class: Option<&str>,
) -> Result<Grant, Refusal> {
    let names = || Role::ALL.map(Role::as_str).join(", ");
    let role = Role::parse(role)
        .ok_or_else(|| bad_field("role", &format!("no such role; there are: {}", names())))?;
    let log = log.map(LogName::new).transpose().map_err(|error| bad_field("log", &error))?;
    if let Some(log) = &log
        && call.shared.cell.log(log.as_str()).is_none()
    {
        return Err(bad_field("log", &"there is no log of this name; create it first"));
    }
    let class = class.map(class_of).transpose()?;
    Ok(Grant { role, log, class })
}

fn class_of(text: &str) -> Result<Class, Refusal> {
    let names = || Class::ALL.map(Class::as_str).join(", ");
    Class::parse(text)
        .ok_or_else(|| bad_field("class", &format!("no such class; there are: {}", names())))
}

fn certificate(text: &str) -> Result<CertificateName, Refusal> {
    let bad = "give a URI or a DNS name without a wildcard, as in the certificate's subjectAltName";
    CertificateName::parse(text).ok_or_else(|| bad_field("certificate", &bad))
}

fn expiry(now: Time, seconds: u64) -> Result<Time, Refusal> {
    let ns = seconds.checked_mul(NS_PER_S).and_then(|ns| now.unix_ns().checked_add(ns));
    let time = ns.filter(|_| seconds > 0).and_then(|ns| Time::from_unix_ns(ns).ok());
    time.ok_or_else(|| bad_field("expires_s", &"give a number of seconds from 1 on"))
}

/// A principal as the API shows it.
pub(super) fn account(account: &Account) -> Value {
    let roles = account.grants.iter().map(|grant| {
        let mut role = json!({"role": grant.role.as_str()});
        if let Some(log) = &grant.log {
            role["log"] = log.as_str().into();
        }
        if let Some(class) = grant.class {
            role["class"] = class.as_str().into();
        }
        role
    });
    let mut body = json!({"principal": account.id.as_str(), "roles": roles.collect::<Vec<_>>()});
    let expires = account.credential.as_ref().and_then(|credential| credential.expires);
    let created = account.credential.as_ref().map(|_| account.created);
    match account.credential.as_ref().map(|credential| &credential.proof) {
        Some(Proof::Certificate(name)) => body["certificate"] = name.as_str().into(),
        Some(Proof::Issuer(issuer)) => body["issuer"] = issuer.as_str().into(),
        Some(Proof::Token(..)) | None => {}
    }
    let times = [
        ("created", created),
        ("expires", expires),
        ("last_used", account.last_used),
        ("revoked", account.revoked),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            body[name] = time.to_string().into();
        }
    }
    body
}

fn answer(status: StatusCode, body: &Value) -> Response {
    json::response(status, format!("{body}\n").into_bytes())
}
