//! The server's certificate: the operator's own, or one that a first start makes and signs itself.

use std::net::IpAddr;
use std::path::Path;

use server::Tls;

use crate::config::Settings;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

/// The certificate that the server made for itself, in the data directory: public, and what its clients trust it by.
pub(crate) const CERTIFICATE_FILE: &str = "tls.crt";
/// Its private key, among the signing keys.
const KEY_FILE: &str = "tls.key";
/// Bytes of a file of certificates or a key.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Whether the settings ask for TLS.
pub(crate) fn is_asked(settings: &Settings) -> bool {
    settings.is_on("tls") || settings.given("tls_cert").is_some()
}

/// What the settings say of TLS; `None` is plain HTTP.
pub(crate) fn tls(
    settings: &Settings,
    data: &Path,
    keys: &Path,
    listen: IpAddr,
) -> Result<Option<Tls>, Failure> {
    let read = |path: &Path| files::read(path, FILE_BYTES_MAX);
    let (chain, key) = match (settings.given_path("tls_cert"), settings.given_path("tls_key")) {
        (Some(chain), Some(key)) => (read(&chain)?, read(&key)?),
        (None, None) if settings.is_on("tls") => own(data, keys, listen)?,
        (None, None) if settings.given("tls_client_ca").is_some() => {
            return Err(Failure::usage("--tls-client-ca is of use only with --tls or --tls-cert"));
        }
        (None, None) => return Ok(None),
        _ => return Err(Failure::usage("--tls-cert and --tls-key are of use only together")),
    };
    let clients = settings.given_path("tls_client_ca").map(|path| read(&path)).transpose()?;
    let tls = Tls::from_pem(&chain, &key, clients.as_deref());
    tls.map(Some).map_err(|error| Failure::caused(Exit::Usage, "cannot serve TLS", &error))
}

/// The certificate that the server made for itself, made where it or its key is missing. A crash in between leaves a key
/// without its certificate, and the next start makes both anew.
fn own(data: &Path, keys: &Path, listen: IpAddr) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let (chain_path, key_path) = (data.join(CERTIFICATE_FILE), keys.join(KEY_FILE));
    let chain = files::read_if_there(&chain_path, FILE_BYTES_MAX)?;
    if let (Some(chain), Some(key)) = (chain, files::read_if_there(&key_path, FILE_BYTES_MAX)?) {
        return Ok((chain, key));
    }
    for path in [&chain_path, &key_path] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::file("replace", path, &error));
            }
            _ => {}
        }
    }
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into_iter();
    let names = names.chain((!listen.is_unspecified()).then(|| listen.to_string()));
    let made = rcgen::generate_simple_self_signed(names.collect::<Vec<_>>())
        .map_err(|error| Failure::caused(Exit::Unreachable, "cannot make a certificate", &error))?;
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    files::create_secret(&key_path, key.as_bytes())
        .map_err(|error| Failure::file("create", &key_path, &error))?;
    files::write(&chain_path, chain.as_bytes())?;
    Ok((chain.into_bytes(), key.into_bytes()))
}
