//! Sealed values of an entry, opened by the disclosures that somebody was given.

use graven_entry::{
    DisclosureError, Entry, OpenedValue, check_event, match_disclosures, open_event, with_causes,
};

use crate::fault::{Fault, FaultKind};

/// What disclosures show of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosed {
    /// One for each disclosure, in their order: the value and its path.
    pub opened: Vec<OpenedValue>,
    /// The event with the opened values in their places, for display: it is not what was hashed.
    pub event: Vec<u8>,
    /// How many values stay sealed.
    pub withheld: usize,
}

/// Opens sealed values of an entry, which the caller has verified: each disclosure must be the one
/// whose digest stands in the entry, so what it says was fixed when the entry was written.
pub fn open_disclosures<S: AsRef<str>>(entry: &[u8], encoded: &[S]) -> Result<Disclosed, Fault> {
    let parsed = Entry::parse(entry)
        .map_err(|error| Fault::of_log(FaultKind::HeaderMalformed, with_causes(&error)))?;
    let index = parsed.header.index;
    let mismatch = |error: DisclosureError| {
        Fault::at(index, FaultKind::DisclosureMismatch, with_causes(&error))
    };
    let facts = check_event(parsed.event)
        .map_err(|error| Fault::at(index, FaultKind::EventInvalid, error.to_string()))?;
    let matches = match_disclosures(&facts.digests, encoded).map_err(mismatch)?;
    let event = open_event(parsed.event, encoded).map_err(mismatch)?;
    Ok(Disclosed { opened: matches.opened, event, withheld: matches.withheld.len() })
}
