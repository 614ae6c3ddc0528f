//! Documents between the follower that makes them and the engine's thread that takes them.
//!
//! The engine's own queue has room for 10,000 documents of a few kilobytes each, and is full whenever the engine is the slower of
//! the two: tens of megabytes that make nothing faster. Here each document holds a place that it gives back when it is taken.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tantivy::TantivyDocument;
use tantivy::schema::document::Document;

/// How many documents wait, and how many may.
pub(crate) struct Queue {
    taken: Mutex<usize>,
    places: usize,
    given_back: Condvar,
}

impl Queue {
    pub(crate) fn new(places: usize) -> Arc<Queue> {
        Arc::new(Queue { taken: Mutex::new(0), places, given_back: Condvar::new() })
    }

    /// Gives the document a place as soon as there is one, and after `timeout` all the same: an engine that takes none says why
    /// when it is given the next.
    pub(crate) fn enter(self: &Arc<Queue>, document: TantivyDocument, timeout: Duration) -> Queued {
        let is_full = |taken: &mut usize| *taken >= self.places;
        let waited = self.given_back.wait_timeout_while(self.taken(), timeout, is_full);
        let (mut taken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *taken += 1;
        drop(taken);
        Queued { document, _place: Place(Arc::clone(self)) }
    }

    fn taken(&self) -> MutexGuard<'_, usize> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many documents hold a place.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        *self.taken()
    }
}

/// A document that holds a place until the engine takes it or gives it up.
pub(crate) struct Queued {
    document: TantivyDocument,
    _place: Place,
}

impl Document for Queued {
    type Value<'a> = <TantivyDocument as Document>::Value<'a>;
    type FieldsValuesIter<'a> = <TantivyDocument as Document>::FieldsValuesIter<'a>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        self.document.iter_fields_and_values()
    }
}

struct Place(Arc<Queue>);

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.taken() -= 1;
        self.0.given_back.notify_one();
    }
}
