//! Sidecars on their way into the vault: separate objects, so that they can be erased (design §4, §5).
//!
//! An object holds the sidecars of a run of entries of one log: index, kind, length, bytes, again and again.

use crate::frame::{BadBody, Reader, SidecarKind};
use graven_merkle::LeafIndex;

/// Version of an object's format.
const OBJECT_VERSION: u8 = 1;

/// Bytes that travelled with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSidecar {
    /// The entry.
    pub index: LeafIndex,
    /// What the bytes are.
    pub kind: SidecarKind,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The name of the object for entries `first..end`.
pub(crate) fn object_name(first: u64, end: u64) -> String {
    format!("{first:016x}-{end:016x}.sidecars")
}

/// The entries that an object's name says it holds.
pub(crate) fn object_range(name: &str) -> Option<(u64, u64)> {
    let (first, end) = name.strip_suffix(".sidecars")?.split_once('-')?;
    Some((u64::from_str_radix(first, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}

/// The ranges of entries, `first..end` together, whose sidecars share an object each: as many as fit in `fill_bytes`, and
/// never less than those of one entry. They follow from where they begin alone, so that an unloading that was cut off and
/// the next one, which goes further, write the same objects up to the last.
pub(crate) fn ranges(
    sizes: impl Iterator<Item = (u64, usize)>,
    first: u64,
    end: u64,
    fill_bytes: usize,
) -> Vec<(u64, u64)> {
    let mut ranges = Vec::new();
    let (mut from, mut filled_bytes, mut last) = (first, 0, first);
    for (index, size_bytes) in sizes {
        if filled_bytes + size_bytes > fill_bytes && filled_bytes > 0 && index > last {
            ranges.push((from, index));
            (from, filled_bytes) = (index, 0);
        }
        filled_bytes += size_bytes;
        last = index;
    }
    ranges.push((from, end));
    ranges
}

pub(crate) fn encode<'a>(
    sidecars: impl Iterator<Item = (u64, SidecarKind, &'a [u8])>,
) -> Option<Vec<u8>> {
    let mut out = vec![OBJECT_VERSION];
    for (index, kind, bytes) in sidecars {
        out.extend_from_slice(&index.to_be_bytes());
        out.push(kind.as_byte());
        out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        out.extend_from_slice(bytes);
    }
    (out.len() > 1).then_some(out)
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<StoredSidecar>, BadBody> {
    let mut reader = Reader { body: bytes, at: 0 };
    if reader.u8()? != OBJECT_VERSION {
        return Err(BadBody { at: 0, what: "unknown version" });
    }
    let mut sidecars = Vec::new();
    while reader.at < bytes.len() {
        let index = LeafIndex(reader.u64()?);
        let kind = SidecarKind::from_byte(reader.u8()?);
        let kind = kind.ok_or(BadBody { at: reader.at, what: "unknown kind of sidecar" })?;
        let len = reader.u32()? as usize;
        sidecars.push(StoredSidecar { index, kind, bytes: reader.take(len)?.to_vec() });
    }
    Ok(sidecars)
}
