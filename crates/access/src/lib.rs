//! Who may do what, and secrets that can be erased without breaking a proof.

pub mod sealed_limits;

mod keyring;
mod master;
mod pseudonym;
mod seal;
mod vault;

pub use keyring::{KeyId, Keyring, KeyringCounts, KeyringError, KeyringReport, SubjectKeys};
pub use master::{MasterKey, MasterKeyError, MasterKeys};
pub use pseudonym::is_pseudonym;
pub use seal::{
    Finding, FindingKind, LogSealing, OnFinding, PlannedPseudonym, PlannedValue, RuleError,
    SealPlan, SealPolicy, SealRefusal, SealRules, detect,
};
pub use vault::{Class, ClosedValue, OpenedValue, ToClose, VaultError, close};
