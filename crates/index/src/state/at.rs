//! The moment at which a state is asked for.

use std::fmt;
use std::str::FromStr;

use graven_merkle::LeafIndex;

use crate::query::{QueryError, moment};

/// A moment of a log. What it names counts still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// After the entry of this index.
    Index(LeafIndex),
    /// After what the log took at this time or before it, in nanoseconds since 1970. It is the header's time that counts: it
    /// rises with the index, and no producer has a say in it.
    Time(u64),
}

/// An index in digits, or a time as queries have it; a day or a month is its first moment.
impl FromStr for At {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<At, QueryError> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let index = text.parse::<u64>().ok().filter(|index| *index < 1 << 63);
            let index = index.map(|index| At::Index(LeafIndex(index)));
            return index.ok_or_else(|| QueryError::bad(0, "no log has that many entries"));
        }
        let span = moment::span(text).map(|span| At::Time(span.start_ns));
        span.ok_or_else(|| {
            let message = format!(
                "`{text}` is neither an index nor a time: `17`, `2026-11-20` or `2026-11-20T22:55:01Z`"
            );
            QueryError::bad(0, message)
        })
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Index(index) => write!(f, "{index}"),
            At::Time(ns) => f.write_str(&moment::print(*ns)),
        }
    }
}
