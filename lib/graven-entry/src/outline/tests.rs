//! Pointers into an outlined event give what they give in the event itself.

use super::Outline;
use crate::pointer;

const EVENT: &str = r#" { "actor" : {"id":"u-7","a/b":{"~":1}}, "action":"x", "list":[10,[20,{"k":30}]], "\u0065sc":true, "":0, "empty":{}, "last":-1.50e2 } "#;

fn check(path: &str, expected: Option<&str>) {
    let found = Outline::of(EVENT.as_bytes()).pointer(path);
    let text = found.map(|raw| std::str::from_utf8(raw).unwrap());
    assert_eq!(text, expected, "at {path:?}");
    assert_eq!(found, pointer(EVENT.as_bytes(), path), "at {path:?}, in the event itself");
}

#[test]
fn values_are_found_at_their_pointers() {
    check("", Some(EVENT.trim()));
    check("/actor/id", Some("\"u-7\""));
    check("/actor/a~1b/~0", Some("1"));
    check("/action", Some("\"x\""));
    check("/list/1/1/k", Some("30"));
    check("/esc", Some("true"));
    check("/", Some("0"));
    check("/empty", Some("{}"));
    check("/last", Some("-1.50e2"));
}

#[test]
fn what_is_not_there_is_not_found() {
    for path in [
        "actor",
        "/actor/",
        "/actor/none",
        "/list/2",
        "/list/01",
        "/none/id",
        "/a~2",
        "/action/x",
        "/empty/x",
    ] {
        check(path, None);
    }
}

#[test]
fn what_is_no_object_has_no_members() {
    for text in ["", "[1]", "7", "{", "{\"a\"", "{\"a\":"] {
        assert_eq!(Outline::of(text.as_bytes()).pointer("/a"), None, "{text}");
    }
}
