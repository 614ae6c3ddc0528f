//! Over a real log: what was appended is what the tables say.

use std::path::Path;
use std::sync::Arc;

use ::log::{Cell, CellOptions, Env, LogHandle, Writer};
use append::{Batch, StreamClaim};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use env::RealDisk;
use graven_entry::{AuthMethod, Grade, Name};
use serde_json::{Value, json};

use super::{all_rows, follow, rows};
use crate::Columns;

fn append(log: &LogHandle, stream: Option<&str>, from: u64, count: u64) {
    let writer = Writer {
        id: Name::new("billing").unwrap(),
        auth: AuthMethod::new("token").unwrap(),
        grade: Grade::Asserted,
    };
    let event = |n: u64| {
        format!(
            r#"{{"id":"e{n}","actor":{{"type":"user","id":"u{}"}},"action":"a.b","changes":{{"f":{{"after":{n}}}}}}}"#,
            n % 3
        )
    };
    let mut batch = Batch::of((from..from + count).map(|n| event(n).into_bytes()).collect());
    batch.stream = stream.map(|name| StreamClaim { name: name.to_owned(), first_seq: None });
    log.submit(&writer, batch).unwrap().wait().unwrap();
}

fn open(dir: &Path, log: &LogHandle) -> Arc<Columns> {
    let origin = log.info().origin;
    let columns = Columns::open(Arc::new(RealDisk), dir, &origin, Arc::new(log.clone())).unwrap();
    follow(&columns, log.size());
    Arc::new(columns)
}

#[test]
fn the_tables_say_what_the_log_holds() {
    let place = tempfile::tempdir().unwrap();
    let (cell, _) = Cell::open(Env::real(), CellOptions::new(place.path().join("data"))).unwrap();
    let log = cell.log("main").unwrap();
    let before = log.size().0;
    append(&log, None, 0, 20);
    append(&log, Some("db/main"), 20, 10);
    let lake = place.path().join("data/derived/main/lake");
    let columns = open(&lake, &log);
    let check = |text: &str, expected: Value| assert_eq!(rows(&columns, text), expected, "{text}");
    let size = log.size().0;
    check("SELECT count(*) FROM events", json!([[size]]));
    check("SELECT count(*) FROM events WHERE is_own", json!([[before]]));
    check("SELECT action FROM events WHERE index = 0", json!([["graven.log"]]));
    check("SELECT stream, seq FROM events WHERE id = 'e29'", json!([["db/main", 9]]));
    check("SELECT stream, next_seq FROM streams", json!([["db/main", 10]]));
    check("SELECT size FROM checkpoints", json!([[size]]));
    let root = STANDARD.encode(log.info().root.as_bytes());
    check("SELECT root FROM checkpoints", json!([[root]]));
    let last = graven_merkle::LeafIndex(size - 1);
    let bytes = STANDARD.encode(log.entry(last).unwrap());
    check(&format!("SELECT bytes FROM entries WHERE index = {last}"), json!([[bytes]]));
    // Unloading moves the entries under the source, not under the answers.
    let expected = all_rows(&columns);
    cell.unload().unwrap();
    std::fs::remove_dir_all(&lake).unwrap();
    assert_eq!(all_rows(&open(&lake, &log)), expected);
    cell.stop();
}
