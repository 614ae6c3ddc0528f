//! Who gets in: authentication before routing, and every route of the contract for each caller on each log.

use std::collections::BTreeMap;
use std::sync::Arc;

use access::Role;
use access::limits::{FAILURES_FREE, FAILURES_KEPT_NS};
use env::SimClock;
use log::Env;
use serde_json::{Value, json};

use super::site::{Ask, Reply, Site};
use super::{EVENT, TOKEN};
use crate::route::{Access, Method};
use crate::routes::ROUTES;
use crate::routes::openapi;

const NS_PER_S: u64 = 1_000_000_000;

/// What a route gives to whom: a mark for each of [`Role::ALL`] (`x` may, `o` on its own streams, `.` may not), and the
/// status for whoever may. A route that is not here fails the test.
const TABLE: [(&str, &str, u16); 75] = [
    ("createLog", "....x.", 400),
    ("listLogs", "any", 200),
    ("showLog", "xxxxxx", 200),
    ("append", "x.....", 200),
    ("listStreams", ".xx...", 200),
    ("showStream", "oxx...", 200),
    ("getEntry", ".xx...", 200),
    ("getProof", ".xx...", 200),
    ("addBlob", "x.....", 200),
    ("getBlob", ".xx...", 400),
    ("reveal", "...x..", 400),
    ("getConsistency", ".xx...", 200),
    ("search", ".xx...", 200),
    // Two roles in one hand: the entries are a reader's, the subject is a revealer's.
    ("searchSubject", "......", 400),
    ("sql", ".xx...", 400),
    ("suggest", ".xx...", 200),
    ("history", ".xx...", 400),
    ("asof", ".xx...", 400),
    ("diff", ".xx...", 400),
    ("blame", ".xx...", 400),
    ("timeline", ".xx...", 400),
    ("tail", ".xx...", 400),
    ("createView", ".xx...", 400),
    ("showView", "any", 404),
    ("changeKey", "....x.", 400),
    ("showPolicy", "..x.xx", 200),
    ("setPolicy", "....x.", 400),
    ("explainEvent", "..x.xx", 422),
    ("createToken", ".....x", 400),
    ("listTokens", ".....x", 200),
    ("revokeToken", ".....x", 404),
    ("changeRole", ".....x", 400),
    ("signIn", "open", 400),
    ("showSession", "any", 200),
    ("endSession", "any", 404),
    ("leaveForIssuer", "open", 503),
    ("comeBack", "open", 503),
    ("startPasskey", "open", 200),
    ("finishPasskey", "open", 400),
    ("listFactors", ".....x", 404),
    ("startFactor", ".....x", 400),
    ("finishFactor", ".....x", 403),
    ("removeFactor", ".....x", 404),
    ("eraseSubject", "....x.", 400),
    ("holdSubject", ".....x", 400),
    ("releaseSubject", ".....x", 400),
    ("showSubject", "...x..", 400),
    ("listPolicies", "..x.xx", 200),
    ("changePolicy", ".....x", 400),
    ("listQueries", "..x...", 200),
    ("changeQuery", "..x...", 400),
    ("testQuery", "..x...", 404),
    ("listApprovals", "any", 200),
    ("approve", "any", 404),
    ("deny", "any", 404),
    ("getContract", "any", 200),
    ("healthz", "open", 200),
    ("readyz", "open", 200),
    ("metrics", "..x.x.", 200),
    ("getCheckpoint", ".xx...", 200),
    ("getHashTile", ".xx...", 200),
    ("getEntryBundle", "..x...", 200),
    ("home", "open", 303),
    ("uiOverview", "any", 200),
    ("uiLog", "xxxxxx", 200),
    ("uiEntry", "xxxxxx", 200),
    ("uiResource", "xxxxxx", 200),
    ("uiTimeline", "xxxxxx", 200),
    ("uiQueries", "xxxxxx", 200),
    ("uiIntegrity", "xxxxxx", 200),
    ("uiExport", "xxxxxx", 200),
    ("uiAccess", "any", 200),
    ("uiView", "open", 200),
    ("uiAsset", "open", 404),
    ("getErrorPage", "open", 200),
];

const LOGS: [&str; 5] = ["own", "other", "system", "open", "missing"];

/// Someone who asks.
struct Caller {
    name: String,
    token: Option<String>,
    /// Whether the token is one that counts.
    is_known: bool,
    role: Option<Role>,
    /// The role is on log `own` only.
    is_scoped: bool,
}

/// A server with a clock of its own, and a caller of every kind.
struct World {
    site: Site,
    clock: Arc<SimClock>,
    callers: Vec<Caller>,
}

impl World {
    fn new() -> World {
        let now_ns = Env::real().clock.wall_ns();
        let clock = Arc::new(SimClock::new(now_ns));
        let site = Site::with_env(Env { clock: Arc::clone(&clock) as _, ..Env::real() });
        for (log, is_public) in [("own", false), ("other", false), ("open", true)] {
            let body = json!({"name": log, "public": is_public}).to_string();
            let created = site.post("/api/v1/logs", "application/json", body.as_bytes());
            assert_eq!(created.status, 201, "{}", created.text());
        }
        let expired = create(&site, "expired", "auditor", None, Some(1));
        let revoked = create(&site, "revoked", "auditor", None, None);
        let reply = site.post("/api/v1/tokens/revoked/revoke", "application/json", b"");
        assert_eq!(reply.status, 200, "{}", reply.text());
        clock.advance(2 * NS_PER_S);
        let mut callers = Vec::new();
        for (role, is_scoped) in
            Role::ALL.into_iter().flat_map(|role| [(role, true), (role, false)])
        {
            let name = if is_scoped { format!("{role}-own") } else { role.to_string() };
            for log in ["own", "other", "open"] {
                append_to_stream(&site, log, &format!("{name}/s"));
            }
            // The owner comes last: from then on the admin can make nobody.
            if !(role == Role::Owner && is_scoped) {
                callers.push(caller(&site, &name, role, is_scoped));
            }
        }
        let unknown = |name: &str, token: Option<String>| Caller {
            name: name.to_owned(),
            token,
            is_known: false,
            role: None,
            is_scoped: false,
        };
        callers.extend([
            unknown("anonymous", None),
            unknown("bad", Some("graven_0123456789abcdef_".to_owned() + &"0".repeat(64))),
            unknown("expired", Some(expired)),
            unknown("revoked", Some(revoked)),
            Caller { is_known: true, ..unknown("admin", Some(TOKEN.to_owned())) },
        ]);
        World { site, clock, callers }
    }

    fn caller(&self, name: &str) -> &Caller {
        self.callers.iter().find(|caller| caller.name == name).unwrap()
    }

    fn check(&self, ask: &Ask<'_>, expected: u16) {
        let reply = self.site.ask(ask);
        let what = format!("{} {} {:?}", ask.method, ask.path, ask.headers);
        assert_eq!(reply.status, expected, "{what} -> {}", reply.text());
    }
}

fn caller(site: &Site, name: &str, role: Role, is_scoped: bool) -> Caller {
    let token = create(site, name, role.as_str(), is_scoped.then_some("own"), None);
    Caller {
        name: name.to_owned(),
        token: Some(token),
        is_known: true,
        role: Some(role),
        is_scoped,
    }
}

/// Makes a token by the admin's.
fn create(
    site: &Site,
    name: &str,
    role: &str,
    log: Option<&str>,
    expires_s: Option<u64>,
) -> String {
    let body = json!({"name": name, "role": role, "log": log, "expires_s": expires_s}).to_string();
    let reply = site.post("/api/v1/tokens", "application/json", body.as_bytes());
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["token"].as_str().unwrap().to_owned()
}

fn append_to_stream(site: &Site, log: &str, stream: &str) {
    let head = json!({"graven": "batch/v1", "events": 1, "stream": stream});
    let body = format!("{head}\n{EVENT}\n");
    let path = format!("/api/v1/logs/{log}/events");
    let reply = site.post(&path, "application/vnd.graven.batch", body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.text());
}

/// A request with this token, or none.
fn post<'a>(token: Option<&'a str>, path: &'a str, body: &'a [u8]) -> Ask<'a> {
    bearer(
        Ask { headers: vec![("content-type", "application/json")], ..Ask::post(path, "", body) },
        token,
    )
}

fn get<'a>(token: Option<&'a str>, path: &'a str) -> Ask<'a> {
    bearer(Ask::get(path).anonymous(), token)
}

fn bearer<'a>(ask: Ask<'a>, token: Option<&'a str>) -> Ask<'a> {
    match token {
        Some(token) => {
            ask.with("authorization", Box::leak(format!("Bearer {token}").into_boxed_str()))
        }
        None => ask,
    }
}

/// The status that the rules give.
fn expected(caller: &Caller, marks: &str, good: u16, log: Option<&str>, is_tile: bool) -> u16 {
    if marks == "open" || (is_tile && log == Some("open")) {
        return good;
    }
    if !caller.is_known {
        return 401;
    }
    let mark = caller.role.map_or('.', |role| {
        let place = Role::ALL.iter().position(|other| *other == role).unwrap();
        marks.chars().nth(place).unwrap_or('.')
    });
    let Some(log) = log else {
        let may = marks == "any" || (mark == 'x' && !caller.is_scoped);
        return if may { good } else { 403 };
    };
    let sees = match (caller.role, caller.is_scoped) {
        (None, _) => false,
        (Some(_), true) => log == "own",
        (Some(role), false) => log != "system" || role == Role::Auditor,
    };
    match (sees, mark) {
        (false, _) if log == "open" => 403,
        (false, _) => 404,
        (true, '.') => 403,
        (true, _) if log == "missing" => 404,
        (true, _) => good,
    }
}

/// The path of an operation, for one caller and log.
fn fill(path: &str, caller: &str, log: &str) -> String {
    let query = match path.rsplit('/').next() {
        Some("consistency") => "?old=1&new=1",
        // Past the end: refused once the caller has passed, and no stream is left open.
        Some("tail") => "?from=999999999",
        _ => "",
    };
    let path = path.replace("{log}", log).replace("{index}", "0").replace("{code}", "busy");
    let path = path.replace("{stream}", &format!("{caller}/s"));
    path.replace("{digest}", "x")
        .replace("{tile}", "0/000.p/1")
        .replace("entries/0/000.p", "entries/000.p")
        .replace("{principal}", "nobody")
        .replace("{policy}", "none")
        .replace("{factor}", "none")
        .replace("{approval}", "7")
        .replace("{query}", "none")
        + query
}

#[test]
fn every_route_for_every_caller_on_every_log() {
    let world = World::new();
    let document = openapi();
    let mut rows: BTreeMap<&str, (&str, u16)> =
        TABLE.into_iter().map(|(id, marks, good)| (id, (marks, good))).collect();
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            // All these bad credentials come from one address, which must not be locked out.
            world.clock.advance(FAILURES_KEPT_NS);
            let (marks, good) =
                rows.remove(id).unwrap_or_else(|| panic!("{id} has no row: who may call it?"));
            let logs: &[&str] = if path.contains("{log}") { &LOGS } else { &["-"] };
            for caller in &world.callers {
                for log in logs {
                    check_one(&world, caller, (method, path, id), (marks, good), log);
                    asked += 1;
                }
            }
        }
    }
    assert!(rows.is_empty(), "rows without a route: {rows:?}");
    assert!(asked > 1_000, "{asked}");
}

fn check_one(
    world: &World,
    caller: &Caller,
    (method, path, id): (&str, &str, &str),
    (marks, good): (&str, u16),
    log: &str,
) {
    let full = fill(path, &caller.name, log);
    let body = match id {
        "append" => EVENT,
        // `{}` is a policy.
        "setPolicy" => "[]",
        _ => "{}",
    };
    let ask = match method {
        "get" => get(caller.token.as_deref(), &full),
        "delete" => Ask { method: "DELETE", ..get(caller.token.as_deref(), &full) },
        _ => post(caller.token.as_deref(), &full, body.as_bytes()),
    };
    let reply = world.site.ask(&ask);
    let is_tile = path.starts_with("/log/");
    let named = (log != "-").then_some(log);
    let mut expected = expected(caller, marks, good, named, is_tile);
    // The one route whose good answer depends on the log: nobody can have a stream in `system`.
    if id == "showStream" && log == "system" && expected == 200 {
        expected = 404;
    }
    let what = format!("{} on {id} of {log}: {}", caller.name, reply.text());
    assert_eq!(reply.status, expected, "{what}");
    check_refusal(&reply, expected, &what);
    if expected == 404 && caller.is_scoped && method == "get" {
        let missing = fill(path, &caller.name, "missing");
        let missing = world.site.ask(&get(caller.token.as_deref(), &missing));
        assert_eq!(reply.text(), missing.text(), "hidden and missing look alike: {what}");
    }
}

/// A refusal says its code, and how to authenticate where that is what is missing.
fn check_refusal(reply: &Reply, expected: u16, what: &str) {
    let code = match expected {
        401 => "unauthenticated",
        403 => "forbidden",
        404 => "not_found",
        _ => return,
    };
    if reply.header("content-type").is_some_and(|value| value.starts_with("text/html")) {
        let says = if expected == 401 { "id=\"by-code\"" } else { "Nothing here" };
        assert!(reply.text().contains(says), "{what}");
    } else {
        assert_eq!(reply.json()["code"], code, "{what}");
    }
    assert_eq!(reply.header("www-authenticate").is_some(), expected == 401, "{what}");
}

#[test]
fn without_a_good_token_nothing_tells_what_there_is() {
    let world = World::new();
    for path in
        ["/nowhere", "/api/v1/logs/none", "/api/v1/logs/own/entries/99", "/log/none/checkpoint"]
    {
        for name in ["anonymous", "bad", "revoked", "expired"] {
            let caller = world.caller(name);
            world.check(&get(caller.token.as_deref(), path), 401);
        }
    }
    world.check(&Ask { method: "DELETE", ..Ask::get("/api/v1/logs").anonymous() }, 401);
    let detail = |name: &str| {
        let caller = world.caller(name);
        world.site.ask(&get(caller.token.as_deref(), "/api/v1/logs")).json()
    };
    assert_eq!(detail("bad"), detail("revoked"), "what is wrong with a token is not told");
    assert_eq!(detail("bad"), detail("expired"));
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
        assert_eq!(site.ask(&ask).status, expected, "{value:?}");
    }
    let twice = Ask::get("/api/v1/logs").with("authorization", "Bearer test-token");
    assert_eq!(site.ask(&twice).status, 401);
}

#[test]
fn no_trick_with_a_path_reaches_another_log() {
    let world = World::new();
    let reader = world.caller("reader-own");
    for log in [
        "OWN",
        "own%00",
        "own%20",
        "own%2f..%2fother",
        "..%2fother",
        "%2e%2e",
        "own%2fentries",
        "own;other",
        "o%77n%2f",
        "ｏｔｈｅｒ",
        "other%23",
        "system%2f",
        "*",
        "%",
    ] {
        for path in [format!("/api/v1/logs/{log}/entries/0"), format!("/log/{log}/checkpoint")] {
            let reply = world.site.ask(&get(reader.token.as_deref(), &path));
            assert!(
                matches!(reply.status, 400 | 404),
                "{path} -> {} {}",
                reply.status,
                reply.text()
            );
        }
    }
    for path in [
        "/api/v1/logs/own/../other/entries/0",
        "/api/v1/logs/own/./entries/0",
        "/api/v1/logs//other/entries/0",
        "/log/open/../own/checkpoint",
    ] {
        let reply = world.site.ask(&get(reader.token.as_deref(), path));
        assert_eq!(reply.status, 404, "{path} -> {}", reply.text());
        world.check(&get(None, path), 401);
    }
    for token in [None, reader.token.as_deref()] {
        world.check(&get(token, "/log/open/tile/../../own/tile/0/000.p/1"), 404);
    }
    world.check(&get(reader.token.as_deref(), "/api/v1/logs/o%77n/entries/0"), 200);
}

#[test]
fn a_list_shows_only_logs_that_the_caller_may_know() {
    let world = World::new();
    for (name, expected) in [
        ("reader-own", vec!["own"]),
        ("writer", vec!["main", "open", "other", "own"]),
        ("auditor", vec!["main", "open", "other", "own", "system"]),
        ("admin", vec![]),
    ] {
        let reply = world.site.ask(&get(world.caller(name).token.as_deref(), "/api/v1/logs"));
        let logs = reply.json();
        let names: Vec<&str> = logs["logs"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|log| log["name"].as_str())
            .collect();
        assert_eq!(names, expected, "{name}");
    }
}

#[test]
fn a_writer_does_not_touch_another_s_streams() {
    let world = World::new();
    let writer = world.caller("writer");
    world.check(&get(writer.token.as_deref(), "/api/v1/logs/own/streams/reader/s"), 403);
    for (stream, expected) in
        [("writer/s", 200), ("reader/s", 403), ("writer-own", 403), ("free/s", 200)]
    {
        let body =
            format!("{}\n{EVENT}\n", json!({"graven": "batch/v1", "events": 1, "stream": stream}));
        let mut ask = post(writer.token.as_deref(), "/api/v1/logs/own/events", body.as_bytes());
        ask.headers[0].1 = "application/vnd.graven.batch";
        world.check(&ask, expected);
    }
}

#[test]
fn tokens_are_made_listed_given_roles_and_revoked() {
    let site = Site::start();
    let reader = Some(create(&site, "audrey", "reader", None, Some(3_600)));
    let body = br#"{"name":"audrey","role":"writer"}"#;
    let again = site.post("/api/v1/tokens", "application/json", body);
    assert_eq!((again.status, &again.json()["code"]), (409, &Value::from("exists")));
    let entry = "/api/v1/logs/main/entries/0";
    assert_eq!(site.ask(&get(reader.as_deref(), entry)).status, 200);
    let give = |body: Value, expected: u16| {
        let body = body.to_string();
        let path = "/api/v1/tokens/audrey/roles";
        let reply = site.post(path, "application/json", body.as_bytes());
        assert_eq!(reply.status, expected, "{body} -> {}", reply.text());
        reply.json()
    };
    give(json!({"role": "reader", "remove": true}), 200);
    assert_eq!(site.ask(&get(reader.as_deref(), entry)).status, 404);
    give(json!({"role": "reader", "remove": true}), 409);
    give(json!({"role": "reader", "log": "none"}), 400);
    give(json!({"role": "god"}), 400);
    give(json!({"role": "owner"}), 403);
    let given = give(json!({"role": "reader", "log": "main"}), 200);
    assert_eq!(given["roles"], json!([{"role": "reader", "log": "main"}]));
    assert_eq!(site.ask(&get(reader.as_deref(), entry)).status, 200);
    let list = site.get("/api/v1/tokens").json();
    let audrey = &list["tokens"][1];
    assert_eq!(audrey["principal"], "audrey");
    assert!(audrey["expires"].is_string() && audrey["last_used"].is_string(), "{audrey}");
    assert!(!list.to_string().contains(reader.as_deref().unwrap()), "no token is shown again");
    assert_eq!(site.post("/api/v1/tokens/audrey/revoke", "application/json", b"").status, 200);
    assert_eq!(site.ask(&get(reader.as_deref(), entry)).status, 401);
    for (body, expected) in [
        (r#"{"name":"Audrey","role":"reader"}"#, 400),
        (r#"{"name":"admin","role":"reader"}"#, 400),
        (r#"{"name":"b","role":"owner","log":"main"}"#, 400),
        (r#"{"name":"b","role":"owner","expires_s":9}"#, 403),
        (r#"{"name":"b","role":"reader","expires_s":0}"#, 400),
        (r#"{"name":"b","role":"reader","expires_s":18446744073709551615}"#, 400),
        (r#"{"name":"b","role":"reader","god":true}"#, 400),
    ] {
        let reply = site.post("/api/v1/tokens", "application/json", body.as_bytes());
        assert_eq!(reply.status, expected, "{body} -> {}", reply.text());
    }
}

#[test]
fn who_may_do_what_survives_a_restart() {
    let mut site = Site::start();
    let owner = Some(create(&site, "owner", "owner", None, None));
    site.reopen(log::CellLimits::default());
    assert_eq!(site.get("/api/v1/tokens").status, 403, "the admin has what it is granted: nothing");
    let list = site.ask(&get(owner.as_deref(), "/api/v1/tokens"));
    assert_eq!(list.status, 200, "{}", list.text());
    assert_eq!(list.json()["tokens"].as_array().unwrap().len(), 2);
    assert_eq!(site.ask(&post(owner.as_deref(), "/api/v1/tokens/owner/revoke", b"")).status, 403);
}

#[test]
fn guessing_is_locked_out_and_a_good_client_beside_it_is_not() {
    let site = Site::start();
    let reader = Some(create(&site, "audrey", "reader", None, None));
    let wrong = reader.as_ref().map(|token| token[..24].to_owned() + &"0".repeat(64));
    let unknown = Some("guess".to_owned());
    for guess in [wrong.as_deref(), unknown.as_deref()] {
        for _ in 0..=FAILURES_FREE {
            assert_eq!(site.ask(&get(guess, "/api/v1/logs")).status, 401, "{guess:?}");
        }
        let locked = site.ask(&get(guess, "/api/v1/logs"));
        assert_eq!(locked.status, 429, "{guess:?}");
        assert!(locked.header("retry-after").is_some());
    }
    assert_eq!(site.get("/api/v1/logs").status, 200, "the admin, from the same address");
    assert_eq!(
        site.ask(&get(reader.as_deref(), "/api/v1/logs")).status,
        429,
        "whose secret was guessed at"
    );
}

#[test]
fn every_route_names_its_right_or_says_why_not() {
    for route in &ROUTES {
        let is_named =
            matches!(route.access, Access::Needs(_) | Access::PublicLog(_) | Access::OwnOr(_));
        // What an approval needs is the right of its request.
        let is_listed = [
            "listLogs",
            "listApprovals",
            "approve",
            "deny",
            "showView",
            "signIn",
            "showSession",
            "endSession",
            "leaveForIssuer",
            "comeBack",
            "startPasskey",
            "finishPasskey",
            "getContract",
            "healthz",
            "readyz",
            "home",
            "uiOverview",
            "uiLog",
            "uiEntry",
            "uiResource",
            "uiTimeline",
            "uiQueries",
            "uiIntegrity",
            "uiExport",
            "uiAccess",
            "uiView",
            "uiAsset",
            "getErrorPage",
        ]
        .contains(&route.doc.id);
        assert!(is_named || is_listed, "{}", route.path);
        let is_way_in = ["signIn", "startPasskey", "finishPasskey"].contains(&route.doc.id);
        let is_open = route.access == Access::Open;
        assert!(route.method == Method::Get || !is_open || is_way_in, "{}", route.path);
    }
}
