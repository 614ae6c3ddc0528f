//! `graven backup`: a copy of a data directory that may be in use, verified whole before it gets its name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, CopyError};
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
    dest: PathBuf,
}

/// Copies the data directory of the settings, verifies the copy, and gives it its name.
pub(crate) fn run(context: &Context, args: &BackupArgs) -> Result<Exit, Failure> {
    let data = context.settings.path("data");
    if !data.join("format").is_file() {
        let message = format!("{} is not a data directory", data.display());
        return Err(Failure::new(Exit::Unreachable, message).hint("Give it by --data DIR."));
    }
    if args.dest.exists() {
        return Err(Failure::usage(format!(
            "{} exists; a backup is a new directory",
            args.dest.display()
        )));
    }
    let draft = files::draft_path(&args.dest);
    let result = copy_verified(context, &data, &draft);
    let verdict = match result {
        Ok(verdict) if verdict.is_good() => verdict,
        other => {
            remove(&draft)?;
            return other?.print(context);
        }
    };
    files::rename_folder(&draft, &args.dest)?;
    report(context, &args.dest, &verdict)?;
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

fn report(context: &Context, dest: &Path, verdict: &Verdict) -> Result<(), Failure> {
    let out = context.out;
    if out.json {
        let logs = verdict.logs.iter().map(|log| {
            json!({ "log": log.log, "origin": log.origin, "size": log.size, "root": log.root })
        });
        let logs: Vec<_> = logs.collect();
        return out.json(&json!({ "ok": true, "backup": dest.to_string_lossy(), "logs": logs }));
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
