//! What a server keeps for signing in: sessions, challenges, wrong codes, and how its cookie looks.

use std::sync::Mutex;

use access::limits::CODES_FREE;
use access::{Challenges, RelyingParty, Sessions, Throttle};
use append::{Code, Refusal};
use axum::http::{HeaderMap, HeaderValue, header};
use env::Random;

/// The cookie's name; over TLS with the prefix by which browsers keep other hosts from setting it.
const COOKIE: &str = "graven_session";
const SECURE_COOKIE: &str = "__Host-graven_session";

/// What the gate keeps for sessions.
pub(crate) struct SignIn {
    pub(crate) sessions: Mutex<Sessions>,
    pub(crate) challenges: Mutex<Challenges>,
    /// The seeds of browsers that are at the issuer.
    pub(crate) flows: Mutex<Challenges>,
    /// Wrong codes by principal, from wherever they come.
    pub(crate) codes: Mutex<Throttle>,
    public: Option<RelyingParty>,
    pub(crate) is_secure: bool,
}

impl SignIn {
    pub(crate) fn new(
        random: &dyn Random,
        public: Option<RelyingParty>,
        is_secure: bool,
    ) -> SignIn {
        SignIn {
            sessions: Mutex::new(Sessions::new(random)),
            challenges: Mutex::default(),
            flows: Mutex::default(),
            codes: Mutex::new(Throttle::new(CODES_FREE)),
            public,
            is_secure,
        }
    }

    /// The one cookie of a session, where no other credential comes with it.
    pub(crate) fn cookie<'a>(&self, headers: &'a HeaderMap) -> Option<&'a [u8]> {
        if headers.contains_key(header::AUTHORIZATION) {
            return None;
        }
        cookie_of(headers, self.name())
    }

    /// The header that sets the cookie, or with an empty one takes it back.
    pub(crate) fn set_cookie(&self, cookie: &str) -> HeaderValue {
        self.cookie_header(self.name(), cookie, "Strict")
    }

    /// The header that sets a cookie of this name.
    pub(crate) fn cookie_header(&self, name: &str, cookie: &str, same_site: &str) -> HeaderValue {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let age = if cookie.is_empty() { "; Max-Age=0" } else { "" };
        let text = format!("{name}={cookie}; Path=/; HttpOnly; SameSite={same_site}{secure}{age}");
        HeaderValue::from_str(&text).expect("base64url and words of ours are plain ASCII")
    }

    /// Whom passkeys are for.
    pub(crate) fn public(&self) -> Result<&RelyingParty, Refusal> {
        let detail = "this server was started without --public-url, which passkeys are bound to";
        self.public.as_ref().ok_or_else(|| Refusal::new(Code::Unavailable, detail))
    }

    fn name(&self) -> &'static str {
        if self.is_secure { SECURE_COOKIE } else { COOKIE }
    }
}

/// The one cookie of this name.
pub(crate) fn cookie_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let values = headers.get_all(header::COOKIE).into_iter();
    let pairs = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    let named = pairs.filter_map(|pair| pair.trim().split_once('='));
    let mut own = named.filter(|(other, _)| *other == name);
    let (_, cookie) = own.next()?;
    own.next().is_none().then_some(cookie.as_bytes())
}
