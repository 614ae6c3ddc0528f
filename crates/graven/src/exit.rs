//! What the exit code of a command says. Scripts rely on the numbers.

use std::process::ExitCode;

/// The exit codes, the same for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done; where something was checked, it holds.
    Good = 0,
    /// Verification failed, data is corrupt, or what was asked for does not exist.
    Bad = 1,
    /// The command, its settings or the events given to it are not acceptable as they are.
    Usage = 2,
    /// A server could not be reached or does not let us in, or a file could not be read or written.
    Unreachable = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
