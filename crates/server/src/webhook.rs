//! Webhooks: a POST to an address that somebody named, signed as Standard Webhooks 1.0 says (`webhook-id`, `webhook-timestamp`,
//! `webhook-signature`).
//!
//! Whoever may save a query must not reach through this server what they could not reach themselves (SSRF). So it goes to
//! public addresses alone, and to others where the operator names their network; the address is judged that is connected to, whatever
//! the name said before; no redirect is followed, no proxy used, and of the answer nothing but its status is told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error, Timeout};
use zeroize::Zeroizing;

use crate::limits::WEBHOOK_NETWORKS_MAX;

/// Addresses of version 4 that are somebody's own, or nobody's (IANA IPv4 special-purpose address registry).
const NOT_PUBLIC_4: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];
/// The only public addresses of version 6, ...
const PUBLIC_6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// ... but for these of them, which hold an address of version 4, or are nobody's.
const NOT_PUBLIC_6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Networks that are not public and may be told all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<(IpAddr, u8)>);

/// A text that names no networks.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no network; write it as 10.1.0.0/16, at most {WEBHOOK_NETWORKS_MAX} with commas between them"
)]
pub struct NetworksError(String);

/// Sends webhooks.
#[derive(Debug)]
pub(crate) struct Webhooks {
    agent: Agent,
}

/// What is sent.
pub(crate) struct Letter {
    pub(crate) url: String,
    /// The same in each attempt.
    pub(crate) id: String,
    /// The moment of this attempt, in seconds since 1970.
    pub(crate) time_s: u64,
    pub(crate) body: Vec<u8>,
    /// What it is signed with: one, or for a while after a change two.
    pub(crate) secrets: Vec<Zeroizing<[u8; 32]>>,
}

/// Why a letter did not arrive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Undelivered {
    pub(crate) why: String,
    /// No other attempt will do.
    pub(crate) is_final: bool,
}

/// Resolves names to addresses that may be told.
#[derive(Debug)]
struct Reachable {
    networks: Networks,
    resolver: DefaultResolver,
}

/// No address of a name may be told.
#[derive(Debug, thiserror::Error)]
#[error("the address is not public, or plain HTTP would go to one that is; see `webhook_networks`")]
struct Unreachable;

impl Networks {
    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|(network, bits)| match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => has_4((*network, *bits), address),
            (IpAddr::V6(network), IpAddr::V6(address)) => has_6((*network, *bits), address),
            _ => false,
        })
    }

    /// Whether this address may be told, in clear or over TLS.
    fn allow(&self, address: IpAddr, is_plain: bool) -> bool {
        let address = address.to_canonical();
        self.contain(address) || (!is_plain && is_public(address))
    }
}

impl FromStr for Networks {
    type Err = NetworksError;

    fn from_str(text: &str) -> Result<Networks, NetworksError> {
        let network = |one: &str| {
            let (address, bits) = one.split_once('/')?;
            let (address, bits) = (address.parse::<IpAddr>().ok()?, bits.parse::<u8>().ok()?);
            (bits <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, bits))
        };
        let networks = text.split(',').map(str::trim).map(network).collect::<Option<Vec<_>>>();
        networks
            .filter(|networks| networks.len() <= WEBHOOK_NETWORKS_MAX)
            .map(Networks)
            .ok_or_else(|| NetworksError(text.chars().take(80).collect()))
    }
}

impl Webhooks {
    /// Who waits for an answer for so long, and goes to public addresses and to these.
    pub(crate) fn new(time: std::time::Duration, networks: Networks) -> Webhooks {
        let config = Agent::config_builder()
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .proxy(None)
            // A connection that is kept was judged by another name.
            .max_idle_connections(0)
            .user_agent(concat!("graven/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(time))
            .build();
        let reachable = Reachable { networks, resolver: DefaultResolver::default() };
        Webhooks { agent: Agent::with_parts(config, DefaultConnector::default(), reachable) }
    }

    /// Sends a letter, and waits for its answer. Blocks.
    pub(crate) fn send(&self, letter: &Letter) -> Result<(), Undelivered> {
        let request = self
            .agent
            .post(&letter.url)
            .header("content-type", "application/json")
            .header("webhook-id", &letter.id)
            .header("webhook-timestamp", letter.time_s.to_string())
            .header("webhook-signature", letter.signatures());
        match request.send(&letter.body[..]) {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => {
                let status = answer.status().as_u16();
                // Whoever says Gone wants no more of it.
                Err(Undelivered { why: format!("it answered {status}"), is_final: status == 410 })
            }
            Err(error) => Err(Undelivered { why: words(&error), is_final: false }),
        }
    }
}

impl Letter {
    /// `v1,<base64 of HMAC-SHA-256 over id.timestamp.body>` for each secret, with spaces between them.
    fn signatures(&self) -> String {
        let head = format!("{}.{}.", self.id, self.time_s);
        let sign = |secret: &Zeroizing<[u8; 32]>| {
            let mut context =
                hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &secret[..]));
            context.update(head.as_bytes());
            context.update(&self.body);
            format!("v1,{}", STANDARD.encode(context.sign()))
        };
        self.secrets.iter().map(sign).collect::<Vec<_>>().join(" ")
    }
}

impl Resolver for Reachable {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.resolver.resolve(uri, config, timeout);
        // What the system says of a name that it does not know is an error of input and output.
        let found = found.map_err(|error| match error {
            Error::Io(_) => Error::HostNotFound,
            other => other,
        })?;
        let is_plain = uri.scheme_str() != Some("https");
        let mut allowed = self.empty();
        for address in found.iter().filter(|one| self.networks.allow(one.ip(), is_plain)) {
            allowed.push(*address);
        }
        if allowed.is_empty() { Err(Error::Other(Box::new(Unreachable))) } else { Ok(allowed) }
    }
}

/// What went wrong, telling nothing of what answered.
fn words(error: &Error) -> String {
    match error {
        Error::Other(cause) if cause.is::<Unreachable>() => cause.to_string(),
        Error::HostNotFound => "its name is not known".to_owned(),
        Error::Timeout(Timeout::Resolve | Timeout::Connect) | Error::ConnectionFailed => {
            "it cannot be reached".to_owned()
        }
        Error::Timeout(_) => "it did not answer in time".to_owned(),
        Error::Tls(_) | Error::Rustls(_) => "its certificate is not good".to_owned(),
        Error::BadUri(_) | Error::Http(_) => "its address is none".to_owned(),
        _ => "the connection broke off".to_owned(),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_4.iter().any(|network| has_4(*network, address)),
        IpAddr::V6(address) => {
            has_6(PUBLIC_6, address) && !NOT_PUBLIC_6.iter().any(|network| has_6(*network, address))
        }
    }
}

fn has_4((network, bits): (Ipv4Addr, u8), address: Ipv4Addr) -> bool {
    let differ = network.to_bits() ^ address.to_bits();
    differ.leading_zeros() >= u32::from(bits)
}

fn has_6((network, bits): (Ipv6Addr, u8), address: Ipv6Addr) -> bool {
    let differ = network.to_bits() ^ address.to_bits();
    differ.leading_zeros() >= u32::from(bits)
}

#[cfg(test)]
#[path = "tests/webhook.rs"]
mod tests;
