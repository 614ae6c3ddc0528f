//! `graven reveal`: one sealed value of one entry, for one reason.

use std::path::PathBuf;

use graven_merkle::LeafIndex;
use serde_json::{Value, json};

use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::flags::LogArg;

/// Arguments of `graven reveal`.
#[derive(Debug, clap::Args)]
pub(crate) struct RevealArgs {
    /// The entry's index, from 0
    index: u64,
    /// Where the value stands in the opened event, such as /changes/iban/after (RFC 6901)
    path: String,
    /// Why, for those who read the log `system`; no personal data
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Write the sealed blob whose digest the value is into this file
    #[arg(long, value_name = "FILE")]
    blob_output: Option<PathBuf>,
    #[command(flatten)]
    log: LogArg,
}

/// Prints the value as the JSON in which it was written; with `--json` with its disclosure and the entry's proof.
pub(crate) fn run(context: &Context, args: &RevealArgs) -> Result<Exit, Failure> {
    let client = connect::client(context)?;
    let log = context.settings.text("log");
    let revealed = client.reveal(log, LeafIndex(args.index), &args.path, &args.reason)?;
    if let Some(path) = &args.blob_output {
        let none = || Failure::bad("the value is not the digest of a sealed blob");
        files::write(path, &revealed.blob.ok_or_else(none)?)?;
    }
    if !context.out.json {
        context.out.line(&revealed.value_json)?;
        return Ok(Exit::Good);
    }
    context.out.json(&json!({
        "index": args.index,
        "path": args.path,
        "class": revealed.class,
        "value": serde_json::from_str::<Value>(&revealed.value_json).unwrap_or(Value::Null),
        "disclosure": revealed.disclosure,
        "proof": revealed.proof,
    }))?;
    Ok(Exit::Good)
}
