//! Tests of `json`.

use super::*;

const VALUE: &str =
    r#" {"a":{"b":[10, "x,]}\"", {"c":null}]},"":1,"d/e~":"\u00e9","f":-1.50e+3,"g":[],"h":{}} "#;

/// Checks what stands at a pointer.
fn check(at: &str, expected: Option<&str>) {
    let found = pointer(VALUE.as_bytes(), at);
    assert_eq!(found.map(|raw| std::str::from_utf8(raw).unwrap()), expected, "{at:?}");
}

#[test]
fn pointers() {
    check("", Some(VALUE.trim()));
    check("/", Some("1"));
    check("/a/b", Some(r#"[10, "x,]}\"", {"c":null}]"#));
    check("/a/b/0", Some("10"));
    check("/a/b/1", Some(r#""x,]}\"""#));
    check("/a/b/2", Some(r#"{"c":null}"#));
    check("/a/b/2/c", Some("null"));
    check("/d~1e~0", Some(r#""\u00e9""#));
    check("/f", Some("-1.50e+3"));
    check("/g", Some("[]"));
    check("/h", Some("{}"));
    for nothing in [
        "a", "/x", "/a/b/3", "/a/b/01", "/a/b/-", "/a/b/+1", "/a/b/0/0", "/d~2", "/f/0", "/g/0",
        "/h/x", "/a/",
    ] {
        check(nothing, None);
    }
}

/// A key is what it says, however it is written.
#[test]
fn pointers_to_escaped_keys() {
    let value = br#"{"\u0061":1,"\\n":2,"\n":3,"ab":4,"\u0061\u0062c":5,"a\u0062":6}"#;
    for (at, expected) in [
        ("/a", Some("1")),
        ("/\\n", Some("2")),
        ("/\n", Some("3")),
        ("/ab", Some("4")),
        ("/abc", Some("5")),
        ("/\\u0061", None),
        ("/\\\\n", None),
        ("/b", None),
    ] {
        let found = pointer(value, at).map(|raw| std::str::from_utf8(raw).unwrap());
        assert_eq!(found, expected, "{at:?}");
    }
}

#[test]
fn members_and_elements() {
    let keys: Vec<_> = members(VALUE.as_bytes()).map(|(key, _)| key.into_owned()).collect();
    assert_eq!(keys, ["a", "", "d/e~", "f", "g", "h"]);
    let array: Vec<_> = elements(b"[1 , [2,3],\"\\\"\",{}]").collect();
    assert_eq!(array, [&b"1"[..], b"[2,3]", b"\"\\\"\"", b"{}"]);
    assert_eq!(elements(b"{}").count() + elements(b"1").count() + elements(b"[]").count(), 0);
    assert_eq!(members(b"[]").count() + members(b"").count() + members(b"{}").count(), 0);
}

#[test]
fn broken_bytes_end_early() {
    let bytes = VALUE.trim().as_bytes();
    for cut in 0..bytes.len() {
        let shorter = &bytes[..cut];
        assert!(members(shorter).count() <= 6);
        assert_eq!(pointer(shorter, ""), None, "cut at {cut}");
        assert!(compact(shorter).len() <= cut);
    }
    for broken in
        [&b"{\"a\"1}"[..], b"{a:1}", b"{\"a\\\":1}", b"{\"\\x\":1}", b"{\xff", b"{\"a\":}"]
    {
        assert_eq!(members(broken).count(), 0, "{broken:?}");
    }
    assert_eq!(elements(b"[,]").count(), 0);
    assert_eq!(elements(b"[1 2]").count(), 1);
}

#[test]
fn strings_are_read() {
    for (raw, expected) in [
        (r#""""#, Some("")),
        (r#""ab""#, Some("ab")),
        (r#""\"\\\/\b\f\n\r\t""#, Some("\"\\/\u{8}\u{c}\n\r\t")),
        (r#""x\u0041\u00e9y""#, Some("xA\u{e9}y")),
        (r#""\ud83d\ude00""#, Some("😀")),
        (r#""é\n😀""#, Some("é\n😀")),
        (r#""\ud83d""#, None),
        (r#""\ude00""#, None),
        (r#""\u12""#, None),
        (r#""\x""#, None),
        (r#""\""#, None),
        (r#"""#, None),
        ("1", None),
        ("", None),
    ] {
        assert_eq!(string_value(raw.as_bytes()).as_deref(), expected, "{raw}");
    }
    assert!(matches!(string_value(b"\"plain\""), Some(Cow::Borrowed("plain"))));
    assert_eq!(string_value(b"\"\xff\""), None);
}

#[test]
fn strings_are_written() {
    for text in ["", "plain", "\"\\/\u{8}\u{c}\n\r\t", "\u{1f}\u{1}\u{7f}é😀", "0123456\"89\\"] {
        let mut out = Vec::new();
        write_json_string(&mut out, text);
        assert_eq!(out, serde_json::to_vec(text).unwrap(), "{text:?}");
        assert_eq!(string_value(&out).as_deref(), Some(text));
    }
}

#[test]
fn compaction_keeps_strings_and_numbers() {
    for (event, expected) in [
        ("{ }", "{}"),
        (
            "{\r\n\t\"a b\" : 1.50E+3 ,\n \"c\":\" \\\" \\\\\" }",
            "{\"a b\":1.50E+3,\"c\":\" \\\" \\\\\"}",
        ),
        ("{\"a\":\"\u{a0}\\n\" }", "{\"a\":\"\u{a0}\\n\"}"),
        ("[1, 2]", "[1,2]"),
        ("{\"cut ", "{\"cut "),
        ("", ""),
    ] {
        let compacted = compact(event.as_bytes());
        assert_eq!(String::from_utf8(compacted.clone()).unwrap(), expected, "{event:?}");
        assert_eq!(compact(&compacted), compacted, "{event:?}");
    }
}

#[test]
fn plain_runs_end_exactly() {
    for length in 0..40 {
        for stop in [b'"', b'\\', 0, 0x1f, b'\n'] {
            let mut bytes = vec![b'x'; 40];
            bytes[length] = stop;
            // Neighbours that differ from a stop by one must not count.
            for near in [0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xff] {
                bytes[..length].fill(near);
                assert_eq!(plain_run(&bytes), length, "{stop:#x} after {near:#x}");
            }
        }
        assert_eq!(plain_run(&vec![0x80; length]), length);
        let mut bytes = vec![b'\n' + 1; length];
        assert_eq!(find_byte(&bytes, b'\n'), None);
        bytes.extend_from_slice(b"\n\n");
        assert_eq!(find_byte(&bytes, b'\n'), Some(length));
    }
}
