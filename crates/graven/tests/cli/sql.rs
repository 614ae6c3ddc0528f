//! `graven sql`: its formats, its errors, and columns that come and go.

use std::fs;

use serde_json::{Value, json};

use super::fixture::{Fixture, event, events};

const COUNT: &str = "SELECT count(*) AS n FROM events WHERE action = 'invoice.update'";

#[test]
fn rows_come_in_four_formats() {
    let fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 8), 0, &[], &[]);
    let ask = "SELECT actor_id, count(*) AS n, max(reason) AS why FROM events WHERE actor_id LIKE 'u-%' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2";
    let shown = |format: &[&str]| {
        let args = [&["sql", ask, "--wait"][..], format].concat();
        fixture.check(&args, 0, &[], &["!asked of"]).stdout
    };
    assert_eq!(shown(&[]), "actor_id  n  why\nu-0       2  -\nu-1       1  -\n");
    assert_eq!(shown(&["--format", "csv"]), "actor_id,n,why\nu-0,2,\nu-1,1,\n");
    let ndjson = "{\"actor_id\":\"u-0\",\"n\":2,\"why\":null}\n{\"actor_id\":\"u-1\",\"n\":1,\"why\":null}\n";
    assert_eq!(shown(&["--format", "ndjson"]), ndjson);
    let answer: Value = serde_json::from_str(&shown(&["--format", "json"])).unwrap();
    assert_eq!(answer["rows"], json!([["u-0", 2, null], ["u-1", 1, null]]));
    assert_eq!(answer["columns"][1], json!({"name": "n", "type": "bigint"}));
    assert_eq!(shown(&["--json"]), shown(&["--format", "json"]));
    let quoted = "SELECT '' AS a, 'x,\"y\"' AS b, 'l1' || chr(10) AS c, NULL AS d";
    fixture.check(
        &["sql", quoted, "--format", "csv"],
        0,
        &["\"\",\"x,\"\"y\"\"\",\"l1\n\",\n"],
        &[],
    );
    let twice = "SELECT a.index, b.index FROM events a JOIN events b ON a.index = b.index";
    fixture.check(
        &["sql", twice, "--format", "ndjson"],
        2,
        &[],
        &["two columns are called `index`"],
    );
}

#[test]
fn what_is_no_question_is_told() {
    let fixture = Fixture::serving();
    for (statement, exit, stderr) in [
        ("SELECT", 2, "bad_query"),
        ("SELECT actr_id FROM events", 2, "actr_id"),
        ("DELETE FROM events", 2, "the log is read-only"),
        ("COPY events TO 'x'", 2, "the log is read-only"),
    ] {
        fixture.check(&["sql", statement], exit, &[], &[stderr]);
    }
    fixture.check(&["sql", "SELECT 1", "--log", "missing"], 1, &[], &["not_found"]);
}

/// The same after a restart, and after all that is derived was deleted; what lies in the unsealed tail is there too.
#[test]
fn columns_that_are_deleted_come_back_the_same() {
    let mut fixture = Fixture::serving();
    fixture.check_with(&["append"], &events(0, 500), 0, &[], &[]);
    let all = "SELECT * FROM events ORDER BY index";
    let first = fixture.json(&["sql", all, "--wait"], 0);
    assert_eq!(fixture.json(&["sql", COUNT], 0)["rows"], json!([[500]]));
    assert_eq!(fixture.json(&["search", "action:invoice.update", "--wait"], 0)["total"], 500);
    for is_deleted in [false, true] {
        fixture.stop();
        if is_deleted {
            fs::remove_dir_all(fixture.path("graven-data/derived")).unwrap();
        }
        fixture.serve(&[]);
        assert_eq!(fixture.json(&["sql", all, "--wait"], 0)["rows"], first["rows"]);
    }
    fixture.check_with(&["append"], &event(500), 0, &[], &[]);
    assert_eq!(fixture.json(&["sql", COUNT, "--wait"], 0)["rows"], json!([[501]]));
}

#[test]
fn a_server_without_sql_says_so() {
    let mut fixture = Fixture::empty();
    fixture.serve(&["--sql", "off"]);
    let ran = fixture.check(&["sql", "SELECT 1"], 3, &[], &["--sql off"]);
    assert!(!fixture.path("graven-data/derived/main/lake").exists(), "{ran:#?}");
    fixture.check(&["serve", "--sql", "no"], 2, &[], &["sql"]);
}
