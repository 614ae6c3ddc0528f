//! Tests of passkeys, with an authenticator of our own.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};

use super::{
    Assertion, Ceremony, HAS_CREDENTIAL, HAS_EXTENSIONS, PasskeyError, PasskeyId, PasskeyKey,
    Registered, RelyingParty, USER_PRESENT, USER_VERIFIED,
};
use crate::limits::PASSKEY_ID_BYTES_MAX;

const GOOD: u8 = USER_PRESENT | USER_VERIFIED;

fn site() -> RelyingParty {
    RelyingParty::parse("https://audit.example.com").unwrap()
}

fn key_pair() -> EcdsaKeyPair {
    let (algorithm, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap()
}

/// A COSE key as section 6.5.1 has it.
fn cose(pair: &EcdsaKeyPair) -> Vec<u8> {
    let point = pair.public_key().as_ref();
    let (x, y) = (&point[1..33], &point[33..]);
    [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".as_slice(), x, b"\x22\x58\x20", y].concat()
}

fn head(rp_id: &str, flags: u8, counter: u32) -> Vec<u8> {
    [Sha256::digest(rp_id).as_slice(), &[flags], &counter.to_be_bytes()].concat()
}

fn attested(rp_id: &str, flags: u8, id: &[u8], key: &[u8]) -> Vec<u8> {
    let length = (id.len() as u16).to_be_bytes();
    [&head(rp_id, flags, 7), [0; 16].as_slice(), &length, id, key].concat()
}

#[test]
fn a_registration_gives_id_key_and_counter() {
    let pair = key_pair();
    let (rp, key) = ("audit.example.com", cose(&pair));
    let flags = GOOD | HAS_CREDENTIAL;
    let read = site().registered(&attested(rp, flags, b"id", &key)).unwrap();
    let point = PasskeyKey::from_base64(&read.key.to_base64()).unwrap();
    assert_eq!(point.0, pair.public_key().as_ref());
    let expected = Registered { id: PasskeyId::new(b"id").unwrap(), key: point, counter: 7 };
    assert_eq!(read, expected);
    assert_eq!(PasskeyId::parse(&read.id.to_string()).unwrap(), read.id);

    let check = |bytes: Vec<u8>, expected: PasskeyError| {
        assert_eq!(site().registered(&bytes), Err(expected), "{bytes:?}");
    };
    let bad = PasskeyError::AuthenticatorData;
    check(attested("example.com", flags, b"id", &key), PasskeyError::RelyingParty);
    check(attested(rp, USER_PRESENT | HAS_CREDENTIAL, b"id", &key), PasskeyError::NotVerified);
    check(attested(rp, USER_VERIFIED | HAS_CREDENTIAL, b"id", &key), PasskeyError::NotVerified);
    check(attested(rp, GOOD, b"id", &key), bad);
    check(attested(rp, flags, b"", &key), bad);
    check(attested(rp, flags, &vec![1; PASSKEY_ID_BYTES_MAX + 1], &key), bad);
    check(attested(rp, flags, b"id", &[&key[..], b"\0"].concat()), bad);
    check(attested(rp, flags | HAS_EXTENSIONS, b"id", &key), bad);
    let mut other = key.clone();
    other[4] = 0x27;
    check(attested(rp, flags, b"id", &other), PasskeyError::Key);
    let whole = attested(rp, flags, b"id", &key);
    for length in 0..whole.len() {
        assert!(site().registered(&whole[..length]).is_err(), "cut at {length}");
    }
    let extended = [&key[..], b"\xa0"].concat();
    assert!(site().registered(&attested(rp, flags | HAS_EXTENSIONS, b"id", &extended)).is_ok());
}

#[test]
fn an_assertion_holds_for_its_key_its_site_and_a_counter_that_grows() {
    let (pair, other) = (key_pair(), key_pair());
    let random = SystemRandom::new();
    let key_of = |pair: &EcdsaKeyPair| PasskeyKey(pair.public_key().as_ref().try_into().unwrap());
    let check = |before: u32, (rp, flags, counter): (&str, u8, u32), by, expected| {
        let (data, client_data) = (head(rp, flags, counter), b"{}".as_slice());
        let signed = [&data[..], &Sha256::digest(client_data)].concat();
        let signer: &EcdsaKeyPair = by;
        let signature = signer.sign(&random, &signed).unwrap();
        let assertion =
            Assertion { client_data, authenticator_data: &data, signature: signature.as_ref() };
        let found = site().check(&key_of(&pair), before, assertion);
        assert_eq!(found, expected, "{rp} {flags} {before} -> {counter}");
        for (client_data, signature) in
            [(b"{ }".as_slice(), signature.as_ref()), (client_data, &signature.as_ref()[1..])]
        {
            let changed = Assertion { client_data, authenticator_data: &data, signature };
            assert!(site().check(&key_of(&pair), before, changed).is_err());
        }
    };
    let rp = "audit.example.com";
    check(4, (rp, GOOD, 5), &pair, Ok(5));
    check(0, (rp, GOOD, 0), &pair, Ok(0));
    check(0, (rp, GOOD, 9), &pair, Ok(9));
    check(5, (rp, GOOD, 5), &pair, Err(PasskeyError::Counter));
    check(5, (rp, GOOD, 4), &pair, Err(PasskeyError::Counter));
    check(5, (rp, GOOD, 0), &pair, Err(PasskeyError::Counter));
    check(4, (rp, GOOD, 5), &other, Err(PasskeyError::Signature));
    check(4, ("evil.example.com", GOOD, 5), &pair, Err(PasskeyError::RelyingParty));
    check(4, (rp, USER_PRESENT, 5), &pair, Err(PasskeyError::NotVerified));
}

#[test]
fn client_data_are_of_this_site_and_ceremony() {
    let check = |data: &str, ceremony, expected: Result<&[u8], PasskeyError>| {
        let found = site().challenge(ceremony, data.as_bytes());
        assert_eq!(found.as_deref(), expected.as_ref().map(|bytes| *bytes), "{data}");
    };
    let data = |kind: &str, origin: &str, more: &str| {
        format!(r#"{{"type":"webauthn.{kind}","challenge":"AQID","origin":"{origin}"{more}}}"#)
    };
    let origin = "https://audit.example.com";
    let good = Ok([1, 2, 3].as_slice());
    check(&data("get", origin, ""), Ceremony::Get, good);
    check(&data("create", origin, r#","crossOrigin":false,"other":1"#), Ceremony::Create, good);
    check(&data("get", origin, ""), Ceremony::Create, Err(PasskeyError::Ceremony));
    check(&data("create", origin, ""), Ceremony::Get, Err(PasskeyError::Ceremony));
    let elsewhere = Err(PasskeyError::Origin);
    for other in [
        "http://audit.example.com",
        "https://audit.example.com:8443",
        "https://evil.example.com",
        "https://audit.example.com.evil.com",
        "",
    ] {
        check(&data("get", other, ""), Ceremony::Get, elsewhere);
    }
    check(&data("get", origin, r#","crossOrigin":true"#), Ceremony::Get, elsewhere);
    for bad in ["", "{}", "[]", &data("get", origin, "").replace("AQID", "A+/=")] {
        check(bad, Ceremony::Get, Err(PasskeyError::ClientData));
    }
}

#[test]
fn a_public_address_is_a_name_over_https_or_this_machine() {
    let check = |url: &str, expected: Option<(&str, &str)>| {
        let found = RelyingParty::parse(url);
        let found = found.as_ref().map(|site| (site.id.as_str(), site.origin.as_str()));
        assert_eq!(found, expected, "{url}");
    };
    let audit = "https://audit.example.com";
    check(audit, Some(("audit.example.com", audit)));
    check("https://audit.example.com/", Some(("audit.example.com", audit)));
    check("https://a.example:8443", Some(("a.example", "https://a.example:8443")));
    check("http://localhost:7070", Some(("localhost", "http://localhost:7070")));
    for bad in [
        "",
        "audit.example.com",
        "http://audit.example.com",
        "https://",
        "https://audit.example.com/ui",
        "https://Audit.example.com",
        "https://192.0.2.1",
        "https://[::1]",
        "https://a@b.example",
        "https://a..example",
        "https://a.example:",
        "https://a.example:99999",
        "ftp://a.example",
    ] {
        check(bad, None);
    }
}
