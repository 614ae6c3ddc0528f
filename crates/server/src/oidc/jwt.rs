//! Signed tokens (RFC 7515, RFC 7519) and the keys that they are checked with (RFC 7517): pure functions of bytes.
//!
//! Only asymmetric signatures are known here: there is no code for `none` or HMAC that a forger could reach. What a token
//! says of where its key lies (`jku`, `jwk`, `x5u`) is not looked at.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::Value;

use crate::limits::{ISSUER_KEYS_MAX, JWT_BYTES_MAX};

/// A signature algorithm (RFC 7518 section 3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

/// A public key of the issuer.
pub(crate) struct Key {
    id: Option<String>,
    /// The one algorithm that it is for, where the issuer says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point (SEC 1 section 2.3.3).
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// The keys of an issuer, and the algorithms that it announces.
#[derive(Default)]
pub(crate) struct KeySet {
    pub(crate) keys: Vec<Key>,
    pub(crate) algorithms: Vec<Algorithm>,
}

/// What is wrong with a token: for the record, never for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JwtError {
    /// Not of the form.
    Form,
    /// An algorithm that is not ours, or not the issuer's.
    Algorithm,
    /// No key of the issuer's that it could be by.
    UnknownKey,
    /// Not by that key.
    Signature,
}

impl Algorithm {
    pub(crate) fn parse(text: &str) -> Option<Algorithm> {
        match text {
            "RS256" => Some(Algorithm::Rs256),
            "PS256" => Some(Algorithm::Ps256),
            "ES256" => Some(Algorithm::Es256),
            "EdDSA" => Some(Algorithm::EdDsa),
            _ => None,
        }
    }
}

impl JwtError {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            JwtError::Form => "no token of its form",
            JwtError::Algorithm => "algorithm not allowed",
            JwtError::UnknownKey => "unknown key",
            JwtError::Signature => "wrong signature",
        }
    }
}

impl KeySet {
    /// The claims of a token that one of these keys has signed.
    pub(crate) fn open(&self, token: &str) -> Result<Value, JwtError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Form)?;
        let (header, payload) = signed.split_once('.').ok_or(JwtError::Form)?;
        if token.len() > JWT_BYTES_MAX || payload.contains('.') {
            return Err(JwtError::Form);
        }
        let header = object(header)?;
        let algorithm = header["alg"].as_str().and_then(Algorithm::parse);
        let algorithm = algorithm.filter(|algorithm| self.algorithms.contains(algorithm));
        let algorithm = algorithm.ok_or(JwtError::Algorithm)?;
        // An extension that has to be understood is not; another kind of token is not for us (RFC 8725 section 3.11).
        if header.get("crit").is_some() || !is_our_type(&header) {
            return Err(JwtError::Form);
        }
        let key = self.find(header.get("kid"), algorithm).ok_or(JwtError::UnknownKey)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwtError::Form)?;
        if !key.verifies(algorithm, signed.as_bytes(), &signature) {
            return Err(JwtError::Signature);
        }
        object(payload)
    }

    /// The key of this id; for a token that names none, the only one that it could be.
    fn find(&self, id: Option<&Value>, algorithm: Algorithm) -> Option<&Key> {
        let id = id.map(|id| id.as_str().ok_or(())).transpose().ok()?;
        let mut fitting = self
            .keys
            .iter()
            .filter(|key| key.fits(algorithm) && id.is_none_or(|id| key.id.as_deref() == Some(id)));
        fitting.next().filter(|_| fitting.next().is_none())
    }
}

/// The keys of a JWK set that can be used here; others are left out, as other algorithms' stand there too.
pub(crate) fn read_keys(document: &Value) -> Option<Vec<Key>> {
    let keys = document["keys"].as_array()?;
    Some(keys.iter().take(ISSUER_KEYS_MAX).filter_map(Key::read).collect())
}

/// The claims of a token whose signature nobody has checked.
pub(crate) fn claims_unchecked(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1).filter(|_| token.len() <= JWT_BYTES_MAX)?;
    object(payload).ok()
}

impl Key {
    fn read(jwk: &Value) -> Option<Key> {
        let text = |name: &str| jwk[name].as_str();
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => Material::Rsa { n: bytes("n")?, e: bytes("e")? },
            ("EC", Some("P-256")) => Material::P256([&[4], &*bytes("x")?, &*bytes("y")?].concat()),
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x")?),
            _ => return None,
        };
        let algorithm = match text("alg") {
            Some(name) => Some(Algorithm::parse(name)?),
            None => None,
        };
        Some(Key { id: text("kid").map(str::to_owned), algorithm, material })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let is_kind = matches!(
            (&self.material, algorithm),
            (Material::Rsa { .. }, Algorithm::Rs256 | Algorithm::Ps256)
                | (Material::P256(_), Algorithm::Es256)
                | (Material::Ed25519(_), Algorithm::EdDsa)
        );
        is_kind && self.algorithm.is_none_or(|only| only == algorithm)
    }

    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let plain = |how: &'static dyn signature::VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(how, key).verify(message, signature).is_ok()
        };
        match &self.material {
            Material::Rsa { n, e } => {
                let how: &RsaParameters = match algorithm {
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(how, message, signature).is_ok()
            }
            Material::P256(point) => plain(&ECDSA_P256_SHA256_FIXED, point),
            Material::Ed25519(key) => plain(&ED25519, key),
        }
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySet of {}", self.keys.len())
    }
}

/// An ID token or an access token; without a type, as most issuers leave it, either.
fn is_our_type(header: &Value) -> bool {
    let Some(kind) = header.get("typ") else { return true };
    let kind = kind.as_str().unwrap_or_default().to_ascii_lowercase();
    matches!(kind.strip_prefix("application/").unwrap_or(&kind), "jwt" | "at+jwt")
}

fn object(part: &str) -> Result<Value, JwtError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Form)?;
    let value = serde_json::from_slice(&bytes).ok().filter(Value::is_object);
    value.ok_or(JwtError::Form)
}
