//! How safe an entry is when its receipt is sent. Never one vague "durable".

use std::fmt;
use std::str::FromStr;

/// The ack level of a receipt, weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AckLevel {
    /// Flushed to stable storage on this machine.
    #[default]
    Local,
    /// On as many mirrors as configured, each of which cosigned.
    Replicated,
    /// Committed in the object store.
    Object,
    /// Cosigned under the log's witness policy.
    Witnessed,
}

impl AckLevel {
    /// All levels, weakest first.
    pub const ALL: [AckLevel; 4] =
        [AckLevel::Local, AckLevel::Replicated, AckLevel::Object, AckLevel::Witnessed];

    /// The name used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            AckLevel::Local => "local",
            AckLevel::Replicated => "replicated",
            AckLevel::Object => "object",
            AckLevel::Witnessed => "witnessed",
        }
    }
}

impl fmt::Display for AckLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AckLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        AckLevel::ALL.into_iter().find(|level| level.as_str() == text).ok_or_else(|| {
            format!("ack level `{text}` is not one of local, replicated, object, witnessed")
        })
    }
}
