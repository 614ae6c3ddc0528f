//! Space put aside for when the disk is full: what the server gives up to go on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use env::{Disk, OpenMode, is_out_of_space};

use crate::StoreError;

const NAME: &str = "reserve";

/// A preallocated file that holds space until it is needed.
pub struct Reserve {
    disk: Arc<dyn Disk>,
    data_dir: PathBuf,
    size_bytes: u64,
    held: bool,
}

impl Reserve {
    /// Takes `size_bytes` (default [`crate::limits::RESERVE_BYTES_DEFAULT`]), unless an earlier start
    /// did. Where there is no room the reserve is not held and the server starts all the same.
    pub fn open(
        disk: Arc<dyn Disk>,
        data_dir: &Path,
        size_bytes: u64,
    ) -> Result<Reserve, StoreError> {
        let mut reserve = Reserve { disk, data_dir: data_dir.to_owned(), size_bytes, held: false };
        reserve.held = reserve.len_bytes()? == Some(size_bytes);
        reserve.refill()?;
        Ok(reserve)
    }

    /// The space is put aside.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// Bytes that are free on the disk, the reserve not counted.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        self.disk.free_bytes(&self.data_dir).map_err(StoreError::Io)
    }

    /// Gives the space back to the disk; whether there was any.
    pub fn give_up(&mut self) -> Result<bool, StoreError> {
        if !std::mem::take(&mut self.held) {
            return Ok(false);
        }
        self.remove()?;
        Ok(true)
    }

    /// Takes the space again; whether it is held now. A full disk is no error.
    pub fn refill(&mut self) -> Result<bool, StoreError> {
        if self.held {
            return Ok(true);
        }
        // Of another size, or half-made by a start that did not get on.
        if self.len_bytes()?.is_some() {
            self.remove()?;
        }
        let allocated = self
            .disk
            .open(&self.path(), OpenMode::CreateNew)
            .and_then(|file| file.allocate(self.size_bytes));
        match allocated {
            Ok(()) => self.held = true,
            Err(e) if is_out_of_space(&e) => {
                if self.len_bytes()?.is_some() {
                    self.remove()?;
                }
            }
            Err(e) => return Err(StoreError::Io(e)),
        }
        Ok(self.held)
    }

    fn remove(&self) -> Result<(), StoreError> {
        self.disk.remove(&self.path()).map_err(StoreError::Io)?;
        self.disk.sync_dir(&self.data_dir).map_err(StoreError::Io)
    }

    fn len_bytes(&self) -> Result<Option<u64>, StoreError> {
        match self.disk.open(&self.path(), OpenMode::Read) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.and_then(|file| file.len_bytes()).map(Some).map_err(StoreError::Io),
        }
    }

    fn path(&self) -> PathBuf {
        self.data_dir.join(NAME)
    }
}

#[cfg(test)]
mod tests;
