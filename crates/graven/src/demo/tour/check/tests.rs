//! A claim holds only for the verdict that was claimed.

use serde_json::{Value, json};

use super::super::super::program::Answer;
use super::{Check, Claim, Seen};

fn check(claim: &Claim, exit: i32, verdict: Value, expected: bool) {
    let answer = Answer { exit: Some(exit), json: verdict.clone(), said: String::new() };
    let seen = Seen::of(&answer);
    let check = Check { command: None, noticed_by: "a test", claim: claim.clone(), seen };
    assert_eq!(check.is_as_claimed(), expected, "{claim:?}: exit {exit}, {verdict}");
}

#[test]
fn what_was_to_be_found_has_to_be_found_where_it_is() {
    let fork = Claim::Finds { what: "fork", indexes: Some(10..=20) };
    let verdict = |what: &str, index: Option<u64>| json!({ "ok": false, "what": what, "first_bad_index": index });
    check(&fork, 1, verdict("fork", Some(10)), true);
    check(&fork, 1, verdict("fork", Some(20)), true);
    check(&fork, 1, verdict("fork", Some(9)), false);
    check(&fork, 1, verdict("fork", None), false);
    check(&fork, 1, verdict("rollback", Some(10)), false);
    check(&fork, 0, json!({ "ok": true, "what": null }), false);
    // A verdict and an exit code that contradict each other are none.
    check(&fork, 0, verdict("fork", Some(10)), false);
    check(&fork, 3, Value::Null, false);
    let rollback = Claim::Finds { what: "rollback", indexes: None };
    check(&rollback, 1, verdict("rollback", None), true);
    check(&rollback, 1, verdict("rollback", Some(3)), false);
}

#[test]
fn what_was_to_pass_has_to_say_what_was_not_checked() {
    let passes = Claim::Passes { not_checked: "freshness" };
    let verdict = |not_checked: &[&str]| json!({ "ok": true, "not_checked": not_checked });
    check(&passes, 0, verdict(&["whose log it is", "freshness: no head"]), true);
    check(&passes, 0, verdict(&["whose log it is"]), false);
    check(&passes, 1, json!({ "ok": false, "not_checked": ["freshness"] }), false);
    check(&passes, 3, Value::Null, false);
}
