//! `graven blame`: who last set each field of a resource.

use std::collections::BTreeMap;

use graven_entry::Entry;
use graven_merkle::LeafIndex;
use index::state::{Effect, Version};
use serde_json::{Value, json};

use super::asof::{exit, note_life};
use super::resource::{AskArgs, Asking, setter, shown};
use super::search::word;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::flags::KeyArg;

/// Arguments of `graven blame`.
#[derive(Debug, clap::Args)]
pub(crate) struct BlameArgs {
    /// The resource: type/id, as customer/42, or the id of one without a type
    target: String,
    /// The moment: an index, with its entry, or a time of the log, as 2026-11-20T22:55 [default: now]
    #[arg(long, value_name = "TIME|INDEX")]
    at: Option<String>,
    /// Fetch the entries with their proofs, and check that each is in the log and sets what is shown
    #[arg(long)]
    prove: bool,
    #[command(flatten)]
    ask: AskArgs,
    #[command(flatten)]
    key: KeyArg,
}

/// Prints each field with its value and the entry that set it, or with `--json` the server's answer, and entries and proofs
/// by their index.
pub(crate) fn run(context: &Context, args: &BlameArgs) -> Result<Exit, Failure> {
    let query = [("target", Some(&*args.target)), ("at", args.at.as_deref())];
    let asking = Asking::new(context, ("blame", &args.ask), query)?;
    let mut answer = asking.page(&[])?;
    asking.note_limits(context, &answer);
    if args.prove {
        prove(context, &asking, &args.target, &mut answer)?;
    }
    if context.out.json {
        context.out.json(&answer)?;
    } else {
        for (name, field) in answer["fields"].as_object().into_iter().flatten() {
            let name = word(&json!(name));
            let line = format!("{name}  {}  {}", shown(&field["value"]), setter(field));
            context.out.line(line)?;
        }
        note_life(context, &answer);
    }
    Ok(exit(&answer))
}

/// Checks every entry that is shown, and puts it with its proof into the answer.
fn prove(
    context: &Context,
    asking: &Asking,
    target: &str,
    answer: &mut Value,
) -> Result<(), Failure> {
    let mut by_index: BTreeMap<u64, Vec<(&String, &Value)>> = BTreeMap::new();
    for (name, field) in answer["fields"].as_object().into_iter().flatten() {
        let index = field["index"].as_u64();
        let index = index.ok_or_else(|| Failure::bad(format!("field {name} has no index")))?;
        by_index.entry(index).or_default().push((name, &field["value"]));
    }
    let (connection, mut proofs) = (&asking.connection, serde_json::Map::new());
    let mut all_verified = true;
    for (index, fields) in by_index {
        let proved = connection.client.proved_entry(&connection.log, LeafIndex(index))?;
        all_verified &= proved.is_verified;
        for (name, value) in fields {
            check(&proved.entry, target, (name, value))
                .map_err(|why| Failure::bad(format!("entry {index} does not set {name}: {why}")))?;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let proof = json!({"entry": text(&proved.entry), "proof": text(&proved.proof)});
        proofs.insert(index.to_string(), proof);
    }
    let count = proofs.len();
    answer["proofs"] = proofs.into();
    answer["verified"] = all_verified.into();
    let note = if all_verified {
        format!(
            "{count} entries are in the log and set what is shown; that no later one does is not proved"
        )
    } else {
        "not checked: no key of the log is known here; give one by --vkey".to_owned()
    };
    context.out.note(note);
    Ok(())
}

/// That an entry itself says that it sets a field to this value.
fn check(bytes: &[u8], target: &str, (name, value): (&str, &Value)) -> Result<(), String> {
    let entry = Entry::parse(bytes).map_err(|error| error.to_string())?;
    let version = Version::of(&entry, target).ok_or("it is not about the resource")?;
    if !version.counts {
        return Err("it did not succeed".to_owned());
    }
    let change = version.changes.iter().find(|change| change.field == name);
    let effect = change.map(|change| &change.effect);
    let Some(Effect::Set(after) | Effect::Sealed(after)) = effect else {
        return Err("it changes it otherwise".to_owned());
    };
    match serde_json::from_slice::<Value>(after) {
        Ok(after) if after == *value => Ok(()),
        _ => Err(format!("it sets it to {}", String::from_utf8_lossy(after))),
    }
}

#[cfg(test)]
#[path = "blame/tests.rs"]
mod tests;
