//! `graven restore`: a backup back in place, which can go on as it was only where it provably lacks nothing; and the keyring's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use env::{Disk, RealDisk};
use log::ENDED_FILE;
use serde_json::{Value, json};
use store::segments::SegmentStore;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::keyring;
use crate::verify::{Asked, Verdict, check_data};

/// Why a restored log has ended.
const REASON: &str = "restored from a backup, which may lack entries that were signed";

/// Arguments of `graven restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The backup; without it the keyring alone is put back, into a data directory that lost it
    #[arg(required_unless_present = "keyring")]
    backup: Option<PathBuf>,
    /// Put this copy of the keyring into the data directory: without it every value that was sealed stays so
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
    /// The guard file of the server that was backed up: at the next start with it, logs of which nothing is missing go on
    /// as they were. Without it every log ends, and goes on as a successor [env: GRAVEN_GUARD]
    #[arg(long, value_name = "FILE")]
    guard: Option<String>,
}

/// Copies the backup into the data directory of the settings, verifies it, and ends the logs where nothing can show
/// that they are whole.
pub(crate) fn run(context: &Context, args: &RestoreArgs) -> Result<Exit, Failure> {
    let data = context.settings.path("data");
    let mut told = json!({ "ok": true, "data": data.to_string_lossy() });
    if let Some(backup) = &args.backup {
        let verdict = check(context, backup, &data)?;
        if !verdict.is_good() {
            return verdict.print(context);
        }
        let guard = context.settings.given_path("guard");
        let draft = files::draft_path(&data);
        files::copy_tree(backup, &draft)?;
        if guard.is_none() {
            end_logs(&draft, &verdict)?;
        }
        files::rename_folder(&draft, &data)?;
        report(context, &data, (&verdict, guard.as_deref()), &mut told)?;
    } else if !data.join("format").is_file() {
        let message = format!("{} is not a data directory", data.display());
        return Err(Failure::new(Exit::Unreachable, message).hint("Give it by --data DIR."));
    }
    if let Some(file) = &args.keyring {
        told["keyring"] = keyring::put_back(context, file, &data)?;
    }
    if context.out.json {
        context.out.json(&told)?;
    }
    Ok(Exit::Good)
}

/// Whether a backup may be restored into a data directory, which must not exist.
fn check(context: &Context, backup: &Path, data: &Path) -> Result<Verdict, Failure> {
    if data.exists() {
        let message =
            format!("{} exists; a backup is restored into a new directory", data.display());
        return Err(Failure::usage(message)
            .hint("Give another directory by --data, or move that one away."));
    }
    if !backup.join("format").is_file() {
        let message = format!("{} is not a backup", backup.display());
        return Err(Failure::new(Exit::Unreachable, message));
    }
    let mut verdict = Verdict::of(&backup.to_string_lossy());
    let asked = Asked { jobs: 0, ..Asked::default() };
    check_data(context, backup, None, &asked, None, &mut verdict)?;
    Ok(verdict)
}

/// Makes every log read-only: nobody can say that its signer did not sign more than the backup holds.
fn end_logs(data: &Path, verdict: &Verdict) -> Result<(), Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let store = SegmentStore::new(disk, data);
    for name in verdict.logs.iter().filter_map(|log| log.log.as_deref()) {
        store.write_file(name, ENDED_FILE, format!("{REASON}\n").as_bytes()).map_err(|error| {
            Failure::caused(Exit::Unreachable, format!("cannot end {name}"), &error)
        })?;
    }
    Ok(())
}

fn report(
    context: &Context,
    data: &Path,
    (verdict, guard): (&Verdict, Option<&Path>),
    told: &mut Value,
) -> Result<(), Failure> {
    let out = context.out;
    let names: Vec<&str> = verdict.logs.iter().filter_map(|log| log.log.as_deref()).collect();
    if out.json {
        told["logs"] = names.into();
        told["ended"] = guard.is_none().into();
    } else {
        out.line(format!("restored {} into {}", names.join(", "), data.display()))?;
    }
    match guard {
        Some(guard) => out.note(format!(
            "Put the signing keys back into {}, and start with --guard {}: logs of which the guard has seen no more go on \
             as they were, others end.",
            data.join("keys").display(),
            guard.display()
        )),
        None => out.note(
            "Every log is read-only: nothing shows that its signer did not sign more than the backup holds. \
             `graven log succeed NAME` lets one go on under a new origin.",
        ),
    }
    Ok(())
}
