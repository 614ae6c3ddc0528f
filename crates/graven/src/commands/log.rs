//! `graven log`: create, list and show logs; end one in favour of a successor.

use client::{LogInfo, NewLog};
use serde_json::{Value, json};

use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::flags::LogArg;

/// Arguments of `graven log`.
#[derive(Debug, clap::Args)]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Debug, clap::Subcommand)]
enum LogCommand {
    /// Create a log
    Create {
        /// Its name inside the server: a-z, 0-9 and hyphens
        name: String,
        /// Its origin: its name in the world, which never changes [default: made from the server's first key]
        #[arg(long)]
        origin: Option<String>,
        /// Let anyone read its tiles and checkpoint, without a token
        #[arg(long)]
        public: bool,
    },
    /// List the logs
    List,
    /// Show one log: its origin, size, root and keys
    Show {
        /// The log [default: that of --log]
        name: Option<String>,
        #[command(flatten)]
        log: LogArg,
    },
    /// Create a log that continues one that has ended; works on a data directory without a server
    Succeed(super::succeed::SucceedArgs),
}

/// Runs `graven log`.
pub(crate) fn run(context: &Context, args: LogArgs) -> Result<Exit, Failure> {
    match args.command {
        LogCommand::Create { name, origin, public } => {
            let new = NewLog { name, origin, public };
            print(context, &connect::client(context)?.create_log(&new)?)?;
        }
        LogCommand::List => list(context)?,
        LogCommand::Show { name, .. } => {
            let name = name.as_deref().unwrap_or(context.settings.text("log"));
            print(context, &connect::client(context)?.log(name)?)?;
        }
        LogCommand::Succeed(args) => return super::succeed::run(context, &args),
    }
    Ok(Exit::Good)
}

fn list(context: &Context) -> Result<(), Failure> {
    let logs = connect::client(context)?.logs()?;
    if context.out.json {
        let logs: Vec<Value> = logs.iter().map(to_json).collect();
        return context.out.json(&json!({ "logs": logs }));
    }
    let width = logs.iter().map(|log| log.name.len()).max().unwrap_or(0);
    for log in &logs {
        let state = if log.ended.is_some() { "  ended" } else { "" };
        context
            .out
            .line(format!("{:width$}  {:>12}  {}{state}", log.name, log.size, log.origin))?;
    }
    Ok(())
}

/// Prints one log.
pub(crate) fn print(context: &Context, log: &LogInfo) -> Result<(), Failure> {
    if context.out.json {
        return context.out.json(&to_json(log));
    }
    let mut text = format!(
        "name     {}\norigin   {}\nsize     {}\nroot     {}\ncreated  {}\npublic   {}\n",
        log.name,
        log.origin,
        log.size,
        log.root,
        log.created,
        if log.public { "yes" } else { "no" },
    );
    let vkeys = log.vkeys.iter().map(|vkey| format!("vkey     {vkey}\n"));
    let ended = log.ended.iter().map(|ended| format!("ended    {ended}\n"));
    text.extend(vkeys.chain(ended));
    context.out.data(text.as_bytes())
}

fn to_json(log: &LogInfo) -> Value {
    let mut value = json!({
        "name": log.name,
        "origin": log.origin,
        "public": log.public,
        "size": log.size.0,
        "root": log.root.to_string(),
        "created": log.created,
        "vkeys": log.vkeys,
    });
    if let Some(ended) = &log.ended {
        value["ended"] = ended.as_str().into();
    }
    value
}
