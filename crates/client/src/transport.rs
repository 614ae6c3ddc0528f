//! Requests over HTTP: one agent, bounded repetition, refusals as errors.

use std::time::Duration;

use append::{Code, Refusal};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use ureq::http::{HeaderValue, Response, StatusCode};
use ureq::tls::{ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use crate::ClientError;
use crate::limits::{
    ANSWER_BYTES_MAX, ANSWER_TIMEOUT, CONNECT_TIMEOUT, PROBLEM_BYTES_MAX, READ_TIMEOUT,
    RETRIES_MAX, RETRY_AFTER_S_MAX, RETRY_PAUSE_MS,
};
use crate::problem;

/// How a client meets a server over TLS; all of it in PEM form.
#[derive(Clone, Copy, Default)]
pub struct ClientTls<'a> {
    /// The server's certificate has to be one of these, or signed by one; without them those of the web count.
    pub roots: Option<&'a [u8]>,
    /// The chain of certificates that the client shows, its own first, and its private key.
    pub own: Option<(&'a [u8], &'a [u8])>,
}

/// One server, as the client reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    agent: Agent,
    /// Without a slash at its end.
    url: String,
    authorization: Option<String>,
}

/// What is asked.
pub(crate) struct Request<'a> {
    /// Path and query, with the slash at its start.
    pub(crate) path: String,
    /// Media type and bytes of a POST; a GET has none.
    pub(crate) body: Option<(&'a str, &'a [u8])>,
    /// Headers of a POST beside its media type and who sends it.
    pub(crate) headers: &'a [(&'static str, HeaderValue)],
    /// Whether sending it twice does no more than sending it once.
    pub(crate) repeatable: bool,
}

/// A good answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Request<'_> {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Request { path: path.into(), body: None, headers: &[], repeatable: true }
    }

    /// How errors name it.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", if self.body.is_some() { "POST" } else { "GET" }, self.path)
    }
}

impl Transport {
    pub(crate) fn new(
        url: &str,
        token: Option<&str>,
        tls: &ClientTls<'_>,
    ) -> Result<Transport, ClientError> {
        let host = host_of(url)?;
        let mut own_tls = TlsConfig::builder();
        if let Some(pem) = tls.roots {
            own_tls = own_tls.root_certs(roots(url, pem)?);
        }
        if let Some((chain, key)) = tls.own {
            own_tls = own_tls.client_cert(Some(own_certificate(url, chain, key)?));
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .tls_config(own_tls.build())
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("graven/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT));
        if is_loopback(host) {
            config = config.proxy(None);
        }
        Ok(Transport {
            agent: config.build().new_agent(),
            url: url.trim_end_matches('/').to_owned(),
            authorization: token.map(|token| format!("Bearer {token}")),
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends the request, again where that is safe and may help, and reads the answer whole.
    pub(crate) fn send(&self, request: &Request) -> Result<Answer, ClientError> {
        let mut answer = self.open(request)?;
        let status = answer.status();
        let body = self.read(&mut answer, ANSWER_BYTES_MAX)?;
        Ok(Answer { status, body })
    }

    /// The same, without reading the answer's body.
    pub(crate) fn open(&self, request: &Request) -> Result<Response<Body>, ClientError> {
        for attempt in 0..RETRIES_MAX {
            match self.open_once(request) {
                Err(error) => match pause_before_repeat(request, &error, attempt) {
                    Some(pause) => std::thread::sleep(pause),
                    None => return Err(error),
                },
                good => return good,
            }
        }
        self.open_once(request)
    }

    fn open_once(&self, request: &Request) -> Result<Response<Body>, ClientError> {
        let url = format!("{}{}", self.url, request.path);
        let sent = match request.body {
            None => {
                let mut get = self.agent.get(&url);
                if let Some(authorization) = &self.authorization {
                    get = get.header("authorization", authorization);
                }
                get.call()
            }
            Some((media_type, bytes)) => {
                let mut post = self.agent.post(&url).header("content-type", media_type);
                if let Some(authorization) = &self.authorization {
                    post = post.header("authorization", authorization);
                }
                for (name, value) in request.headers {
                    post = post.header(*name, value.clone());
                }
                post.send(bytes)
            }
        };
        let mut answer = sent.map_err(|source| ClientError::Unreachable {
            url: self.url.clone(),
            source: Box::new(source),
        })?;
        if answer.status().is_success() {
            Ok(answer)
        } else {
            Err(self.refused(request, &mut answer))
        }
    }

    fn refused(&self, request: &Request, answer: &mut Response<Body>) -> ClientError {
        let body = match self.read(answer, PROBLEM_BYTES_MAX) {
            Ok(body) => body,
            Err(error) => return error,
        };
        let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
        match problem::parse(answer.status().as_u16(), retry_after, &body) {
            Ok(refusal) => ClientError::Refused(refusal),
            Err(why) => ClientError::Unexpected { request: request.name(), why },
        }
    }

    fn read(&self, answer: &mut Response<Body>, limit_bytes: u64) -> Result<Vec<u8>, ClientError> {
        let body = answer.body_mut().with_config().limit(limit_bytes);
        body.read_to_vec().map_err(|error| ClientError::BrokenOff {
            url: self.url.clone(),
            source: error.into_io(),
        })
    }
}

/// The certificates that are trusted, instead of those of the web.
fn roots(url: &str, pem: &[u8]) -> Result<RootCerts, ClientError> {
    let bad = || ClientError::BadUrl {
        url: url.to_owned(),
        why: "the certificates to trust it by are not PEM",
    };
    let mut certificates = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|_| bad())? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() { Err(bad()) } else { Ok(RootCerts::from(certificates)) }
}

/// The certificate that the client shows. What does not fit together is found here: the transport takes it for granted.
fn own_certificate(url: &str, chain: &[u8], key: &[u8]) -> Result<ClientCert, ClientError> {
    let bad = |why: &str| ClientError::BadCertificate { why: why.to_owned() };
    if !url.starts_with("https://") {
        return Err(bad("it is shown over https:// alone"));
    }
    let certificates = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|_| bad("its file is not PEM"))?;
    let secret = PrivateKeyDer::from_pem_slice(key);
    let secret =
        secret.map_err(|_| bad("there is no private key in PEM form in the key's file"))?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(certificates, secret, &provider)
        .map_err(|error| bad(&error.to_string()))?;
    let certificates = parse_pem(chain).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let key = PrivateKey::from_pem(key).map_err(|error| bad(&error.to_string()))?;
    Ok(ClientCert::new_with_certs(&certificates.collect::<Vec<_>>(), key))
}

/// How long to wait before sending again; `None` where that is not safe or does not help.
fn pause_before_repeat(request: &Request, error: &ClientError, attempt: u32) -> Option<Duration> {
    let backoff = Duration::from_millis(RETRY_PAUSE_MS << attempt);
    match error {
        ClientError::Unreachable { source, .. } => {
            (request.repeatable || was_never_sent(source)).then_some(backoff)
        }
        ClientError::Refused(refusal) => pause_of_refusal(request, refusal, backoff),
        _ => None,
    }
}

/// `busy` says that nothing was written; `unavailable` leaves it open.
fn pause_of_refusal(request: &Request, refusal: &Refusal, backoff: Duration) -> Option<Duration> {
    let may_help = match refusal.code {
        Code::Busy => true,
        Code::Unavailable => request.repeatable && refusal.retry_after_s.is_some(),
        _ => false,
    };
    let wait_s = refusal.retry_after_s.unwrap_or(0);
    let may_wait = wait_s <= RETRY_AFTER_S_MAX;
    (may_help && may_wait).then(|| backoff.max(Duration::from_secs(u64::from(wait_s))))
}

/// Whether the connection did not even come about.
fn was_never_sent(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => true,
        ureq::Error::Timeout(timeout) => {
            matches!(timeout, ureq::Timeout::Connect | ureq::Timeout::Resolve)
        }
        _ => false,
    }
}

/// The host of an `http` or `https` URL, without its port.
fn host_of(url: &str) -> Result<&str, ClientError> {
    let bad = |why| ClientError::BadUrl { url: url.to_owned(), why };
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))
        .ok_or_else(|| bad("it starts with neither http:// nor https://"))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(bad("it holds a user name; give the token by GRAVEN_TOKEN"));
    }
    if rest.contains(['?', '#']) {
        return Err(bad("it holds a query or a fragment; give scheme, host, port and path"));
    }
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    if host.is_empty() { Err(bad("it names no host")) } else { Ok(host) }
}

/// Whether requests to the host stay on this machine; such never go through a proxy.
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
