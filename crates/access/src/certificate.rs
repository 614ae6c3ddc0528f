//! Names in client certificates: by one of them a certificate is a principal's.
//!
//! A subject alternative name, DNS or URI, stands in each certificate that renews another; a key's fingerprint only where
//! the key is kept, which whoever rotates keys does not want.

use std::fmt;

use crate::limits::CERTIFICATE_NAME_BYTES_MAX;

/// A subject alternative name (RFC 5280 section 4.2.1.6): a URI as it stands, or a DNS name in lower case without a wildcard.
/// A URI has a colon and a DNS name has none, so that neither passes for the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertificateName(String);

impl CertificateName {
    /// The name in `text`; `None` where it is of neither form.
    pub fn parse(text: &str) -> Option<CertificateName> {
        CertificateName::uri(text).or_else(|| CertificateName::dns(text))
    }

    /// The URI in `text`.
    pub fn uri(text: &str) -> Option<CertificateName> {
        let (scheme, rest) = text.split_once(':')?;
        let is_scheme =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let is_good = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(is_scheme)
            && !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
            && text.len() <= CERTIFICATE_NAME_BYTES_MAX;
        is_good.then(|| CertificateName(text.to_owned()))
    }

    /// The DNS name in `text`, whatever its case.
    pub fn dns(text: &str) -> Option<CertificateName> {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_inner);
        let is_good = text.len() <= CERTIFICATE_NAME_BYTES_MAX && text.split('.').all(is_label);
        is_good.then(|| CertificateName(text.to_ascii_lowercase()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests;
