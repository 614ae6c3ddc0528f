//! Who may do what: principals, their credentials and their roles; and secrets that can be erased without breaking a proof.
//!
//! [`Directory`] is a state machine that reads no file and writes to no log: it plans the entries of the `system` log that a
//! change is, and takes them in once they are permanent. The server owns it, appends the entries, and asks it in one place.
//! [`Keyring`] is the one file here: subjects' keys, which can die. [`close`] encrypts what is sealed under them.

pub mod limits;
pub mod sealed_limits;

mod approvals;
mod audit;
mod certificate;
mod challenge;
mod directory;
mod factors;
mod grant;
mod keyring;
mod master;
mod policies;
mod principal;
mod pseudonym;
mod queries;
mod rate;
mod role;
mod scope;
mod seal;
mod session;
mod standing;
mod throttle;
mod token;
mod totp;
mod vault;
mod view;
mod webauthn;

pub use approvals::{Answer, ApprovalError, Approvals, Privilege, Request};
pub use audit::{
    AuditPolicy, AuditPolicyError, Disclosed, EventAbout, Level, ScopeError, Scoped, Scopes,
    Verdict,
};
pub use certificate::CertificateName;
pub use challenge::{Challenge, Challenges};
pub use directory::{
    Account, AuthFailure, Change, ChangeError, Credential, Directory, Proof, ReplayError,
};
pub use factors::{
    Factor, FactorError, FactorId, FactorKind, FactorName, Factors, SealedAt, TOTP_SECRET_PATH,
    Used,
};
pub use grant::Grant;
pub use keyring::{
    KeyId, Keyring, KeyringCounts, KeyringError, KeyringReport, SubjectKeys, copy_keyring,
    is_keyring,
};
pub use master::{MasterKey, MasterKeyError, MasterKeys, TokenError, TokenKeyUri, UriError};
pub use policies::{AboutField, Hidden, Policies, Policy, PolicyError, Slice};
pub use principal::{PrincipalId, PrincipalIdError};
pub use pseudonym::is_pseudonym;
pub use queries::{
    BUILT_IN, BuiltIn, DeadLetter, Firing, Hours, Queries, QueryName, Saved, SavedQueryError,
    Wanted, When, WhenError,
};
pub use rate::{RateLimits, Rates};
pub use role::{Reach, Right, Role};
pub use scope::{Asked, Decision, is_system};
pub use seal::{
    Finding, FindingKind, LogSealing, OnFinding, PlannedPseudonym, PlannedValue, RuleError,
    SealPlan, SealPolicy, SealRefusal, SealRules, SealStanding, detect,
};
pub use session::{Session, SessionBy, Sessions, Strength};
pub use standing::Standing;
pub use throttle::{Source, Throttle};
pub use token::{Token, TokenHash, TokenId, TokenKey};
pub use totp::TotpSecret;
pub use vault::{
    Class, ClosedBlob, ClosedValue, OpenedValue, ToClose, VaultError, close, close_blob,
};
pub use view::{ViewLink, is_theme};
pub use webauthn::{
    Assertion, Ceremony, ES256, PasskeyError, PasskeyId, PasskeyKey, Registered, RelyingParty,
};
