//! Tests of tokens.

use env::SystemRandom;

use super::{Token, TokenHash, TokenId, TokenKey};

#[test]
fn a_drawn_token_has_its_form_and_no_other_token_its_text() {
    let (one, two) = (Token::draw(&SystemRandom), Token::draw(&SystemRandom));
    assert_eq!(one.text.len(), 7 + 16 + 1 + 64);
    assert_eq!(TokenId::of(one.text.as_bytes()).as_ref(), Some(&one.id));
    assert_ne!(one.text, two.text);
    assert_ne!(one.id, two.id);
}

#[test]
fn the_hash_depends_on_every_bit_of_token_and_key() {
    let key = TokenKey::new(&[7; 32]);
    let token = Token::draw(&SystemRandom);
    let hash = key.hash(token.text.as_bytes());
    assert!(hash.matches(&key.hash(token.text.as_bytes())));
    assert!(!hash.matches(&TokenKey::new(&[8; 32]).hash(token.text.as_bytes())));
    for place in 0..token.text.len() {
        let mut other = token.text.as_bytes().to_vec();
        other[place] ^= 1;
        assert!(!hash.matches(&key.hash(&other)), "byte {place}");
    }
    let again = TokenHash::from_base64(&hash.to_base64()).unwrap();
    assert!(hash.matches(&again));
    assert_eq!(format!("{hash:?}"), "TokenHash");
}

#[test]
fn what_is_no_token_has_no_id() {
    let secret = "0".repeat(64);
    let check = |text: &str, expected: Option<&str>| {
        let found = TokenId::of(text.as_bytes());
        assert_eq!(found.as_ref().map(TokenId::as_str), expected, "{text:?}");
    };
    check(&format!("graven_0123456789abcdef_{secret}"), Some("0123456789abcdef"));
    for bad in [
        String::new(),
        "graven_".to_owned(),
        format!("graven_{secret}"),
        format!("graven_0123456789abcde_{secret}"),
        format!("graven_0123456789ABCDEF_{secret}"),
        format!("graven_0123456789abcdef_{secret}0"),
        format!("Graven_0123456789abcdef_{secret}"),
        format!("graven_0123456789abcdef{secret}"),
    ] {
        check(&bad, None);
    }
    assert_eq!(TokenId::of(b"graven_\xff"), None);
}

#[test]
fn a_subject_s_id_is_stable_keyed_and_tells_nothing() {
    let (key, other) = (TokenKey::new(&[7; 32]), TokenKey::new(&[8; 32]));
    let id = key.subject_id("https://issuer.example", "alice@acme.example");
    // By Python: "oidc-" + base64.b32encode(hmac.digest(bytes([7] * 32), b"graven/subject/v1\n" + issuer + b"\n" + subject,
    // "sha256")[:20]).decode().lower()
    assert_eq!(id.as_str(), "oidc-qu3fzeudafq7zovq2dgdcowhrfon4k6a");
    assert_eq!(id, key.subject_id("https://issuer.example", "alice@acme.example"));
    for different in [
        key.subject_id("https://issuer.example", "bob@acme.example"),
        key.subject_id("https://other.example", "alice@acme.example"),
        other.subject_id("https://issuer.example", "alice@acme.example"),
    ] {
        assert_ne!(id, different);
    }
}
