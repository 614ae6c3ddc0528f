//! Sidecars on their way into the vault: separate objects, so that they can be erased (design §4, §5).
//!
//! An object holds the sidecars of a run of entries of one log: index, kind, length, bytes, again and again.

use crate::frame::{BadBody, Reader, SidecarKind};
use crate::limits::OBJECT_BYTES_TARGET;
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
fn object_name(first: u64, end: u64) -> String {
    format!("{first:016x}-{end:016x}.sidecars")
}

/// The entries that an object's name says it holds.
pub(crate) fn object_range(name: &str) -> Option<(u64, u64)> {
    let (first, end) = name.strip_suffix(".sidecars")?.split_once('-')?;
    Some((u64::from_str_radix(first, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}

/// The objects for the sidecars of entries `first..end`, in their order: name and content. One ends where the next sidecar's
/// entry would make it too big.
pub(crate) fn encode<'a>(
    (first, end): (u64, u64),
    sidecars: impl Iterator<Item = (u64, SidecarKind, &'a [u8])>,
) -> Vec<(String, Vec<u8>)> {
    let mut objects = Vec::new();
    let (mut from, mut last) = (first, first);
    let mut object = vec![OBJECT_VERSION];
    for (index, kind, bytes) in sidecars {
        if index != last && object.len() > OBJECT_BYTES_TARGET {
            objects.push((object_name(from, index), object));
            (from, object) = (index, vec![OBJECT_VERSION]);
        }
        push(&mut object, index, kind, bytes);
        last = index;
    }
    if object.len() > 1 {
        objects.push((object_name(from, end), object));
    }
    objects
}

/// An object with these sidecars, in the place of one that had more.
pub(crate) fn encode_again(sidecars: &[StoredSidecar]) -> Vec<u8> {
    let mut object = vec![OBJECT_VERSION];
    for sidecar in sidecars {
        push(&mut object, sidecar.index.0, sidecar.kind, &sidecar.bytes);
    }
    object
}

fn push(object: &mut Vec<u8>, index: u64, kind: SidecarKind, bytes: &[u8]) {
    object.extend_from_slice(&index.to_be_bytes());
    object.push(kind.as_byte());
    object.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    object.extend_from_slice(bytes);
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
