//! The issuer's documents (OpenID Connect Discovery 1.0): fetched when they are needed, within limits, and kept.
//!
//! Asked at most once a minute, whatever tokens come: a token that names a key which nobody has cannot be made to hammer the
//! issuer, and an issuer that does not answer is waited for by one thread.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::jwt::{Algorithm, KeySet, read_keys};
use crate::limits::{
    ISSUER_DOCUMENT_BYTES_MAX, ISSUER_EXCHANGES_MAX, ISSUER_FETCH, ISSUER_KEYS_AGE_NS,
    ISSUER_KEYS_KEPT_NS, ISSUER_RETRY_NS,
};

/// An issuer whose keys are known, or will be.
#[derive(Debug)]
pub(crate) struct Issuer {
    url: String,
    agent: Agent,
    known: Mutex<Known>,
    /// Held while the issuer is asked.
    asking: tokio::sync::Mutex<()>,
    /// Codes that may still be exchanged beside those that are.
    exchanging: tokio::sync::Semaphore,
}

/// Where the issuer signs browsers in, and gives tokens for codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoints {
    pub(crate) authorization: String,
    pub(crate) token: String,
}

/// Why there is no ID token for a code.
#[derive(Debug)]
pub(crate) enum NoToken {
    /// The issuer refuses the code.
    Refused,
    /// The issuer cannot be asked, or does not know this server.
    Unable(String),
    /// Too many are asked for.
    Busy,
}

#[derive(Clone, Debug, Default)]
struct Known {
    keys: Option<Arc<KeySet>>,
    endpoints: Option<Endpoints>,
    /// When these keys were the issuer's, by the boot-time clock.
    fetched_ns: u64,
    /// When the issuer was asked last, with whatever success.
    asked_ns: Option<u64>,
}

impl Issuer {
    pub(crate) fn new(url: &str) -> Issuer {
        let mut config = Agent::config_builder()
            .max_redirects(0)
            .max_redirects_will_error(true)
            .https_only(!is_loopback(url))
            .user_agent(concat!("graven/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(ISSUER_FETCH));
        if is_loopback(url) {
            config = config.proxy(None);
        }
        Issuer {
            url: url.to_owned(),
            agent: config.build().new_agent(),
            known: Mutex::default(),
            asking: tokio::sync::Mutex::new(()),
            exchanging: tokio::sync::Semaphore::new(ISSUER_EXCHANGES_MAX),
        }
    }

    /// Where browsers sign in; `None` where the issuer cannot be asked, or does not say.
    pub(crate) async fn endpoints(&self, now_ns: u64) -> Option<Endpoints> {
        self.keys(now_ns).await?;
        self.known().endpoints
    }

    /// The ID token that the issuer gives for this form (RFC 6749 section 4.1.3), unchecked.
    pub(crate) async fn exchange(
        &self,
        token_endpoint: String,
        form: Vec<(&'static str, String)>,
        authorization: Option<String>,
    ) -> Result<String, NoToken> {
        let _permit = self.exchanging.try_acquire().map_err(|_| NoToken::Busy)?;
        let agent = self.agent.clone();
        let post = move || post(&agent, &token_endpoint, &form, authorization);
        let posted = tokio::task::spawn_blocking(post).await;
        posted.unwrap_or_else(|error| Err(NoToken::Unable(error.to_string())))
    }

    /// The keys at hand, asked for anew where they are older than an hour; `None` while there are none to go by.
    pub(crate) async fn keys(&self, now_ns: u64) -> Option<Arc<KeySet>> {
        let age_ns = now_ns.saturating_sub(self.known().fetched_ns);
        if self.known().keys.is_none() || age_ns > ISSUER_KEYS_AGE_NS {
            self.ask(now_ns).await;
        }
        let known = self.known();
        let age_ns = now_ns.saturating_sub(known.fetched_ns);
        known.keys.filter(|_| age_ns <= ISSUER_KEYS_KEPT_NS)
    }

    /// The keys after a token named one that is not among `before`; `None` where there are no others.
    pub(crate) async fn newer(&self, before: &Arc<KeySet>, now_ns: u64) -> Option<Arc<KeySet>> {
        self.ask(now_ns).await;
        self.known().keys.filter(|keys| !Arc::ptr_eq(keys, before))
    }

    /// Asks the issuer, unless someone did within the last minute.
    async fn ask(&self, now_ns: u64) {
        let _asking = self.asking.lock().await;
        let asked_ns = self.known().asked_ns;
        if asked_ns.is_some_and(|asked_ns| now_ns.saturating_sub(asked_ns) < ISSUER_RETRY_NS) {
            return;
        }
        self.set(|known| known.asked_ns = Some(now_ns));
        let (agent, url) = (self.agent.clone(), self.url.clone());
        let fetched = tokio::task::spawn_blocking(move || fetch(&agent, &url)).await;
        match fetched.unwrap_or_else(|error| Err(error.to_string())) {
            Ok((keys, endpoints)) => self.set(|known| {
                known.keys = Some(Arc::new(keys));
                known.endpoints = endpoints;
                known.fetched_ns = now_ns;
            }),
            Err(why) => tracing::warn!(issuer = self.url, why, "cannot get the issuer's keys"),
        }
    }

    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Whether a URL is of this machine, where plain HTTP hides nothing from anyone.
pub(crate) fn is_loopback(url: &str) -> bool {
    let host = url.strip_prefix("http://").and_then(|rest| rest.split(['/', '?', '#']).next());
    let host = host.map(|host| host.rsplit_once(':').map_or(host, |(host, _)| host));
    host.filter(|_| !url.contains('@')).is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let address = host.parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

/// The keys that the issuer has now, and where it signs browsers in, if it does.
fn fetch(agent: &Agent, url: &str) -> Result<(KeySet, Option<Endpoints>), String> {
    let well_known = format!("{}/.well-known/openid-configuration", url.trim_end_matches('/'));
    let discovery = get(agent, &well_known)?;
    // Section 4.3: another's document must not speak for this issuer.
    if discovery["issuer"] != url {
        return Err("its discovery document is of another issuer".to_owned());
    }
    let jwks = discovery["jwks_uri"].as_str().ok_or("its discovery document has no jwks_uri")?;
    if !is_private(jwks) {
        return Err("its jwks_uri is not https".to_owned());
    }
    let is_plain = |url: &str| url.bytes().all(|byte| byte.is_ascii_graphic());
    let endpoint =
        |name: &str| discovery[name].as_str().filter(|url| is_private(url) && is_plain(url));
    let endpoints = endpoint("authorization_endpoint").zip(endpoint("token_endpoint"));
    let endpoints = endpoints.map(|(authorization, token)| Endpoints {
        authorization: authorization.to_owned(),
        token: token.to_owned(),
    });
    let announced = discovery["id_token_signing_alg_values_supported"].as_array();
    let announced = announced.into_iter().flatten().filter_map(Value::as_str);
    let algorithms: Vec<Algorithm> = announced.filter_map(Algorithm::parse).collect();
    let keys = read_keys(&get(agent, jwks)?).ok_or("its JWK set has no keys")?;
    if algorithms.is_empty() || keys.is_empty() {
        return Err("it has no RS256, PS256, ES256 or EdDSA with a key".to_owned());
    }
    Ok((KeySet { keys, algorithms }, endpoints))
}

/// Whether nobody on the way reads what is sent to this URL.
fn is_private(url: &str) -> bool {
    url.starts_with("https://") || is_loopback(url)
}

fn get(agent: &Agent, url: &str) -> Result<Value, String> {
    let answer = agent.get(url).call().map_err(|error| format!("{url}: {error}"))?;
    read(answer, url)
}

fn post(
    agent: &Agent,
    url: &str,
    form: &[(&'static str, String)],
    authorization: Option<String>,
) -> Result<String, NoToken> {
    let mut request = agent.post(url).header("accept", "application/json");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let answer = match request.send_form(form.iter().map(|(name, value)| (name, value))) {
        Ok(answer) => answer,
        // Section 5.2: 401 is about who this server is, not about the code.
        Err(ureq::Error::StatusCode(status @ 400..500)) if status != 401 => {
            return Err(NoToken::Refused);
        }
        Err(error) => return Err(NoToken::Unable(format!("{url}: {error}"))),
    };
    let answer = read(answer, url).map_err(NoToken::Unable)?;
    let token = answer["id_token"].as_str().map(str::to_owned);
    token.ok_or_else(|| NoToken::Unable(format!("{url}: there is no id_token in its answer")))
}

fn read(mut answer: Response<Body>, url: &str) -> Result<Value, String> {
    let failed = |error: &dyn std::error::Error| format!("{url}: {error}");
    let body = answer.body_mut().with_config().limit(ISSUER_DOCUMENT_BYTES_MAX).read_to_vec();
    let body = body.map_err(|error| failed(&error))?;
    serde_json::from_slice(&body).map_err(|error| failed(&error))
}
