//! Joining stretches of a state.

use serde_json::{Value, json};

use super::join;

#[test]
fn a_stretch_goes_on_top_of_what_was_before() {
    let first = json!({"exists": true, "last": {"index": 3}, "hidden": 2, "entries": 4,
        "state": {"a": 1, "b": 2, "d": 4}});
    let check = |stretch: Value, expected: Value| {
        let mut all = first.clone();
        join(&mut all, &stretch, "state");
        assert_eq!(all.to_string(), expected.to_string(), "{stretch}");
    };
    check(
        json!({"exists": null, "last": null, "hidden": 0, "entries": 1, "cleared": false,
            "removed": [], "state": {}}),
        json!({"exists": true, "last": {"index": 3}, "hidden": 2, "entries": 5,
            "state": {"a": 1, "b": 2, "d": 4}}),
    );
    check(
        json!({"exists": true, "last": {"index": 9}, "hidden": 1, "entries": 2, "cleared": false,
            "removed": ["b", "x"], "state": {"a": 7, "c": 3}}),
        json!({"exists": true, "last": {"index": 9}, "hidden": 3, "entries": 6,
            "state": {"a": 7, "c": 3, "d": 4}}),
    );
    check(
        json!({"exists": false, "last": {"index": 9}, "hidden": 1, "entries": 2, "cleared": true,
            "removed": [], "state": {"c": 3}}),
        json!({"exists": false, "last": {"index": 9}, "hidden": 1, "entries": 6,
            "state": {"c": 3}}),
    );
}
