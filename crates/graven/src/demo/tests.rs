//! The small pieces of the demo; the tour itself is tested with the real binary.

use super::program::quoted;
use super::voice::{thousands, wrapped};

#[test]
fn numbers_have_their_thousands_apart() {
    let check = |number, expected: &str| assert_eq!(thousands(number), expected);
    check(0, "0");
    check(999, "999");
    check(1_000, "1,000");
    check(100_001, "100,001");
    check(u64::MAX, "18,446,744,073,709,551,615");
}

#[test]
fn words_reach_a_shell_whole() {
    let check = |word: &str, expected: &str| assert_eq!(quoted(word), expected);
    check("verify", "verify");
    check("/data/a-b_c.d", "/data/a-b_c.d");
    check("http://127.0.0.1:7070", "http://127.0.0.1:7070");
    check("", "''");
    check("two words", "'two words'");
    check("it's", r"'it'\''s'");
    check("$(rm)", "'$(rm)'");
    check("http://[::1]:7070", "'http://[::1]:7070'");
}

#[test]
fn text_is_broken_between_words() {
    let check = |text: &str, expected: &[usize]| {
        let lines = wrapped(text);
        assert_eq!(lines.join(" "), text, "nothing is lost");
        let lengths: Vec<usize> = lines.iter().map(|line| line.chars().count()).collect();
        assert_eq!(lengths, expected, "{text}");
    };
    check("", &[0]);
    check("short", &[5]);
    check(&"a".repeat(150), &[150]);
    check(&["ten......."; 12].join(" "), &[98, 32]);
}
