//! Sessions: by a code, by a passkey of an authenticator of the test's own, and how they end.

use std::io::Write as _;
use std::sync::Arc;

use access::Privilege;
use access::limits::{CODES_FREE, SESSION_IDLE_NS, SESSION_NS};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use env::{Clock as _, SimClock};
use log::{CellLimits, Env};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::site::{Ask, Demands, PUBLIC, Reply, Site, find, read_more};
use super::{EVENT, TOKEN};

const STEP_NS: u64 = 30 * 1_000_000_000;
const JSON: &str = "application/json";

/// A server with a clock of its own.
pub(super) struct World {
    pub(super) site: Site,
    pub(super) clock: Arc<SimClock>,
}

/// A browser that signed in.
#[derive(Clone)]
pub(super) struct Browser {
    cookie: String,
    csrf: String,
}

/// Somebody with a token, and perhaps with an app that makes codes.
pub(super) struct Person {
    name: &'static str,
    pub(super) token: String,
    secret: String,
}

/// A passkey, as an authenticator keeps it.
struct Authenticator {
    pair: EcdsaKeyPair,
    id: [u8; 16],
}

/// What an authenticator and its browser say; the defaults are good.
#[derive(Clone)]
struct Says<'a> {
    origin: &'a str,
    rp: &'a str,
    flags: u8,
    counter: u32,
    user: &'a str,
}

const GOOD: Says<'static> =
    Says { origin: PUBLIC, rp: "localhost", flags: 0x05, counter: 7, user: "audrey" };

impl World {
    pub(super) fn new(strong_auth: &[Privilege]) -> World {
        let strong_auth = strong_auth.iter().copied().collect();
        World::with(Demands { strong_auth, ..Demands::default() })
    }

    pub(super) fn with(demands: Demands) -> World {
        let clock = Arc::new(SimClock::new(Env::real().clock.wall_ns()));
        let env = Env { clock: Arc::clone(&clock) as _, ..Env::real() };
        World { site: Site::with_demands(env, demands), clock }
    }

    pub(super) fn person(&self, name: &'static str, role: &str) -> Person {
        let body = json!({"name": name, "role": role}).to_string();
        let reply = self.site.post("/api/v1/tokens", JSON, body.as_bytes());
        let token = reply.json()["token"].as_str().expect("a token").to_owned();
        Person { name, token, secret: String::new() }
    }

    /// Somebody whose app makes codes.
    pub(super) fn person_with_app(&self, name: &'static str, role: &str) -> Person {
        let mut person = self.person(name, role);
        self.enrol(&mut person);
        person
    }

    fn enrol(&self, person: &mut Person) {
        let path = format!("/api/v1/tokens/{}/factors", person.name);
        let begun = self.post(&person.token, &path, &json!({"kind": "totp"}));
        assert_eq!(begun.status, 200, "{}", begun.text());
        person.secret = begun.json()["secret"].as_str().unwrap().to_owned();
        let body = json!({"entry": begun.json()["entry"], "code": self.code(person, 0)});
        let finished = self.post(&person.token, &(path + "/finish"), &body);
        assert_eq!(finished.status, 200, "{}", finished.text());
    }

    fn post(&self, token: &str, path: &str, body: &Value) -> Reply {
        let (bearer, body) = (format!("Bearer {token}"), body.to_string());
        let ask = Ask::post(path, JSON, body.as_bytes()).anonymous();
        self.site.ask(&ask.with("authorization", &bearer))
    }

    fn open_post(&self, path: &str, body: &Value) -> Reply {
        self.site.ask(&Ask::post(path, JSON, body.to_string().as_bytes()).anonymous())
    }

    /// The code of a step beside that of now.
    fn code(&self, person: &Person, beside: i64) -> String {
        let step = (self.clock.wall_ns() / STEP_NS).saturating_add_signed(beside);
        code(&person.secret, step)
    }

    fn sign_in(&self, token: &str, totp: &str) -> Reply {
        self.open_post("/api/v1/session", &json!({"token": token, "totp": totp}))
    }

    /// A code that was not used: that of a later step.
    pub(super) fn next_code(&self, person: &Person) -> String {
        self.clock.advance(STEP_NS);
        self.code(person, 0)
    }

    /// Signs in with a code that was not used.
    pub(super) fn browser(&self, person: &Person) -> Browser {
        let reply = self.sign_in(&person.token, &self.next_code(person));
        assert_eq!(reply.status, 200, "{}", reply.text());
        Browser::of(&reply)
    }

    pub(super) fn ask(&self, browser: &Browser, ask: Ask<'_>) -> Reply {
        self.site.ask(&ask.anonymous().with("cookie", &browser.cookie))
    }

    /// Changes something in a session.
    fn post_in(&self, browser: &Browser, path: &str, body: &Value) -> Reply {
        let body = body.to_string();
        let ask = Ask::post(path, JSON, body.as_bytes());
        self.ask(browser, ask.with("x-graven-csrf", &browser.csrf))
    }

    fn session(&self, browser: &Browser) -> Reply {
        self.ask(browser, Ask::get("/api/v1/session"))
    }

    /// The texts of the server's own entries.
    fn system(&self) -> Vec<String> {
        let log = self.site.cell.log("system").unwrap();
        let entries = (0..log.info().size.0).map(|at| log.entry(graven_merkle::LeafIndex(at)));
        entries.map(|entry| String::from_utf8(entry.unwrap()).unwrap()).collect()
    }

    /// A new passkey for somebody, by what the authenticator says.
    fn register(&self, person: &Person, key: &Authenticator, says: &Says<'_>) -> Reply {
        let path = format!("/api/v1/tokens/{}/factors", person.name);
        let begun = self.post(&person.token, &path, &json!({"kind": "passkey"}));
        assert_eq!(begun.status, 200, "{}", begun.text());
        let challenge = begun.json()["publicKey"]["challenge"].as_str().unwrap().to_owned();
        let body = json!({"passkey": key.create(&challenge, says)});
        self.post(&person.token, &(path + "/finish"), &body)
    }

    fn challenge(&self) -> String {
        let reply = self.open_post("/api/v1/session/passkey/start", &json!({}));
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["publicKey"]["challenge"].as_str().unwrap().to_owned()
    }

    fn finish(&self, credential: &Value) -> Reply {
        self.open_post("/api/v1/session/passkey/finish", credential)
    }
}

impl Browser {
    fn of(reply: &Reply) -> Browser {
        let set = reply.header("set-cookie").expect("a cookie is set");
        assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{set}");
        let cookie = set.split(';').next().unwrap().to_owned();
        Browser { cookie, csrf: reply.json()["csrf"].as_str().unwrap().to_owned() }
    }
}

impl Authenticator {
    fn new(number: u8) -> Authenticator {
        let (algorithm, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Authenticator { pair, id: [number; 16] }
    }

    fn create(&self, challenge: &str, says: &Says<'_>) -> Value {
        let point = self.pair.public_key().as_ref();
        let key = [
            b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20",
            &point[1..33],
            b"\x22\x58\x20",
            &point[33..],
        ];
        let says = Says { flags: says.flags | 0x40, ..says.clone() };
        let data = [&head(&says)[..], &[0; 16], &[0, 16], &self.id, &key.concat()].concat();
        json!({
            "id": URL_SAFE_NO_PAD.encode(self.id), "type": "public-key",
            "response": {
                "clientDataJSON": client_data("create", challenge, says.origin),
                "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            },
        })
    }

    fn get(&self, challenge: &str, says: &Says<'_>) -> Value {
        let (data, client) = (head(says), client_data("get", challenge, says.origin));
        let hash = Sha256::digest(URL_SAFE_NO_PAD.decode(&client).unwrap());
        let signed = [&data[..], &hash].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        json!({
            "id": URL_SAFE_NO_PAD.encode(self.id), "type": "public-key",
            "response": {
                "clientDataJSON": client,
                "authenticatorData": URL_SAFE_NO_PAD.encode(data),
                "signature": URL_SAFE_NO_PAD.encode(signature.as_ref()),
                "userHandle": URL_SAFE_NO_PAD.encode(says.user),
            },
        })
    }
}

fn head(says: &Says<'_>) -> Vec<u8> {
    let counter = says.counter.to_be_bytes();
    [Sha256::digest(says.rp).as_slice(), &[says.flags], &counter].concat()
}

fn client_data(kind: &str, challenge: &str, origin: &str) -> String {
    let data =
        json!({"type": format!("webauthn.{kind}"), "challenge": challenge, "origin": origin});
    URL_SAFE_NO_PAD.encode(data.to_string())
}

/// A code as an app makes it (RFC 6238), from the secret's text.
fn code(secret: &str, step: u64) -> String {
    let digit = |byte: u8| if byte.is_ascii_digit() { byte - b'2' + 26 } else { byte - b'A' };
    let bits = secret.bytes().flat_map(|byte| (0..5).rev().map(move |bit| digit(byte) >> bit & 1));
    let bits: Vec<u8> = bits.collect();
    let key: Vec<u8> =
        bits.chunks(8).map(|one| one.iter().fold(0, |all, bit| all << 1 | bit)).collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = ring::hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let word = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap());
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

#[test]
fn a_code_signs_in_once_within_a_step_of_now() {
    let world = World::new(&[]);
    let audrey = world.person_with_app("audrey", "reader");
    let bob = world.person("bob", "reader");
    let check = |token: &str, code: &str, expected: u16| {
        let reply = world.sign_in(token, code);
        assert_eq!(reply.status, expected, "{code} -> {}", reply.text());
        assert_eq!(reply.header("set-cookie").is_some(), expected == 200);
        reply.json()["detail"].clone()
    };
    check(&audrey.token, &world.code(&audrey, 0), 401);
    world.clock.advance(4 * STEP_NS);
    let wrong = check(&audrey.token, &world.code(&audrey, -2), 401);
    check(&audrey.token, &world.code(&audrey, -1), 200);
    check(&audrey.token, &world.code(&audrey, -1), 401);
    check(&audrey.token, &world.code(&audrey, 1), 200);
    check(&audrey.token, &world.code(&audrey, 0), 401);
    world.clock.advance(4 * STEP_NS);
    let code = world.code(&audrey, 0);
    for token in [TOKEN, &bob.token, "x"] {
        assert_eq!(check(token, &code, 401), wrong, "what is wrong is not told");
    }
    check(&audrey.token, "", 401);
    check(&audrey.token, &code, 200);
}

#[test]
fn guessed_codes_are_locked_out_wherever_they_come_from() {
    let world = World::new(&[]);
    let audrey = world.person_with_app("audrey", "reader");
    for _ in 0..=CODES_FREE {
        assert_eq!(world.sign_in(&audrey.token, "000000").status, 401);
    }
    world.clock.advance(STEP_NS / 60);
    let locked = world.sign_in(&audrey.token, &world.code(&audrey, 1));
    assert_eq!(locked.status, 429, "also a right one: {}", locked.text());
    world.clock.advance(STEP_NS);
    world.browser(&audrey);
}

#[test]
fn a_code_that_was_used_is_used_after_a_restart_which_ends_every_session() {
    let mut world = World::new(&[]);
    let audrey = world.person_with_app("audrey", "reader");
    let browser = world.browser(&audrey);
    let used = world.code(&audrey, 0);
    assert_eq!(world.session(&browser).status, 200);
    world.site.reopen(CellLimits::default());
    assert_eq!(world.session(&browser).status, 401, "sessions are the process's");
    assert_eq!(world.sign_in(&audrey.token, &used).status, 401);
    world.browser(&audrey);
}

#[test]
fn a_session_changes_things_only_with_its_csrf_token_and_from_its_own_pages() {
    let world = World::new(&[]);
    let writer = world.person_with_app("writer", "writer");
    let (browser, other) = (world.browser(&writer), world.browser(&writer));
    let check = |headers: &[(&str, &str)], expected: u16| {
        let mut ask = Ask::post("/api/v1/logs/main/events", JSON, EVENT.as_bytes());
        ask.headers.extend(headers);
        let reply = world.ask(&browser, ask);
        assert_eq!(reply.status, expected, "{headers:?} -> {}", reply.text());
        reply
    };
    let csrf = browser.csrf.as_str();
    check(&[], 403);
    check(&[("x-graven-csrf", "")], 403);
    check(&[("x-graven-csrf", &other.csrf)], 403);
    check(&[("x-graven-csrf", csrf), ("sec-fetch-site", "cross-site")], 403);
    check(&[("x-graven-csrf", csrf), ("sec-fetch-site", "same-site")], 403);
    check(&[("x-graven-csrf", csrf), ("cookie", &other.cookie)], 401);
    let good = check(&[("x-graven-csrf", csrf), ("sec-fetch-site", "same-origin")], 200);
    let index = good.json()["receipts"][0]["index"].as_u64().unwrap();
    let entry = world.site.cell.log("main").unwrap().entry(graven_merkle::LeafIndex(index));
    let entry = String::from_utf8(entry.unwrap()).unwrap();
    assert!(entry.contains(r#""writer":"writer","auth":"session-totp""#), "{entry}");
    let read = |ask: Ask<'_>| world.ask(&browser, ask).status;
    assert_eq!(read(Ask::get("/api/v1/session").with("sec-fetch-site", "cross-site")), 403);
    assert_eq!(read(Ask { method: "DELETE", ..Ask::get("/api/v1/session") }), 403);
    assert_eq!(world.session(&browser).status, 200);
}

#[test]
fn a_session_ends_by_time_by_word_and_with_what_it_stands_on() {
    type End = fn(&World, &Person, &Browser);
    let check = |what: &str, end: End, expected: u16| {
        let world = World::new(&[]);
        let audrey = world.person_with_app("audrey", "reader");
        let browser = world.browser(&audrey);
        end(&world, &audrey, &browser);
        assert_eq!(world.session(&browser).status, expected, "{what}");
    };
    check("nothing", |_, _, _| {}, 200);
    check("nearly idle", |world, _, _| world.clock.advance(SESSION_IDLE_NS - 1), 200);
    check("idle", |world, _, _| world.clock.advance(SESSION_IDLE_NS), 401);
    let busy: End = |world, _, browser| {
        for _ in 0..SESSION_NS / SESSION_IDLE_NS * 2 {
            assert_eq!(world.session(browser).status, 200);
            world.clock.advance(SESSION_IDLE_NS / 2);
        }
    };
    check("all day", busy, 401);
    let sign_out: End = |world, _, browser| {
        let ask = Ask { method: "DELETE", ..Ask::get("/api/v1/session") };
        let ended = world.ask(browser, ask.with("x-graven-csrf", &browser.csrf));
        assert_eq!(ended.status, 200, "{}", ended.text());
        assert!(ended.header("set-cookie").unwrap().contains("graven_session=; "));
    };
    check("sign out", sign_out, 401);
    let revoke: End = |world, _, _| {
        let reply = world.post(TOKEN, "/api/v1/tokens/audrey/revoke", &json!({}));
        assert_eq!(reply.status, 200, "{}", reply.text());
    };
    check("revoked token", revoke, 401);
    let remove: End = |world, _, browser| {
        let factor = world.session(browser).json()["factors"][0]["factor"].clone();
        let path = format!("/api/v1/tokens/audrey/factors/{}/remove", factor.as_str().unwrap());
        let reply = world.post(TOKEN, &path, &json!({}));
        assert_eq!(reply.status, 200, "{}", reply.text());
    };
    check("removed factor", remove, 401);
}

#[test]
fn a_session_tells_who_it_is_and_every_sign_in_is_an_entry() {
    let world = World::new(&[]);
    let audrey = world.person_with_app("audrey", "reader");
    world.sign_in(&audrey.token, "12345");
    let browser = world.browser(&audrey);
    let told = world.session(&browser).json();
    let expected = json!({
        "principal": "audrey", "roles": [{"role": "reader"}], "factors": told["factors"],
        "auth": "session-totp", "strong": true, "csrf": browser.csrf, "until": told["until"],
    });
    assert_eq!(told, expected);
    assert_eq!(told["factors"][0]["kind"], "totp");
    assert!(told["until"].is_string());
    let bearer = world.site.get("/api/v1/session").json();
    assert_eq!((&bearer["auth"], &bearer["strong"]), (&json!("token"), &json!(false)));
    assert!(bearer.get("csrf").is_none());
    // What is recorded by the second is written when the server stops.
    let World { mut site, clock } = world;
    site.reopen(CellLimits::default());
    let world = World { site, clock };
    let entries = world.system();
    let has =
        |parts: &[&str]| entries.iter().any(|one| parts.iter().all(|part| one.contains(part)));
    assert!(has(&["graven.login", r#""success""#, r#""detail":"session-totp""#, r#""step":"#]));
    assert!(has(&["graven.login", r#""failure""#, r#""detail":"wrong code""#, "audrey"]));
    assert!(has(&["graven.factor", r#""op":"begin""#, "_sd"]));
    let cookie = browser.cookie.split('=').next_back().unwrap();
    for secret in [audrey.secret.as_str(), cookie, &browser.csrf] {
        assert!(!has(&[secret]), "no secret stands in `system`");
    }
}

#[test]
fn a_tail_ends_with_its_session() {
    let world = World::new(&[]);
    let audrey = world.person_with_app("audrey", "reader");
    let browser = world.browser(&audrey);
    let ask = Ask::get("/api/v1/logs/main/tail").anonymous().with("cookie", &browser.cookie);
    let mut stream = world.site.connect();
    stream.write_all(&ask.bytes("")).unwrap();
    let mut bytes = Vec::new();
    let mut read_until = |wanted: &str| {
        while find(&bytes, wanted.as_bytes()).is_none() {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            // A sign of life comes after what there was to send.
            let goes_on = !text.contains("still here") && read_more(&mut stream, &mut bytes);
            assert!(goes_on, "no {wanted:?} in {text}");
        }
    };
    read_until("text/event-stream");
    world.site.append(EVENT);
    read_until("invoice.update");
    let ask = Ask { method: "DELETE", ..Ask::get("/api/v1/session") };
    let ended = world.ask(&browser, ask.with("x-graven-csrf", &browser.csrf));
    assert_eq!(ended.status, 200, "{}", ended.text());
    world.site.append(EVENT);
    read_until("the session has ended");
}

#[test]
fn nobody_opens_the_secret_of_a_factor() {
    let world = World::new(&[]);
    let audrey = world.person("audrey", "reader");
    let begun =
        world.post(&audrey.token, "/api/v1/tokens/audrey/factors", &json!({"kind": "totp"}));
    let path = format!("/api/v1/logs/system/entries/{}/reveal", begun.json()["entry"]);
    let body = json!({"path": "/data/secret", "reason": "curiosity"});
    let refused = world.post(TOKEN, &path, &body);
    assert_eq!(refused.status, 404, "the admin has every right here: {}", refused.text());
}

#[test]
fn a_stolen_token_makes_no_factor_beside_one_that_is_there() {
    let world = World::new(&[]);
    let audrey = world.person_with_app("audrey", "reader");
    let bob = world.person("bob", "reader");
    let begin = |token: &str, who: &str| {
        let path = format!("/api/v1/tokens/{who}/factors");
        world.post(token, &path, &json!({"kind": "totp"})).status
    };
    assert_eq!(begin(&audrey.token, "audrey"), 403, "needs the factor");
    assert_eq!(begin(&bob.token, "audrey"), 403, "another's");
    assert_eq!(begin(TOKEN, "bob"), 403, "also for an owner");
    assert_eq!(begin(&bob.token, "bob"), 200);
    let browser = world.browser(&audrey);
    let body = br#"{"kind":"totp"}"#;
    let ask = Ask::post("/api/v1/tokens/audrey/factors", JSON, body);
    let begun = world.ask(&browser, ask.with("x-graven-csrf", &browser.csrf));
    assert_eq!(begun.status, 200, "{}", begun.text());
    let entry = begun.json()["entry"].clone();
    let second = Person {
        secret: begun.json()["secret"].as_str().unwrap().to_owned(),
        token: audrey.token.clone(),
        name: "audrey",
    };
    assert_eq!(world.sign_in(&audrey.token, &world.code(&second, 0)).status, 401, "not confirmed");
    let finish = |token: &str, who: &str, body: Value| {
        world.post(token, &format!("/api/v1/tokens/{who}/factors/finish"), &body)
    };
    let body = json!({"entry": entry, "code": world.code(&second, 0)});
    assert_eq!(finish(&bob.token, "bob", body.clone()).status, 404, "another's secret");
    assert_eq!(finish(&audrey.token, "audrey", body).status, 403, "needs the factor");
    let list = world.post(TOKEN, "/api/v1/tokens/audrey/factors", &json!({}));
    assert_eq!(list.status, 400);
    let path = "/api/v1/tokens/audrey/factors";
    assert_eq!(world.site.get(path).json()["factors"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_demanded_needs_a_session() {
    let world = World::new(&[Privilege::Grant]);
    let mut admin = Person { name: "admin", token: TOKEN.to_owned(), secret: String::new() };
    let new = json!({"name": "bob", "role": "reader"}).to_string();
    let refused = world.site.post("/api/v1/tokens", JSON, new.as_bytes());
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("forbidden")));
    assert!(refused.text().contains("strong authentication"), "{}", refused.text());
    assert_eq!(world.site.get("/api/v1/policies").status, 200, "not privileged");
    world.enrol(&mut admin);
    let browser = world.browser(&admin);
    let ask = Ask::post("/api/v1/tokens", JSON, new.as_bytes());
    let made = world.ask(&browser, ask.with("x-graven-csrf", &browser.csrf));
    assert_eq!(made.status, 201, "{}", made.text());
    let told = world.system().into_iter().filter(|one| one.contains("strong_auth")).count();
    assert_eq!(told, 1, "that it is demanded is an entry");
}

#[test]
fn a_passkey_signs_in_on_its_site_for_its_user_with_a_counter_that_grows() {
    let world = World::new(&[]);
    let (audrey, bob) = (world.person("audrey", "reader"), world.person("bob", "reader"));
    let (hers, his) = (Authenticator::new(1), Authenticator::new(2));
    let bobs = Says { user: "bob", ..GOOD };
    assert_eq!(world.register(&audrey, &hers, &GOOD).status, 200);
    assert_eq!(world.register(&bob, &his, &bobs).status, 200);
    let check = |key: &Authenticator, says: &Says<'_>, expected: u16| {
        let reply = world.finish(&key.get(&world.challenge(), says));
        assert_eq!(reply.status, expected, "{}", reply.text());
        reply
    };
    let next = |counter: u32| Says { counter, ..GOOD };
    let told = check(&hers, &next(6), 401);
    check(&hers, &next(7), 401);
    let good = check(&hers, &next(8), 200);
    assert_eq!(world.session(&Browser::of(&good)).json()["auth"], "session-passkey");
    for bad in [
        next(8),
        next(0),
        Says { origin: "https://evil.example", ..next(20) },
        Says { origin: "http://localhost:7071", ..next(20) },
        Says { rp: "evil.example", ..next(20) },
        Says { flags: 0x01, ..next(20) },
        Says { flags: 0x04, ..next(20) },
        Says { user: "bob", ..next(20) },
        Says { user: "", ..next(20) },
    ] {
        let reply = check(&hers, &bad, 401);
        assert_eq!(reply.json(), told.json(), "what is wrong is not told");
    }
    // Another's key under her passkey's id.
    let forged = Authenticator { id: hers.id, ..Authenticator::new(3) };
    check(&forged, &next(20), 401);
    check(&Authenticator::new(4), &next(20), 401);
    let challenge = world.challenge();
    assert_eq!(world.finish(&hers.get(&challenge, &next(21))).status, 200);
    assert_eq!(world.finish(&hers.get(&challenge, &next(22))).status, 401, "replayed");
    let late = world.challenge();
    world.clock.advance(access::limits::CHALLENGE_NS);
    assert_eq!(world.finish(&hers.get(&late, &next(23))).status, 401, "too late");
    assert_eq!(world.finish(&hers.get("AAAA", &next(24))).status, 401, "never asked");
    check(&hers, &next(25), 200);
    world.post(TOKEN, "/api/v1/tokens/audrey/revoke", &json!({}));
    check(&hers, &next(26), 401);
    check(&his, &Says { counter: 8, ..bobs }, 200);
}

#[test]
fn a_passkey_is_registered_on_its_site_for_whoever_began_it() {
    let world = World::new(&[]);
    let (audrey, bob) = (world.person("audrey", "reader"), world.person("bob", "reader"));
    let key = Authenticator::new(1);
    for bad in [
        Says { origin: "https://evil.example", ..GOOD },
        Says { rp: "evil.example", ..GOOD },
        Says { flags: 0x01, ..GOOD },
    ] {
        let reply = world.register(&audrey, &key, &bad);
        assert_eq!(reply.status, 403, "{}", reply.text());
    }
    let path = |name: &str| format!("/api/v1/tokens/{name}/factors");
    let begun = world.post(&audrey.token, &path("audrey"), &json!({"kind": "passkey"})).json();
    let challenge = begun["publicKey"]["challenge"].as_str().unwrap();
    let finish = |person: &Person, challenge: &str| {
        let body = json!({"passkey": key.create(challenge, &GOOD)});
        world.post(&person.token, &(path(person.name) + "/finish"), &body).status
    };
    assert_eq!(finish(&bob, challenge), 403, "another's challenge");
    assert_eq!(finish(&audrey, challenge), 403, "which is gone then");
    assert_eq!(finish(&audrey, &world.challenge()), 403, "a challenge to sign in");
    assert_eq!(world.register(&audrey, &key, &GOOD).status, 200);
    assert_eq!(world.register(&bob, &key, &GOOD).status, 409, "a passkey is one principal's");
}

/// Who approves has to have proved as much as the request needs, and a code beside the token is that.
#[test]
fn an_approver_needs_what_the_request_needs() {
    let grant = std::collections::BTreeSet::from([Privilege::Grant]);
    let world =
        World::with(Demands { four_eyes: grant.clone(), strong_auth: grant, ..Demands::default() });
    let mut admin = Person { name: "admin", token: TOKEN.to_owned(), secret: String::new() };
    world.enrol(&mut admin);
    // Until there are two owners nobody could approve.
    let owner = |by: &Person, name: &'static str| {
        let body = json!({"name": name, "role": "owner"});
        let made = world.post_in(&world.browser(by), "/api/v1/tokens", &body);
        assert_eq!(made.status, 201, "{}", made.text());
        let token = made.json()["token"].as_str().unwrap().to_owned();
        let mut person = Person { name, token, secret: String::new() };
        world.enrol(&mut person);
        person
    };
    let olga = owner(&admin, "olga");
    let otto = owner(&olga, "otto");
    let hers = world.browser(&olga);
    let audrey = json!({"name": "audrey", "role": "auditor"});
    let asked = world.post_in(&hers, "/api/v1/tokens", &audrey);
    assert_eq!(asked.json()["code"], "approval_needed", "{}", asked.text());
    let listed = world.ask(&hers, Ask::get("/api/v1/approvals")).json();
    let path = format!("/api/v1/approvals/{}/approve", listed["approvals"][0]["approval"]);
    let by_token = world.post(&otto.token, &path, &json!({}));
    assert_eq!(by_token.status, 403, "{}", by_token.text());
    assert!(by_token.text().contains("strong authentication"), "{}", by_token.text());
    let refused = world.post_in(&hers, "/api/v1/tokens", &audrey);
    assert_eq!(refused.json()["code"], "approval_needed", "it was not approved");
    let by_code = world.post_in(&world.browser(&otto), &path, &json!({}));
    assert_eq!(by_code.status, 200, "{}", by_code.text());
    assert_eq!(world.post_in(&hers, "/api/v1/tokens", &audrey).status, 201);
}
