//! The language: what each text means, what is refused and how, and that printed queries read back.

use super::made::{self, Random};
use crate::query::parse;

/// Each text, and the text of the tree that it means.
#[test]
fn a_query_has_one_printed_form() {
    let check = |text: &str, printed: &str| {
        let ast = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(ast.to_string(), printed, "{text}");
        assert_eq!(parse(printed).as_ref(), Ok(&ast), "{text} printed as {printed}");
    };
    for (text, printed) in [
        ("", "*"),
        ("  \n", "*"),
        (
            "actor:alice action:invoice.* target:customer/42 outcome:failure changes.amount.after>1000 context.ip:10.0.0.0/8 since:24h until:2026-11-20 \"free text\"",
            "actor:alice action:invoice.* target:customer/42 outcome:failure changes.amount.after>1000 ip:10.0.0.0/8 since:1d until:2026-11-20T00:00:00Z \"free text\"",
        ),
        ("a AND b OR c", "a b OR c"),
        ("a (b OR c)", "a (b OR c)"),
        ("((a b) c)", "a b c"),
        ("NOT (a OR -b)", "-(a OR -b)"),
        ("NOT NOT -a", "-a"),
        ("--a", "a"),
        ("actor.id:x actor=x actor:\"x\"", "actor:x actor:x actor:x"),
        ("event.actor.id:x event.own.key:1", "actor:x event.own.key:1"),
        ("actor:\"a b\" \"data.odd key\":\"\"", "actor:\"a b\" \"data.odd key\":\"\""),
        ("amount", "amount"),
        ("data.n:100 data.n:\"100\"", "data.n:100 data.n:\"100\""),
        ("data.n:007 data.n:1..2 data.n:\"1..2\"", "data.n:007 data.n:[1 TO 2] data.n:\"1..2\""),
        ("data.n:5.. data.n:..5 data.n:{1 TO *]", "data.n>=5 data.n<=5 data.n>1"),
        ("data.n:[* TO *]", "data.n:*"),
        ("data.p:../etc data.p:a..b", "data.p:../etc data.p:a..b"),
        ("ip:10.0.0.1/32 ip:\"10.0.0.1\" ip:::1", "ip:10.0.0.1 ip:\"10.0.0.1\" ip:::1"),
        ("received:2026-11", "received:[2026-11-01T00:00:00Z TO 2026-12-01T00:00:00Z}"),
        ("received:2026-12", "received:[2026-12-01T00:00:00Z TO 2027-01-01T00:00:00Z}"),
        ("time>=2026-11-20T01:00+01:00", "since:2026-11-20T00:00:00Z"),
        ("time:1h..2026-11-20T00:00:00.25Z", "time:[1h TO 2026-11-20T00:00:00.25Z}"),
        ("index:5 seq>=7", "index:[5 TO 5] seq>=7"),
        (r"\-a \AND a\*b a\ b", r"\-a \AND a\*b a\ b"),
        (r"action:a\*b* action:\[x", r#"action:a\*b* action:"[x""#),
        ("action:** action:a**b", "action:* action:a*b"),
        ("\u{fc}ber caf\u{e9}*", "\u{fc}ber caf\u{e9}*"),
        (
            "trace:t session:s request:r stream:web/1 writer:w grade:signed auth:log",
            "trace:t session:s request:r stream:web/1 writer:w grade:signed auth:log",
        ),
    ] {
        check(text, printed);
    }
}

#[test]
fn a_refusal_says_where_what_and_what_was_meant() {
    let check = |text: &str, expected: &str| {
        let error = parse(text).expect_err(text);
        assert_eq!(format!("{} {error}", error.code()), expected, "{text}");
    };
    for (text, expected) in [
        (
            "outcome:x acter:alice",
            "bad_query column 11: found `acter`, which is no field; another key of events is `event.acter`, a text stands in quotes; did you mean `actor`?",
        ),
        (
            "https://x",
            "bad_query column 1: found `https`, which is no field; another key of events is `event.https`, a text stands in quotes",
        ),
        ("\u{fc} AND", "bad_query column 6: found the end where a term is needed"),
        (
            "OR b",
            "bad_query column 1: found `OR` where a term is needed; to find the word, quote it; did you mean `\"OR\"`?",
        ),
        ("(a", "bad_query column 1: the bracket is never closed; add `)`"),
        ("a)", "bad_query column 2: this bracket was never opened"),
        ("x \"a", "bad_query column 3: the quote is never closed; add `\"`"),
        ("\"!?\"", "bad_query column 1: there is no word in the quotes"),
        ("actor:", "bad_query column 7: `actor` has no value: found the end; quote an empty one"),
        (
            "since:soon",
            "bad_query column 7: found `soon` where `time` needs a time: `2026-11-20`, `2026-11-20T22:55:01Z` or `24h` before now",
        ),
        (
            "since>1h",
            "bad_query column 7: `since` takes `:` and a time; for other relations use `time`",
        ),
        ("index:abc", "bad_query column 7: found `abc` where `index` needs a number"),
        (
            "received:2026-13-01",
            "bad_query column 10: found `2026-13-01` where `received` needs a time: `2026-11-20`, `2026-11-20T22:55:01Z` or `24h` before now",
        ),
        (
            "data.n>abc",
            "bad_query column 8: found `abc` where `data.n` needs a number, a time or an address",
        ),
        (
            "writer>a",
            "bad_query column 8: found `a` where `writer` needs one name or a wildcard, as names have no order",
        ),
        (
            "data.n:[1 TO ::1]",
            "bad_query column 8: the range begins with a number and ends with an address; give both one type",
        ),
        (
            "data.n:[1 2]",
            "bad_query column 11: found `2]` where a range needs `TO`, as in `[1 TO 9]`",
        ),
        ("data.n:[1 TO 2", "bad_query column 8: the range is never closed; add `]`"),
        ("a\\", "bad_query column 2: a backslash stands before nothing; write `\\\\` for one"),
    ] {
        check(text, expected);
    }
    let over = |text: String| parse(&text).map_err(|error| error.code());
    assert_eq!(over("a ".repeat(1_024)).map(drop), Ok(()));
    assert_eq!(over("a ".repeat(1_025)).map(drop), Err("query_limit"));
    assert_eq!(over("a ".repeat(100_000)).map(drop), Err("query_limit"));
    assert_eq!(over(format!("{}a{}", "(".repeat(32), ")".repeat(32))).map(drop), Ok(()));
    assert_eq!(over("(".repeat(33)).map(drop), Err("query_limit"));
}

/// Made queries and mutilated ones: what reads, prints and reads as the same.
#[test]
fn what_reads_prints_and_reads_the_same() {
    let mut read = 0;
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let mut text = made::query(&mut random, 3);
        if seed % 2 == 1 {
            for _ in 0..=random.below(4) {
                let at = text.floor_char_boundary(random.below(text.len() + 1));
                text.insert_str(
                    at,
                    random.pick(&[
                        "\"", "\\", "*", ":", "..", "(", ")", "-", " OR ", "[", " TO ", "]", "0",
                        "\u{e9}", "/8", "{",
                    ]),
                );
            }
        }
        let Ok(ast) = parse(&text) else { continue };
        let printed = ast.to_string();
        assert_eq!(parse(&printed).as_ref(), Ok(&ast), "seed {seed}: {text} printed as {printed}");
        read += 1;
    }
    assert!(read > 12_000, "{read} of 20000 were read");
}
