//! Tests of `seal`.

use super::*;
use crate::disclosure::{disclosure_digest, open_event};
use crate::event::check_event;

fn salt(number: usize) -> String {
    format!("salt-{number:017}")
}

fn seal(event: &str, paths: &[&str]) -> Result<SealedEvent, SealError> {
    let salts: Vec<String> = (0..paths.len()).map(salt).collect();
    let values: Vec<ToSeal<'_>> =
        paths.iter().zip(&salts).map(|(path, salt)| ToSeal { path, salt }).collect();
    seal_event(event.as_bytes(), &values)
}

/// Seals and expects a text, in which `#0` stands for the first value's digest, and `##0#2` for a
/// list of them in order.
fn check(event: &str, paths: &[&str], expected: &str) {
    let sealed = seal(event, paths).unwrap();
    let mut text = String::from_utf8(sealed.event.clone()).unwrap();
    let digests: Vec<String> = sealed.disclosures.iter().map(|d| disclosure_digest(d)).collect();
    for (start, end) in lists(&text).into_iter().rev() {
        let mut sorted: Vec<&str> = text[start..end].split(',').collect();
        assert!(sorted.is_sorted(), "{text}");
        sorted.sort_by_key(|digest| digests.iter().position(|d| *digest == format!("\"{d}\"")));
        let sorted = sorted.join(",");
        text.replace_range(start..end, &sorted);
    }
    for (number, digest) in digests.iter().enumerate() {
        text = text.replace(digest, &format!("#{number}"));
    }
    assert_eq!(text, expected, "{event} {paths:?}");
    // It opens to the same values, and to the very bytes where nothing had to move.
    let opened = open_event(&sealed.event, &sealed.disclosures).unwrap();
    let value = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    assert_eq!(value(&opened), value(event.as_bytes()), "{event}");
}

/// Where the lists of digests stand.
fn lists(text: &str) -> Vec<(usize, usize)> {
    let starts = text.match_indices("\"_sd\":[").map(|(at, key)| at + key.len());
    starts.map(|start| (start, start + text[start..].find(']').unwrap())).collect()
}

#[test]
fn members_of_objects() {
    check(r#"{"a":1}"#, &["/a"], r##"{"_sd":["#0"]}"##);
    check(r#"{"a":1,"b":2}"#, &["/a"], r##"{"_sd":["#0"],"b":2}"##);
    check(r#"{"a":1,"b":2}"#, &["/b"], r##"{"a":1,"_sd":["#0"]}"##);
    check(r#"{"a":1,"b":2,"c":3}"#, &["/c", "/a"], r##"{"_sd":["#0","#1"],"b":2}"##);
    check(r#"{"a":1,"b":2,"c":3}"#, &["/b", "/c"], r##"{"a":1,"_sd":["#0","#1"]}"##);
    let spaced = r#"{ "a" : [1, 2.50] , "b" : {"x":"Ä\u00e4"} , "c":  1.50e3 }"#;
    check(spaced, &["/b"], r##"{ "a" : [1, 2.50] , "_sd":["#0"] , "c":  1.50e3 }"##);
    check(
        r#"{"changes":{"iban":{"before":"DE1","after":"DE2"},"n":{"before":1,"after":2}}}"#,
        &["/changes/iban/before", "/changes/iban/after"],
        r##"{"changes":{"iban":{"_sd":["#0","#1"]},"n":{"before":1,"after":2}}}"##,
    );
    check(r#"{"a/b":{"~":1}}"#, &["/a~1b/~0"], r##"{"a/b":{"_sd":["#0"]}}"##);
    check(r#"{"\u0061":1}"#, &["/a"], r##"{"_sd":["#0"]}"##);
    check(r#"{"":{"":1}}"#, &["//"], r##"{"":{"_sd":["#0"]}}"##);
}

#[test]
fn elements_of_arrays() {
    check(r#"{"l":[1, "x" ,{"y":2}]}"#, &["/l/1"], r##"{"l":[1, {"...":"#0"} ,{"y":2}]}"##);
    check(r#"{"l":[[1,2],3]}"#, &["/l/0/1", "/l/1"], r##"{"l":[[1,{"...":"#0"}],{"...":"#1"}]}"##);
    check(r#"{"l":[{"y":2}]}"#, &["/l/0/y"], r##"{"l":[{"_sd":["#0"]}]}"##);
}

/// An object that has digests already, at its start, middle and end.
#[test]
fn digests_that_are_there_stay() {
    let first = seal(r#"{"p":1}"#, &["/p"]).unwrap();
    let digests = String::from_utf8(first.event).unwrap();
    let member = &digests[1..digests.len() - 1];
    for event in [
        format!("{{{member},\"a\":1,\"b\":2,\"c\":3}}"),
        format!("{{\"a\":1, {member}, \"b\":2,\"c\":3}}"),
        format!("{{\"a\":1,\"b\":2,\"c\":3,{member}}}"),
    ] {
        for paths in [&["/a"][..], &["/a", "/b"], &["/b", "/c"], &["/a", "/b", "/c"]] {
            let salts: Vec<String> = (5..5 + paths.len()).map(salt).collect();
            let values: Vec<ToSeal<'_>> =
                paths.iter().zip(&salts).map(|(path, salt)| ToSeal { path, salt }).collect();
            let sealed = seal_event(event.as_bytes(), &values).unwrap();
            let mut all = sealed.disclosures;
            all.extend(first.disclosures.clone());
            let opened: serde_json::Value =
                serde_json::from_slice(&open_event(&sealed.event, &all).unwrap()).unwrap();
            let expected = serde_json::json!({"a": 1, "b": 2, "c": 3, "p": 1});
            assert_eq!(opened, expected, "{event} {paths:?}");
        }
    }
}

#[test]
fn what_can_not_be_sealed() {
    let not_there = |path: &str| Err(SealError::NotThere { path: path.to_owned() });
    let event = r#"{"a":{"b":1},"l":[1],"s":"x"}"#;
    for path in ["", "a", "/", "/x", "/a/x", "/a/b/c", "/l/1", "/l/01", "/l/-", "/s/0", "/a~2"] {
        assert_eq!(seal(event, &[path]), not_there(path), "{path}");
    }
    let inside = |paths: &[&str]| matches!(seal(event, paths), Err(SealError::Inside { .. }));
    assert!(inside(&["/a", "/a/b"]));
    assert!(inside(&["/a/b", "/a"]));
    assert!(inside(&["/a", "/a"]));
    assert!(inside(&["/l/0", "/l/0"]));
    assert!(inside(&["/l", "/l/0"]));
    let nested = seal(event, &["/a/b"]).unwrap();
    let nested = seal(std::str::from_utf8(&nested.event).unwrap(), &["/a"]);
    let source = DisclosureError::Nested;
    assert_eq!(nested, Err(SealError::Disclosure { path: "/a".to_owned(), source }));
    let short = seal_event(event.as_bytes(), &[ToSeal { path: "/s", salt: "short" }]);
    let source = DisclosureError::Salt;
    assert_eq!(short, Err(SealError::Disclosure { path: "/s".to_owned(), source }));
}

#[test]
fn a_sealed_event_is_an_event() {
    let event = br#"{"actor":{"id":"a","name":"Anna"},"action":"x","data":{"l":[1,2],"m":3}}"#;
    let event = std::str::from_utf8(event).unwrap();
    let sealed = seal(event, &["/actor/name", "/data/l/1", "/data/m"]).unwrap();
    assert_eq!(check_event(&sealed.event).unwrap().digests.len(), 3);
}

/// RFC 9901 §5: the claims that its issuer hides, with its salts, give its digests.
#[test]
fn the_issuance_example_of_rfc_9901() {
    let event = r#"{"given_name":"John","family_name":"Doe","email":"johndoe@example.com","phone_number":"+1-202-555-0101","nationalities":["US","DE"]}"#;
    let values = [
        ("/given_name", "2GLC42sKQveCfGfryNRN9w"),
        ("/family_name", "eluV5Og3gSNII8EYnsxA_A"),
        ("/email", "6Ij7tM-a5iVPGboS5tmvVA"),
        ("/phone_number", "eI8ZWm9QnKPpNPeNenHdhQ"),
        ("/nationalities/0", "lklxF5jMYlGTPUovMNIvCA"),
        ("/nationalities/1", "nPuoQnkRFq3BIeAm7AnXFA"),
    ];
    let values = values.map(|(path, salt)| ToSeal { path, salt });
    let sealed = seal_event(event.as_bytes(), &values).unwrap();
    let expected = concat!(
        r#"{"_sd":["JzYjH4svliH0R3PyEMfeZu6Jt69u5qehZo7F7EPYlSE","#,
        r#""PorFbpKuVu6xymJagvkFsFXAbRoc2JGlAUA2BA4o7cI","#,
        r#""TGf4oLbgwd5JQaHyKVQZU9UdGE0w5rtDsrZzfUaomLo","#,
        r#""jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4"],"#,
        r#""nationalities":[{"...":"pFndjkZ_VCzmyTa6UjlZo3dh-ko8aIKQc9DlGzhaVYo"},"#,
        r#"{"...":"7Cf6JkPudry3lcbwHgeZ8khAv1U1OSlerP0VkBJrWZ0"}]}"#,
    );
    assert_eq!(String::from_utf8(sealed.event).unwrap(), expected);
    assert_eq!(
        sealed.disclosures[0],
        "WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd"
    );
}

#[test]
fn values_are_replaced() {
    let event = br#"{"a": {"id":"anna"} ,"l":[1,2]}"#;
    let values = [("/l/1", "3".to_owned()), ("/a/id", "\"p\"".to_owned())];
    let replaced = replace_values(event, &values).unwrap();
    assert_eq!(replaced, br#"{"a": {"id":"p"} ,"l":[1,3]}"#);
    let both = [("/a", "1".to_owned()), ("/a/id", "2".to_owned())];
    assert!(matches!(replace_values(event, &both), Err(SealError::Inside { .. })));
    let none = [("/b", "1".to_owned())];
    assert!(matches!(replace_values(event, &none), Err(SealError::NotThere { .. })));
}
