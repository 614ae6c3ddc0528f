//! Sessions of browsers: who signed in with which second factor, until when. In memory only: a restart ends them all.
//!
//! Of a cookie only a hash is kept, under a key that each start draws; the token against forged requests (CSRF) is another
//! hash of the cookie under the same key, and kept nowhere.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use env::Random;
use graven_entry::Time;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::factors::{FactorId, FactorName};
use crate::limits::{SESSION_IDLE_NS, SESSION_NS, SESSIONS_MAX, SESSIONS_PER_PRINCIPAL_MAX};
use crate::principal::PrincipalId;

/// How well somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// By an issuer's word that lacks what the settings ask of it.
    Weak,
    /// By one thing, which somebody else may have.
    Single,
    /// By two of different kinds, by a key that its holder does not show, or by an issuer's word that says so.
    Strong,
}

/// What a session began with, and ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionBy {
    /// A second factor of this name and kind, which has to be there yet.
    Factor(FactorId, FactorName),
    /// An issuer's token that proves so much and is good until then.
    Issuer(Strength, Time),
}

/// The sessions that are open.
pub struct Sessions {
    key: Hmac<Sha256>,
    open: HashMap<[u8; 32], Session>,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub principal: PrincipalId,
    /// What it began with.
    pub by: SessionBy,
    /// When it began, by the clock since boot.
    began_ns: u64,
    /// When it was last used.
    used_ns: u64,
}

impl SessionBy {
    /// How it stands in headers: a word of lower-case letters and hyphens.
    pub fn auth(&self) -> &'static str {
        match self {
            SessionBy::Factor(_, name) => name.auth(),
            SessionBy::Issuer(..) => "session-oidc",
        }
    }

    /// How well it proves who somebody is.
    pub fn strength(&self) -> Strength {
        match self {
            SessionBy::Factor(..) => Strength::Strong,
            SessionBy::Issuer(strength, _) => *strength,
        }
    }
}

impl Session {
    /// How long it lasts from `now_ns` on, if nobody uses it.
    pub fn left_ns(&self, now_ns: u64) -> u64 {
        let ends_ns = self.began_ns.saturating_add(SESSION_NS);
        ends_ns.min(self.used_ns.saturating_add(SESSION_IDLE_NS)).saturating_sub(now_ns)
    }
}

impl Sessions {
    /// None are open.
    pub fn new(random: &dyn Random) -> Sessions {
        let mut key = Zeroizing::new([0; 32]);
        random.fill(key.as_mut());
        let key = Hmac::new_from_slice(key.as_ref()).expect("HMAC takes a key of any length");
        Sessions { key, open: HashMap::new() }
    }

    /// Begins a session and says its cookie, or that too many are open.
    pub fn begin(
        &mut self,
        random: &dyn Random,
        principal: &PrincipalId,
        by: SessionBy,
        now_ns: u64,
    ) -> Option<Zeroizing<String>> {
        self.open.retain(|_, session| session.left_ns(now_ns) > 0);
        let own = self.open.iter().filter(|(_, session)| session.principal == *principal);
        let own: Vec<_> = own.map(|(hash, session)| (session.used_ns, *hash)).collect();
        if own.len() >= SESSIONS_PER_PRINCIPAL_MAX
            && let Some((_, oldest)) = own.iter().min()
        {
            self.open.remove(oldest);
        }
        if self.open.len() >= SESSIONS_MAX {
            return None;
        }
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut());
        let cookie = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()));
        let (principal, began_ns, used_ns) = (principal.clone(), now_ns, now_ns);
        let session = Session { principal, by, began_ns, used_ns };
        self.open.insert(self.hash(b"cookie", cookie.as_bytes()), session);
        Some(cookie)
    }

    /// The session of a cookie, which is used now; `None` where it has ended or never was.
    pub fn find(&mut self, cookie: &[u8], now_ns: u64) -> Option<Session> {
        let hash = self.hash(b"cookie", cookie);
        let session = self.open.get_mut(&hash)?;
        if session.left_ns(now_ns) == 0 {
            self.open.remove(&hash);
            return None;
        }
        session.used_ns = now_ns;
        Some(session.clone())
    }

    /// Ends the session of a cookie.
    pub fn end(&mut self, cookie: &[u8]) {
        self.open.remove(&self.hash(b"cookie", cookie));
    }

    /// What a request that changes something has to bring beside the cookie.
    pub fn csrf(&self, cookie: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.hash(b"csrf", cookie))
    }

    /// Whether it brought that.
    pub fn is_csrf(&self, cookie: &[u8], brought: &[u8]) -> bool {
        self.csrf(cookie).as_bytes().ct_eq(brought).into()
    }

    fn hash(&self, label: &[u8], cookie: &[u8]) -> [u8; 32] {
        let mut mac = self.key.clone();
        mac.update(label);
        mac.update(b"\n");
        mac.update(cookie);
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests;
