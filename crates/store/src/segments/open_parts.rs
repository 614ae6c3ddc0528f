//! Parts that stay open for the next reader: bounded, least recently used first to go.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Part, PartMeta};
use crate::limits::{OPEN_PARTS_BYTES_MAX, OPEN_PARTS_MAX};

/// Open parts, the one used last at the back. A part that is dropped here stays open for whoever
/// still reads it.
#[derive(Default)]
pub(super) struct OpenParts {
    parts: VecDeque<Arc<Part>>,
    memory_bytes: usize,
}

impl OpenParts {
    pub(super) fn get(&mut self, meta: &PartMeta) -> Option<Arc<Part>> {
        let part = self.take(meta)?;
        self.keep(part.clone());
        Some(part)
    }

    pub(super) fn keep(&mut self, part: Arc<Part>) {
        self.forget(part.meta());
        self.memory_bytes += part.memory_bytes();
        self.parts.push_back(part);
        while self.parts.len() > OPEN_PARTS_MAX || self.memory_bytes > OPEN_PARTS_BYTES_MAX {
            let Some(oldest) = self.parts.pop_front() else { break };
            self.memory_bytes -= oldest.memory_bytes();
        }
    }

    pub(super) fn forget(&mut self, meta: &PartMeta) {
        // Whoever holds the part may go on reading it.
        drop(self.take(meta));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.parts.len()
    }

    fn take(&mut self, meta: &PartMeta) -> Option<Arc<Part>> {
        let at = self.parts.iter().position(|part| part.meta() == meta)?;
        let part = self.parts.remove(at)?;
        self.memory_bytes -= part.memory_bytes();
        Some(part)
    }
}
