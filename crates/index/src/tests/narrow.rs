//! What a reader may not see changes no answer: two logs that differ in nothing else give the same, to the last count.

use graven_merkle::LeafIndex;
use log::ReadError;

use super::made::{Random, START_NS, event, query};
use super::source::{ALL, Entries, indexed};
use crate::query::{Ast, parse};
use crate::state::{Ask, At};
use crate::{Index, Request, Source, Suggest, Walk};

/// Only such entries may be seen.
const SCOPE: &str = "event.seen:yes";
const NOW_NS: u64 = START_NS + 100_000 * 1_000_000_000;
const COUNT: u64 = 600;
/// Every third entry may be seen.
const EVERY: u64 = 3;

/// A log whose entries that may be seen are the same whatever `hidden` makes the others of.
fn made(hidden: &dyn Fn(&mut Random, u64) -> String) -> (tempfile::TempDir, Entries, Index) {
    let (source, mut shown, mut random) = (Entries::new(), Random(7), Random(8));
    for index in 0..COUNT {
        if index.is_multiple_of(EVERY) {
            let event = event(&mut shown).replacen('{', r#"{"seen":"yes","#, 1);
            source.push(&event);
        } else {
            source.push(&hidden(&mut random, index));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let index = indexed(folder.path(), &source);
    (folder, source, index)
}

/// All that a reader can ask an index for, as text.
fn answers(source: &Entries, index: &Index) -> Vec<String> {
    let scope = parse(SCOPE).unwrap();
    let mut all = Vec::new();
    for seed in 0..300 {
        let mut random = Random(seed);
        let text = query(&mut random, 2);
        let query = parse(&text).unwrap();
        let limit = 1 + random.below(50);
        let request =
            Request { query: &query, scope: &scope, now_ns: NOW_NS, limit, page: None, want: ALL };
        all.push(format!("{text}: {:?}", index.search(&request)));
        let walk = Walk { query: &query, scope: &scope, now_ns: NOW_NS, range: 0..u64::MAX, limit };
        all.push(format!("{text}: {:?}", index.walk(&walk)));
    }
    for (field, begin) in [
        ("actor", ""),
        ("actor", "a"),
        ("action", "i"),
        ("target", ""),
        ("trace", "t"),
        ("trace", "0193b2c4-7"),
    ] {
        let what = Suggest::Value { field, begin };
        all.push(format!("{field}:{begin}* {:?}", index.suggest(what, &scope, NOW_NS)));
    }
    for begin in ["", "data.", "c"] {
        all.push(format!("{begin}* {:?}", index.names(begin, &scope, NOW_NS)));
    }
    let read = |indexes: &[LeafIndex]| -> Result<Vec<Vec<u8>>, ReadError> {
        indexes.iter().map(|index| Source::entry(source, *index)).collect()
    };
    for target in ["invoice/1", "invoice/3", "customer/2", "2", "nothing"] {
        for at in [None, Some(At::Index(LeafIndex(COUNT / 2)))] {
            let ask = Ask { target, scope: &scope, from: LeafIndex(0), at };
            all.push(format!("{target}: {:?}", index.history(&ask, 20, &read)));
            all.push(format!("{target}: {:?}", index.state(&ask, &read)));
            let earlier = At::Index(LeafIndex(COUNT / 4));
            all.push(format!("{target}: {:?}", index.compare(&ask, earlier, &read)));
        }
    }
    all
}

#[test]
fn what_is_hidden_changes_no_answer() {
    let (_folder, source, index) = made(&|_, _| r#"{"actor":{},"action":"x"}"#.to_owned());
    let expected = answers(&source, &index);
    let check = |name: &str, hidden: &dyn Fn(&mut Random, u64) -> String| {
        let (_folder, source, index) = made(hidden);
        for (given, expected) in answers(&source, &index).iter().zip(&expected) {
            assert_eq!(given, expected, "with hidden entries {name}");
        }
        // They are there: whoever may see all finds them.
        let request = Request {
            query: &Ast::All,
            scope: &Ast::All,
            now_ns: NOW_NS,
            limit: 0,
            page: None,
            want: ALL,
        };
        assert_eq!(index.search(&request).unwrap().total, Some(COUNT));
    };
    check("like the others", &|random, _| event(random));
    // Values that come before all that may be seen, more than a completion looks at where it may see all.
    check("with values of their own", &|_, index| {
        let ids: Vec<String> = (0..5).map(|n| format!(r#""a{:05}""#, index * 5 + n)).collect();
        let ids = ids.join(",");
        format!(
            r#"{{"actor":{{"id":[{ids}]}},"action":[{ids}],"target":[{ids}],"context":{{"trace_id":[{ids}]}},"aa{index}":1}}"#
        )
    });
    check("about the same resources", &|random, index| {
        let target = random.pick(&["invoice/1", "invoice/3", "customer/2", "2"]);
        let action = random.pick(&["x.delete", "x.create", "x"]);
        format!(
            r#"{{"actor":{{"id":"eve"}},"action":"{action}","target":"{target}","changes":{{"_sd":["d"],"amount":{{"after":{index}}},"h{index}":{{"after":1}}}}}}"#
        )
    });
}
