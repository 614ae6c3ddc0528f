//! A grant: a role, on one log or on all but the server's own.

use std::fmt;

use graven_entry::LogName;

use crate::Class;
use crate::role::Role;
use crate::scope::is_system;

/// A role that a principal holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// The one log that it is for; without one, every log but `system`, and for an auditor `system` too.
    pub log: Option<LogName>,
    /// The one class of sealed values that a revealer's is for; without one, every class.
    pub class: Option<Class>,
}

impl Grant {
    /// Whether the grant is about this log; with `None`, about the server as a whole.
    pub fn covers(&self, log: Option<&str>) -> bool {
        match (&self.log, log) {
            (None, None) => true,
            (None, Some(log)) => self.role == Role::Auditor || !is_system(log),
            (Some(_), None) => false,
            (Some(own), Some(log)) => own.as_str() == log,
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.role.fmt(f)?;
        if let Some(class) = self.class {
            write!(f, " of {}", class.as_str())?;
        }
        self.log.as_ref().map_or(Ok(()), |log| write!(f, " on {log}"))
    }
}
