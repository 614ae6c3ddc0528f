//! View links: what they show of a log, route by route, and that nothing else comes of them.

use access::limits::VIEW_S_MAX;
use graven_merkle::LeafIndex;
use serde_json::{Value, json};

use super::site::{Ask, Reply};
use crate::route::{Access, Method};
use crate::routes::ROUTES;
use crate::tests::session::World;

const NS_PER_S: u64 = 1_000_000_000;
const JSON: &str = "application/json";

/// A server with two tenants' entries: of acme 1, 3, 5, ..., of other 2, 4, ...; then one of both, one of neither.
struct Views {
    world: World,
    /// The token of the product that makes links, a reader.
    portal: String,
}

fn event(tenant: &Value, number: u64) -> String {
    json!({"actor": {"id": format!("a{number}")}, "action": "invoice.update", "context": {"tenant": tenant}}).to_string()
}

const EACH: u64 = 5;

impl Views {
    fn new() -> Views {
        let world = World::new(&[]);
        let portal = format!("Bearer {}", world.person("portal", "reader").token);
        for number in 0..EACH {
            world.site.append(&event(&json!("acme"), number));
            world.site.append(&event(&json!("other"), number));
        }
        world.site.append(&event(&json!(["acme", "other"]), EACH));
        let last = world.site.append(super::EVENT);
        let found = world.site.get(&format!("/api/v1/logs/main/search?limit=0&wait={last}"));
        assert_eq!(found.status, 200, "{}", found.text());
        Views { world, portal }
    }

    fn post(&self, bearer: &str, path: &str, body: &Value) -> Reply {
        let body = body.to_string();
        let ask = Ask::post(path, JSON, body.as_bytes()).anonymous();
        self.world.site.ask(&ask.with("authorization", bearer))
    }

    fn make(&self, body: &Value) -> Reply {
        self.post(&self.portal, "/api/v1/logs/main/views", body)
    }

    /// The header of a link to what is acme's.
    fn acme(&self) -> String {
        let made = self.make(&json!({"field": "context.tenant", "value": "acme"}));
        assert_eq!(made.status, 201, "{}", made.text());
        let token = made.json()["token"].as_str().expect("a token").to_owned();
        assert_eq!(made.json()["path"], format!("/ui/view#{token}"));
        format!("Bearer {token}")
    }

    fn get(&self, bearer: &str, path: &str) -> Reply {
        self.world.site.ask(&Ask::get(path).anonymous().with("authorization", bearer))
    }
}

fn indexes(found: &Reply) -> Vec<u64> {
    assert_eq!(found.status, 200, "{}", found.text());
    let found = found.json();
    let results = found["results"].as_array().expect("a list").iter();
    results.map(|one| one["index"].as_u64().expect("a number")).collect()
}

#[test]
fn a_link_shows_its_entries_and_no_others() {
    let views = Views::new();
    let acme = views.acme();
    let (size, both) = (views.world.site.size(), 2 * EACH + 1);
    let own: Vec<u64> = (0..size).filter(|at| (at % 2 == 1 && *at < both) || *at == both).collect();
    for index in 0..size {
        let expected = if own.contains(&index) { 200 } else { 403 };
        for end in ["", "/proof"] {
            let path = format!("/api/v1/logs/main/entries/{index}{end}");
            let reply = views.get(&acme, &path);
            assert_eq!(reply.status, expected, "{path}: {}", reply.text());
            assert!(expected == 200 || !reply.text().contains("other"), "{}", reply.text());
        }
    }
    let found = views.get(&acme, "/api/v1/logs/main/search?proofs=true");
    assert_eq!(indexes(&found), own.iter().rev().copied().collect::<Vec<_>>());
    let found = found.json();
    assert_eq!(found["total"], own.len());
    let counted = |name: &str| found["facets"][name]["values"][0]["count"].as_u64();
    assert_eq!(counted("action"), Some(own.len() as u64), "{found}");
    let buckets = found["histogram"].as_array().expect("a list").iter();
    let in_all: u64 = buckets.map(|one| one["count"].as_u64().expect("a number")).sum();
    assert_eq!(in_all, own.len() as u64);
    for query in ["context.tenant:other", "*", "-context.tenant:acme", "a OR context.tenant:other"]
    {
        let query = query.replace(' ', "+");
        let found = indexes(&views.get(&acme, &format!("/api/v1/logs/main/search?q={query}")));
        assert!(found.iter().all(|index| own.contains(index)), "{query}: {found:?}");
    }
    let shown = views.get(&acme, "/api/v1/view").json();
    assert_eq!((&shown["log"], &shown["value"]), (&json!("main"), &json!("acme")), "{shown}");
}

/// Whether a link may call a route at all; a route that is neither is denied.
const MAY: [&str; 6] = ["showLog", "getEntry", "getProof", "getConsistency", "search", "showView"];

#[test]
fn every_route_but_those_of_its_page_is_shut() {
    let views = Views::new();
    let acme = views.acme();
    let logs = json!({"name": "second"}).to_string();
    assert_eq!(views.world.site.post("/api/v1/logs", JSON, logs.as_bytes()).status, 201);
    let mut shut = 0;
    for route in ROUTES.iter().filter(|route| route.access != Access::Open) {
        let id = route.doc.id;
        for log in ["main", "second", "system", "missing"] {
            let path = route.path.replace("{log}", log).replace("{index}", "1");
            let path = path.replace("{*tile}", "000").replace("{principal}", "portal");
            let path = path.replace("{*", "").replace(['{', '}'], "");
            let query = match id {
                "getConsistency" => "?old=1&new=2",
                _ => "",
            };
            let method = match route.method {
                Method::Get => "GET",
                Method::Post => "POST",
                Method::Delete => "DELETE",
            };
            let path = format!("{path}{query}");
            let ask = Ask { method, body: b"{}", ..Ask::get(&path).anonymous() };
            let ask = ask.with("authorization", &acme).with("content-type", JSON);
            let reply = views.world.site.ask(&ask);
            let expected = match (MAY.contains(&id), route.access == Access::Page, log) {
                (_, true, _) => 401,
                (false, ..) => 403,
                (true, _, "main") => 200,
                // Where the path names no log, it is the same one again.
                (true, _, _) if !route.path.contains("{log}") => 200,
                (true, ..) => 404,
            };
            assert_eq!(reply.status, expected, "{id} of {log}: {}", reply.text());
            shut += usize::from(expected != 200);
        }
    }
    assert!(shut > 150, "{shut}");
    assert_eq!(views.get(&acme, "/api/v1/none").status, 403, "nor what is no route");
}

#[test]
fn a_link_ends_with_its_time_and_with_its_maker() {
    let views = Views::new();
    let body = json!({"field": "context.tenant", "value": "acme", "expires_s": 60});
    let made = views.make(&body).json();
    let short = format!("Bearer {}", made["token"].as_str().expect("a token"));
    let long = views.acme();
    let check = |bearer: &str, expected: u16| {
        let reply = views.get(bearer, "/api/v1/logs/main/entries/1");
        assert_eq!(reply.status, expected, "{}", reply.text());
    };
    check(&short, 200);
    views.world.clock.advance(61 * NS_PER_S);
    check(&short, 401);
    check(&long, 200);
    let at = long.len() - 5;
    let other = if &long[at..=at] == "A" { "B" } else { "A" };
    check(&[&long[..at], other, &long[at + 1..]].concat(), 401);
    check("Bearer graven_view_", 401);
    let revoked = views.world.site.post("/api/v1/tokens/portal/revoke", JSON, b"");
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    check(&long, 401);
}

#[test]
fn a_link_never_shows_more_than_its_maker_may_read() {
    let views = Views::new();
    let acme = views.acme();
    let forbid = r#"forbid(principal == Principal::"portal", action == Action::"read_entries", resource) when { context.event.actor == "a1" };"#;
    let set = json!({"text": forbid}).to_string();
    let set = views.world.site.post("/api/v1/policies/narrow", JSON, set.as_bytes());
    assert_eq!(set.status, 200, "{}", set.text());
    assert_eq!(views.get(&acme, "/api/v1/logs/main/entries/3").status, 403);
    assert_eq!(views.get(&acme, "/api/v1/logs/main/entries/1").status, 200);
    let found = indexes(&views.get(&acme, "/api/v1/logs/main/search"));
    assert!(!found.contains(&3) && found.contains(&1) && !found.contains(&2), "{found:?}");
    let take = json!({"role": "reader", "remove": true}).to_string();
    let taken = views.world.site.post("/api/v1/tokens/portal/roles", JSON, take.as_bytes());
    assert_eq!(taken.status, 200, "{}", taken.text());
    assert_eq!(views.get(&acme, "/api/v1/logs/main/entries/1").status, 404);
    assert_eq!(views.make(&json!({"field": "context.tenant", "value": "acme"})).status, 404);
}

#[test]
fn what_is_no_link_is_refused() {
    let views = Views::new();
    let check = |field: &str, value: &str, more: Value, expected: &str| {
        let mut body = json!({"field": field, "value": value});
        for (name, value) in more.as_object().expect("members") {
            body[name] = value.clone();
        }
        let reply = views.make(&body);
        assert_eq!(reply.status, 400, "{body}: {}", reply.text());
        assert_eq!(reply.json()["field"], expected, "{}", reply.text());
    };
    let none = || json!({});
    check("", "x", none(), "field");
    check("context.tenant", "", none(), "value");
    check("context.tenant", &"x".repeat(256), none(), "value");
    check(&"x".repeat(256), "x", none(), "field");
    for field in [
        "time",
        "index",
        "nosuch",
        "-context.tenant",
        "a:b OR context.tenant",
        "context.tenant:x context.tenant",
        "*",
    ] {
        check(field, "x", none(), "field");
    }
    check("context.tenant", "x", json!({"expires_s": 0}), "expires_s");
    check("context.tenant", "x", json!({"expires_s": VIEW_S_MAX + 1}), "expires_s");
    check("context.tenant", "x", json!({"title": ""}), "title");
    check("context.tenant", "x", json!({"theme": {"good": "#f00"}}), "theme.good");
    check("context.tenant", "x", json!({"theme": {"accent": "url(x)"}}), "theme.accent");
}

#[test]
fn a_value_is_what_it_is_whatever_stands_in_it() {
    let views = Views::new();
    let strange = "a \"quoted\\\" * \n\u{e9} OR x:\"y";
    let index = views.world.site.append(&event(&json!(strange), 0));
    let found = views.world.site.get(&format!("/api/v1/logs/main/search?limit=0&wait={index}"));
    assert_eq!(found.status, 200, "{}", found.text());
    let made = views.make(&json!({"field": "context.tenant", "value": strange}));
    let token = format!("Bearer {}", made.json()["token"].as_str().expect("a token"));
    assert_eq!(views.get(&token, "/api/v1/view").json()["value"], strange);
    assert_eq!(indexes(&views.get(&token, "/api/v1/logs/main/search")), [index]);
    assert_eq!(views.get(&token, &format!("/api/v1/logs/main/entries/{index}")).status, 200);
}

#[test]
fn views_are_told_in_system() {
    let views = Views::new();
    let acme = views.acme();
    assert_eq!(views.get(&acme, "/api/v1/logs/main/entries/1").status, 200);
    assert_eq!(views.get(&acme, "/api/v1/logs/main/entries/2").status, 403);
    let system = views.world.site.cell.log("system").expect("the server's own");
    let entry = |index: u64| String::from_utf8(system.entry(LeafIndex(index)).expect("an entry"));
    let told = |action: &str, outcome: &str| {
        let wanted = [format!(r#""action":"{action}""#), format!(r#""outcome":"{outcome}""#)];
        for _ in 0..600 {
            let mut all = (0..system.info().size.0).map(|at| entry(at).expect("UTF-8"));
            let found = all.find(|one| {
                wanted.iter().all(|part| one.contains(part)) && one.contains("context.tenant=acme")
            });
            if let Some(found) = found {
                return found;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{action}, {outcome} is not told");
    };
    for (action, outcome) in
        [("graven.view", "success"), ("graven.read", "success"), ("graven.read", "denied")]
    {
        let told = told(action, outcome);
        assert!(told.contains(r#""actor":{"id":"portal"}"#), "{told}");
    }
}

#[test]
fn a_view_is_embedded_where_its_origin_is_allowed() {
    let policy = |origins: &[&str]| {
        let view_origins = origins.iter().map(|one| (*one).to_owned()).collect();
        let demands = super::site::Demands { view_origins, ..Default::default() };
        let world = World::with(demands);
        let view = world.site.ask(&Ask::get("/ui/view").anonymous());
        assert_eq!(view.status, 200);
        let other = world.site.ask(&Ask::get("/ui/").anonymous());
        let other = other.header("content-security-policy").expect("a policy").to_owned();
        assert!(other.contains("frame-ancestors 'none';"), "no other page: {other}");
        view.header("content-security-policy").expect("a policy").to_owned()
    };
    assert!(policy(&[]).contains("frame-ancestors 'none';"));
    let allowed = policy(&["https://app.example.com", "http://localhost:3000"]);
    assert!(
        allowed.contains("frame-ancestors https://app.example.com http://localhost:3000;"),
        "{allowed}"
    );
}
