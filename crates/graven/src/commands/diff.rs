//! `graven diff`: in what a resource differs between two moments.

use serde_json::{Value, json};

use super::resource::{AskArgs, Asking, setter, shown};
use super::search::word;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Arguments of `graven diff`.
#[derive(Debug, clap::Args)]
pub(crate) struct DiffArgs {
    /// The resource: type/id, as customer/42, or the id of one without a type
    target: String,
    /// The earlier moment: an index, with its entry, or a time of the log
    a: String,
    /// The later one, of the same kind [default: now]
    b: Option<String>,
    #[command(flatten)]
    ask: AskArgs,
}

/// Prints each field that differs with its value before and after and the entry that did it. Exit 1 where none does.
pub(crate) fn run(context: &Context, args: &DiffArgs) -> Result<Exit, Failure> {
    let query = [("target", Some(&*args.target)), ("a", Some(&*args.a)), ("b", args.b.as_deref())];
    let asking = Asking::new(context, ("diff", &args.ask), query)?;
    let answer = asking.page(&[])?;
    asking.note_limits(context, &answer);
    let fields = answer["fields"].as_object();
    if context.out.json {
        context.out.json(&answer)?;
    } else {
        for (name, field) in fields.into_iter().flatten() {
            context.out.line(line(name, field))?;
        }
    }
    Ok(if fields.is_some_and(|fields| !fields.is_empty()) { Exit::Good } else { Exit::Bad })
}

fn line(name: &str, field: &Value) -> String {
    let side = |key: &str| field.get(key).map_or_else(|| "(none)".to_owned(), shown);
    let name = word(&json!(name));
    format!("{name}  {} -> {}  {}", side("before"), side("after"), setter(field))
}
