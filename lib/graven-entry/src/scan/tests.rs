//! Tests of `scan`.

use super::*;

/// Expects `bytes` to be refused with `fault` at this byte and path.
fn check(bytes: impl AsRef<[u8]>, fault: EventFault, position: usize, path: &str) {
    let bytes = bytes.as_ref();
    let shown = String::from_utf8_lossy(bytes);
    let error = scan(bytes).expect_err(&shown);
    let found = (&error.fault, error.position, error.path.as_str());
    assert_eq!(found, (&fault, position, path), "{shown}");
}

fn accepted(bytes: &str) -> Scan<'_> {
    scan(bytes.as_bytes()).unwrap_or_else(|error| panic!("{bytes}: {error}"))
}

fn unexpected(found: char, expected: &'static str) -> EventFault {
    EventFault::Unexpected { found, expected }
}

fn end(expected: &'static str) -> EventFault {
    EventFault::UnexpectedEnd { expected }
}

#[test]
fn what_is_no_object() {
    check("", EventFault::Empty, 0, "");
    check(" \t\r\n", EventFault::Empty, 4, "");
    for other in ["[]", "[{}]", "\"a\"", "1", "-1", "true", "false", "null"] {
        check(other, EventFault::NotAnObject, 0, "");
    }
    check("  [1]", EventFault::NotAnObject, 2, "");
    check("\u{feff}{}", EventFault::ByteOrderMark, 0, "");
    check("x", unexpected('x', "an object"), 0, "");
    check("}", unexpected('}', "an object"), 0, "");
    check("'a'", unexpected('\'', "an object"), 0, "");
    check("\u{a0}{}", unexpected('\u{a0}', "an object"), 0, "");
    check("\0{}", unexpected('\0', "an object"), 0, "");
    check("\x0c{}", unexpected('\x0c', "an object"), 0, "");
}

#[test]
fn objects_that_are_broken() {
    check("{", end("a key in double quotes"), 1, "");
    check("{ ", end("a key in double quotes"), 2, "");
    check("{a:1}", unexpected('a', "a key in double quotes"), 1, "");
    check("{'a':1}", unexpected('\'', "a key in double quotes"), 1, "");
    check("{1:1}", unexpected('1', "a key in double quotes"), 1, "");
    check("{,}", unexpected(',', "a key in double quotes"), 1, "");
    check("{\"a\"", end("':' after the key"), 4, "/a");
    check("{\"a\"}", unexpected('}', "':' after the key"), 4, "/a");
    check("{\"a\",1}", unexpected(',', "':' after the key"), 4, "/a");
    check("{\"a\":", end("a value"), 5, "/a");
    check("{\"a\":}", unexpected('}', "a value"), 5, "/a");
    check("{\"a\"::1}", unexpected(':', "a value"), 5, "/a");
    check("{\"a\":1", end("',' or '}'"), 6, "");
    check("{\"a\":1,}", unexpected('}', "a key in double quotes"), 7, "");
    check("{\"a\":1,", end("a key in double quotes"), 7, "");
    check("{\"a\":1,,\"b\":1}", unexpected(',', "a key in double quotes"), 7, "");
    check("{\"a\":1 \"b\":1}", unexpected('"', "',' or '}'"), 7, "");
    check("{\"a\":1]", unexpected(']', "',' or '}'"), 6, "");
    check("{\"a\":1}}", EventFault::Trailing, 7, "");
    check("{\"a\":1} {\"a\":1}", EventFault::Trailing, 8, "");
    check("{}\n{}", EventFault::Trailing, 3, "");
    check("{}\0", EventFault::Trailing, 2, "");
    check("{}// end", EventFault::Trailing, 2, "");
    check("{/* no */}", unexpected('/', "a key in double quotes"), 1, "");
    check("{\"a\":1}\u{feff}", EventFault::Trailing, 7, "");
}

#[test]
fn arrays_that_are_broken() {
    check("{\"a\":[", end("a value"), 6, "/a/0");
    check("{\"a\":[1", end("',' or ']'"), 7, "/a");
    check("{\"a\":[1,]}", unexpected(']', "a value"), 8, "/a/1");
    check("{\"a\":[,1]}", unexpected(',', "a value"), 6, "/a/0");
    check("{\"a\":[1 2]}", unexpected('2', "',' or ']'"), 8, "/a");
    check("{\"a\":[1}", unexpected('}', "',' or ']'"), 7, "/a");
    check("{\"a\":[{\"b\":[1,2,x]}]}", unexpected('x', "a value"), 16, "/a/0/b/2");
}

#[test]
fn literals_and_numbers_that_are_broken() {
    for (value, fault, offset) in [
        ("tru", unexpected('}', "true"), 3),
        ("True", unexpected('T', "a value"), 0),
        ("truth", unexpected('t', "true"), 3),
        ("falsy", unexpected('y', "false"), 4),
        ("nul", unexpected('}', "null"), 3),
        ("nullx", unexpected('x', "',' or '}'"), 4),
        ("NaN", unexpected('N', "a value"), 0),
        ("Infinity", unexpected('I', "a value"), 0),
        ("-Infinity", unexpected('I', "a digit"), 1),
        ("undefined", unexpected('u', "a value"), 0),
        ("01", unexpected('1', "a number without leading zeros"), 1),
        ("-01", unexpected('1', "a number without leading zeros"), 2),
        ("00", unexpected('0', "a number without leading zeros"), 1),
        ("0x10", unexpected('x', "',' or '}'"), 1),
        ("+1", unexpected('+', "a value"), 0),
        (".5", unexpected('.', "a value"), 0),
        ("-", unexpected('}', "a digit"), 1),
        ("--1", unexpected('-', "a digit"), 1),
        ("-.5", unexpected('.', "a digit"), 1),
        ("1.", unexpected('}', "a digit of the fraction"), 2),
        ("1.e5", unexpected('e', "a digit of the fraction"), 2),
        ("1.5.5", unexpected('.', "',' or '}'"), 3),
        ("1e", unexpected('}', "a digit of the exponent"), 2),
        ("1e+", unexpected('}', "a digit of the exponent"), 3),
        ("1e5.5", unexpected('.', "',' or '}'"), 3),
        ("1_000", unexpected('_', "',' or '}'"), 1),
        ("1f", unexpected('f', "',' or '}'"), 1),
        ("\u{0661}", unexpected('\u{0661}', "a value"), 0),
    ] {
        let path = if offset > 0 && fault_is_after_value(&fault) { "" } else { "/a" };
        check(format!("{{\"a\":{value}}}"), fault, 5 + offset, path);
    }
    check("{\"a\":tr", end("true"), 7, "/a");
    check("{\"a\":-", end("a digit"), 6, "/a");
    check("{\"a\":1.", end("a digit of the fraction"), 7, "/a");
    check("{\"a\":1e-", end("a digit of the exponent"), 8, "/a");
}

fn fault_is_after_value(fault: &EventFault) -> bool {
    matches!(fault, EventFault::Unexpected { expected: "',' or '}'", .. })
}

#[test]
fn strings_that_are_broken() {
    for (value, fault, offset) in [
        ("\"a\tb\"", EventFault::ControlCharacter { byte: b'\t' }, 2),
        ("\"a\nb\"", EventFault::ControlCharacter { byte: b'\n' }, 2),
        ("\"a\0b\"", EventFault::ControlCharacter { byte: 0 }, 2),
        ("\"0123456789\x1f\"", EventFault::ControlCharacter { byte: 0x1f }, 11),
        (r#""\a""#, EventFault::Escape, 1),
        (r#""\'""#, EventFault::Escape, 1),
        (r#""\x41""#, EventFault::Escape, 1),
        (r#""\U0041""#, EventFault::Escape, 1),
        (r#""\0""#, EventFault::Escape, 1),
        (r#""\u""#, EventFault::Escape, 1),
        (r#""\u12""#, EventFault::Escape, 1),
        (r#""\u00g0""#, EventFault::Escape, 1),
        (r#""\u+041""#, EventFault::Escape, 1),
        (r#""\u{41}""#, EventFault::Escape, 1),
        ("\"\\\u{e9}\"", EventFault::Escape, 1),
        (r#""ab\u0000""#, EventFault::NulCharacter, 3),
        (r#""\ud800""#, EventFault::LoneSurrogate, 1),
        (r#""\udbff""#, EventFault::LoneSurrogate, 1),
        (r#""\uDC00""#, EventFault::LoneSurrogate, 1),
        (r#""\udfff\ud800""#, EventFault::LoneSurrogate, 1),
        (r#""\ud800\ud800""#, EventFault::LoneSurrogate, 1),
        (r#""\ud800x""#, EventFault::LoneSurrogate, 1),
        (r#""\ud800\n""#, EventFault::LoneSurrogate, 1),
        (r#""\ud800\u0041""#, EventFault::LoneSurrogate, 1),
        (r#""\ud800\u12""#, EventFault::LoneSurrogate, 1),
        (r#""\ud83d\ude00\ude00""#, EventFault::LoneSurrogate, 13),
    ] {
        check(format!("{{\"a\":{value}}}"), fault, 5 + offset, "/a");
    }
    check(r#"{"a\u0000":1}"#, EventFault::NulCharacter, 3, "");
    check(r#"{"b":{"\udc00":1}}"#, EventFault::LoneSurrogate, 7, "/b");
    check(r#"{"a":"x"#, end("the end of a string"), 7, "/a");
    check(r#"{"a":"x\""#, end("the end of a string"), 9, "/a");
    check(r#"{"a":"\"#, end("the end of an escape"), 7, "/a");
    check(r#"{"a":"\u00"#, end("the end of an escape"), 10, "/a");
    check(r#"{"a":"\ud83d"#, end("the end of an escape"), 12, "/a");
    check(r#"{"a":"\ud83d\u"#, end("the end of an escape"), 14, "/a");
    check(r#"{"a"#, end("the end of a string"), 3, "");
}

#[test]
fn bytes_that_are_not_utf8() {
    for (bytes, position) in [
        (&b"{\"a\":\"\xff\"}"[..], 6),
        (b"{\"a\":\"\x80\"}", 6),
        (b"{\"a\":\"\xc0\xaf\"}", 6),
        (b"{\"a\":\"\xc1\xbf\"}", 6),
        (b"{\"a\":\"\xe0\x80\xaf\"}", 6),
        (b"{\"a\":\"\xf0\x80\x80\xaf\"}", 6),
        (b"{\"a\":\"\xed\xa0\x80\"}", 6),
        (b"{\"a\":\"\xed\xb0\x80\"}", 6),
        (b"{\"a\":\"\xf4\x90\x80\x80\"}", 6),
        (b"{\"a\":\"\xf8\x88\x80\x80\x80\"}", 6),
        (b"{\"a\":\"xyz\xc3", 9),
        (b"{\"a\":\"\\ud83d\xff\"}", 12),
        (b"{\"a\":tr\xff", 7),
        (b"{\"a\":\xff", 5),
    ] {
        check(bytes, EventFault::InvalidUtf8, position, "/a");
    }
    check(b"\xff", EventFault::InvalidUtf8, 0, "");
    check(b"  \xff", EventFault::InvalidUtf8, 2, "");
    check(b"{\"\xff\":1}", EventFault::InvalidUtf8, 2, "");
    check(b"{}\xff", EventFault::InvalidUtf8, 2, "");
    check(b"\xff\xfe{\0}\0", EventFault::InvalidUtf8, 0, "");
    // What is wrong before it comes first.
    check(b"{\"a\":01}\xff", unexpected('1', "a number without leading zeros"), 6, "/a");
    check(b"{\"a\":1,\"a\":2}\xff", EventFault::DuplicateKey, 7, "/a");
}

#[test]
fn keys_stand_once() {
    check(r#"{"a":1,"a":1}"#, EventFault::DuplicateKey, 7, "/a");
    check(r#"{"a":1,"\u0061":1}"#, EventFault::DuplicateKey, 7, "/a");
    check(r#"{"\u0061":1,"a":1}"#, EventFault::DuplicateKey, 12, "/a");
    check(r#"{"":1,"":1}"#, EventFault::DuplicateKey, 6, "/");
    check(r#"{"a/b":1,"a\/b":1}"#, EventFault::DuplicateKey, 9, "/a~1b");
    check(r#"{"a~":{"x":[0,{"k":1,"k":1}]}}"#, EventFault::DuplicateKey, 21, "/a~0/x/1/k");
    check(r#"{"😀":1,"\ud83d\ude00":1}"#, EventFault::DuplicateKey, 10, "/😀");
    check(r#"{"\n":1,"\u000a":1}"#, EventFault::DuplicateKey, 8, "/\n");
    check(r#"{"a":{"b":1},"c":{"b":1},"a":0}"#, EventFault::DuplicateKey, 25, "/a");
    // Alike to the eye, but not the same text.
    accepted("{\"a\":1,\"A\":1,\"a \":1,\"\u{e9}\":1,\"e\u{301}\":1}");
    accepted(r#"{"a":{"a":{"a":[{"a":1},{"a":1}]}}}"#);
}

#[test]
fn many_keys_stand_once() {
    let member = |number: usize| format!("\"key{number}\":{number}");
    for count in [15, 16, 17, 18, 40, 10_000] {
        let members: Vec<String> = (0..count).map(member).collect();
        let all = members.join(",");
        accepted(&format!("{{{all}}}"));
        accepted(&format!("{{\"a\":{{{all}}},\"b\":{{{all}}},\"key0\":1}}"));
        for again in [0, count / 2, count - 1] {
            let fault = EventFault::DuplicateKey;
            let path = format!("/key{again}");
            check(format!("{{{all},{}}}", member(again)), fault, all.len() + 2, &path);
        }
    }
}

#[test]
fn depth_has_a_limit() {
    let nested =
        |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    accepted(&nested(64));
    let path = format!("/a{}", "/0".repeat(63));
    check(nested(65), EventFault::TooDeep, 5 + 63, &path);
    check(nested(100_000), EventFault::TooDeep, 5 + 63, &path);
    let objects = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    accepted(&objects(64));
    check(objects(65), EventFault::TooDeep, 64 * 5, &"/a".repeat(64));
    // Open at once is what counts.
    accepted(&format!("{{\"a\":[{}[]]}}", "[],".repeat(1_000)));
}

#[test]
fn what_every_reader_takes_alike() {
    for value in [
        "-0",
        "0",
        "1e999",
        "-1E+308",
        "1.000000000000000000001",
        "123456789012345678901234567890",
        "0e0",
        "0.0",
        "[]",
        "{}",
        "[[],{}]",
        "\"\"",
        r#""\"\\\/\b\f\n\r\t""#,
        r#""\u00e9\uFFFF""#,
        r#""\ud83d\ude00""#,
        "\"\u{7f}\u{80}\u{2028}\u{fffd}\u{10ffff}\"",
        "true",
        "false",
        "null",
        "\"\u{feff}\"",
        "\"0123456789 0123456789 0123456789\"",
    ] {
        let scan = accepted(&format!("{{\"a\":{value}}}")).range;
        assert_eq!(scan, 0..value.len() + 6);
        accepted(&format!("{{ \"a\" : {value} , \"b\":[ {value} ,\n{value}]\t}}"));
    }
}

#[test]
fn white_space_is_counted_inside_only() {
    let scan = accepted(" \r\n{ \"a b\" :\t1 } \n");
    assert_eq!((scan.range, scan.white_bytes, scan.has_line_break), (3..16, 4, false));
    let scan = accepted("{\"a\":[1,\r2]}");
    assert_eq!((scan.white_bytes, scan.has_line_break), (1, true));
}

#[test]
fn places_are_said_in_lines_and_columns() {
    let error = scan("{\n \"ä\": 1,\n \"é\": é}".as_bytes()).unwrap_err();
    assert_eq!((error.line, error.column, error.position), (3, 7, 19));
    assert_eq!(error.path, "/é");
    let shown = error.to_string();
    assert_eq!(shown, "found 'é' where a value is needed (at /é, line 3, column 7, byte 19)");
    let error = scan(b"{\"\\u001b[2J\":x}").unwrap_err().to_string();
    assert!(error.contains("/\\u{1b}[2J"), "nothing steers a terminal: {error}");
}

#[test]
fn long_paths_are_cut() {
    let key = "é".repeat(1_000);
    let error = scan(format!("{{\"x{key}\":{{\"b\":x}}}}").as_bytes()).unwrap_err();
    assert_eq!(error.path.len(), ERROR_PATH_BYTES_MAX + "…".len());
    assert!(error.path.ends_with("é…"));
}

const DIGESTS: [&str; 3] = [
    "5bPs1IquZNa0hkaFzzzZNw1x9AFiCu3R0a0Zi0Vm0aA",
    "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0",
    "w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs",
];

#[test]
fn digests_are_collected() {
    let [first, second, third] = DIGESTS;
    let event = format!(
        "{{\"actor\":{{\"_sd\":[\"{first}\" , \"{second}\"]}},\"list\":[1,{{\"...\":\"{third}\"}}]}}"
    );
    let found = accepted(&event).digests;
    let places: Vec<_> = found
        .iter()
        .map(|d| (d.digest, d.place, d.path.as_str(), &event[d.span.clone()]))
        .collect();
    let member = format!("\"_sd\":[\"{first}\" , \"{second}\"]");
    let element = format!("{{\"...\":\"{third}\"}}");
    assert_eq!(
        places,
        [
            (first, Place::Member, "/actor", member.as_str()),
            (second, Place::Member, "/actor", member.as_str()),
            (third, Place::Element, "/list/1", element.as_str()),
        ]
    );
    assert_eq!(accepted("{\"_sd\":[],\"a\":{\"_sd\":[]}}").digests, []);
    assert_eq!(accepted("{\"a\":\"_sd\",\"b\":\"...\",\"_SD\":1,\"..\":1,\"....\":1}").digests, []);
}

#[test]
fn seals_in_another_form_are_refused() {
    let [first, second, third] = DIGESTS;
    let form = |json: String, position: usize, path: &str| {
        let error = scan(json.as_bytes()).expect_err(&json);
        assert!(matches!(error.fault, EventFault::SealForm { .. }), "{json}: {error}");
        assert_eq!((error.position, error.path.as_str()), (position, path), "{json}");
        assert_eq!(error.kind(), EventErrorKind::BadEvent);
    };
    form("{\"_sd\":1}".to_owned(), 7, "/_sd");
    form("{\"_sd\":{}}".to_owned(), 7, "/_sd");
    form(format!("{{\"_sd\":\"{first}\"}}"), 7, "/_sd");
    form("{\"a\":{\"\\u005fsd\":[1]}}".to_owned(), 18, "/a/_sd");
    form("{\"_sd\":[\"\"]}".to_owned(), 8, "/_sd");
    form(format!("{{\"_sd\":[\"{}\"]}}", &first[1..]), 8, "/_sd");
    form(format!("{{\"_sd\":[\"{first}=\"]}}"), 8, "/_sd");
    form(format!("{{\"_sd\":[\"{}+\"]}}", &first[1..]), 8, "/_sd");
    form(format!("{{\"_sd\":[\"{}B\"]}}", &first[..42]), 8, "/_sd");
    form(format!("{{\"_sd\":[\"{second}\",\"{first}\"]}}"), 54, "/_sd");
    form(format!("{{\"...\":\"{first}\"}}"), 0, "");
    form(format!("{{\"a\":{{\"...\":\"{first}\"}}}}"), 5, "/a");
    form(format!("{{\"a\":[{{\"...\":\"{first}\",\"b\":1}}]}}"), 6, "/a/0");
    form("{\"a\":[{\"...\":1}]}".to_owned(), 13, "/a/0");
    form(format!("{{\"a\":[[{{\"...\":[\"{first}\"]}}]]}}"), 14, "/a/0/0");

    let algorithm = EventFault::SealAlgorithm;
    check("{\"_sd_alg\":\"sha-256\"}", algorithm.clone(), 1, "/_sd_alg");
    check("{\"a\":[{\"b\":{\"_sd_al\\u0067\":1}}]}", algorithm.clone(), 12, "/a/0/b/_sd_alg");
    let twice = format!("{{\"_sd\":[\"{first}\",\"{first}\"]}}");
    check(twice, EventFault::RepeatedDigest, 54, "/_sd");
    let apart = format!("{{\"_sd\":[\"{third}\"],\"a\":[{{\"...\":\"{third}\"}}]}}");
    check(apart, EventFault::RepeatedDigest, 60, "/a/0");
    // What is no JSON at all is said first.
    check("{\"_sd_alg\":1,\"b\":01}", unexpected('1', "a number without leading zeros"), 18, "/b");
    check(
        "{\"_sd\":1,\"_sd_alg\":1}",
        EventFault::SealForm { rule: "_sd must be an array of digests" },
        7,
        "/_sd",
    );
}

#[test]
fn a_disclosure_is_an_array() {
    assert!(scan_array(b"[\"salt\",{\"a\":1}]").is_ok());
    assert!(scan_array(b"{}").is_err());
    assert!(scan_array(b"[1] [2]").is_err());
}
