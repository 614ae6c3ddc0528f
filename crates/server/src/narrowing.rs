//! What policies show of a log, entry by entry and as the scope of a search: nothing else is found, counted or listed.

use std::collections::BTreeSet;

use access::{AboutField, EventAbout, Hidden, Slice};
use graven_entry::Entry;
use index::query::{Ast, Field, Glob, Test};

/// The entries that `hidden` does not hide. An event that says one of the fields which it asks for in more than one place is
/// hidden too: its index does not tell which of them the policy means.
pub(crate) fn scope(hidden: &Hidden) -> Ast {
    let mut asked = BTreeSet::new();
    collect(hidden, &mut asked);
    let unplain = asked.into_iter().map(|field| not(Ast::unplain(path(field))));
    all([not(condition(hidden))].into_iter().chain(unplain).collect())
}

/// Whether policies show this entry.
pub(crate) fn may_see(slice: &Slice, entry: &[u8]) -> bool {
    if matches!(slice, Slice::Free) {
        return true;
    }
    let about = Entry::parse(entry).ok().and_then(|entry| EventAbout::of(entry.event));
    about.is_some_and(|about| slice.allows(&about))
}

/// The fields that a condition asks for.
fn collect(hidden: &Hidden, asked: &mut BTreeSet<AboutField>) {
    match hidden {
        Hidden::All(each) | Hidden::Any(each) => each.iter().for_each(|one| collect(one, asked)),
        Hidden::Not(inner) => collect(inner, asked),
        Hidden::Is(field, _) | Hidden::Begins(field, _) => drop(asked.insert(*field)),
    }
}

fn condition(hidden: &Hidden) -> Ast {
    let field = |field: AboutField| Field::Path(path(field).to_owned());
    match hidden {
        Hidden::All(each) => all(each.iter().map(condition).collect()),
        // De Morgan: not one that does not hold.
        Hidden::Any(each) => not(all(each.iter().map(|one| not(condition(one))).collect())),
        Hidden::Not(inner) => not(condition(inner)),
        Hidden::Is(about, text) => Ast::Field(field(*about), Test::Equals(text.clone())),
        Hidden::Begins(about, text) => Ast::Field(field(*about), Test::Like(Glob::beginning(text))),
    }
}

fn all(mut each: Vec<Ast>) -> Ast {
    match each.len() {
        0 => Ast::All,
        1 => each.swap_remove(0),
        _ => Ast::And(each),
    }
}

fn not(ast: Ast) -> Ast {
    match ast {
        Ast::Not(inner) => *inner,
        other => Ast::Not(Box::new(other)),
    }
}

fn path(field: AboutField) -> &'static str {
    match field {
        AboutField::Action => "action",
        AboutField::Actor => "actor.id",
        AboutField::ActorType => "actor.type",
        AboutField::Outcome => "outcome",
        AboutField::Targets => "target.id",
        AboutField::TargetTypes => "target.type",
    }
}

#[cfg(test)]
#[path = "tests/narrowing.rs"]
mod tests;
