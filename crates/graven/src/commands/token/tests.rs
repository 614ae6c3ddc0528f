//! Tests of times as they are typed.

use super::parse_time;

#[test]
fn times_have_a_unit() {
    for (text, expected) in [
        ("30d", Some(2_592_000)),
        ("1s", Some(1)),
        ("90m", Some(5_400)),
        ("12h", Some(43_200)),
        ("0d", None),
        ("30", None),
        ("d", None),
        ("", None),
        ("-1d", None),
        ("30D", None),
        ("1 d", None),
        ("99999999999999999999d", None),
        ("18446744073709551615d", None),
    ] {
        assert_eq!(parse_time(text).ok(), expected, "{text:?}");
    }
}
