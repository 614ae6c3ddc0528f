//! What the commands about a resource share: asking page by page, joining what comes, and showing it.

use serde_json::{Value, json};
use server::limits::SEARCH_RESULTS_MAX;

use super::search::word;
use crate::connect::{self, Connection};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::flags::LogArg;

/// What each of these commands takes.
#[derive(Debug, clap::Args)]
pub(crate) struct AskArgs {
    /// Wait until all that the log has now can be found
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    log: LogArg,
}

/// A question to one route, page by page.
pub(crate) struct Asking {
    pub(crate) connection: Connection,
    route: &'static str,
    query: Vec<(&'static str, String)>,
    /// Of the log, when it was first asked.
    pub(crate) size: u64,
}

impl Asking {
    /// With the parameters of the query that have a value.
    pub(crate) fn new<const N: usize>(
        context: &Context,
        (route, args): (&'static str, &AskArgs),
        query: [(&'static str, Option<&str>); N],
    ) -> Result<Asking, Failure> {
        let connection = connect::log(context)?;
        let size = connection.client.log(&connection.log)?.size.0;
        let given = query.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned())));
        let mut query: Vec<(&'static str, String)> = given.collect();
        if args.wait {
            query.push(("wait", size.saturating_sub(1).to_string()));
        }
        Ok(Asking { connection, route, query, size })
    }

    /// One answer; `more` are further parameters.
    pub(crate) fn page(&self, more: &[(&'static str, u64)]) -> Result<Value, Failure> {
        Ok(self.connection.client.ask(&self.connection.log, self.route, &self.with(more))?)
    }

    /// The same as the bytes that came.
    pub(crate) fn page_bytes(&self, more: &[(&'static str, u64)]) -> Result<Vec<u8>, Failure> {
        Ok(self.connection.client.ask_bytes(&self.connection.log, self.route, &self.with(more))?)
    }

    fn with(&self, more: &[(&'static str, u64)]) -> Vec<(&'static str, String)> {
        let more = more.iter().map(|(name, number)| (*name, number.to_string()));
        self.query.iter().cloned().chain(more).collect()
    }

    /// Prints the items of a list, each as its line, or with `--json` the answer with all pages in one. Exit 1 where there
    /// is none.
    pub(crate) fn print_list(
        &self,
        context: &Context,
        key: &str,
        (from, limit): (u64, u64),
        line: fn(&Value) -> String,
    ) -> Result<Exit, Failure> {
        let answer = self.list(key, from, limit)?;
        self.note_limits(context, &answer);
        let items = answer[key].as_array().map(Vec::as_slice).unwrap_or_default();
        if context.out.json {
            context.out.json(&answer)?;
        } else {
            for item in items {
                context.out.line(line(item))?;
            }
            if let Some(next) = answer["next"].as_u64() {
                context.out.note(format!("there are more; --from {next} or --limit shows them"));
            }
        }
        Ok(if items.is_empty() { Exit::Bad } else { Exit::Good })
    }

    /// The first answer, with the items of further pages at the end of its own.
    fn list(&self, key: &str, from: u64, limit: u64) -> Result<Value, Failure> {
        let mut all =
            self.page(&[("from", from), ("limit", limit.clamp(1, SEARCH_RESULTS_MAX))])?;
        let mut items = take_list(&mut all, key);
        while let Some(from) = all["next"].as_u64().filter(|_| (items.len() as u64) < limit) {
            let room = (limit - items.len() as u64).min(SEARCH_RESULTS_MAX);
            let mut page = self.page(&[("from", from), ("limit", room)])?;
            items.extend(take_list(&mut page, key));
            go_on(&mut all, &page, from)?;
        }
        all[key] = items.into();
        Ok(all)
    }

    /// Says of an answer what it is not of.
    pub(crate) fn note_limits(&self, context: &Context, answer: &Value) {
        self.note_lag(context, answer["indexed_through"].as_u64());
        if answer["narrowed"] == json!(true) {
            context
                .out
                .note("what a policy hides from you is left out: others may see another state");
        }
    }

    /// Says where the index is behind the log.
    pub(crate) fn note_lag(&self, context: &Context, through: Option<u64>) {
        let (through, size) = (through.unwrap_or_default(), self.size);
        if through < size {
            let note =
                format!("indexed through {through} of {size}: later entries are not found yet");
            context.out.note(note);
        }
    }
}

/// Takes over where to go on; a server that sends us back would never end.
fn go_on(all: &mut Value, page: &Value, from: u64) -> Result<(), Failure> {
    if page["next"].as_u64().is_some_and(|next| next <= from) {
        return Err(Failure::bad(format!("the server's page from {from} on leads back to itself")));
    }
    for key in ["next", "indexed_through"] {
        all[key] = page[key].clone();
    }
    Ok(())
}

fn take_list(answer: &mut Value, key: &str) -> Vec<Value> {
    match answer[key].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

/// Who did something: the actor's id, or the actor as it stands.
pub(crate) fn actor(actor: &Value) -> String {
    word(actor.get("id").unwrap_or(actor))
}

/// A field's value as one word of a line.
pub(crate) fn shown(value: &Value) -> String {
    if value.get("_sd").is_some() { "(sealed)".to_owned() } else { word(value) }
}

/// Index, time, actor, action and grade of the entry that did something.
pub(crate) fn setter(by: &Value) -> String {
    let fields = [
        word(&by["index"]),
        word(&by["time"]),
        actor(&by["actor"]),
        word(&by["action"]),
        word(&by["grade"]),
    ];
    fields.join("  ")
}
