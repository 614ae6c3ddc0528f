//! The seam for sealed values: who seals by policy, and who encrypts what was sealed. The log knows neither rules nor keys.

use append::Refusal;
use graven_entry::{DisclosureDigest, LogName, Name};

/// Seals and encrypts for every log of a cell, on the producers' threads. Set once by [`crate::Cell::seal_with`].
pub trait Sealer: Send + Sync {
    /// What policy makes of an event of this action; `None` where it stays as it is. A signed event may be refused,
    /// never altered.
    fn seal(&self, event: &ToSeal<'_>) -> Result<Option<Sealed>, SealFault>;

    /// Encrypts the disclosures of one batch, in their order. What comes back stands in the entries' frame; the keys to it are
    /// durable when this returns.
    fn close(&self, origin: &Name, values: &[PlacedValue]) -> Result<Vec<Vec<u8>>, SealFault>;
}

/// An event before its policy.
#[derive(Clone, Copy, Debug)]
pub struct ToSeal<'a> {
    /// The log.
    pub log: &'a LogName,
    /// The event line, well-formed, without its line end.
    pub event: &'a [u8],
    /// Its action.
    pub action: &'a str,
    /// Whether its producer signed it.
    pub is_signed: bool,
}

/// What policy made of an event.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The event with digests and pseudonyms in their places.
    pub event: Vec<u8>,
    /// What opens it.
    pub values: Vec<SealedValue>,
}

/// A sealed value's disclosure, and what goes with it into the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedValue {
    /// RFC 9901 encoding.
    pub disclosure: String,
    /// RFC 6901 path of the value in the opened event.
    pub path: String,
    /// Whom the value is about.
    pub subject: String,
    /// Sensitivity class.
    pub class: String,
}

/// A sealed value that its event holds the digest of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedValue {
    /// The value.
    pub value: SealedValue,
    /// Its disclosure's digest, which stands in the event.
    pub digest: DisclosureDigest,
}

/// Why an event was not sealed, or its disclosures not encrypted.
#[derive(Debug)]
pub enum SealFault {
    /// The producer's to mend; nothing was written.
    Refused(Refusal),
    /// It is not known what was written: the process must stop.
    Fatal(String),
}
