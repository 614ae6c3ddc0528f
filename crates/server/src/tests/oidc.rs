//! An issuer's tokens as credentials, against an issuer of the test's own on loopback.

mod code_flow;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use env::SimClock;
use graven_entry::Entry;
use graven_merkle::LeafIndex;
use log::Env;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use ring::{hmac, rsa};
use serde_json::{Value, json};

use super::site::{Ask, Site, find, read_more};
use super::{EVENT, TOKEN};
use crate::oidc::Oidc;
use crate::{OidcClient, OidcOptions};

/// A key of tests alone: nothing was ever signed by it that counts.
const RSA_KEY: &[u8] = include_bytes!("oidc_rsa.der");
const AUDIENCE: &str = "graven-test";
const SECOND_NS: u64 = 1_000_000_000;
const ENTRY: &str = "/api/v1/logs/main/entries/0";

/// How the issuer answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Good,
    Broken,
    Silent,
    NotJson,
    OtherIssuer,
    Redirect,
    Endless,
    Huge,
}

/// An issuer: its documents, and how often it was asked.
struct Issuer {
    url: String,
    shown: Arc<Shown>,
}

struct Shown {
    keys: Mutex<Vec<Value>>,
    mode: Mutex<Mode>,
    asked: AtomicUsize,
    /// Bytes of documents that are too large.
    sent: AtomicUsize,
    /// What was sent to where it gives tokens, from the request's first line on.
    posted: Mutex<Vec<String>>,
    /// What it answers there.
    given: Mutex<(u16, Value)>,
}

/// All that an issuer can sign with.
struct Keys {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Keys {
    fn new() -> Keys {
        let random = SystemRandom::new();
        let how = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let ec = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Keys {
            rsa: RsaKeyPair::from_der(RSA_KEY).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(how, ec.as_ref(), &random).unwrap(),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
        }
    }

    fn modulus(&self) -> Vec<u8> {
        rsa::PublicKeyComponents::<Vec<u8>>::from(self.rsa.public()).n
    }

    /// As a JWK set shows them, their ids ending in this.
    fn public(&self, end: &str) -> Vec<Value> {
        let point = self.ec.public_key().as_ref();
        vec![
            json!({"kty": "RSA", "kid": format!("rsa{end}"), "use": "sig", "e": "AQAB", "n": BASE64.encode(self.modulus())}),
            json!({"kty": "EC", "crv": "P-256", "kid": format!("ec{end}"), "alg": "ES256",
                "x": BASE64.encode(&point[1..33]), "y": BASE64.encode(&point[33..])}),
            json!({"kty": "OKP", "crv": "Ed25519", "kid": format!("ed{end}"), "x": BASE64.encode(self.ed.public_key())}),
            json!({"kty": "oct", "kid": format!("oct{end}"), "k": "AAAA"}),
            json!({"kty": "RSA", "kid": format!("enc{end}"), "use": "enc", "e": "AQAB", "n": BASE64.encode(self.modulus())}),
        ]
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let rsa = |how| {
            let mut signature = vec![0; self.rsa.public().modulus_len()];
            self.rsa.sign(how, &random, message, &mut signature).unwrap();
            signature
        };
        match algorithm {
            "RS256" => rsa(&RSA_PKCS1_SHA256),
            "PS256" => rsa(&RSA_PSS_SHA256),
            "ES256" => self.ec.sign(&random, message).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed.sign(message).as_ref().to_vec(),
            // The old trick: the public key as the secret of an HMAC.
            "HS256" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &self.modulus());
                hmac::sign(&key, message).as_ref().to_vec()
            }
            _ => Vec::new(),
        }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let algorithm = header["alg"].as_str().unwrap_or_default();
        format!("{signed}.{}", BASE64.encode(self.sign(algorithm, signed.as_bytes())))
    }
}

impl Issuer {
    fn start(keys: Vec<Value>) -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (keys, mode) = (Mutex::new(keys), Mutex::new(Mode::Good));
        let (asked, sent) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (posted, given) = (Mutex::default(), Mutex::default());
        let shown = Arc::new(Shown { keys, mode, asked, sent, posted, given });
        let (state, own) = (Arc::clone(&shown), url.clone());
        // Ends with the process of the tests: it holds nothing but a port.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                state.asked.fetch_add(1, Ordering::SeqCst);
                state.answer(stream, &own).unwrap_or_default();
            }
        });
        Issuer { url, shown }
    }

    fn set(&self, mode: Mode) {
        *self.shown.mode.lock().unwrap() = mode;
    }

    fn asked(&self) -> usize {
        self.shown.asked.load(Ordering::SeqCst)
    }
}

impl Shown {
    fn answer(&self, mut stream: TcpStream, url: &str) -> std::io::Result<()> {
        let mut head = Vec::new();
        while find(&head, b"\r\n\r\n").is_none() {
            if !read_more(&mut stream, &mut head) {
                return Ok(());
            }
        }
        if head.starts_with(b"POST /token ") {
            return self.give(stream, head);
        }
        let is_discovery = find(&head, b"/.well-known/openid-configuration").is_some();
        let mode = *self.mode.lock().unwrap();
        let issuer = if mode == Mode::OtherIssuer { "http://127.0.0.1:1" } else { url };
        let body = match (is_discovery, mode) {
            (true, _) => json!({
                "issuer": issuer, "jwks_uri": format!("{url}/jwks"),
                "authorization_endpoint": format!("{url}/authorize?tenant=acme"),
                "token_endpoint": format!("{url}/token"),
                "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA", "HS256", "none"],
            }),
            (false, _) => json!({"keys": *self.keys.lock().unwrap()}),
        };
        let body = body.to_string();
        let zeros = vec![b'0'; 64 * 1024];
        match mode {
            Mode::Silent => Ok(()),
            Mode::Broken => stream.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"),
            Mode::NotJson => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n["),
            // Whoever follows finds a good document.
            Mode::Redirect if is_discovery && find(&head, b"/elsewhere").is_none() => {
                let to = format!(
                    "HTTP/1.1 302 No\r\nlocation: {url}/elsewhere/.well-known/openid-configuration\r\ncontent-length: 0\r\n\r\n"
                );
                stream.write_all(to.as_bytes())
            }
            Mode::Endless | Mode::Huge if !is_discovery => {
                let length = if mode == Mode::Huge { "content-length: 104857600\r\n" } else { "" };
                stream.write_all(format!("HTTP/1.1 200 OK\r\n{length}\r\n").as_bytes())?;
                // Far more than anybody may read here.
                (0..1_600).try_for_each(|_| {
                    stream.write_all(&zeros)?;
                    self.sent.fetch_add(zeros.len(), Ordering::SeqCst);
                    Ok(())
                })
            }
            _ => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())
            }
        }
    }
}

impl Shown {
    /// Answers at the token endpoint.
    fn give(&self, mut stream: TcpStream, mut request: Vec<u8>) -> std::io::Result<()> {
        let text = |request: &[u8]| String::from_utf8(request.to_vec()).unwrap();
        let is_whole = |request: &[u8]| {
            let text = text(request).to_ascii_lowercase();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let length = head.split("content-length: ").nth(1).unwrap();
            length.lines().next().unwrap().trim().parse() == Ok(body.len())
        };
        while !is_whole(&request) {
            assert!(read_more(&mut stream, &mut request), "{}", text(&request));
        }
        self.posted.lock().unwrap().push(text(&request));
        let (status, answer) = self.given.lock().unwrap().clone();
        let body = answer.to_string();
        let head = format!("HTTP/1.1 {status} So\r\ncontent-length: {}\r\n", body.len());
        stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes())
    }
}

/// A server that believes an issuer, and its clock.
struct World {
    site: Site,
    issuer: Issuer,
    keys: Keys,
    clock: Arc<SimClock>,
}

impl World {
    fn new() -> World {
        World::with(|options| options)
    }

    fn with(change: impl FnOnce(OidcOptions) -> OidcOptions) -> World {
        let keys = Keys::new();
        let issuer = Issuer::start(keys.public(""));
        let clock = Arc::new(SimClock::new(Env::real().clock.wall_ns()));
        let env = Env { clock: Arc::clone(&clock) as _, ..Env::real() };
        let site = Site::with_oidc(&env, change(options(&issuer.url)));
        World { site, issuer, keys, clock }
    }

    fn now_s(&self) -> u64 {
        env::Clock::wall_ns(&*self.clock) / SECOND_NS
    }

    /// The claims of a reader, good for a year, with these changed.
    fn claims(&self, changes: &Value) -> Value {
        let now_s = self.now_s();
        let mut claims = json!({
            "iss": self.issuer.url, "sub": "alice@acme.example", "aud": AUDIENCE, "iat": now_s,
            "exp": now_s + 366 * 86_400, "groups": ["staff", "log-readers"],
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    fn token(&self, changes: &Value) -> String {
        self.keys.token(&json!({"alg": "ES256", "kid": "ec"}), &self.claims(changes))
    }

    fn get(&self, token: &str, path: &str) -> (u16, String) {
        let bearer = format!("Bearer {token}");
        let reply = self.site.ask(&Ask::get(path).anonymous().with("authorization", &bearer));
        (reply.status, reply.text())
    }

    fn check(&self, what: &str, token: &str, expected: u16) {
        let (status, text) = self.get(token, ENTRY);
        assert_eq!(status, expected, "{what}: {text}");
    }

    fn post(&self, token: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let bearer = format!("Bearer {token}");
        let ask = Ask::post(path, "application/json", body).anonymous();
        let reply = self.site.ask(&ask.with("authorization", &bearer));
        (reply.status, reply.json())
    }

    /// The events of `system` of this action, once what was asked is in it.
    fn told(&self, action: &str) -> Vec<Value> {
        let system = self.site.cell.log("system").unwrap();
        let entries =
            (0..system.info().size.0).map(|index| system.entry(LeafIndex(index)).unwrap());
        let events = entries.map(|entry| {
            serde_json::from_slice::<Value>(Entry::parse(&entry).unwrap().event).unwrap()
        });
        events.filter(|event| event["action"] == action).collect()
    }
}

fn options(issuer: &str) -> OidcOptions {
    OidcOptions {
        issuer: issuer.to_owned(),
        audience: AUDIENCE.to_owned(),
        roles_claim: "groups".to_owned(),
        roles: "log-readers=reader@main, log-writers=writer, ops=operator".to_owned(),
        acr: Vec::new(),
        amr: Vec::new(),
        client: None,
    }
}

#[test]
fn a_token_that_an_issuer_signed_is_a_credential_by_each_algorithm() {
    let world = World::new();
    for (algorithm, key) in [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "ec"), ("EdDSA", "ed")] {
        let token =
            world.keys.token(&json!({"alg": algorithm, "kid": key}), &world.claims(&json!({})));
        world.check(algorithm, &token, 200);
    }
    assert_eq!(world.issuer.asked(), 2, "its documents were read once");
}

#[test]
fn nothing_else_is_one() {
    let world = World::new();
    world.check("a good one", &world.token(&json!({})), 200);
    let other = Keys::new();
    let good = json!({"alg": "ES256", "kid": "ec"});
    let plain = world.claims(&json!({}));
    let signed = world.token(&json!({}));
    let (front, signature) = signed.rsplit_once('.').unwrap();
    let (head, _) = front.split_once('.').unwrap();
    let raised = BASE64.encode(world.claims(&json!({"groups": ["ops"]})).to_string());
    let by = |header: Value| world.keys.token(&header, &plain);
    let rows = [
        ("alg none", by(json!({"alg": "none", "kid": "ec"}))),
        ("alg None", by(json!({"alg": "None"}))),
        ("no alg", by(json!({"kid": "ec"}))),
        ("no signature", format!("{front}.")),
        ("HMAC with the public key", by(json!({"alg": "HS256", "kid": "rsa"}))),
        ("HMAC with the issuer's oct key", by(json!({"alg": "HS256", "kid": "oct"}))),
        ("another's key under its id", other.token(&good, &plain)),
        (
            "another's key in the header",
            other.token(&json!({"alg": "ES256", "kid": "ec", "jwk": other.public("")[1]}), &plain),
        ),
        (
            "another's key elsewhere",
            other
                .token(&json!({"alg": "ES256", "kid": "ec", "jku": "http://127.0.0.1:1/"}), &plain),
        ),
        ("unknown kid", by(json!({"alg": "ES256", "kid": "none"}))),
        ("kid no text", by(json!({"alg": "ES256", "kid": 1}))),
        ("kid of another algorithm", by(json!({"alg": "ES256", "kid": "rsa"}))),
        ("a key for encryption", by(json!({"alg": "RS256", "kid": "enc"}))),
        ("critical extension", by(json!({"alg": "ES256", "kid": "ec", "crit": ["x"]}))),
        ("another kind of token", by(json!({"alg": "ES256", "kid": "ec", "typ": "logout+jwt"}))),
        ("claims exchanged", format!("{head}.{raised}.{signature}")),
        ("signature cut", signed[..signed.len() - 2].to_owned()),
        ("signature padded", format!("{signed}=")),
        ("not base64", format!("{head}.!.{signature}")),
        ("three dots", "..".to_owned()),
        ("over the limit", world.token(&json!({"x": "x".repeat(8 * 1024)}))),
    ];
    for (what, token) in rows {
        world.check(what, &token, 401);
    }
    world.check("the one before", &signed, 200);
    world.check("without kid, only one fits", &by(json!({"alg": "EdDSA"})), 200);
    world.check("an access token", &by(json!({"alg": "EdDSA", "typ": "at+jwt"})), 200);
    assert!(world.told("graven.token").len() == 1, "nobody else was made a principal");
}

#[test]
fn claims_are_for_us_and_of_now() {
    let world = World::new();
    let now_s = world.now_s();
    for (what, changes, expected) in [
        ("as they should be", json!({}), 200),
        ("a list of audiences", json!({"aud": ["x", AUDIENCE]}), 200),
        ("another audience", json!({"aud": "graven-tes"}), 401),
        ("others", json!({"aud": ["x", "y"]}), 401),
        ("none", json!({"aud": null}), 401),
        ("another issuer", json!({"iss": "https://other.example"}), 401),
        ("nearly", json!({"iss": format!("{}/", world.issuer.url)}), 401),
        ("expired within the skew", json!({"exp": now_s - 50}), 200),
        ("expired", json!({"exp": now_s - 61}), 401),
        ("never", json!({"exp": null}), 401),
        ("no number", json!({"exp": "9999999999"}), 401),
        ("nbf within the skew", json!({"nbf": now_s + 50}), 200),
        ("not yet", json!({"nbf": now_s + 70}), 401),
        ("nbf no number", json!({"nbf": "x"}), 401),
        ("issued in the future", json!({"iat": now_s + 70}), 401),
        ("no iat", json!({"iat": null}), 401),
        ("no sub", json!({"sub": null}), 401),
        ("empty sub", json!({"sub": ""}), 401),
        ("long sub", json!({"sub": "x".repeat(256)}), 401),
        ("no role", json!({"sub": "bob", "groups": ["staff"]}), 403),
        ("no groups", json!({"sub": "bob", "groups": null}), 403),
        ("a group as text", json!({"sub": "carol", "groups": "log-readers"}), 200),
    ] {
        world.check(what, &world.token(&changes), expected);
    }
}

#[test]
fn a_principal_is_told_of_without_its_name_and_has_the_roles_of_its_newest_token() {
    let world = World::new();
    let old = world.token(&json!({}));
    world.check("reader", &old, 200);
    let made = world.told("graven.token").pop().unwrap();
    let id = made["target"]["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("oidc-") && id.len() == 37, "{id}");
    assert_eq!(made["actor"]["id"], "graven");
    assert_eq!(made["data"], json!({"op": "create", "issuer": world.issuer.url}));
    world.clock.advance(10 * SECOND_NS);
    let writer = world.token(&json!({"groups": ["log-writers"]}));
    let (status, receipts) = world.post(&writer, "/api/v1/logs/main/events", EVENT.as_bytes());
    assert_eq!(status, 200, "{receipts}");
    let index = receipts["receipts"][0]["index"].as_u64().unwrap();
    let entry = world.site.cell.log("main").unwrap().entry(LeafIndex(index)).unwrap();
    let header = Entry::parse(&entry).unwrap().header;
    assert_eq!(format!("{} {}", header.writer, header.auth), format!("{id} oidc"));
    world.check("a writer reads nothing", &writer, 403);
    world.check("an older token gives no role back", &old, 403);
    assert_eq!(world.told("graven.token").len(), 1);
    let roles: Vec<Value> =
        world.told("graven.grant").iter().map(|event| event["data"].clone()).collect();
    assert_eq!(
        roles,
        [
            json!({"op": "add", "role": "reader", "log": "main"}),
            json!({"op": "remove", "role": "reader", "log": "main"}),
            json!({"op": "add", "role": "writer"}),
        ]
    );
    let by_hand = json!({"role": "auditor"}).to_string();
    let path = format!("/api/v1/tokens/{id}/roles");
    assert_eq!(world.site.post(&path, "application/json", by_hand.as_bytes()).status, 403);
    let revoked = world.site.post(&format!("/api/v1/tokens/{id}/revoke"), "application/json", b"");
    assert_eq!(revoked.status, 200);
    world.check("revoked", &writer, 401);
    let system = world.site.cell.log("system").unwrap();
    for index in 0..system.info().size.0 {
        let entry = system.entry(LeafIndex(index)).unwrap();
        assert!(find(&entry, b"alice").is_none(), "personal data in entry {index}");
    }
}

#[test]
fn keys_rotate_and_the_issuer_is_asked_once_a_minute() {
    let world = World::new();
    let old = world.token(&json!({}));
    world.check("the first key", &old, 200);
    let next = Keys::new();
    *world.issuer.shown.keys.lock().unwrap() = next.public("-2");
    let new = next.token(&json!({"alg": "ES256", "kid": "ec-2"}), &world.claims(&json!({})));
    for number in 0..20 {
        world.check("a key that nobody has seen", &new, 401);
        let guess = json!({"alg": "ES256", "kid": format!("guess{number}")});
        world.check("a key that is not there", &next.token(&guess, &world.claims(&json!({}))), 401);
    }
    assert_eq!(world.issuer.asked(), 2, "within a minute");
    world.clock.advance(61 * SECOND_NS);
    world.check(
        "not for other issuers' tokens",
        &next.token(&json!({"alg": "ES256", "kid": "x"}), &world.claims(&json!({"iss": "x"}))),
        401,
    );
    assert_eq!(world.issuer.asked(), 2);
    world.check("the next key", &new, 200);
    assert_eq!(world.issuer.asked(), 4);
    world.check("a token of the key that went", &old, 401);
    *world.issuer.shown.keys.lock().unwrap() = Keys::new().public("-3");
    world.clock.advance(3_601 * SECOND_NS);
    world.check("a key that went an hour ago, of which nobody told", &new, 401);
}

#[test]
fn an_issuer_that_fails_fails_nothing_else() {
    for mode in [
        Mode::Broken,
        Mode::Silent,
        Mode::NotJson,
        Mode::OtherIssuer,
        Mode::Redirect,
        Mode::Endless,
        Mode::Huge,
    ] {
        let world = World::new();
        world.issuer.set(mode);
        let token = world.token(&json!({}));
        world.check(&format!("{mode:?}"), &token, 503);
        let asked = world.issuer.asked();
        world.check(&format!("{mode:?}, again"), &token, 503);
        assert_eq!(world.issuer.asked(), asked, "{mode:?}: once a minute");
        let sent = world.issuer.shown.sent.load(Ordering::SeqCst);
        // What a socket holds beyond what was read is not ours to say.
        assert!(sent < 50 * 1024 * 1024, "{mode:?}: {sent} bytes were read");
        assert_eq!(world.site.get(ENTRY).status, 200, "{mode:?}: tokens of ours are good");
        world.issuer.set(Mode::Good);
        world.clock.advance(61 * SECOND_NS);
        world.check(&format!("after {mode:?}"), &token, 200);
        world.issuer.set(mode);
        world.clock.advance(2 * 3_600 * SECOND_NS);
        world.check(&format!("{mode:?} for two hours"), &token, 200);
        world.clock.advance(25 * 3_600 * SECOND_NS);
        world.check(&format!("{mode:?} for more than a day"), &token, 503);
    }
}

#[test]
fn a_token_of_a_megabyte_is_cut_off() {
    let world = World::new();
    let token = format!("a.{}.c", "b".repeat(1024 * 1024));
    let mut stream = world.site.connect();
    let bearer = format!("Bearer {token}");
    let ask = Ask::get(ENTRY).anonymous().with("authorization", &bearer);
    drop(stream.write_all(&ask.bytes("connection: close\r\n")));
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap_or_default();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    world.check("a good one afterwards", &world.token(&json!({})), 200);
}

#[test]
fn what_is_privileged_needs_the_log_in_that_is_asked_for() {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let world = World::with(|options| OidcOptions {
        acr: texts(&["gold"]),
        amr: texts(&["otp", "hwk"]),
        ..options
    });
    for (claims, expected) in [
        (json!({}), 403),
        (json!({"acr": "gold"}), 403),
        (json!({"amr": ["otp"]}), 403),
        (json!({"acr": "silver", "amr": ["otp"]}), 403),
        (json!({"acr": "gold", "amr": ["pwd"]}), 403),
        (json!({"acr": "gold", "amr": ["pwd", "hwk"]}), 400),
    ] {
        let mut claims = claims;
        claims["groups"] = json!(["ops"]);
        let token = world.token(&claims);
        let (status, text) = world.post(&token, "/api/v1/logs/main/keys", b"{}");
        assert_eq!(status, expected, "{claims}: {text}");
        let (status, text) = world.post(&token, "/api/v1/logs", br#"{"name":"main"}"#);
        assert_eq!(status, 409, "what is not privileged: {claims}: {text}");
        let approved = world.post(&token, "/api/v1/approvals/7/approve", b"").0;
        assert_eq!(approved, if expected == 403 { 403 } else { 404 }, "{claims}");
    }
}

#[test]
fn a_tail_ends_with_the_token_that_opened_it() {
    let world = World::new();
    let token = world.token(&json!({"exp": world.now_s() + 10}));
    let mut stream = world.site.connect();
    let bearer = format!("Bearer {token}");
    let ask = Ask::get("/api/v1/logs/main/tail").anonymous().with("authorization", &bearer);
    stream.write_all(&ask.bytes("connection: close\r\n")).unwrap();
    let mut bytes = Vec::new();
    while find(&bytes, b"\r\n\r\n").is_none() {
        assert!(read_more(&mut stream, &mut bytes));
    }
    world.clock.advance(71 * SECOND_NS);
    world.site.append(r#"{"actor":{"id":"x"},"action":"not.for.alice"}"#);
    let holds = |bytes: &[u8], text: &[u8]| find(bytes, text).is_some();
    while !holds(&bytes, b"event: error") && !holds(&bytes, b"not.for.alice") {
        assert!(read_more(&mut stream, &mut bytes), "the tail goes on or says why not");
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("event: error") && !text.contains("not.for.alice"), "{text}");
}

#[test]
fn a_session_by_an_issuers_token_ends_with_it_and_proves_as_much() {
    let world = World::with(|options| OidcOptions { amr: vec!["otp".to_owned()], ..options });
    let begin = |body: &Value| {
        let body = body.to_string();
        world
            .site
            .ask(&Ask::post("/api/v1/session", "application/json", body.as_bytes()).anonymous())
    };
    let token = |amr: &str| {
        let (groups, exp) = (json!(["log-readers", "ops"]), world.now_s() + 100);
        world.token(&json!({"amr": [amr], "groups": groups, "exp": exp}))
    };
    for (amr, is_strong, status) in [("otp", true, 400), ("pwd", false, 403)] {
        let begun = begin(&json!({"id_token": token(amr)}));
        assert_eq!((begun.status, &begun.json()["strong"]), (200, &json!(is_strong)), "{amr}");
        let cookie = begun.header("set-cookie").and_then(|text| text.split(';').next()).unwrap();
        let csrf = begun.json()["csrf"].as_str().unwrap().to_owned();
        let ask = |ask: Ask<'_>| {
            let ask = ask.anonymous().with("cookie", cookie).with("x-graven-csrf", &csrf);
            world.site.ask(&ask).status
        };
        let keys = || Ask::post("/api/v1/logs/main/keys", "application/json", b"{}");
        assert_eq!((ask(Ask::get(ENTRY)), ask(keys())), (200, status), "{amr}");
        world.clock.advance(159 * SECOND_NS);
        assert_eq!(ask(Ask::get(ENTRY)), 200, "{amr}: good with the skew of clocks");
        world.clock.advance(2 * SECOND_NS);
        assert_eq!(ask(Ask::get(ENTRY)), 401, "{amr}: it has ended");
    }
    let good = token("otp");
    for (body, status) in [
        (json!({"id_token": good[..good.len() - 4]}), 401),
        (json!({"id_token": TOKEN}), 401),
        (json!({"id_token": good, "totp": "123456"}), 400),
        (json!({"token": good}), 400),
    ] {
        assert_eq!(begin(&body).status, status, "{body}");
    }
}

#[test]
fn only_an_issuer_that_can_be_believed_is() {
    let check = |change: &dyn Fn(&mut OidcOptions), expected: bool| {
        let mut options = options("https://issuer.example");
        change(&mut options);
        assert_eq!(Oidc::new(&options).is_ok(), expected, "{options:?}");
    };
    check(&|_| {}, true);
    for (issuer, expected) in [
        ("http://127.0.0.1:9/x", true),
        ("http://localhost", true),
        ("http://[::1]:9", true),
        ("http://issuer.example", false),
        ("http://127.0.0.1.example", false),
        ("http://localhost@issuer.example", false),
        ("issuer.example", false),
    ] {
        check(&|options| options.issuer = issuer.to_owned(), expected);
    }
    check(&|options| options.audience.clear(), false);
    let client = OidcClient { id: "graven".to_owned(), secret: None };
    check(
        &|options| (options.audience, options.client) = (String::new(), Some(client.clone())),
        true,
    );
    for (roles, expected) in [
        ("", true),
        ("a=owner,b=writer@main", true),
        ("cn=a=reader", true),
        ("a=god", false),
        ("a=owner@main", false),
        ("a=reader@Main", false),
        ("=reader", false),
        ("reader", false),
    ] {
        check(&|options| options.roles = roles.to_owned(), expected);
    }
    check(&|options| options.roles = ["a=reader"; 65].join(","), false);
}
