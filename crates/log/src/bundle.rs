//! The codec of stored bundles: entries without what can be computed again, then zstd (`docs/format.md`, "Stored bundle").
//!
//! `prev` is the leaf hash of the entry before, `nonce` the segment's PRF at the index: both are incompressible and neither
//! is stored. Decoding puts them back, byte for byte; a bundle whose bytes were changed decodes to entries whose hashes
//! do not fit the tree, which is for the verifier to find.

use crate::limits::{BUNDLE_ENTRIES, ZSTD_LEVEL};
use crate::nonce::NonceMaker;
use graven_entry::limits::ENTRY_BYTES_MAX;
use graven_merkle::{Hash, LeafIndex, leaf_hash};
use graven_note::base64;
use memchr::memmem::Finder;
use std::cell::RefCell;
use std::io;
use std::sync::LazyLock;
use zstd::bulk::{Compressor, Decompressor};

/// Most bytes that a bundle may decode to.
const DECODED_BYTES_MAX: usize = BUNDLE_ENTRIES as usize * (ENTRY_BYTES_MAX + 40) + 64;
/// Length of a hash and of a nonce in base64.
const PREV_TEXT_BYTES: usize = 44;
const NONCE_TEXT_BYTES: usize = 24;
/// What stands before the `prev` of a header, between it and the `nonce`, and in an entry without both.
const PREV_KEY: &[u8] = b"\"prev\":\"";
const BETWEEN: &[u8] = b"\",\"nonce\":\"";
const EMPTY: &[u8] = b"\"prev\":\"\",\"nonce\":\"\"";
/// How an entry is stored; the numbers are persisted.
const STORED_STRIPPED: u8 = 1;
const STORED_WHOLE: u8 = 0;

/// The header precedes everything that a producer wrote, so the first hit is the header's. What makes a search quick is made ready
/// once: that costs more than to search an entry.
static FIND_PREV_KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(PREV_KEY));
static FIND_EMPTY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(EMPTY));

thread_local! {
    /// One for each thread that reads: making it costs as much as decoding a small bundle.
    static ZSTD: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A bundle cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleError {
    #[error("bundle does not decompress")]
    Zstd(#[source] io::Error),
    #[error("an entry of the bundle at {0} changed in memory after it was hashed")]
    Changed(LeafIndex),
    #[error("bundle is malformed: {0}")]
    Malformed(&'static str),
}

/// Consecutive entries of one bundle, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Leaf hash of each entry: as the commit computed it, or as decoding did.
    leaves: Vec<Hash>,
    /// CRC32C of each entry, taken when its leaf hash was.
    crcs: Vec<u32>,
    /// Chain marks: the place of the first entry of an attested batch, and its stream's chain head before it.
    marks: Vec<(u16, Hash)>,
}

impl Entries {
    /// Without an entry, with room for `count` that take `stored_bytes` as they are stored.
    fn with_room(count: usize, stored_bytes: usize) -> Entries {
        Entries {
            bytes: Vec::with_capacity(stored_bytes + count * (PREV_TEXT_BYTES + NONCE_TEXT_BYTES)),
            ends: Vec::with_capacity(count),
            leaves: Vec::with_capacity(count),
            crcs: Vec::with_capacity(count),
            marks: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, entry: &[u8], leaf: Hash, crc: u32) {
        self.bytes.extend_from_slice(entry);
        self.ends.push(self.bytes.len() as u32);
        self.leaves.push(leaf);
        self.crcs.push(crc);
    }

    /// Notes that the next entry begins an attested batch, whose stream had this chain head before.
    pub(crate) fn mark(&mut self, chain: Hash) {
        self.marks.push((self.ends.len() as u16, chain));
    }

    /// The chain head before the entry at `place`, where it begins an attested batch.
    pub(crate) fn chain_before(&self, place: usize) -> Option<Hash> {
        self.marks.iter().find(|(at, _)| usize::from(*at) == place).map(|(_, chain)| *chain)
    }

    /// Forgets the entries and keeps the room.
    pub(crate) fn clear(&mut self) {
        let Entries { bytes, ends, leaves, crcs, marks } = self;
        bytes.clear();
        ends.clear();
        leaves.clear();
        crcs.clear();
        marks.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends.get(place)? as usize;
        let start = if place == 0 { 0 } else { self.ends[place - 1] as usize };
        Some(&self.bytes[start..end])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map_while(|place| self.get(place))
    }

    /// The leaf hash of each entry.
    pub(crate) fn leaves(&self) -> &[Hash] {
        &self.leaves
    }

    /// The CRC32C of each entry.
    pub(crate) fn crcs(&self) -> &[u32] {
        &self.crcs
    }

    /// Whether every entry is the one whose leaf hash was computed: a bit may have flipped in memory since.
    fn is_unchanged(&self) -> bool {
        self.iter().zip(&self.crcs).all(|(entry, crc)| crc32c::crc32c(entry) == *crc)
    }

    /// Bytes held, for the cache's account.
    pub(crate) fn size_bytes(&self) -> usize {
        self.bytes.len() + 40 * self.ends.len() + 34 * self.marks.len()
    }
}

/// What encoding the bundles of one part needs: making a compressor costs as much as a small bundle.
pub(crate) struct Encoder {
    nonces: NonceMaker,
    zstd: Compressor<'static>,
    /// Kept from bundle to bundle, as fresh memory costs more than what is written into it.
    plain: Vec<u8>,
    packed: Vec<u8>,
}

impl Encoder {
    /// Prepares both.
    pub(crate) fn new(nonces: NonceMaker) -> Result<Encoder, BundleError> {
        let zstd = Compressor::new(ZSTD_LEVEL).map_err(BundleError::Zstd)?;
        Ok(Encoder { nonces, zstd, plain: Vec::new(), packed: Vec::new() })
    }
}

/// Encodes consecutive entries that start at `first`; at most one bundle's worth.
///
/// The body is: count, the `prev` of the first entry, then for each entry how it is stored, its stored length and its bytes,
/// then the number of chain marks and for each its place and chain head. An entry whose `prev` or `nonce` is not what would be computed is stored whole, so that any entry survives the round trip.
pub(crate) fn encode(
    first: LeafIndex,
    first_prev: &Hash,
    entries: &Entries,
    encoder: &mut Encoder,
) -> Result<Vec<u8>, BundleError> {
    if !entries.is_unchanged() {
        return Err(BundleError::Changed(first));
    }
    let Encoder { nonces, zstd, plain, packed } = encoder;
    plain.clear();
    plain.extend_from_slice(&(entries.len() as u16).to_be_bytes());
    plain.extend_from_slice(first_prev.as_bytes());
    let prevs = std::iter::once(first_prev).chain(&entries.leaves);
    let nonces = nonces.nonces(first, entries.len());
    for ((entry, prev), nonce) in entries.iter().zip(prevs).zip(&nonces) {
        encode_entry(plain, entry, prev, nonce);
    }
    plain.extend_from_slice(&(entries.marks.len() as u16).to_be_bytes());
    for (place, chain) in &entries.marks {
        plain.extend_from_slice(&place.to_be_bytes());
        plain.extend_from_slice(chain.as_bytes());
    }
    packed.clear();
    packed.reserve(zstd::zstd_safe::compress_bound(plain.len()));
    zstd.compress_to_buffer(plain, packed).map_err(BundleError::Zstd)?;
    Ok(packed.clone())
}

fn encode_entry(plain: &mut Vec<u8>, entry: &[u8], prev: &Hash, nonce: &[u8; 16]) {
    if let Some((before, between, after)) = stripped(entry, prev, nonce) {
        let len = before.len() + between.len() + after.len();
        plain.push(STORED_STRIPPED);
        plain.extend_from_slice(&(len as u32).to_be_bytes()[1..]);
        for part in [before, between, after] {
            plain.extend_from_slice(part);
        }
    } else {
        plain.push(STORED_WHOLE);
        plain.extend_from_slice(&(entry.len() as u32).to_be_bytes()[1..]);
        plain.extend_from_slice(entry);
    }
}

/// The entry around its `prev` and `nonce`, where these are what would be computed.
///
/// The first `"prev":"` is the one that [`restore`] finds again, with nothing in it: no other stands before it.
fn stripped<'a>(
    entry: &'a [u8],
    prev: &Hash,
    nonce: &[u8; 16],
) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
    let start = FIND_PREV_KEY.find(entry)?;
    let (before, rest) = entry.split_at(start + PREV_KEY.len());
    let rest = rest.strip_prefix(&prev.to_text()[..])?;
    let (between, rest) = rest.split_at_checked(BETWEEN.len())?;
    let after = rest.strip_prefix(base64::encode(nonce).as_bytes())?;
    (between == BETWEEN && after.starts_with(b"\"")).then_some((before, between, after))
}

/// Decodes a bundle whose first entry has index `first`.
pub(crate) fn decode(
    first: LeafIndex,
    stored: &[u8],
    nonces: &NonceMaker,
) -> Result<Entries, BundleError> {
    let mut decoder = Decoder::new(first, stored, nonces)?;
    let mut entries = Entries::with_room(decoder.left(), decoder.plain.len());
    let (mut prev, mut entry) = (decoder.first_prev, Vec::new());
    while decoder.next(&prev, &mut entry)? {
        prev = leaf_hash(&entry);
        entries.push(&entry, prev, crc32c::crc32c(&entry));
    }
    entries.marks = decoder.marks()?;
    Ok(entries)
}

/// Decodes a bundle entry by entry. Whoever asks says what the hash of the entry before is, so that one that hashes entries anyway
/// hashes them once.
pub(crate) struct Decoder {
    plain: Vec<u8>,
    /// Where in `plain` the next entry begins.
    at: usize,
    /// One for each entry that is still to come.
    nonces: std::vec::IntoIter<[u8; 16]>,
    /// What the first entry states as the hash of the one before.
    pub(crate) first_prev: Hash,
}

impl Decoder {
    /// For a bundle whose first entry has index `first`.
    pub(crate) fn new(
        first: LeafIndex,
        stored: &[u8],
        nonces: &NonceMaker,
    ) -> Result<Decoder, BundleError> {
        let plain = decompress(stored).map_err(BundleError::Zstd)?;
        let (count, rest) = plain.split_first_chunk().ok_or(BundleError::Malformed("no count"))?;
        let (prev, _) = rest.split_first_chunk::<32>().ok_or(BundleError::Malformed("no prev"))?;
        let (at, first_prev) = (count.len() + prev.len(), Hash::from(*prev));
        let count = u16::from_be_bytes(*count);
        if u64::from(count) > BUNDLE_ENTRIES {
            return Err(BundleError::Malformed("more than 256 entries"));
        }
        let nonces = nonces.nonces(first, usize::from(count)).into_iter();
        Ok(Decoder { plain, at, nonces, first_prev })
    }

    /// Entries that are still to come.
    pub(crate) fn left(&self) -> usize {
        self.nonces.len()
    }

    /// Puts the next entry, before which stands one with the hash `prev`, in the place of what `entry` held; whether there is one.
    pub(crate) fn next(&mut self, prev: &Hash, entry: &mut Vec<u8>) -> Result<bool, BundleError> {
        let Some(nonce) = self.nonces.next() else { return Ok(false) };
        let (how, body, after) = split_entry(&self.plain[self.at..])?;
        entry.clear();
        match how {
            STORED_WHOLE => entry.extend_from_slice(body),
            STORED_STRIPPED => restore(entry, body, prev, &nonce)?,
            _ => return Err(BundleError::Malformed("unknown way of storing")),
        }
        self.at = self.plain.len() - after.len();
        Ok(true)
    }

    /// The chain marks, which stand behind the last entry.
    pub(crate) fn marks(self) -> Result<Vec<(u16, Hash)>, BundleError> {
        decode_marks(&self.plain[self.at..])
    }
}

/// How the next entry is stored, its bytes as they are stored, and what stands behind it.
fn split_entry(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), BundleError> {
    let (head, rest) =
        bytes.split_first_chunk::<4>().ok_or(BundleError::Malformed("no entry head"))?;
    let len = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
    let (body, rest) = rest.split_at_checked(len).ok_or(BundleError::Malformed("entry is cut"))?;
    Ok((head[0], body, rest))
}

/// The entries at `places` of a bundle, with zeros for what would have to be computed, their `prev` and `nonce`: no entry before
/// them is hashed, which is most of what decoding costs. Ends before the first place that the bundle has not.
pub(crate) fn decode_unlinked(
    stored: &[u8],
    places: impl IntoIterator<Item = usize>,
) -> Result<Vec<Vec<u8>>, BundleError> {
    let plain = decompress(stored).map_err(BundleError::Zstd)?;
    let (count, rest) = plain.split_at_checked(2).ok_or(BundleError::Malformed("no count"))?;
    let count = u16::from_be_bytes([count[0], count[1]]);
    let mut rest = rest.get(32..).ok_or(BundleError::Malformed("no prev"))?;
    let mut bodies = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let (how, body, after) = split_entry(rest)?;
        bodies.push((how, body));
        rest = after;
    }
    let mut entries = Vec::new();
    for (how, body) in places.into_iter().map_while(|place| bodies.get(place)) {
        let mut entry = Vec::new();
        match *how {
            STORED_WHOLE => entry.extend_from_slice(body),
            STORED_STRIPPED => restore(&mut entry, body, &Hash::from([0; 32]), &[0; 16])?,
            _ => return Err(BundleError::Malformed("unknown way of storing")),
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// What a bundle was compressed from.
fn decompress(stored: &[u8]) -> io::Result<Vec<u8>> {
    // The frame states its size. One that lies gets no more room than it states.
    let stated = zstd::zstd_safe::get_frame_content_size(stored).ok().flatten();
    let size_bytes = stated.unwrap_or(u64::MAX).min(DECODED_BYTES_MAX as u64) as usize;
    ZSTD.with_borrow_mut(|zstd| {
        let zstd = match zstd {
            Some(zstd) => zstd,
            None => zstd.insert(Decompressor::new()?),
        };
        zstd.decompress(stored, size_bytes)
    })
}

/// Reads the chain marks, which end a bundle.
fn decode_marks(bytes: &[u8]) -> Result<Vec<(u16, Hash)>, BundleError> {
    let mut marks = Vec::new();
    let (count, mut rest) =
        bytes.split_first_chunk::<2>().ok_or(BundleError::Malformed("no chain marks"))?;
    for _ in 0..u16::from_be_bytes(*count) {
        let (mark, after) =
            rest.split_first_chunk::<34>().ok_or(BundleError::Malformed("chain mark is cut"))?;
        let mut chain = [0; 32];
        chain.copy_from_slice(&mark[2..]);
        marks.push((u16::from_be_bytes([mark[0], mark[1]]), Hash::from(chain)));
        rest = after;
    }
    if rest.is_empty() { Ok(marks) } else { Err(BundleError::Malformed("bytes at the end")) }
}

/// Puts `prev` and `nonce` back between the quotes that `encode` left empty.
fn restore(
    entry: &mut Vec<u8>,
    body: &[u8],
    prev: &Hash,
    nonce: &[u8; 16],
) -> Result<(), BundleError> {
    let at = FIND_EMPTY.find(body).ok_or(BundleError::Malformed("no place for prev and nonce"))?;
    let prev_at = at + PREV_KEY.len();
    let nonce_at = at + EMPTY.len() - 1;
    entry.reserve(body.len() + PREV_TEXT_BYTES + NONCE_TEXT_BYTES);
    entry.extend_from_slice(&body[..prev_at]);
    entry.extend_from_slice(&prev.to_text());
    entry.extend_from_slice(&body[prev_at..nonce_at]);
    base64::append(entry, nonce);
    entry.extend_from_slice(&body[nonce_at..]);
    Ok(())
}
