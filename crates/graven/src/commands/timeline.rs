//! `graven timeline`: what an actor did, or what happened in a session or under a trace, oldest first.

use super::resource::{AskArgs, Asking};
use super::search::line;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Arguments of `graven timeline`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("whose").required(true).multiple(true)))]
pub(crate) struct TimelineArgs {
    /// The actor's id
    #[arg(group = "whose")]
    actor: Option<String>,
    /// Only in this session
    #[arg(long, value_name = "ID", group = "whose")]
    session: Option<String>,
    /// Only under this trace
    #[arg(long, value_name = "ID", group = "whose")]
    trace: Option<String>,
    /// Only what this query finds, as docs/search.md has it
    #[arg(long, value_name = "QUERY")]
    query: Option<String>,
    /// Print at most this many entries, the oldest
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Start at this index
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    #[command(flatten)]
    ask: AskArgs,
}

/// Prints the entries, one a line, or with `--json` the server's answer with all pages in one. Exit 1 where there is none.
pub(crate) fn run(context: &Context, args: &TimelineArgs) -> Result<Exit, Failure> {
    let query = [
        ("actor", args.actor.as_deref()),
        ("session", args.session.as_deref()),
        ("trace", args.trace.as_deref()),
        ("q", args.query.as_deref()),
    ];
    let asking = Asking::new(context, ("timeline", &args.ask), query)?;
    asking.print_list(context, "results", (args.from.unwrap_or(0), args.limit), line)
}
