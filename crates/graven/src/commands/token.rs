//! `graven token`: principals, their tokens and their roles.

mod factor;

use client::{NewToken, RoleChange};
use serde_json::{Value, json};

use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

const ROLES: [&str; 6] = ["writer", "reader", "auditor", "revealer", "operator", "owner"];
const CLASSES: [&str; 4] = ["pii", "phi", "pan", "secret"];

/// Arguments of `graven token`.
#[derive(Debug, clap::Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

// `--log` here is no setting: where it is not given, a role is for every log but `system`.
#[derive(Debug, clap::Subcommand)]
enum TokenCommand {
    /// Make a principal with a role, and print its token, which is never shown again, or bind it to a client certificate
    Create {
        /// The principal's id for ever: a-z, 0-9, '.', '_' and '-'; not a person's name
        name: String,
        /// What it may do
        #[arg(long, value_parser = ROLES)]
        role: String,
        /// Only on this log [default: every log but `system`; an auditor's role is for that too]
        #[arg(long = "log", id = "role_log", value_name = "NAME")]
        log: Option<String>,
        /// Only for sealed values of this class, with the role `revealer`
        #[arg(long, value_parser = CLASSES)]
        class: Option<String>,
        /// Know it by client certificates with this URI or DNS name in subjectAltName, without a token
        #[arg(long, value_name = "NAME")]
        certificate: Option<String>,
        /// Stop being good after this time: a number with s, m, h or d
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        expires: Option<u64>,
    },
    /// List the principals with their roles, expiry and last use
    List,
    /// Revoke a principal's token for ever
    Revoke {
        /// The principal
        name: String,
    },
    /// Add, list and remove second factors, with which people sign in at a browser
    Factor(factor::FactorArgs),
    /// Give a principal another role, or take one
    Grant {
        /// The principal; `admin` is the holder of admin.token
        name: String,
        /// The role
        #[arg(long, value_parser = ROLES)]
        role: String,
        /// Only on this log
        #[arg(long = "log", id = "role_log", value_name = "NAME")]
        log: Option<String>,
        /// Only for sealed values of this class
        #[arg(long, value_parser = CLASSES)]
        class: Option<String>,
        /// Take the role
        #[arg(long)]
        remove: bool,
    },
}

/// Runs `graven token`.
pub(crate) fn run(context: &Context, args: TokenArgs) -> Result<Exit, Failure> {
    let client = connect::client(context)?;
    match args.command {
        TokenCommand::Create { name, role, log, class, certificate, expires } => {
            let new = NewToken { name, role, log, class, certificate, expires_s: expires };
            created(context, &client.create_token(&new)?)?;
        }
        TokenCommand::List => list(context, &client.tokens()?)?,
        TokenCommand::Revoke { name } => print(context, &client.revoke_token(&name)?)?,
        TokenCommand::Factor(args) => factor::run(context, &client, args)?,
        TokenCommand::Grant { name, role, log, class, remove } => {
            let change = RoleChange { role, log, class, remove };
            print(context, &client.change_role(&name, &change)?)?;
        }
    }
    Ok(Exit::Good)
}

fn created(context: &Context, answer: &Value) -> Result<(), Failure> {
    if context.out.json {
        return context.out.json(answer);
    }
    if answer["certificate"].is_string() {
        return print(context, answer);
    }
    context.out.line(text(answer, "token"))?;
    context.out.note("This is the token, shown this once. Whoever has it is the principal.");
    Ok(())
}

fn list(context: &Context, principals: &[Value]) -> Result<(), Failure> {
    if context.out.json {
        return context.out.json(&json!({ "tokens": principals }));
    }
    principals.iter().try_for_each(|principal| print(context, principal))
}

fn print(context: &Context, principal: &Value) -> Result<(), Failure> {
    if context.out.json {
        return context.out.json(principal);
    }
    let roles = principal["roles"].as_array().map(Vec::as_slice).unwrap_or_default();
    let roles: Vec<String> = roles
        .iter()
        .map(|role| {
            let of = role["class"].as_str().map(|class| format!(" of {class}"));
            let on = role["log"].as_str().map(|log| format!(" on {log}"));
            [text(role, "role"), &of.unwrap_or_default(), &on.unwrap_or_default()].concat()
        })
        .collect();
    let mut line = format!("{:<24}  {}", text(principal, "principal"), roles.join(", "));
    for (name, words) in [
        ("certificate", "certificate"),
        ("issuer", "issuer"),
        ("expires", "expires"),
        ("last_used", "last used"),
        ("revoked", "revoked"),
    ] {
        if let Some(time) = principal[name].as_str() {
            line.push_str(&format!("  {words} {time}"));
        }
    }
    context.out.line(line)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// A time such as `30d`, in seconds.
fn parse_time(text: &str) -> Result<u64, String> {
    let bad = || "not a number with s, m, h or d, such as 30d".to_owned();
    let unit = text.chars().last().ok_or_else(bad)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(bad()),
    };
    let number: u64 =
        text.strip_suffix(unit).and_then(|number| number.parse().ok()).ok_or_else(bad)?;
    number.checked_mul(seconds).filter(|seconds| *seconds > 0).ok_or_else(bad)
}

#[cfg(test)]
mod tests;
