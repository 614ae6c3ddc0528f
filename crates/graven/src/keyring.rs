//! The keyring's own backup: a file apart from that of the data, and back.

use std::path::Path;

use access::{KeyringCounts, KeyringError, copy_keyring, is_keyring};
use env::RealDisk;
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

/// Its name in a data directory.
pub(crate) const KEYRING: &str = "keyring";

/// Refuses what cannot be copied there: before anything else is.
pub(crate) fn check(data: &Path, file: &Path) -> Result<(), Failure> {
    if !data.join(KEYRING).is_file() {
        let message = format!("{} has no keyring", data.display());
        return Err(Failure::new(Exit::Unreachable, message));
    }
    let folder = file.parent().filter(|dir| !dir.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize();
    let folder = folder.map_err(|error| Failure::file("create", file, &error))?;
    let is_data = |dir: &&Path| dir.join("format").is_file() && dir.join("journal").is_dir();
    if let Some(dir) = folder.ancestors().find(is_data) {
        let message = format!("{} lies in {}", file.display(), dir.display());
        return Err(Failure::usage(message)
            .hint("Keep the keyring's copy apart from the data and from its backups."));
    }
    if file.exists() && !is_keyring(&RealDisk, file) {
        let message = format!("{} exists, and is no copy of a keyring", file.display());
        return Err(Failure::usage(message));
    }
    Ok(())
}

/// Copies the keyring of a data directory into a file that [`check`] found fit, which is whole then or as it was before.
pub(crate) fn copy(context: &Context, data: &Path, file: &Path) -> Result<Value, Failure> {
    let source = data.join(KEYRING);
    let counts = replace(&source, file)?;
    context.out.note(format!(
        "{} holds {} keys, encrypted under the master key, which is not in it",
        file.display(),
        counts.live
    ));
    context.out.note(
        "Keep the newest copy alone: a subject that is erased from now on stays openable for whoever has this file, the master key \
         and a copy of the data from before the erasure.",
    );
    Ok(told(file, counts))
}

/// Puts a copy of the keyring into a data directory that has none.
pub(crate) fn put_back(context: &Context, file: &Path, data: &Path) -> Result<Value, Failure> {
    let place = data.join(KEYRING);
    if place.exists() {
        let message = format!("{} has a keyring", data.display());
        return Err(Failure::usage(message).hint(
            "Stop the server and move that one away, if the copy is to be put in its place.",
        ));
    }
    let counts = replace(file, &place)?;
    context.out.note(
        "Put its master key back too. The next start destroys again what `system` says was erased: what was erased after the data's \
         own backup it cannot know, and has to be erased again.",
    );
    Ok(told(&place, counts))
}

/// A whole copy at `to`, or nothing new there.
fn replace(from: &Path, to: &Path) -> Result<KeyringCounts, Failure> {
    let draft = files::draft_path(to);
    match copy_keyring(&RealDisk, from, &draft) {
        Ok(counts) => files::rename_folder(&draft, to).map(|()| counts),
        Err(error) => {
            drop(std::fs::remove_file(&draft));
            Err(open_failure(from, &error))
        }
    }
}

fn told(file: &Path, counts: KeyringCounts) -> Value {
    let KeyringCounts { live, held, destroyed } = counts;
    json!({ "file": file.to_string_lossy(), "keys": live, "held": held, "destroyed": destroyed })
}

/// Why a keyring was not opened or copied: one that is not what was written is a failed verification.
pub(crate) fn open_failure(path: &Path, error: &KeyringError) -> Failure {
    let exit = match error {
        KeyringError::Corrupt { .. } | KeyringError::NotAKeyring { .. } => Exit::Bad,
        _ => Exit::Unreachable,
    };
    Failure::caused(exit, format!("cannot open {}", path.display()), error)
}
