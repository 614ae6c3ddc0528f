//! Every log's audit policy, as the entries of `system` say.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{AuditPolicy, AuditPolicyError, events};
use crate::directory::ReplayError;
use crate::principal::PrincipalId;
use crate::scope::is_system;

/// The audit policies in force, by log.
#[derive(Clone, Debug, Default)]
pub struct Scopes {
    logs: BTreeMap<String, Arc<Scoped>>,
}

/// One log's audit policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scoped {
    /// How many policies the log had so far, this one counted.
    pub version: u64,
    /// The policy.
    pub policy: AuditPolicy,
}

/// Why a change of an audit policy is refused.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    /// The server's own record takes everything.
    #[error("`{0}` is the server's own record, and takes everything")]
    System(String),
    /// It stands already.
    #[error("this is the policy of `{0}` already")]
    Same(String),
    /// It is no policy.
    #[error(transparent)]
    Policy(#[from] AuditPolicyError),
}

impl Scopes {
    /// A log's policy, where it ever had one.
    pub fn of(&self, log: &str) -> Option<&Arc<Scoped>> {
        self.logs.get(log)
    }

    /// The event that a change is, in the name of `actor`, with what was before and after; nothing has changed until it
    /// is applied.
    pub fn plan(
        &self,
        actor: &PrincipalId,
        log: &str,
        policy: &AuditPolicy,
    ) -> Result<Vec<u8>, ScopeError> {
        if is_system(log) {
            return Err(ScopeError::System(log.to_owned()));
        }
        let before = self.of(log);
        if before.is_some_and(|before| before.policy == *policy) {
            return Err(ScopeError::Same(log.to_owned()));
        }
        let version = before.map_or(1, |before| before.version + 1);
        let before = before.map_or(&Value::Null, |before| before.policy.written());
        Ok(events::change(actor, log, version, (before, policy.written())))
    }

    /// Takes in an event of a `system` log. Others than ours change nothing.
    pub fn apply(&mut self, event: &[u8]) -> Result<(), ReplayError> {
        let Some((log, version, after)) = events::read(event)? else { return Ok(()) };
        let policy = AuditPolicy::from_value(after)
            .map_err(|error| events::fail(&format!("data.after: {error}")))?;
        self.logs.insert(log, Arc::new(Scoped { version, policy }));
        Ok(())
    }
}
