//! `graven subject`: whom sealed values are about; erased, held, found.

use serde_json::Value;

use crate::connect;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Arguments of `graven subject`.
#[derive(Debug, clap::Args)]
pub(crate) struct SubjectArgs {
    #[command(subcommand)]
    command: SubjectCommand,
}

#[derive(Debug, clap::Subcommand)]
enum SubjectCommand {
    /// Destroy the subject's key and all that was sealed under it, for ever; every proof still holds
    Erase(Named),
    /// Put the subject under legal hold: it is not erased until the hold is released
    Hold(Named),
    /// Release the subject's legal hold
    Release(Named),
    /// Print the pseudonym that stands for the subject in events
    Show(Named),
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The subject's id, in clear
    id: String,
    /// Why, for those who read the log `system`; no personal data
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Runs `graven subject`.
pub(crate) fn run(context: &Context, args: SubjectArgs) -> Result<Exit, Failure> {
    let (what, named) = match args.command {
        SubjectCommand::Erase(named) => ("erase", named),
        SubjectCommand::Hold(named) => ("hold", named),
        SubjectCommand::Release(named) => ("release", named),
        SubjectCommand::Show(named) => ("show", named),
    };
    let answer = connect::client(context)?.subject(what, &named.id, &named.reason)?;
    match what {
        _ if context.out.json => context.out.json(&answer)?,
        "erase" => erased(context, &answer)?,
        _ => shown(context, &answer)?,
    }
    Ok(Exit::Good)
}

fn shown(context: &Context, answer: &Value) -> Result<(), Failure> {
    let held = if answer["held"] == true { "  under legal hold" } else { "" };
    context.out.line(format!("{}{held}", text(answer, "pseudonym")))
}

/// What went, and where copies remain.
fn erased(context: &Context, answer: &Value) -> Result<(), Failure> {
    let before = if answer["repeated"] == true { "erased before: " } else { "erased: " };
    let (key, pseudonym) = (text(answer, "key"), text(answer, "pseudonym"));
    let values = &answer["values"];
    context
        .out
        .line(format!("{before}key {key}, {values} sealed values, pseudonym {pseudonym}"))?;
    let to = answer["revealed_to"].as_array().map(Vec::as_slice).unwrap_or_default();
    let to: Vec<&str> = to.iter().filter_map(Value::as_str).collect();
    if !to.is_empty() {
        let count = &answer["revealed"];
        context.out.line(format!("revealed before, {count} times, to {}", to.join(", ")))?;
    }
    context.out.line("copies that this does not reach:")?;
    let copies = answer["copies"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut copies = copies.iter().filter_map(Value::as_str);
    copies.try_for_each(|copy| context.out.line(format!("  {copy}")))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
