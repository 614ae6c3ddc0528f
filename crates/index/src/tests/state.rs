//! The state of resources: the conventions one by one, and made entries against a fold over all of them.

use std::collections::BTreeMap;

use graven_entry::Entry;
use graven_merkle::LeafIndex;
use log::ReadError;
use serde_json::{Value, json};

use super::made::{Random, START_NS, entry};
use super::source::{Entries, indexed};
use crate::query::{Ast, parse};
use crate::state::{Ask, At, Life, State, Version};
use crate::{Index, Request, Source, Want};

/// What a state is shown as: each field with its value and the index of the entry that set it.
fn shown(state: &State) -> Value {
    let fields = state.values().map(|(name, value, by)| {
        let value: Value = serde_json::from_slice(value).unwrap();
        (name.to_owned(), json!([value, by.index.0]))
    });
    Value::Object(fields.collect())
}

/// Folds events of `invoice/1`, given without actor and target.
fn folded(events: &[&str]) -> State {
    let mut state = State::new();
    for (index, event) in (0..).zip(events) {
        let event = format!(r#"{{"actor":"a","target":{{"type":"invoice","id":1}},{event}}}"#);
        let bytes = entry(index, &event);
        let version =
            Version::of(&Entry::parse(&bytes).unwrap(), "invoice/1").expect("it is named");
        state.apply(&version).unwrap();
    }
    state
}

const SET: &str = r#""action":"invoice.create","changes":{"n":{"after":1},"s":{"after":"x"}}"#;

#[test]
fn each_convention_of_the_fold() {
    let check = |events: &[&str], life: Life, expected: Value| {
        let state = folded(events);
        assert_eq!((state.life, shown(&state)), (life, expected), "{events:?}");
    };
    let both = json!({"n": [1, 0], "s": ["x", 0]});
    check(&[SET], Life::Begun, both.clone());
    // What is read changes nothing, and what fails neither.
    check(&[r#""action":"invoice.view""#], Life::Unsaid, json!({}));
    check(&[SET, r#""action":"invoice.view""#], Life::Begun, both.clone());
    for outcome in ["failure", "denied", "unknown", "anything"] {
        let event = format!(
            r#""action":"invoice.update","outcome":"{outcome}","changes":{{"n":{{"after":2}}}}"#
        );
        check(&[SET, &event], Life::Begun, both.clone());
        let event = format!(r#""action":"invoice.delete","outcome":"{outcome}""#);
        check(&[SET, &event], Life::Begun, both.clone());
    }
    let change = |change: &str| format!(r#""action":"i.u","outcome":"success","changes":{change}"#);
    let rows = [
        (r#"{"n":{"before":1,"after":2.0}}"#, json!({"n": [2.0, 1], "s": ["x", 0]})),
        (r#"{"n":{"before":7,"after":1}}"#, json!({"n": [1, 1], "s": ["x", 0]})),
        (r#"{"n":{"before":1,"after":null}}"#, json!({"s": ["x", 0]})),
        (r#"{"n":{"before":1}}"#, json!({"s": ["x", 0]})),
        (r#"{"n":{"after":null}}"#, json!({"s": ["x", 0]})),
        (r#"{"n":{"after":{"_sd":["d"]}}}"#, json!({"n": [{"_sd": ["d"]}, 1], "s": ["x", 0]})),
        (r#"{"n":{"_sd":["d"]}}"#, json!({"n": [{"_sd": ["d"]}, 1], "s": ["x", 0]})),
        (r#"{"n":{"before":1,"_sd":["d"]}}"#, json!({"n": [{"_sd": ["d"]}, 1], "s": ["x", 0]})),
        (r#"{"n":{"after":3,"_sd":["d"]}}"#, json!({"n": [3, 1], "s": ["x", 0]})),
        // Not of the form: left alone.
        (r#"{"n":5}"#, both.clone()),
        (r#"{"n":{}}"#, both.clone()),
        (r#"{"n":{"_sd":[]}}"#, both.clone()),
        (r#"["n"]"#, both.clone()),
    ];
    for (changes, expected) in rows {
        check(&[SET, &change(changes)], Life::Begun, expected);
    }
    let hidden = folded(&[SET, &change(r#"{"_sd":["d","e"],"n":{"after":2}}"#)]);
    assert_eq!((hidden.hidden, shown(&hidden)), (2, json!({"n": [2, 1], "s": ["x", 0]})));
}

#[test]
fn what_ends_a_resource_and_what_begins_it_again() {
    let check = |events: &[&str], life: Life, expected: Value| {
        let state = folded(&[&[SET][..], events].concat());
        assert_eq!((state.life, shown(&state)), (life, expected), "{events:?}");
    };
    let deleted = r#""action":"invoice.delete""#;
    for action in ["invoice.delete", "invoice.remove", "delete", "a.b.remove"] {
        check(&[&format!(r#""action":"{action}""#)], Life::Ended, json!({}));
    }
    let both = json!({"n": [1, 0], "s": ["x", 0]});
    for action in ["invoice.deleted", "invoice.undelete", "remove.invoice", "invoice.delete.undo"] {
        check(&[&format!(r#""action":"{action}""#)], Life::Begun, both.clone());
    }
    // A database's delete says what was there before, in clear or sealed.
    for before in
        [r#"{"n":{"before":1}}"#, r#"{"n":{"before":1,"after":null}}"#, r#"{"n":{"_sd":["d"]}}"#]
    {
        check(&[&format!(r#"{deleted},"changes":{before}"#)], Life::Ended, json!({}));
    }
    // What says how a field is afterwards removes a part of the resource.
    let part = r#""action":"group.member.remove","changes":{"n":{"before":1,"after":2}}"#;
    check(&[part], Life::Begun, json!({"n": [2, 1], "s": ["x", 0]}));
    let sealed = r#""action":"group.member.remove","changes":{"n":{"_sd":["d","e"]}}"#;
    check(&[sealed], Life::Begun, json!({"n": [{"_sd": ["d", "e"]}, 1], "s": ["x", 0]}));
    let set = r#""action":"invoice.update","changes":{"n":{"after":5}}"#;
    check(&[deleted, set], Life::Begun, json!({"n": [5, 2]}));
    check(&[deleted, r#""action":"invoice.create""#], Life::Begun, json!({}));
    check(&[deleted, r#""action":"invoice.view""#], Life::Ended, json!({}));
    check(
        &[deleted, r#""action":"invoice.update","changes":{"n":{"before":1}}"#],
        Life::Ended,
        json!({}),
    );
}

#[test]
fn which_entries_name_a_resource() {
    let check = |target: &str, names: &[&str]| {
        let event = format!(r#"{{"actor":"a","action":"x","target":{target}}}"#);
        let bytes = entry(0, &event);
        let entry = Entry::parse(&bytes).unwrap();
        for name in ["invoice/1", "1", "invoice", "customer/2", "a/b/c", "1.0"] {
            let is_named = Version::of(&entry, name).is_some();
            assert_eq!(is_named, names.contains(&name), "{target} as {name}");
        }
    };
    check(r#"{"type":"invoice","id":"1"}"#, &["invoice/1"]);
    check(r#"{"type":"invoice","id":1}"#, &["invoice/1"]);
    check(r#"{"type":"invoice","id":1.0}"#, &["invoice/1"]);
    check(r#"{"id":"1"}"#, &["1"]);
    check(r#"{"id":"1.0"}"#, &["1.0"]);
    check(r#""invoice/1""#, &["invoice/1"]);
    check(r#""1""#, &["1"]);
    check(r#"{"type":"invoice"}"#, &[]);
    check(r#"{"type":"a","id":"b/c"}"#, &["a/b/c"]);
    check(r#"{"type":"a/b","id":"c"}"#, &["a/b/c"]);
    check(r#"[{"type":"invoice","id":"1"},"customer/2"]"#, &["invoice/1", "customer/2"]);
    check("7", &[]);
}

#[test]
fn a_state_over_its_limits_is_refused_by_name() {
    let fields = |first: u32, count: u32| {
        let fields: Vec<String> =
            (first..first + count).map(|n| format!(r#""f{n}":{{"after":1}}"#)).collect();
        format!(r#""action":"i.u","changes":{{{}}}"#, fields.join(","))
    };
    let apply = |events: &[String], stretch: bool| {
        let mut state = if stretch { State::stretch() } else { State::new() };
        let applied = (0..).zip(events).try_for_each(|(index, event)| {
            let event = format!(r#"{{"actor":"a","target":"t",{event}}}"#);
            let bytes = entry(index, &event);
            state.apply(&Version::of(&Entry::parse(&bytes).unwrap(), "t").unwrap())
        });
        applied.map_err(|over| (over.index.0, over.fields))
    };
    let (first, second) = (fields(0, 2_048), fields(2_048, 2_048));
    let clear: Vec<String> = (0..2_048).map(|n| format!(r#""f{n}":{{"before":1}}"#)).collect();
    let clear = format!(r#""action":"i.u","changes":{{{}}}"#, clear.join(","));
    assert_eq!(apply(&[first.clone(), second.clone()], false), Ok(()));
    let over = [first.clone(), second.clone(), fields(4_096, 1)];
    assert_eq!(apply(&over, false), Err((2, 4_097)));
    // What was taken away makes room, but where something may stand before.
    let cleared = [first.clone(), clear, second, fields(4_096, 1)];
    assert_eq!(apply(&cleared, false), Ok(()));
    assert_eq!(apply(&cleared, true), Err((3, 4_097)));
    let large: Vec<String> = (0..84)
        .map(|n| {
            format!(r#""action":"i.u","changes":{{"f{n}":{{"after":"{}"}}}}"#, "x".repeat(50_000))
        })
        .collect();
    assert_eq!(apply(&large[..83], false), Ok(()));
    assert_eq!(apply(&large, false), Err((83, 84)));
}

const TARGETS: [&str; 7] =
    ["invoice/1", "invoice/2", "customer/1", "1", "2", "list/9", "nothing/here"];
const FIELDS: [&str; 4] = ["amount", "iban", "note", "status"];
const CHANGES: [&str; 9] = [
    r#"{"before":1,"after":NUM}"#,
    r#"{"after":"NUM"}"#,
    r#"{"after":{"deep":[NUM,null]}}"#,
    r#"{"before":NUM,"after":null}"#,
    r#"{"before":NUM}"#,
    r#"{"_sd":["dNUM"]}"#,
    r#"{"_sd":["dNUM","eNUM"]}"#,
    r#"{"before":null,"_sd":["dNUM"]}"#,
    "NUM",
];
const ACTIONS: [&str; 8] = [
    "invoice.create",
    "invoice.update",
    "invoice.update",
    "invoice.update",
    "invoice.view",
    "invoice.delete",
    "customer.remove",
    "customer.member.remove",
];

/// An event of which the fold has to tell everything apart.
fn event(random: &mut Random) -> String {
    let target = match random.below(8) {
        0 => r#""invoice/1""#.to_owned(),
        1 => r#"{"id":"1"}"#.to_owned(),
        2 => r#"[{"type":"list","id":9},{"type":"invoice","id":"2"}]"#.to_owned(),
        3 => r#"{"type":"customer","id":1}"#.to_owned(),
        _ => format!(r#"{{"type":"invoice","id":"{}"}}"#, 1 + random.below(3)),
    };
    let actor = random.pick(&[r#""alice""#, r#"{"type":"user","id":"bob"}"#]);
    let action = random.pick(&ACTIONS);
    let mut event = format!(r#"{{"target":{target},"actor":{actor},"action":"{action}""#);
    if random.below(2) > 0 {
        let outcome = random.pick(&["success", "success", "failure", "denied"]);
        event.push_str(&format!(r#","outcome":"{outcome}""#));
    }
    if random.below(4) > 0 {
        let hidden = (random.below(9) == 0).then(|| r#""_sd":["h"]"#.to_owned());
        let changes: Vec<String> = FIELDS
            .iter()
            .filter_map(|field| {
                let change = random.pick(&CHANGES).replace("NUM", &random.below(9).to_string());
                (random.below(3) == 0).then(|| format!(r#""{field}":{change}"#))
            })
            .chain(hidden)
            .collect();
        event.push_str(&format!(r#","changes":{{{}}}"#, changes.join(",")));
    }
    event.push('}');
    event
}

/// The state by a fold over every entry, written without the index and without [`Version`].
#[derive(Clone, Debug, Default, PartialEq)]
struct Naive {
    fields: BTreeMap<String, (Value, u64)>,
    exists: Option<bool>,
    hidden: u64,
    last: Option<u64>,
    named_by: Vec<u64>,
}

fn is_named(event: &Value, name: &str) -> bool {
    let targets = match &event["target"] {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    targets.iter().any(|target| {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match (&target["type"], &target["id"]) {
            (Value::Null, Value::Null) => target.as_str() == Some(name),
            (Value::Null, id) => text(id) == name,
            (kind, id) => format!("{}/{}", text(kind), text(id)) == name,
        }
    })
}

impl Naive {
    fn of(events: &[Value], name: &str, range: std::ops::Range<usize>) -> Naive {
        let mut naive = Naive::default();
        for (index, event) in events.iter().enumerate() {
            if range.contains(&index) && is_named(event, name) {
                naive.named_by.push(index as u64);
                naive.take(index as u64, event);
            }
        }
        naive
    }

    fn take(&mut self, index: u64, event: &Value) {
        if !event["outcome"].is_null() && event["outcome"] != "success" {
            return;
        }
        self.last = Some(index);
        let empty = serde_json::Map::new();
        let changes = event["changes"].as_object().unwrap_or(&empty);
        let action = event["action"].as_str().unwrap();
        let count = |change: &Value| change["_sd"].as_array().map_or(0, Vec::len);
        let goes_on = changes.iter().any(|(name, change)| {
            let is_object = change.is_object() && name != "_sd";
            let sealed = count(change) > 0 && (change.get("before").is_some() || count(change) > 1);
            is_object && (!change["after"].is_null() || change.get("after").is_none() && sealed)
        });
        if (action.ends_with(".delete") || action.ends_with(".remove")) && !goes_on {
            let named_by = std::mem::take(&mut self.named_by);
            *self = Naive { exists: Some(false), last: self.last, named_by, ..Naive::default() };
            return;
        }
        if action.ends_with(".create") {
            self.exists = Some(true);
        }
        for (name, change) in changes {
            if name == "_sd" {
                self.hidden += change.as_array().unwrap().len() as u64;
                continue;
            }
            let Some(change_of) = change.as_object() else { continue };
            let value = match change_of.get("after") {
                Some(after) => after.clone(),
                None if count(change) > 0 => json!({"_sd": change["_sd"]}),
                None => Value::Null,
            };
            if value.is_null() {
                self.fields.remove(name);
            } else {
                self.exists = Some(true);
                self.fields.insert(name.clone(), (value, index));
            }
        }
    }

    fn shown(&self) -> Value {
        json!(self.fields)
    }
}

fn read(source: &Entries, indexes: &[LeafIndex]) -> Result<Vec<Vec<u8>>, ReadError> {
    indexes.iter().map(|index| Source::entry(source, *index)).collect()
}

struct World {
    _folder: tempfile::TempDir,
    index: Index,
    source: Entries,
    events: Vec<Value>,
}

impl World {
    fn made(seed: u64, count: u64) -> World {
        let (source, mut random) = (Entries::new(), Random(seed));
        let mut events = Vec::new();
        for _ in 0..count {
            let event = event(&mut random);
            source.push(&event);
            events.push(serde_json::from_str(&event).unwrap());
        }
        let folder = tempfile::tempdir().unwrap();
        let index = indexed(folder.path(), &source);
        World { _folder: folder, index, source, events }
    }

    fn read(&self) -> impl Fn(&[LeafIndex]) -> Result<Vec<Vec<u8>>, ReadError> {
        |indexes| read(&self.source, indexes)
    }

    fn state(&self, ask: Ask<'_>) -> (State, usize) {
        let folded = self.index.state(&ask, &self.read()).unwrap();
        (folded.state, folded.versions)
    }

    /// The versions, from page to page of at most so many.
    fn history(&self, mut ask: Ask<'_>, limit: usize) -> Vec<Version> {
        let mut versions = Vec::new();
        loop {
            let page = self.index.history(&ask, limit, &self.read()).unwrap();
            versions.extend(page.versions);
            match page.next {
                Some(from) => ask.from = from,
                None => return versions,
            }
        }
    }
}

fn exists(life: Life) -> Option<bool> {
    match life {
        Life::Unsaid => None,
        Life::Begun => Some(true),
        Life::Ended => Some(false),
    }
}

/// A moment among so many entries, and how many count at it.
fn moment(random: &mut Random, count: usize) -> (Option<At>, usize) {
    let index = random.below(count + count / 10);
    let ns = START_NS + index as u64 * 1_000_000_007;
    match random.below(4) {
        0 => (None, count),
        1 => (Some(At::Index(LeafIndex(index as u64))), index + 1),
        2 => (Some(At::Time(ns)), index + 1),
        _ => (Some(At::Time(ns - 1)), index),
    }
}

#[test]
fn state_history_and_difference_are_those_of_a_fold_over_all_entries() {
    let (mut begun, mut ended, mut differing) = (0, 0, 0);
    for seed in 0..4 {
        let world = World::made(seed, 500);
        let mut random = Random(seed ^ 0xff);
        for _ in 0..250 {
            let target = random.pick(&TARGETS);
            let (at, end) = moment(&mut random, world.events.len());
            let limit_max = [5, 600][random.below(2)];
            let limit = 1 + random.below(limit_max);
            let shown_as = format!("seed {seed}: {target} at {at:?} by {limit}");
            let ask = Ask { target, scope: &Ast::All, from: LeafIndex(0), at };
            let naive = Naive::of(&world.events, target, 0..end);
            let (state, versions) = world.state(ask);
            assert_eq!(shown(&state), naive.shown(), "{shown_as}");
            assert_eq!(exists(state.life), naive.exists, "{shown_as}");
            assert_eq!(state.hidden, naive.hidden, "{shown_as}");
            assert_eq!(state.last.as_ref().map(|by| by.index.0), naive.last, "{shown_as}");
            assert_eq!(versions, naive.named_by.len(), "{shown_as}");
            let listed = world.history(ask, limit);
            let indexes: Vec<u64> = listed.iter().map(|version| version.by.index.0).collect();
            assert_eq!(indexes, naive.named_by, "{shown_as}");
            begun += u32::from(!naive.fields.is_empty());
            ended += u32::from(naive.exists == Some(false));
            let from = random.below(end + 1);
            differing += check_difference(&world, (target, from, end), &shown_as);
        }
    }
    assert!(begun > 200 && ended > 50 && differing > 200, "{begun} {ended} {differing}");
}

/// The difference of the states before two entries, and that the later one is the earlier with the stretch on top.
fn check_difference(
    world: &World,
    (target, from, end): (&str, usize, usize),
    shown_as: &str,
) -> u32 {
    if from == 0 || from >= end {
        return 0;
    }
    let before = |index: usize| match from % 2 {
        0 => At::Index(LeafIndex(index as u64 - 1)),
        _ => At::Time(START_NS + (index as u64 - 1) * 1_000_000_007),
    };
    let earlier = Ask { target, scope: &Ast::All, from: LeafIndex(0), at: Some(before(from)) };
    let later = Ask { at: Some(before(end)), ..earlier };
    let stretch = Ask { from: LeafIndex(from as u64), ..later };
    let mut joined = world.state(earlier).0;
    joined.then(&world.state(stretch).0).unwrap();
    let naive = Naive::of(&world.events, target, 0..from);
    let naive_later = Naive::of(&world.events, target, 0..end);
    assert_eq!(shown(&joined), naive_later.shown(), "{shown_as}: {from} and on");
    let compared = world.index.compare(&later, before(from), &world.read()).unwrap();
    assert_eq!(compared.versions, naive_later.named_by.len(), "{shown_as}");
    let found = compared.differences;
    let value = |naive: &Naive, name: &str| naive.fields.get(name).map(|(value, _)| value.clone());
    let mut expected = Vec::new();
    for name in FIELDS {
        let (a, b) = (value(&naive, name), value(&naive_later, name));
        if a != b {
            expected.push((name.to_owned(), a, b, last_touch(world, (target, from, end), name)));
        }
    }
    let read = |value: &Option<Vec<u8>>| value.as_ref().map(|v| serde_json::from_slice(v).unwrap());
    let found: Vec<_> = found
        .iter()
        .map(|one| (one.field.clone(), read(&one.before), read(&one.after), one.by.index.0))
        .collect();
    assert_eq!(found, expected, "{shown_as}: {from} to {end}");
    u32::from(!expected.is_empty())
}

/// The last entry of a stretch that set a field, or took it away by itself or with all others.
fn last_touch(world: &World, (target, from, end): (&str, usize, usize), name: &str) -> u64 {
    let end = end.min(world.events.len());
    let touches = |index: &usize| {
        let one = Naive::of(&world.events, target, *index..index + 1);
        let event = &world.events[*index];
        let removes = event["changes"][name].get("before").is_some()
            || event["changes"][name].get("after").is_some();
        one.last.is_some()
            && (one.exists == Some(false) || one.fields.contains_key(name) || removes)
    };
    (from..end).rev().find(touches).expect("something changed it") as u64
}

#[test]
fn what_a_reader_may_not_see_is_not_in_the_state() {
    let source = Entries::new();
    source.push(r#"{"actor":{"id":"a"},"action":"x","target":"t","changes":{"n":{"after":1}}}"#);
    source.push(r#"{"actor":{"id":"b"},"action":"x","target":"t","changes":{"n":{"after":2}}}"#);
    let folder = tempfile::tempdir().unwrap();
    let index = indexed(folder.path(), &source);
    let read = |indexes: &[LeafIndex]| read(&source, indexes);
    let check = |scope: &str, expected: Value| {
        let scope = parse(scope).unwrap();
        let ask = Ask { target: "t", scope: &scope, from: LeafIndex(0), at: None };
        let folded = index.state(&ask, &read).unwrap();
        assert_eq!(shown(&folded.state), expected, "{scope}");
        let versions = index.history(&ask, 9, &read).unwrap().versions;
        assert_eq!(versions.len(), folded.versions, "{scope}");
        assert_eq!(versions.len(), usize::from(expected != json!({})), "{scope}");
    };
    check("actor:a", json!({"n": [1, 0]}));
    check("actor:b", json!({"n": [2, 1]}));
    check("actor:c", json!({}));
}

#[test]
fn moments_as_they_are_written() {
    let check =
        |text: &str, expected: Option<At>| assert_eq!(text.parse().ok(), expected, "{text}");
    check("17", Some(At::Index(LeafIndex(17))));
    check("2026", Some(At::Index(LeafIndex(2026))));
    check("9223372036854775808", None);
    check("99999999999999999999", None);
    check("1970-01-02", Some(At::Time(86_400_000_000_000)));
    check("1970-02", Some(At::Time(31 * 86_400_000_000_000)));
    check("1970-01-01T00:00:01+00:00", Some(At::Time(1_000_000_000)));
    for text in ["", "-1", "24h", "yesterday", "+5"] {
        check(text, None);
    }
    assert_eq!("2026-11-20".parse::<At>().unwrap().to_string(), "2026-11-20T00:00:00Z");
}

/// However many entries a resource has, those are read that show in its state.
#[test]
fn a_state_is_read_from_the_entries_that_stand() {
    let source = Entries::new();
    for number in 0..300 {
        let (action, changes) = match number {
            70 => ("x.delete", String::new()),
            // Set and taken away again, by others than those that set what is there at the end.
            80 => ("x", r#""gone":{"after":1}"#.to_owned()),
            90 => ("x", r#""gone":{"before":1}"#.to_owned()),
            _ => ("x", format!(r#""n":{{"after":{number}}},"f{}":{{"after":1}}"#, number / 100)),
        };
        let outcome = if number == 299 { "denied" } else { "success" };
        source.push(&format!(
            r#"{{"actor":{{"id":"a{}"}},"action":"{action}","target":"t","outcome":"{outcome}","changes":{{{changes}}}}}"#,
            number % 2
        ));
    }
    let folder = tempfile::tempdir().unwrap();
    let index = indexed(folder.path(), &source);
    let asked = std::cell::RefCell::new(Vec::new());
    let read = |indexes: &[LeafIndex]| {
        asked.borrow_mut().extend(indexes.iter().map(|index| index.0));
        read(&source, indexes)
    };
    let check = |(scope, from): (&str, u64), at: Option<At>, versions: usize, expected: &[u64]| {
        let scope = parse(scope).unwrap();
        let ask = Ask { target: "t", scope: &scope, from: LeafIndex(from), at };
        asked.borrow_mut().clear();
        let folded = index.state(&ask, &read).unwrap();
        let shown_as = format!("{scope} {from} {at:?}");
        assert_eq!((folded.versions, &asked.borrow()[..]), (versions, expected), "{shown_as}");
    };
    let at = |index| Some(At::Index(LeafIndex(index)));
    let time = |index: u64| Some(At::Time(START_NS + index * 1_000_000_007));
    check(("*", 0), None, 300, &[70, 99, 199, 298]);
    check(("*", 0), at(100), 101, &[70, 99, 100]);
    check(("*", 0), time(100), 101, &[70, 99, 100]);
    check(("*", 0), at(69), 70, &[69]);
    check(("*", 0), at(70), 71, &[70]);
    check(("*", 0), at(85), 86, &[70, 80, 85]);
    // A stretch says what it takes away.
    check(("*", 85), at(95), 11, &[90, 95]);
    check(("actor:a1", 0), None, 150, &[99, 199, 297]);
}

/// What is too long to stand in the index as it is goes by its hash there, and is told apart all the same.
#[test]
fn long_names_are_told_apart() {
    let source = Entries::new();
    let long = |end: &str| format!("{}{end}", "\u{fc}".repeat(150));
    for (number, end) in (0..4).zip(["a", "b", "a", "b"]) {
        let [name, field] = [long(end), format!("f{}", long(end))];
        let changes = format!(r#""{field}":{{"after":{number}}},"{name}":{{"after":{number}}}"#);
        let target = match number {
            0 => format!(r#""{name}""#),
            1 => format!(r#"["x","{name}"]"#),
            _ => format!(r#"[{{"id":"{name}"}},{{"type":"t","id":"{name}"}}]"#),
        };
        source.push(&format!(
            r#"{{"actor":"a","action":"x","target":{target},"changes":{{{changes}}}}}"#
        ));
    }
    let folder = tempfile::tempdir().unwrap();
    let index = indexed(folder.path(), &source);
    let read = |indexes: &[LeafIndex]| read(&source, indexes);
    let check = |target: &str, end: &str, expected: &[u64]| {
        let ask = Ask { target, scope: &Ast::All, from: LeafIndex(0), at: None };
        let versions = index.history(&ask, 9, &read).unwrap().versions;
        let indexes: Vec<u64> = versions.iter().map(|version| version.by.index.0).collect();
        assert_eq!(indexes, expected, "{target}");
        let last = expected[expected.len() - 1];
        let fields = [format!("f{}", long(end)), long(end)].map(|name| (name, json!([last, last])));
        let state = index.state(&ask, &read).unwrap().state;
        assert_eq!(shown(&state), Value::Object(fields.into_iter().collect()), "{target}");
    };
    check(&long("a"), "a", &[0, 2]);
    check(&long("b"), "b", &[1, 3]);
    check(&format!("t/{}", long("b")), "b", &[3]);
    let query = parse(&format!("target:{}", long("a"))).unwrap();
    let request = Request {
        query: &query,
        scope: &Ast::All,
        now_ns: 0,
        limit: 9,
        page: None,
        want: Want::default(),
    };
    assert_eq!(index.search(&request).unwrap().results.len(), 4, "found by their beginning");
}
