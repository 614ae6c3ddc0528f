//! The bytes of one simulated file, in shared pages: copying an image is cheap.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::BLOCK_BYTES;

type Page = [u8; BLOCK_BYTES];

/// A file's bytes; pages that were never written are zero and take nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) len_bytes: u64,
    pages: BTreeMap<u64, Arc<Page>>,
}

impl Image {
    /// Reads at most up to the end; the number of bytes read.
    pub(super) fn read(&self, buf: &mut [u8], offset: u64) -> usize {
        let available = self.len_bytes.saturating_sub(offset).min(buf.len() as u64) as usize;
        let mut done = 0;
        while done < available {
            let (page, within, piece) = place(offset + done as u64, available - done);
            let target = &mut buf[done..done + piece];
            match self.pages.get(&page) {
                Some(bytes) => target.copy_from_slice(&bytes[within..within + piece]),
                None => target.fill(0),
            }
            done += piece;
        }
        available
    }

    /// Writes and grows.
    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) {
        self.len_bytes = self.len_bytes.max(offset + bytes.len() as u64);
        let mut done = 0;
        while done < bytes.len() {
            let (page, within, piece) = place(offset + done as u64, bytes.len() - done);
            let target = self.pages.entry(page).or_insert_with(|| Arc::new([0; BLOCK_BYTES]));
            let source = &bytes[done..done + piece];
            Arc::make_mut(target)[within..within + piece].copy_from_slice(source);
            done += piece;
        }
    }

    /// Writes zeros and grows.
    pub(super) fn zero(&mut self, offset: u64, len_bytes: u64) {
        let end = offset + len_bytes;
        self.len_bytes = self.len_bytes.max(end);
        self.clear(offset, end);
    }

    /// Cuts or extends.
    pub(super) fn set_len(&mut self, len_bytes: u64) {
        if len_bytes < self.len_bytes {
            self.clear(len_bytes, self.len_bytes);
        }
        self.len_bytes = len_bytes;
    }

    /// Flips one bit, counted from the highest of the first byte.
    pub(super) fn flip(&mut self, bit: u64) {
        let mut byte = [0u8];
        if self.read(&mut byte, bit / 8) == 1 {
            byte[0] ^= 0x80 >> (bit % 8);
            self.write(&byte, bit / 8);
        }
    }

    /// Makes the range read as zero, touching only pages that exist.
    fn clear(&mut self, offset: u64, end: u64) {
        let block = BLOCK_BYTES as u64;
        let touched: Vec<u64> =
            self.pages.range(offset / block..end.div_ceil(block)).map(|(page, _)| *page).collect();
        for page in touched {
            let start = page * block;
            if offset <= start && start + block <= end {
                self.pages.remove(&page);
                continue;
            }
            let from = offset.saturating_sub(start) as usize;
            let to = (end - start).min(block) as usize;
            if let Some(bytes) = self.pages.get_mut(&page) {
                Arc::make_mut(bytes)[from..to].fill(0);
            }
        }
    }
}

/// The page of an offset, the place within it, and how much of `left` lies in that page.
fn place(offset: u64, left: usize) -> (u64, usize, usize) {
    let within = (offset % BLOCK_BYTES as u64) as usize;
    (offset / BLOCK_BYTES as u64, within, left.min(BLOCK_BYTES - within))
}
