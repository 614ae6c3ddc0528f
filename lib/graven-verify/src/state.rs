//! A verifier's state as bytes, to go on from later.
//!
//! Integers are big-endian, texts and lists have their length in 32 bits before them. The digest
//! at the end finds damage, not forgery: whoever can write the file can make the verifier believe
//! that entries were checked, so it belongs where the verifier's own program lies.

use graven_entry::{Name, Time};
use graven_merkle::{Frontier, Hash, LeafIndex, TreeSize};
use sha2::{Digest, Sha256};

use crate::keys::{KeyOrigin, KeyRing, NamedKey};
use crate::log::{LogVerifier, VerifyOptions, current_stream_keys};
use crate::streams::{Stream, Streams};

/// The first bytes; the number is the format's version.
const MAGIC: &[u8] = b"graven-verify-state/v1\n";
/// Bytes of the digest at the end.
const DIGEST_BYTES: usize = 32;
/// What stands for no index.
const NO_INDEX: u64 = u64::MAX;
/// What stands for no voucher of a key: it is one of the first.
const VOUCHER_FIRST: u32 = u32::MAX;
/// What stands for the log's word alone.
const VOUCHER_LOG_ONLY: u32 = u32::MAX - 1;

/// Why a saved state can't be taken up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It is no state, or one of another version.
    #[error("this is no saved state of version 1; begin anew without it")]
    Version,
    /// Its digest is not that of its bytes.
    #[error("the saved state is damaged: its digest does not fit; begin anew without it")]
    Digest,
    /// It does not say what a state says.
    #[error("the saved state can't be read in {what}; begin anew without it")]
    Malformed {
        /// What was being read.
        what: &'static str,
    },
}

impl LogVerifier {
    /// What was found so far, to go on later with the next entry. Statements about sizes that were
    /// not reached yet are not part of it; after a fault it is empty, since there is nothing to go
    /// on from.
    pub fn save(&self) -> Vec<u8> {
        if self.fault.is_some() {
            return Vec::new();
        }
        let mut writer = Writer { out: MAGIC.to_vec() };
        writer.text(self.origin.as_str());
        writer.u64(self.size().0);
        self.frontier.nodes().iter().for_each(|node| writer.hash(node));
        writer.hash(&self.last_leaf);
        writer.u64(self.last_time.map_or(NO_INDEX, Time::unix_ns));
        writer.u32(u32::from(self.has_sealed));
        writer.text(self.predecessor.as_deref().unwrap_or_default());
        writer.ring(&self.keys);
        writer.length(self.streams.list.len());
        self.streams.list.iter().for_each(|stream| writer.stream(stream));
        writer.length(self.roots.passed.len());
        for (size, root) in &self.roots.passed {
            writer.u64(size.0);
            writer.hash(root);
        }
        let digest = Sha256::digest(&writer.out);
        writer.out.extend_from_slice(&digest);
        writer.out
    }

    /// Goes on from a saved state.
    pub fn load(state: &[u8], options: VerifyOptions) -> Result<LogVerifier, StateError> {
        if !state.starts_with(MAGIC) {
            return Err(StateError::Version);
        }
        let split = state.len().checked_sub(DIGEST_BYTES).and_then(|at| state.split_at_checked(at));
        let (body, digest) = split.ok_or(StateError::Digest)?;
        if Sha256::digest(body).as_slice() != digest {
            return Err(StateError::Digest);
        }
        let mut reader =
            Reader { rest: body.get(MAGIC.len()..).unwrap_or_default(), what: "origin" };
        let verifier = reader.verifier(options);
        let verifier = verifier.ok_or(StateError::Malformed { what: reader.what })?;
        // One state has one spelling: nothing behind it, and no number that would be written otherwise.
        if verifier.save() != state {
            return Err(StateError::Malformed { what: "its form" });
        }
        Ok(verifier)
    }
}

struct Writer {
    out: Vec<u8>,
}

impl Writer {
    fn u32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// The limits of this crate keep every list far below 2^32.
    fn length(&mut self, length: usize) {
        self.u32(length as u32);
    }

    fn hash(&mut self, hash: &Hash) {
        self.out.extend_from_slice(hash.as_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.out.extend_from_slice(text.as_bytes());
    }

    fn stream(&mut self, stream: &Stream) {
        self.text(stream.name.as_str());
        self.u64(stream.length);
        self.hash(&stream.head);
        self.u64(stream.attested);
        self.u64(stream.uncovered.map_or(NO_INDEX, |index| index.0));
        self.ring(&stream.keys);
    }

    fn ring(&mut self, ring: &KeyRing) {
        self.length(ring.keys.len());
        for named in &ring.keys {
            self.text(&named.key.to_string());
            self.u64(named.added_at.0);
            self.u64(named.ended_at.map_or(NO_INDEX, |index| index.0));
            self.u32(match named.origin {
                KeyOrigin::First => VOUCHER_FIRST,
                KeyOrigin::LogOnly => VOUCHER_LOG_ONLY,
                KeyOrigin::Signed(place) => place,
            });
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    /// What is being read, for the error.
    what: &'static str,
}

impl Reader<'_> {
    fn verifier(&mut self, options: VerifyOptions) -> Option<LogVerifier> {
        let mut verifier = LogVerifier::new(Name::origin(&self.text()?).ok()?, options);
        self.what = "tree";
        verifier.frontier = self.frontier()?;
        verifier.resumed_at = verifier.frontier.size();
        verifier.last_leaf = self.hash()?;
        verifier.last_time = match self.u64()? {
            NO_INDEX => None,
            unix_ns => Some(Time::from_unix_ns(unix_ns).ok()?),
        };
        self.what = "facts";
        verifier.has_sealed = self.u32()? != 0;
        verifier.predecessor = Some(self.text()?).filter(|origin| !origin.is_empty());
        self.what = "keys";
        verifier.keys = self.ring()?;
        self.what = "streams";
        verifier.streams = self.streams()?;
        verifier.stream_keys = current_stream_keys(&verifier.streams);
        self.what = "roots";
        for _ in 0..self.u32()? {
            let (size, root) = (TreeSize(self.u64()?), self.hash()?);
            verifier.roots.passed.insert(size, root);
        }
        self.what = "end";
        Some(verifier)
    }

    fn frontier(&mut self) -> Option<Frontier> {
        let size = self.u64()?;
        let nodes = (0..size.count_ones()).map(|_| self.hash()).collect::<Option<Vec<_>>>()?;
        Frontier::from_nodes(TreeSize(size), nodes).ok()
    }

    fn streams(&mut self) -> Option<Streams> {
        let mut streams = Streams::default();
        for _ in 0..self.u32()? {
            let name = Name::new(&self.text()?).ok()?;
            let (length, head, attested) = (self.u64()?, self.hash()?, self.u64()?);
            let uncovered = self.index()?;
            let keys = self.ring()?;
            streams.push(Stream { name, length, head, keys, attested, uncovered })?;
        }
        Some(streams)
    }

    fn ring(&mut self) -> Option<KeyRing> {
        let mut keys = Vec::new();
        for _ in 0..self.u32()? {
            let key = self.text()?.parse().ok()?;
            let (added_at, ended_at) = (LeafIndex(self.u64()?), self.index()?);
            let origin = match self.u32()? {
                VOUCHER_FIRST => KeyOrigin::First,
                VOUCHER_LOG_ONLY => KeyOrigin::LogOnly,
                place => KeyOrigin::Signed(place),
            };
            keys.push(NamedKey { key, added_at, ended_at, origin });
        }
        Some(KeyRing { keys })
    }

    /// An index, or none; the outer option is for what can't be read.
    #[expect(clippy::option_option, reason = "a missing value and an absent one differ")]
    fn index(&mut self) -> Option<Option<LeafIndex>> {
        Some(Some(self.u64()?).filter(|index| *index != NO_INDEX).map(LeafIndex))
    }

    fn text(&mut self) -> Option<String> {
        let length = self.u32()? as usize;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(std::str::from_utf8(text).ok()?.to_owned())
    }

    fn hash(&mut self) -> Option<Hash> {
        Some(Hash::new(*self.take::<32>()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(*self.take()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(*self.take()?))
    }

    fn take<const N: usize>(&mut self) -> Option<&[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(bytes)
    }
}
