//! Second factors at the command line, with an authenticator app of our own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use super::fixture::Fixture;

/// The code of an app that has read this URI, now (RFC 6238).
fn code(uri: &str) -> String {
    code_of(uri, 0)
}

/// The code so many steps from now.
fn code_of(uri: &str, ahead: u64) -> String {
    let secret = uri.split("secret=").nth(1).and_then(|rest| rest.split('&').next()).unwrap();
    let digit = |byte: u8| if byte.is_ascii_digit() { byte - b'2' + 26 } else { byte - b'A' };
    let bits = secret.bytes().flat_map(|byte| (0..5).rev().map(move |bit| digit(byte) >> bit & 1));
    let bits: Vec<u8> = bits.collect();
    let bytes = bits.chunks(8).map(|one| one.iter().fold(0, |all, bit| all << 1 | bit));
    let bytes: Vec<u8> = bytes.collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let step = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 30 + ahead;
    let tag = ring::hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let word = u32::from_be_bytes(tag.as_ref()[at..at + 4].try_into().unwrap());
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

/// Adds a factor with the code that `answer` makes of the URI. Exit code and last line.
fn add(
    fixture: &Fixture,
    (name, token): (&str, &str),
    answer: impl Fn(&str) -> String,
) -> (Option<i32>, String) {
    let mut command = fixture.command(&["token", "factor", "add", name, "--totp"]);
    command.env("GRAVEN_TOKEN", token).env("GRAVEN_URL", fixture.url());
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = piped.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut uri = String::new();
    out.read_line(&mut uri).unwrap();
    // One that was refused already reads nothing.
    drop(writeln!(child.stdin.take().unwrap(), "{}", answer(uri.trim())));
    let mut last = String::new();
    out.read_line(&mut last).unwrap();
    (child.wait().unwrap().code(), last)
}

#[test]
fn factors_are_added_listed_and_removed() {
    let mut fixture = Fixture::serving();
    let made = fixture.json(&["token", "create", "audrey", "--role", "reader"], 0);
    let token = made["token"].as_str().unwrap();
    let (exit, _) = add(&fixture, ("audrey", token), |_| "12345".to_owned());
    assert_eq!(exit, Some(3), "a wrong code");
    assert!(fixture.json(&["token", "factor", "list", "audrey"], 0)["factors"][0].is_null());
    let (exit, told) = add(&fixture, ("audrey", token), code);
    assert!(exit == Some(0) && told.contains("totp"), "{exit:?} {told}");
    let listed = fixture.json(&["token", "factor", "list", "audrey"], 0);
    let factor = listed["factors"][0]["factor"].as_str().unwrap();
    assert!(told.starts_with(factor), "{told} {listed}");
    let (exit, _) = add(&fixture, ("audrey", token), |_| String::new());
    assert_eq!(exit, Some(3), "the token alone adds no second one");
    fixture.check(&["token", "factor", "remove", "audrey", factor], 0, &["removed"], &[]);
    fixture.check(&["token", "factor", "remove", "audrey", factor], 1, &[], &["no second factor"]);
    fixture.stop();
    fixture.check(&["verify", "graven-data"], 0, &["system"], &[]);
    fixture.serve(&["--strong-auth", "grant", "--public-url", "https://audit.example.com"]);
    fixture.check(&["token", "list"], 3, &[], &["`grant` needs strong authentication"]);
    fixture.check(&["log", "list"], 0, &["main"], &[]);
}

/// One step ahead is within the skew of clocks, and no code that adding the factor has used.
#[test]
fn over_tls_a_session_is_for_this_host_and_for_tls_alone() {
    let mut fixture = Fixture::empty();
    fixture.serve(&["--tls"]);
    let made = fixture.json(&["token", "create", "audrey", "--role", "reader"], 0);
    let token = made["token"].as_str().unwrap();
    let uri = std::cell::RefCell::new(String::new());
    let (exit, _) = add(&fixture, ("audrey", token), |text| {
        uri.replace(text.to_owned());
        code(text)
    });
    assert_eq!(exit, Some(0));
    let pem = fixture.read("graven-data/tls.crt");
    let root = ureq::tls::Certificate::from_pem(pem.as_bytes()).unwrap();
    let roots = ureq::tls::RootCerts::new_with_certs(&[root]);
    let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
    let config = ureq::Agent::config_builder().tls_config(tls).proxy(None);
    let agent = config.http_status_as_error(false).build().new_agent();
    let url = format!("{}/api/v1/session", fixture.url());
    let body = serde_json::json!({"token": token, "totp": code_of(&uri.borrow(), 1)}).to_string();
    let begun = agent.post(&url).header("content-type", "application/json").send(&body).unwrap();
    let set = begun.headers()["set-cookie"].to_str().unwrap();
    let (cookie, attributes) = set.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Strict; Secure");
    let check = |cookie: &str, expected: u16| {
        let shown = agent.get(&url).header("cookie", cookie).call().unwrap();
        assert_eq!(shown.status().as_u16(), expected, "{cookie}");
    };
    check(cookie, 200);
    // The prefix is what keeps another host of the domain from setting it: without it the cookie is nothing.
    check(cookie.strip_prefix("__Host-").unwrap(), 401);
}
