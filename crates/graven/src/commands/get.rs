//! `graven get`: one entry.

use client::ProvedEntry;
use graven_entry::Entry;
use graven_merkle::{LeafIndex, leaf_hash};
use serde_json::{Value, json};

use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::flags::{KeyArg, LogArg};

/// Arguments of `graven get`.
#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// The entry's index, from 0
    index: u64,
    #[command(flatten)]
    log: LogArg,
    #[command(flatten)]
    key: KeyArg,
}

/// Prints the entry: its exact bytes, or with `--json` what they say. Where keys of the log are known, its
/// proof is checked first.
pub(crate) fn run(context: &Context, args: &GetArgs) -> Result<Exit, Failure> {
    let connection = connect::log(context)?;
    let index = LeafIndex(args.index);
    let client = &connection.client;
    let proved = if client.trusted(&connection.log).is_some() {
        client.proved_entry(&connection.log, index)?
    } else {
        let entry = client.entry(&connection.log, index)?;
        ProvedEntry { entry, proof: Vec::new(), is_verified: false }
    };
    if context.out.json {
        context.out.json(&to_json(index, &proved)?)?;
    } else {
        context.out.data(&proved.entry)?;
    }
    Ok(Exit::Good)
}

fn to_json(index: LeafIndex, proved: &ProvedEntry) -> Result<Value, Failure> {
    let entry = &proved.entry;
    let parsed = Entry::parse(entry)
        .map_err(|error| Failure::caused(Exit::Bad, format!("entry {index}"), &error))?;
    let header_line = entry.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(json!({
        "index": index.0,
        "leaf_hash": leaf_hash(entry).to_string(),
        "verified": proved.is_verified,
        "header": serde_json::from_slice::<Value>(header_line).unwrap_or(Value::Null),
        "event": String::from_utf8_lossy(parsed.event),
        "signed": parsed.attestation.is_some(),
        "entry": String::from_utf8_lossy(entry),
    }))
}
