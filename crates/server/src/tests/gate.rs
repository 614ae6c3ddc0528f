//! Tests of the replay: nobody is let in on the word of entries that are not those of the log.

use log::{Cell, CellOptions, Env};
use tempfile::TempDir;

use super::{GateError, LeafIndex, Standing, replay_entries};

#[test]
fn entries_that_are_not_the_log_s_give_nobody_a_right() {
    let dir = TempDir::new().unwrap();
    let options = CellOptions::new(dir.path().join("data"));
    let (cell, _) = Cell::open(Env::real(), options).unwrap();
    let event = br#"{"actor":{"id":"admin"},"action":"graven.grant","outcome":"success","target":{"id":"admin"},"data":{"op":"add","role":"reader"}}"#;
    cell.record(vec![event.to_vec()]).unwrap().wait().unwrap();
    let system = cell.log("system").unwrap();
    let info = system.info();
    let entries: Vec<Vec<u8>> =
        (0..info.size.0).map(|index| system.entry(LeafIndex(index)).unwrap()).collect();
    let check = |entries: Vec<Vec<u8>>, is_good: bool| {
        let entries = entries.into_iter().map(Ok);
        let result = replay_entries("system", entries, &info.root, &mut Standing::default());
        assert_eq!(result.is_ok(), is_good, "{result:?}");
        assert!(is_good || matches!(result, Err(GateError::Changed { .. })));
    };
    check(entries.clone(), true);
    let mut raised = entries.clone();
    let last = raised.last_mut().unwrap();
    *last = String::from_utf8(last.clone()).unwrap().replace("reader", "writer").into_bytes();
    check(raised, false);
    check(entries[..entries.len() - 1].to_vec(), false);
    check([entries.clone(), entries[1..2].to_vec()].concat(), false);
    cell.stop();
}
