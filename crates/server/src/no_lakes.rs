//! A build without SQL: there are no columns.

use std::future::Ready;
use std::path::Path;
use std::time::Duration;

use access::Slice;
use append::Refusal;
use graven_merkle::{LeafIndex, TreeSize};
use log::LogHandle;

/// None is ever made.
#[derive(Debug)]
pub enum Lakes {}

/// Nor is this.
pub(crate) enum Opened {}

impl Lakes {
    /// Nothing: this build was made without the feature `sql`.
    pub fn start(_derived: &Path) -> std::io::Result<Option<Lakes>> {
        Ok(None)
    }

    pub(crate) fn follow(&self, _log: &LogHandle) {
        match *self {}
    }

    pub(crate) fn through(&self) -> Vec<(String, TreeSize)> {
        match *self {}
    }

    pub(crate) fn open(
        &self,
        _log: &str,
        _wait: Option<LeafIndex>,
        _time: Duration,
    ) -> Ready<Result<Opened, Refusal>> {
        match *self {}
    }

    pub(crate) fn stop(&self) {
        match *self {}
    }
}

impl Opened {
    pub(crate) fn query(&self, _text: &str, _slice: Slice) -> Result<(u64, Vec<u8>), Refusal> {
        match *self {}
    }
}
