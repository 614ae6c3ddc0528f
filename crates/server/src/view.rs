//! What a view link shows.

use access::limits::{VIEW_FIELD_BYTES_MAX, VIEW_VALUE_BYTES_MAX};
use append::Refusal;
use graven_entry::Entry;
use index::Doc;
use index::query::{Ast, Field, Test, matches, parse};

use crate::gate::narrowed;
use crate::refusal::bad_field;

/// The entries whose field is this string, as a query: one of its values, where it has many.
pub(crate) fn shown(field: &str, value: &str) -> Result<Ast, Refusal> {
    let sizes = [
        ("field", field.len(), VIEW_FIELD_BYTES_MAX),
        ("value", value.len(), VIEW_VALUE_BYTES_MAX),
    ];
    for (name, bytes, bytes_max) in sizes {
        if bytes == 0 || bytes > bytes_max {
            return Err(bad_field(name, &format!("give 1 to {bytes_max} bytes")));
        }
    }
    let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
    let detail =
        "no field of events, nor `writer` or `stream`; as a query names it (docs/search.md)";
    match parse(&format!("{field}:\"{quoted}\"")) {
        Ok(shown @ Ast::Field(Field::Path(_) | Field::Writer | Field::Stream, Test::Equals(_))) => {
            Ok(shown)
        }
        _ => Err(bad_field("field", &detail)),
    }
}

/// Refuses an entry that a link does not show.
pub(crate) fn check(view: &Ast, entry: &[u8]) -> Result<(), Refusal> {
    let is_shown = *view == Ast::All
        || Entry::parse(entry).is_ok_and(|entry| matches(&Doc::new(&entry), view, 0));
    if is_shown {
        return Ok(());
    }
    Err(narrowed("this view does not show the entry"))
}
