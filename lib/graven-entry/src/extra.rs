//! What a tlog-proof carries beside the tree's hashes so that one signed event can be checked
//! alone: the chain's head before it, the hashes of the events after it, and the attestation.

use graven_merkle::{Hash, ParseHashError};
use graven_note::VerifierKey;

use crate::attestation::{Attestation, AttestationError, Claim};
use crate::encode::write_hash;
use crate::json::find_byte;
use crate::limits::{FOLLOWING_HASHES_MAX, INTEGER_MAX};
use crate::name::Name;
use crate::stream::{chain_next, chain_start, event_hash};

/// The first line, its line feed included.
const FIRST_LINE: &[u8] = b"graven/extra/v1\n";

/// The `extra` of a signed entry's tlog-proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// The chain's head before the event, cₖ where its `seq` is k.
    pub chain: Hash,
    /// The hashes of the events after it, up to the last that the attestation covers.
    pub following: Vec<Hash>,
    /// The attestation, verbatim.
    pub attestation: Vec<u8>,
}

/// Why bytes are no [`Extra`], or why it does not prove its event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtraError {
    /// The first line is not `graven/extra/v1`.
    #[error("the extra's first line is not graven/extra/v1")]
    FirstLine,
    /// No chain head, or no empty line before the attestation.
    #[error("the extra ends before its attestation; it needs hashes, an empty line, a signed note")]
    End,
    /// A line that is not a hash.
    #[error("line {line} of the extra is not a hash")]
    Hash {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: ParseHashError,
    },
    /// A line that is not even text.
    #[error("line {line} of the extra is not UTF-8")]
    Utf8 {
        /// Its number, from 1.
        line: usize,
    },
    /// More hashes than one attestation can cover.
    #[error("the extra has more than {FOLLOWING_HASHES_MAX} hashes of following events")]
    TooMany,
    /// A `seq` that no event has.
    #[error("seq {seq} is over 2^53 - 1")]
    Seq {
        /// The number.
        seq: u64,
    },
    /// The first event of a stream whose chain starts elsewhere.
    #[error("the chain before seq 0 is not the start of this origin's and stream's chain")]
    Start,
    /// The attestation is not over this event.
    #[error("the attestation does not cover the event")]
    Attestation(#[source] AttestationError),
}

impl Extra {
    /// Reads the bytes whose base64 stands in a tlog-proof's `extra` line. The attestation is
    /// copied, not read.
    pub fn parse(bytes: &[u8]) -> Result<Self, ExtraError> {
        let mut rest = bytes.strip_prefix(FIRST_LINE).ok_or(ExtraError::FirstLine)?;
        let mut hashes = Vec::new();
        // One head and FOLLOWING_HASHES_MAX hashes, then the empty line.
        for line in 2..FOLLOWING_HASHES_MAX + 4 {
            let end = find_byte(rest, b'\n').ok_or(ExtraError::End)?;
            let (text, after) = rest.split_at_checked(end).ok_or(ExtraError::End)?;
            rest = after.strip_prefix(b"\n").ok_or(ExtraError::End)?;
            if text.is_empty() {
                let chain = hashes.first().copied().ok_or(ExtraError::End)?;
                hashes.remove(0);
                return Ok(Self { chain, following: hashes, attestation: rest.to_vec() });
            }
            let text = std::str::from_utf8(text).map_err(|_| ExtraError::Utf8 { line })?;
            hashes.push(text.parse().map_err(|source| ExtraError::Hash { line, source })?);
        }
        Err(ExtraError::TooMany)
    }

    /// The bytes whose base64 stands in a tlog-proof's `extra` line.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = FIRST_LINE.to_vec();
        for hash in std::iter::once(&self.chain).chain(&self.following) {
            write_hash(&mut out, hash);
            out.push(b'\n');
        }
        out.push(b'\n');
        out.extend_from_slice(&self.attestation);
        out
    }

    /// Verifies that the producer of `stream` signed `event` (without its line feed) as number
    /// `seq` of its stream in the log `origin`: hashes the chain from the event to the end and
    /// checks the attestation over it.
    pub fn verify_event(
        &self,
        origin: &Name,
        stream: &Name,
        seq: u64,
        event: &[u8],
        keys: &[VerifierKey],
    ) -> Result<(), ExtraError> {
        if seq > INTEGER_MAX {
            return Err(ExtraError::Seq { seq });
        }
        if seq == 0 && self.chain != chain_start(origin, stream) {
            return Err(ExtraError::Start);
        }
        let after_event = chain_next(&self.chain, &event_hash(event));
        let head = self.following.iter().fold(after_event, |head, hash| chain_next(&head, hash));
        let length = (seq + 1).saturating_add(self.following.len() as u64);
        let claim = Claim { origin, stream, length, head: &head };
        Attestation::verify(&self.attestation, &claim, keys).map_err(ExtraError::Attestation)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
