//! What a reader may see, asked of every row before anything else sees it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use graven_entry::{elements, pointer, string_value};

/// Which entries a reader may see.
///
/// The tables ask it before any condition, count or function of the query sees a row. `checkpoints` and `streams` speak of all
/// entries at once: a reader who may not see every entry sees no row of them.
#[derive(Clone)]
pub enum RowFilter {
    /// All.
    Everything,
    /// Those that this says yes to.
    Only(Arc<dyn Fn(&RowAbout) -> bool + Send + Sync>),
}

/// What a filter may look at. What an entry does not say is the empty text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowAbout<'a> {
    /// The principal that handed it in.
    pub writer: &'a str,
    /// Its stream.
    pub stream: &'a str,
    /// `action`.
    pub action: &'a str,
    /// `actor.type`.
    pub actor_type: &'a str,
    /// `actor.id`.
    pub actor: &'a str,
    /// `outcome`.
    pub outcome: &'a str,
    /// `type` and `id` of each target.
    pub targets: Vec<(String, String)>,
}

impl RowAbout<'_> {
    /// The targets, out of the columns that hold them.
    pub(crate) fn targets(
        kind: Option<String>,
        id: Option<String>,
        more: Option<&str>,
    ) -> Vec<(String, String)> {
        if kind.is_none() && id.is_none() && more.is_none() {
            return Vec::new();
        }
        let first = (kind.unwrap_or_default(), id.unwrap_or_default());
        let others = elements(more.unwrap_or_default().as_bytes());
        let others = others.map(|raw| (member(raw, "/type"), member(raw, "/id")));
        std::iter::once(first).chain(others).collect()
    }
}

impl RowFilter {
    /// Whether the reader may see every entry.
    pub(crate) fn is_everything(&self) -> bool {
        matches!(self, RowFilter::Everything)
    }
}

impl fmt::Debug for RowFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_everything() { "Everything" } else { "Only" })
    }
}

fn member(raw: &[u8], at: &str) -> String {
    pointer(raw, at).and_then(string_value).map_or_else(String::new, Cow::into_owned)
}
