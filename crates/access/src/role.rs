//! Roles and rights: what each role may do, as one total function.

use std::fmt;

/// What a caller may be allowed. Every route of the server needs one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Append events to a log.
    Append,
    /// Read entries, one by one or as a tail.
    ReadEntries,
    /// Read bundles of entries: what exports are made of.
    Export,
    /// Read checkpoints, hash tiles and proofs, which tell nothing of contents.
    ReadProofs,
    /// Read where streams stand.
    ReadStreams,
    /// List logs and what every receipt tells about them anyway: origin, keys, size, root.
    ListLogs,
    /// Create a log.
    CreateLog,
    /// Add a stream's key, rotate a log's.
    ManageKeys,
    /// Read what a log takes of which events.
    ReadPolicy,
    /// Change what a log takes of which events.
    ManagePolicy,
    /// Save queries that a webhook tells of.
    ManageQueries,
    /// Read the server's counters.
    ReadMetrics,
    /// Make and revoke credentials, give and take roles.
    Grant,
    /// Open sealed values.
    Reveal,
    /// Learn which pseudonym stands for an id.
    FindSubject,
    /// Destroy a subject's key, and with it what was sealed under it.
    Erase,
    /// Put a subject under legal hold, and release it.
    Hold,
}

/// A set of rights. None contains another: a principal may hold several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Appends, and cannot read back what it wrote.
    Writer,
    /// Reads entries, sealed values closed, and proofs.
    Reader,
    /// Reads as a reader does, exports, saves queries, and sees `system`.
    Auditor,
    /// Opens sealed values.
    Revealer,
    /// Configures and erases; cannot append in another's name, cannot read events.
    Operator,
    /// Grants, and holds.
    Owner,
}

/// How far a role's right goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The role does not have the right.
    Nothing,
    /// Only for the principal's own streams.
    OwnStreams,
    /// All of the log.
    Whole,
}

impl Right {
    /// All rights.
    pub const ALL: [Right; 17] = [
        Right::Append,
        Right::ReadEntries,
        Right::Export,
        Right::ReadProofs,
        Right::ReadStreams,
        Right::ListLogs,
        Right::CreateLog,
        Right::ManageKeys,
        Right::ReadPolicy,
        Right::ManagePolicy,
        Right::ManageQueries,
        Right::ReadMetrics,
        Right::Grant,
        Right::Reveal,
        Right::FindSubject,
        Right::Erase,
        Right::Hold,
    ];

    /// The right of this name.
    pub fn parse(text: &str) -> Option<Right> {
        Right::ALL.into_iter().find(|right| right.as_str() == text)
    }

    /// The right's name in the API's contract and in refusals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Right::Append => "append",
            Right::ReadEntries => "read_entries",
            Right::Export => "export",
            Right::ReadProofs => "read_proofs",
            Right::ReadStreams => "read_streams",
            Right::ListLogs => "list_logs",
            Right::CreateLog => "create_log",
            Right::ManageKeys => "manage_keys",
            Right::ReadPolicy => "read_policy",
            Right::ManagePolicy => "manage_policy",
            Right::ManageQueries => "manage_queries",
            Right::ReadMetrics => "read_metrics",
            Right::Grant => "grant",
            Right::Reveal => "reveal",
            Right::FindSubject => "find_subject",
            Right::Erase => "erase",
            Right::Hold => "hold",
        }
    }
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 6] =
        [Role::Writer, Role::Reader, Role::Auditor, Role::Revealer, Role::Operator, Role::Owner];

    /// The role's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Writer => "writer",
            Role::Reader => "reader",
            Role::Auditor => "auditor",
            Role::Revealer => "revealer",
            Role::Operator => "operator",
            Role::Owner => "owner",
        }
    }

    /// The role of this name.
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// How far the role has the right, on the logs of its grant. Denied unless it stands here.
    pub const fn reach(self, right: Right) -> Reach {
        let has = match self {
            Role::Writer => match right {
                Right::ReadStreams => return Reach::OwnStreams,
                _ => matches!(right, Right::Append | Right::ListLogs),
            },
            Role::Reader => matches!(
                right,
                Right::ReadEntries | Right::ReadProofs | Right::ReadStreams | Right::ListLogs
            ),
            Role::Auditor => matches!(
                right,
                Right::ReadEntries
                    | Right::Export
                    | Right::ReadProofs
                    | Right::ReadStreams
                    | Right::ListLogs
                    | Right::ReadPolicy
                    | Right::ManageQueries
                    | Right::ReadMetrics
            ),
            Role::Revealer => {
                matches!(right, Right::Reveal | Right::FindSubject | Right::ListLogs)
            }
            Role::Operator => matches!(
                right,
                Right::CreateLog
                    | Right::ManageKeys
                    | Right::Erase
                    | Right::ReadPolicy
                    | Right::ManagePolicy
                    | Right::ReadMetrics
                    | Right::ListLogs
            ),
            Role::Owner => {
                matches!(right, Right::Grant | Right::Hold | Right::ReadPolicy | Right::ListLogs)
            }
        };
        if has { Reach::Whole } else { Reach::Nothing }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests;
