//! `graven key`: the keys of a log and of its streams.

use serde_json::json;

use super::log;
use crate::args::LogArg;
use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Arguments of `graven key`.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, clap::Subcommand)]
enum KeyCommand {
    /// Print the verifier keys of a log, the current ones first
    List {
        #[command(flatten)]
        log: LogArg,
    },
    /// Give a log new signing keys; its old ones announce them in the log
    Rotate {
        #[command(flatten)]
        log: LogArg,
    },
    /// Give a stream its key: from then on it takes only events that are signed with it
    Add {
        /// The stream
        #[arg(long, value_name = "NAME")]
        stream: String,
        /// The producer's verifier key, <stream>+<id>+<base64>, Ed25519
        verifier_key: String,
        #[command(flatten)]
        log: LogArg,
    },
}

/// Runs `graven key`.
pub(crate) fn run(context: &Context, args: KeyArgs) -> Result<Exit, Failure> {
    let client = connect::client(context)?;
    let log = context.settings.text("log");
    match args.command {
        KeyCommand::List { .. } => {
            let info = client.log(log)?;
            if context.out.json {
                let keys = json!({ "log": info.name, "origin": info.origin, "vkeys": info.vkeys });
                context.out.json(&keys)?;
            } else {
                for vkey in &info.vkeys {
                    context.out.line(vkey)?;
                }
            }
        }
        KeyCommand::Rotate { .. } => {
            log::print(context, &client.rotate_key(log)?)?;
            context.out.note(
                "The keys have changed: give the new verifier key to those who check the log.",
            );
        }
        KeyCommand::Add { stream, verifier_key, .. } => {
            log::print(context, &client.add_stream_key(log, &stream, &verifier_key)?)?;
            context.out.note(format!("stream {stream} takes only signed events from now on"));
        }
    }
    Ok(Exit::Good)
}
