//! The quick look against the crate that defines what an event is.

use graven_entry::check_event;

use super::{QuickEvent, quick_event};

/// Events that must be taken for plain.
const PLAIN: &[&str] = &[
    r#"{"actor":{},"action":"a"}"#,
    r#"{"action":"graven.key","actor":{"type":"service","id":""}}"#,
    r#"{"id":"e-1","time":"2026","actor":{"type":"user","id":"p_3"},"action":"a.b","ok":true}"#,
    r#"{"actor":{"id":"a","x":{"id":7}},"action":"graven","n":[0,-1.5,2e9,3E-1,null,false,[],{}]}"#,
    r#"{"actor": {"name" :	"a"} , "action":"a", "data":{"a":{"b":{"c":[{"a":1},{"a":2}]}}}}"#,
    r#"{"actor":{"on_behalf_of":"x"},"action":"x","reason":"a \"b\" \\ \/ \n \t é 漢 🦀"}"#,
];

/// Events that are left to the slow look, good ones and bad ones.
const DOUBTFUL: &[&str] = &[
    r#"{"actor":{},"action":"\u0061"}"#,
    r#"{"actor":{},"action":"a\n"}"#,
    r#"{"actor":{},"action":"a","\n":1}"#,
    r#"{"actor":{},"action":"a","x":"\u00e9"}"#,
    r#"{"actor":{},"action":"a","_sd":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]}"#,
    r#"{"actor":{},"action":"a","l":[{"...":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#,
    r#"{"actor":{},"action":"a","l":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}"#,
    r#"{"actor":{},"action":"","x":1}"#,
    r#"{"actor":[],"action":"a"}"#,
    r#"{"actor":{},"action":7}"#,
    r#"{"actor":{},"action":"a","id":7}"#,
    r#"{"actor":{"id":7},"action":"a"}"#,
    r#"{"actor":{"type":null},"action":"a"}"#,
    r#"{"actor":{},"action":"a","actor":{}}"#,
    r#"{"actor":{},"action":"a","x":{"y":1,"y":2}}"#,
    r#"{"actor":{}}"#,
    r#"{"action":"a"}"#,
    r#"{"actor":{},"action":"a","x":01}"#,
    r#"{"actor":{},"action":"a","x":1.}"#,
    r#"{"actor":{},"action":"a","x":-}"#,
    r#"{"actor":{},"action":"a","x":tru}"#,
    r#"{"actor":{},"action":"a",}"#,
    r#"{"actor":{},"action":"a"}}"#,
    "[]",
    "",
];

/// What the quick look says must be what the slow one says; it may say nothing.
fn check(event: &[u8]) -> Option<QuickEvent> {
    let line = [event, b"\n"].concat();
    let quick = quick_event(&line)?;
    let seen = &line[..quick.event_bytes];
    assert_eq!(line[quick.event_bytes], b'\n');
    let shown = String::from_utf8_lossy(seen);
    let facts = check_event(seen).unwrap_or_else(|error| panic!("{shown}: {error}"));
    assert_eq!(facts.range, 0..seen.len(), "{shown}");
    assert!(!facts.has_line_break && facts.digests.is_empty(), "{shown}");
    assert_eq!(facts.is_reserved_action, quick.is_reserved, "{shown}");
    Some(quick)
}

#[test]
fn plain_events_are_seen_at_once() {
    for event in PLAIN {
        let quick = check(event.as_bytes()).unwrap_or_else(|| panic!("{event} is plain"));
        assert_eq!(quick.event_bytes, event.len());
    }
    for event in DOUBTFUL {
        assert_eq!(check(event.as_bytes()), None, "{event}");
    }
}

/// Every event with one byte changed, left out or put in.
#[test]
fn near_misses_are_judged_alike() {
    let bytes = b"\0\t\n\r \"\\{}[]:,.-+0179aeEnutf/_\x7f\x80\xc3\xff";
    for event in PLAIN.iter().chain(DOUBTFUL) {
        for at in 0..event.len() {
            let (before, after) = event.as_bytes().split_at(at);
            check(&[before, &after[1..]].concat());
            check(before);
            for byte in bytes {
                check(&[before, &[*byte], &after[1..]].concat());
                check(&[before, &[*byte], after].concat());
            }
        }
    }
}

/// Many keys, long keys and much nesting end the quick look, not the verifier.
#[test]
fn limits_are_left_to_the_slow_look() {
    for count in [1, 15, 16, 17, 29, 30, 31, 32, 64, 100, 1_000] {
        let members: String = (0..count).map(|number| format!(",\"k{number}\":{number}")).collect();
        let event = format!("{{\"actor\":{{}},\"action\":\"a\"{members}}}");
        assert_eq!(check(event.as_bytes()).is_some(), count <= 30, "{count} keys");
        let repeated = format!("{{\"actor\":{{}},\"action\":\"a\"{members},\"k0\":0}}");
        assert_eq!(check(repeated.as_bytes()), None, "{count} keys");
    }
    for depth in [1, 14, 15, 16, 63, 64, 10_000] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let event = format!("{{\"actor\":{{}},\"action\":\"a\",\"l\":{open}{close}}}");
        assert_eq!(check(event.as_bytes()).is_some(), depth < 16, "depth {depth}");
    }
    let long = format!("{{\"actor\":{{}},\"action\":\"a\",\"l\":\"{}\"}}", "x".repeat(57_400));
    assert_eq!(check(long.as_bytes()), None);
}
