//! Tests of what reaches a terminal.

use super::visible;

fn check(input: &str, expected: &str) {
    assert_eq!(visible(input), expected, "input {input:?}");
}

#[test]
fn what_steers_a_terminal_is_made_visible() {
    check("plain, Grüße, 日本語\ttab\n", "plain, Grüße, 日本語\ttab\n");
    check("\u{1b}[2J", "\\u{1b}[2J");
    check("a\rb", "a\\u{d}b");
    check("\u{9b}31m", "\\u{9b}31m");
    check("bell\u{7}", "bell\\u{7}");
    check("user\u{202e}nimda", "user\\u{202e}nimda");
    check("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}");
    check("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}");
    check("line\u{2028}line", "line\\u{2028}line");
    check("\u{7f}", "\\u{7f}");
}
