//! Where a request comes from: the connection's other end, or what a proxy that is trusted says.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;

use crate::limits::FORWARDED_MAX;
use crate::tls::ClientCertificate;

/// The other end of the connection, as an extension of each of its requests.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// What it proved itself with in the handshake.
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
}

/// The address that a request counts for. `X-Forwarded-For` is believed from right to left, and only as far as the
/// addresses are proxies' own: what stands left of the first other address was written by whoever sent it.
pub(crate) fn source(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let mut source = peer.to_canonical();
    let values = headers.get_all("x-forwarded-for").iter().rev();
    let hops = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.rsplit(','));
    for hop in hops.take(FORWARDED_MAX) {
        if !proxies.contains(&source) {
            break;
        }
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        source = address.to_canonical();
    }
    source
}

#[cfg(test)]
#[path = "tests/peer.rs"]
mod tests;
