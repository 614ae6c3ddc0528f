//! File descriptors: how many this process may have, and for how many connections that leaves room.
//!
//! A log that cannot open its next file stops. So connections, which anyone can open, never take the descriptors that
//! the log needs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server::limits::REFUSALS_AT_ONCE_MAX;
use store::limits::OPEN_PARTS_MAX;

use crate::exit::Exit;
use crate::failure::Failure;

/// Descriptors that are not for connections: open parts, connections that are being told that there is no place, and
/// journal, listener, threads and reads of one file each.
const KEPT: usize = OPEN_PARTS_MAX + REFUSALS_AT_ONCE_MAX + 128;

/// Raises this process's limit as far as it may, and gives the connections that it leaves room for.
pub(crate) fn connections_max() -> Result<usize, Failure> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    // Where it may not be raised, what it was counts.
    let limit = raised.map_or(current, |()| maximum);
    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    match limit.checked_sub(KEPT) {
        None | Some(0) => {
            let why =
                format!("this process may open {limit} files, and the log alone may need {KEPT}");
            Err(Failure::new(Exit::Unreachable, why).hint("Raise the limit: ulimit -n 65536."))
        }
        Some(left) => Ok(left),
    }
}
