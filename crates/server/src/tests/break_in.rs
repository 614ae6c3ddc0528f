//! Attempts to get in, or across, that the table of routes does not make: it is in `access`, guesses and paths are too, and
//! what is forged in certificates and issuers' tokens in `mtls` and `oidc`.

use axum::http::{Request, header};
use serde_json::{Value, json};

use super::TOKEN;
use super::site::{Ask, Reply, Site};

fn create(site: &Site, name: &str, role: &str, log: &str) -> String {
    let body = json!({"name": name, "role": role, "log": log}).to_string();
    let reply = site.post("/api/v1/tokens", "application/json", body.as_bytes());
    format!("Bearer {}", reply.json()["token"].as_str().unwrap())
}

fn ask(site: &Site, bearer: &str, path: &str) -> Reply {
    site.ask(&Ask::get(path).anonymous().with("authorization", bearer))
}

fn append(site: &Site, bearer: &str, log: &str, event: &str) -> Reply {
    let path = format!("/api/v1/logs/{log}/events");
    let ask = Ask::post(&path, "application/json", event.as_bytes()).anonymous();
    site.ask(&ask.with("authorization", bearer))
}

/// Two tenants: a log for each, and a token of this role on it.
fn tenants(role: &str) -> (Site, [String; 2]) {
    let site = Site::start();
    let tokens = ["ours", "theirs"].map(|log| {
        let body = json!({"name": log}).to_string();
        assert_eq!(site.post("/api/v1/logs", "application/json", body.as_bytes()).status, 201);
        create(&site, &format!("{role}-{log}"), role, log)
    });
    (site, tokens)
}

/// Time is too noisy to compare, so work is: every token costs one hash, whatever is wrong with it, before anything is looked
/// up; and the comparison goes over all of it.
#[test]
fn every_token_costs_the_same_work() {
    let (site, [good, revoked]) = tenants("reader");
    let path = "/api/v1/tokens/reader-theirs/revoke";
    assert_eq!(site.post(path, "application/json", b"").status, 200);
    let wrong_end = format!("{}0", &good[..good.len() - 1]);
    let wrong_start = format!("{}{}", &good[..31], "0".repeat(64));
    for bearer in [
        &good,
        &revoked,
        &wrong_end,
        &wrong_start,
        &format!("Bearer graven_0123456789abcdef_{}", "0".repeat(64)),
        &format!("Bearer {TOKEN}"),
        &format!("Bearer {TOKEN}x"),
        "Bearer x",
        "Bearer a.b.c",
    ] {
        let request = Request::builder().header(header::AUTHORIZATION, bearer);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let before = site.gate.hashes();
        let who = site.gate.authenticate(&parts, [127, 0, 0, 1].into());
        assert_eq!(site.gate.hashes() - before, 1, "{bearer}: {:?}", who.map(|who| who.id).ok());
    }
}

#[test]
fn nothing_of_another_tenant_is_read_by_way_of_one_s_own() {
    let (site, [ours, theirs]) = tenants("reader");
    let blob = |log: &str, bytes: &[u8]| {
        let writer = create(&site, &format!("blobs-{log}"), "writer", log);
        let path = format!("/api/v1/logs/{log}/blobs");
        let ask = Ask::post(&path, "image/png", bytes).anonymous();
        let reply = site.ask(&ask.with("authorization", &writer));
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["receipts"][0]["index"].as_u64().unwrap()
    };
    let (own, other) = (blob("ours", b"our bytes"), blob("theirs", b"their bytes"));
    assert_eq!(own, other, "the same index, so that only the log tells them apart");
    let path = |log: &str, bytes: &str| {
        format!("/api/v1/logs/{log}/entries/{own}/blobs/{}", digest(bytes.as_bytes()))
    };
    assert_eq!(ask(&site, &ours, &path("ours", "our bytes")).status, 200);
    assert_eq!(ask(&site, &theirs, &path("theirs", "their bytes")).status, 200);
    assert_eq!(ask(&site, &ours, &path("ours", "their bytes")).status, 404);
    let entry = |log: &str| format!("/api/v1/logs/{log}/entries/{other}");
    for (theirs, missing) in [
        (path("theirs", "their bytes"), path("missing", "their bytes")),
        (entry("theirs"), entry("missing")),
        (format!("{}/proof", entry("theirs")), format!("{}/proof", entry("missing"))),
        ("/log/theirs/checkpoint".to_owned(), "/log/missing/checkpoint".to_owned()),
    ] {
        let (theirs, missing) = (ask(&site, &ours, &theirs), ask(&site, &ours, &missing));
        assert_eq!((theirs.status, theirs.text()), (404, missing.text()), "as if not there");
    }
}

#[test]
fn nobody_learns_from_a_repetition_what_another_wrote() {
    let (site, [ours, theirs]) = tenants("writer");
    let second = create(&site, "writer-ours-2", "writer", "ours");
    let event = |action: &str| {
        json!({"id": "0193b2c4", "actor": {"id": "x"}, "action": action}).to_string()
    };
    let index = |reply: &Reply| reply.json()["receipts"][0]["index"].as_u64();
    let first = append(&site, &ours, "ours", &event("a"));
    assert_eq!(first.status, 200);
    assert_eq!(index(&append(&site, &ours, "ours", &event("a"))), index(&first), "its own");
    assert_eq!(append(&site, &ours, "ours", &event("b")).status, 409, "its own");
    for (bearer, log, action) in
        [(&theirs, "theirs", "b"), (&second, "ours", "b"), (&second, "ours", "b")]
    {
        let reply = append(&site, bearer, log, &event(action));
        assert_eq!(reply.status, 200, "{log}: {}", reply.text());
        assert!(log != "ours" || index(&reply) != index(&first));
    }
    assert_eq!(
        append(&site, &ours, "theirs", &event("a")).json()["code"],
        Value::from("not_found")
    );
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
