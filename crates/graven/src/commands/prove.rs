//! `graven prove`: the proof that an entry is in the log, for someone who trusts neither server nor operator.

use std::path::PathBuf;

use graven_merkle::LeafIndex;
use serde_json::json;

use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::flags::{KeyArg, LogArg};

/// Arguments of `graven prove`.
#[derive(Debug, clap::Args)]
pub(crate) struct ProveArgs {
    /// The entry's index, from 0
    index: u64,
    /// Write the proof into this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the entry's bytes into this file: the proof is of nothing without them
    #[arg(long, value_name = "FILE")]
    entry_output: Option<PathBuf>,
    #[command(flatten)]
    log: LogArg,
    #[command(flatten)]
    key: KeyArg,
}

/// Fetches entry and proof, checks one against the other where keys are known, and writes them.
pub(crate) fn run(context: &Context, args: &ProveArgs) -> Result<Exit, Failure> {
    let connection = connect::log(context)?;
    let proved = connection.client.proved_entry(&connection.log, LeafIndex(args.index))?;
    if let Some(path) = &args.entry_output {
        files::write(path, &proved.entry)?;
    }
    if let Some(path) = &args.output {
        files::write(path, &proved.proof)?;
    }
    let out = context.out;
    if out.json {
        out.json(&json!({
            "index": args.index,
            "verified": proved.is_verified,
            "proof": String::from_utf8_lossy(&proved.proof),
            "entry": String::from_utf8_lossy(&proved.entry),
        }))?;
    } else if args.output.is_none() {
        out.data(&proved.proof)?;
    }
    if !proved.is_verified {
        out.note("not checked: no key of the log is known here; give one by --vkey");
    }
    Ok(Exit::Good)
}
