//! A build without SQL: nobody speaks PostgreSQL's protocol with it.

use std::future::Ready;
use std::sync::Arc;

use tokio::net::TcpStream;

use crate::connection::Service;
use crate::lakes::Lakes;
use crate::shared::Shared;

/// Is never called: there are no lakes.
pub(crate) fn serve(
    _stream: TcpStream,
    _service: Service,
    lakes: Arc<Lakes>,
    _shared: &Shared,
) -> Ready<()> {
    match *lakes {}
}
