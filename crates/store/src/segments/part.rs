//! An open part: its index in memory, its bundles on the disk.

use std::io;
use std::path::{Path, PathBuf};

use env::{Disk, DiskFile, OpenMode};

use super::PartMeta;
use super::part_file::{
    BUNDLE_INDEX_BYTES, BundleIndex, HEADER_BYTES, PartHeader, PartTrailer, TRAILER_BYTES,
    check_digest, decode_index,
};
use crate::StoreError;

/// An open part. Everything that it hands out has been checked against its CRC32C.
pub struct Part {
    meta: PartMeta,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    layout: PartHeader,
    trailer: PartTrailer,
    header: Vec<u8>,
    bundles: Vec<BundleIndex>,
    entry_crcs: Vec<u32>,
}

impl Part {
    /// Opens a part and checks header, trailer, index and the log's header.
    pub(super) fn open(disk: &dyn Disk, path: &Path, meta: &PartMeta) -> Result<Part, StoreError> {
        let file = match disk.open(path, OpenMode::Read) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::NotFound { file: path.to_owned() });
            }
            other => other.map_err(StoreError::Io)?,
        };
        let file_bytes = file.len_bytes().map_err(StoreError::Io)?;
        if file_bytes < (HEADER_BYTES + TRAILER_BYTES) as u64 {
            return Err(corrupt(path, file_bytes, "the file is shorter than a part".into()));
        }
        let read = Reader { file: &*file, path };
        let layout =
            PartHeader::decode(&read.array(0)?, file_bytes).map_err(|why| corrupt(path, 0, why))?;
        if layout.first != meta.first || layout.count != meta.count {
            let why = format!("it holds {} entries from {}", layout.count, layout.first);
            return Err(corrupt(path, 0, why));
        }
        let trailer_offset = file_bytes - TRAILER_BYTES as u64;
        let trailer = PartTrailer::decode(&read.array(trailer_offset)?, file_bytes)
            .map_err(|why| corrupt(path, trailer_offset, why))?;
        let (header_at, header_bytes) = (layout.log_header_offset(), layout.header_bytes);
        let header = read.checked(header_at, u64::from(header_bytes), trailer.header)?;
        let index_at = layout.index_offset();
        let index = read.checked(index_at, layout.index_bytes(), trailer.index)?;
        let (bundles, entry_crcs) =
            decode_index(&layout, &index).map_err(|why| corrupt(path, index_at, why))?;
        let (meta, path) = (meta.clone(), path.to_owned());
        Ok(Part { meta, path, file, layout, trailer, header, bundles, entry_crcs })
    }

    /// Its name and size.
    pub fn meta(&self) -> &PartMeta {
        &self.meta
    }

    /// The log's own header.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// The level-1 tile.
    pub fn tile(&self) -> Result<Vec<u8>, StoreError> {
        let (at, len_bytes) = (self.layout.tile_offset(), u64::from(self.layout.tile_bytes));
        self.reader().checked(at, len_bytes, self.trailer.tile)
    }

    /// Number of bundles.
    pub fn bundle_count(&self) -> usize {
        self.bundles.len()
    }

    /// Number of entries in bundle `k`; `None` where there is no such bundle.
    pub fn bundle_entries(&self, k: usize) -> Option<u16> {
        self.bundles.get(k).map(|bundle| bundle.entries)
    }

    /// The bytes of bundle `k` as `log` encoded them.
    pub fn bundle(&self, k: usize) -> Result<Vec<u8>, StoreError> {
        let Some(bundle) = self.bundles.get(k) else {
            let what = format!("bundle {k} of {}", self.path.display());
            return Err(StoreError::Invalid { what, why: "is past the last" });
        };
        self.reader().checked(bundle.offset_bytes, u64::from(bundle.len_bytes), bundle.crc)
    }

    /// CRC32C of the entry at `first + i`; `None` where there is no such entry.
    pub fn entry_crc(&self, i: u32) -> Option<u32> {
        self.entry_crcs.get(i as usize).copied()
    }

    /// Reads the whole file as it is now and checks every byte against its digest. Where the digest
    /// fails, the first damaged piece is named if its own checksum tells.
    pub fn verify_all(&self) -> Result<(), StoreError> {
        let Err(whole) = check_digest(&*self.file, &self.path) else { return Ok(()) };
        for k in 0..self.bundle_count() {
            self.bundle(k)?;
        }
        self.tile()?;
        Err(whole)
    }

    /// Drops clean pages of the file from the page cache: the next read comes from the device, as a
    /// scrubber wants it.
    pub fn drop_cache(&self) -> Result<(), StoreError> {
        self.file.drop_cache().map_err(StoreError::Io)
    }

    /// Bytes of memory that it takes while it is open.
    pub(super) fn memory_bytes(&self) -> usize {
        self.header.len() + self.bundles.len() * BUNDLE_INDEX_BYTES + self.entry_crcs.len() * 4
    }

    fn reader(&self) -> Reader<'_> {
        Reader { file: &*self.file, path: &self.path }
    }
}

struct Reader<'a> {
    file: &'a dyn DiskFile,
    path: &'a Path,
}

impl Reader<'_> {
    fn array<const N: usize>(&self, offset_bytes: u64) -> Result<[u8; N], StoreError> {
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes, offset_bytes).map_err(StoreError::Io)?;
        Ok(bytes)
    }

    /// Reads a piece whose length its header has vouched for, and checks it.
    fn checked(&self, offset_bytes: u64, len_bytes: u64, crc: u32) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; len_bytes as usize];
        self.file.read_exact_at(&mut bytes, offset_bytes).map_err(StoreError::Io)?;
        if crc32c::crc32c(&bytes) != crc {
            let why = format!("{len_bytes} bytes do not match their checksum");
            return Err(corrupt(self.path, offset_bytes, why));
        }
        Ok(bytes)
    }
}

fn corrupt(path: &Path, offset_bytes: u64, why: String) -> StoreError {
    StoreError::Corrupt { file: path.to_owned(), offset_bytes, why }
}
