//! Entry bundles: up to 256 entries, each after its length in 16 bits, big-endian (C2SP
//! `tlog-tiles`).

use crate::{ENTRY_BYTES_MAX, TILE_WIDTH};

/// Reads the entries of a bundle one by one; after an error it ends.
///
/// It takes as many entries as there are: whoever knows the bundle's width uses [`parse_bundle`].
#[derive(Clone, Debug)]
pub struct BundleReader<'a> {
    rest: &'a [u8],
    entries_read: usize,
}

/// Bytes that are not the bundle they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The bytes end within an entry or its length.
    #[error("bundle ends within entry {position}: {missing_bytes} bytes are missing")]
    Truncated {
        /// The entry's position in the bundle, from 0.
        position: usize,
        /// How many bytes are missing at least.
        missing_bytes: usize,
    },
    /// The bytes end before the last entry.
    #[error("bundle has {count} entries, it must have {width}")]
    TooFew {
        /// How many entries there are.
        count: usize,
        /// How many there should be.
        width: u16,
    },
    /// There are bytes after the last entry.
    #[error("bundle has {trailing_bytes} bytes after its {width} entries")]
    Trailing {
        /// How many bytes are left over.
        trailing_bytes: usize,
        /// How many entries there should be.
        width: u16,
    },
    /// No bundle is so wide.
    #[error("bundle width {width} must be from 1 to {TILE_WIDTH}")]
    Width {
        /// The width asked for.
        width: u16,
    },
}

/// An entry that no bundle can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry has {len_bytes} bytes, a bundle holds at most {ENTRY_BYTES_MAX}")]
pub struct EntryTooLong {
    /// The entry's length, in bytes.
    pub len_bytes: usize,
}

impl<'a> BundleReader<'a> {
    /// A reader at the bundle's first entry.
    pub fn new(bundle: &'a [u8]) -> BundleReader<'a> {
        BundleReader { rest: bundle, entries_read: 0 }
    }

    /// The bytes not yet read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn fail(&mut self, missing_bytes: usize) -> BundleError {
        self.rest = &[];
        BundleError::Truncated { position: self.entries_read, missing_bytes }
    }
}

impl<'a> Iterator for BundleReader<'a> {
    type Item = Result<&'a [u8], BundleError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((prefix, after)) = self.rest.split_first_chunk::<2>() else {
            return Some(Err(self.fail(2 - self.rest.len())));
        };
        let len = usize::from(u16::from_be_bytes(*prefix));
        let Some((entry, rest)) = after.split_at_checked(len) else {
            return Some(Err(self.fail(len - after.len())));
        };
        self.rest = rest;
        self.entries_read += 1;
        Some(Ok(entry))
    }
}

impl std::iter::FusedIterator for BundleReader<'_> {}

/// The entries of a bundle of exactly `width` entries and nothing after them.
pub fn parse_bundle(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, BundleError> {
    let expected = usize::from(width);
    if expected == 0 || expected > TILE_WIDTH {
        return Err(BundleError::Width { width });
    }
    let mut reader = BundleReader::new(bundle);
    let entries = reader.by_ref().take(expected).collect::<Result<Vec<_>, _>>()?;
    if entries.len() < expected {
        return Err(BundleError::TooFew { count: entries.len(), width });
    }
    if !reader.rest().is_empty() {
        return Err(BundleError::Trailing { trailing_bytes: reader.rest().len(), width });
    }
    Ok(entries)
}

/// Appends an entry to the bundle that `out` holds; `out` is untouched where it can't be.
pub fn push_bundle_entry(out: &mut Vec<u8>, entry: &[u8]) -> Result<(), EntryTooLong> {
    let len = u16::try_from(entry.len()).map_err(|_| EntryTooLong { len_bytes: entry.len() })?;
    out.reserve(2 + entry.len());
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(entry);
    Ok(())
}
