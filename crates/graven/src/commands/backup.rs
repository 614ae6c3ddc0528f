//! `graven backup`: a copy of a data directory that may be in use, verified whole before it gets its name; and apart from it
//! one of the keyring.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, CopyError};
use crate::keyring;
use crate::verify::{Asked, Verdict, check_data};

/// Copies that are tried: a running server may give journal space back, or merge parts, under a copy's feet.
const ATTEMPTS_MAX: usize = 5;

/// What a backup never holds: keys, credentials, what can be computed again, and what belongs to the running process.
/// The journal is copied before the logs, so that what leaves it meanwhile is found in them.
const LEFT_OUT: [&str; 8] =
    ["keys", "keyring", "derived", "admin.token", "server.url", "tls.crt", "LOCK", "reserve"];

/// Arguments of `graven backup`.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The directory to make; it must not exist
    #[arg(required_unless_present = "keyring")]
    dest: Option<PathBuf>,
    /// Copy the keyring into this file, never into the directory; an older copy there is replaced
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
}

/// Copies the data directory of the settings, verifies the copy, and gives it its name.
pub(crate) fn run(context: &Context, args: &BackupArgs) -> Result<Exit, Failure> {
    let data = context.settings.path("data");
    if !data.join("format").is_file() {
        let message = format!("{} is not a data directory", data.display());
        return Err(Failure::new(Exit::Unreachable, message).hint("Give it by --data DIR."));
    }
    if let Some(dest) = args.dest.as_deref().filter(|dest| dest.exists()) {
        let message = format!("{} exists; a backup is a new directory", dest.display());
        return Err(Failure::usage(message));
    }
    if let Some(file) = &args.keyring {
        keyring::check(&data, file)?;
    }
    let mut told = json!({ "ok": true });
    if let Some(dest) = &args.dest {
        let draft = files::draft_path(dest);
        let verdict = match copy_verified(context, &data, &draft) {
            Ok(verdict) if verdict.is_good() => verdict,
            other => {
                remove(&draft)?;
                return other?.print(context);
            }
        };
        files::rename_folder(&draft, dest)?;
        report(context, dest, &verdict, &mut told)?;
    }
    // Last: every key of what was copied is in it.
    if let Some(file) = &args.keyring {
        told["keyring"] = keyring::copy(context, &data, file)?;
    }
    if context.out.json {
        context.out.json(&told)?;
    }
    Ok(Exit::Good)
}

/// Copies until the copy holds; gives the last verdict.
fn copy_verified(context: &Context, data: &Path, draft: &Path) -> Result<Verdict, Failure> {
    let mut attempt = 1;
    loop {
        remove(draft)?;
        let is_last = attempt == ATTEMPTS_MAX;
        match copy(data, draft) {
            // A file that is gone was released or merged away since it was listed.
            Err(CopyError::Read(_, error))
                if error.kind() == io::ErrorKind::NotFound && !is_last => {}
            Err(error) => return Err(error.into()),
            Ok(()) => {
                let mut verdict = Verdict::of(&draft.to_string_lossy());
                let asked = Asked { jobs: 0, ..Asked::default() };
                check_data(context, draft, None, &asked, None, &mut verdict)?;
                if verdict.is_good() || is_last {
                    return Ok(verdict);
                }
            }
        }
        attempt += 1;
    }
}

fn copy(data: &Path, draft: &Path) -> Result<(), CopyError> {
    let mut names = Vec::new();
    let read = |error| CopyError::Read(data.to_owned(), error);
    for entry in fs::read_dir(data).map_err(read)? {
        names.push(entry.map_err(read)?.file_name());
    }
    names.retain(|name| !LEFT_OUT.iter().any(|left_out| name == left_out));
    names.sort_by_key(|name| (name != "journal", name != "logs", name.clone()));
    fs::create_dir(draft).map_err(|error| CopyError::Write(draft.to_owned(), error))?;
    for name in names {
        files::copy_tree(&data.join(&name), &draft.join(&name))?;
    }
    Ok(())
}

fn remove(draft: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::file("remove", draft, &error))
        }
        _ => Ok(()),
    }
}

fn report(
    context: &Context,
    dest: &Path,
    verdict: &Verdict,
    told: &mut Value,
) -> Result<(), Failure> {
    let out = context.out;
    if out.json {
        let logs = verdict.logs.iter().map(|log| {
            json!({ "log": log.log, "origin": log.origin, "size": log.size, "root": log.root })
        });
        told["backup"] = dest.to_string_lossy().into();
        told["logs"] = logs.collect();
        return Ok(());
    }
    for log in &verdict.logs {
        let (name, size) = (log.log.as_deref().unwrap_or_default(), log.size.unwrap_or(0));
        let root = log.root.as_deref().unwrap_or("none");
        out.line(format!("{name}  {size} entries, root {root}"))?;
        // Appended in the moment of the copy: the journal writes a checkpoint down behind the entries that it covers.
        let entries = log.checked.get("entries").and_then(Value::as_u64).unwrap_or(size);
        if entries > size {
            let more = entries - size;
            out.note(format!(
                "{more} more of {name} are in the copy, under no signed checkpoint yet: without the log's keys they can be read and not proved"
            ));
        }
    }
    out.note(format!("{} is verified; signing keys and tokens are not in it", dest.display()));
    Ok(())
}
