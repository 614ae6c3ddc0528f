//! The issuer's documents (OpenID Connect Discovery 1.0): fetched when they are needed, within limits, and kept.
//!
//! Asked at most once a minute, whatever tokens come: a token that names a key which nobody has cannot be made to hammer the
//! issuer, and an issuer that does not answer is waited for by one thread.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use ureq::Agent;

use super::jwt::{Algorithm, KeySet, read_keys};
use crate::limits::{
    ISSUER_DOCUMENT_BYTES_MAX, ISSUER_FETCH, ISSUER_KEYS_AGE_NS, ISSUER_KEYS_KEPT_NS,
    ISSUER_RETRY_NS,
};

/// An issuer whose keys are known, or will be.
#[derive(Debug)]
pub(crate) struct Issuer {
    url: String,
    agent: Agent,
    known: Mutex<Known>,
    /// Held while the issuer is asked.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    keys: Option<Arc<KeySet>>,
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
        }
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
            Ok(keys) => self.set(|known| {
                known.keys = Some(Arc::new(keys));
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

/// The keys that the issuer has now.
fn fetch(agent: &Agent, url: &str) -> Result<KeySet, String> {
    let well_known = format!("{}/.well-known/openid-configuration", url.trim_end_matches('/'));
    let discovery = get(agent, &well_known)?;
    // Section 4.3: another's document must not speak for this issuer.
    if discovery["issuer"] != url {
        return Err("its discovery document is of another issuer".to_owned());
    }
    let jwks = discovery["jwks_uri"].as_str().ok_or("its discovery document has no jwks_uri")?;
    if !jwks.starts_with("https://") && !is_loopback(jwks) {
        return Err("its jwks_uri is not https".to_owned());
    }
    let announced = discovery["id_token_signing_alg_values_supported"].as_array();
    let announced = announced.into_iter().flatten().filter_map(Value::as_str);
    let algorithms: Vec<Algorithm> = announced.filter_map(Algorithm::parse).collect();
    let keys = read_keys(&get(agent, jwks)?).ok_or("its JWK set has no keys")?;
    if algorithms.is_empty() || keys.is_empty() {
        return Err("it has no RS256, PS256, ES256 or EdDSA with a key".to_owned());
    }
    Ok(KeySet { keys, algorithms })
}

fn get(agent: &Agent, url: &str) -> Result<Value, String> {
    let failed = |error: &dyn std::error::Error| format!("{url}: {error}");
    let mut answer = agent.get(url).call().map_err(|error| failed(&error))?;
    let body = answer.body_mut().with_config().limit(ISSUER_DOCUMENT_BYTES_MAX).read_to_vec();
    let body = body.map_err(|error| failed(&error))?;
    serde_json::from_slice(&body).map_err(|error| failed(&error))
}
