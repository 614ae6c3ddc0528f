//! Tests of what becomes of accesses on their way into `system`.

use log::{Cell, CellOptions, Env};
use serde_json::Value;
use tempfile::TempDir;

use super::{Access, Outcome, Records};
use crate::limits::{RECORD_QUERIES_MAX, RECORD_RANGES_MAX, RECORDS_MAX};

/// Records of a cell of their own, and the cell's place.
struct World {
    records: Records,
    cell: Cell,
    _dir: TempDir,
}

impl World {
    fn new() -> World {
        let dir = TempDir::new().unwrap();
        let options = CellOptions::new(dir.path().join("data"));
        let (cell, _) = Cell::open(Env::real(), options).unwrap();
        World { records: Records::new(cell.clone(), false), cell, _dir: dir }
    }

    /// Writes what waits, and gives what was added to `system` of it.
    fn write(&self) -> Vec<Value> {
        let system = self.cell.log("system").unwrap();
        let before = system.info().size.0;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.records.write());
        let entries = (before..system.info().size.0).map(|index| {
            let entry = system.entry(graven_merkle::LeafIndex(index)).unwrap();
            let event = graven_entry::Entry::parse(&entry).unwrap().event.to_vec();
            graven_entry::check_event(&event).expect("an event that verifiers take");
            serde_json::from_slice(&event).unwrap()
        });
        let own = |event: &Value| event["action"] != "graven.log";
        entries.filter(own).collect()
    }
}

fn access(actor: &str, outcome: Outcome) -> Access {
    Access {
        actor: actor.to_owned(),
        action: "graven.read",
        outcome,
        target: ("log", "main".to_owned()),
        reason: None,
        detail: "getEntry",
        address: [192, 0, 2, 1].into(),
    }
}

#[test]
fn accesses_of_one_kind_are_one_entry_with_all_that_was_shown() {
    let world = World::new();
    for range in [0..1, 1..2, 7..9] {
        world.records.add(access("a", Outcome::Success), 1, Some(range));
    }
    world.records.add(access("b", Outcome::Success), 1, Some(4..5));
    world.records.add(
        Access { reason: Some("audit".into()), ..access("a", Outcome::Success) },
        1,
        None,
    );
    world.records.add(access("a", Outcome::Denied), 1, None);
    let told = world.write();
    let rows: Vec<String> = told
        .iter()
        .map(|event| {
            format!(
                "{} {} {} {} {}",
                event["actor"]["id"],
                event["outcome"],
                event["reason"],
                event["data"]["requests"],
                event["data"]["entries"]
            )
        })
        .collect();
    let expected = [
        r#""a" "success" null 3 [[0,2],[7,9]]"#,
        r#""a" "success" "audit" 1 null"#,
        r#""a" "denied" null 1 null"#,
        r#""b" "success" null 1 [[4,5]]"#,
    ];
    assert_eq!(rows, expected);
    assert_eq!(told[0]["data"]["results"], 4);
    assert_eq!(told[0]["context"]["ip"], "192.0.2.1");
    assert!(world.write().is_empty(), "told once");
    world.cell.stop();
}

#[test]
fn what_does_not_fit_one_entry_goes_into_the_next() {
    let world = World::new();
    let ranges = RECORD_RANGES_MAX as u64 + 3;
    for number in 0..ranges {
        world.records.add(access("a", Outcome::Success), 1, Some(number * 2..number * 2 + 1));
    }
    let told = world.write();
    let count = |event: &Value| event["data"]["entries"].as_array().map_or(0, Vec::len) as u64;
    assert_eq!(told.iter().map(count).sum::<u64>(), ranges);
    assert_eq!(told.len(), 2);
    world.cell.stop();
}

#[test]
fn what_waits_is_bounded_and_nothing_of_it_is_silent() {
    let world = World::new();
    for number in 0..RECORDS_MAX {
        assert_eq!(world.records.check_room(), Ok(()));
        world.records.add(access(&number.to_string(), Outcome::Denied), 1, None);
    }
    let refusal = world.records.check_room().unwrap_err();
    assert_eq!(refusal.code, append::Code::Busy);
    world.records.add(access("more", Outcome::Denied), 1, None);
    world.records.add(access("0", Outcome::Denied), 1, None);
    let told = world.write();
    assert_eq!(told.len(), RECORDS_MAX + 1);
    let requests = |event: &Value| event["data"]["requests"].as_u64().unwrap();
    assert_eq!(told.iter().map(requests).sum::<u64>(), RECORDS_MAX as u64 + 2);
    assert_eq!(world.records.check_room(), Ok(()));
    world.cell.stop();
}

#[test]
fn what_the_log_does_not_take_goes_on_waiting() {
    let world = World::new();
    world.cell.stop();
    world.records.add(access("a", Outcome::Success), 1, None);
    assert!(world.write().is_empty());
    assert_eq!(world.records.lock().full.len(), 1);
}

#[test]
fn one_entry_tells_of_so_many_queries_and_each_once() {
    let world = World::new();
    for number in 0..=RECORD_QUERIES_MAX {
        for _ in 0..2 {
            let search = Access { action: "graven.search", ..access("a", Outcome::Success) };
            world.records.add_search(search, 3, &format!("q{number}"));
        }
    }
    let told = world.write();
    let queries = |event: &Value| event["data"]["queries"].as_array().map_or(0, Vec::len);
    assert_eq!(told.iter().map(queries).collect::<Vec<_>>(), [RECORD_QUERIES_MAX, 2], "{told:?}");
    let results = told.iter().filter_map(|event| event["data"]["results"].as_u64());
    assert_eq!(results.sum::<u64>(), 2 * 3 * (RECORD_QUERIES_MAX as u64 + 1));
}
