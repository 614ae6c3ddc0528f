//! Names in the index, whole however long they are.

use std::borrow::Cow;

use graven_merkle::leaf_hash;

use crate::words::cut;

/// Bytes of a name that stands in the index as it is: shorter than any that [`crate::limits::VALUE_BYTES_MAX`] cuts.
const PLAIN_BYTES_MAX: usize = 252;
/// Bytes that are left of a longer one, before its hash.
const CUT_BYTES_MAX: usize = 180;

/// A name by which nothing else goes: itself, or of a long one a part and its hash. No name of an event holds a NUL.
pub(crate) fn whole(name: &str) -> Cow<'_, str> {
    if name.len() <= PLAIN_BYTES_MAX {
        return Cow::Borrowed(name);
    }
    let hash = leaf_hash(name.as_bytes());
    Cow::Owned(format!("{}\0{hash}", cut(name, CUT_BYTES_MAX)))
}
