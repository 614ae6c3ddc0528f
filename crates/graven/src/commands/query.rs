//! `graven query`: what is looked for all the time, and where a webhook tells of it.

use access::BUILT_IN;
use client::Client;
use serde_json::{Value, json};

use super::search::word;
use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::flags::LogArg;

/// Arguments of `graven query`.
#[derive(Debug, clap::Args)]
pub(crate) struct QueryArgs {
    #[command(subcommand)]
    command: QueryCommand,
}

#[derive(Debug, clap::Subcommand)]
enum QueryCommand {
    /// Save a query, and print the secret that signs its webhooks
    Save {
        /// Its name: a-z, 0-9 and '-'
        name: String,
        /// What it finds; without it everything
        query: Option<String>,
        /// Where it is told: a receiver of Standard Webhooks
        #[arg(long = "hook", id = "hook", value_name = "URL")]
        hook: String,
        /// When: each; at least 5 in 10m; none in 1h; outside 07:00-19:00 mon-fri +01:00; disk under 5G; lag over 10000; unverified in 24h
        #[arg(long, value_name = "CONDITION")]
        when: Option<String>,
        /// One that is made already: verification, silence, lag, disk or outside-hours (of `system`)
        #[arg(long = "builtin", id = "builtin", value_name = "NAME",
              value_parser = BUILT_IN.map(|made| made.name))]
        builtin: Option<String>,
        /// Begin at this index [default: with what comes]
        #[arg(long, value_name = "INDEX")]
        from: Option<u64>,
        #[command(flatten)]
        log: LogArg,
    },
    /// List a log's saved queries
    List {
        #[command(flatten)]
        log: LogArg,
    },
    /// Show one, and what could not be told
    Show {
        /// Its name
        name: String,
        #[command(flatten)]
        log: LogArg,
    },
    /// Send its webhook once; exit 1 where that does not arrive
    Test {
        /// Its name
        name: String,
        #[command(flatten)]
        log: LogArg,
    },
    /// Draw its secret anew; for a day both sign
    Rotate {
        /// Its name
        name: String,
        #[command(flatten)]
        log: LogArg,
    },
    /// Delete it, with what it has not told yet
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        log: LogArg,
    },
}

/// Runs `graven query`.
pub(crate) fn run(context: &Context, args: QueryArgs) -> Result<Exit, Failure> {
    let client = connect::client(context)?;
    let log = context.settings.text("log");
    match args.command {
        QueryCommand::Save { name, query, hook, when, builtin, from, .. } => {
            let (log, body) = wanted(context, (query, when, from), builtin.as_deref());
            let body = joined(body, json!({"url": hook}));
            saved(context, &client.change_query(log, &name, &body)?)?;
        }
        QueryCommand::List { .. } => list(context, &client.queries(log)?)?,
        QueryCommand::Show { name, .. } => return show(context, &client, log, &name),
        QueryCommand::Test { name, .. } => {
            let answer = client.test_query(log, &name)?;
            let arrived = answer["delivered"] == json!(true);
            let told = if arrived { "it arrived".to_owned() } else { word(&answer["why"]) };
            print(context, &answer, &[told])?;
            return Ok(if arrived { Exit::Good } else { Exit::Bad });
        }
        QueryCommand::Rotate { name, .. } => {
            saved(context, &client.change_query(log, &name, &json!({"rotate": true}))?)?;
        }
        QueryCommand::Delete { name, .. } => {
            let answer = client.change_query(log, &name, &json!({"remove": true}))?;
            print(context, &answer, &[format!("{name} is deleted")])?;
        }
    }
    Ok(Exit::Good)
}

/// The log and the body that are asked for: what is given, else what is built in.
fn wanted<'a>(
    context: &'a Context,
    (query, when, from): (Option<String>, Option<String>, Option<u64>),
    builtin: Option<&str>,
) -> (&'a str, Value) {
    let made = BUILT_IN.iter().find(|made| Some(made.name) == builtin);
    let log = made.and_then(|made| made.log);
    let query = query.or_else(|| made.map(|made| made.query.to_owned()));
    let when = when.or_else(|| made.map(|made| made.when.to_owned()));
    let body = json!({
        "query": query.unwrap_or_default(), "when": when.as_deref().unwrap_or("each"), "from": from,
    });
    (log.unwrap_or_else(|| context.settings.text("log")), body)
}

fn joined(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

/// The secret alone on standard output: it goes into the receiver's settings.
fn saved(context: &Context, answer: &Value) -> Result<(), Failure> {
    if !context.out.json {
        context.out.note(line(answer));
        context.out.note("Its webhooks are signed with this secret (Standard Webhooks):");
    }
    print(context, answer, &[word(&answer["secret"])])
}

fn list(context: &Context, answer: &Value) -> Result<(), Failure> {
    let lines: Vec<String> = answer["queries"].as_array().into_iter().flatten().map(line).collect();
    print(context, answer, &lines)
}

fn show(context: &Context, client: &Client, log: &str, name: &str) -> Result<Exit, Failure> {
    let answer = client.queries(log)?;
    let mut all = answer["queries"].as_array().into_iter().flatten();
    let Some(found) = all.find(|one| one["name"] == json!(name)) else {
        context.out.note(format!("log {log} has no query {name}"));
        return Ok(Exit::Bad);
    };
    let mut lines = vec![line(found)];
    if found["pending"].is_object() {
        let pending = &found["pending"];
        let (id, why) = (word(&pending["id"]), word(&pending["why"]));
        lines.push(format!("  not told yet: {id}, {} attempts: {why}", pending["attempts"]));
    }
    for dead in found["dead_letters"].as_array().into_iter().flatten() {
        let [time, id, why] = ["time", "id", "why"].map(|key| word(&dead[key]));
        lines.push(format!("  given up {time}: {id}: {why}"));
    }
    print(context, found, &lines)?;
    Ok(Exit::Good)
}

/// Name, condition, query, receiver, and how it goes.
fn line(one: &Value) -> String {
    let [name, when, query, url] = ["name", "when", "query", "url"].map(|key| word(&one[key]));
    let (delivered, dead) = (&one["delivered"], &one["dead"]);
    let mut line = format!("{name}  {when}  {query}  {url}  told {delivered}, given up {dead}");
    if one["pending"].is_object() {
        line.push_str(", one not told yet");
    }
    if one["stands"].is_string() {
        line.push_str(&format!("; stands still: {}", word(&one["stands"])));
    }
    line
}

fn print(context: &Context, answer: &Value, lines: &[String]) -> Result<(), Failure> {
    if context.out.json {
        return context.out.json(answer);
    }
    lines.iter().try_for_each(|line| context.out.line(line))
}
