//! One connection: HTTP/1.1 with keep-alive or HTTP/2 without TLS, until it ends or the server stops.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use append::{Code, Refusal};
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tower::Service as _;

use crate::limits::{
    CONNECTION_BUFFER_BYTES_MAX, H2_STREAMS_MAX, HEADER_BYTES_PARSED_MAX, ServerLimits,
};
use crate::peer::Peer;
use crate::problem;
use crate::shared::Shared;
use crate::tls::ClientCertificate;
use crate::wire::{Protocol, Stream, Wire};

/// How often an HTTP/2 client is asked whether it is still there, and for how long to wait.
const H2_PING: Duration = Duration::from_secs(20);
/// Time for a client that is sent away to take its answer.
const REFUSAL_LIMIT: Duration = Duration::from_secs(1);

/// The protocol and the bytes of a connection, and what the client proved itself with.
type Opened = (Option<(Protocol, Wire<Box<dyn Stream>>)>, Option<Arc<ClientCertificate>>);

/// What answers the requests of one connection.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) router: Router,
    pub(crate) peer: Peer,
}

impl Service {
    fn call(
        &self,
        mut request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response, Infallible>> + use<> {
        request.extensions_mut().insert(self.peer.clone());
        self.router.clone().call(request)
    }
}

/// Serves all requests of one connection.
pub(crate) async fn serve(
    stream: TcpStream,
    mut service: Service,
    shared: &Shared,
    mut stopping: watch::Receiver<bool>,
) {
    let limits = &shared.limits;
    // Answers are small and whole: they are not to wait for more. Without it they are only slower.
    drop(stream.set_nodelay(true));
    let opened = tokio::select! {
        opened = timeout(limits.header_read, open(stream, shared)) => opened,
        _ = stopping.wait_for(|stops| *stops) => return,
    };
    let Ok(Ok((Some((protocol, wire)), certificate))) = opened else {
        return;
    };
    service.peer.certificate = certificate;
    let ended = match protocol {
        Protocol::Http1 => serve_http1(wire, service, limits, stopping).await,
        Protocol::Http2 => serve_http2(wire, service, stopping).await,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// The handshake where there is one, and as many bytes as tell which HTTP the client speaks.
async fn open(stream: TcpStream, shared: &Shared) -> io::Result<Opened> {
    let (stream, certificate): (Box<dyn Stream>, _) = match &shared.tls {
        Some(tls) => {
            let (stream, certificate) = tls.accept(stream).await?;
            (Box::new(stream), certificate)
        }
        None => (Box::new(stream), None),
    };
    Ok((Wire::open(stream, shared.limits.write_stall).await?, certificate))
}

/// Tells a client that there are too many, without serving it.
pub(crate) async fn refuse(mut stream: TcpStream, connections_max: usize) {
    let detail = format!("the server holds {connections_max} connections already; try again");
    let refusal = Refusal::new(Code::Busy, detail);
    let status = problem::status(refusal.code);
    let body = problem::document(&refusal, status);
    let mut answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {}\r\ncontent-length: {}\r\nretry-after: 1\r\n\
         connection: close\r\n\r\n",
        problem::PROBLEM_JSON,
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(&body);
    let farewell = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await?;
        // Closing with unread bytes would reset the connection and the answer with it.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<(), io::Error>(())
    };
    // A client that does not take its answer in time has had its chance.
    drop(timeout(REFUSAL_LIMIT, farewell).await);
}

async fn serve_http1(
    wire: Wire<Box<dyn Stream>>,
    service: Service,
    limits: &ServerLimits,
    mut stopping: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| service.call(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_header_size(HEADER_BYTES_PARSED_MAX)
        // Left alone it grows to 400 KiB on every connection that sends bodies.
        .max_buf_size(CONNECTION_BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(wire), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = stopping.wait_for(|stops| *stops) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

async fn serve_http2(
    wire: Wire<Box<dyn Stream>>,
    service: Service,
    mut stopping: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| service.call(request));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_PARSED_MAX as u32)
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PING)
        .serve_connection(TokioIo::new(wire), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = stopping.wait_for(|stops| *stops) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
