//! `graven tail`: entries as they are appended.

use graven_entry::Entry;
use graven_merkle::LeafIndex;
use serde_json::json;

use client::TailEntry;

use super::search::told;
use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::flags::LogArg;

/// Entries before the end that are shown first where no start is given.
const START_ENTRIES: u64 = 10;

/// Arguments of `graven tail`.
#[derive(Debug, clap::Args)]
pub(crate) struct TailArgs {
    /// Start at this index [default: ten entries before the end]
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    /// Stop after this many entries [default: never]
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Print only what this finds, as docs/search.md has it
    #[arg(long, value_name = "QUERY")]
    query: Option<String>,
    #[command(flatten)]
    log: LogArg,
}

/// Prints entries until it is stopped. With `--json` each line is as an export has it.
pub(crate) fn run(context: &Context, args: &TailArgs) -> Result<Exit, Failure> {
    let connection = connect::log(context)?;
    let from = match args.from {
        Some(from) => from,
        None => connection.client.log(&connection.log)?.size.0.saturating_sub(START_ENTRIES),
    };
    let query = args.query.as_deref();
    let mut tail = connection.client.tail(&connection.log, LeafIndex(from), query);
    let mut left_out = 0;
    for _ in 0..args.count.unwrap_or(u64::MAX) {
        let Some(entry) = tail.next() else { break };
        let entry = entry.map_err(|error| told(query.unwrap_or_default(), error))?;
        if query.is_none() && tail.left_out() > left_out {
            let more = tail.left_out() - left_out;
            context.out.note(format!("left out: {more} entries, which a policy hides from you"));
            left_out += more;
        }
        print(context, &entry)?;
    }
    Ok(Exit::Good)
}

fn print(context: &Context, tailed: &TailEntry) -> Result<(), Failure> {
    let index = tailed.index;
    if context.out.json {
        let entry = String::from_utf8_lossy(&tailed.entry);
        return context.out.json(&json!({ "index": index.0, "entry": entry }));
    }
    let parsed = Entry::parse(&tailed.entry)
        .map_err(|error| Failure::caused(Exit::Bad, format!("entry {index}"), &error))?;
    let header = &parsed.header;
    let event = String::from_utf8_lossy(parsed.event);
    context.out.line(format!("{index}  {}  {}  {event}", header.time, header.writer))
}
