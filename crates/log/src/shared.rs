//! What the threads of a cell share of one log.
//!
//! Who writes what: the journal thread alone advances `state`, `tail` and `committed`, the unloader alone `parts`, whoever
//! signs holds `signer`. Readers only read, and only below the committed size.

use crate::budget::Budget;
use crate::keys::LogKeys;
use crate::poison::{Fatal, Poison};
use crate::state::{LogState, NamedKey};
use crate::tail::Tail;
use graven_entry::{LogName, Name};
use graven_merkle::{Hash, TreeSize};
use graven_note::{Checkpoint, Note};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use store::segments::PartMeta;

/// A size and its root, durable in the journal: only what the journal thread committed becomes one, and only such is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DurableHead {
    pub(crate) size: TreeSize,
    pub(crate) root: Hash,
}

/// A signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedHead {
    pub(crate) head: DurableHead,
    /// The note with its Ed25519 signature.
    pub(crate) note: String,
}

/// A published checkpoint and when it was made.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) boot_ns: u64,
    pub(crate) note: Vec<u8>,
}

/// Signs for one log, and is its own witness: nothing that does not extend the last is signed.
pub(crate) struct Signer {
    /// Empty where the keys are lost; two pairs during a rotation.
    pub(crate) keys: Vec<LogKeys>,
    pub(crate) last: Option<Arc<SignedHead>>,
}

impl Signer {
    /// The keys that count for a tree of this size by the log's own entries: a key counts after the entry that adds it,
    /// and no longer after the one that ends it.
    pub(crate) fn keys_at(&self, size: TreeSize, named: &[NamedKey]) -> Option<&LogKeys> {
        self.keys.iter().find(|keys| {
            let named = named.iter().find(|named| named.vkey == keys.ed25519_vkey);
            named.is_some_and(|named| {
                named.added_at < size.0 && named.ended_at.is_none_or(|ended_at| size.0 <= ended_at)
            })
        })
    }
}

/// One log, shared by the threads of its cell.
pub(crate) struct LogShared {
    /// Number of the log in this process, for caches.
    pub(crate) no: u32,
    pub(crate) name: LogName,
    pub(crate) origin: Name,
    pub(crate) public: bool,
    pub(crate) state: RwLock<LogState>,
    pub(crate) tail: RwLock<Tail>,
    /// Parts in index order, without a gap or an overlap, from index 0.
    pub(crate) parts: RwLock<Vec<PartMeta>>,
    pub(crate) committed: tokio::sync::watch::Sender<DurableHead>,
    pub(crate) signer: Mutex<Signer>,
    pub(crate) published: Mutex<Option<Published>>,
    pub(crate) queue: Arc<Budget>,
    /// Why the log takes no more entries, if it ended.
    pub(crate) ended: RwLock<Option<String>>,
}

impl LogShared {
    /// The committed size and root.
    pub(crate) fn head(&self) -> DurableHead {
        *self.committed.borrow()
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, LogState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, LogState> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tail(&self) -> RwLockReadGuard<'_, Tail> {
        self.tail.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tail_mut(&self) -> RwLockWriteGuard<'_, Tail> {
        self.tail.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn parts(&self) -> RwLockReadGuard<'_, Vec<PartMeta>> {
        self.parts.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn parts_mut(&self) -> RwLockWriteGuard<'_, Vec<PartMeta>> {
        self.parts.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn signer(&self) -> MutexGuard<'_, Signer> {
        self.signer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the log takes no more entries.
    pub(crate) fn ended(&self) -> Option<String> {
        self.ended.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the log: it is only read from now on.
    pub(crate) fn end(&self, reason: String) {
        *self.ended.write().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// Index after the last entry that stands in a part.
    pub(crate) fn stored(&self) -> u64 {
        self.parts().last().map_or(0, |part| part.first + u64::from(part.count))
    }

    /// The newest signed head, which is not behind `head`: signs `head` where the last one does not cover it.
    ///
    /// The signer is its own witness. A head of a size that was signed with another root is a fault of this process or of
    /// its memory: it is never signed, and the process stops.
    pub(crate) fn sign(
        &self,
        head: DurableHead,
        poison: &Poison,
    ) -> Result<Arc<SignedHead>, Fatal> {
        poison.check()?;
        let mut signer = self.signer();
        if let Some(last) = &signer.last {
            if last.head.size == head.size && last.head.root != head.root {
                let what = format!(
                    "log {} was about to sign a second root at size {}: {} after {}",
                    self.name, head.size, head.root, last.head.root
                );
                return Err(poison.fatal(what));
            }
            if last.head.size >= head.size {
                return Ok(Arc::clone(last));
            }
        }
        // Locks are taken in this order everywhere: signer, then state.
        let note = {
            let state = self.state();
            let keys = signer.keys_at(head.size, &state.keys).ok_or_else(|| no_key(self))?;
            sign_checkpoint(keys, &self.origin, head).map_err(Fatal)?
        };
        let signed = Arc::new(SignedHead { head, note });
        signer.last = Some(Arc::clone(&signed));
        Ok(signed)
    }
}

fn no_key(log: &LogShared) -> Fatal {
    Fatal(format!("log {} has no signing key", log.name))
}

/// The text of the checkpoint at a head.
pub(crate) fn checkpoint_text(origin: &Name, head: DurableHead) -> Result<String, String> {
    Checkpoint::new(origin.as_str(), head.size, head.root)
        .map(|checkpoint| checkpoint.to_text())
        .map_err(|error| error.to_string())
}

fn sign_checkpoint(keys: &LogKeys, origin: &Name, head: DurableHead) -> Result<String, String> {
    let text = checkpoint_text(origin, head)?;
    let line = keys.ed25519.sign_note(&text).map_err(|error| error.to_string())?;
    Note::new(text, vec![line]).map(|note| note.to_string()).map_err(|error| error.to_string())
}
