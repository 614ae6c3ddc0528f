//! Signing in, with a second factor or by an issuer: what the gate knows of codes, passkeys and the sessions that they begin.
//!
//! A session begins with an entry of `system` that uses the factor up (`Factors::plan_login`), and it goes on while its
//! principal's credential is good and its factor is there. It is the process's: a restart ends it.

pub(crate) mod code_flow;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use access::{
    Assertion, Ceremony, Challenge, ClosedValue, FactorError, FactorId, FactorKind, FactorName,
    PasskeyId, PrincipalId, SealedAt, Session, SessionBy, Source, Strength, TOTP_SECRET_PATH,
    TotpSecret, Used,
};
use append::{Code, Refusal};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use graven_entry::{Disclosure, Time};
use graven_merkle::LeafIndex;
use log::{Cell, SidecarKind};
use zeroize::Zeroizing;

use crate::gate::{BadLogin, Gate, Principal, lock, unauthenticated};
use crate::sealing::Sealing;
use crate::shared::Shared;

/// The header that a request of a session brings where it changes something.
pub(crate) const CSRF: &str = "x-graven-csrf";
/// The header in which browsers say whose page asks.
const FETCH_SITE: &str = "sec-fetch-site";

/// What a passkey answers, in bytes.
pub(crate) struct PasskeyAnswer {
    pub(crate) id: PasskeyId,
    pub(crate) client_data: Vec<u8>,
    pub(crate) authenticator_data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) user: Vec<u8>,
}

/// A session that begins: its cookie as it is set.
pub(crate) struct Begun {
    pub(crate) who: PrincipalId,
    pub(crate) cookie: Zeroizing<String>,
    pub(crate) strength: Strength,
}

impl Gate {
    /// Whose session this is. Only its own pages may use it, and what changes something needs the token that they know.
    pub(crate) fn by_cookie(
        &self,
        parts: &Parts,
        cookie: &[u8],
    ) -> Result<Principal, Box<BadLogin>> {
        let (session, _) = self.session(cookie).ok_or_else(|| {
            let refusal = unauthenticated("the session has ended; sign in again");
            BadLogin::new(refusal.in_field("cookie"), None, "no such session")
        })?;
        let id = session.principal;
        let bad = |detail, field, why| {
            let refusal = Refusal::new(Code::Forbidden, detail).in_field(field);
            BadLogin::new(refusal, Some(id.clone()), why)
        };
        let site = parts.headers.get(FETCH_SITE).map(HeaderValue::as_bytes);
        if !matches!(site, None | Some(b"same-origin" | b"none")) {
            let detail = "a session is for the server's own pages; send a bearer token";
            return Err(bad(detail, FETCH_SITE, "another site's page"));
        }
        let is_safe = matches!(parts.method, Method::GET | Method::HEAD);
        let brought = parts.headers.get(CSRF).map_or(b"".as_slice(), HeaderValue::as_bytes);
        if !is_safe && !lock(&self.sign_in.sessions).is_csrf(cookie, brought) {
            let detail = "send the session's `csrf` of GET /api/v1/session as X-Graven-Csrf";
            return Err(bad(detail, CSRF, "no CSRF token"));
        }
        let until = match session.by {
            SessionBy::Factor(..) => None,
            SessionBy::Issuer(_, until) => Some(until),
        };
        let (auth, strength) = (session.by.auth(), session.by.strength());
        Ok(Principal { until, ..self.known_as(id, auth, strength) })
    }

    /// The session of a cookie, if it goes on, and how long yet.
    pub(crate) fn session(&self, cookie: &[u8]) -> Option<(Session, u64)> {
        let now_ns = self.boot_ns();
        let session = lock(&self.sign_in.sessions).find(cookie, now_ns)?;
        let goes_on = {
            let standing = self.standing();
            standing.directory.is_good(&session.principal, self.now())
                && match &session.by {
                    SessionBy::Factor(factor, _) => {
                        standing.factors.has(&session.principal, factor)
                    }
                    SessionBy::Issuer(_, until) => self.now() < *until,
                }
        };
        if !goes_on {
            self.end_session(cookie);
            return None;
        }
        let left_ns = session.left_ns(now_ns);
        Some((session, left_ns))
    }

    /// What requests of this session bring where they change something.
    pub(crate) fn csrf(&self, cookie: &[u8]) -> String {
        lock(&self.sign_in.sessions).csrf(cookie)
    }

    pub(crate) fn end_session(&self, cookie: &[u8]) {
        lock(&self.sign_in.sessions).end(cookie);
    }

    /// A challenge for somebody who registers a passkey, or for whoever signs in.
    pub(crate) fn challenge(
        &self,
        address: IpAddr,
        registers: Option<PrincipalId>,
    ) -> Result<Challenge, Refusal> {
        let (source, now_ns) = (Source::new(address, None), self.boot_ns());
        let drawn = lock(&self.sign_in.challenges).draw(self.random(), source, registers, now_ns);
        let detail = "too many passkeys are being asked; try again";
        drawn.ok_or_else(|| Refusal::new(Code::Busy, detail).retry_after(5))
    }

    /// Takes a challenge away. Whether it was there for this.
    pub(crate) fn take_challenge(&self, challenge: &[u8], registers: Option<&PrincipalId>) -> bool {
        lock(&self.sign_in.challenges).take(challenge, registers, self.boot_ns())
    }

    /// Whether a principal's codes may be tried now.
    pub(crate) fn check_codes(&self, who: &PrincipalId) -> Result<(), Refusal> {
        let checked = lock(&self.sign_in.codes).check(&codes_of(who), self.boot_ns());
        checked.map_err(|wait_s| {
            let detail = "too many wrong codes; wait, then use a good one";
            Refusal::new(Code::Busy, detail).retry_after(wait_s)
        })
    }

    /// Takes in a code, right or wrong.
    pub(crate) fn tried_code(&self, who: &PrincipalId, is_right: bool) {
        let mut codes = lock(&self.sign_in.codes);
        if is_right {
            codes.succeeded(&codes_of(who));
        } else {
            codes.failed(codes_of(who), self.boot_ns());
        }
    }
}

/// All addresses count together: whoever has a token can guess from many.
fn codes_of(who: &PrincipalId) -> Source {
    Source::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), Some(who.clone()))
}

/// Begins a session by a token and a code. Whatever is wrong, the client is told the same.
pub(crate) async fn by_code(
    shared: &Arc<Shared>,
    (token, code): (&str, &str),
    address: IpAddr,
) -> Result<Begun, Box<BadLogin>> {
    let gate = &shared.gate;
    let told = |mut bad: Box<BadLogin>| {
        if bad.refusal.code == Code::Unauthenticated {
            bad.refusal = not_good();
        }
        bad
    };
    let who = gate.by_token(token.as_bytes(), address).map_err(told)?.id;
    let bad = |refusal, why| BadLogin::new(refusal, Some(who.clone()), why);
    gate.check_codes(&who).map_err(|refusal| bad(refusal, "locked out"))?;
    let found = find_code(shared, &who, code).await;
    let found = found.map_err(|refusal| bad(refusal, "a secret cannot be opened"))?;
    gate.tried_code(&who, found.is_some());
    let (factor, step) = found.ok_or_else(|| bad(not_good(), "wrong code"))?;
    begin(shared, &who, (factor, FactorName::Totp, Used::Step(step)), address).await
}

/// The factor and the step of a code of this principal that was not used yet.
async fn find_code(
    shared: &Arc<Shared>,
    who: &PrincipalId,
    code: &str,
) -> Result<Option<(FactorId, u64)>, Refusal> {
    let factors = shared.gate.standing().factors.of(who).to_vec();
    let (sealing, code) = (shared.sealing()?, Zeroizing::new(code.to_owned()));
    let (in_thread, now_ns) = (Arc::clone(shared), shared.gate.now().unix_ns());
    let find = move || {
        for factor in factors {
            let FactorKind::Totp { secret, last_step } = &factor.kind else { continue };
            let secret = open_secret(&in_thread.cell, &sealing, secret)?;
            if let Some(step) = secret.step_of(&code, now_ns, Some(*last_step)) {
                return Ok(Some((factor.id, step)));
            }
        }
        Ok(None)
    };
    shared.blocking(find).await?
}

/// Begins a session by a passkey.
pub(crate) async fn by_passkey(
    shared: &Arc<Shared>,
    answer: &PasskeyAnswer,
    address: IpAddr,
) -> Result<Begun, Box<BadLogin>> {
    let gate = &shared.gate;
    let bad = |claimed, why| BadLogin::new(not_good(), claimed, why);
    let site = gate.sign_in.public();
    let site = site.map_err(|refusal| BadLogin::new(refusal, None, "no public address"))?;
    let challenge = site.challenge(Ceremony::Get, &answer.client_data);
    let challenge = challenge.map_err(|error| bad(None, error.as_str()))?;
    if !gate.take_challenge(&challenge, None) {
        return Err(bad(None, "unknown challenge"));
    }
    let found = {
        let standing = gate.standing();
        let found = standing.factors.passkey(&answer.id);
        found.map(|(who, factor)| (who.clone(), factor.clone()))
    };
    let (who, factor) = found.ok_or_else(|| bad(None, "unknown passkey"))?;
    let of_user = |why| bad(Some(who.clone()), why);
    if answer.user != who.as_str().as_bytes() {
        return Err(of_user("another's passkey"));
    }
    if !gate.standing().directory.is_good(&who, gate.now()) {
        return Err(of_user("revoked or expired"));
    }
    let FactorKind::Passkey { key, counter, .. } = &factor.kind else {
        return Err(of_user("not a passkey"));
    };
    let assertion = Assertion {
        client_data: &answer.client_data,
        authenticator_data: &answer.authenticator_data,
        signature: &answer.signature,
    };
    let counter = site.check(key, *counter, assertion);
    let counter = counter.map_err(|error| of_user(error.as_str()))?;
    begin(shared, &who, (factor.id, FactorName::Passkey, Used::Counter(counter)), address).await
}

/// Uses the factor up by an entry of `system`, then begins the session. On a task of its own, as every change.
async fn begin(
    shared: &Arc<Shared>,
    who: &PrincipalId,
    (factor, by, used): (FactorId, FactorName, Used),
    address: IpAddr,
) -> Result<Begun, Box<BadLogin>> {
    let bad = |refusal, why| BadLogin::new(refusal, Some(who.clone()), why);
    let (in_task, planned) = (Arc::clone(shared), (who.clone(), factor.clone()));
    let task = async move {
        let plan = |standing: &access::Standing| {
            let (who, factor) = &planned;
            let event = standing.factors.plan_login(who, factor, used, &address.to_string());
            event.map(|event| vec![event]).map_err(|error| refused(&error))
        };
        in_task.gate.change(&in_task.cell, plan).await
    };
    let done = tokio::spawn(task).await.unwrap_or_else(|error| Err(Gate::broke_off(&error)));
    done.map_err(|refusal| match refusal.code {
        Code::NotFound | Code::Conflict => bad(not_good(), "used before"),
        _ => bad(refusal, "not recorded"),
    })?;
    open(&shared.gate, who, SessionBy::Factor(factor, by))
}

/// Begins a session by an issuer's token. It ends with that token, and proves as much.
pub(crate) async fn by_issuer(
    shared: &Arc<Shared>,
    token: &str,
    address: IpAddr,
) -> Result<Begun, Box<BadLogin>> {
    let principal = shared.gate.by_issuer(&shared.cell, token, address).await?;
    let until = principal.until.unwrap_or(Time::MIN);
    open(&shared.gate, &principal.id, SessionBy::Issuer(principal.strength, until))
}

/// Opens a session, if there may be one more.
fn open(gate: &Gate, who: &PrincipalId, by: SessionBy) -> Result<Begun, Box<BadLogin>> {
    let strength = by.strength();
    let cookie = lock(&gate.sign_in.sessions).begin(gate.random(), who, by, gate.boot_ns());
    let cookie = cookie.ok_or_else(|| {
        let detail = "as many sessions are open as may be; try again";
        let refusal = Refusal::new(Code::Busy, detail).retry_after(60);
        BadLogin::new(refusal, Some(who.clone()), "too many sessions")
    })?;
    Ok(Begun { who: who.clone(), cookie, strength })
}

/// Opens the secret of codes that an entry of `system` holds sealed. Blocks.
pub(crate) fn open_secret(
    cell: &Cell,
    sealing: &Sealing,
    at: &SealedAt,
) -> Result<TotpSecret, Refusal> {
    let logs = cell.system_logs();
    let log = logs.iter().find(|log| log.origin().as_str() == at.origin);
    let sidecars = log.map(|log| log.sidecars(LeafIndex(at.index))).transpose();
    let sidecars = sidecars.map_err(|error| Refusal::from(&error))?.unwrap_or_default();
    let closed = sidecars.iter().filter(|sidecar| sidecar.kind == SidecarKind::Disclosure);
    let secret = closed.filter_map(|sidecar| {
        let closed = ClosedValue::parse(&sidecar.bytes).ok()?;
        let keys = sealing.keyring.keys(closed.key).ok()?;
        let opened = closed.open(&keys, &at.origin).ok()?;
        let disclosure = Disclosure::parse(&opened.disclosure).ok()?;
        let text: Zeroizing<String> =
            Zeroizing::new(serde_json::from_slice(&disclosure.value_json).ok()?);
        TotpSecret::from_base32(&text).filter(|_| opened.path == TOTP_SECRET_PATH)
    });
    secret.into_iter().next().ok_or_else(|| {
        tracing::error!(entry = at.index, "the secret of a second factor cannot be opened");
        let detail = "the second factor's secret cannot be opened; have an owner remove the factor";
        Refusal::new(Code::Unavailable, detail)
    })
}

/// The one answer to every bad sign-in.
fn not_good() -> Refusal {
    unauthenticated("this does not sign you in; check the token and the code, or the passkey")
}

pub(crate) fn refused(error: &FactorError) -> Refusal {
    let code = match error {
        FactorError::TooMany => Code::Forbidden,
        FactorError::Done => Code::Exists,
        FactorError::Unknown => Code::NotFound,
        FactorError::Used => Code::Conflict,
    };
    Refusal::new(code, error.to_string()).in_field("factor")
}
