//! Where the Cedar library is met: the schema, one policy's text, and the question.

use graven_entry::with_causes;
use std::collections::{BTreeSet, HashSet};
use std::str::FromStr as _;
use std::sync::{Arc, OnceLock};

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision, Effect, Entities, Entity, EntityId,
    EntityTypeName, EntityUid, Policy, PolicyId, PolicySet, PrincipalConstraint, Request,
    ResourceConstraint, RestrictedExpression, Schema, ValidationMode, Validator,
};

use super::hidden::Hidden;
use super::question::Question;
use super::{PolicyError, Slice};
use crate::audit::EventAbout;
use crate::principal::PrincipalId;
use crate::role::{Right, Role};

/// What policies may speak of. What an event does not say is the empty text.
pub(super) const SCHEMA: &str = "entity Role;
entity Principal in [Role];
entity Log;
entity Server;
type About = {
  action: String,
  actor: String,
  actor_type: String,
  outcome: String,
  targets: Set<String>,
  target_types: Set<String>,
};
action append, read_entries appliesTo {
  principal: Principal, resource: Log, context: { event: About },
};
action export, read_proofs, read_streams, list_logs, manage_keys, read_policy, manage_policy,
  manage_queries, reveal
  appliesTo { principal: Principal, resource: Log };
action create_log, read_metrics, find_subject, erase, hold
  appliesTo { principal: Principal, resource: Server };
";

/// The one entity of the type `Server`.
const SERVER: &str = "graven";
/// Cedar denies unless something permits; roles have decided that before.
const BASE: &str = "permit(principal, action, resource);";

/// A policy that forbids.
#[derive(Clone, Debug)]
pub(super) struct Forbid {
    policy: Policy,
    /// Its head, taken out once: Cedar copies it whenever it is asked, and each first request asks all policies.
    principal: PrincipalConstraint,
    action: ActionConstraint,
    resource: ResourceConstraint,
}

/// Policies whose word depends on the event.
#[derive(Debug)]
pub struct Asks {
    policies: PolicySet,
    entities: Entities,
    question: Question,
    /// What they forbid, as far as it can be said without Cedar.
    pub(super) hidden: Option<Hidden>,
}

impl Forbid {
    pub(super) fn parse(text: &str) -> Result<Forbid, PolicyError> {
        let refuse = |error: &dyn std::error::Error| PolicyError::Text(with_causes(error));
        let policy = Policy::parse(None, text).map_err(|error| refuse(&error))?;
        if policy.effect() != Effect::Forbid {
            return Err(PolicyError::Permit);
        }
        let set = PolicySet::from_policies([policy.clone()]).map_err(|error| refuse(&error))?;
        let checked = Validator::new(schema().clone()).validate(&set, ValidationMode::Strict);
        let errors: Vec<String> = checked.validation_errors().map(ToString::to_string).collect();
        if !errors.is_empty() {
            return Err(PolicyError::Text(errors.join("; ")));
        }
        let (principal, action) = (policy.principal_constraint(), policy.action_constraint());
        let resource = policy.resource_constraint();
        Ok(Forbid { policy, principal, action, resource })
    }

    /// Whether the policy's head is about such a question; its conditions have not been looked at.
    fn concerns(&self, question: &Question) -> bool {
        let is_type = |name: &EntityTypeName, uid: &EntityUid| uid.type_name() == name;
        let in_roles = |uid: &EntityUid| *uid == question.principal || question.roles.contains(uid);
        let is_principal = match &self.principal {
            PrincipalConstraint::Any => true,
            PrincipalConstraint::Eq(uid) => *uid == question.principal,
            PrincipalConstraint::In(uid) => in_roles(uid),
            PrincipalConstraint::Is(name) => is_type(name, &question.principal),
            PrincipalConstraint::IsIn(name, uid) => {
                is_type(name, &question.principal) && in_roles(uid)
            }
        };
        let is_action = match &self.action {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => *uid == question.action,
            ActionConstraint::In(uids) => uids.contains(&question.action),
        };
        let resource = &question.resource;
        let is_resource = match &self.resource {
            ResourceConstraint::Any => true,
            ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) => uid == resource,
            ResourceConstraint::Is(name) => is_type(name, resource),
            ResourceConstraint::IsIn(name, uid) => is_type(name, resource) && uid == resource,
        };
        is_principal && is_action && is_resource
    }
}

/// What the policies among `all` that concern a right say of it.
pub(super) fn slice<'a>(
    all: impl Iterator<Item = &'a Forbid>,
    id: &PrincipalId,
    right: Right,
    log: Option<&str>,
    roles: &BTreeSet<Role>,
) -> Slice {
    let question = Question {
        principal: uid("Principal", id.as_str()),
        roles: roles.iter().map(|role| uid("Role", role.as_str())).collect(),
        action: uid("Action", right.as_str()),
        resource: log.map_or_else(|| uid("Server", SERVER), |log| uid("Log", log)),
    };
    let concerned: Vec<&Policy> =
        all.filter(|one| one.concerns(&question)).map(|one| &one.policy).collect();
    if concerned.is_empty() {
        return Slice::Free;
    }
    if concerned.iter().any(|policy| !policy.has_non_scope_constraint()) {
        return Slice::Forbidden;
    }
    let asks = Asks::new(&concerned, question);
    if matches!(right, Right::Append | Right::ReadEntries) {
        return Slice::Asks(Arc::new(asks));
    }
    if asks.decide(Context::empty()) { Slice::Free } else { Slice::Forbidden }
}

impl Asks {
    fn new(policies: &[&Policy], question: Question) -> Asks {
        let hidden = Hidden::of(policies, &question);
        let numbered = policies.iter().enumerate();
        let forbids =
            numbered.map(|(number, policy)| policy.new_id(PolicyId::new(number.to_string())));
        let base = Policy::parse(None, BASE).expect("a policy of ours");
        let all = forbids.chain([base.new_id(PolicyId::new("base"))]);
        let policies = PolicySet::from_policies(all).expect("each has its own id");
        let role = |uid: &EntityUid| Entity::new_no_attrs(uid.clone(), HashSet::new());
        let mut entities: Vec<Entity> = question.roles.iter().map(role).collect();
        entities.push(Entity::new_no_attrs(question.principal.clone(), question.roles.clone()));
        entities.push(Entity::new_no_attrs(question.resource.clone(), HashSet::new()));
        let entities = Entities::from_entities(entities, None).expect("each stands there once");
        Asks { policies, entities, question, hidden }
    }

    /// Whether the policies let this event pass.
    pub(super) fn allows(&self, about: &EventAbout) -> bool {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let kinds = about.targets.iter().map(|(kind, _)| text(kind));
        let ids = about.targets.iter().map(|(_, id)| text(id));
        let event = RestrictedExpression::new_record([
            ("action".to_owned(), text(&about.action)),
            ("actor".to_owned(), text(&about.actor)),
            ("actor_type".to_owned(), text(&about.actor_type)),
            ("outcome".to_owned(), text(&about.outcome)),
            ("targets".to_owned(), RestrictedExpression::new_set(ids)),
            ("target_types".to_owned(), RestrictedExpression::new_set(kinds)),
        ]);
        let event = event.expect("no key stands twice");
        let context = Context::from_pairs([("event".to_owned(), event)]);
        self.decide(context.expect("values only, nothing that could fail"))
    }

    /// A policy that cannot be evaluated forbids: Cedar would pass over it.
    fn decide(&self, context: Context) -> bool {
        let Question { principal, action, resource, .. } = self.question.clone();
        let request = Request::new(principal, action, resource, context, None);
        let Ok(request) = request else { return false };
        let response = authorizer().is_authorized(&request, &self.policies, &self.entities);
        response.decision() == Decision::Allow && response.diagnostics().errors().next().is_none()
    }
}

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind = EntityTypeName::from_str(kind).expect("a name of the schema");
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

fn schema() -> &'static Schema {
    static SCHEMA_READ: OnceLock<Schema> = OnceLock::new();
    SCHEMA_READ.get_or_init(|| Schema::from_str(SCHEMA).expect("a schema of ours"))
}

fn authorizer() -> &'static Authorizer {
    static AUTHORIZER: OnceLock<Authorizer> = OnceLock::new();
    AUTHORIZER.get_or_init(Authorizer::new)
}
