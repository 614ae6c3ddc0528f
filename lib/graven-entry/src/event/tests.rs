//! Tests of `event`.

use super::*;
use crate::compact;
use crate::event_error::EventErrorKind;

const LEAST: &str = r#"{"actor":{},"action":"a"}"#;

fn facts(event: &str) -> EventFacts<'_> {
    check_event(event.as_bytes()).unwrap_or_else(|error| panic!("{event}: {error}"))
}

/// Expects an event to be refused as one, with this fault at this byte and path.
fn check(event: &str, fault: EventFault, position: usize, path: &str) {
    let error = check_event(event.as_bytes()).expect_err(event);
    assert_eq!((&error.fault, error.position, &*error.path), (&fault, position, path), "{event}");
    assert_eq!(error.kind(), EventErrorKind::BadEvent, "{event}");
}

#[test]
fn what_an_event_says() {
    let event = r#"{"id":"0193b2c4","time":"2026-11-20T22:55:01.120Z","actor":{"type":"user","id":"p_3kFq"},"action":"invoice.update","target":{"type":"invoice","id":"42"},"outcome":"success","changes":{"amount":{"before":100,"after":900}},"context":{"trace_id":"…"}}"#;
    let facts = facts(event);
    assert_eq!(facts.range, 0..event.len());
    assert_eq!(facts.compacted_bytes, event.len());
    assert!(!facts.has_line_break);
    assert_eq!(facts.action, "invoice.update");
    assert!(!facts.is_reserved_action);
    assert_eq!(facts.actor_type.as_deref(), Some("user"));
    assert_eq!(facts.actor_id.as_deref(), Some("p_3kFq"));
    assert_eq!(facts.id.as_deref(), Some("0193b2c4"));
    assert_eq!(facts.digests, []);
    // Nothing was copied.
    assert!(matches!(facts.action, Cow::Borrowed(_)));
}

#[test]
fn the_least_event() {
    let facts = facts(LEAST);
    assert_eq!((facts.actor_type, facts.actor_id, facts.id), (None, None, None));
}

#[test]
fn escapes_are_undone() {
    let facts = facts(
        r#"{"\u0061ctor":{"\u0069d":"\ud83d\ude00","type":"\""},"action":"gr\u0061ven.x","id":""}"#,
    );
    assert_eq!(facts.action, "graven.x");
    assert!(facts.is_reserved_action);
    assert_eq!(facts.actor_id.as_deref(), Some("😀"));
    assert_eq!(facts.actor_type.as_deref(), Some("\""));
    assert_eq!(facts.id.as_deref(), Some(""));
}

#[test]
fn reserved_actions() {
    for (action, is_reserved) in
        [("graven.key", true), ("graven.", true), ("graven", false), ("graveno.x", false)]
    {
        let event = format!("{{\"actor\":{{}},\"action\":\"{action}\"}}");
        assert_eq!(facts(&event).is_reserved_action, is_reserved, "{action}");
    }
}

#[test]
fn events_that_lack_something() {
    let missing = |field| EventFault::Missing { field };
    let wrong = |field, expected| EventFault::Type { field, expected };
    check("{}", missing("actor"), 0, "/actor");
    check("  {}", missing("actor"), 2, "/actor");
    check(r#"{"actor":{}}"#, missing("action"), 0, "/action");
    check(r#"{"action":"a"}"#, missing("actor"), 0, "/actor");
    check(r#"{"Actor":{},"action":"a"}"#, missing("actor"), 0, "/actor");
    check(r#"{"data":{"actor":{},"action":"a"}}"#, missing("actor"), 0, "/actor");
    check(r#"{"actor":{"action":"a"}}"#, missing("action"), 0, "/action");
    for actor in ["null", "\"alice\"", "42", "[]", "[{}]", "true"] {
        let event = format!("{{\"actor\":{actor},\"action\":\"a\"}}");
        let fault = wrong("actor", "an object such as {\"id\":\"…\"}");
        check(&event, fault, 9, "/actor");
    }
    for action in ["null", "42", "[]", "{}", "true", "[\"a\"]"] {
        let event = format!("{{\"actor\":{{}},\"action\":{action}}}");
        check(&event, wrong("action", "a string"), 21, "/action");
        let event = format!("{{\"actor\":{{}},\"action\":\"a\",\"id\":{action}}}");
        check(&event, wrong("id", "a string"), 30, "/id");
        let event = format!("{{\"actor\":{{\"id\":{action}}},\"action\":\"a\"}}");
        check(&event, wrong("actor.id", "a string"), 15, "/actor/id");
        let event = format!("{{\"actor\":{{\"type\":{action}}},\"action\":\"a\"}}");
        check(&event, wrong("actor.type", "a string"), 17, "/actor/type");
    }
    check(r#"{"actor":{},"action":""}"#, wrong("action", "a non-empty string"), 21, "/action");
    check(r#"{"actor":{},"action":"a","_sd_alg":1}"#, EventFault::SealAlgorithm, 25, "/_sd_alg");
}

#[test]
fn json_comes_before_the_event() {
    let error = check_event(br#"{"action":1,"b":01}"#).unwrap_err();
    assert_eq!((error.kind(), error.position), (EventErrorKind::BadJson, 17));
}

#[test]
fn white_space_around_is_not_part_of_it() {
    let event = format!("\r\n \t{LEAST} \r\n");
    let facts = facts(&event);
    assert_eq!(&event[facts.range], LEAST);
    assert!(!facts.has_line_break);
}

#[test]
fn line_breaks_are_seen() {
    for (event, has_line_break) in [
        ("{\"actor\":{},\n\"action\":\"a\"}", true),
        ("{\"actor\":{},\r\"action\":\"a\"}", true),
        ("{\"actor\":{ },\t\"action\":\"a\"}", false),
        ("{\"actor\":{},\"action\":\"\\n\\r\"}", false),
    ] {
        let facts = facts(event);
        assert_eq!(facts.has_line_break, has_line_break, "{event:?}");
        assert_eq!(facts.compacted_bytes, compact(event.as_bytes()).len(), "{event:?}");
    }
}

#[test]
fn the_size_counts_as_it_is_stored() {
    let sized = |length: usize, white: &str| {
        let start = format!("{white}{{{white}\"actor\":{{}},{white}\"action\":\"a\",\"x\":\"");
        let fill = "x".repeat(length - (start.len() - 3 * white.len()) - 2);
        format!("{start}{fill}\"}}")
    };
    let largest = sized(EVENT_BYTES_MAX - 1, "");
    assert_eq!(largest.len(), EVENT_BYTES_MAX - 1);
    facts(&largest);
    // White space goes away where there is a line break, and only there.
    facts(&sized(EVENT_BYTES_MAX - 1, "\n      "));
    facts(&format!(" {largest} "));
    for event in [sized(EVENT_BYTES_MAX, ""), sized(EVENT_BYTES_MAX, "\n"), sized(57_342, " ")] {
        let error = check_event(event.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), EventErrorKind::TooLarge);
        assert!(error.to_string().ends_with("at most 57344 fit"), "{error}");
    }
    let endless = " ".repeat(EVENT_INPUT_BYTES_MAX + 1);
    assert_eq!(check_event(endless.as_bytes()).unwrap_err().kind(), EventErrorKind::TooLarge);
}

#[test]
fn messages_say_what_to_do() {
    let message = |event: &str| check_event(event.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        message("{\"actor\":{},\"actor\":{},\"action\":\"a\"}"),
        "duplicate key; an object may hold a key only once (at /actor, line 1, column 13, byte 12)"
    );
    assert_eq!(
        message("{\"actor\":{}}"),
        "field action is missing; every event has one (at /action, line 1, column 1, byte 0)"
    );
    assert_eq!(message(""), "nothing here; an event is a JSON object (line 1, column 1, byte 0)");
}
