//! TLS: a certificate and its key as rustls wants them, and the clients' own certificates.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use access::CertificateName;
use graven_entry::Time;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use webpki::EndEntityCert;

use crate::limits::{CERTIFICATE_NAMES_MAX, CERTIFICATE_RECHECK_NS};

/// A certificate with its key, ready to serve TLS 1.2 and 1.3 with it.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    /// The same, for PostgreSQL's protocol.
    #[cfg(feature = "sql")]
    pg_acceptor: TlsAcceptor,
    /// Judges clients' certificates, where they are asked for any.
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

/// The certificate that a client proved itself with, for as long as its connection lasts.
pub(crate) struct ClientCertificate {
    /// Its subject alternative names, the first [`CERTIFICATE_NAMES_MAX`] of them.
    pub(crate) names: Vec<CertificateName>,
    /// The client's own first.
    chain: Vec<CertificateDer<'static>>,
    judge: Arc<dyn ClientCertVerifier>,
    /// When the chain was last good, by the gate's clock; 0 is never.
    good_ns: AtomicU64,
}

/// Why a certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No PEM of the kind.
    #[error("no {what} in PEM form")]
    Pem {
        /// What was looked for.
        what: &'static str,
        /// What was found.
        source: pem::Error,
    },
    /// They do not fit together, or are of a kind that is not known.
    #[error("the certificate and its key are not usable together")]
    Unusable(#[source] rustls::Error),
    /// Nothing that a client's certificate could chain to.
    #[error("the certificates that clients' own should chain to are not usable")]
    Clients(#[source] VerifierBuilderError),
}

impl Tls {
    /// Takes a chain of certificates, the server's own first, and its private key; and, where clients may prove themselves
    /// with certificates, those that theirs have to chain to. All as PEM.
    pub fn from_pem(chain: &[u8], key: &[u8], clients: Option<&[u8]>) -> Result<Tls, TlsError> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|source| TlsError::Pem { what: "private key", source })?;
        let clients = clients.map(judge).transpose()?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?;
        let config = match &clients {
            Some(judge) => config.with_client_cert_verifier(Arc::clone(judge)),
            None => config.with_no_client_auth(),
        };
        let config = config.with_single_cert(chain, key).map_err(TlsError::Unusable)?;
        Ok(Tls {
            acceptor: acceptor(&config, &[b"h2", b"http/1.1"]),
            #[cfg(feature = "sql")]
            pg_acceptor: acceptor(&config, &[b"postgresql"]),
            clients,
        })
    }

    /// The handshake, and the certificate that the client proved itself with. The caller limits its time.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Option<Arc<ClientCertificate>>)> {
        let stream = self.acceptor.accept(stream).await?;
        let certificate = self.certificate(&stream);
        Ok((stream, certificate))
    }

    /// The same, for PostgreSQL's protocol.
    #[cfg(feature = "sql")]
    pub(crate) async fn accept_pg(
        &self,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Option<Arc<ClientCertificate>>)> {
        let stream = self.pg_acceptor.accept(stream).await?;
        let certificate = self.certificate(&stream);
        Ok((stream, certificate))
    }

    fn certificate(&self, stream: &TlsStream<TcpStream>) -> Option<Arc<ClientCertificate>> {
        let (_, session) = stream.get_ref();
        let chain = session.peer_certificates().unwrap_or_default();
        let judge = Arc::clone(self.clients.as_ref()?);
        let names = names(chain.first()?);
        let chain = chain.iter().cloned().map(CertificateDer::into_owned).collect();
        Some(Arc::new(ClientCertificate { names, chain, judge, good_ns: AtomicU64::new(0) }))
    }
}

impl ClientCertificate {
    /// Whether the chain is good at this time, to the minute. The handshake has judged it before; but a connection may outlive
    /// its certificate, and one that resumes a session brings the certificate of then.
    pub(crate) fn is_good(&self, now: Time) -> bool {
        let now_ns = now.unix_ns();
        let good_ns = self.good_ns.load(Ordering::Relaxed);
        if good_ns != 0 && now_ns.abs_diff(good_ns) < CERTIFICATE_RECHECK_NS {
            return true;
        }
        let Some((own, intermediates)) = self.chain.split_first() else { return false };
        let now = UnixTime::since_unix_epoch(Duration::from_nanos(now_ns));
        let is_good = self.judge.verify_client_cert(own, intermediates, now).is_ok();
        if is_good {
            self.good_ns.store(now_ns, Ordering::Relaxed);
        }
        is_good
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// Makes handshakes for these protocols.
fn acceptor(config: &ServerConfig, protocols: &[&[u8]]) -> TlsAcceptor {
    let mut config = config.clone();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// What judges clients' certificates. Who brings none is served too: a token may be its credential.
fn judge(roots: &[u8]) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut store = RootCertStore::empty();
    for root in certificates(roots)? {
        store.add(root).map_err(TlsError::Unusable)?;
    }
    let provider = Arc::new(default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider);
    builder.allow_unauthenticated().build().map_err(TlsError::Clients)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    found.map_err(|source| TlsError::Pem { what: "certificate", source })
}

/// The names in a certificate that could be a principal's; a wildcard is none.
fn names(certificate: &CertificateDer<'_>) -> Vec<CertificateName> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Vec::new() };
    let uris = certificate.valid_uri_names().filter_map(CertificateName::uri);
    let names = uris.chain(certificate.valid_dns_names().filter_map(CertificateName::dns));
    names.take(CERTIFICATE_NAMES_MAX).collect()
}
