//! `graven history`: the entries that name a resource.

use serde_json::{Value, json};

use super::resource::{AskArgs, Asking, setter, shown};
use super::search::word;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Arguments of `graven history`.
#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    /// The resource: type/id, as customer/42, or the id of one without a type
    target: String,
    /// Print at most this many entries, the oldest
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Start at this index
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    #[command(flatten)]
    ask: AskArgs,
}

/// Prints the entries, oldest first, one a line, or with `--json` the server's answer with all pages in one. Exit 1 where
/// there is none.
pub(crate) fn run(context: &Context, args: &HistoryArgs) -> Result<Exit, Failure> {
    let asking = Asking::new(context, ("history", &args.ask), [("target", Some(&*args.target))])?;
    asking.print_list(context, "versions", (args.from.unwrap_or(0), args.limit), line)
}

/// Index, time, actor, action, grade, outcome, and what became of the fields.
fn line(version: &Value) -> String {
    let mut line = format!("{}  {}", setter(version), word(&version["outcome"]));
    for (field, change) in version["changes"].as_object().into_iter().flatten() {
        let after = match change.as_object() {
            Some(change) if change.contains_key("sealed") => "(sealed)".to_owned(),
            Some(change) => match change.get("after") {
                Some(Value::Null) => "(removed)".to_owned(),
                Some(after) => shown(after),
                None => "(unread)".to_owned(),
            },
            None => continue,
        };
        line.push_str(&format!("  {}={after}", word(&json!(field))));
    }
    if version["counts"] == json!(false) {
        line.push_str("  (does not count)");
    } else if version["ends"] == json!(true) {
        line.push_str("  (ends it)");
    }
    line
}
