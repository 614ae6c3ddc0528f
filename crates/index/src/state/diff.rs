//! In what two states of a resource differ.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::fold::{OverLimit, State};
use crate::version::Setter;

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub field: String,
    /// Its value in the earlier state, if it is there.
    pub before: Option<Vec<u8>>,
    /// Its value in the later one.
    pub after: Option<Vec<u8>>,
    /// The entry between the two that last set it, or took it away.
    pub by: Arc<Setter>,
}

/// How a state changes by a stretch of entries, field by field, in the order of their names. What was set and set back
/// is no difference. A limit that the later state is over is an error.
pub(super) fn difference(earlier: &State, stretch: &State) -> Result<Vec<Difference>, OverLimit> {
    let mut later = earlier.clone();
    later.then(stretch)?;
    let value = |state: &State, name: &str| state.fields.get(name)?.value.clone();
    let names: BTreeSet<&String> = earlier.fields.keys().chain(later.fields.keys()).collect();
    let differences = names.into_iter().filter_map(|field| {
        let (before, after) = (value(earlier, field), value(&later, field));
        let last = stretch.fields.get(field).map(|field| &field.by).or(stretch.ended.as_ref());
        (before != after).then_some(())?;
        Some(Difference { field: field.clone(), before, after, by: Arc::clone(last?) })
    });
    Ok(differences.collect())
}
