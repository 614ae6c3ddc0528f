//! A log-in as it is recorded: who it was, or said to be, and how it went.

use access::PrincipalId;
use append::Refusal;

use crate::call::Call;
use crate::gate::BadLogin;
use crate::record::{self, Outcome};

/// The actor of whoever proved nothing.
const ANONYMOUS: &str = "anonymous";

/// Records a log-in that failed. What its client is told.
pub(crate) fn refused(call: &Call, bad: BadLogin) -> Refusal {
    let claimed = bad.claimed.as_ref().map_or(ANONYMOUS, PrincipalId::as_str);
    record_attempt(call, ANONYMOUS, Outcome::Failure, claimed, bad.why);
    bad.refusal
}

/// Records a log-in of this principal by this method.
pub(crate) fn record(call: &Call, id: &str, method: &'static str) {
    record_attempt(call, id, Outcome::Success, id, method);
}

fn record_attempt(call: &Call, actor: &str, outcome: Outcome, claimed: &str, detail: &'static str) {
    let (actor, target) = (actor.to_owned(), ("principal", claimed.to_owned()));
    let (action, reason, address) = ("graven.login", None, call.source);
    let access = record::Access { actor, action, outcome, target, reason, detail, address };
    call.shared.records.add(access, 0, None);
}
