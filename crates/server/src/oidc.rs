//! OpenID Connect: tokens of an issuer as credentials.
//!
//! [`Oidc::judge`] takes a token's text and says who it is about, by which roles and for how long; what becomes of that is the
//! gate's business. A sign-in by browser gets its ID token by [`Oidc::exchange`], and hands it in here as well.

mod issuer;
mod jwt;

use std::collections::BTreeSet;
use std::fmt;

use access::{Grant, Role, Strength};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use graven_entry::{LogName, Time};
use serde_json::Value;
use zeroize::Zeroizing;

pub(crate) use self::issuer::{Endpoints, NoToken};
use self::issuer::{Issuer, is_loopback};
use self::jwt::{JwtError, KeySet, claims_unchecked};
use crate::limits::{CLAIM_BYTES_MAX, CLOCK_SKEW_S, ISSUER_ROLES_MAX};

const NS_PER_S: u64 = 1_000_000_000;

/// Whose tokens are believed, and what they give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcOptions {
    /// The issuer: `iss`, and where its documents are found. HTTPS, or HTTP on this machine.
    pub issuer: String,
    /// What has to stand in `aud`.
    pub audience: String,
    /// The claim that holds a person's groups or roles at the issuer; from a `/` on an RFC 6901 pointer.
    pub roles_claim: String,
    /// What its values give: `VALUE=ROLE` or `VALUE=ROLE@LOG`, with commas between them.
    pub roles: String,
    /// Where there are any, `acr` has to be one of these for what is privileged.
    pub acr: Vec<String>,
    /// Where there are any, `amr` has to hold one of these for what is privileged.
    pub amr: Vec<String>,
    /// What the issuer knows this server by; without it no browser is sent there to sign in.
    pub client: Option<OidcClient>,
}

/// What an issuer knows a server by.
#[derive(Clone, PartialEq, Eq)]
pub struct OidcClient {
    /// Its id, which tokens for it have in `aud`.
    pub id: String,
    /// By which it proves itself; public clients have none.
    pub secret: Option<Zeroizing<String>>,
}

/// Does not show the secret.
impl fmt::Debug for OidcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OidcClient({})", self.id)
    }
}

/// Why options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// Anyone on the way could sign for the issuer.
    #[error("the issuer {0} is not https")]
    Insecure(String),
    /// Tokens for others would count.
    #[error("there is no audience and no client id; tokens for other services would count here")]
    Audience,
    /// The issuer could send no browser back.
    #[error("there is a client id and no public URL, to which the issuer sends browsers back")]
    PublicUrl,
    /// Not of the form.
    #[error("`{0}` is no VALUE=ROLE or VALUE=ROLE@LOG")]
    Role(String),
    /// Too many.
    #[error("there are more than {ISSUER_ROLES_MAX} roles")]
    Roles,
}

/// An issuer that is believed.
#[derive(Debug)]
pub(crate) struct Oidc {
    options: OidcOptions,
    roles: Vec<(String, Grant)>,
    issuer: Issuer,
}

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    /// Whom it is about, at the issuer: personal data, for no entry.
    pub(crate) subject: String,
    pub(crate) grants: BTreeSet<Grant>,
    /// How well it proves who they are, by its `acr` and `amr`.
    pub(crate) strength: Strength,
    pub(crate) issued_s: u64,
    /// When it stops being good, the skew of clocks included.
    pub(crate) until: Time,
}

/// Why a token is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenFault {
    /// For this reason, which the record tells and the client is not told.
    Bad(&'static str),
    /// Nobody can tell: the issuer's keys are not to be had.
    NoKeys,
}

impl Oidc {
    pub(crate) fn new(options: &OidcOptions) -> Result<Oidc, OidcError> {
        if !options.issuer.starts_with("https://") && !is_loopback(&options.issuer) {
            return Err(OidcError::Insecure(options.issuer.clone()));
        }
        if options.audience.is_empty() && options.client.is_none() {
            return Err(OidcError::Audience);
        }
        let pairs = options.roles.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let roles = pairs.map(|pair| role(pair).ok_or_else(|| OidcError::Role(pair.to_owned())));
        let roles = roles.collect::<Result<Vec<_>, _>>()?;
        if roles.len() > ISSUER_ROLES_MAX {
            return Err(OidcError::Roles);
        }
        Ok(Oidc { issuer: Issuer::new(&options.issuer), options: options.clone(), roles })
    }

    /// The issuer's name for itself.
    pub(crate) fn issuer(&self) -> &str {
        &self.options.issuer
    }

    /// What the issuer knows this server by.
    pub(crate) fn client(&self) -> Option<&OidcClient> {
        self.options.client.as_ref()
    }

    /// Where the issuer signs browsers in; `None` where it cannot be asked, or does not.
    pub(crate) async fn endpoints(&self, boot_ns: u64) -> Option<Endpoints> {
        self.issuer.endpoints(boot_ns).await
    }

    /// The ID token for a code that the issuer gave this client (RFC 6749 section 4.1.3, RFC 7636 section 4.5), unchecked.
    pub(crate) async fn exchange(
        &self,
        client: &OidcClient,
        token_endpoint: String,
        (code, verifier, redirect_uri): (&str, String, String),
    ) -> Result<String, NoToken> {
        let form = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", redirect_uri),
            ("client_id", client.id.clone()),
            ("code_verifier", verifier),
        ];
        let authorization = client.secret.as_ref().map(|secret| {
            let pair = format!("{}:{}", url_encoded(&client.id), url_encoded(secret));
            format!("Basic {}", STANDARD.encode(pair))
        });
        self.issuer.exchange(token_endpoint, form, authorization).await
    }

    /// The `nonce` of a token, which only [`Oidc::judge`] shows to be the issuer's.
    pub(crate) fn nonce(token: &str) -> Option<String> {
        claims_unchecked(token)?["nonce"].as_str().map(str::to_owned)
    }

    /// Whether a bearer token is one to judge here: three parts, as none of ours has.
    pub(crate) fn is_for(token: &str) -> bool {
        token.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// Whom a token says that it is about, before anybody has checked it.
    pub(crate) fn claimed(&self, token: &str) -> Option<String> {
        let claims = claims_unchecked(token)?;
        let is_ours = claims["iss"] == self.options.issuer.as_str();
        claims["sub"].as_str().filter(|_| is_ours).map(str::to_owned)
    }

    /// Whether a token is good at this time, and what it says. `boot_ns` is for how old the issuer's keys are.
    pub(crate) async fn judge(
        &self,
        token: &str,
        now: Time,
        boot_ns: u64,
    ) -> Result<Claims, TokenFault> {
        // Before any key is asked for: what could be good with none is nobody's reason to ask.
        let unchecked = claims_unchecked(token).ok_or(TokenFault::Bad(JwtError::Form.as_str()))?;
        self.check(&unchecked, now)?;
        let keys = self.issuer.keys(boot_ns).await.ok_or(TokenFault::NoKeys)?;
        let opened = match keys.open(token) {
            Err(JwtError::UnknownKey) => self.open_with_newer(&keys, token, boot_ns).await,
            opened => opened,
        };
        let claims = opened.map_err(|error| TokenFault::Bad(error.as_str()))?;
        self.check(&claims, now)
    }

    async fn open_with_newer(
        &self,
        before: &std::sync::Arc<KeySet>,
        token: &str,
        boot_ns: u64,
    ) -> Result<Value, JwtError> {
        let newer = self.issuer.newer(before, boot_ns).await;
        newer.ok_or(JwtError::UnknownKey)?.open(token)
    }

    /// What claims say, if they are for us and of now (RFC 7519 section 4.1, OpenID Connect Core section 3.1.3.7).
    fn check(&self, claims: &Value, now: Time) -> Result<Claims, TokenFault> {
        let now_s = now.unix_ns() / NS_PER_S;
        let bad = |why| Err(TokenFault::Bad(why));
        let seconds = |name: &str| claims[name].as_u64();
        if claims["iss"] != self.options.issuer.as_str() {
            return bad("another issuer");
        }
        if !texts(&claims["aud"]).any(|audience| self.is_audience(audience)) {
            return bad("another audience");
        }
        let (Some(expires_s), Some(issued_s)) = (seconds("exp"), seconds("iat")) else {
            return bad("no exp or iat");
        };
        if claims.get("nbf").is_some() && seconds("nbf").is_none() {
            return bad("no time in nbf");
        }
        if now_s >= expires_s.saturating_add(CLOCK_SKEW_S) {
            return bad("expired");
        }
        let begins_s = seconds("nbf").unwrap_or(0).max(issued_s);
        if begins_s > now_s.saturating_add(CLOCK_SKEW_S) {
            return bad("not yet valid");
        }
        let subject = claims["sub"].as_str().unwrap_or_default();
        if subject.is_empty() || subject.len() > CLAIM_BYTES_MAX {
            return bad("no sub");
        }
        let until_ns = expires_s.saturating_add(CLOCK_SKEW_S).saturating_mul(NS_PER_S);
        Ok(Claims {
            subject: subject.to_owned(),
            grants: self.grants(claims),
            strength: self.strength(claims),
            issued_s,
            until: Time::from_unix_ns(until_ns).unwrap_or(Time::MAX),
        })
    }

    fn is_audience(&self, audience: &str) -> bool {
        let OidcOptions { audience: own, client, .. } = &self.options;
        (audience == own && !own.is_empty()) || client.as_ref().is_some_and(|c| audience == c.id)
    }

    fn grants(&self, claims: &Value) -> BTreeSet<Grant> {
        let name = &self.options.roles_claim;
        let claim = if name.starts_with('/') { claims.pointer(name) } else { claims.get(name) };
        let values: BTreeSet<&str> = claim.into_iter().flat_map(texts).collect();
        let given = self.roles.iter().filter(|(value, _)| values.contains(value.as_str()));
        given.map(|(_, grant)| grant.clone()).collect()
    }

    /// Strong where the settings ask for something and the claims have it, weak where they lack it.
    fn strength(&self, claims: &Value) -> Strength {
        let OidcOptions { acr, amr, .. } = &self.options;
        let holds = |wanted: &[String], claim: &Value| {
            wanted.is_empty() || texts(claim).any(|one| wanted.iter().any(|other| other == one))
        };
        match holds(acr, &claims["acr"]) && holds(amr, &claims["amr"]) {
            _ if acr.is_empty() && amr.is_empty() => Strength::Single,
            true => Strength::Strong,
            false => Strength::Weak,
        }
    }
}

/// A text as it stands in a query or a form (RFC 3986 section 2.3).
pub(crate) fn url_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The texts of a claim that is one, or a list of them.
fn texts(claim: &Value) -> impl Iterator<Item = &str> {
    let list = claim.as_array().into_iter().flatten();
    claim.as_str().into_iter().chain(list.filter_map(Value::as_str))
}

/// `VALUE=ROLE` or `VALUE=ROLE@LOG`; a value may hold `=`.
fn role(pair: &str) -> Option<(String, Grant)> {
    let (value, given) = pair.rsplit_once('=').filter(|(value, _)| !value.is_empty())?;
    let (role, log) = match given.split_once('@') {
        Some((role, log)) => (role, Some(LogName::new(log).ok()?)),
        None => (given, None),
    };
    let role = Role::parse(role).filter(|role| *role != Role::Owner || log.is_none())?;
    Some((value.to_owned(), Grant { role, log, class: None }))
}
