//! A request: fields, each with its length before it, and the types that they are.

use graven_entry::Name;
use graven_merkle::Hash;
use graven_note::{Policy, VerifierKey};
use graven_verify::Fault;

use crate::limits::CONSISTENCY_HASHES_MAX;

/// What is left of a request.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// By whom a log is judged, which every request says.
pub(crate) struct Trust {
    pub(crate) origin: Name,
    pub(crate) keys: Vec<VerifierKey>,
    pub(crate) policy: Option<Policy>,
}

/// Why there is no verdict of `ok`.
pub(crate) struct Refused {
    /// A fault's name, or `bad_argument`, or `proof_malformed`.
    pub(crate) kind: &'static str,
    /// The entry that is wrong, where one entry can be named.
    pub(crate) index: Option<u64>,
    pub(crate) detail: String,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(request: &'a [u8]) -> Fields<'a> {
        Fields { rest: request }
    }

    /// The next field's bytes.
    pub(crate) fn bytes(&mut self, name: &str) -> Result<&'a [u8], Refused> {
        let cut = || bad_argument(name, "it is missing or cut off");
        let (length, rest) = self.rest.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| cut())?;
        let (field, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
        self.rest = rest;
        Ok(field)
    }

    /// The next field, which is text.
    pub(crate) fn text(&mut self, name: &str) -> Result<&'a str, Refused> {
        std::str::from_utf8(self.bytes(name)?).map_err(|error| bad_argument(name, &error))
    }

    /// By whom the log is judged: three fields.
    pub(crate) fn trust(&mut self) -> Result<Trust, Refused> {
        let origin = Name::origin(self.text("origin")?);
        let origin = origin.map_err(|error| bad_argument("origin", &error))?;
        let keys = self.text("vkeys")?.lines().map(str::parse).collect::<Result<Vec<_>, _>>();
        let keys = keys.map_err(|error| bad_argument("vkeys", &error))?;
        let policy = match self.bytes("policy")? {
            [] => None,
            text => Some(Policy::parse(text).map_err(|error| bad_argument("policy", &error))?),
        };
        Ok(Trust { origin, keys, policy })
    }

    /// The next field: hashes in base64, one a line.
    pub(crate) fn hashes(&mut self, name: &str) -> Result<Vec<Hash>, Refused> {
        let text = self.text(name)?;
        if text.lines().count() > CONSISTENCY_HASHES_MAX {
            let detail = format!("the proof has more than {CONSISTENCY_HASHES_MAX} hashes");
            return Err(proof_malformed(detail));
        }
        let hashes = text.lines().map(str::parse).collect::<Result<_, _>>();
        hashes.map_err(|error| proof_malformed(format!("a hash of the proof: {error}")))
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Refused {
        let index = fault.index.map(|index| index.0);
        Refused { kind: fault.kind.as_str(), index, detail: fault.detail }
    }
}

/// An argument that is not what it must be: nothing is said of the log.
pub(crate) fn bad_argument(name: &str, why: &(impl std::fmt::Display + ?Sized)) -> Refused {
    Refused { kind: "bad_argument", index: None, detail: format!("{name}: {why}") }
}

/// A proof that cannot be read.
pub(crate) fn proof_malformed(detail: String) -> Refused {
    Refused { kind: "proof_malformed", index: None, detail }
}
