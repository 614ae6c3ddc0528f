//! Rates of each principal: requests and bytes a second, with one second's worth in advance.
//!
//! What a request brings is known only once it was read, so it is charged afterwards: a principal that is over its rate
//! waits before its next request until it has made up for the last ones. No single request is too large for a rate; how large one
//! may be is a limit of its own, which whoever reads a body enforces.

use std::collections::HashMap;

use crate::principal::PrincipalId;

const NS_PER_S: u64 = 1_000_000_000;

/// What one principal may send; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests a second.
    pub requests_per_s: Option<u32>,
    /// Bytes of bodies a second.
    pub bytes_per_s: Option<u32>,
    /// Bytes of one body, after decompression.
    pub body_bytes_max: Option<u32>,
}

/// How far each principal is ahead of its rates. At most one item for each principal that there is.
#[derive(Debug)]
pub struct Rates {
    limits: RateLimits,
    ahead: HashMap<PrincipalId, Ahead>,
}

/// The moments at which what was used so far would have been allowed.
#[derive(Clone, Copy, Debug, Default)]
struct Ahead {
    requests_ns: u64,
    bytes_ns: u64,
}

impl Rates {
    /// Nobody has used anything.
    pub fn new(limits: RateLimits) -> Rates {
        Rates { limits, ahead: HashMap::new() }
    }

    /// Bytes of one body that a principal may send.
    pub fn body_bytes_max(&self) -> Option<usize> {
        self.limits.body_bytes_max.map(|bytes| bytes as usize)
    }

    /// Takes in a request, or says how many seconds to wait, at least 1.
    pub fn request(&mut self, principal: &PrincipalId, now_ns: u64) -> Result<(), u32> {
        if self.limits.requests_per_s.is_none() && self.limits.bytes_per_s.is_none() {
            return Ok(());
        }
        let ahead = self.ahead.entry(principal.clone()).or_default();
        let until_ns = ahead.requests_ns.max(ahead.bytes_ns);
        let over_ns = until_ns.saturating_sub(now_ns.saturating_add(NS_PER_S));
        if over_ns > 0 {
            return Err(u32::try_from(over_ns.div_ceil(NS_PER_S)).unwrap_or(u32::MAX));
        }
        charge(&mut ahead.requests_ns, self.limits.requests_per_s, 1, now_ns);
        Ok(())
    }

    /// Takes in the bytes that a request brought.
    pub fn bytes(&mut self, principal: &PrincipalId, bytes: usize, now_ns: u64) {
        if let Some(ahead) = self.ahead.get_mut(principal) {
            charge(&mut ahead.bytes_ns, self.limits.bytes_per_s, bytes as u64, now_ns);
        }
    }
}

fn charge(ahead_ns: &mut u64, per_s: Option<u32>, units: u64, now_ns: u64) {
    let Some(per_s) = per_s else { return };
    let cost_ns = units.saturating_mul(NS_PER_S) / u64::from(per_s.max(1));
    *ahead_ns = (*ahead_ns).max(now_ns).saturating_add(cost_ns);
}

#[cfg(test)]
mod tests;
