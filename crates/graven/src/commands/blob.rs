//! `graven blob`: payloads too big for an event, in and out.

use std::path::PathBuf;

use graven_merkle::LeafIndex;
use serde_json::json;

use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::flags::LogArg;

/// Bytes of a file that is handed in: what any server takes at most.
const BLOB_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Arguments of `graven blob`.
#[derive(Debug, clap::Args)]
pub(crate) struct BlobArgs {
    #[command(subcommand)]
    command: BlobCommand,
}

#[derive(Debug, clap::Subcommand)]
enum BlobCommand {
    /// Append an event with the file's length, type and SHA-256, and the file beside it
    Add {
        /// The file
        file: PathBuf,
        /// Its media type
        #[arg(long, value_name = "TYPE", default_value = "application/octet-stream")]
        media_type: String,
        /// Whom it is about: seals it, with --class
        #[arg(long, value_name = "ID", requires = "class")]
        subject: Option<String>,
        /// How sensitive it is: pii, phi, pan or secret
        #[arg(long, value_name = "CLASS", requires = "subject")]
        class: Option<String>,
        #[command(flatten)]
        log: LogArg,
    },
    /// Write a blob of an entry into a file; it has the digest, or the command fails
    Get {
        /// The entry's index, from 0
        index: u64,
        /// The SHA-256 that the entry states, in hexadecimal
        digest: String,
        /// The file
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        log: LogArg,
    },
}

/// Runs `graven blob`.
pub(crate) fn run(context: &Context, args: &BlobArgs) -> Result<Exit, Failure> {
    let client = connect::client(context)?;
    let log = context.settings.text("log");
    match &args.command {
        BlobCommand::Add { file, media_type, subject, class, .. } => {
            let bytes = files::read(file, BLOB_BYTES_MAX)?;
            let about = subject.as_deref().zip(class.as_deref());
            let appended = client.add_blob(log, media_type, &bytes, about)?;
            let receipt = appended.receipts.first();
            let receipt = receipt.ok_or_else(|| Failure::bad("the answer has no receipt"))?;
            if context.out.json {
                let leaf_hash = receipt.leaf_hash.to_string();
                let body = json!({"index": receipt.index.0, "leaf_hash": leaf_hash});
                context.out.json(&body)?;
            } else {
                context.out.line(format!("added to {log}: entry {}", receipt.index))?;
            }
        }
        BlobCommand::Get { index, digest, output, .. } => {
            files::write(output, &client.blob(log, LeafIndex(*index), digest)?)?;
        }
    }
    Ok(Exit::Good)
}
