//! Two heads of one log: is the later one an extension of the earlier?

use graven_entry::with_causes;
use graven_merkle::{EMPTY_ROOT, Hash, verify_consistency};
use graven_note::Checkpoint;

use crate::fault::{Fault, FaultKind};

/// Checks that the log whose checkpoint was `remembered` has gone on to `current`: not shortened,
/// and with the same entries up to there. `proof` is the consistency proof between the two sizes;
/// empty where they are equal or nothing was in the log.
pub fn compare_heads(
    remembered: &Checkpoint,
    current: &Checkpoint,
    proof: &[Hash],
) -> Result<(), Fault> {
    if remembered.origin != current.origin {
        let detail = format!(
            "the remembered checkpoint is of {:?}, this one is of {:?}",
            remembered.origin, current.origin
        );
        return Err(Fault::of_log(FaultKind::WrongOrigin, detail));
    }
    let (old, new) = (remembered.size, current.size);
    if new < old {
        let detail = format!("the log had {old} entries when last seen, it has {new} now");
        return Err(Fault::of_log(FaultKind::Rollback, detail));
    }
    if old.0 == 0 && remembered.root == EMPTY_ROOT {
        return Ok(());
    }
    verify_consistency(old, new, &remembered.root, &current.root, proof).map_err(|error| {
        let cause = with_causes(&error);
        let detail =
            format!("the log of {new} entries is not shown to extend that of {old}: {cause}");
        Fault::of_log(FaultKind::Fork, detail)
    })
}
