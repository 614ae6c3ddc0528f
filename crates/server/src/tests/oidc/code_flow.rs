//! Browsers that sign in at the issuer, and what else comes back from there.

use std::collections::BTreeMap;

use access::limits::CHALLENGE_NS;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::OidcClient;
use crate::tests::site::{PUBLIC, Reply};

const CLIENT: &str = "graven&co";
const SECRET: &str = "s3cret/+";

/// A browser that was sent to the issuer: its cookie, and what it brought there.
struct Left {
    cookie: String,
    query: BTreeMap<String, String>,
}

fn world(secret: Option<&str>) -> World {
    let secret = secret.map(|secret| secret.to_owned().into());
    let client = Some(OidcClient { id: CLIENT.to_owned(), secret });
    World::with(|options| OidcOptions { client, ..options })
}

fn pairs(query: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| {
        let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
        while let Some((first, after)) = rest.split_first() {
            let hex = std::str::from_utf8(after.get(..2).unwrap_or_default());
            match (first, hex.ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
                (b'%', Some(byte)) => {
                    bytes.push(byte);
                    rest = &after[2..];
                    continue;
                }
                (b'+', _) => bytes.push(b' '),
                _ => bytes.push(*first),
            }
            rest = after;
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

impl World {
    fn leave(&self) -> Left {
        let reply = self.site.ask(&Ask::get("/api/v1/session/oidc").anonymous());
        assert_eq!(reply.status, 303, "{}", reply.text());
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let (to, query) = reply.header("location").unwrap().split_once('?').unwrap();
        assert_eq!(to, format!("{}/authorize", self.issuer.url));
        let set = reply.header("set-cookie").unwrap();
        let (cookie, attributes) = set.split_once("; ").unwrap();
        assert!(cookie.starts_with("graven_oidc="), "{cookie}");
        assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax");
        Left { cookie: cookie.to_owned(), query: pairs(query) }
    }

    /// The issuer gives a token with this nonce for whatever code, with these claims changed.
    fn give(&self, nonce: &str, changes: Value) {
        let mut changes = changes;
        changes["nonce"] = nonce.into();
        if changes.get("aud").is_none() {
            changes["aud"] = CLIENT.into();
        }
        self.answer(200, json!({"access_token": "x", "id_token": self.token(&changes)}));
    }

    fn answer(&self, status: u16, body: Value) {
        *self.issuer.shown.given.lock().unwrap() = (status, body);
    }

    fn posted(&self) -> Vec<String> {
        self.issuer.shown.posted.lock().unwrap().clone()
    }

    fn come_back(&self, cookie: &str, query: &str) -> Reply {
        let path = format!("/api/v1/session/oidc/callback?{query}");
        let ask = Ask::get(&path).anonymous().with("sec-fetch-site", "cross-site");
        self.site.ask(&ask.with("cookie", cookie))
    }

    /// Whether a browser that comes back with this is signed in.
    fn check_return(&self, what: &str, (cookie, query): (&str, &str), expected: u16) -> String {
        let reply = self.come_back(cookie, query);
        assert_eq!(reply.status, expected, "{what}: {}", reply.text());
        assert_eq!(reply.header("set-cookie").is_some(), expected == 303, "{what}");
        reply.text()
    }
}

impl Left {
    /// The query of a good answer.
    fn good(&self) -> String {
        format!("code=c0de&state={}&session_state=x", self.query["state"])
    }
}

#[test]
fn a_browser_that_signed_in_at_the_issuer_has_a_session() {
    for secret in [None, Some(SECRET)] {
        let world = world(secret);
        let left = world.leave();
        for (name, value) in [
            ("tenant", "acme"),
            ("response_type", "code"),
            ("scope", "openid"),
            ("client_id", CLIENT),
            ("redirect_uri", &format!("{PUBLIC}/api/v1/session/oidc/callback")),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(left.query[name], value, "{name}");
        }
        world.give(&left.query["nonce"], json!({}));
        let reply = world.come_back(&left.cookie, &left.good());
        assert_eq!((reply.status, reply.header("location")), (303, Some("/")), "{}", reply.text());
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        let cookies = reply.headers.iter().filter(|(name, _)| name == "set-cookie");
        let cookies: Vec<&str> = cookies.map(|(_, value)| value.as_str()).collect();
        let [session, gone] = cookies[..] else { panic!("{cookies:?}") };
        assert_eq!(gone, "graven_oidc=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
        let session = session.split(';').next().unwrap();
        let ask = Ask::get("/api/v1/session").anonymous().with("cookie", session);
        let who = world.site.ask(&ask);
        assert_eq!((who.status, &who.json()["auth"]), (200, &json!("session-oidc")));
        let posted = world.posted();
        let [request] = &posted[..] else { panic!("{posted:?}") };
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let form = pairs(body);
        assert_eq!(
            (&*form["grant_type"], &*form["code"], &*form["client_id"], &form["redirect_uri"]),
            ("authorization_code", "c0de", CLIENT, &left.query["redirect_uri"])
        );
        let challenge = BASE64.encode(Sha256::digest(&form["code_verifier"]));
        assert_eq!(challenge, left.query["code_challenge"]);
        let pair = base64::engine::general_purpose::STANDARD.encode("graven%26co:s3cret%2F%2B");
        let basic = format!("authorization: basic {}", pair.to_ascii_lowercase());
        let is_proved = head.to_ascii_lowercase().contains(&basic);
        assert_eq!(is_proved, secret.is_some(), "{head}");
        assert!(!body.contains("s3cret"), "the secret is in the header alone");
    }
}

#[test]
fn what_else_comes_back_signs_nobody_in() {
    let world = world(None);
    let (left, other) = (world.leave(), world.leave());
    world.give(&left.query["nonce"], json!({}));
    let good = left.good();
    let told = world.check_return("no cookie", ("x=y", &good), 401);
    let denied = format!("error=access_denied&state={}", other.query["state"]);
    for (what, cookie, query) in [
        ("another browser's cookie", &other.cookie, good.clone()),
        ("another browser's state", &left.cookie, other.good()),
        ("no state", &left.cookie, "code=c0de".to_owned()),
        ("the cookie as state", &left.cookie, format!("code=c0de&state={}", &left.cookie[12..])),
        ("the nonce as state", &left.cookie, format!("code=c0de&state={}", left.query["nonce"])),
        ("two cookies", &format!("{}; {}", left.cookie, other.cookie), good.clone()),
        ("a cookie of nobody", &format!("graven_oidc={}", BASE64.encode([7; 32])), good.clone()),
        ("an error", &other.cookie, denied),
    ] {
        assert_eq!(
            world.check_return(what, (cookie, &query), 401),
            told,
            "{what}: no more is told"
        );
    }
    world.check_return("a parameter twice", (&left.cookie, &format!("{good}&state=x")), 400);
    assert_eq!(world.posted().len(), 0, "the issuer was not asked");
    world.check_return("the good one, after all of these", (&left.cookie, &good), 303);
    world.check_return("replayed", (&left.cookie, &good), 401);
    assert_eq!(world.posted().len(), 1, "the issuer was asked once");
    let late = world.leave();
    world.give(&late.query["nonce"], json!({}));
    world.clock.advance(CHALLENGE_NS);
    world.check_return("too late", (&late.cookie, &late.good()), 401);
}

#[test]
fn what_the_issuer_gives_has_to_be_for_this_sign_in() {
    let world = world(None);
    let check = |what: &str, give: &dyn Fn(&Left), expected: u16| {
        let left = world.leave();
        give(&left);
        world.check_return(what, (&left.cookie, &left.good()), expected);
    };
    let nonce = |left: &Left| left.query["nonce"].clone();
    check("as it should be", &|left| world.give(&nonce(left), json!({})), 303);
    check("another nonce", &|_| world.give("x", json!({})), 401);
    let before = world.leave();
    check("another sign-in's", &|_| world.give(&nonce(&before), json!({})), 401);
    check("another client's", &|left| world.give(&nonce(left), json!({"aud": "other"})), 401);
    check("expired", &|left| world.give(&nonce(left), json!({"exp": 1})), 401);
    let forge = |left: &Left| {
        let claims = world.claims(&json!({"nonce": nonce(left), "aud": CLIENT}));
        let token = Keys::new().token(&json!({"alg": "ES256", "kid": "ec"}), &claims);
        world.answer(200, json!({"id_token": token}));
    };
    check("another's signature", &forge, 401);
    let none = json!({"id_token": world.token(&json!({"aud": CLIENT}))});
    check("no nonce", &|_| world.answer(200, none.clone()), 401);
    check("the code refused", &|_| world.answer(400, json!({"error": "invalid_grant"})), 401);
    check("the server unknown", &|_| world.answer(401, json!({"error": "invalid_client"})), 503);
    check("broken", &|_| world.answer(500, json!({})), 503);
    check("no token", &|_| world.answer(200, json!({"access_token": "x"})), 503);
    let left = world.leave();
    world.give(&nonce(&left), json!({}));
    let mixed_up = format!("{}&iss=https%3A%2F%2Fother.example", left.good());
    world.check_return("another issuer's answer", (&left.cookie, &mixed_up), 401);
    let left = world.leave();
    world.give(&nonce(&left), json!({}));
    let named = format!("{}&iss={}", left.good(), world.issuer.url);
    world.check_return("the issuer's own, by name", (&left.cookie, &named), 303);
}

#[test]
fn an_issuer_that_signs_no_browser_in_is_not_gone_to() {
    let silent = world(None);
    silent.issuer.set(Mode::Silent);
    let reply = silent.site.ask(&Ask::get("/api/v1/session/oidc").anonymous());
    assert_eq!(reply.status, 503, "{}", reply.text());
    let without = World::new();
    for path in ["/api/v1/session/oidc", "/api/v1/session/oidc/callback?code=x&state=x"] {
        let reply = without.site.ask(&Ask::get(path).anonymous());
        assert_eq!(reply.status, 503, "{}", reply.text());
        assert!(reply.text().contains("--oidc-client-id"), "{}", reply.text());
    }
}
