//! `graven access`: what a log takes of which events, what would become of one, and policies that narrow roles.

use std::path::PathBuf;

use client::Client;
use serde_json::Value;

use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::flags::LogArg;

/// Bytes of a policy or an event that is sent: what the server takes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Arguments of `graven access`.
#[derive(Debug, clap::Args)]
pub(crate) struct AccessArgs {
    #[command(subcommand)]
    command: AccessCommand,
}

#[derive(Debug, clap::Subcommand)]
enum AccessCommand {
    /// Say what a log's audit policy would make of an event, and by which rule; nothing is written
    Explain {
        /// The event, one JSON object
        file: PathBuf,
        /// How it is handed in: alone, in a stream, or in a stream and signed
        #[arg(long = "as", id = "as", value_name = "HOW", default_value = "event",
              value_parser = ["event", "stream", "signed"])]
        how: String,
        #[command(flatten)]
        log: LogArg,
    },
    /// Print a log's audit policy, or give it the one of a file
    Scope {
        /// The policy, JSON
        file: Option<PathBuf>,
        #[command(flatten)]
        log: LogArg,
    },
    /// List what waits for a second person
    Approvals,
    /// Approve another's request
    Approve {
        /// The request's number
        number: u64,
    },
    /// Deny another's request, or take one's own back
    Deny {
        /// The request's number
        number: u64,
    },
    /// List, set and remove the Cedar policies that narrow what roles give
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
}

#[derive(Debug, clap::Subcommand)]
enum PolicyCommand {
    /// Print all policies; with --json their schema too
    List,
    /// Set a policy from a file
    Set {
        /// Its id: a-z, 0-9 and '-'
        id: String,
        /// One `forbid` in the Cedar language
        file: PathBuf,
    },
    /// Remove a policy
    Remove {
        /// Its id
        id: String,
    },
}

/// Runs `graven access`.
pub(crate) fn run(context: &Context, args: AccessArgs) -> Result<Exit, Failure> {
    let client = connect::client(context)?;
    let log = context.settings.text("log");
    match args.command {
        AccessCommand::Explain { file, how, .. } => {
            let event = files::read(&file, FILE_BYTES_MAX)?;
            explain(context, &client.explain(log, &event, &how)?)?;
        }
        AccessCommand::Scope { file: None, .. } => scope(context, &client.audit_policy(log)?)?,
        AccessCommand::Scope { file: Some(file), .. } => {
            let policy = files::read(&file, FILE_BYTES_MAX)?;
            scope(context, &client.set_audit_policy(log, &policy)?)?;
        }
        AccessCommand::Approvals => approvals(context, &client.approvals()?)?,
        AccessCommand::Approve { number } => approval(context, &client.approve(number)?)?,
        AccessCommand::Deny { number } => {
            let answer = client.deny(number)?;
            if context.out.json {
                context.out.json(&answer)?;
            } else {
                context.out.line(format!("{number}  ended undone"))?;
            }
        }
        AccessCommand::Policy { command } => policy(context, &client, command)?,
    }
    Ok(Exit::Good)
}

fn policy(context: &Context, client: &Client, command: PolicyCommand) -> Result<(), Failure> {
    let answer = match command {
        PolicyCommand::List => client.policies()?,
        PolicyCommand::Set { id, file } => {
            let text = files::read(&file, FILE_BYTES_MAX)?;
            let text = String::from_utf8(text)
                .map_err(|_| Failure::usage(format!("{} is not UTF-8", file.display())))?;
            client.change_policy(&id, Some(&text))?
        }
        PolicyCommand::Remove { id } => client.change_policy(&id, None)?,
    };
    if context.out.json {
        return context.out.json(&answer);
    }
    for policy in answer["policies"].as_array().into_iter().flatten() {
        let text = |key: &str| policy[key].as_str().unwrap_or_default().trim_end();
        context.out.line(format!("// {}\n{}", text("id"), text("text")))?;
    }
    Ok(())
}

fn approvals(context: &Context, answer: &Value) -> Result<(), Failure> {
    if context.out.json {
        return context.out.json(answer);
    }
    answer["approvals"].as_array().into_iter().flatten().try_for_each(|one| approval(context, one))
}

fn approval(context: &Context, one: &Value) -> Result<(), Failure> {
    if context.out.json {
        return context.out.json(one);
    }
    let text = |key: &str| one[key].as_str().unwrap_or_default();
    let approved = one["approved_by"].as_str().map(|who| format!("  approved by {who}"));
    let log = one["log"].as_str().map(|log| format!(" on {log}"));
    context.out.line(format!(
        "{}  {} wants to {}{}  until {}{}",
        one["approval"],
        text("who"),
        text("what"),
        log.unwrap_or_default(),
        text("expires"),
        approved.unwrap_or_default()
    ))
}

fn explain(context: &Context, answer: &Value) -> Result<(), Failure> {
    if context.out.json {
        return context.out.json(answer);
    }
    let text = |key: &str| answer[key].as_str().unwrap_or_default();
    let version = &answer["version"];
    context.out.line(format!(
        "{} ({}, by {} of version {version})",
        text("outcome"),
        text("level"),
        text("rule"),
    ))?;
    for (key, words) in [("dropped", "drops"), ("missing", "needs")] {
        for path in answer[key].as_array().into_iter().flatten() {
            context.out.line(format!("  {words} {}", path.as_str().unwrap_or_default()))?;
        }
    }
    if answer["why"].is_string() { context.out.line(text("why")) } else { Ok(()) }
}

fn scope(context: &Context, answer: &Value) -> Result<(), Failure> {
    if context.out.json {
        return context.out.json(answer);
    }
    context.out.note(format!("version {} of the audit policy", answer["version"]));
    context.out.line(format!("{:#}", answer["policy"]))
}
