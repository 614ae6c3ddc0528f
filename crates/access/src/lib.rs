//! Who may do what: principals, their credentials and their roles.
//!
//! Nothing here reads a file or writes to a log. [`Directory`] is a state machine: it plans the entries of the `system`
//! log that a change is, and takes them in once they are permanent. The server owns it, appends the entries, and asks it
//! in one place.

pub mod limits;

mod directory;
mod grant;
mod principal;
mod rate;
mod role;
mod scope;
mod throttle;
mod token;

pub use directory::{
    Account, AuthFailure, Change, ChangeError, Credential, Directory, ReplayError,
};
pub use grant::Grant;
pub use principal::{PrincipalId, PrincipalIdError};
pub use rate::{RateLimits, Rates};
pub use role::{Reach, Right, Role};
pub use scope::{Asked, Decision, is_system};
pub use throttle::{Source, Throttle};
pub use token::{Token, TokenHash, TokenId, TokenKey};
