//! Four eyes at the server: a handler that does what one person may not do alone asks here first.

use std::sync::Arc;

use access::{Answer, ApprovalError, Class, Privilege, Request, Right, Standing};
use append::{Code, Refusal};
use graven_entry::Time;

use crate::call::Call;
use crate::gate::Gate;

/// A second person has approved it, or none is needed. Good for one doing.
#[derive(Debug)]
#[must_use = "what was approved is to be done, and once only"]
pub(crate) struct Approved(());

/// What someone wants to do.
pub(crate) struct Wanted {
    /// The kind of thing.
    pub(crate) privilege: Privilege,
    /// The right that it needs, of whoever approves it too.
    pub(crate) right: Right,
    /// The log that it is on; without one, the server.
    pub(crate) log: Option<String>,
    /// The class of the sealed value that it is about.
    pub(crate) class: Option<Class>,
    /// Exactly what, for whoever approves it: another thing is another request. No secrets.
    pub(crate) what: String,
}

/// Lets the caller do it, if a second person has approved it, who still may, or none is needed. Otherwise the request stands in
/// `system` when this returns `approval_needed`. An approval is used up before it is done, so this comes last, behind all that
/// could refuse it: a crash in between costs another one.
pub(crate) async fn require(call: &mut Call, wanted: Wanted) -> Result<Approved, Refusal> {
    let Wanted { privilege, right, log, class, what } = wanted;
    let who = call.principal()?.id.clone();
    let (expires, approved_by) = (Time::MIN, None);
    let request = Request { who, privilege, right, log, class, what, expires, approved_by };
    let shared = Arc::clone(&call.shared);
    let plan = move |standing: &Standing, now: Time| {
        let answer = standing.ask(&request, now).map_err(|error| refused(&error))?;
        Ok(match answer {
            Answer::Free => (Vec::new(), Ok(Approved(()))),
            Answer::Approved(used) => (vec![used], Ok(Approved(()))),
            Answer::Waits(number) => (Vec::new(), Err(needed(number, &request))),
            Answer::Asked(number, event) => (vec![event], Err(needed(number, &request))),
        })
    };
    // On a task of its own: one whose client has gone must still be taken in once it is permanent.
    let task = async move { shared.gate.change_with(&shared.cell, plan).await };
    tokio::spawn(task).await.unwrap_or_else(|error| Err(Gate::broke_off(&error)))?
}

fn needed(number: u64, request: &Request) -> Refusal {
    let (privilege, right) = (request.privilege, request.right.as_str());
    let detail = format!(
        "`{privilege}` needs a second person here: someone else with the right `{right}` has to approve request {number} within a day; then send the same again"
    );
    Refusal::new(Code::ApprovalNeeded, detail)
}

pub(crate) fn refused(error: &ApprovalError) -> Refusal {
    let code = match error {
        ApprovalError::Unknown => Code::NotFound,
        ApprovalError::Own => Code::Forbidden,
        ApprovalError::Done => Code::Exists,
        ApprovalError::TooMany => Code::Busy,
        ApprovalError::TooLarge(_) => Code::TooLarge,
    };
    Refusal::new(code, error.to_string()).in_field("approval")
}
