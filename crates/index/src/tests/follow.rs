//! Following: no gap and no double over any stop, nothing uncommitted shown, and what cannot be trusted built anew.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use append::Batch;
use graven_entry::{AuthMethod, Grade, Name};
use graven_merkle::{LeafIndex, TreeSize};
use log::{Cell, CellOptions, Env};

use super::made::{Random, START_NS, query};
use super::source::{Entries, FOLLOWERS, PATIENCE, every_page, follow, indexed, wait};
use crate::query::{Ast, parse};
use crate::{Answer, Derived, Index, Progress, Source};

/// Answers to many queries: what two indexes of one log must have in common.
fn answers(index: &Index) -> Vec<(Vec<u64>, Answer)> {
    let texts = (0..60).map(|seed| query(&mut Random(seed), 2));
    let each = texts.map(|text| {
        let ast = parse(&text).unwrap();
        every_page(index, (&ast, &Ast::All), START_NS + 100_000_000_000_000, 100)
    });
    each.collect()
}

#[test]
fn an_index_deleted_and_built_again_answers_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::made(3, 700);
    let before = answers(&indexed(folder.path(), &source));
    fs::remove_dir_all(folder.path().join("search")).unwrap();
    assert_eq!(answers(&indexed(folder.path(), &source)), before);
}

/// The writer is dropped at any moment, with entries taken and not committed, as a crash would leave it.
#[test]
fn no_crash_makes_a_gap_or_a_double() {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::made(4, 600);
    for seed in 0..12 {
        let mut random = Random(seed);
        let index = Index::open(folder.path(), &source.origin).unwrap();
        let mut writer = index.writer();
        assert_eq!(writer.cursor().next, index.indexed_through(), "seed {seed}");
        for _ in 0..random.below(90) {
            let next = LeafIndex(writer.cursor().next.0);
            let Ok(entry) = source.entry(next) else { break };
            writer.take(next, &entry).unwrap();
            if random.below(20) == 0 {
                writer.commit().unwrap();
            }
        }
        let shown = index.indexed_through().0;
        let (found, _) = every_page(&index, (&Ast::All, &Ast::All), 0, 1_000);
        assert_eq!(found, (0..shown).rev().collect::<Vec<_>>(), "seed {seed}");
    }
    let index = indexed(folder.path(), &source);
    let (found, _) = every_page(&index, (&Ast::All, &Ast::All), 0, 1_000);
    assert_eq!(found, (0..600).rev().collect::<Vec<_>>());
    let fresh = tempfile::tempdir().unwrap();
    assert_eq!(answers(&index), answers(&indexed(fresh.path(), &source)));
}

/// Entries that the log has not committed are not shown, and not waited for for ever.
#[test]
fn what_is_not_committed_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::made(5, 10);
    let index = Index::open(folder.path(), &source.origin).unwrap();
    let reports: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let keep = Arc::clone(&reports);
    let on_progress = Box::new(move |now: &Progress| keep.lock().unwrap().push(now.clone()));
    let followed = index.clone();
    let open = move || Ok(followed.writer());
    let follower = FOLLOWERS.follow(source.clone(), open, on_progress);
    source.push_uncommitted(r#"{"actor":{"id":"early"},"action":"a"}"#);
    wait(&index, 10);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let patience = std::time::Duration::from_millis(300);
    assert!(!runtime.block_on(index.wait(LeafIndex(10), patience)));
    let early = parse("actor:early").unwrap();
    assert_eq!(every_page(&index, (&early, &Ast::All), 0, 9).0, [0_u64; 0]);
    source.commit();
    wait(&index, 11);
    assert_eq!(every_page(&index, (&early, &Ast::All), 0, 9).0, [10]);
    follower.stop();
    let reports = reports.lock().unwrap();
    assert!(reports.windows(2).all(|two| two[0].through <= two[1].through), "{reports:?}");
    assert!(reports.iter().any(|now| now.lag() > 0), "{reports:?}");
    assert_eq!(reports.last().map(|now| (now.through.0, now.lag())), Some((11, 0)));
}

/// Eight small commits are merged after the last of them: a log to which nothing comes any more is searched in what the merge left.
#[test]
fn an_index_at_rest_is_searched_in_what_merges_left() {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::made(4, 800);
    let index = Index::open(folder.path(), &source.origin).unwrap();
    let mut writer = index.writer();
    for (number, entry) in (0..).zip(source.all()) {
        writer.take(LeafIndex(number), &entry).unwrap();
        if number % 100 == 99 {
            writer.commit().unwrap();
        }
    }
    writer.rest().unwrap();
    assert_eq!(index.snapshot().segments.len(), 1);
    assert_eq!(index.indexed_through(), TreeSize(800));
    drop((writer, index));
    let again = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path(), &source.origin).unwrap();
    assert_eq!(answers(&index), answers(&indexed(again.path(), &source)));
}

/// Waits until a follower has set the index in `folder` aside.
fn await_set_aside(folder: &Path) {
    let aside = folder.join("search.set-aside/meta.json");
    let start = std::time::Instant::now();
    while !aside.exists() {
        assert!(start.elapsed() < PATIENCE, "not set aside after {PATIENCE:?}");
        std::thread::yield_now();
    }
}

/// Whether the index in `folder` was set aside, and answers as a new one does.
fn check_rebuilt(folder: &Path, source: &Entries) {
    let index = indexed(folder, source);
    assert!(folder.join("search.set-aside/meta.json").exists(), "nothing was set aside");
    let fresh = tempfile::tempdir().unwrap();
    assert_eq!(answers(&index), answers(&indexed(fresh.path(), source)));
}

#[test]
fn an_index_of_another_log_or_format_is_set_aside() {
    let source = Entries::made(6, 50);
    let mut other = Entries::made(8, 70);
    other.origin = Name::origin("other.example/log").unwrap();
    let folder = tempfile::tempdir().unwrap();
    indexed(folder.path(), &other);
    check_rebuilt(folder.path(), &source);
    let folder = tempfile::tempdir().unwrap();
    indexed(folder.path(), &source);
    let meta = folder.path().join("search/meta.json");
    let text = fs::read_to_string(&meta).unwrap();
    let changed = text.replace(r#"\"format\":4,"#, r#"\"format\":999,"#);
    assert_ne!(changed, text);
    fs::write(&meta, changed).unwrap();
    check_rebuilt(folder.path(), &source);
}

/// A store from a backup has fewer entries, and then others: the index of what was there before does not stay.
#[test]
fn an_index_of_another_history_is_set_aside() {
    for (size, seed) in [(30, 9), (60, 10)] {
        let folder = tempfile::tempdir().unwrap();
        indexed(folder.path(), &Entries::made(9, 50));
        let restored = Entries::made(seed, size);
        let index = Index::open(folder.path(), &restored.origin).unwrap();
        let follower = follow(&index, &restored);
        await_set_aside(folder.path());
        // Once it has stopped, what was shown before is not any more.
        follower.stop();
        check_rebuilt(folder.path(), &restored);
    }
}

/// A flipped bit in any file of a segment, or a file cut short or gone, is found when the index is opened.
#[test]
fn a_damaged_file_is_found_and_the_index_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::made(11, 200);
    indexed(folder.path(), &source);
    let segment_file = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.len() > 32
    };
    let all = fs::read_dir(folder.path().join("search")).unwrap().map(|file| file.unwrap().path());
    let names: Vec<String> = all
        .filter(|path| segment_file(path))
        .map(|path| path.extension().unwrap().to_string_lossy().into_owned())
        .collect();
    assert!(names.len() >= 5, "{names:?}");
    for (number, extension) in names.iter().enumerate() {
        let files =
            fs::read_dir(folder.path().join("search")).unwrap().map(|file| file.unwrap().path());
        let path = files
            .into_iter()
            .find(|path| path.extension().is_some_and(|e| *e == **extension))
            .unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        if number % 3 == 0 {
            bytes.truncate(middle);
        } else {
            bytes[middle] ^= 4;
        }
        fs::write(&path, bytes).unwrap();
        check_rebuilt(folder.path(), &source);
        fs::remove_dir_all(folder.path().join("search.set-aside")).unwrap();
    }
    fs::remove_file(folder.path().join("search/meta.json")).unwrap();
    let index = indexed(folder.path(), &source);
    assert_eq!(index.indexed_through().0, 200);
}

/// Damage that a search finds has the running follower build the index anew.
#[test]
fn damage_found_by_a_search_has_the_index_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let source = Entries::made(12, 100);
    let index = indexed(folder.path(), &source);
    let before = answers(&index);
    let follower = follow(&index, &source);
    while follower.progress().through.0 < 100 {
        std::thread::yield_now();
    }
    // By now it waits for the log to grow.
    index.report_damage();
    follower.nudge();
    await_set_aside(folder.path());
    // Once it has stopped, what was shown before is not any more.
    follower.stop();
    let follower = follow(&index, &source);
    wait(&index, 100);
    follower.stop();
    assert_eq!(answers(&index), before);
}

/// The log itself as source, over restarts of both.
#[test]
fn a_log_is_followed_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let (data, derived) = (folder.path().join("data"), folder.path().join("derived"));
    let (auth, grade) = (AuthMethod::new("token").unwrap(), Grade::Asserted);
    let writer = log::Writer { id: Name::new("test").unwrap(), auth, grade };
    for round in 0..3 {
        let (cell, _) = Cell::open(Env::real(), CellOptions::new(&data)).unwrap();
        let log = cell.log("main").unwrap();
        let index = Index::open(&derived, &log.info().origin).unwrap();
        let followed = index.clone();
        let open = move || Ok(followed.writer());
        let follower = FOLLOWERS.follow(log.clone(), open, Box::new(|_| {}));
        for _ in 0..5 {
            let event = format!(r#"{{"actor":{{"id":"user-{round}"}},"action":"a.b"}}"#);
            let batch = Batch::of(vec![event.into_bytes(); 40]);
            log.submit(&writer, batch).unwrap().wait().unwrap();
        }
        let size = log.info().size.0;
        wait(&index, size);
        let found = |text: &str| every_page(&index, (&parse(text).unwrap(), &Ast::All), 0, 64).0;
        assert_eq!(found(&format!("actor:user-{round}")).len(), 200);
        assert_eq!(found("*"), (0..size).rev().collect::<Vec<_>>());
        assert_eq!(found("action:graven.log"), [0]);
        follower.stop();
        cell.stop();
    }
}
