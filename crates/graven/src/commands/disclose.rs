//! `graven disclose`: chosen sealed values of one entry, with what proves them, for someone who may see no more.

use std::path::PathBuf;

use graven_merkle::LeafIndex;
use graven_verify::{Evidence, open_disclosures};
use serde_json::json;

use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::flags::{KeyArg, LogArg};

/// Arguments of `graven disclose`.
#[derive(Debug, clap::Args)]
pub(crate) struct DiscloseArgs {
    /// The entry's index, from 0
    index: u64,
    /// Where the values stand in the opened event, such as /changes/iban/after (RFC 6901); all others stay sealed
    #[arg(required = true)]
    paths: Vec<String>,
    /// Why, for those who read the log `system`; no personal data
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Write into this file; `graven verify` takes it
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    log: LogArg,
    #[command(flatten)]
    key: KeyArg,
}

/// Fetches the entry and its proof, has each value revealed, and writes what opens.
pub(crate) fn run(context: &Context, args: &DiscloseArgs) -> Result<Exit, Failure> {
    let connection = connect::log(context)?;
    let (client, log) = (&connection.client, connection.log.as_str());
    let index = LeafIndex(args.index);
    let proved = client.proved_entry(log, index)?;
    let mut disclosures = Vec::new();
    for path in &args.paths {
        disclosures.push(client.reveal(log, index, path, &args.reason)?.disclosure);
    }
    let disclosed = open_disclosures(&proved.entry, &disclosures)
        .map_err(|fault| Failure::bad(format!("the server's disclosures: {}", fault.detail)))?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (entry, proof) = (text(&proved.entry), text(&proved.proof));
    files::write(&args.output, &Evidence { entry, proof, disclosures }.write())?;
    let (opened, sealed) = (disclosed.opened.len(), disclosed.withheld);
    if context.out.json {
        let verified = proved.is_verified;
        let body =
            json!({"index": args.index, "opened": opened, "sealed": sealed, "verified": verified});
        return context.out.json(&body).map(|()| Exit::Good);
    }
    let output = args.output.display();
    context.out.line(format!("wrote {output}: {opened} values open, {sealed} stay sealed"))?;
    Ok(Exit::Good)
}
