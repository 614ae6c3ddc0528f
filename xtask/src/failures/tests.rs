//! Outputs of test binaries and what is told of their failures.

use super::of_tests;

fn check(output: &str, expected: &[&str]) {
    assert_eq!(of_tests(output), expected, "{output}");
}

#[test]
fn a_failed_test_is_told_with_its_words() {
    let output = "\
running 3 tests
test a::good ... ok
test b::bad ... FAILED
test c::worse ... FAILED

successes:

---- a::good stdout ----
not asked

failures:

---- b::bad stdout ----

thread 'b::bad' (7) panicked at crates/x/tests/b.rs:52:5:
an idle connection costs 37036 bytes
stack backtrace:
   0: __rustc::rust_begin_unwind
   1: core::panicking::panic_fmt
             at ./tests/b.rs:52:5
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.

---- c::worse stdout ----
said

failures:
    b::bad
    c::worse

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s
";
    check(
        output,
        &[
            "test b::bad FAILED:",
            "  | thread 'b::bad' (7) panicked at crates/x/tests/b.rs:52:5:",
            "  | an idle connection costs 37036 bytes",
            "test c::worse FAILED:",
            "  | said",
        ],
    );
}

#[test]
fn only_the_end_of_long_words_and_some_of_many_failures_are_told() {
    let said: String = (0..50).map(|n| format!("line {n}\n")).collect();
    let told = of_tests(&format!("test long ... FAILED\n---- long stdout ----\n{said}failures:\n"));
    assert_eq!(told.len(), 1 + 30);
    assert_eq!(told.last().map(String::as_str), Some("  | line 49"));
    let many: String = (0..25).map(|n| format!("test t{n} ... FAILED\n")).collect();
    assert_eq!(of_tests(&many).last().map(String::as_str), Some("and 5 more tests FAILED"));
}

#[test]
fn nothing_is_told_where_nothing_failed() {
    check("test a ... ok\ntest result: ok. 1 passed; 0 failed\n", &[]);
}
