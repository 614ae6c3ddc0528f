//! Which logs a grant covers, and what is decided where none does.

use crate::role::Right;

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The right that it needs.
    pub right: Right,
    /// On this log; without one, on the server as a whole.
    pub log: Option<&'a str>,
    /// The stream that it is about.
    pub stream: Option<&'a str>,
}

/// What is said to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allowed,
    /// A role gives it, and a policy forbids it.
    Narrowed,
    /// Refused; that the log exists is no secret to this principal.
    Forbidden,
    /// Refused as if the log did not exist.
    Hidden,
}

/// Whether a log of this name is the server's own record: `system`, or its successors `system-2`, `system-3`, ….
pub fn is_system(log: &str) -> bool {
    let is_number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit());
    log == "system" || log.strip_prefix("system-").is_some_and(is_number)
}
