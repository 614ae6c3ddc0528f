//! Failed log-ins: a source that goes on failing is locked out for longer and longer.
//!
//! Counted for a source and what it claims to be together, so that nobody can lock a principal out from elsewhere, and
//! whoever guesses beside a good client (behind one address) does not stop it.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::limits::{FAILURES_FREE, FAILURES_KEPT_NS, LOCKOUT_S_MAX, SOURCES_MAX};
use crate::principal::PrincipalId;

const NS_PER_S: u64 = 1_000_000_000;

/// Where attempts come from, and whose credential they claim to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    address: IpAddr,
    claimed: Option<PrincipalId>,
}

/// The failures of all sources.
#[derive(Debug)]
pub struct Throttle {
    failures: HashMap<Source, Failures>,
    /// Failures that cost nothing.
    free: u32,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last_ns: u64,
}

impl Source {
    /// A source. An IPv6 address counts with all of its /64, which one host can use freely.
    pub fn new(address: IpAddr, claimed: Option<PrincipalId>) -> Source {
        let address = match address.to_canonical() {
            IpAddr::V6(v6) => {
                let network = u128::from(v6) & !u128::from(u64::MAX);
                IpAddr::V6(network.into())
            }
            v4 @ IpAddr::V4(_) => v4,
        };
        Source { address, claimed }
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Throttle::new(FAILURES_FREE)
    }
}

impl Throttle {
    /// Locks a source out from its failure after these on.
    pub fn new(free: u32) -> Throttle {
        Throttle { failures: HashMap::new(), free }
    }

    /// Whether the source may try now; else the seconds that it has to wait, at least 1.
    pub fn check(&self, source: &Source, now_ns: u64) -> Result<(), u32> {
        let Some(failures) = self.failures.get(source) else { return Ok(()) };
        let until_ns = failures.last_ns.saturating_add(lockout_ns(failures.count, self.free));
        match until_ns.saturating_sub(now_ns).div_ceil(NS_PER_S) {
            0 => Ok(()),
            wait_s => Err(u32::try_from(wait_s).unwrap_or(LOCKOUT_S_MAX)),
        }
    }

    /// Takes in a failed attempt. Returns whether the source is locked out from here on, and was not before.
    pub fn failed(&mut self, source: Source, now_ns: u64) -> bool {
        if self.failures.len() >= SOURCES_MAX && !self.failures.contains_key(&source) {
            self.failures.retain(|_, failures| counts(failures, now_ns));
            if self.failures.len() >= SOURCES_MAX {
                self.failures.clear();
            }
        }
        let failures = self.failures.entry(source).or_insert(Failures { count: 0, last_ns: 0 });
        let before = if counts(failures, now_ns) { failures.count } else { 0 };
        *failures = Failures { count: before.saturating_add(1), last_ns: now_ns };
        before == self.free
    }

    /// Takes in a good attempt: the source starts anew.
    pub fn succeeded(&mut self, source: &Source) {
        self.failures.remove(source);
    }
}

fn counts(failures: &Failures, now_ns: u64) -> bool {
    now_ns.saturating_sub(failures.last_ns) < FAILURES_KEPT_NS
}

fn lockout_ns(count: u32, free: u32) -> u64 {
    let Some(beyond) = count.checked_sub(free + 1) else { return 0 };
    let seconds = 1u64.checked_shl(beyond).unwrap_or(u64::MAX).min(u64::from(LOCKOUT_S_MAX));
    seconds * NS_PER_S
}

#[cfg(test)]
mod tests;
