//! The fold of a resource's versions into its state.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::limits::{STATE_BYTES_MAX, STATE_FIELDS_MAX};
use crate::version::{Effect, Setter, Version};

/// What entries make of a resource: all of them, or a stretch that is to go on top of the state before it.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// By name.
    pub fields: BTreeMap<String, SetField>,
    /// Whether there is such a resource.
    pub life: Life,
    /// The last entry that ended its life: nothing from before it is left.
    pub ended: Option<Arc<Setter>>,
    /// The last entry that counted.
    pub last: Option<Arc<Setter>>,
    /// Digests of changes whose very fields are sealed: so much is not known of the state.
    pub hidden: u64,
    /// Whether fields that are taken away are kept, because something may stand before.
    is_stretch: bool,
    /// Of all names and values; at most [`STATE_BYTES_MAX`].
    bytes: usize,
}

/// A field as it was last set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetField {
    /// JSON as the event has it, `{"_sd":[...]}` where it is sealed; nothing where a stretch takes the field away.
    pub value: Option<Vec<u8>>,
    /// By which entry.
    pub by: Arc<Setter>,
}

/// Whether there is a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// No entry says so or otherwise.
    Unsaid,
    /// It was created, or a field of it set.
    Begun,
    /// It was deleted.
    Ended,
}

/// A resource with more fields, or larger ones, than its state may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "up to entry {index} the resource has {fields} fields of {bytes} bytes; the limits of a state are {STATE_FIELDS_MAX} and \
     {STATE_BYTES_MAX}: read its history instead"
)]
pub struct OverLimit {
    /// The entry at which it went over.
    pub index: graven_merkle::LeafIndex,
    /// Of the state, those taken away counted in a stretch.
    pub fields: usize,
    /// Of the names and values.
    pub bytes: usize,
}

impl State {
    /// The state before the first entry.
    pub fn new() -> State {
        State::empty(false)
    }

    /// What no entry at all does to a state.
    pub fn stretch() -> State {
        State::empty(true)
    }

    fn empty(is_stretch: bool) -> State {
        let (fields, life) = (BTreeMap::new(), Life::Unsaid);
        State { fields, life, ended: None, last: None, hidden: 0, is_stretch, bytes: 0 }
    }

    /// Takes the next version; the state is of no use after an error.
    pub fn apply(&mut self, version: &Version) -> Result<(), OverLimit> {
        if !version.counts {
            return Ok(());
        }
        let by = Arc::new(version.by.clone());
        self.last = Some(Arc::clone(&by));
        if version.ends {
            self.end(by);
            return Ok(());
        }
        if version.begins() {
            self.life = Life::Begun;
        }
        self.hidden += version.hidden;
        for change in &version.changes {
            let value = match &change.effect {
                Effect::Set(value) | Effect::Sealed(value) => Some(value.clone()),
                Effect::Removed => None,
                Effect::Unread => continue,
            };
            self.put(&change.field, SetField { value, by: Arc::clone(&by) });
        }
        self.check(&by)
    }

    /// Goes on with what a later stretch does.
    pub fn then(&mut self, later: &State) -> Result<(), OverLimit> {
        let Some(last) = &later.last else { return Ok(()) };
        if let Some(ended) = &later.ended {
            self.end(Arc::clone(ended));
        }
        if later.life != Life::Unsaid {
            self.life = later.life;
        }
        self.last = Some(Arc::clone(last));
        self.hidden += later.hidden;
        for (name, field) in &later.fields {
            self.put(name, field.clone());
        }
        self.check(last)
    }

    /// The fields that it has, with their values.
    pub fn values(&self) -> impl Iterator<Item = (&str, &[u8], &Setter)> {
        self.fields
            .iter()
            .filter_map(|(name, field)| Some((&**name, field.value.as_deref()?, &*field.by)))
    }

    /// The fields that a stretch takes away.
    pub fn removed(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|(_, field)| field.value.is_none()).map(|(name, _)| &**name)
    }

    fn end(&mut self, by: Arc<Setter>) {
        self.fields.clear();
        (self.bytes, self.hidden) = (0, 0);
        self.life = Life::Ended;
        self.ended = Some(by);
    }

    fn put(&mut self, name: &str, field: SetField) {
        let size = |field: &SetField| name.len() + field.value.as_ref().map_or(0, Vec::len);
        let is_kept = field.value.is_some() || self.is_stretch;
        self.bytes += if is_kept { size(&field) } else { 0 };
        let before = if is_kept {
            self.fields.insert(name.to_owned(), field)
        } else {
            self.fields.remove(name)
        };
        self.bytes -= before.as_ref().map_or(0, size);
    }

    fn check(&self, by: &Setter) -> Result<(), OverLimit> {
        let (fields, bytes) = (self.fields.len(), self.bytes);
        if fields > STATE_FIELDS_MAX || bytes > STATE_BYTES_MAX {
            return Err(OverLimit { index: by.index, fields, bytes });
        }
        Ok(())
    }
}

impl Default for State {
    fn default() -> State {
        State::new()
    }
}
