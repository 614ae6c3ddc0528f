//! Sessions of browsers: begun by a token and a code or by a passkey, shown, and ended.

use std::sync::Arc;

use access::limits::CHALLENGE_NS;
use access::{Factor, PasskeyId, PrincipalId, Strength};
use append::{Code, Refusal};
use axum::body::Body;
use axum::extract::Query;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use graven_entry::Time;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{read_json, tokens};
use crate::call::Call;
use crate::gate::BadLogin;
use crate::json;
use crate::login;
use crate::refusal::{bad_field, bad_query};
use crate::session::code_flow::{Returned, by_code_flow};
use crate::session::{self, Begun, PasskeyAnswer};

const NS_PER_MS: u64 = 1_000_000;

/// The body of `POST /api/v1/session`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    token: Option<String>,
    totp: Option<String>,
    id_token: Option<String>,
}

/// A passkey's answer as browsers write it (`PublicKeyCredential.toJSON()`); what is not needed is not read.
#[derive(Deserialize)]
pub(super) struct Credential {
    id: String,
    response: Answer,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    #[serde(default)]
    signature: String,
    #[serde(default)]
    user_handle: String,
}

/// `POST /api/v1/session`: a token and a code, or an issuer's token, begin a session.
pub(crate) async fn sign_in(call: &mut Call) -> Result<Response, Refusal> {
    let SignIn { token, totp, id_token } = read_json(call).await?;
    let (shared, source) = (Arc::clone(&call.shared), call.source());
    let begun = match (&token, &totp, &id_token) {
        (Some(token), Some(totp), None) => session::by_code(&shared, (token, totp), source).await,
        (None, None, Some(id_token)) => {
            let begun = session::by_issuer(&shared, id_token, source).await;
            if let Ok(begun) = &begun {
                login::record(call, begun.who.as_str(), "oidc");
            }
            begun
        }
        _ => return Err(bad_field("token", &"give `token` and `totp`, or `id_token` alone")),
    };
    begun_answer(call, begun)
}

/// `GET /api/v1/session/oidc`: sends the browser to the issuer.
pub(crate) async fn leave(call: &mut Call) -> Result<Response, Refusal> {
    let leaving = call.shared.gate.leave_for_issuer(call.source()).await?;
    Ok(redirect(&leaving.url, [leaving.cookie]))
}

/// `GET /api/v1/session/oidc/callback`: what the issuer sent the browser back with begins a session. Its page then asks
/// `GET /api/v1/session` for the rest.
pub(crate) async fn come_back(call: &mut Call) -> Result<Response, Refusal> {
    let Query(returned) = Query::<Returned>::try_from_uri(&call.parts.uri)
        .map_err(|_| bad_query("query", "not an answer of an issuer, each parameter once"))?;
    let (shared, source) = (Arc::clone(&call.shared), call.source());
    let begun = by_code_flow(&shared, &call.parts.headers, &returned, source).await;
    let Begun { who, cookie, .. } = begun.map_err(|bad| login::refused(call, *bad))?;
    login::record(call, who.as_str(), "oidc");
    let gate = &shared.gate;
    Ok(redirect("/", [gate.sign_in.set_cookie(&cookie), gate.flow_cookie("")]))
}

/// Sends a browser elsewhere. The address that it comes from, which may hold a code, goes nowhere.
fn redirect<const COOKIES: usize>(to: &str, cookies: [HeaderValue; COOKIES]) -> Response {
    let mut response = Response::new(Body::from("go on at `location`\n"));
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
    for (name, value) in [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let to =
        HeaderValue::from_str(to).expect("an endpoint without white space, and what is encoded");
    headers.insert(header::LOCATION, to);
    response
}

/// `POST /api/v1/session/passkey/start`: a challenge for whatever passkey the browser has.
pub(crate) fn start(call: &Call) -> Result<Response, Refusal> {
    let gate = &call.shared.gate;
    let site = gate.sign_in.public()?;
    let challenge = gate.challenge(call.source(), None)?;
    let body = json!({"publicKey": {
        "challenge": URL_SAFE_NO_PAD.encode(challenge),
        "rpId": site.id,
        "timeout": CHALLENGE_NS / NS_PER_MS,
        "userVerification": "required",
        "allowCredentials": [],
    }});
    Ok(answer(&body))
}

/// `POST /api/v1/session/passkey/finish`: the passkey's answer begins a session.
pub(crate) async fn finish(call: &mut Call) -> Result<Response, Refusal> {
    let credential: Credential = read_json(call).await?;
    let passkey = credential.read()?;
    let shared = Arc::clone(&call.shared);
    let begun = session::by_passkey(&shared, &passkey, call.source()).await;
    begun_answer(call, begun)
}

/// `GET /api/v1/session`: who asks, with which roles and factors, and how long the session lasts.
pub(crate) fn show(call: &Call) -> Result<Response, Refusal> {
    let gate = &call.shared.gate;
    let principal = call.principal()?;
    let cookie = gate.sign_in.cookie(&call.parts.headers);
    let mut body = who(call, &principal.id)?;
    body["auth"] = principal.writer.auth.as_str().into();
    body["strong"] = (principal.strength == Strength::Strong).into();
    if let Some(cookie) = cookie {
        body["csrf"] = gate.csrf(cookie).into();
        body["until"] = until(call, cookie).into();
    }
    Ok(answer(&body))
}

/// `DELETE /api/v1/session`: the session ends.
pub(crate) fn end(call: &Call) -> Result<Response, Refusal> {
    let gate = &call.shared.gate;
    let none = || Refusal::new(Code::NotFound, "a token is no session; revoke it to end it");
    let cookie = gate.sign_in.cookie(&call.parts.headers).ok_or_else(none)?;
    gate.end_session(cookie);
    let mut response = answer(&json!({"ended": true}));
    response.headers_mut().insert(header::SET_COOKIE, gate.sign_in.set_cookie(""));
    Ok(response)
}

fn begun_answer(call: &Call, begun: Result<Begun, Box<BadLogin>>) -> Result<Response, Refusal> {
    let Begun { who: id, cookie, strength } = begun.map_err(|bad| login::refused(call, *bad))?;
    let gate = &call.shared.gate;
    let mut body = who(call, &id)?;
    body["strong"] = (strength == Strength::Strong).into();
    body["csrf"] = gate.csrf(cookie.as_bytes()).into();
    body["until"] = until(call, cookie.as_bytes()).into();
    let mut response = answer(&body);
    response.headers_mut().insert(header::SET_COOKIE, gate.sign_in.set_cookie(&cookie));
    Ok(response)
}

/// A principal with its roles and factors.
fn who(call: &Call, id: &PrincipalId) -> Result<Value, Refusal> {
    let gate = &call.shared.gate;
    let account = tokens::account(&gate.account(id)?);
    let factors = gate.standing().factors.of(id).iter().map(factor).collect::<Vec<_>>();
    Ok(json!({"principal": id.as_str(), "roles": account["roles"], "factors": factors}))
}

/// A factor as the API shows it.
pub(super) fn factor(factor: &Factor) -> Value {
    json!({
        "factor": factor.id.as_str(),
        "kind": factor.name().as_str(),
        "added": factor.added.to_string(),
    })
}

/// When the session ends, if nobody uses it.
fn until(call: &Call, cookie: &[u8]) -> Option<String> {
    let gate = &call.shared.gate;
    let (_, left_ns) = gate.session(cookie)?;
    let until = Time::from_unix_ns(gate.now().unix_ns().saturating_add(left_ns)).ok()?;
    Some(until.to_string())
}

impl Credential {
    /// What it says in bytes.
    pub(super) fn read(&self) -> Result<PasskeyAnswer, Refusal> {
        let bytes = |name: &str, text: &str| {
            let decoded = URL_SAFE_NO_PAD.decode(text);
            decoded.map_err(|_| bad_field(name, &"not base64url without padding"))
        };
        let Answer { client_data, authenticator_data, signature, user_handle } = &self.response;
        let id = PasskeyId::parse(&self.id);
        Ok(PasskeyAnswer {
            id: id.ok_or_else(|| bad_field("id", &"not a passkey's id in base64url"))?,
            client_data: bytes("response.clientDataJSON", client_data)?,
            authenticator_data: bytes("response.authenticatorData", authenticator_data)?,
            signature: bytes("response.signature", signature)?,
            user: bytes("response.userHandle", user_handle)?,
        })
    }
}

pub(super) fn answer(body: &Value) -> Response {
    json::response(StatusCode::OK, format!("{body}\n").into_bytes())
}
