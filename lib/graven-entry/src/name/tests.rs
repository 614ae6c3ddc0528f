//! Tests of `name`.

use super::*;

/// Checks which of the three constructors take a text.
fn check(text: &str, is_name: bool, is_origin: bool, is_log_name: bool) {
    assert_eq!(Name::new(text).is_ok(), is_name, "name {text:?}");
    assert_eq!(Name::origin(text).is_ok(), is_origin, "origin {text:?}");
    assert_eq!(LogName::new(text).is_ok(), is_log_name, "log name {text:?}");
}

#[test]
fn names_are_checked() {
    check("acme.example/prod", true, true, false);
    check("main", true, true, true);
    check("a-1", true, true, true);
    check("Z", true, true, false);
    check("7f", true, false, true);
    check("-", true, false, true);
    check("/x", true, false, false);
    check("graven/stream/v1", true, false, false);
    check("graven/stream/v2", true, true, false);
    check("", false, false, false);
    check("a b", false, false, false);
    check("a+b", false, false, false);
    check("a\"b", false, false, false);
    check("a\\b", false, false, false);
    check("a\nb", false, false, false);
    check("a\u{7f}", false, false, false);
    check("ä", false, false, false);
    check("a_b", true, true, false);
    check("~!#$%&'()*,-./:;<=>?@[]^_`{|}", true, false, false);
}

#[test]
fn lengths_have_limits() {
    check(&"a".repeat(63), true, true, true);
    check(&"a".repeat(64), true, true, false);
    check(&"a".repeat(255), true, true, false);
    check(&"a".repeat(256), false, false, false);
    assert!(AuthMethod::new(&"a".repeat(32)).is_ok());
    assert_eq!(
        AuthMethod::new(&"a".repeat(33)),
        Err(NameError::TooLong { what: "auth", length_bytes: 33, max_bytes: 32 })
    );
}

#[test]
fn errors_say_what_and_where() {
    let error = Name::new("a b").unwrap_err().to_string();
    assert!(error.contains("0x20 at 1"), "{error}");
    let error = Name::origin("9a").unwrap_err().to_string();
    assert!(error.contains("start with a letter"), "{error}");
}

#[test]
fn names_convert_and_compare() {
    let name: Name = "acme".parse().unwrap();
    assert_eq!(name, "acme");
    assert_eq!(name.to_string(), "acme");
    assert_eq!(format!("{name:?}"), "\"acme\"");
    assert_eq!(Name::try_from("acme".to_owned()), Ok(name));
    assert!(AuthMethod::log().is_log());
    assert!(!AuthMethod::new("token").unwrap().is_log());
}
