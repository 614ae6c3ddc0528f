//! `graven key`: the keys of a log and of its streams.

use std::path::{Path, PathBuf};

use client::KeyChange;
use graven_entry::Name;
use graven_note::{SigningKey, VerifierKey};
use graven_verify::{KeyOp, KeyTarget, key_statement};
use serde_json::json;
use zeroize::Zeroizing;

use super::log;
use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::flags::LogArg;

/// Bytes of a file with a private key.
const SECRET_BYTES_MAX: u64 = 4_096;

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
    /// Give a log new signing keys, which its old ones announce in the log; or with --stream a stream
    Rotate {
        /// The stream
        #[arg(long, value_name = "NAME", requires = "verifier_key", requires = "signature")]
        stream: Option<String>,
        /// The stream's next key; the one that signed for it is retired
        #[arg(requires = "stream")]
        verifier_key: Option<String>,
        /// What `graven key sign` printed
        #[arg(long, value_name = "LINE", requires = "stream")]
        signature: Option<String>,
        #[command(flatten)]
        log: LogArg,
    },
    /// Give a stream a key: from its first on it takes only events that are signed with one
    Add {
        /// The stream
        #[arg(long, value_name = "NAME")]
        stream: String,
        /// The producer's verifier key, <stream>+<id>+<base64>, Ed25519
        verifier_key: String,
        /// What `graven key sign` printed; needed where the stream has a key
        #[arg(long, value_name = "LINE")]
        signature: Option<String>,
        #[command(flatten)]
        log: LogArg,
    },
    /// Let a stream's key that was lost or stolen count no more
    Revoke {
        /// The stream
        #[arg(long, value_name = "NAME")]
        stream: String,
        /// The key
        verifier_key: String,
        #[command(flatten)]
        log: LogArg,
    },
    /// Sign for a stream's next key with its present one; for the producer
    Sign {
        /// The next key
        verifier_key: String,
        /// The file of the present private key, PRIVATE+KEY+…
        #[arg(long, value_name = "FILE")]
        secret: PathBuf,
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
        KeyCommand::Rotate { stream: Some(stream), verifier_key, signature, .. } => {
            let vkey = verifier_key.unwrap_or_default();
            let change = KeyChange { stream, vkey, signature, rotate: true, revoke: false };
            log::print(context, &client.change_stream_key(log, &change)?)?;
            context.out.note(format!("stream {} has another key from now on", change.stream));
        }
        KeyCommand::Rotate { .. } => {
            log::print(context, &client.rotate_key(log)?)?;
            context.out.note(
                "The keys have changed: give the new verifier key to those who check the log.",
            );
        }
        KeyCommand::Add { stream, verifier_key: vkey, signature, .. } => {
            let change = KeyChange { stream, vkey, signature, ..KeyChange::default() };
            log::print(context, &client.change_stream_key(log, &change)?)?;
            let stream = change.stream;
            context.out.note(format!("stream {stream} takes only signed events from now on"));
        }
        KeyCommand::Revoke { stream, verifier_key: vkey, .. } => {
            let change = KeyChange { stream, vkey, revoke: true, ..KeyChange::default() };
            log::print(context, &client.change_stream_key(log, &change)?)?;
            context.out.note(
                "the key counts no more; a next one without its signature makes events `asserted`",
            );
        }
        KeyCommand::Sign { verifier_key, secret, .. } => {
            let origin = client.log(log)?.origin;
            context.out.line(sign(&origin, &verifier_key, &secret)?)?;
        }
    }
    Ok(Exit::Good)
}

/// The line by which a stream's present key vouches for its next one.
fn sign(origin: &str, vkey: &str, secret: &Path) -> Result<String, Failure> {
    let bad = |what: &str, error: &dyn std::error::Error| Failure::caused(Exit::Usage, what, error);
    let origin = Name::origin(origin).map_err(|error| bad("the log's origin", &error))?;
    let next: VerifierKey = vkey.parse().map_err(|error| bad("the next key", &error))?;
    let stream = Name::new(next.name().as_str()).map_err(|error| bad("the next key", &error))?;
    let text = Zeroizing::new(files::read(secret, SECRET_BYTES_MAX)?);
    let text = std::str::from_utf8(&text).map_err(|error| bad("the private key", &error))?;
    let key: SigningKey = text.trim().parse().map_err(|error| bad("the private key", &error))?;
    let statement = key_statement(&origin, &KeyTarget::Stream(stream), KeyOp::Add, vkey);
    let line = key.sign_note(&statement).map_err(|error| bad("the private key", &error))?;
    Ok(line.to_string().trim_end().to_owned())
}
