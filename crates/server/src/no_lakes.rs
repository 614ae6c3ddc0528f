//! A build without SQL: there are no columns.

use std::future::Ready;
use std::path::Path;
use std::sync::Arc;

use access::Slice;
use append::Refusal;
use graven_merkle::{LeafIndex, TreeSize};
use log::LogHandle;
use tokio::net::TcpStream;

use crate::connection::Service;
use crate::shared::Shared;

/// None is ever made.
#[derive(Debug)]
pub enum Lakes {}

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

    pub(crate) fn query(
        &self,
        _shared: &Shared,
        _log: &str,
        _text: String,
        _slice: Slice,
        _wait: Option<LeafIndex>,
    ) -> Ready<Result<(u64, Vec<u8>), Refusal>> {
        match *self {}
    }

    pub(crate) fn serve_pg(
        self: Arc<Self>,
        _stream: TcpStream,
        _service: Service,
        _shared: &Shared,
    ) -> Ready<()> {
        match *self {}
    }

    pub(crate) fn stop(&self) {
        match *self {}
    }
}
