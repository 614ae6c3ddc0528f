//! The keyring's file: blocks of eight slots, each block twice.
//!
//! Block 0: magic `GRVNKEYS` (8), version 1 (4), CRC32C of bytes 0..12 (4), zeros. Then groups of two blocks: eight slots, and
//! the same eight again. A change writes the first copies durably before the second, so that one of the two is whole at every
//! moment, however a write is torn.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use env::{BLOCK_BYTES, Disk, DiskFile, OpenMode, is_out_of_space};

use super::KeyringError;
use super::slot::SLOT_BYTES;
use crate::sealed_limits::{KEYRING_GROWTH_GROUPS, KEYRING_READ_GROUPS};

const MAGIC: [u8; 8] = *b"GRVNKEYS";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 16;
/// Slots of one block.
const SLOTS_PER_BLOCK: u64 = (BLOCK_BYTES / SLOT_BYTES) as u64;
const GROUP_BYTES: u64 = 2 * BLOCK_BYTES as u64;

/// The bytes of one slot.
pub(super) type SlotBytes = [u8; SLOT_BYTES];

/// A block where direct writes want it.
#[repr(C, align(4096))]
struct Block([u8; BLOCK_BYTES]);

/// The open file.
pub(super) struct SlotFile {
    /// For reading and growing.
    file: Box<dyn DiskFile>,
    /// For writing slots around the page cache.
    direct: Box<dyn DiskFile>,
    /// The file system has no direct writes: each needs a flush.
    needs_flush: bool,
    groups: u64,
}

impl SlotFile {
    /// Opens the file at `path`, or makes an empty one where there is none; says which.
    pub(super) fn open(disk: &dyn Disk, path: &Path) -> Result<(SlotFile, bool), KeyringError> {
        let is_new = match disk.open(path, OpenMode::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(disk, path)?;
                true
            }
            other => other.map(|_| false)?,
        };
        let file = disk.open(path, OpenMode::ReadWrite)?;
        // A process that died of a failed flush may have left pages that the device never got.
        file.drop_cache()?;
        let groups = check(&*file, path)?;
        let opened = disk.open_direct(path)?;
        let (direct, needs_flush) = (opened.file, opened.fallback.is_some());
        Ok((SlotFile { file, direct, needs_flush, groups }, is_new))
    }

    /// How many slots there is room for.
    pub(super) fn slots(&self) -> u64 {
        self.groups * SLOTS_PER_BLOCK
    }

    /// Hands out both copies of every slot, in order.
    pub(super) fn read_all(
        &self,
        mut visit: impl FnMut(u64, &SlotBytes, &SlotBytes) -> Result<(), KeyringError>,
    ) -> Result<(), KeyringError> {
        let mut bytes = vec![0; (KEYRING_READ_GROUPS * GROUP_BYTES) as usize];
        let mut group = 0;
        while group < self.groups {
            let count = KEYRING_READ_GROUPS.min(self.groups - group);
            let bytes = &mut bytes[..(count * GROUP_BYTES) as usize];
            self.file.read_exact_at(bytes, block_at(group, 0))?;
            for (at, pair) in bytes.chunks(GROUP_BYTES as usize).enumerate() {
                let (first, second) = pair.split_at(BLOCK_BYTES);
                let slots = first.as_chunks().0.iter().zip(second.as_chunks().0);
                let number = (group + at as u64) * SLOTS_PER_BLOCK;
                for (slot, (first, second)) in (number..).zip(slots) {
                    visit(slot, first, second)?;
                }
            }
            group += count;
        }
        Ok(())
    }

    /// One of the two copies of a slot.
    pub(super) fn read(&self, slot: u64, copy: u64) -> io::Result<SlotBytes> {
        let mut bytes = [0; SLOT_BYTES];
        self.file.read_exact_at(&mut bytes, slot_at(slot, copy))?;
        Ok(bytes)
    }

    /// Overwrites slots, durable when it returns. After an error it is not known which of them were, and nothing more may be
    /// written by this process.
    pub(super) fn write(&self, slots: &BTreeMap<u64, SlotBytes>) -> io::Result<()> {
        for copy in 0..2 {
            self.write_copies(slots, copy)?;
        }
        Ok(())
    }

    /// Overwrites one of the two copies of each slot, durable when it returns.
    pub(super) fn write_copies(
        &self,
        slots: &BTreeMap<u64, SlotBytes>,
        copy: u64,
    ) -> io::Result<()> {
        if slots.is_empty() {
            return Ok(());
        }
        let mut block = Box::new(Block([0; BLOCK_BYTES]));
        let mut rest = slots.iter().peekable();
        while let Some((slot, _)) = rest.peek() {
            let group = *slot / SLOTS_PER_BLOCK;
            let offset = block_at(group, copy);
            self.file.read_exact_at(&mut block.0, offset)?;
            while let Some((slot, bytes)) =
                rest.next_if(|(slot, _)| *slot / SLOTS_PER_BLOCK == group)
            {
                let within = (slot % SLOTS_PER_BLOCK) as usize * SLOT_BYTES;
                block.0[within..within + SLOT_BYTES].copy_from_slice(bytes);
            }
            self.direct.write_at(&block.0, offset)?;
        }
        if self.needs_flush { self.direct.sync_data() } else { Ok(()) }
    }

    /// Makes room for more slots. A crash leaves zeros behind the end that the next growth writes again.
    pub(super) fn grow(&mut self) -> Result<(), KeyringError> {
        let len_bytes = KEYRING_GROWTH_GROUPS * GROUP_BYTES;
        match self.file.write_zeros_at(block_at(self.groups, 0), len_bytes) {
            Err(error) if is_out_of_space(&error) => {
                return Err(KeyringError::Full { needed_bytes: len_bytes });
            }
            other => other?,
        }
        self.file.sync_all()?;
        self.groups += KEYRING_GROWTH_GROUPS;
        Ok(())
    }
}

/// Where a copy of a slot lies.
pub(super) fn slot_at(slot: u64, copy: u64) -> u64 {
    block_at(slot / SLOTS_PER_BLOCK, copy) + slot % SLOTS_PER_BLOCK * SLOT_BYTES as u64
}

/// The numbers of a group's slots.
pub(super) fn slots_of(group: u64) -> std::ops::Range<u64> {
    group * SLOTS_PER_BLOCK..(group + 1) * SLOTS_PER_BLOCK
}

/// How many groups the keyring in an open file has.
pub(super) fn check(file: &dyn DiskFile, path: &Path) -> Result<u64, KeyringError> {
    let mut header = [0; HEADER_BYTES];
    let whole = file.read_exact_at(&mut header, 0);
    if whole.is_err() || header != encode_header() {
        return Err(KeyringError::NotAKeyring { file: path.to_owned() });
    }
    Ok(file.len_bytes()?.saturating_sub(BLOCK_BYTES as u64) / GROUP_BYTES)
}

/// Where a copy of a group's block lies.
pub(super) fn block_at(group: u64, copy: u64) -> u64 {
    BLOCK_BYTES as u64 + group * GROUP_BYTES + copy * BLOCK_BYTES as u64
}

pub(super) fn encode_header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_be_bytes());
    let crc = crc32c::crc32c(&header[..12]);
    header[12..].copy_from_slice(&crc.to_be_bytes());
    header
}

/// Under a temporary name first: a file of the keyring's name always has a whole header.
fn create(disk: &dyn Disk, path: &Path) -> Result<(), KeyringError> {
    let temporary = path.with_extension("new");
    match disk.remove(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let file = disk.open(&temporary, OpenMode::CreateNew)?;
    let len_bytes = block_at(KEYRING_GROWTH_GROUPS, 0);
    let made = file.write_zeros_at(0, len_bytes).and_then(|()| file.write_at(&encode_header(), 0));
    match made {
        Err(error) if is_out_of_space(&error) => {
            return Err(KeyringError::Full { needed_bytes: len_bytes });
        }
        other => other?,
    }
    file.sync_all()?;
    disk.rename(&temporary, path)?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    Ok(disk.sync_dir(dir.unwrap_or(Path::new(".")))?)
}
