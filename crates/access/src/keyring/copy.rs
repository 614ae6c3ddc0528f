//! A copy of a keyring that may be in use: what a server overwrites meanwhile comes whole, as it was or as it is.
//!
//! It needs no master key, and holds every key that was not destroyed when its slot was read.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use env::{BLOCK_BYTES, Disk, DiskFile, OpenMode, is_out_of_space};

use super::slot::Facts;
use super::slot_file::{self, SlotBytes, block_at};
use super::{KeyringCounts, KeyringError, corrupt, judge};
use crate::sealed_limits::KEYRING_COPY_READS_MAX;

pub(super) type BlockBytes = [u8; BLOCK_BYTES];
/// A block of slots, and what each says.
pub(super) type Group = (BlockBytes, Vec<Option<Facts>>);

/// Copies the keyring at `from` to `to`, which must not exist, mode 0600, and says how many keys it holds. Both copies of each slot are
/// written; a crash leaves a file that is not whole.
pub fn copy_keyring(
    disk: &dyn Disk,
    from: &Path,
    to: &Path,
) -> Result<KeyringCounts, KeyringError> {
    let source = disk.open(from, OpenMode::Read)?;
    let groups = slot_file::check(&*source, from)?;
    let target = disk.open(to, OpenMode::CreateNew)?;
    match copy_groups(&*source, groups, &*target, from) {
        Err(KeyringError::Io(error)) if is_out_of_space(&error) => {
            let needed_bytes = block_at(groups, 0);
            Err(KeyringError::Full { needed_bytes })
        }
        other => other,
    }
}

/// Whether a file is a keyring that this version knows.
pub fn is_keyring(disk: &dyn Disk, path: &Path) -> bool {
    let file = disk.open(path, OpenMode::Read);
    file.is_ok_and(|file| slot_file::check(&*file, path).is_ok())
}

fn copy_groups(
    source: &dyn DiskFile,
    groups: u64,
    target: &dyn DiskFile,
    path: &Path,
) -> Result<KeyringCounts, KeyringError> {
    let mut counts = KeyringCounts::default();
    target.write_zeros_at(0, block_at(0, 0))?;
    target.write_at(&slot_file::encode_header(), 0)?;
    for group in 0..groups {
        let read =
            |copy, block: &mut BlockBytes| source.read_exact_at(block, block_at(group, copy));
        let (block, facts) = read_group(group, path, read)?;
        for facts in facts {
            counts.add(facts);
        }
        for copy in 0..2 {
            target.write_at(&block, block_at(group, copy))?;
        }
    }
    target.sync_all()?;
    Ok(counts)
}

/// The slots of a group. A server writes the first copies durably before the second, and either may be caught half-written: both
/// only where it wrote them one after the other while they were read, so then they are read again.
pub(super) fn read_group(
    group: u64,
    path: &Path,
    mut read: impl FnMut(u64, &mut BlockBytes) -> io::Result<()>,
) -> Result<Group, KeyringError> {
    let mut attempt = 1;
    loop {
        let mut blocks = [[0; BLOCK_BYTES]; 2];
        for (block, copy) in blocks.iter_mut().zip(0..) {
            read(copy, block)?;
        }
        match settle(group, &blocks) {
            Ok(group) => return Ok(group),
            Err((slot, why)) if attempt == KEYRING_COPY_READS_MAX => {
                return Err(corrupt(path, slot, why));
            }
            Err(_) => attempt += 1,
        }
    }
}

/// What counts of two copies of a block, or the slot of which neither does.
fn settle(group: u64, blocks: &[BlockBytes; 2]) -> Result<Group, (u64, &'static str)> {
    let (mut block, mut all_facts) = (blocks[0], Vec::new());
    let [first, second] = blocks.each_ref().map(|block| block.as_chunks().0);
    for (number, (place, copies)) in slot_file::slots_of(group)
        .zip(block.as_chunks_mut().0.iter_mut().zip(first.iter().zip(second)))
    {
        let mut stale: [BTreeMap<u64, SlotBytes>; 2] = Default::default();
        let facts = judge(number, [copies.0, copies.1], &mut stale).map_err(|why| (number, why))?;
        if let Some(newer) = stale[0].get(&number) {
            *place = *newer;
        }
        all_facts.push(facts);
    }
    Ok((block, all_facts))
}
