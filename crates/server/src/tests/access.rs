//! Who gets in: authentication before routing, rights asked once, public logs readable.

use std::sync::{Arc, Mutex};

use append::{Code, Refusal};
use axum::http::HeaderMap;

use super::site::{Ask, Site, admin};
use crate::routes::{Access, Method, ROUTES};
use crate::{AdminToken, Gate, Principal, Right, ServerLimits};

/// A path that fits the route.
fn path_of(route: &str) -> String {
    route
        .replace("{log}", "main")
        .replace("{index}", "0")
        .replace("{*stream}", "s")
        .replace("{*tile}", "0/000.p/1")
        .replace("{code}", "busy")
}

fn check(site: &Site, ask: &Ask<'_>, expected: u16) {
    let reply = site.ask(ask);
    let what = format!("{} {} {:?}", ask.method, ask.path, ask.headers);
    assert_eq!(reply.status, expected, "{what} -> {}", reply.text());
    if expected == 401 {
        assert_eq!(reply.json()["code"], "unauthenticated", "{what}");
        assert!(reply.header("www-authenticate").is_some(), "{what}");
    }
}

#[test]
fn without_a_good_token_everything_but_open_paths_is_401() {
    let site = Site::start();
    for route in &ROUTES {
        let path = path_of(route.path);
        let method = if route.method == Method::Get { "GET" } else { "POST" };
        let anonymous = Ask { method, ..Ask::get(&path).anonymous() };
        let bad = Ask { method, ..Ask::get(&path).anonymous() }.with("authorization", "Bearer no");
        let expected = if route.access == Access::Open { 200 } else { 401 };
        check(&site, &anonymous, expected);
        check(&site, &bad, expected);
    }
    for path in
        ["/nowhere", "/api/v1/logs/none", "/api/v1/logs/main/entries/99", "/log/none/checkpoint"]
    {
        check(&site, &Ask::get(path).anonymous(), 401);
    }
    check(&site, &Ask { method: "DELETE", ..Ask::get("/api/v1/logs").anonymous() }, 401);
}

#[test]
fn only_the_one_right_form_of_the_token_is_good() {
    let site = Site::start();
    let table = [
        ("Bearer test-token", 200),
        ("bearer test-token", 200),
        ("Bearer  test-token", 200),
        ("Bearer test-token2", 401),
        ("Bearer test-toke", 401),
        ("Bearer", 401),
        ("Bearer  ", 401),
        ("Basic dGVzdC10b2tlbg==", 401),
        ("test-token", 401),
        ("", 401),
    ];
    for (value, expected) in table {
        let ask = Ask::get("/api/v1/logs").anonymous().with("authorization", value);
        check(&site, &ask, expected);
    }
    check(&site, &Ask::get("/api/v1/logs").with("authorization", "Bearer test-token"), 401);
}

#[test]
fn a_public_log_is_read_by_anyone_and_nothing_else_is() {
    let site = Site::start();
    let body = br#"{"name":"open","public":true}"#;
    assert_eq!(site.post("/api/v1/logs", "application/json", body).status, 201);
    let table = [
        ("/log/open/checkpoint", 200),
        ("/log/open/tile/0/000.p/1", 200),
        ("/log/open/tile/entries/000.p/1", 200),
        ("/api/v1/logs/open", 401),
        ("/api/v1/logs/open/entries/0", 401),
        ("/log/main/checkpoint", 401),
        ("/log/main/tile/entries/000.p/1", 401),
    ];
    for (path, expected) in table {
        check(&site, &Ask::get(path).anonymous(), expected);
        check(&site, &Ask::get(path).anonymous().with("authorization", "Bearer no"), expected);
    }
}

/// What was asked of a gate: the right and the log.
type Asked = Vec<(Right, Option<String>)>;

/// Lets the admin in, writes down what is asked, and denies one right.
struct Recording {
    admin: Arc<dyn Gate>,
    denied: Right,
    asked: Mutex<Asked>,
}

impl Gate for Recording {
    fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, Refusal> {
        self.admin.authenticate(headers)
    }

    fn authorise(&self, _: &Principal, right: Right, log: Option<&str>) -> Result<(), Refusal> {
        self.asked.lock().unwrap().push((right, log.map(str::to_owned)));
        if right == self.denied {
            return Err(Refusal::new(Code::Forbidden, format!("the right {right:?} is missing")));
        }
        Ok(())
    }
}

#[test]
fn every_route_asks_the_gate_for_its_own_right_once() {
    let gate =
        Arc::new(Recording { admin: admin(), denied: Right::ManageKeys, asked: Mutex::default() });
    let site = Site::with(ServerLimits::default(), Arc::clone(&gate) as Arc<dyn Gate>);
    for route in ROUTES.iter().filter(|route| route.doc.id != "tail") {
        let path = path_of(route.path);
        let method = if route.method == Method::Get { "GET" } else { "POST" };
        let reply = site.ask(&Ask { method, ..Ask::get(&path) });
        let asked = std::mem::take(&mut *gate.asked.lock().unwrap());
        let log = route.path.contains("{log}").then(|| "main".to_owned());
        let expected = match route.access {
            Access::Needs(right) | Access::PublicLog(right) => vec![(right, log)],
            Access::Open | Access::AnyPrincipal => Vec::new(),
        };
        assert_eq!(asked, expected, "{path}");
        let is_denied = route.access == Access::Needs(Right::ManageKeys);
        assert_eq!(reply.status == 403, is_denied, "{path} -> {}", reply.text());
    }
}

#[test]
fn an_empty_token_opens_nothing() {
    let gate = AdminToken::new("", AdminToken::principal());
    let mut headers = HeaderMap::new();
    for value in ["Bearer ", "Bearer  ", "Bearer"] {
        headers.insert("authorization", value.parse().unwrap());
        assert!(gate.authenticate(&headers).is_err(), "{value:?}");
    }
}
