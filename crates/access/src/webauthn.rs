//! Passkeys: the relying party's side of WebAuthn Level 2, as far as one kind of passkey needs it.
//!
//! ES256 only, user verification always, attestation `none`. Clients hand over `authenticatorData` by itself, and what is in it
//! is in the one canonical form that WebAuthn section 6.5.1 demands, so nothing here parses CBOR: a key is a template with two
//! coordinates (`docs/adr/0012-sessions.md`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::limits::PASSKEY_ID_BYTES_MAX;

/// COSE's name of ECDSA with SHA-256 on P-256, the one algorithm that is offered.
pub const ES256: i32 = -7;

/// Bits of the authenticator's flags (section 6.1).
const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;

/// A COSE key {1: 2, 3: -7, -1: 1, -2: x, -3: y} in canonical CBOR, around its two coordinates of 32 bytes.
const KEY_BEFORE_X: [u8; 10] = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
const KEY_BEFORE_Y: [u8; 3] = [0x22, 0x58, 0x20];
const COORDINATE_BYTES: usize = 32;

/// Who passkeys are for: the server under the address that browsers know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// The host's name, to which passkeys are bound.
    pub id: String,
    /// Scheme, host and port.
    pub origin: String,
}

/// Which of the two ceremonies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    /// A new passkey.
    Create,
    /// A passkey's answer to a challenge.
    Get,
}

/// A passkey's id, the authenticator's choice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PasskeyId(Vec<u8>);

/// A passkey's public key: an uncompressed point of P-256.
#[derive(Clone, PartialEq, Eq)]
pub struct PasskeyKey([u8; 1 + 2 * COORDINATE_BYTES]);

/// A new passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its id.
    pub id: PasskeyId,
    /// Its key.
    pub key: PasskeyKey,
    /// Where its counter stands.
    pub counter: u32,
}

/// What a browser and an authenticator signed.
#[derive(Clone, Copy, Debug)]
pub struct Assertion<'a> {
    /// The client's data, JSON.
    pub client_data: &'a [u8],
    /// The authenticator's.
    pub authenticator_data: &'a [u8],
    /// The signature over both, ASN.1.
    pub signature: &'a [u8],
}

/// Why a ceremony failed. For the record: the client is told less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyError {
    /// The client's data are not what a browser writes.
    ClientData,
    /// Of the other ceremony.
    Ceremony,
    /// Made on another site, or in a frame of one.
    Origin,
    /// The authenticator's data are not of their form.
    AuthenticatorData,
    /// For another relying party.
    RelyingParty,
    /// The authenticator did not see its user, or did not check who it is.
    NotVerified,
    /// Not a key of the algorithm that was asked for.
    Key,
    /// Not by the passkey's key.
    Signature,
    /// The counter did not grow: there may be a copy.
    Counter,
}

impl PasskeyError {
    /// The reason in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            PasskeyError::ClientData => "client data not understood",
            PasskeyError::Ceremony => "wrong ceremony",
            PasskeyError::Origin => "wrong origin",
            PasskeyError::AuthenticatorData => "authenticator data not understood",
            PasskeyError::RelyingParty => "wrong relying party",
            PasskeyError::NotVerified => "user not verified",
            PasskeyError::Key => "not an ES256 key",
            PasskeyError::Signature => "wrong signature",
            PasskeyError::Counter => "counter went back",
        }
    }
}

impl fmt::Display for PasskeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for PasskeyError {}

/// What is read of the client's data (section 5.8.1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

/// The fixed part of the authenticator's data (section 6.1).
struct AuthenticatorData<'a> {
    flags: u8,
    counter: u32,
    rest: &'a [u8],
}

impl RelyingParty {
    /// Reads a server's public address: `https://` and a name, or `http://localhost`, perhaps a port, nothing else.
    pub fn parse(url: &str) -> Option<RelyingParty> {
        let url = url.strip_suffix('/').unwrap_or(url);
        let (scheme, host) = url.split_once("://")?;
        let (id, port) = host.split_once(':').map_or((host, None), |(id, port)| (id, Some(port)));
        let is_name = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        // Whose last label is a number is an address, and passkeys are bound to names.
        let is_address = id.rsplit('.').next()?.bytes().all(|byte| byte.is_ascii_digit());
        let is_good = id.split('.').all(is_name)
            && !is_address
            && port.is_none_or(|port| port.parse::<u16>().is_ok())
            && (scheme == "https" || (scheme == "http" && id == "localhost"));
        is_good.then(|| RelyingParty { id: id.to_owned(), origin: url.to_owned() })
    }

    /// The challenge that a ceremony answers, if it is the right ceremony on the right site. It is for the caller to know
    /// whether the challenge was its own.
    pub fn challenge(
        &self,
        ceremony: Ceremony,
        client_data: &[u8],
    ) -> Result<Vec<u8>, PasskeyError> {
        let data: ClientData =
            serde_json::from_slice(client_data).map_err(|_| PasskeyError::ClientData)?;
        let kind = match ceremony {
            Ceremony::Create => "webauthn.create",
            Ceremony::Get => "webauthn.get",
        };
        if data.kind != kind {
            return Err(PasskeyError::Ceremony);
        }
        if data.origin != self.origin || data.cross_origin {
            return Err(PasskeyError::Origin);
        }
        URL_SAFE_NO_PAD.decode(data.challenge).map_err(|_| PasskeyError::ClientData)
    }

    /// The new passkey of a registration (section 7.1).
    pub fn registered(&self, authenticator_data: &[u8]) -> Result<Registered, PasskeyError> {
        let data = self.authenticator_data(authenticator_data)?;
        let bad = PasskeyError::AuthenticatorData;
        if data.flags & HAS_CREDENTIAL == 0 {
            return Err(bad);
        }
        // The model of the authenticator (AAGUID), the length of the id, the id, the key, perhaps extensions.
        let rest = data.rest.get(16..).ok_or(bad)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(bad)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (id, rest) = rest.split_at_checked(length).ok_or(bad)?;
        let id = PasskeyId::new(id).ok_or(bad)?;
        let (key, rest) = PasskeyKey::read(rest).ok_or(PasskeyError::Key)?;
        if rest.is_empty() == (data.flags & HAS_EXTENSIONS != 0) {
            return Err(bad);
        }
        Ok(Registered { id, key, counter: data.counter })
    }

    /// Where the counter of a passkey stands that made this assertion (section 7.2); it stood at `counter` before.
    pub fn check(
        &self,
        key: &PasskeyKey,
        counter: u32,
        assertion: Assertion<'_>,
    ) -> Result<u32, PasskeyError> {
        let data = self.authenticator_data(assertion.authenticator_data)?;
        let mut signed = assertion.authenticator_data.to_vec();
        signed.extend_from_slice(&Sha256::digest(assertion.client_data));
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &key.0)
            .verify(&signed, assertion.signature)
            .map_err(|_| PasskeyError::Signature)?;
        check_counter(counter, data.counter)?;
        Ok(data.counter)
    }

    fn authenticator_data<'a>(
        &self,
        bytes: &'a [u8],
    ) -> Result<AuthenticatorData<'a>, PasskeyError> {
        let bad = PasskeyError::AuthenticatorData;
        let (id_hash, rest) = bytes.split_first_chunk::<32>().ok_or(bad)?;
        let ([flags], rest) = rest.split_first_chunk::<1>().ok_or(bad)?;
        let (counter, rest) = rest.split_first_chunk::<4>().ok_or(bad)?;
        if *id_hash != <[u8; 32]>::from(Sha256::digest(&self.id)) {
            return Err(PasskeyError::RelyingParty);
        }
        if flags & (USER_PRESENT | USER_VERIFIED) != USER_PRESENT | USER_VERIFIED {
            return Err(PasskeyError::NotVerified);
        }
        Ok(AuthenticatorData { flags: *flags, counter: u32::from_be_bytes(*counter), rest })
    }
}

/// Whether a counter may follow another. Passkeys that are on several devices have none: it stays at zero.
pub(crate) fn check_counter(before: u32, after: u32) -> Result<(), PasskeyError> {
    if (before, after) == (0, 0) || after > before { Ok(()) } else { Err(PasskeyError::Counter) }
}

impl PasskeyId {
    /// An id of 1 to [`PASSKEY_ID_BYTES_MAX`] bytes.
    pub fn new(bytes: &[u8]) -> Option<PasskeyId> {
        let is_good = (1..=PASSKEY_ID_BYTES_MAX).contains(&bytes.len());
        is_good.then(|| PasskeyId(bytes.to_vec()))
    }

    /// Reads [`PasskeyId`]'s text, base64url without padding.
    pub fn parse(text: &str) -> Option<PasskeyId> {
        PasskeyId::new(&URL_SAFE_NO_PAD.decode(text).ok()?)
    }
}

impl fmt::Display for PasskeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl PasskeyKey {
    /// The key at the start of `bytes`, and what follows it.
    fn read(bytes: &[u8]) -> Option<(PasskeyKey, &[u8])> {
        let (x, rest) =
            bytes.strip_prefix(&KEY_BEFORE_X)?.split_first_chunk::<COORDINATE_BYTES>()?;
        let (y, rest) =
            rest.strip_prefix(&KEY_BEFORE_Y)?.split_first_chunk::<COORDINATE_BYTES>()?;
        let mut point = [4; 1 + 2 * COORDINATE_BYTES];
        point[1..=COORDINATE_BYTES].copy_from_slice(x);
        point[1 + COORDINATE_BYTES..].copy_from_slice(y);
        Some((PasskeyKey(point), rest))
    }

    /// The key as an entry holds it, padded standard base64 of the uncompressed point.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads [`PasskeyKey::to_base64`].
    pub fn from_base64(text: &str) -> Option<PasskeyKey> {
        STANDARD.decode(text).ok()?.try_into().ok().map(PasskeyKey)
    }
}

impl fmt::Debug for PasskeyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasskeyKey({})", self.to_base64())
    }
}

#[cfg(test)]
mod tests;
