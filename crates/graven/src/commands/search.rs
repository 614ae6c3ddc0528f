//! `graven search`: what a query finds in a log, and the proof that it is there.

mod audit;

use std::path::{Path, PathBuf};

use append::Code;
use client::{ClientError, OfSubject, Search};
use serde_json::{Value, json};
use server::limits::SEARCH_RESULTS_MAX;

use self::audit::Question;
use crate::connect::{self, Connection};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::flags::{KeyArg, LogArg};

/// Arguments of `graven search`.
#[derive(Debug, clap::Args)]
pub(crate) struct SearchArgs {
    /// What to find, as docs/search.md has it: 'actor:alice action:invoice.* since:24h'; '*' finds everything
    query: String,
    /// Print at most this many results, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
    /// Count the values of these fields, with commas between them: action, actor.id, actor.type, grade, outcome, stream,
    /// target.type, writer
    #[arg(long, value_name = "FIELDS")]
    facets: Option<String>,
    /// Wait until all that the log has now can be found
    #[arg(long)]
    wait: bool,
    /// Have all results proved by one proof, at most 256 of them; `graven verify` checks it offline
    #[arg(long, requires = "output")]
    prove: bool,
    /// Write results and proof into this file
    #[arg(long, value_name = "FILE", requires = "prove")]
    output: Option<PathBuf>,
    /// Read the log again, whole, verify it, and say whether the index left anything out or made anything up; takes the right to
    /// export the log
    #[arg(long)]
    audit_completeness: bool,
    /// Of what is found, only what is about this subject, by its id or by the pseudonym that stands for it; takes the right to
    /// find subjects
    #[arg(long, value_name = "ID", requires = "reason", conflicts_with = "audit_completeness")]
    subject: Option<String>,
    /// Why the subject is looked for, for those who read the log `system`; no personal data
    #[arg(long, value_name = "TEXT", requires = "subject")]
    reason: Option<String>,
    #[command(flatten)]
    log: LogArg,
    #[command(flatten)]
    key: KeyArg,
}

impl SearchArgs {
    fn of_subject(&self) -> Option<OfSubject> {
        let (subject, reason) = (self.subject.clone()?, self.reason.clone()?);
        Some(OfSubject { subject, reason })
    }
}

/// Prints results, newest first, one a line, or with `--json` the server's answer with all pages in one. Exit 1 where
/// nothing is found, or not what an audit finds.
pub(crate) fn run(context: &Context, args: &SearchArgs) -> Result<Exit, Failure> {
    let connection = connect::log(context)?;
    let size = connection.client.log(&connection.log)?.size.0;
    let audit = if args.audit_completeness { Question::read(&args.query) } else { None };
    let ask = Search {
        query: audit.as_ref().map_or_else(|| args.query.clone(), Question::text),
        facets: args.facets.clone(),
        wait: args.wait.then(|| size.saturating_sub(1)),
        subject: args.of_subject(),
        ..Search::default()
    };
    let told = |error| told(&args.query, error);
    let mut answer = match &args.output {
        Some(path) => {
            proved(context, &connection, Search { limit: args.limit, ..ask.clone() }, path, told)?
        }
        None => all_pages(&connection, ask.clone(), args.limit).map_err(told)?,
    };
    let number = |key: &str| answer.get(key).and_then(Value::as_u64).unwrap_or_default();
    let (total, through) = (number("total"), number("indexed_through"));
    if through < size {
        context
            .out
            .note(format!("indexed through {through} of {size}: later entries are not found yet"));
    }
    let audited = match &audit {
        Some(question) => Some(audit::run(context, &connection, question, (ask, &answer))?),
        None if args.audit_completeness => {
            let message = "only the server can read this query, so it cannot be audited from here";
            return Err(Failure::usage(message));
        }
        None => None,
    };
    if let Some(audited) = &audited {
        answer["audit"] = audited.to_json();
    }
    if context.out.json {
        context.out.json(&answer)?;
    } else {
        print(context, &answer)?;
        if let Some(audited) = &audited {
            context.out.note(audited.text());
        }
    }
    let is_good = total > 0 && audited.is_none_or(|audited| audited.is_good());
    Ok(if is_good { Exit::Good } else { Exit::Bad })
}

/// One page, with the file that proves its results.
fn proved(
    context: &Context,
    connection: &Connection,
    ask: Search,
    path: &Path,
    told: impl Fn(ClientError) -> Failure,
) -> Result<Value, Failure> {
    if ask.limit > SEARCH_RESULTS_MAX {
        let message = format!(
            "{} results are more than one proof is made for; give --limit {SEARCH_RESULTS_MAX} or less",
            ask.limit
        );
        return Err(Failure::usage(message));
    }
    let found = connection.client.proved_search(&connection.log, &ask).map_err(told)?;
    if found.results.entries.is_empty() {
        context.out.note("nothing is found, so there is nothing to prove and no file");
        return Ok(found.answer);
    }
    files::write(path, &found.results.write())?;
    context.out.note(if found.is_verified {
        "each result is proved to be in the log; that these are all is not"
    } else {
        "not checked: no key of the log is known here; give one by --vkey"
    });
    Ok(found.answer)
}

/// The first answer, with the results of further pages at the end of its own.
fn all_pages(connection: &Connection, mut ask: Search, limit: u64) -> Result<Value, ClientError> {
    ask.limit = limit.min(SEARCH_RESULTS_MAX);
    let mut all = connection.client.search(&connection.log, &ask)?;
    (ask.facets, ask.wait) = (None, None);
    let mut results = take_results(&mut all);
    while let Some(cursor) = all["next"].as_str().filter(|_| (results.len() as u64) < limit) {
        ask.cursor = Some(cursor.to_owned());
        ask.limit = (limit - results.len() as u64).min(SEARCH_RESULTS_MAX);
        let mut page = connection.client.search(&connection.log, &ask)?;
        let more = take_results(&mut page);
        // A page without results says that it is the last one; another server than ours need not.
        let is_over = more.is_empty();
        results.extend(more);
        all["next"] = if is_over { Value::Null } else { page["next"].take() };
    }
    all["results"] = results.into();
    Ok(all)
}

fn take_results(answer: &mut Value) -> Vec<Value> {
    match answer["results"].take() {
        Value::Array(results) => results,
        _ => Vec::new(),
    }
}

fn print(context: &Context, answer: &Value) -> Result<(), Failure> {
    let results = answer["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    for result in results {
        context.out.line(line(result))?;
    }
    if let Some(facets) = answer.get("facets").and_then(Value::as_object) {
        for (field, counts) in facets {
            context.out.line(format!("\n{field}"))?;
            for value in counts["values"].as_array().into_iter().flatten() {
                let (count, value) = (word(&value["count"]), word(&value["value"]));
                context.out.line(format!("{count:>8}  {value}"))?;
            }
            if counts["others"] != json!(0) {
                context.out.line(format!("{:>8}  others", word(&counts["others"])))?;
            }
        }
    }
    let (shown, total) = (results.len() as u64, &answer["total"]);
    if *total != json!(shown) {
        context.out.note(format!("{shown} of {total} shown; --limit shows more"));
    }
    Ok(())
}

/// Index, time, actor, action, target and outcome.
pub(super) fn line(result: &Value) -> String {
    let event = &result["event"];
    let actor = event["actor"].get("id").unwrap_or(&event["actor"]);
    let target = match &event["target"] {
        Value::Array(targets) => targets.first().unwrap_or(&Value::Null),
        target => target,
    };
    let target = match (&target["type"], target.get("id").unwrap_or(target)) {
        (Value::Null, id) => word(id),
        (kind, id) => format!("{}/{}", word(kind), word(id)),
    };
    let fields = [
        word(&result["index"]),
        word(&result["time"]),
        word(actor),
        word(&event["action"]),
        target,
        word(&event["outcome"]),
    ];
    fields.join("  ")
}

/// A value as one word of a line; control characters are made visible, so that a line stays one.
pub(super) fn word(value: &Value) -> String {
    let text = match value {
        Value::Null => return "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let visible =
        |c: char| if c.is_control() { c.escape_default().collect() } else { c.to_string() };
    text.chars().map(visible).collect()
}

/// A refused query, with a mark under what is wrong in it.
pub(super) fn told(query: &str, error: ClientError) -> Failure {
    let place = error.refusal().and_then(|refusal| {
        let is_query = refusal.field.as_deref() == Some("q");
        refusal.position.filter(|_| is_query && refusal.code == Code::BadQuery)
    });
    let failure = Failure::from(error);
    let Some(before) = place.and_then(|place| query.get(..place)) else { return failure };
    let plain: String = query.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    failure.hint(format!("{plain}\n  {}^", " ".repeat(before.chars().count())))
}
