//! What the bench shows of its measurements, and how it reads those of others. No figure is measured here.

use serde_json::json;

use super::cores::{halves, numbers};
use super::line::{Goal, Line};
use super::load::Loaded;
use super::machine::Machine;
use super::postgres::parse_pgbench;
use super::rows::append::rate_of;
use super::rows::find::{asked, sql_of, told_us};
use super::rows::follow::lag_of;
use super::rows::http::raw_p50_us;
use super::rows::{ACCESS_ROWS, FIND_ROWS, ROWS, Row};
use super::size::Size;
use super::table;

fn machine() -> Machine {
    let text = |text: &str| text.to_owned();
    Machine {
        processor: text("a processor"),
        cores: 2,
        kernel: text("6.0"),
        load_average: 0.1,
        pinned: text("servers on core 0, load on core 1"),
        commit: text("abc"),
    }
}

fn line(ours: f64, other: f64) -> Line {
    Line::new("appends", "/s", ours, "the limit", Ok(other)).of_row("r")
}

#[test]
fn a_goal_is_reached_at_its_edge_and_not_beyond() {
    let check = |line: Line, reached| assert_eq!(line.reached(), reached, "{line:?}");
    check(line(6.0, 10.0).asked(Goal::AtLeast(0.6)), Some(true));
    check(line(5.9, 10.0).asked(Goal::AtLeast(0.6)), Some(false));
    check(line(20.0, 10.0).asked(Goal::AtMost(2.0)), Some(true));
    check(line(20.1, 10.0).asked(Goal::AtMost(2.0)), Some(false));
    check(line(1.0, 10.0), None);
    check(line(1.0, 0.0).asked(Goal::AtMost(2.0)), None);
    check(Line::broken("appends", "no disk").asked(Goal::AtMost(2.0)), None);
}

#[test]
fn a_limit_that_was_beaten_was_not_measured() {
    let check = |line: Line, measured| {
        let line = line.of_limit();
        assert_eq!(
            (line.other.is_ok(), line.reached().is_some()),
            (measured, measured),
            "{line:?}"
        );
    };
    check(line(9.0, 10.0).asked(Goal::AtLeast(0.6)), true);
    check(line(10.1, 10.0).asked(Goal::AtLeast(0.6)), false);
    check(line(15.0, 10.0).asked(Goal::AtMost(2.0)), true);
    check(line(9.9, 10.0).asked(Goal::AtMost(2.0)), false);
    check(Line::broken("appends", "no disk").asked(Goal::AtMost(2.0)), false);
}

#[test]
fn the_table_shows_what_was_measured_what_was_not_and_why() {
    let rival = Line::new("appends", "/s", 1234.5, "a rival", Err("not installed".to_owned()));
    let lines = [
        line(50_000.0, 100_000.0).asked(Goal::AtLeast(0.6)).note("core 99 % busy"),
        line(2.0, 1.0).asked(Goal::AtMost(2.0)),
        rival.of_row("q").asked(Goal::AtLeast(7.0)),
    ];
    let text = table::text(&machine(), Size::Full, &lines);
    let expected = "\
a processor, 2 cores, Linux 6.0, load average 0.10 at the start; servers on core 0, load on core 1; commit abc.

| row | figure  | graven    | beside    | it has       | ratio | asked | reached |
|-----|---------|-----------|-----------|--------------|-------|-------|---------|
| r   | appends | 50,000 /s | the limit | 100,000 /s   | 0.500 | ≥ 0.6 | **no**  |
| r   | appends | 2.00 /s   | the limit | 1.00 /s      | 2.000 | ≤ 2   | yes     |
| q   | appends | 1,234 /s  | a rival   | not measured |       | ≥ 7   |         |

* r, appends: core 99 % busy
* q, appends: not measured: not installed
";
    assert_eq!(text, expected);
    assert!(table::text(&machine(), Size::Smoke, &lines).contains("Size smoke: too small"));
    let busy = Machine { load_average: 3.0, ..machine() };
    assert!(table::text(&busy, Size::Full, &lines).contains("The machine was busy"));
}

#[test]
fn json_has_every_line_with_its_verdict() {
    let lines = [line(5.0, 10.0).asked(Goal::AtLeast(0.6)), Line::broken("reads", "no disk")];
    let value = table::json("log", &machine(), Size::Medium, &lines);
    assert_eq!(value["bench"], "log");
    assert_eq!(value["size"], "medium");
    assert_eq!(value["machine"]["cores"], 2);
    let expected = json!({
        "row": "r", "figure": "appends", "unit": "/s", "ours": 5.0, "beside": "the limit", "other": 10.0,
        "ratio": 0.5, "goal": {"at_least": 0.6}, "reached": false, "not_measured": null, "notes": [],
    });
    assert_eq!(value["lines"][0], expected);
    assert_eq!(value["lines"][1]["not_measured"], "failed: no disk");
    assert_eq!(value["lines"][1]["reached"], json!(null));
}

#[test]
fn a_page_is_filled_between_the_markers_of_a_bench_and_nowhere_else() {
    let page = |log: &str, find: &str| {
        let place = |bench: &str, text: &str| {
            format!(
                "<!-- begin: written by `cargo xtask bench {bench} --write` -->\n{text}\n<!-- end -->\n"
            )
        };
        format!("above\n\n{}\nbetween\n\n{}\nbelow\n", place("log", log), place("find", find))
    };
    let check = |bench, filled: String| {
        assert_eq!(table::fill(&page("old", "old"), bench, "THE TABLE\n").unwrap(), filled);
        assert!(table::fill(include_str!("../../../../docs/performance.md"), bench, "").is_ok());
    };
    check("log", page("\nTHE TABLE\n", "old"));
    check("find", page("old", "\nTHE TABLE\n"));
    let refused = table::fill("# A page without a place", "log", "").unwrap_err();
    assert!(refused.contains("begin: written by"));
}

#[test]
fn numbers_keep_three_digits() {
    let check = |value, text| assert_eq!(table::number(value), text);
    check(0.11449, "0.114");
    check(1.006, "1.01");
    check(56.78, "56.8");
    check(999.4, "999");
    check(1_234_567.8, "1,234,568");
}

#[test]
fn cores_are_shared_in_halves() {
    let check = |list, shares: Option<(&str, &str)>| {
        let found = halves(&numbers(list));
        assert_eq!(found.as_ref().map(|(a, b)| (a.as_str(), b.as_str())), shares, "{list}");
    };
    check("0-1", Some(("0", "1")));
    check("2,4-5", Some(("2", "4,5")));
    check("0-7", Some(("0,1,2,3", "4,5,6,7")));
    check("3", None);
    check("", None);
}

#[test]
fn what_programs_print_is_read_and_nothing_is_made_up() {
    let rates = "events 5, 2 in flight\ngraven, in process       94123 events/s\nratio   0.21\n";
    assert_eq!(rate_of(rates, "graven, in process"), Some(94_123.0));
    assert_eq!(rate_of(rates, "hash, write, flush only"), None);
    let table = "frame KiB | way\n   4 | fdatasync |  189 | 9 |\n   4 | direct |  179 | 9 |\n  64 | direct | 5 | 9 |\n";
    assert_eq!(raw_p50_us(table), Some(179.0));
    assert_eq!(raw_p50_us("64 | direct | 5 | 9 |"), None);
    let good = "number of failed transactions: 0 (0.000%)\ntps = 812.5 (without initial connection time)\n";
    assert_eq!(parse_pgbench(good), Some(812.5));
    assert_eq!(parse_pgbench(&good.replace(": 0 ", ": 3 ")), None);
    assert_eq!(parse_pgbench("pgbench: error"), None);
}

#[test]
fn a_load_says_who_was_the_bound() {
    let mut line = json!({"events": 1000, "elapsed_s": 2.0, "per_s": 500.0, "p50_us": 7, "p99_us": 9,
        "cpu_s": 1.0, "busy": 0, "marks_s": [0.5, 2.0]});
    let loaded = Loaded::parse(&line, 1.8).unwrap();
    assert_eq!(loaded.bound(), "server 90 % of a core (1800.0 µs an event), load 50 %");
    line["busy"] = json!(3);
    let busy = Loaded::parse(&line, 1.8).unwrap();
    assert!(busy.bound().ends_with(", 3 answers 429"));
    assert_eq!(loaded.marks_s, [0.5, 2.0]);
    assert!(Loaded::parse(&json!({"events": 1000}), 1.8).is_err());
}

#[test]
fn every_row_has_its_own_name_and_stands_in_the_page() {
    let page = include_str!("../../../../docs/performance.md");
    let rows: Vec<&Row> = ROWS.iter().chain(ACCESS_ROWS).chain(FIND_ROWS).collect();
    for (place, Row { name, .. }) in rows.iter().enumerate() {
        assert!(rows[..place].iter().all(|other| other.name != *name), "two rows `{name}`");
        assert!(page.contains(&format!("| `{name}` |")), "docs/performance.md has no row `{name}`");
    }
}

#[test]
fn a_query_is_asked_of_a_table_as_of_the_index() {
    let check = |name: &str, query: &str, condition: Option<&str>| {
        let sql = condition.map(|condition| {
            format!("SELECT index FROM entries WHERE {condition} ORDER BY index DESC LIMIT 100")
        });
        assert_eq!(sql_of(name, query), sql, "{name}");
    };
    check("hot actor", "actor:u-1", Some("actor = 'u-1'"));
    check("rare actor", "actor:o'x:y", Some("actor = 'o''x:y'"));
    check("target", "target:invoice/1", Some("target = 'invoice/1'"));
    check(
        "action + time",
        "action:a.b since:2026-10-01 until:2026-10-05",
        Some("action = 'a.b' AND time >= '2026-10-01Z' AND time < '2026-10-05Z'"),
    );
    check(
        "word AND word",
        "customer booking",
        Some("to_tsvector('simple', event) @@ to_tsquery('simple', 'customer & booking')"),
    );
    check("phrase", "\"the customer\"", None);
}

#[test]
fn what_postgres_says_of_its_time_is_read() {
    let told = "Limit (actual rows=3 loops=1)\n Planning Time: 0.5 ms\n Execution Time: 0.037 ms\nExecution Time: 12.5 ms\n";
    assert_eq!(told_us("Execution Time", told), [37.0, 12_500.0]);
    assert_eq!(told_us("Planning Time", told), [500.0]);
    assert!(told_us("Execution Time", "ERROR: no").is_empty());
}

#[test]
fn quick_queries_are_asked_more_often() {
    assert_eq!(asked(2_000_000.0), 15);
    assert_eq!(asked(1_000.0), 20);
    assert_eq!(asked(20.0), 501);
    assert_eq!(asked(0.0), 501);
}

#[test]
fn the_follower_that_is_farthest_behind_counts() {
    let one = "# HELP graven_index_lag x\ngraven_index_lag{log=\"main\"} 5\ngraven_index_lag{log=\"system\"} 12\n";
    let both = format!("{one}graven_columns_lag{{log=\"main\"}} 7\n");
    assert_eq!(lag_of(&both), Some(7));
    assert_eq!(lag_of(one), None, "a follower has not begun");
    assert_eq!(lag_of(&both.replace(" 7", " -")), None);
}
