//! The keyring of a server, opened at its start: where the master key comes from, and what policy wants sealed.

use std::path::Path;
use std::sync::Arc;

use access::{Keyring, MasterKeyError, MasterKeys, PrincipalId, SealPolicy, TokenKeyUri};
use log::{Cell, Env, OpenReport};
use server::{Sealing, finish_erasures};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::keyring::{KEYRING, open_failure};

/// The credential that systemd may hand over (`LoadCredential=graven.master-key:…`).
const CREDENTIAL: &str = "graven.master-key";

/// Bytes of a policy file.
const POLICY_BYTES_MAX: u64 = 1024 * 1024;

/// Opens the keyring, finishes the erasures that a crash cut off, and lets the cell seal. The cell holds the lock.
pub(crate) fn start(
    context: &Context,
    (cell, opened): (&Cell, &OpenReport),
    environment: &Env,
) -> Result<Arc<Sealing>, Failure> {
    let data = context.settings.path("data");
    let path = data.join(KEYRING);
    if context.settings.given("master_key").is_some()
        && context.settings.given("master_key_uri").is_some()
    {
        return Err(Failure::usage(
            "`master_key` and `master_key_uri` are both given: take one away",
        ));
    }
    let keys = context.settings.given_path("keys").unwrap_or_else(|| data.join("keys"));
    let masters = master_keys(context, environment, &keys, !path.exists()).map_err(|error| {
        Failure::caused(Exit::Unreachable, "no master key for the keyring", &error)
    })?;
    let policy = policy(context)?;
    let random = Arc::clone(&environment.random);
    let (keyring, report) = Keyring::open(&*environment.disk, Arc::clone(&random), &path, masters)
        .map_err(|error| open_failure(&path, &error))?;
    if report.created && !opened.first_start {
        context.out.warn(
            "there was no keyring, an empty one was made: if values were sealed here before, stop and put its copy back",
        );
    }
    if report.mended > 0 {
        context.out.warn(format!("{} slots of the keyring were mended", report.mended));
    }
    if report.rewrapped > 0 {
        context.out.note(format!(
            "{} keys are under the new master key now; the older ones can be taken away",
            report.rewrapped
        ));
    }
    let sealing = Arc::new(Sealing::new(keyring, policy, random));
    let destroyed = finish_erasures(cell, &sealing, PrincipalId::admin().name())
        .map_err(|refusal| Failure::new(Exit::Unreachable, refusal.detail))?;
    if destroyed > 0 {
        context.out.warn(format!("{destroyed} keys of erased subjects were destroyed again"));
    }
    cell.seal_with(Arc::clone(&sealing) as _);
    Ok(sealing)
}

/// From a token, from the setting, from systemd, or from the keys' directory: the first that is there.
fn master_keys(
    context: &Context,
    environment: &Env,
    keys: &Path,
    may_be_new: bool,
) -> Result<MasterKeys, MasterKeyError> {
    let text = context.settings.given("master_key");
    let uris = text.filter(|text| TokenKeyUri::is_meant(text));
    if let Some(uris) = context.settings.given("master_key_uri").or(uris) {
        let uris = TokenKeyUri::parse_lines(uris)?;
        let (disk, random) = (&*environment.disk, &*environment.random);
        return MasterKeys::from_tokens(disk, random, (&uris, keys), may_be_new);
    }
    if let Some(text) = text {
        return MasterKeys::parse(text, "GRAVEN_MASTER_KEY");
    }
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
    if let Some(dir) = credentials.as_deref().map(Path::new)
        && dir.join(CREDENTIAL).exists()
    {
        return MasterKeys::from_credential(&*environment.disk, Some(dir), CREDENTIAL);
    }
    MasterKeys::from_file(&*environment.disk, &*environment.random, keys, may_be_new)
}

fn policy(context: &Context) -> Result<SealPolicy, Failure> {
    let Some(path) = context.settings.given_path("seal_policy") else {
        return Ok(SealPolicy::default());
    };
    let json = files::read(&path, POLICY_BYTES_MAX)?;
    SealPolicy::parse(&json).map_err(|error| {
        Failure::caused(Exit::Usage, format!("{} is no policy", path.display()), &error)
    })
}
