//! Outputs of test binaries and what they come to.

use super::Totals;

fn check(output: &str, expected_line: &str, expected_skips: &[&str]) {
    let totals = Totals::of_tests(output);
    assert_eq!(totals.line(), expected_line, "on {output:?}");
    assert_eq!(totals.skipped, expected_skips, "on {output:?}");
}

const OK: &str = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
const BAD: &str = "test result: FAILED. 10 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1s\n";

#[test]
fn totals_of_many_binaries() {
    check("", "0 passed, 0 failed, 0 skipped", &[]);
    check(OK, "3 passed, 0 failed, 0 skipped", &[]);
    let both = format!("{OK}noise\n{BAD}");
    check(&both, "13 passed, 2 failed, 1 skipped", &["ignored: by its attribute"]);
}

#[test]
fn a_test_that_skips_has_not_passed() {
    let output = format!(
        "successes:\n\n---- a stdout ----\nSKIP a: x missing\nSKIP a: y missing\n\n---- b stdout ----\nfine\n\n\
         ---- c stdout ----\nSKIP c: z\n\nsuccesses:\n    a\n    b\n    c\n\n{OK}"
    );
    let skips = ["a: x missing", "a: y missing", "c: z"];
    check(&output, "1 passed, 0 failed, 3 skipped", &skips);
}

#[test]
fn a_test_that_skips_and_fails_is_no_pass_less() {
    let output = format!("failures:\n\n---- a stdout ----\nSKIP a: x\npanicked\n\n{BAD}");
    check(&output, "10 passed, 2 failed, 2 skipped", &["a: x", "ignored: by its attribute"]);
}

#[test]
fn runs_add_up() {
    let mut totals = Totals::of_tests(OK);
    totals.add(Totals { passed: 1, failed: 2, skipped: vec!["x: y".to_owned()] });
    assert_eq!(totals.line(), "4 passed, 2 failed, 1 skipped");
}

#[test]
fn totals_of_node() {
    let check = |output: &str, is_good, expected: &str| {
        assert_eq!(Totals::of_tap(output, is_good).line(), expected, "on {output:?}");
    };
    let tap = "ok 1 - a\n# SKIP b: x missing\nok 2 - b\n# tests 2\n# pass 2\n# fail 0\n";
    check(tap, true, "1 passed, 0 failed, 1 skipped");
    check("not ok 1 - a\n# pass 0\n# fail 1\n", false, "0 passed, 1 failed, 0 skipped");
    check("it died", false, "0 passed, 1 failed, 0 skipped");
}
