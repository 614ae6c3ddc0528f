//! View links: a principal's right to read one log, narrowed to what one field says and to a short time, as one signed text (ADR 0015).
//!
//! Nothing of a link is kept: whoever holds its text has all that it says, and a keyed hash proves that this server said it. It ends
//! by itself, with its principal's credential, and with the key of tokens.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use env::Random;
use graven_entry::Time;
use serde::{Deserialize, Serialize};

use crate::limits::VIEW_THEME_VALUE_BYTES_MAX;
use crate::principal::PrincipalId;
use crate::token::{TokenHash, TokenKey};

const PREFIX: &str = "graven_view_";
/// Bytes of the keyed hash before the claims.
const HASH_BYTES: usize = 32;
/// Bytes of a link's name.
const ID_BYTES: usize = 8;

/// What a link may set of the page's looks: variables of its stylesheet, and none that says whether something verifies.
const THEME: [&str; 12] = [
    "paper",
    "card",
    "sunken",
    "ink",
    "soft",
    "line",
    "accent",
    "accent-ink",
    "link",
    "radius",
    "sans",
    "mono",
];

/// What a link shows, and by whose right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewLink {
    /// Its name in records, 16 hexadecimal digits.
    pub id: String,
    /// Who made it, and whose right it narrows.
    pub principal: PrincipalId,
    /// The one log that it is about.
    pub log: String,
    /// The field that an entry has to have…
    pub field: String,
    /// … and the string that it has to be.
    pub value: String,
    /// When it ends.
    pub expires: Time,
    /// What its page is headed with.
    pub title: String,
    /// Variables of the page's stylesheet ([`is_theme`]).
    pub theme: BTreeMap<String, String>,
}

/// A link as it is signed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    id: String,
    principal: String,
    log: String,
    field: String,
    value: String,
    expires_ns: u64,
    title: String,
    theme: BTreeMap<String, String>,
}

/// Whether a link's page may have this variable with this value: names of ours, and values that are no more than a colour, a
/// length or names of fonts.
pub fn is_theme(name: &str, value: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"#(),.%- ".contains(&byte);
    let is_short = (1..=VIEW_THEME_VALUE_BYTES_MAX).contains(&value.len());
    let loads = value.to_ascii_lowercase().contains("url");
    THEME.contains(&name) && is_short && !loads && value.bytes().all(is_plain)
}

impl ViewLink {
    /// A name for a new link.
    pub fn draw_id(random: &dyn Random) -> String {
        let mut bytes = [0; ID_BYTES];
        random.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether a credential is meant to be a link, good or bad.
    pub fn is_meant(text: &[u8]) -> bool {
        text.starts_with(PREFIX.as_bytes())
    }

    /// The link's text: `graven_view_` and the base64url of the keyed hash and of what it says.
    pub fn sign(&self, key: &TokenKey) -> String {
        let claims = Claims {
            id: self.id.clone(),
            principal: self.principal.to_string(),
            log: self.log.clone(),
            field: self.field.clone(),
            value: self.value.clone(),
            expires_ns: self.expires.unix_ns(),
            title: self.title.clone(),
            theme: self.theme.clone(),
        };
        let claims = serde_json::to_vec(&claims).expect("texts and a number are always JSON");
        let hash = key.hash_view(&claims).to_bytes();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([&hash[..], &claims].concat()))
    }

    /// The link of a text that this key signed. It may have ended.
    pub fn open(text: &[u8], key: &TokenKey) -> Option<ViewLink> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX.as_bytes())?).ok()?;
        let (hash, claims) = bytes.split_first_chunk::<HASH_BYTES>()?;
        if !key.hash_view(claims).matches(&TokenHash::from_bytes(*hash)) {
            return None;
        }
        let claims: Claims = serde_json::from_slice(claims).ok()?;
        Some(ViewLink {
            id: claims.id,
            principal: PrincipalId::parse(&claims.principal).ok()?,
            log: claims.log,
            field: claims.field,
            value: claims.value,
            expires: Time::from_unix_ns(claims.expires_ns).ok()?,
            title: claims.title,
            theme: claims.theme,
        })
    }
}

#[cfg(test)]
mod tests;
