//! Four eyes at a running server: one asks, another approves, and it is done once.

use std::collections::BTreeSet;

use access::Privilege;
use graven_merkle::LeafIndex;
use serde_json::{Value, json};

use super::site::{Ask, Reply, Site};

/// A server on which something needs a second person, and three who have roles there.
struct World {
    site: Site,
    olga: String,
    otto: String,
    opal: String,
}

fn post(site: &Site, token: &str, path: &str, body: &Value) -> Reply {
    let body = body.to_string();
    let ask = Ask::post(path, "application/json", body.as_bytes()).anonymous();
    site.ask(&ask.with("authorization", token))
}

fn create(site: &Site, token: &str, name: &str, role: &str) -> Reply {
    post(site, token, "/api/v1/tokens", &json!({"name": name, "role": role}))
}

fn bearer(reply: &Reply) -> String {
    assert_eq!(reply.status, 201, "{}", reply.text());
    format!("Bearer {}", reply.json()["token"].as_str().unwrap())
}

/// The number of the request that a refusal names.
fn asked(reply: &Reply) -> u64 {
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (403, &json!("approval_needed")),
        "{}",
        reply.text()
    );
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    let number = detail.split("request ").nth(1).and_then(|rest| rest.split(' ').next());
    number.and_then(|number| number.parse().ok()).expect("a number")
}

fn approve(world: &World, token: &str, number: u64) -> Reply {
    post(&world.site, token, &format!("/api/v1/approvals/{number}/approve"), &json!({}))
}

impl World {
    /// Grants and keys need one; `olga` and `otto` are owners, `opal` is an operator.
    fn new() -> World {
        let site = Site::with_four_eyes(BTreeSet::from([Privilege::Grant, Privilege::Key]));
        let admin = "Bearer test-token";
        // Until there are two owners nobody could approve.
        let opal = bearer(&create(&site, admin, "opal", "operator"));
        let olga = bearer(&create(&site, admin, "olga", "owner"));
        let otto = bearer(&create(&site, &olga, "otto", "owner"));
        World { site, olga, otto, opal }
    }
}

#[test]
fn what_one_asks_another_approves_and_it_is_done_once() {
    let world = World::new();
    let World { site, olga, otto, opal } = &world;
    let number = asked(&create(site, olga, "audrey", "auditor"));
    assert_eq!(asked(&create(site, olga, "audrey", "auditor")), number, "the same request");
    let listed =
        site.ask(&Ask::get("/api/v1/approvals").anonymous().with("authorization", otto)).json();
    let request = &listed["approvals"][0];
    assert_eq!((&request["who"], &request["approved_by"]), (&json!("olga"), &Value::Null));
    assert!(request["what"].as_str().unwrap().contains("audrey"), "{listed}");
    let own = approve(&world, olga, number);
    assert_eq!((own.status, &own.json()["code"]), (403, &json!("forbidden")), "{}", own.text());
    for (token, number) in [(opal, number), (otto, number + 9)] {
        assert_eq!(approve(&world, token, number).status, 404);
    }
    let hidden =
        site.ask(&Ask::get("/api/v1/approvals").anonymous().with("authorization", opal)).json();
    assert_eq!(hidden["approvals"], json!([]));
    assert_eq!(approve(&world, otto, number).status, 200);
    assert_eq!(approve(&world, otto, number).status, 409);
    // Another thing is not approved, and neither is the same by another.
    asked(&create(site, olga, "audrey", "owner"));
    asked(&create(site, otto, "audrey", "auditor"));
    let made = create(site, olga, "audrey", "auditor");
    assert_eq!(made.status, 201, "{}", made.text());
    // What cannot be done is not asked for.
    assert_eq!(create(site, olga, "audrey", "auditor").status, 409);
    let role = json!({"role": "reader"});
    let number = asked(&post(site, olga, "/api/v1/tokens/audrey/roles", &role));
    assert_eq!(approve(&world, otto, number).status, 200);
    assert_eq!(post(site, olga, "/api/v1/tokens/audrey/roles", &role).status, 200);
    let take = json!({"role": "reader", "remove": true});
    asked(&post(site, olga, "/api/v1/tokens/audrey/roles", &take));
    let forbid = json!({"text": "forbid(principal, action, resource);"});
    asked(&post(site, olga, "/api/v1/policies/all", &forbid));
    // A stolen token must stop at once.
    assert_eq!(post(site, olga, "/api/v1/tokens/audrey/revoke", &json!({})).status, 200);
}

#[test]
fn what_is_denied_or_taken_back_waits_no_more() {
    let world = World::new();
    let World { site, olga, otto, opal } = &world;
    let deny = |token: &str, number: u64| {
        post(site, token, &format!("/api/v1/approvals/{number}/deny"), &json!({})).status
    };
    let number = asked(&create(site, olga, "audrey", "auditor"));
    assert_eq!(approve(&world, otto, number).status, 200);
    assert_eq!(deny(opal, number), 404, "whoever may not approve it does not see it");
    assert_eq!(deny(otto, number), 200, "an approval that was not used is taken back");
    assert_eq!(deny(otto, number), 404);
    assert_eq!(approve(&world, otto, number).status, 404);
    let again = asked(&create(site, olga, "audrey", "auditor"));
    assert!(again > number, "it is asked for anew");
    assert_eq!(deny(olga, again), 200, "her own");
    assert!(asked(&create(site, olga, "audrey", "auditor")) > again);
}

#[test]
fn keys_need_a_second_operator() {
    let world = World::new();
    let World { site, olga, otto, opal } = &world;
    let path = "/api/v1/logs/main/keys";
    let number = asked(&post(site, opal, path, &json!({"rotate": true})));
    assert_eq!(approve(&world, otto, number).status, 404, "an owner is no operator");
    let oslo = asked(&create(site, olga, "oslo", "operator"));
    assert_eq!(approve(&world, otto, oslo).status, 200);
    let oslo = bearer(&create(site, olga, "oslo", "operator"));
    assert_eq!(approve(&world, &oslo, number).status, 200);
    assert_eq!(post(site, opal, path, &json!({"rotate": true})).status, 200);
    asked(&post(site, opal, path, &json!({"rotate": true})));
}

/// An event whose `data.note` is phi, about c-42.
const EVENT: &str =
    r#"{"actor":{"id":"a"},"action":"pay","target":{"id":"c-42"},"data":{"note":"secret"}}"#;

fn sealed() -> (World, u64) {
    let site = Site::with_four_eyes(BTreeSet::from([Privilege::Reveal, Privilege::Erase]));
    let index = site.append(EVENT);
    let [olga, otto, opal] = ["olga", "otto", "opal"]
        .map(|name| bearer(&create(&site, "Bearer test-token", name, "operator")));
    (World { site, olga, otto, opal }, index)
}

fn revealer(site: &Site, name: &str, class: Option<&str>) -> String {
    let body = json!({"name": name, "role": "revealer", "class": class});
    bearer(&post(site, "Bearer test-token", "/api/v1/tokens", &body))
}

#[test]
fn a_reveal_needs_a_second_revealer_of_its_class() {
    let (world, index) = sealed();
    let site = &world.site;
    let [rita, ruth, rolf] = ["rita", "ruth", "rolf"].map(|name| revealer(site, name, None));
    let paul = revealer(site, "paul", Some("pii"));
    let path = format!("/api/v1/logs/main/entries/{index}/reveal");
    let reveal = |token: &str| {
        let body = json!({"path": "/data/note", "reason": "ticket 7"});
        let reply = post(site, token, &path, &body);
        assert!(reply.status == 200 || !reply.text().contains("secret"), "{}", reply.text());
        reply
    };
    let number = asked(&reveal(&rita));
    let listed = site.ask(&Ask::get("/api/v1/approvals").anonymous().with("authorization", &ruth));
    let request = &listed.json()["approvals"][0];
    assert_eq!((&request["class"], &request["log"]), (&json!("phi"), &json!("main")));
    // A path may tell as much as a value, and this stays in `system` for ever.
    let what = request["what"].as_str().unwrap();
    assert!(what.contains("ticket 7") && !what.contains("note"), "{what}");
    for (token, expected) in [(&paul, 404), (&world.opal, 404), (&rita, 403), (&ruth, 200)] {
        assert_eq!(approve(&world, token, number).status, expected);
    }
    // Whoever approved it lost the right before it was done.
    let revoke = |name: &str| {
        let path = format!("/api/v1/tokens/{name}/revoke");
        assert_eq!(post(site, "Bearer test-token", &path, &json!({})).status, 200);
    };
    revoke("ruth");
    assert_eq!(asked(&reveal(&rita)), number);
    assert_eq!(approve(&world, &rolf, number).status, 200);
    let revealed = reveal(&rita);
    assert_eq!((revealed.status, &revealed.json()["value"]), (200, &json!("secret")));
    assert!(asked(&reveal(&rita)) > number, "good once");
    let subject = json!({"subject": "c-42", "reason": "ticket 7"});
    let number = asked(&post(site, &rita, "/api/v1/subjects/show", &subject));
    assert_eq!(approve(&world, &rolf, number).status, 200);
    assert_eq!(post(site, &rita, "/api/v1/subjects/show", &subject).status, 200);
}

#[test]
fn an_erasure_needs_a_second_operator_and_a_refusal_does_not_use_up_the_approval() {
    let (world, _) = sealed();
    let site = &world.site;
    let do_it = |token: &str, what: &str, subject: &str| {
        let body = json!({"subject": subject, "reason": "request 12"});
        post(site, token, &format!("/api/v1/subjects/{what}"), &body)
    };
    assert_eq!(do_it(&world.opal, "erase", "nobody").status, 404, "nothing to ask for");
    let number = asked(&do_it(&world.opal, "erase", "c-42"));
    assert_eq!(approve(&world, &world.otto, number).status, 200);
    assert_eq!(do_it("Bearer test-token", "hold", "c-42").status, 200);
    let held = do_it(&world.opal, "erase", "c-42");
    assert_eq!((held.status, &held.json()["code"]), (409, &json!("held")));
    assert_eq!(do_it("Bearer test-token", "release", "c-42").status, 200);
    asked(&do_it(&world.olga, "erase", "c-42"));
    let erased = do_it(&world.opal, "erase", "c-42");
    assert_eq!((erased.status, &erased.json()["values"]), (200, &json!(1)), "{}", erased.text());
    let again = do_it(&world.opal, "erase", "c-42");
    assert_eq!((again.status, &again.json()["repeated"]), (200, &json!(true)));
    let system = site.cell.log("system").unwrap();
    for index in 0..system.info().size.0 {
        let entry = system.entry(LeafIndex(index)).unwrap();
        assert!(!String::from_utf8_lossy(&entry).contains("c-42"), "the id is told for ever");
    }
}

#[test]
fn requests_and_approvals_survive_a_restart() {
    let mut world = World::new();
    let (olga, otto) = (world.olga.clone(), world.otto.clone());
    let waits = asked(&create(&world.site, &olga, "a", "reader"));
    let approved = asked(&create(&world.site, &olga, "b", "reader"));
    assert_eq!(approve(&world, &otto, approved).status, 200);
    world.site.reopen(log::CellLimits::default());
    assert_eq!(asked(&create(&world.site, &olga, "a", "reader")), waits);
    assert_eq!(create(&world.site, &olga, "b", "reader").status, 201);
    // One owner alone does not get back what two had.
    assert_eq!(post(&world.site, &olga, "/api/v1/tokens/otto/revoke", &json!({})).status, 200);
    asked(&create(&world.site, &olga, "c", "owner"));
}
