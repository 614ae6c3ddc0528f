//! Second factors: begun and finished by their principal alone, listed and removed by it or an owner.

use std::sync::Arc;

use access::limits::{CHALLENGE_NS, TOTP_CONFIRM_NS};
use access::{
    Ceremony, Class, ES256, FactorId, FactorKind, Factors, PrincipalId, Privilege, Right, SealedAt,
    Standing, Strength, TOTP_SECRET_PATH, ToClose, TotpSecret, close,
};
use append::{Code, Refusal};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use graven_entry::{Entry, ToSeal, seal_event};
use graven_merkle::LeafIndex;
use log::LogHandle;
use serde::Deserialize;
use serde_json::{Value, json};

use super::session::{Credential, answer, factor};
use super::tokens::principal;
use super::{apply, read_json};
use crate::approval::{Wanted, require};
use crate::call::Call;
use crate::refusal::bad_field;
use crate::session::{open_secret, refused};
use crate::shared::Shared;

const NS_PER_MS: u64 = 1_000_000;
/// Whom the secrets of a principal's codes are about, before its id: for the keyring.
const SUBJECT: &str = "graven/principal/";

/// The body of `POST …/factors`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    kind: String,
}

/// The body of `POST …/factors/finish`: the first code of a secret, or a new passkey.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finish {
    entry: Option<u64>,
    code: Option<String>,
    passkey: Option<Credential>,
}

/// `GET …/factors`: what there is; nothing of it is a secret.
pub(crate) fn list(call: &Call) -> Result<Response, Refusal> {
    let who = principal(call)?;
    call.shared.gate.account(&who)?;
    let standing = call.shared.gate.standing();
    let factors: Vec<Value> = standing.factors.of(&who).iter().map(factor).collect();
    Ok(answer(&json!({"factors": factors})))
}

/// `POST …/factors`: a secret for codes, or a challenge for a new passkey. Neither counts before it is finished.
pub(crate) async fn start(call: &mut Call) -> Result<Response, Refusal> {
    let Start { kind } = read_json(call).await?;
    let who = check_own(call)?;
    match kind.as_str() {
        "totp" => {
            let shared = Arc::clone(&call.shared);
            let begin = move || begin_totp(&shared, &who);
            Ok(answer(&call.shared.blocking(begin).await??))
        }
        "passkey" => Ok(answer(&begin_passkey(call, &who)?)),
        _ => Err(bad_field("kind", &"a second factor is `totp` or `passkey`")),
    }
}

/// `POST …/factors/finish`: from here on the factor counts.
pub(crate) async fn finish(call: &mut Call) -> Result<Response, Refusal> {
    let wanted: Finish = read_json(call).await?;
    let who = check_own(call)?;
    match wanted {
        Finish { entry: Some(entry), code: Some(code), passkey: None } => {
            finish_totp(call, who.clone(), (entry, code)).await?;
        }
        Finish { entry: None, code: None, passkey: Some(passkey) } => {
            finish_passkey(call, who.clone(), &passkey).await?;
        }
        _ => return Err(bad_field("body", &"give `entry` and `code`, or `passkey`")),
    }
    let standing = call.shared.gate.standing();
    Ok(answer(&standing.factors.of(&who).last().map_or(Value::Null, factor)))
}

/// `POST …/factors/{factor}/remove`: sessions that began with it end.
pub(crate) async fn remove(call: &mut Call) -> Result<Response, Refusal> {
    let who = principal(call)?;
    let unknown = || refused(&access::FactorError::Unknown);
    let id = FactorId::parse(call.param("factor").unwrap_or_default()).ok_or_else(unknown)?;
    let actor = call.principal()?;
    let (is_own, is_strong) = (actor.id == who, actor.strength == Strength::Strong);
    let actor = actor.id.clone();
    if is_own && !is_strong {
        return Err(too_weak());
    }
    // That there is such a factor, before anybody is asked about it.
    let planned = call.shared.gate.standing().factors.plan_remove(&actor, &who, &id);
    planned.map_err(|error| refused(&error))?;
    if !is_own {
        let what = format!("remove the second factor {} of {who}", id.as_str());
        let (privilege, right) = (Privilege::Grant, Right::Grant);
        let wanted = Wanted { privilege, right, log: None, class: None, what };
        let _approved = require(call, wanted).await?;
    }
    let (name, of) = (id.clone(), who.clone());
    let plan = move |standing: &Standing| {
        let event = standing.factors.plan_remove(&actor, &of, &name);
        Ok(vec![event.map_err(|error| refused(&error))?])
    };
    apply(call, plan).await?;
    Ok(answer(&json!({"factor": id.as_str(), "removed": true})))
}

/// Nobody adds a factor for somebody else, and who has one needs it to add another: else a stolen token would make its own.
fn check_own(call: &Call) -> Result<PrincipalId, Refusal> {
    let (who, asks) = (principal(call)?, call.principal()?);
    if asks.id != who {
        let detail = "a second factor is added by its own principal, with that one's token";
        return Err(Refusal::new(Code::Forbidden, detail).in_field("principal"));
    }
    let has_one = !call.shared.gate.standing().factors.of(&who).is_empty();
    if has_one && asks.strength != Strength::Strong {
        return Err(too_weak());
    }
    Ok(who)
}

fn too_weak() -> Refusal {
    let detail = "you have a second factor: sign in with it, and do this in that session";
    Refusal::new(Code::Forbidden, detail).in_field("authorization")
}

/// Draws a secret and seals it in `system`. Blocks.
fn begin_totp(shared: &Shared, who: &PrincipalId) -> Result<Value, Refusal> {
    let (gate, sealing) = (&shared.gate, shared.sealing()?);
    let secret = TotpSecret::draw(gate.random());
    let id = FactorId::draw(gate.random());
    let event = Factors::begin_totp(who, &id, &secret.to_base32());
    let salt = sealing.salt();
    let unavailable = |why: String| Refusal::new(Code::Unavailable, why);
    let sealed = seal_event(&event, &[ToSeal { path: TOTP_SECRET_PATH, salt: &salt }])
        .map_err(|error| unavailable(error.to_string()))?;
    let keys = sealing.keys_of(&format!("{SUBJECT}{who}"))?;
    let (log, class) = (system(shared)?, Class::Secret);
    let origin = log.origin();
    let closed = sealed.disclosures.iter().zip(&sealed.digests).map(|(disclosure, digest)| {
        let origin = origin.as_str();
        let value = ToClose { origin, path: TOTP_SECRET_PATH, class, disclosure, digest };
        close(&keys, &value, sealing.random()).map_err(|error| unavailable(error.to_string()))
    });
    let closed = closed.collect::<Result<Vec<_>, _>>()?;
    let appended = shared.cell.record_sealed(sealed.event, closed)?.wait()?;
    let lost = || unavailable("recorded, and no receipt came".to_owned());
    let entry = appended.receipts.first().ok_or_else(lost)?.index.0;
    Ok(json!({
        "entry": entry,
        "secret": secret.to_base32().as_str(),
        "uri": secret.uri(who).as_str(),
    }))
}

/// The first code of a secret that waits.
async fn finish_totp(
    call: &mut Call,
    who: PrincipalId,
    (index, code): (u64, String),
) -> Result<(), Refusal> {
    call.shared.gate.check_codes(&who)?;
    let (shared, name) = (Arc::clone(&call.shared), who.clone());
    let find = move || -> Result<_, Refusal> {
        let (id, at) = begun(&shared, &name, index)?;
        let sealing = shared.sealing()?;
        let secret = open_secret(&shared.cell, &sealing, &at)?;
        let step = secret.step_of(&code, shared.gate.now().unix_ns(), None);
        Ok((id, at, step))
    };
    let (id, at, step) = call.shared.blocking(find).await??;
    call.shared.gate.tried_code(&who, step.is_some());
    let detail = "the code is not the secret's; check the clock of the device that makes it";
    let wrong = || Refusal::new(Code::Forbidden, detail).in_field("code");
    let step = step.ok_or_else(wrong)?;
    let plan = move |standing: &Standing| {
        let event = standing.factors.plan_totp(&who, &id, (&at, step));
        Ok(vec![event.map_err(|error| refused(&error))?])
    };
    apply(call, plan).await
}

/// The factor of a secret that an entry of `system` began for this principal a short while ago. Blocks.
fn begun(shared: &Shared, who: &PrincipalId, index: u64) -> Result<(FactorId, SealedAt), Refusal> {
    let detail = "no secret of yours waits under this number; begin again";
    let none = || Refusal::new(Code::NotFound, detail).in_field("entry");
    let log = system(shared)?;
    let bytes = log.entry(LeafIndex(index)).map_err(|_| none())?;
    let entry = Entry::parse(&bytes).map_err(|_| none())?;
    let age_ns = shared.gate.now().unix_ns().saturating_sub(entry.header.time.unix_ns());
    let id = Factors::begun(who, entry.event).filter(|_| entry.header.auth.is_log());
    let id = id.filter(|_| age_ns < TOTP_CONFIRM_NS).ok_or_else(none)?;
    Ok((id, SealedAt { origin: log.origin().to_string(), index }))
}

fn begin_passkey(call: &Call, who: &PrincipalId) -> Result<Value, Refusal> {
    let gate = &call.shared.gate;
    let site = gate.sign_in.public()?;
    let challenge = gate.challenge(call.source(), Some(who.clone()))?;
    let standing = gate.standing();
    let known = standing.factors.of(who).iter().filter_map(|factor| match &factor.kind {
        FactorKind::Passkey { id, .. } => Some(json!({"type": "public-key", "id": id.to_string()})),
        FactorKind::Totp { .. } => None,
    });
    let user = URL_SAFE_NO_PAD.encode(who.as_str());
    Ok(json!({"publicKey": {
        "challenge": URL_SAFE_NO_PAD.encode(challenge),
        "rp": {"id": site.id, "name": "Graven"},
        "user": {"id": user, "name": who.as_str(), "displayName": who.as_str()},
        "pubKeyCredParams": [{"type": "public-key", "alg": ES256}],
        "timeout": CHALLENGE_NS / NS_PER_MS,
        "attestation": "none",
        "authenticatorSelection": {"residentKey": "required", "requireResidentKey": true,
            "userVerification": "required"},
        "excludeCredentials": known.collect::<Vec<Value>>(),
    }}))
}

async fn finish_passkey(
    call: &mut Call,
    who: PrincipalId,
    credential: &Credential,
) -> Result<(), Refusal> {
    let passkey = credential.read()?;
    let gate = &call.shared.gate;
    let site = gate.sign_in.public()?;
    let bad = |why: &str| {
        let detail = format!("the passkey is not taken: {why}");
        Refusal::new(Code::Forbidden, detail).in_field("passkey")
    };
    let challenge = site.challenge(Ceremony::Create, &passkey.client_data);
    let challenge = challenge.map_err(|error| bad(error.as_str()))?;
    if !gate.take_challenge(&challenge, Some(&who)) {
        return Err(bad("unknown challenge"));
    }
    let registered = site.registered(&passkey.authenticator_data);
    let registered = registered.map_err(|error| bad(error.as_str()))?;
    if registered.id != passkey.id {
        return Err(bad("two ids"));
    }
    let id = FactorId::draw(gate.random());
    let plan = move |standing: &Standing| {
        let event = standing.factors.plan_passkey(&who, &id, &registered);
        Ok(vec![event.map_err(|error| refused(&error))?])
    };
    apply(call, plan).await
}

/// The server's own log that goes on.
fn system(shared: &Shared) -> Result<LogHandle, Refusal> {
    let ended = || Refusal::new(Code::Unavailable, "there is no `system` log that goes on");
    shared.cell.system_logs().pop().ok_or_else(ended)
}
