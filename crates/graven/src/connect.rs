//! From settings to a client: which server, which token, which keys are trusted.

use std::path::{Path, PathBuf};

use client::{Client, ClientTls, LogKeys};
use zeroize::Zeroizing;

use crate::certificate::CERTIFICATE_FILE;
use crate::context::Context;
use crate::failure::Failure;
use crate::files;

/// Bytes of a small text file: a token, an address, a list of keys.
const SMALL_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A client for one log of one server.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// The log's name.
    pub(crate) log: String,
    /// Whose word the keys are that answers are checked with.
    pub(crate) keys_from: KeysFrom,
}

/// Where the keys come from that evidence is checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeysFrom {
    /// The user gave them.
    Given,
    /// The data directory of the server holds them.
    DataDirectory,
    /// Nobody gave any: what is checked is checked against what the target says of itself.
    Target,
}

/// A client of the server of the settings.
pub(crate) fn client(context: &Context) -> Result<Client, Failure> {
    let (url, own) = server_url(context)?;
    let token = token(context, own)?;
    open(context, &url, token.as_deref(), own)
}

/// A client that trusts the certificates of `--tls-ca`, or the one that the data directory's own server made for itself, and
/// shows that of `--client-cert`.
fn open(
    context: &Context,
    url: &str,
    token: Option<&str>,
    is_own_server: bool,
) -> Result<Client, Failure> {
    let settings = &context.settings;
    let own = settings.path("data").join(CERTIFICATE_FILE);
    let roots = match settings.given_path("tls_ca") {
        Some(path) => Some(files::read(&path, SMALL_FILE_BYTES_MAX)?),
        None if is_own_server => files::read_if_there(&own, SMALL_FILE_BYTES_MAX)?,
        None => None,
    };
    let read = |path: PathBuf| files::read(&path, SMALL_FILE_BYTES_MAX);
    let certificate = settings.given_path("client_cert").map(read).transpose()?;
    let key = settings.given_path("client_key").map(read).transpose()?.map(Zeroizing::new);
    let own = match (&certificate, &key) {
        (Some(certificate), Some(key)) => Some((certificate.as_slice(), key.as_slice())),
        (None, None) => None,
        _ => {
            let why = "--client-cert and --client-key are of use only together";
            return Err(Failure::usage(why));
        }
    };
    Ok(Client::with_tls(url, token, &ClientTls { roots: roots.as_deref(), own })?)
}

/// A client of the server at `url`, which the user named; the admin token goes there only if it is the data
/// directory's own.
pub(crate) fn client_of(context: &Context, url: &str) -> Result<Client, Failure> {
    let in_data = read_line(&context.settings.path("data").join("server.url"))?;
    let own = in_data.is_some_and(|own| same_url(&own, url));
    open(context, url, token(context, own)?.as_deref(), own)
}

/// A client for the log of the settings, which trusts the keys that the settings or the data directory give.
pub(crate) fn log(context: &Context) -> Result<Connection, Failure> {
    let (url, own) = server_url(context)?;
    let mut client = open(context, &url, token(context, own)?.as_deref(), own)?;
    let log = context.settings.text("log").to_owned();
    let (keys, keys_from) = match given_keys(context)? {
        Some(keys) => (Some(keys), KeysFrom::Given),
        None if own => match keys_in(&context.settings.path("data"), &log)? {
            Some(keys) => (Some(keys), KeysFrom::DataDirectory),
            None => (None, KeysFrom::Target),
        },
        None => (None, KeysFrom::Target),
    };
    if let Some(keys) = keys {
        client.trust(&log, keys);
    }
    Ok(Connection { client, log, keys_from })
}

/// The keys of `--vkey`: a verifier key, or a file of them.
pub(crate) fn given_keys(context: &Context) -> Result<Option<LogKeys>, Failure> {
    let Some(text) = context.settings.given("vkey") else {
        return Ok(None);
    };
    let path = Path::new(text);
    let keys = match files::read_if_there(path, SMALL_FILE_BYTES_MAX) {
        Ok(Some(bytes)) => LogKeys::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|why| format!("{}: {why}", path.display())),
        _ => LogKeys::parse(text).map_err(|why| {
            format!("`{text}` is neither a file that can be read nor a verifier key: {why}")
        }),
    };
    keys.map(Some).map_err(Failure::usage)
}

/// All keys ever of a log, in a data directory.
pub(crate) fn keys_in(data: &Path, log: &str) -> Result<Option<LogKeys>, Failure> {
    let path = data.join("logs").join(log).join("vkeys");
    let Some(bytes) = files::read_if_there(&path, SMALL_FILE_BYTES_MAX)? else {
        return Ok(None);
    };
    let keys = LogKeys::parse(&String::from_utf8_lossy(&bytes));
    keys.map(Some).map_err(|why| Failure::bad(format!("{}: {why}", path.display())))
}

/// The server's URL, and whether it is the one that runs on the data directory of the settings.
fn server_url(context: &Context) -> Result<(String, bool), Failure> {
    let in_data = read_line(&context.settings.path("data").join("server.url"))?;
    Ok(match (context.settings.given("url"), in_data) {
        (Some(given), in_data) => {
            let own = in_data.is_some_and(|url| same_url(&url, given));
            (given.to_owned(), own)
        }
        (None, Some(in_data)) => (in_data, true),
        (None, None) => (context.settings.text("url").to_owned(), false),
    })
}

/// The token of the settings; the admin token of the data directory goes to its own server only, and not where a certificate is
/// to say who asks.
fn token(context: &Context, is_own_server: bool) -> Result<Option<String>, Failure> {
    match context.settings.given("token") {
        Some(token) => Ok(Some(token.trim().to_owned())),
        None if is_own_server && context.settings.given("client_cert").is_none() => {
            read_line(&context.settings.path("data").join("admin.token"))
        }
        None => Ok(None),
    }
}

fn same_url(a: &str, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
}

fn read_line(path: &Path) -> Result<Option<String>, Failure> {
    let bytes = files::read_if_there(path, SMALL_FILE_BYTES_MAX)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()))
}
