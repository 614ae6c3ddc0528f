//! Where a key in a token is: a PKCS#11 URI (RFC 7512), as far as one AES key and its library need it.

use std::path::PathBuf;

use crate::sealed_limits::MASTER_KEYS_MAX;

/// What every such URI begins with.
const SCHEME: &str = "pkcs11:";

/// A key in a token, and how to get at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKeyUri {
    /// The library (`module-path`).
    pub module: PathBuf,
    /// The file that holds the user's PIN (`pin-source`).
    pub pin_file: PathBuf,
    /// The token's label.
    pub token: Option<String>,
    /// The token's serial number.
    pub serial: Option<String>,
    /// The key's label.
    pub object: Option<String>,
    /// The key's id (`CKA_ID`).
    pub id: Option<Vec<u8>>,
}

/// Why a URI names no key. It is not repeated: somebody may have put a PIN into it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Not of the form of RFC 7512.
    #[error(
        "it is no `pkcs11:` URI with attributes `name=value`, each once, and `%` before two hexadecimal digits"
    )]
    Form,
    /// One that this version does not go by.
    #[error(
        "`{0}` is not known here; token, serial, object, id, type, module-path and pin-source are"
    )]
    Unknown(String),
    /// The PIN itself.
    #[error("`pin-value` puts the PIN where settings are read; name a file by `pin-source`")]
    PinValue,
    /// One that is needed.
    #[error("`{0}` is missing, or no absolute path")]
    Path(&'static str),
    /// Not an AES key.
    #[error("the key's `type` has to be `secret-key`")]
    Type,
    /// Any key of any token.
    #[error("`token` or `serial`, and `object` or `id` have to name one key")]
    Vague,
    /// None, or too many.
    #[error("it has to be 1 to {MASTER_KEYS_MAX} lines, each a URI")]
    Count,
}

impl TokenKeyUri {
    /// Whether a text means to be such URIs.
    pub fn is_meant(text: &str) -> bool {
        text.trim_start().starts_with(SCHEME)
    }

    /// Reads lines of them, the one in force first.
    pub fn parse_lines(text: &str) -> Result<Vec<TokenKeyUri>, UriError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let uris: Vec<TokenKeyUri> = lines.map(TokenKeyUri::parse).collect::<Result<_, _>>()?;
        if (1..=MASTER_KEYS_MAX).contains(&uris.len()) { Ok(uris) } else { Err(UriError::Count) }
    }

    /// Reads a URI such as `pkcs11:token=audit;object=graven?module-path=/lib/hsm.so&pin-source=file:/etc/graven/pin`.
    pub fn parse(uri: &str) -> Result<TokenKeyUri, UriError> {
        let rest = uri.strip_prefix(SCHEME).ok_or(UriError::Form)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut attributes = Vec::new();
        for pair in path.split(';').chain(query.split('&')).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(UriError::Form)?;
            if attributes.iter().any(|(other, _)| *other == name) {
                return Err(UriError::Form);
            }
            attributes.push((name, decode(value)?));
        }
        let mut take = |name: &str| {
            let at = attributes.iter().position(|(other, _)| *other == name)?;
            Some(attributes.swap_remove(at).1)
        };
        if take("pin-value").is_some() {
            return Err(UriError::PinValue);
        }
        let module = path_of(take("module-path"), "module-path")?;
        let pin_file = path_of(take("pin-source"), "pin-source")?;
        let (token, serial) = (text(take("token"))?, text(take("serial"))?);
        let (object, id) = (text(take("object"))?, take("id"));
        if take("type").is_some_and(|kind| kind != b"secret-key") {
            return Err(UriError::Type);
        }
        if let Some((name, _)) = attributes.first() {
            return Err(UriError::Unknown((*name).to_owned()));
        }
        if (token.is_none() && serial.is_none()) || (object.is_none() && id.is_none()) {
            return Err(UriError::Vague);
        }
        Ok(TokenKeyUri { module, pin_file, token, serial, object, id })
    }
}

/// RFC 3986 §2.1.
fn decode(text: &str) -> Result<Vec<u8>, UriError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, others) = rest.split_first_chunk::<2>().ok_or(UriError::Form)?;
        let digits = digits.map(|digit| char::from(digit).to_digit(16));
        let [Some(high), Some(low)] = digits else { return Err(UriError::Form) };
        bytes.push((high * 16 + low) as u8);
        rest = others;
    }
    Ok(bytes)
}

fn text(value: Option<Vec<u8>>) -> Result<Option<String>, UriError> {
    value.map(String::from_utf8).transpose().map_err(|_| UriError::Form)
}

/// An absolute path, or a `file:` URI of one (RFC 8089).
fn path_of(value: Option<Vec<u8>>, name: &'static str) -> Result<PathBuf, UriError> {
    let value = text(value)?.ok_or(UriError::Path(name))?;
    let path = value.strip_prefix("file://").or(value.strip_prefix("file:")).unwrap_or(&value);
    if path.starts_with('/') { Ok(PathBuf::from(path)) } else { Err(UriError::Path(name)) }
}

#[cfg(test)]
mod tests;
