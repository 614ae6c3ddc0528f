//! Tests of the directory: who gets in, what they may, and that a replay comes to the same.

use std::collections::BTreeSet;

use env::SystemRandom;
use graven_entry::{LogName, Time, check_event};

use super::{AuthFailure, Change, ChangeError, Credential, Directory, Proof};
use crate::Class;
use crate::certificate::CertificateName;
use crate::grant::Grant;
use crate::principal::PrincipalId;
use crate::role::{Right, Role};
use crate::scope::Asked;
use crate::scope::Decision::{self, Allowed, Forbidden, Hidden};
use crate::token::{Token, TokenKey};

const KEY: [u8; 32] = [9; 32];

/// A directory, and every event that it took in.
#[derive(Default)]
struct World {
    directory: Directory,
    events: Vec<(Time, Vec<u8>)>,
}

impl World {
    fn change(&mut self, change: &Change) -> Result<(), ChangeError> {
        for event in self.directory.plan(&PrincipalId::admin(), change)? {
            check_event(&event).expect("an event that every verifier takes");
            let time = at(self.events.len() as u64);
            self.directory.apply(time, &event).expect("what was planned can be applied");
            self.events.push((time, event));
        }
        Ok(())
    }

    fn create(&mut self, name: &str, role: Role, log: Option<&str>, expires: Option<u64>) -> Token {
        let token = Token::draw(&SystemRandom);
        let change = create(&token, name, grant(role, log), expires);
        self.change(&change).unwrap_or_else(|error| panic!("{name}: {error}"));
        token
    }

    fn decide(&self, name: &str, right: Right, log: Option<&str>) -> Decision {
        self.directory.decide(&id(name), &Asked { right, log, stream: None }, at(0))
    }

    fn auth(&self, token: &[u8], now: u64) -> Result<String, AuthFailure> {
        let account =
            self.directory.authenticate(token, &TokenKey::new(&KEY).hash(token), at(now))?;
        Ok(account.id.to_string())
    }
}

fn at(seconds: u64) -> Time {
    Time::from_unix_ns(seconds * 1_000_000_000).unwrap()
}

fn id(text: &str) -> PrincipalId {
    PrincipalId::parse(text).unwrap()
}

fn grant(role: Role, log: Option<&str>) -> Grant {
    Grant { role, log: log.map(|log| LogName::new(log).unwrap()), class: None }
}

fn create(token: &Token, name: &str, grant: Grant, expires: Option<u64>) -> Change {
    let hash = TokenKey::new(&KEY).hash(token.text.as_bytes());
    let credential =
        Credential { proof: Proof::Token(token.id.clone(), hash), expires: expires.map(at) };
    Change::Create(id(name), credential, grant)
}

#[test]
fn only_the_whole_token_in_its_time_gets_in() {
    let mut world = World::default();
    let token = world.create("a", Role::Reader, None, Some(1_000));
    let other = world.create("b", Role::Reader, None, None);
    assert_eq!(world.auth(token.text.as_bytes(), 999), Ok("a".to_owned()));
    let expired = world.auth(token.text.as_bytes(), 1_000);
    let asked = Asked { right: Right::ReadEntries, log: Some("main"), stream: None };
    assert_eq!(world.directory.decide(&id("a"), &asked, at(999)), Allowed);
    assert_eq!(world.directory.decide(&id("a"), &asked, at(1_000)), Hidden);
    assert_eq!(expired, Err(AuthFailure::Expired(id("a"))));
    let mut forged = token.text.as_bytes()[..24].to_vec();
    forged.extend_from_slice(&other.text.as_bytes()[24..]);
    assert_eq!(world.auth(&forged, 0), Err(AuthFailure::WrongSecret(id("a"))));
    for unknown in [&b""[..], b"x", Token::draw(&SystemRandom).text.as_bytes()] {
        assert_eq!(world.auth(unknown, 0), Err(AuthFailure::Unknown));
    }
    world.change(&Change::Revoke(id("b"))).unwrap();
    assert_eq!(world.auth(other.text.as_bytes(), 0), Err(AuthFailure::Revoked(id("b"))));
    assert_eq!(world.decide("b", Right::ReadEntries, Some("main")), Hidden);
}

#[test]
fn a_grant_covers_its_logs_and_no_other() {
    let mut world = World::default();
    world.create("owner", Role::Owner, None, None);
    world.create("one", Role::Reader, Some("main"), None);
    world.create("all", Role::Reader, None, None);
    world.create("auditor", Role::Auditor, None, None);
    world.create("auditor-1", Role::Auditor, Some("main"), None);
    world.create("system", Role::Reader, Some("system"), None);
    for (name, log, expected) in [
        ("one", "main", Allowed),
        ("one", "other", Hidden),
        ("one", "system", Hidden),
        ("all", "main", Allowed),
        ("all", "other", Allowed),
        ("all", "system", Hidden),
        ("all", "system-2", Hidden),
        ("all", "systemd", Allowed),
        ("auditor", "system", Allowed),
        ("auditor", "system-2", Allowed),
        ("auditor-1", "system", Hidden),
        ("system", "system", Allowed),
        ("system", "main", Hidden),
        ("owner", "main", Forbidden),
        ("admin", "main", Hidden),
        ("nobody", "main", Hidden),
    ] {
        assert_eq!(world.decide(name, Right::ReadEntries, Some(log)), expected, "{name} {log}");
    }
    assert_eq!(world.decide("one", Right::CreateLog, None), Forbidden);
    assert_eq!(world.decide("owner", Right::Grant, None), Allowed);
    world.create("op-1", Role::Operator, Some("main"), None);
    assert_eq!(world.decide("op-1", Right::CreateLog, None), Forbidden, "not the whole server");
    assert_eq!(world.decide("op-1", Right::ManageKeys, Some("main")), Allowed);
}

#[test]
fn the_admin_has_everything_until_there_is_an_owner() {
    let mut world = World::default();
    world.create("w", Role::Writer, None, None);
    for right in Right::ALL {
        assert_eq!(world.decide("admin", right, Some("system")), Allowed);
        assert_eq!(world.decide("admin", right, None), Allowed);
    }
    world.create("owner", Role::Owner, None, None);
    for right in Right::ALL {
        assert_eq!(world.decide("admin", right, Some("main")), Hidden, "{right:?}");
        assert_eq!(world.decide("admin", right, None), Forbidden, "{right:?}");
    }
    world.change(&Change::Grant(id("admin"), grant(Role::Reader, Some("main")))).unwrap();
    assert_eq!(world.decide("admin", Right::ReadEntries, Some("main")), Allowed);
    assert_eq!(world.decide("admin", Right::Append, Some("main")), Forbidden);
}

#[test]
fn a_revealer_opens_the_classes_of_its_grants() {
    let mut world = World::default();
    let of = |class, log| Grant { class, ..grant(Role::Revealer, log) };
    for (name, grant) in [
        ("all", of(None, None)),
        ("pii", of(Some(Class::Pii), None)),
        ("pan-main", of(Some(Class::Pan), Some("main"))),
    ] {
        world.change(&create(&Token::draw(&SystemRandom), name, grant, Some(9))).unwrap();
    }
    world.create("reader", Role::Reader, None, None);
    for (name, log, classes) in [
        ("all", "main", &Class::ALL[..]),
        ("all", "system", &[]),
        ("pii", "main", &[Class::Pii]),
        ("pan-main", "main", &[Class::Pan]),
        ("pan-main", "other", &[]),
        ("reader", "main", &[]),
        ("nobody", "main", &[]),
        ("admin", "main", &Class::ALL),
    ] {
        for class in Class::ALL {
            let may = world.directory.may_reveal(&id(name), log, class, at(0));
            assert_eq!(may, classes.contains(&class), "{name} {log} {class:?}");
        }
        assert!(!world.directory.may_reveal(&id("all"), "main", Class::Pii, at(9)), "expired");
    }
    let mut again = Directory::default();
    for (time, event) in &world.events {
        again.apply(*time, event).unwrap();
    }
    assert!(!again.may_reveal(&id("pii"), "main", Class::Phi, at(0)), "a replay comes to the same");
    let wrong = Grant { class: Some(Class::Pii), ..grant(Role::Reader, None) };
    assert_eq!(world.change(&Change::Grant(id("pii"), wrong)), Err(ChangeError::ClassOfRole));
}

#[test]
fn there_is_always_someone_who_can_grant() {
    let mut world = World::default();
    let owner = || grant(Role::Owner, None);
    let refused = |world: &mut World, change: &Change| {
        assert_eq!(world.change(change), Err(ChangeError::LastOwner), "{change:?}");
    };
    refused(&mut world, &Change::Revoke(id("admin")));
    refused(&mut world, &create(&Token::draw(&SystemRandom), "a", owner(), Some(5)));
    world.create("short", Role::Reader, None, Some(5));
    refused(&mut world, &Change::Grant(id("short"), owner()));
    world.create("one", Role::Owner, None, None);
    refused(&mut world, &Change::Revoke(id("one")));
    refused(&mut world, &Change::Take(id("one"), owner()));
    world.change(&Change::Grant(id("short"), owner())).unwrap();
    refused(&mut world, &Change::Revoke(id("one")));
    world.change(&Change::Revoke(id("admin"))).unwrap();
    world.create("two", Role::Owner, None, None);
    world.change(&Change::Take(id("one"), owner())).unwrap();
    refused(&mut world, &Change::Revoke(id("two")));
}

#[test]
fn a_name_is_used_once_and_changes_fit_what_there_is() {
    let mut world = World::default();
    world.create("a", Role::Writer, None, None);
    let again = |name| create(&Token::draw(&SystemRandom), name, grant(Role::Writer, None), None);
    assert_eq!(world.change(&again("a")), Err(ChangeError::Exists(id("a"))));
    assert_eq!(world.change(&again("admin")), Err(ChangeError::Exists(id("admin"))));
    world.change(&Change::Revoke(id("a"))).unwrap();
    assert_eq!(world.change(&again("a")), Err(ChangeError::Exists(id("a"))));
    let owner_of_log = Change::Grant(id("admin"), grant(Role::Owner, Some("main")));
    assert_eq!(world.change(&owner_of_log), Err(ChangeError::OwnerOfLog));
    let unknown = Err(ChangeError::Unknown(id("z")));
    assert_eq!(world.change(&Change::Revoke(id("z"))), unknown);
    assert_eq!(world.change(&Change::Grant(id("z"), grant(Role::Reader, None))), unknown);
    for done in [
        Change::Revoke(id("a")),
        Change::Grant(id("a"), grant(Role::Reader, None)),
        Change::Take(id("admin"), grant(Role::Reader, None)),
    ] {
        assert!(matches!(world.change(&done), Err(ChangeError::Done(_))), "{done:?}");
    }
}

#[test]
fn a_stream_named_after_a_principal_is_its_own() {
    let mut world = World::default();
    world.create("billing", Role::Writer, None, None);
    world.create("orders", Role::Writer, None, None);
    for (name, stream, may) in [
        ("billing", "billing/7f", true),
        ("orders", "billing/7f", false),
        ("orders", "billing", false),
        ("orders", "free/7f", true),
        ("admin", "billing/7f", true),
    ] {
        assert_eq!(world.directory.may_use_stream(&id(name), stream), may, "{name} {stream}");
    }
    let heads = |name: &str, stream: Option<&str>| {
        let asked = Asked { right: Right::ReadStreams, log: Some("main"), stream };
        world.directory.decide(&id(name), &asked, at(0))
    };
    assert_eq!(heads("billing", Some("billing/7f")), Allowed);
    assert_eq!(heads("billing", Some("orders/7f")), Forbidden);
    assert_eq!(heads("billing", None), Forbidden);
}

#[test]
fn a_replay_comes_to_the_same_state() {
    let mut world = World::default();
    world.create("a", Role::Writer, Some("main"), Some(77));
    world.create("o", Role::Owner, None, None);
    world.change(&Change::Grant(id("a"), grant(Role::Reader, None))).unwrap();
    world.change(&Change::Take(id("a"), grant(Role::Writer, Some("main")))).unwrap();
    world.change(&Change::Revoke(id("a"))).unwrap();
    let mut again = Directory::default();
    for (time, event) in &world.events {
        again.apply(*time, event).unwrap();
    }
    assert_eq!(format!("{:?}", again.accounts), format!("{:?}", world.directory.accounts));
    assert_eq!(again.tokens, world.directory.tokens);
    assert_eq!(again.had_owner, world.directory.had_owner);
}

#[test]
fn what_it_does_not_know_stops_a_replay_and_what_is_not_its_own_does_not() {
    let actor = r#"{"actor":{"id":"x"},"action":"#;
    let token = r#""graven.token","outcome":"success","target":{"id":"a"},"data":"#;
    for (event, is_good) in [
        (format!(r#"{actor}"graven.roots"}}"#), true),
        (format!(r#"{actor}"graven.read","target":{{"id":"a"}}}}"#), true),
        (format!(r#"{actor}"graven.login","outcome":"failure"}}"#), true),
        (format!(r#"{actor}"graven.token","outcome":"denied","target":{{"id":"a"}}}}"#), true),
        (format!(r#"{actor}{token}{{"op":"rotate"}}}}"#), false),
        (format!(r#"{actor}{token}{{"op":"revoke"}}}}"#), false),
        (format!(r#"{actor}{token}{{"op":"create","token":"0","hash":""}}}}"#), false),
        (
            format!(
                r#"{actor}"graven.grant","outcome":"success","target":{{"id":"admin"}},"data":{{"op":"add","role":"god"}}}}"#
            ),
            false,
        ),
    ] {
        let applied = Directory::default().apply(Time::MIN, event.as_bytes());
        assert_eq!(applied.is_ok(), is_good, "{event}: {applied:?}");
    }
}

#[test]
fn with_the_key_every_token_goes_and_the_admin_begins_anew() {
    let mut world = World::default();
    assert!(!world.directory.has_tokens());
    let owner = world.create("owner", Role::Owner, None, None);
    world.change(&Change::Revoke(id("admin"))).unwrap();
    assert!(world.directory.has_tokens());
    let event = Directory::plan_lost_key();
    check_event(&event).unwrap();
    world.directory.apply(at(9), &event).unwrap();
    assert!(!world.directory.has_tokens());
    assert_eq!(world.auth(owner.text.as_bytes(), 9), Err(AuthFailure::Revoked(id("owner"))));
    assert_eq!(world.decide("owner", Right::Grant, None), Hidden);
    assert_eq!(world.decide("admin", Right::Grant, None), Allowed);
    let again = create(&Token::draw(&SystemRandom), "owner", grant(Role::Owner, None), None);
    assert_eq!(world.change(&again), Err(ChangeError::Exists(id("owner"))), "names stay used");
}

#[test]
fn a_certificate_is_of_whom_its_names_are_bound_to() {
    let name = |text: &str| CertificateName::parse(text).unwrap();
    let bind = |text: &str, role: Role, expires: Option<u64>| {
        let credential =
            Credential { proof: Proof::Certificate(name(text)), expires: expires.map(at) };
        move |who: &str| Change::Create(id(who), credential.clone(), grant(role, None))
    };
    let mut world = World::default();
    world.change(&bind("urn:a", Role::Owner, None)("a")).unwrap();
    world.change(&bind("urn:b", Role::Reader, Some(1_000))("b")).unwrap();
    assert_eq!(
        world.change(&bind("urn:a", Role::Reader, None)("c")),
        Err(ChangeError::Bound(name("urn:a")))
    );
    let find = |world: &World, names: &[&str], now: u64| {
        let names: Vec<CertificateName> = names.iter().map(|text| name(text)).collect();
        world.directory.of_certificate(&names, at(now)).map(|account| account.id.to_string())
    };
    for (names, now, expected) in [
        (&["urn:a"][..], 0, Ok("a".to_owned())),
        (&["urn:x", "urn:b"], 999, Ok("b".to_owned())),
        (&["urn:b"], 1_000, Err(AuthFailure::Expired(id("b")))),
        (&["urn:a", "urn:b"], 0, Err(AuthFailure::Unknown)),
        (&["urn:x"], 0, Err(AuthFailure::Unknown)),
        (&[], 0, Err(AuthFailure::Unknown)),
    ] {
        assert_eq!(find(&world, names, now), expected, "{names:?}");
    }
    assert_eq!(world.change(&Change::Revoke(id("a"))), Err(ChangeError::LastOwner));
    assert!(!world.directory.has_tokens(), "a certificate needs no key of tokens");
    world.directory.apply(at(9), &Directory::plan_lost_key()).unwrap();
    assert_eq!(find(&world, &["urn:a"], 9), Ok("a".to_owned()), "and does not go with it");
    world.change(&Change::Revoke(id("b"))).unwrap();
    assert_eq!(find(&world, &["urn:b"], 9), Err(AuthFailure::Revoked(id("b"))));
}

#[test]
fn an_issuer_s_principal_has_the_roles_of_its_token_and_no_others() {
    let mut world = World::default();
    let who = TokenKey::new(&KEY).subject_id("https://issuer.example", "alice");
    let set = |world: &mut World, grants: &[Grant]| {
        let grants: BTreeSet<Grant> = grants.iter().cloned().collect();
        let events = world.directory.plan_subject(&who, "https://issuer.example", &grants)?;
        for event in &events {
            check_event(event).expect("an event that every verifier takes");
            let time = at(world.events.len() as u64);
            world.directory.apply(time, event).expect("what was planned can be applied");
            world.events.push((time, event.clone()));
        }
        let account = world.directory.account(who.as_str());
        let held = account.into_iter().flat_map(|account| &account.grants);
        Ok((events.len(), held.map(Grant::to_string).collect::<Vec<_>>().join(", ")))
    };
    let (reader, auditor, owner) =
        (grant(Role::Reader, Some("main")), grant(Role::Auditor, None), grant(Role::Owner, None));
    assert_eq!(set(&mut world, &[]), Err(ChangeError::NoRole));
    assert_eq!(
        set(&mut world, std::slice::from_ref(&owner)),
        Err(ChangeError::NoRole),
        "nobody else is"
    );
    for (grants, expected) in [
        (&[reader.clone()][..], (2, "reader on main")),
        (std::slice::from_ref(&reader), (0, "reader on main")),
        (&[auditor.clone(), owner.clone()], (2, "auditor")),
        (&[], (1, "")),
    ] {
        let (count, held) = set(&mut world, grants).unwrap();
        assert_eq!((count, held.as_str()), expected, "{grants:?}");
    }
    world.create("root", Role::Owner, None, None);
    assert_eq!(set(&mut world, &[owner]).unwrap(), (1, "owner".to_owned()));
    let last = world.change(&Change::Revoke(id("root")));
    assert_eq!(last, Err(ChangeError::LastOwner), "an issuer's word is not to be relied on");
    for change in [Change::Grant(who.clone(), reader.clone()), Change::Take(who.clone(), reader)] {
        assert_eq!(world.change(&change), Err(ChangeError::OfIssuer(who.clone())));
    }
    let mut replayed = Directory::default();
    for (time, event) in &world.events {
        replayed.apply(*time, event).unwrap();
    }
    assert!(replayed.of_subject(&who).is_ok());
    assert!(replayed.of_subject(&id("root")).is_err(), "a token's principal is no issuer's");
    world.change(&Change::Revoke(who.clone())).unwrap();
    assert_eq!(set(&mut world, &[auditor]).unwrap(), (0, "owner".to_owned()));
    assert_eq!(world.directory.of_subject(&who).err(), Some(AuthFailure::Revoked(who.clone())));
}

#[test]
fn a_login_is_remembered() {
    let mut world = World::default();
    world.create("a", Role::Writer, None, None);
    let event = br#"{"actor":{"id":"a"},"action":"graven.login","outcome":"success"}"#;
    world.directory.apply(at(55), event).unwrap();
    assert_eq!(world.directory.account("a").unwrap().last_used, Some(at(55)));
}
