//! `graven asof`: the state of a resource at a moment.

use serde_json::{Value, json};

use super::resource::{AskArgs, Asking, setter, shown};
use super::search::word;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Arguments of `graven asof`.
#[derive(Debug, clap::Args)]
pub(crate) struct AsOfArgs {
    /// The resource: type/id, as customer/42, or the id of one without a type
    target: String,
    /// The moment: an index, with its entry, or a time of the log, as 2026-11-20T22:55 [default: now]
    #[arg(long, value_name = "TIME|INDEX")]
    at: Option<String>,
    #[command(flatten)]
    ask: AskArgs,
}

/// Prints each field and its value, or with `--json` the server's answer. Exit 1 where no entry names the resource until
/// then.
pub(crate) fn run(context: &Context, args: &AsOfArgs) -> Result<Exit, Failure> {
    let query = [("target", Some(&*args.target)), ("at", args.at.as_deref())];
    let asking = Asking::new(context, ("asof", &args.ask), query)?;
    let answer = asking.page(&[])?;
    asking.note_limits(context, &answer);
    if context.out.json {
        context.out.json(&answer)?;
    } else {
        for (name, value) in answer["state"].as_object().into_iter().flatten() {
            context.out.line(format!("{}  {}", word(&json!(name)), shown(value)))?;
        }
        note_life(context, &answer);
    }
    Ok(exit(&answer))
}

/// Says on standard error what the fields do not.
pub(super) fn note_life(context: &Context, answer: &Value) {
    let last = || setter(&answer["last"]);
    match answer["exists"].as_bool() {
        Some(true) => context.out.note(format!("last changed by {}", last())),
        Some(false) => context.out.note(format!("it was deleted; the last entry is {}", last())),
        None => context.out.note("no entry says that it was created or changed"),
    }
    if let Some(hidden) = answer["hidden"].as_u64().filter(|hidden| *hidden > 0) {
        context.out.note(format!("{hidden} sealed values are of fields that cannot be named"));
    }
}

pub(super) fn exit(answer: &Value) -> Exit {
    if answer["entries"].as_u64() > Some(0) { Exit::Good } else { Exit::Bad }
}
