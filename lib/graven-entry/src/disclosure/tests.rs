//! Tests of `disclosure`.

use super::*;
use crate::event::check_event;

/// RFC 9901, the family name of its first example.
const MEMBER: &str = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0";
const MEMBER_DIGEST: &str = "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0";
/// RFC 9901, an element of an array.
const ELEMENT: &str = "WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0";
const ELEMENT_DIGEST: &str = "w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs";
const SALT: &str = "lklxF5jMYlGTPUovMNIvCA";
const NONE: [&str; 0] = [];

fn member(name: &str, value: &str) -> String {
    Disclosure::new(SALT, Some(name), value.as_bytes()).unwrap().encode()
}

fn element(value: &str) -> String {
    Disclosure::new(SALT, None, value.as_bytes()).unwrap().encode()
}

/// The member `_sd` that hides these disclosures.
fn sd(encoded: &[&str]) -> String {
    let mut digests: Vec<_> =
        encoded.iter().map(|e| format!("{:?}", disclosure_digest(e))).collect();
    digests.sort();
    format!("\"_sd\":[{}]", digests.join(","))
}

/// Opens an event and expects the text of the opened one.
fn check(event: &str, encoded: &[&str], expected: &str) {
    let opened = open_event(event.as_bytes(), encoded).map(|out| String::from_utf8(out).unwrap());
    assert_eq!(opened.as_deref(), Ok(expected), "{event}");
}

#[test]
fn examples_of_rfc_9901() {
    assert_eq!(disclosure_digest(MEMBER), MEMBER_DIGEST);
    assert_eq!(disclosure_digest(ELEMENT), ELEMENT_DIGEST);
    let read = Disclosure::parse(MEMBER).unwrap();
    assert_eq!(read.salt, "_26bc4LT-ac6q2KI6cBW5es");
    assert_eq!(read.name.as_deref(), Some("family_name"));
    assert_eq!(read.value_json, "\"Möbius\"".as_bytes());
    assert_eq!(read.encode(), MEMBER);
    let made = Disclosure::new(SALT, None, b"\"FR\"").unwrap();
    assert_eq!(made.encode(), ELEMENT);
    assert_eq!(Disclosure::parse(ELEMENT), Ok(made));
}

#[test]
fn events_open() {
    let event = format!(
        "{{\"a\":1,\"_sd\":[\"{MEMBER_DIGEST}\"],\"list\":[\"DE\",{{\"...\":\"{ELEMENT_DIGEST}\"}}]}}"
    );
    check(&event, &NONE, &event);
    let with_name = format!(
        "{{\"a\":1,\"family_name\":\"Möbius\",\"list\":[\"DE\",{{\"...\":\"{ELEMENT_DIGEST}\"}}]}}"
    );
    check(&event, &[MEMBER], &with_name);
    let whole = "{\"a\":1,\"family_name\":\"Möbius\",\"list\":[\"DE\",\"FR\"]}";
    check(&event, &[ELEMENT, MEMBER], whole);
}

#[test]
fn several_digests_of_one_object() {
    let (before, after) = (member("before", "\"DE1\""), member("after", "{\"x\":[1, 2]}"));
    let hidden = sd(&[&before, &after]);
    let event = format!("{{\"changes\":{{\"iban\":{{{hidden}}}}}}}");
    let both = open_event(event.as_bytes(), &[&before, &after]).unwrap();
    let both: serde_json::Value = serde_json::from_slice(&both).unwrap();
    let iban = serde_json::json!({"before": "DE1", "after": {"x": [1, 2]}});
    assert_eq!(both, serde_json::json!({"changes": {"iban": iban}}));
    let one =
        format!("{{\"changes\":{{\"iban\":{{{},\"after\":{{\"x\":[1, 2]}}}}}}}}", sd(&[&before]));
    check(&event, &[&after], &one);
    check("{\"_sd\":[ ],\"b\":1}", &NONE, "{\"_sd\":[ ],\"b\":1}");
}

#[test]
fn disclosures_find_their_digests() {
    let (before, after) = (member("be/fore", "1"), member("after", "2"));
    let secret = element("3");
    let event = format!(
        "{{\"actor\":{{}},\"action\":\"a\",\"changes\":{{{}}},\"list\":[{{\"...\":\"{}\"}}]}}",
        sd(&[&before, &after]),
        disclosure_digest(&secret)
    );
    let digests = check_event(event.as_bytes()).unwrap().digests;
    let matches = match_disclosures(&digests, &[&secret, &before]).unwrap();
    let opened: Vec<_> =
        matches.opened.iter().map(|v| (v.path.as_str(), &*v.disclosure.value_json)).collect();
    assert_eq!(opened, [("/list/0", &b"3"[..]), ("/changes/be~1fore", b"1")]);
    let withheld: Vec<_> = matches.withheld.iter().map(|index| digests[*index].digest).collect();
    assert_eq!(withheld, [disclosure_digest(&after)]);
}

#[test]
fn disclosures_that_do_not_fit() {
    let (name, value) = (member("name", "1"), element("2"));
    let event = format!("{{\"a\":1,{}}}", sd(&[&name]));
    let open = |event: &str, encoded: &[&str]| open_event(event.as_bytes(), encoded).unwrap_err();
    assert_eq!(open(&event, &[&value]), DisclosureError::NoDigest { number: 0 });
    assert_eq!(open(&event, &[&name, &name]), DisclosureError::Repeated { number: 1 });
    let in_object = format!("{{{}}}", sd(&[&value]));
    assert_eq!(open(&in_object, &[&value]), DisclosureError::Place { number: 0, elements: 3 });
    let in_array = format!("{{\"a\":[{{\"...\":\"{}\"}}]}}", disclosure_digest(&name));
    assert_eq!(open(&in_array, &[&name]), DisclosureError::Place { number: 0, elements: 2 });
    let taken = format!("{{\"n\\u0061me\":1,{}}}", sd(&[&name]));
    assert!(matches!(open(&taken, &[&name]), DisclosureError::Opened(_)));
    let same_name = Disclosure::new(&SALT.replace('l', "m"), Some("name"), b"1").unwrap().encode();
    let twice = format!("{{{}}}", sd(&[&name, &same_name]));
    assert!(matches!(open(&twice, &[&name, &same_name]), DisclosureError::Opened(_)));
    let deep = member("deep", &("[".repeat(63) + &"]".repeat(63)));
    let inside = format!("{{\"a\":{{{}}}}}", sd(&[&deep]));
    assert!(matches!(open(&inside, &[&deep]), DisclosureError::Opened(_)));
    assert!(matches!(open("{\"a\":01}", &[]), DisclosureError::Event(_)));
    // A digest over the text alone does not make a disclosure.
    let garbage = format!("{{{}}}", sd(&["garbage!"]));
    assert_eq!(open(&garbage, &["garbage!"]), DisclosureError::Base64);
}

#[test]
fn other_texts_are_no_disclosures() {
    let parse = |json: &str| Disclosure::parse(&base64url(json.as_bytes()));
    let array = |inner: &str| parse(&format!("[\"{SALT}\",{inner}]"));
    assert!(array("\"name\",1").is_ok());
    assert!(array(" \"name\" ,\n{\"a\":null} ").is_ok());
    for form in ["1,2,3", "1,2", "null,2"] {
        assert_eq!(array(form), Err(DisclosureError::Form), "{form}");
    }
    for json in ["[]", "[1]", &format!("[\"{SALT}\"]"), "[1,2]", "[null,\"name\",2]"] {
        assert_eq!(parse(json), Err(DisclosureError::Form), "{json}");
    }
    for json in ["", "{}", "1", "[1", "[\"a\",01]", "[1,{\"a\":1,\"a\":2}]", "[] []"] {
        assert!(matches!(parse(json), Err(DisclosureError::Json(_))), "{json}");
    }
    for salt in ["", "short", &SALT[1..], "lklxF5jMYlGTPUovMNIvC+", "lklxF5jMYlGTPUovMNIv é"] {
        let json = format!("[\"{salt}\",1]");
        assert_eq!(parse(&json), Err(DisclosureError::Salt), "{salt}");
    }
    for name in ["_sd", "_sd_alg", "..."] {
        let expected = Err(DisclosureError::Name { name: name.to_owned() });
        assert_eq!(array(&format!("\"{name}\",1")), expected);
    }
    let nested = array(&format!("\"name\",{{\"_sd\":[\"{MEMBER_DIGEST}\"]}}"));
    assert_eq!(nested, Err(DisclosureError::Nested));
    let nested = array(&format!("\"name\",[{{\"...\":\"{MEMBER_DIGEST}\"}}]"));
    assert_eq!(nested, Err(DisclosureError::Nested));
    assert!(matches!(array("\"name\",{\"_sd_alg\":1}"), Err(DisclosureError::Json(_))));
    for encoded in ["=", &format!("{ELEMENT}="), &ELEMENT[1..], "WyJ+", "W yJ"] {
        assert_eq!(Disclosure::parse(encoded), Err(DisclosureError::Base64), "{encoded}");
    }
    let long = "A".repeat(DISCLOSURE_BYTES_MAX + 1);
    let expected = DisclosureError::TooLarge { length_bytes: DISCLOSURE_BYTES_MAX + 1 };
    assert_eq!(Disclosure::parse(&long), Err(expected));
}

#[test]
fn a_value_can_not_smuggle_elements() {
    assert!(Disclosure::new(SALT, None, b"1,2").is_err());
    assert!(Disclosure::new(SALT, None, b"\"name\",2").is_err());
    assert!(Disclosure::new(SALT, Some("a"), b"1,2").is_err());
    assert!(Disclosure::new(SALT, Some("a"), b"1],[2").is_err());
    assert!(Disclosure::new(SALT, Some("a"), b"").is_err());
    assert!(Disclosure::new("short", Some("a"), b"1").is_err());
    assert!(Disclosure::new(SALT, Some("a\u{0}"), b"1").is_err());
    let spaced = Disclosure::new(SALT, Some("a"), b" [1, 2] ").unwrap();
    assert_eq!(spaced.value_json, b"[1, 2]");
}
