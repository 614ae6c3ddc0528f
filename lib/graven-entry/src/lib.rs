//! Graven entries, events, streams and disclosures: parse and build.
//!
//! An entry is text in three parts, each ended by a line feed: a header that the log wrote, the
//! event as its producer wrote it, and perhaps the producer's attestation. Its leaf hash is
//! [`graven_merkle::leaf_hash`] over all of it.
//!
//! Pure computation over bytes: no I/O, no clock, no randomness, and no panic on any input.
//! Nothing is ever re-serialised, so nothing that was hashed can change on the way.
//!
//! ```
//! use graven_entry::{
//!     AuthMethod, Clock, Entry, Grade, Header, Name, build_entry, check_event,
//! };
//! use graven_merkle::{EMPTY_ROOT, LeafIndex};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let event = br#"{"actor":{"type":"user","id":"p_3kFq"},"action":"invoice.update"}"#;
//! let facts = check_event(event)?;
//! assert_eq!(facts.action, "invoice.update");
//!
//! let header = Header {
//!     origin: Name::origin("acme.example/prod")?,
//!     index: LeafIndex(0),
//!     time: "2026-11-20T22:55:01.123456789Z".parse()?,
//!     clock: Clock::Synced,
//!     error_ns: Some(812_000),
//!     wall: None,
//!     prev: EMPTY_ROOT,
//!     nonce: [7; 16],
//!     writer: Name::new("billing-api")?,
//!     auth: AuthMethod::new("token")?,
//!     grade: Grade::Asserted,
//!     stream: None,
//!     seq: None,
//!     altered: Vec::new(),
//! };
//! let mut bytes = Vec::new();
//! build_entry(&mut bytes, &header, event, None)?;
//!
//! let entry = Entry::parse(&bytes)?;
//! assert_eq!(entry.header, header);
//! assert_eq!(entry.event, event);
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod limits;

mod attestation;
mod causes;
mod digest;
mod disclosure;
mod encode;
mod entry;
mod event;
mod event_error;
mod extra;
#[cfg(test)]
mod fixtures;
mod header;
mod json;
mod name;
mod outline;
mod scan;
mod seal;
mod sealed_digest;
mod stream;
mod time;

pub use attestation::{Attestation, AttestationError, Claim};
pub use causes::with_causes;
pub use digest::DisclosureDigest;
pub use disclosure::{
    Disclosure, DisclosureError, Matches, OpenedValue, disclosure_digest, match_disclosures,
    open_event, open_matches,
};
pub use entry::{Entry, EntryError, EntryParts, build_entry};
pub use event::{EventFacts, check_event};
pub use event_error::{EventError, EventErrorKind, EventFault};
pub use extra::{Extra, ExtraError};
pub use header::{Altered, Clock, Grade, Header, HeaderError, HeaderFault, prev_and_nonce_spans};
pub use json::{
    Elements, Members, compact, elements, members, pointer, push_token, string_value,
    write_json_string,
};
pub use name::{AuthMethod, LogName, Name, NameError};
pub use outline::Outline;
pub use seal::{SealError, SealedEvent, ToSeal, replace_values, seal_event, seal_outlined};
pub use sealed_digest::{Place, SealedDigest};
pub use stream::{chain_next, chain_start, event_hash};
pub use time::{TIME_BYTES, Time, TimeError};
