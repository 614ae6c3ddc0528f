//! Signing in at the issuer by a browser: the authorization code flow (OpenID Connect Core 1.0 section 3.1) with PKCE (RFC 7636).
//!
//! All that a sign-in needs comes out of one seed. The browser keeps it in a cookie of its own, the server until it is used,
//! once. What goes through the issuer in the open (`state`, `nonce`, the challenge) tells nothing of it.

use std::net::IpAddr;
use std::sync::Arc;

use access::{Challenge, Source};
use append::{Code, Refusal};
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{Begun, by_issuer};
use crate::gate::{BadLogin, Gate, lock, unauthenticated};
use crate::limits::ISSUER_RETRY_NS;
use crate::oidc::{NoToken, Oidc, OidcClient, url_encoded};
use crate::shared::Shared;
use crate::sign_in::cookie_of;

/// The cookie of a browser that is at the issuer. It is `Lax`, since it has to come along when the issuer sends the browser back.
const COOKIE: &str = "graven_oidc";
const SECURE_COOKIE: &str = "__Host-graven_oidc";
/// Where the issuer sends browsers back to.
const CALLBACK: &str = "/api/v1/session/oidc/callback";

/// What is derived from a seed.
const STATE: &[u8] = b"state";
const NONCE: &[u8] = b"nonce";
const VERIFIER: &[u8] = b"code_verifier";

/// A browser that goes to the issuer: where, and with which cookie.
pub(crate) struct Leaving {
    pub(crate) url: String,
    pub(crate) cookie: HeaderValue,
}

/// What a browser comes back with; what else the issuer says is not read (RFC 6749 section 4.1.2).
#[derive(Deserialize)]
pub(crate) struct Returned {
    state: Option<String>,
    code: Option<String>,
    /// The issuer, where it says so (RFC 9207).
    iss: Option<String>,
}

impl Gate {
    /// Sends a browser to the issuer.
    pub(crate) async fn leave_for_issuer(&self, address: IpAddr) -> Result<Leaving, Refusal> {
        let (oidc, client) = self.oidc_client()?;
        let endpoints = oidc.endpoints(self.boot_ns()).await.ok_or_else(no_answer)?;
        let (source, now_ns) = (Source::new(address, None), self.boot_ns());
        let drawn = lock(&self.sign_in.flows).draw(self.random(), source, None, now_ns);
        let seed = drawn.ok_or_else(busy)?;
        let challenge = Sha256::digest(derived(&seed, VERIFIER));
        let mut url = endpoints.authorization;
        for (name, value) in [
            ("response_type", "code"),
            ("scope", "openid"),
            ("client_id", &client.id),
            ("redirect_uri", &self.callback()?),
            ("state", &derived(&seed, STATE)),
            ("nonce", &derived(&seed, NONCE)),
            ("code_challenge", &URL_SAFE_NO_PAD.encode(challenge)),
            ("code_challenge_method", "S256"),
        ] {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(name);
            url.push('=');
            url.push_str(&url_encoded(value));
        }
        Ok(Leaving { url, cookie: self.flow_cookie(&URL_SAFE_NO_PAD.encode(seed)) })
    }

    /// The header that sets the cookie of a browser that is at the issuer, or with an empty one takes it back.
    pub(crate) fn flow_cookie(&self, cookie: &str) -> HeaderValue {
        self.sign_in.cookie_header(self.flow_cookie_name(), cookie, "Lax")
    }

    fn flow_cookie_name(&self) -> &'static str {
        if self.sign_in.is_secure { SECURE_COOKIE } else { COOKIE }
    }

    fn callback(&self) -> Result<String, Refusal> {
        Ok(format!("{}{CALLBACK}", self.sign_in.public()?.origin))
    }

    fn oidc_client(&self) -> Result<(&Oidc, &OidcClient), Refusal> {
        let detail = "this server was started without --oidc-client-id, so no issuer signs browsers in; use a token";
        let oidc = self.oidc().and_then(|oidc| Some((oidc, oidc.client()?)));
        oidc.ok_or_else(|| Refusal::new(Code::Unavailable, detail))
    }
}

/// Begins a session by what the issuer sent a browser back with. Whatever is wrong, the client is told the same.
pub(crate) async fn by_code_flow(
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    returned: &Returned,
    address: IpAddr,
) -> Result<Begun, Box<BadLogin>> {
    let gate = &shared.gate;
    let bad = |why| BadLogin::new(not_good(), None, why);
    let unable = |refusal| BadLogin::new(refusal, None, "no token of the issuer");
    let (oidc, client) = gate.oidc_client().map_err(unable)?;
    let seed =
        seed_of(headers, gate.flow_cookie_name()).ok_or_else(|| bad("no cookie of a sign-in"))?;
    if !returned.state.as_ref().is_some_and(|state| is_derived(&seed, STATE, state)) {
        return Err(bad("another state"));
    }
    if !lock(&gate.sign_in.flows).take(&seed, None, gate.boot_ns()) {
        return Err(bad("no such sign-in, or not any more"));
    }
    if returned.iss.as_ref().is_some_and(|issuer| issuer != oidc.issuer()) {
        return Err(bad("another issuer"));
    }
    let code = returned.code.as_ref().ok_or_else(|| bad("the issuer gave no code"))?;
    let endpoints = oidc.endpoints(gate.boot_ns()).await.ok_or_else(|| unable(no_answer()))?;
    let callback = gate.callback().map_err(unable)?;
    let exchange = (code.as_str(), derived(&seed, VERIFIER), callback);
    let token =
        oidc.exchange(client, endpoints.token, exchange).await.map_err(|why| match why {
            NoToken::Refused => bad("the issuer refused the code"),
            NoToken::Busy => unable(busy()),
            NoToken::Unable(why) => {
                tracing::warn!(why, "cannot exchange a code at the issuer");
                unable(no_answer())
            }
        })?;
    if Oidc::nonce(&token).as_ref() != Some(&derived(&seed, NONCE)) {
        return Err(bad("another nonce"));
    }
    by_issuer(shared, &token, address).await
}

fn seed_of(headers: &HeaderMap, name: &str) -> Option<Challenge> {
    URL_SAFE_NO_PAD.decode(cookie_of(headers, name)?).ok()?.try_into().ok()
}

fn derived(seed: &Challenge, label: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, seed), label))
}

/// Compares in constant time.
fn is_derived(seed: &Challenge, label: &[u8], text: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, seed);
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| hmac::verify(&key, label, &bytes).is_ok())
}

/// The one answer to every bad return.
fn not_good() -> Refusal {
    unauthenticated("this does not sign you in; begin again at /api/v1/session/oidc")
}

fn no_answer() -> Refusal {
    let detail = "the issuer cannot be asked to sign anybody in; try again, or use a token";
    Refusal::new(Code::Unavailable, detail).retry_after((ISSUER_RETRY_NS / 1_000_000_000) as u32)
}

fn busy() -> Refusal {
    let detail = "too many browsers are signing in at the issuer; try again";
    Refusal::new(Code::Busy, detail).retry_after(5)
}
