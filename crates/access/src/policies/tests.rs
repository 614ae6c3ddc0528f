//! Tests of policies: what they forbid to whom, what is no policy, and their entries.

use graven_entry::Time;

use super::*;
use crate::{Asked, Change, Credential, Decision, Grant, Proof, Standing, Token, TokenKey};

/// `audrey` reads and audits, `billing` writes, `olga` operates.
fn standing(policies: &[&str]) -> Standing {
    let mut standing = Standing::default();
    let key = TokenKey::new(&[7; 32]);
    let apply = |standing: &mut Standing, event: &[u8]| {
        standing.apply(Time::MIN, event).expect("what was planned can be applied");
    };
    for (name, roles) in [
        ("owner", &[Role::Owner][..]),
        ("audrey", &[Role::Reader, Role::Auditor]),
        ("billing", &[Role::Writer]),
        ("olga", &[Role::Operator]),
    ] {
        let token = Token::draw(&env::SystemRandom);
        let hash = key.hash(token.text.as_bytes());
        let credential = Credential { proof: Proof::Token(token.id.clone(), hash), expires: None };
        let id = PrincipalId::new(name).unwrap();
        let mut changes = vec![Change::Create(id.clone(), credential, grant(roles[0]))];
        changes.extend(roles[1..].iter().map(|role| Change::Grant(id.clone(), grant(*role))));
        for change in changes {
            let events = standing.directory.plan(&PrincipalId::admin(), &change).unwrap();
            for event in &events {
                apply(&mut standing, event);
            }
        }
    }
    for (number, text) in policies.iter().enumerate() {
        let policy = Policy::parse(text).expect(text);
        let id = format!("p{number}");
        let event = standing.policies.plan(&PrincipalId::admin(), &id, Some(&policy)).unwrap();
        apply(&mut standing, &event);
    }
    standing
}

fn grant(role: Role) -> Grant {
    Grant { role, log: None, class: None }
}

fn decide(standing: &Standing, who: &str, right: Right, log: Option<&str>) -> Decision {
    let asked = Asked { right, log, stream: None };
    standing.decide(&PrincipalId::parse(who).unwrap(), &asked, Time::MIN)
}

/// Whether an event passes.
fn passes(standing: &Standing, who: &str, right: Right, event: &str) -> bool {
    let about = EventAbout::of(event.as_bytes()).expect("an event");
    standing.slice(&PrincipalId::parse(who).unwrap(), right, Some("payroll")).allows(&about)
}

#[test]
fn a_policy_narrows_what_roles_give() {
    use Decision::{Allowed, Forbidden, Narrowed};
    let standing = standing(&[
        r#"forbid(principal == Principal::"audrey", action, resource == Log::"payroll");"#,
        r#"forbid(principal in Role::"operator", action == Action::"create_log", resource);"#,
        r#"forbid(principal, action in [Action::"read_streams", Action::"read_proofs"], resource is Log) when { resource == Log::"main" && principal in Role::"auditor" };"#,
    ]);
    for (who, right, log, expected) in [
        ("audrey", Right::ReadEntries, Some("payroll"), Narrowed),
        ("audrey", Right::Export, Some("payroll"), Narrowed),
        ("audrey", Right::ReadEntries, Some("main"), Allowed),
        ("audrey", Right::Export, Some("main"), Allowed),
        ("audrey", Right::ReadProofs, Some("main"), Narrowed),
        ("audrey", Right::ReadProofs, Some("other"), Allowed),
        ("audrey", Right::Append, Some("payroll"), Forbidden),
        ("billing", Right::Append, Some("payroll"), Allowed),
        ("olga", Right::CreateLog, None, Narrowed),
        ("olga", Right::ReadMetrics, None, Allowed),
        ("owner", Right::Grant, None, Allowed),
    ] {
        assert_eq!(decide(&standing, who, right, log), expected, "{who} {right:?} {log:?}");
    }
}

#[test]
fn the_event_decides_where_a_policy_asks_for_it() {
    let standing = standing(&[
        r#"forbid(principal in Role::"reader", action == Action::"read_entries", resource) when { context.event.target_types.contains("salary") };"#,
        r#"forbid(principal, action == Action::"append", resource) unless { context.event.action like "billing.*" && context.event.actor_type != "user" };"#,
    ]);
    let event = |action: &str, kind: &str| {
        format!(
            r#"{{"actor":{{"type":"service"}},"action":"{action}","target":[{{"type":"x"}},{{"type":"{kind}"}}]}}"#
        )
    };
    for (who, right, event, expected) in [
        ("audrey", Right::ReadEntries, event("a", "salary"), false),
        ("audrey", Right::ReadEntries, event("a", "invoice"), true),
        ("billing", Right::Append, event("billing.pay", "salary"), true),
        ("billing", Right::Append, event("hr.pay", "salary"), false),
        ("billing", Right::Append, event("billing.pay", "").replace("service", "user"), false),
    ] {
        assert_eq!(passes(&standing, who, right, &event), expected, "{who} {event}");
    }
    // Whether an event is shown or not cannot be told of a bundle: a scoped reader gets none.
    assert_eq!(decide(&standing, "audrey", Right::ReadEntries, Some("payroll")), Decision::Allowed);
    assert_eq!(decide(&standing, "audrey", Right::Export, Some("payroll")), Decision::Narrowed);
}

#[test]
fn roles_and_policies_that_change_count_at_once() {
    let mut standing = standing(&[
        r#"forbid(principal in Role::"auditor", action == Action::"read_entries", resource);"#,
    ]);
    let read = |standing: &Standing| decide(standing, "audrey", Right::ReadEntries, Some("main"));
    assert_eq!(read(&standing), Decision::Narrowed);
    let audrey = PrincipalId::new("audrey").unwrap();
    let change = Change::Take(audrey.clone(), grant(Role::Auditor));
    let events = standing.directory.plan(&PrincipalId::admin(), &change).unwrap();
    for event in &events {
        standing.apply(Time::MIN, event).unwrap();
    }
    assert_eq!(read(&standing), Decision::Allowed, "no auditor any more");
    let text = r#"forbid(principal, action, resource == Log::"main");"#;
    let policy = Policy::parse(text).unwrap();
    let event = standing.policies.plan(&PrincipalId::admin(), "all", Some(&policy)).unwrap();
    assert_eq!(read(&standing), Decision::Allowed, "nothing counts before it is permanent");
    standing.apply(Time::MIN, &event).unwrap();
    assert_eq!(read(&standing), Decision::Narrowed);
    let text = String::from_utf8(event).unwrap();
    assert!(text.contains(r#""kind":"access","before":null,"after":"forbid("#), "{text}");
    let event = standing.policies.plan(&PrincipalId::admin(), "all", None).unwrap();
    standing.apply(Time::MIN, &event).unwrap();
    assert_eq!(read(&standing), Decision::Allowed);
    assert_eq!(standing.policies.all().count(), 1);
}

#[test]
fn until_there_is_an_owner_the_admin_is_above_policies() {
    let mut standing = Standing::default();
    let policy = Policy::parse("forbid(principal, action, resource);").unwrap();
    let event = standing.policies.plan(&PrincipalId::admin(), "all", Some(&policy)).unwrap();
    standing.apply(Time::MIN, &event).unwrap();
    assert_eq!(decide(&standing, "admin", Right::ReadEntries, Some("main")), Decision::Allowed);
}

#[test]
fn every_right_but_to_grant_can_be_forbidden() {
    for right in Right::ALL {
        let name = right.as_str();
        let text = format!(r#"forbid(principal, action == Action::"{name}", resource);"#);
        assert_eq!(Policy::parse(&text).is_ok(), right != Right::Grant, "{name}");
    }
    let standing = standing(&[
        r#"forbid(principal == Principal::"olga", action == Action::"erase", resource == Server::"graven");"#,
    ]);
    assert_eq!(decide(&standing, "olga", Right::Erase, None), Decision::Narrowed);
}

#[test]
fn what_is_no_policy_is_refused() {
    for (text, expected) in [
        ("", "does not hold"),
        ("forbid(principal, action);", "does not hold"),
        ("permit(principal, action, resource);", "only narrows"),
        (r#"forbid(principal, action == Action::"grant", resource);"#, "does not hold"),
        (r#"forbid(principal, action == Action::"fly", resource);"#, "does not hold"),
        (r#"forbid(principal == User::"x", action, resource);"#, "does not hold"),
        (
            r#"forbid(principal, action == Action::"append", resource) when { context.event.color == "red" };"#,
            "does not hold",
        ),
        (
            r#"forbid(principal, action == Action::"export", resource) when { context.event.action == "x" };"#,
            "does not hold",
        ),
        ("forbid(principal == ?principal, action, resource);", "does not hold"),
        (
            "forbid(principal, action, resource); forbid(principal, action, resource);",
            "does not hold",
        ),
    ] {
        let error = Policy::parse(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let long = format!("// {}\nforbid(principal, action, resource);", "x".repeat(9_000));
    assert!(matches!(Policy::parse(&long), Err(PolicyError::TooLarge(_))));
    let policies = Policies::default();
    let policy = Policy::parse("forbid(principal, action, resource);").unwrap();
    for id in ["", "A", "a b", &"x".repeat(64)] {
        let planned = policies.plan(&PrincipalId::admin(), id, Some(&policy));
        assert_eq!(planned, Err(PolicyError::Id), "{id}");
    }
    let planned = policies.plan(&PrincipalId::admin(), "a", None);
    assert_eq!(planned, Err(PolicyError::Unknown("a".to_owned())));
}

#[test]
fn a_policy_of_another_version_is_not_passed_over() {
    let mut policies = Policies::default();
    let admin = PrincipalId::admin();
    let event =
        events::change(&admin, "new", None, Some("forbid(principal, action, resource is Tape);"));
    policies.apply(&event).expect_err("what it forbids must not be allowed");
    let event = String::from_utf8(event).unwrap().replace("success", "denied");
    policies.apply(event.as_bytes()).expect("a refusal changes nothing");
    assert!(policies.is_empty());
}
