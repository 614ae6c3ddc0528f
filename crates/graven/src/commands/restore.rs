//! `graven restore`: a backup back in place, which can go on as it was only where it provably lacks nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use env::{Disk, RealDisk};
use log::ENDED_FILE;
use serde_json::json;
use store::segments::SegmentStore;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::verify::{Asked, Verdict, check_data};

/// Why a restored log has ended.
const REASON: &str = "restored from a backup, which may lack entries that were signed";

/// Arguments of `graven restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    backup: PathBuf,
    /// The guard file of the server that was backed up: at the next start with it, logs of which nothing is missing go on
    /// as they were. Without it every log ends, and goes on as a successor [env: GRAVEN_GUARD]
    #[arg(long, value_name = "FILE")]
    guard: Option<String>,
}

/// Copies the backup into the data directory of the settings, verifies it, and ends the logs where nothing can show
/// that they are whole.
pub(crate) fn run(context: &Context, args: &RestoreArgs) -> Result<Exit, Failure> {
    let data = context.settings.path("data");
    if data.exists() {
        let message =
            format!("{} exists; a backup is restored into a new directory", data.display());
        return Err(Failure::usage(message)
            .hint("Give another directory by --data, or move that one away."));
    }
    if !args.backup.join("format").is_file() {
        let message = format!("{} is not a backup", args.backup.display());
        return Err(Failure::new(Exit::Unreachable, message));
    }
    let guard = context.settings.given_path("guard");
    let mut verdict = Verdict::of(&args.backup.to_string_lossy());
    let asked = Asked { jobs: 0, ..Asked::default() };
    check_data(context, &args.backup, None, &asked, None, &mut verdict)?;
    if !verdict.is_good() {
        return verdict.print(context);
    }
    let draft = files::draft_path(&data);
    files::copy_tree(&args.backup, &draft)?;
    if guard.is_none() {
        end_logs(&draft, &verdict)?;
    }
    files::rename_folder(&draft, &data)?;
    report(context, &data, &verdict, guard.as_deref())?;
    Ok(Exit::Good)
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
    verdict: &Verdict,
    guard: Option<&Path>,
) -> Result<(), Failure> {
    let out = context.out;
    let names: Vec<&str> = verdict.logs.iter().filter_map(|log| log.log.as_deref()).collect();
    if out.json {
        out.json(&json!({ "ok": true, "data": data.to_string_lossy(), "logs": names, "ended": guard.is_none() }))?;
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
