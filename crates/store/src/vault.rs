//! Vault objects: ciphertexts of sealed values, one file each, so that they can be erased.
//!
//! `vault/<log>/<name>`, directories 0700, files 0600. Bytes 0..8 magic `GRVNVALT`, 8..12 version 1,
//! 12..20 length, 20..24 CRC32C of bytes 0..20, of the name and of the object, then the object. The
//! name is covered, so that one object cannot stand in another's place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use env::Disk;

use crate::StoreError;
use crate::directory::{TEMPORARY_PREFIX, create_dir_durably, read_whole, write_durably};
use crate::limits::VAULT_OBJECT_BYTES_MAX;
use crate::local::field;
use crate::object_name::{check_file_name, check_log_name};
use crate::segments::list_dir;

const MAGIC: [u8; 8] = *b"GRVNVALT";
const VERSION: u32 = 1;
const CHECKED_BYTES: usize = 20;
const FRAME_BYTES: usize = 24;

/// The vault objects of every log of a data directory.
#[derive(Clone)]
pub struct VaultStore {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl VaultStore {
    /// The vault of a data directory.
    pub fn new(disk: Arc<dyn Disk>, data_dir: &Path) -> Self {
        VaultStore { disk, dir: data_dir.join("vault") }
    }

    /// Writes an object durably, replacing what was there.
    pub fn write_vault(&self, log: &str, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let dir = self.log_dir(log)?;
        check_file_name(name)?;
        if bytes.len() > VAULT_OBJECT_BYTES_MAX {
            let what = format!("vault object {name}");
            return Err(StoreError::Invalid { what, why: "is over 64 MiB" });
        }
        create_dir_durably(&*self.disk, &self.dir).map_err(StoreError::Io)?;
        create_dir_durably(&*self.disk, &dir).map_err(StoreError::Io)?;
        write_durably(&*self.disk, &dir, name, &encode(name, bytes))
    }

    /// Reads an object; `None` where there is none.
    pub fn read_vault(&self, log: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_file_name(name)?;
        let path = self.log_dir(log)?.join(name);
        match read_whole(&*self.disk, &path, VAULT_OBJECT_BYTES_MAX + FRAME_BYTES)? {
            Some(bytes) => decode(&path, name, &bytes).map(Some),
            None => Ok(None),
        }
    }

    /// The names of a log's objects, sorted.
    pub fn list_vault(&self, log: &str) -> Result<Vec<String>, StoreError> {
        let names = list_dir(&*self.disk, &self.log_dir(log)?)?.into_iter().map(|e| e.name);
        Ok(names.filter(|name| !name.starts_with(TEMPORARY_PREFIX)).collect())
    }

    /// Removes an object, durably. What the device keeps of its blocks is not overwritten: that its
    /// key is destroyed is what erases it.
    pub fn remove_vault(&self, log: &str, name: &str) -> Result<(), StoreError> {
        check_file_name(name)?;
        let dir = self.log_dir(log)?;
        let path = dir.join(name);
        match self.disk.remove(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(StoreError::NotFound { file: path });
            }
            other => other.map_err(StoreError::Io)?,
        }
        self.disk.sync_dir(&dir).map_err(StoreError::Io)
    }

    /// Removes what a crash left of unfinished writes.
    pub fn tidy_vault(&self, log: &str) -> Result<(), StoreError> {
        let dir = self.log_dir(log)?;
        for entry in list_dir(&*self.disk, &dir)? {
            if entry.name.starts_with(TEMPORARY_PREFIX) {
                self.disk.remove(&dir.join(&entry.name)).map_err(StoreError::Io)?;
            }
        }
        Ok(())
    }

    fn log_dir(&self, log: &str) -> Result<PathBuf, StoreError> {
        check_log_name(log)?;
        Ok(self.dir.join(log))
    }
}

pub(crate) fn encode(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(FRAME_BYTES + bytes.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    let crc = checksum(&out, name, bytes);
    out.extend_from_slice(&crc.to_be_bytes());
    out.extend_from_slice(bytes);
    out
}

pub(crate) fn decode(path: &Path, name: &str, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let corrupt = |why: String| StoreError::Corrupt { file: path.to_owned(), offset_bytes: 0, why };
    let Some((frame, object)) = bytes.split_at_checked(FRAME_BYTES) else {
        return Err(corrupt("the object is shorter than its frame".into()));
    };
    let crc = checksum(&frame[..CHECKED_BYTES], name, object);
    let len_bytes = u64::from_be_bytes(field(frame, 12));
    if frame[..8] != MAGIC || frame[20..24] != crc.to_be_bytes() || len_bytes != object.len() as u64
    {
        return Err(corrupt("the object does not match its checksum".into()));
    }
    match u32::from_be_bytes(field(frame, 8)) {
        VERSION => Ok(object.to_vec()),
        other => Err(corrupt(format!("the object has format version {other}"))),
    }
}

fn checksum(frame: &[u8], name: &str, object: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(crc32c::crc32c(frame), name.as_bytes());
    crc32c::crc32c_append(crc, object)
}

#[cfg(test)]
mod tests;
