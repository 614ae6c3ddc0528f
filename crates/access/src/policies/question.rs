//! What policies are asked.

use std::collections::HashSet;

use cedar_policy::EntityUid;

/// Who wants to do what where.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) principal: EntityUid,
    pub(super) roles: HashSet<EntityUid>,
    pub(super) action: EntityUid,
    pub(super) resource: EntityUid,
}
