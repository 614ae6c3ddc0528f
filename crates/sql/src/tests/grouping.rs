//! Groups by numbers are the groups by texts: of files and tail, of nulls and empty texts, of many texts and of long ones.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::{Made, Memory, ask, columns, engine, rows};
use crate::{Columns, Limits, RowFilter};

const ENTRIES: usize = 2_000;
/// More than a batch remembers by its view.
const ACTIONS: usize = 700;

static COLUMNS: LazyLock<Arc<Columns>> = LazyLock::new(|| columns(&made(ENTRIES, ACTIONS)));

/// Actions that repeat; short ones, long ones that begin alike; every seventh entry has no actor, every fifth no target, and one in two
/// of the others an empty type.
fn made(entries: usize, actions: usize) -> Arc<Memory> {
    let log = Arc::new(Memory::default());
    for number in 0..entries {
        let action = number % actions;
        let tail =
            if action.is_multiple_of(3) { ".of-a-name-that-is-no-view-by-itself" } else { "" };
        let mut event = format!(r#"{{"action":"a{action}{tail}""#);
        if !number.is_multiple_of(7) {
            event.push_str(r#","actor":{"type":"user","id":"alice"}"#);
        }
        if !number.is_multiple_of(5) {
            let kind = if number.is_multiple_of(2) { "" } else { "invoice" };
            write!(event, r#","target":{{"type":"{kind}","id":"{number}"}}"#).unwrap();
        }
        event.push('}');
        log.push(&Made { event: &event, auth: "token", stream: None });
    }
    log
}

/// `@` stands for a column: once as it is, and once as a text that was made of it, which is given no number.
#[track_caller]
fn check(column: &str, text: &str, is_by_number: bool) {
    let by_column = text.replace('@', column);
    let by_text = text.replace('@', &format!("({column} || '')"));
    let expected = rows(&COLUMNS, &by_text);
    assert_ne!(expected, Value::Array(Vec::new()), "{by_text}");
    assert_eq!(rows(&COLUMNS, &by_column), expected, "{by_column}");
    let plan = rows(&COLUMNS, &format!("EXPLAIN {by_column}")).to_string();
    assert_eq!(plan.contains("number_of_text("), is_by_number, "{by_column}: {plan}");
}

#[test]
fn groups_are_the_same() {
    for column in ["action", "actor_type", "target_type", "outcome", "grade"] {
        for text in [
            "SELECT @ AS x, count(*) FROM events GROUP BY @ ORDER BY 1",
            "SELECT @ AS x, count(*), min(@), sum(index) FROM events GROUP BY @ ORDER BY 1",
            "SELECT DISTINCT @ AS x FROM events ORDER BY 1",
            "SELECT count(DISTINCT @) FROM events",
            "SELECT @ AS x, actor_type, count(*) FROM events GROUP BY @, actor_type ORDER BY 1, 2",
            "SELECT index % 3 AS n, @ AS x, count(*) FROM events GROUP BY index % 3, @ ORDER BY 1, 2",
            "SELECT @ AS x, max(index) AS n FROM events WHERE index % 4 = 3 GROUP BY @ ORDER BY 1 LIMIT 7",
            "SELECT @ AS x, count(*) FROM events GROUP BY @ HAVING @ IS NULL OR @ > 'a1' ORDER BY 1",
        ] {
            check(column, text, true);
        }
    }
}

#[test]
fn groups_over_other_plans_are_the_same() {
    for text in [
        "SELECT @ AS x, count(*) FROM (SELECT * FROM events WHERE index > 9) GROUP BY @ ORDER BY 1",
        "SELECT @ AS x, count(*) FROM (SELECT e.*, o.index AS next FROM events e JOIN events o ON o.index = e.index + 1) GROUP BY @ ORDER BY 1",
        "SELECT x, n FROM (SELECT @ AS x, count(*) AS n FROM events GROUP BY @) WHERE x LIKE 'a1%' OR x IS NULL ORDER BY 1",
    ] {
        check("action", text, true);
        check("target_type", text, true);
    }
}

/// Texts that a query made, several groupings at once, ids, which are many.
#[test]
fn what_else_is_grouped_is_grouped_by_text() {
    check(
        "a",
        "SELECT @ AS x, count(*) FROM (SELECT upper(action) AS a FROM events) GROUP BY @ ORDER BY 1",
        false,
    );
    check("action", "SELECT @ AS x, count(*) FROM events GROUP BY ROLLUP (@) ORDER BY 1, 2", false);
    check("actor_id", "SELECT @ AS x, count(*) FROM events GROUP BY @ ORDER BY 1", false);
}

#[test]
fn no_query_can_name_the_functions() {
    for text in ["SELECT number_of_text(action) FROM events", "SELECT text_of_number(1)"] {
        let error = ask(&COLUMNS, text).unwrap_err().to_string();
        assert!(error.contains("Invalid function"), "{text}: {error}");
    }
}

/// What the texts take is counted with what the query takes.
#[test]
fn many_texts_are_too_many() {
    let columns = columns(&made(3_000, 3_000));
    let ask = |memory_bytes| {
        let limits = Limits { memory_bytes, ..Limits::default() };
        let text = "SELECT sum(n) FROM (SELECT action, count(*) AS n FROM events GROUP BY action)";
        engine().query(&columns, text, &limits, RowFilter::Everything)
    };
    assert_eq!(ask(8 << 20).unwrap().rows, [[json!(3_000)]]);
    let error = ask(150_000).unwrap_err().to_string();
    assert!(error.contains("more memory than it may"), "{error}");
    assert!(error.contains("texts that are grouped by"), "{error}");
}
