//! PKCS#11 URIs that name one key, and others.

use super::{TokenKeyUri, UriError};

fn check(uri: &str, expected: Result<&TokenKeyUri, UriError>) {
    assert_eq!(TokenKeyUri::parse(uri), expected.cloned(), "{uri}");
}

#[test]
fn a_uri_names_one_key() {
    let mut key = TokenKeyUri {
        module: "/lib/hsm.so".into(),
        pin_file: "/etc/pin".into(),
        token: Some("audit logs".to_owned()),
        serial: None,
        object: Some("graven".to_owned()),
        id: None,
    };
    let query = "?module-path=/lib/hsm.so&pin-source=";
    check(&format!("pkcs11:token=audit%20logs;object=graven{query}/etc/pin"), Ok(&key));
    check(
        &format!("pkcs11:object=graven;type=secret-key;token=audit%20logs{query}file:/etc/pin"),
        Ok(&key),
    );
    check(&format!("pkcs11:object=graven;token=audit%20logs{query}file:///etc/pin"), Ok(&key));
    (key.token, key.serial) = (None, Some("7".to_owned()));
    (key.object, key.id) = (None, Some(vec![0, 0xff]));
    check(&format!("pkcs11:serial=7;id=%00%fF{query}/etc/pin"), Ok(&key));
}

#[test]
fn what_names_no_key_is_refused_and_says_why() {
    let query = "?module-path=/m&pin-source=/p";
    for (path, query, why) in [
        ("", query, UriError::Vague),
        ("token=t", query, UriError::Vague),
        ("object=o", query, UriError::Vague),
        ("token=t;object=o", "", UriError::Path("module-path")),
        ("token=t;object=o", "?module-path=/m", UriError::Path("pin-source")),
        ("token=t;object=o", "?module-path=m&pin-source=/p", UriError::Path("module-path")),
        ("token=t;object=o", "?module-path=/m&pin-source=|cat", UriError::Path("pin-source")),
        ("token=t;object=o", "?module-path=/m&pin-source=/p&pin-value=1", UriError::PinValue),
        ("token=t;object=o;type=private", query, UriError::Type),
        ("token=t;object=o;slot-id=1", query, UriError::Unknown("slot-id".to_owned())),
        ("token=t;token=u;object=o", query, UriError::Form),
        ("token=%;object=o", query, UriError::Form),
        ("token=%+1;object=o", query, UriError::Form),
        ("token=%ff;object=o", query, UriError::Form),
        ("token;object=o", query, UriError::Form),
    ] {
        check(&format!("pkcs11:{path}{query}"), Err(why));
    }
    check("PKCS11:token=t", Err(UriError::Form));
}

#[test]
fn lines_are_uris() {
    let one = "pkcs11:token=t;object=o?module-path=/m&pin-source=/p";
    let check = |text: &str, expected: Result<usize, UriError>| {
        assert_eq!(TokenKeyUri::parse_lines(text).map(|uris| uris.len()), expected, "{text:?}");
    };
    check(one, Ok(1));
    check(&format!("\n {one}\r\n\n{one}\n"), Ok(2));
    check(&format!("{one}\n").repeat(4), Ok(4));
    check(&format!("{one}\n").repeat(5), Err(UriError::Count));
    check(" \n", Err(UriError::Count));
    check(&format!("{one}\npkcs11:"), Err(UriError::Path("module-path")));
}
