//! The logs of a cell by name.

use crate::shared::LogShared;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The open logs. Written when a log is created, read by everyone.
#[derive(Default)]
pub(crate) struct Registry {
    logs: RwLock<BTreeMap<String, Arc<LogShared>>>,
}

impl Registry {
    /// The log of this name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<LogShared>> {
        self.logs.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All logs, by name.
    pub(crate) fn all(&self) -> Vec<Arc<LogShared>> {
        self.logs.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// How many logs there are.
    pub(crate) fn len(&self) -> usize {
        self.logs.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Adds a log.
    pub(crate) fn insert(&self, log: Arc<LogShared>) {
        let mut logs = self.logs.write().unwrap_or_else(PoisonError::into_inner);
        logs.insert(log.name.to_string(), log);
    }
}
