//! `graven token factor`: second factors, with which people sign in at a browser.

use std::io::{BufRead as _, IsTerminal as _};

use client::Client;
use qrcodegen::{QrCode, QrCodeEcc};
use serde_json::{Value, json};

use super::text;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Modules of light around a QR code (ISO 18004).
const QUIET: i32 = 4;

/// Arguments of `graven token factor`.
#[derive(Debug, clap::Args)]
pub(super) struct FactorArgs {
    #[command(subcommand)]
    command: FactorCommand,
}

#[derive(Debug, clap::Subcommand)]
enum FactorCommand {
    /// Add one to the principal whose token this is: shows a secret, and reads its first code from standard input
    Add {
        /// The principal
        name: String,
        /// Codes of an authenticator app (RFC 6238); passkeys are added at a browser
        #[arg(long, required = true)]
        totp: bool,
    },
    /// List a principal's
    List {
        /// The principal
        name: String,
    },
    /// Remove another principal's, as an owner; sessions that began with it end
    Remove {
        /// The principal
        name: String,
        /// The factor, as `list` shows it
        factor: String,
    },
}

/// Runs `graven token factor`.
pub(super) fn run(context: &Context, client: &Client, args: FactorArgs) -> Result<(), Failure> {
    match args.command {
        FactorCommand::Add { name, .. } => add(context, client, &name),
        FactorCommand::List { name } => {
            let factors = client.factors(&name)?;
            if context.out.json {
                return context.out.json(&json!({ "factors": factors }));
            }
            factors.iter().try_for_each(|factor| print(context, factor))
        }
        FactorCommand::Remove { name, factor } => {
            let answer = client.remove_factor(&name, &factor)?;
            if context.out.json {
                return context.out.json(&answer);
            }
            context.out.line(format!("removed {factor} of {name}"))
        }
    }
}

fn add(context: &Context, client: &Client, name: &str) -> Result<(), Failure> {
    let begun = client.start_totp(name)?;
    let uri = text(&begun, "uri");
    if context.out.json {
        context.out.json(&begun)?;
    } else {
        if std::io::stdout().is_terminal() {
            context.out.line(qr(uri).unwrap_or_default())?;
        }
        context.out.line(uri)?;
        context.out.note("Have an authenticator app read this; then type the code that it shows.");
    }
    let mut code = String::new();
    let read = std::io::stdin().lock().read_line(&mut code);
    read.map_err(|error| Failure::caused(Exit::Usage, "cannot read the code", &error))?;
    let entry = begun["entry"].as_u64().unwrap_or_default();
    let factor = client.finish_totp(name, entry, code.trim())?;
    if context.out.json {
        return context.out.json(&factor);
    }
    print(context, &factor)
}

fn print(context: &Context, factor: &Value) -> Result<(), Failure> {
    let (id, kind) = (text(factor, "factor"), text(factor, "kind"));
    context.out.line(format!("{id}  {kind:<7}  added {}", text(factor, "added")))
}

/// A QR code of half blocks, light on a dark terminal. `None` where the text is too long for one.
fn qr(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let end = code.size() + QUIET;
    let mut lines = String::new();
    for y in (-QUIET..end).step_by(2) {
        for x in -QUIET..end {
            lines.push(match (code.get_module(x, y), code.get_module(x, y + 1)) {
                (false, false) => '\u{2588}',
                (false, true) => '\u{2580}',
                (true, false) => '\u{2584}',
                (true, true) => ' ',
            });
        }
        lines.push('\n');
    }
    Some(lines)
}
