//! What the generator promises: the same bytes for one seed, valid events, times in order, variety.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::calendar::{DAYS_MAX, ZONES, civil, weekday};
use super::company::{CLIMBER, LEAVER, PEOPLE, Stream};
use super::line::Line;
use super::{Corpus, DemoEvent};

/// 2026-11-01T00:00:00Z, a Sunday.
const START: Duration = Duration::from_hours(498_192);
const SEED: u64 = 7;
const DAY_NS: u64 = 86_400_000_000_000;
const EVENT_BYTES_MAX: usize = 57_344;

fn month(events: usize) -> Corpus {
    Corpus::new(SEED, START, 30, events)
}

fn parse(event: &DemoEvent) -> Value {
    serde_json::from_str(&event.json)
        .unwrap_or_else(|error| panic!("seed {SEED}: {error}: {}", event.json))
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The objects in `target`, which is one or a list.
fn targets(value: &Value) -> Vec<&Value> {
    match &value["target"] {
        Value::Array(list) => list.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// Members of all objects inside; fewer than the text has colons if a key was repeated.
fn members(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.len() + map.values().map(members).sum::<usize>(),
        Value::Array(list) => list.iter().map(members).sum(),
        _ => 0,
    }
}

fn colons_outside_strings(json: &str) -> usize {
    let (mut inside, mut escaped, mut colons) = (false, false, 0);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => inside = !inside,
            b':' if !inside => colons += 1,
            _ => {}
        }
    }
    colons
}

/// Nanoseconds since 1970 of an RFC 3339 time, and the size of its last digit in nanoseconds.
fn parse_time(time: &str) -> (u64, u64) {
    let number = |from: usize, to: usize| time[from..to].parse::<i64>().expect("digits");
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    // Counts by whole years and months, as slowly and plainly as can be.
    let leap = |y: i64| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = (1970..year).map(|y| if leap(y) { 366 } else { 365 }).sum::<i64>()
        + lengths[..month.cast_unsigned() as usize - 1].iter().sum::<i64>()
        + day
        - 1;
    let seconds = days * 86_400 + number(11, 13) * 3_600 + number(14, 16) * 60 + number(17, 19);
    let rest = &time[19..];
    let zone_at = rest.find(['Z', '+', '-']).expect("a zone");
    let fraction = rest[..zone_at].trim_start_matches('.');
    let unit_ns = 10_u64.pow(9 - fraction.len() as u32);
    let fraction_ns = fraction.parse::<u64>().unwrap_or(0) * unit_ns;
    let offset_s = match &rest[zone_at..] {
        "Z" => 0,
        offset => {
            let minutes = offset[1..3].parse::<i64>().expect("hours") * 60
                + offset[4..6].parse::<i64>().expect("minutes");
            if offset.starts_with('-') { -minutes * 60 } else { minutes * 60 }
        }
    };
    ((seconds - offset_s).cast_unsigned() * 1_000_000_000 + fraction_ns, unit_ns)
}

fn check_event(event: &DemoEvent) {
    let value = parse(event);
    let say = || format!("seed {SEED}: {}: {}", event.stream, event.json);
    assert_eq!(members(&value), colons_outside_strings(&event.json), "repeated key: {}", say());
    assert!(event.json.len() <= EVENT_BYTES_MAX, "{}", say());
    assert!(event.json.bytes().all(|byte| byte >= 0x20), "control byte: {}", say());
    assert!(!event.json.contains("\\u0000"), "{}", say());
    let keys: Vec<&str> =
        value.as_object().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default();
    let known = [
        "id", "time", "actor", "action", "target", "outcome", "reason", "changes", "context",
        "data",
    ];
    assert!(keys.iter().all(|key| known.contains(key)), "{}", say());

    let action = text(&value, "/action");
    assert!(action.contains('.') && !action.starts_with("graven."), "{}", say());
    assert!(action.split('.').all(|part| !part.is_empty()), "{}", say());
    assert!(value["actor"].is_object(), "{}", say());
    assert!(
        ["user", "service", "system", "agent"].contains(&text(&value, "/actor/type")),
        "{}",
        say()
    );
    assert!(!text(&value, "/actor/id").is_empty(), "{}", say());
    assert!(
        ["success", "failure", "denied", "unknown"].contains(&text(&value, "/outcome")),
        "{}",
        say()
    );
    assert!(!targets(&value).is_empty(), "{}", say());
    for target in targets(&value) {
        assert!(!text(target, "/type").is_empty() && !text(target, "/id").is_empty(), "{}", say());
    }
    let (time_ns, unit_ns) = parse_time(text(&value, "/time"));
    assert_eq!(time_ns, event.unix_ns / unit_ns * unit_ns, "{}", say());
    let id = text(&value, "/id");
    let unix_ms = u64::from_str_radix(&id[..13].replace('-', ""), 16).expect("hexadecimal");
    assert_eq!(unix_ms, event.unix_ns / 1_000_000, "{}", say());
    assert!(&id[14..15] == "7" && id.len() == 36, "{}", say());
}

#[test]
fn one_seed_gives_the_same_bytes_for_ever() {
    let mut hash = Sha256::new();
    for event in month(100_000).take(10_000) {
        hash.update(event.stream);
        hash.update(" ");
        hash.update(event.unix_ns.to_string());
        hash.update(" ");
        hash.update(&event.json);
        hash.update("\n");
    }
    let digest = hash.finalize().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    // Changes only together with the corpus itself.
    assert_eq!(digest, "19a86ba94077f6399ce9e8b2d19728e6f25bbd8081da642938f53e2b2a3affc3");

    let first = |seed| Corpus::new(seed, START, 30, 1_000).collect::<Vec<_>>();
    assert_eq!(first(SEED), first(SEED));
    assert_ne!(first(SEED), first(SEED + 1));
}

#[test]
fn every_event_is_valid() {
    for event in month(100_000) {
        check_event(&event);
    }
}

#[test]
fn ids_are_unique_and_sizes_usual() {
    let (mut ids, mut bytes, mut longest) = (BTreeSet::new(), 0, 0);
    for event in month(100_000) {
        bytes += event.json.len();
        longest = longest.max(event.json.len());
        let id = event.json[7..43].to_owned();
        assert!(ids.insert(id), "seed {SEED}: repeated id: {}", event.json);
    }
    assert_eq!(ids.len(), 100_000);
    let mean = bytes / ids.len();
    assert!((350..=500).contains(&mean), "seed {SEED}: mean {mean} bytes");
    assert!(longest > 4_000, "seed {SEED}: longest {longest} bytes");
}

fn check_span(seed: u64, start: Duration, days: u32, events: usize) {
    let say = format!("seed {seed}, start {start:?}, {days} days, {events} events");
    let corpus = Corpus::new(seed, start, days, events);
    let (start_ns, end_ns) = (corpus.timeline.start_ns, corpus.timeline.end_ns);
    assert_eq!(end_ns - start_ns, u64::from(days.clamp(1, DAYS_MAX)) * DAY_NS, "{say}");
    let (mut count, mut last_ns) = (0, start_ns);
    for event in corpus {
        if count == 0 {
            assert_eq!(event.unix_ns, start_ns, "{say}");
        }
        assert!(event.unix_ns >= last_ns && event.unix_ns < end_ns, "{say}: {}", event.json);
        last_ns = event.unix_ns;
        count += 1;
    }
    assert_eq!(count, events, "{say}");
    if events >= 20_000 {
        // The whole span is used, not only its beginning.
        assert!(end_ns - last_ns < (end_ns - start_ns) / 50, "{say}: ends at {last_ns}");
    }
}

#[test]
fn times_are_in_order_and_within_the_span() {
    for events in [0, 1, 2, 3, 17, 1_000, 4_999, 5_000, 60_000] {
        check_span(SEED, START, 30, events);
    }
    check_span(1, START, 1, 30_000);
    check_span(2, START + Duration::from_nanos(12_345_678_901_234), 31, 20_000);
    check_span(3, Duration::ZERO, 7, 6_000);
    check_span(4, START, 0, 500);
    check_span(5, START, u32::MAX, 30_000);
    check_span(6, Duration::MAX, 30, 6_000);
    for seed in 10..30 {
        check_span(seed, START, 30, 6_000);
    }
}

#[test]
fn life_is_varied() {
    let mut seen: BTreeMap<&str, BTreeMap<String, usize>> = BTreeMap::new();
    for event in month(100_000) {
        let value = parse(&event);
        let mut count = |what, name: &str| {
            *seen.entry(what).or_default().entry(name.to_owned()).or_default() += 1;
        };
        count("stream", event.stream);
        count("action", text(&value, "/action"));
        count("outcome", text(&value, "/outcome"));
        count("actor type", text(&value, "/actor/type"));
        count("actor", text(&value, "/actor/id"));
        count("ip", text(&value, "/context/ip"));
        count("user agent", text(&value, "/context/user_agent"));
        count("on behalf of", text(&value, "/actor/on_behalf_of"));
        if value["target"].is_array() {
            count("target", "a list");
        }
        for target in targets(&value) {
            count("target type", text(target, "/type"));
        }
        for field in value["changes"].as_object().into_iter().flat_map(|map| map.keys()) {
            count("changed field", field);
        }
    }
    let floors = [
        ("stream", 16),
        ("action", 90),
        ("outcome", 4),
        ("actor type", 4),
        ("actor", 2_000),
        ("target type", 40),
        ("target", 1),
        ("ip", 1_500),
        ("user agent", 12),
        ("on behalf of", 40),
        ("changed field", 40),
    ];
    for (what, floor) in floors {
        let found = seen[what].len();
        assert!(found >= floor, "seed {SEED}: {found} of {what}, {floor} wanted");
    }
    for (outcome, count) in &seen["outcome"] {
        assert!(*count >= 300, "seed {SEED}: outcome {outcome} only {count} times");
    }
    for person in &PEOPLE {
        assert!(seen["actor"].contains_key(person.handle), "seed {SEED}: {}", person.handle);
    }
    // Zipf-like: the commonest is far from the median, and no producer dominates.
    let mut actions: Vec<usize> = seen["action"].values().copied().collect();
    actions.sort_unstable();
    assert!(actions[actions.len() - 1] > 20 * actions[actions.len() / 2], "seed {SEED}");
    assert!(seen["stream"].values().all(|count| *count < 40_000), "seed {SEED}");
}

#[test]
fn addresses_are_private_or_for_documentation() {
    for event in month(20_000) {
        let value = parse(&event);
        let ip = text(&value, "/context/ip");
        let documented = ["192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"];
        let private = ["10.", "172.16.", "192.168."];
        let known = documented.iter().chain(&private).any(|net| ip.starts_with(net));
        assert!(ip.is_empty() || known, "seed {SEED}: {ip}");
        let parsed =
            ip.is_empty() || ip.parse::<std::net::IpAddr>().is_ok_and(|p| p.to_string() == ip);
        assert!(parsed, "seed {SEED}: {ip}");
    }
}

#[test]
fn people_work_in_the_hours_of_their_office() {
    for (zone, office) in ZONES.iter().enumerate() {
        let people: BTreeSet<&str> =
            PEOPLE.iter().filter(|person| person.zone == zone).map(|p| p.handle).collect();
        let (mut all, mut by_day, mut weekend) = (0, 0, 0);
        for event in month(60_000) {
            let value = parse(&event);
            if !people.contains(text(&value, "/actor/id")) {
                continue;
            }
            let minutes = (event.unix_ns / 60_000_000_000).cast_signed() + office.offset_minutes;
            all += 1;
            by_day += usize::from((7..19).contains(&(minutes / 60 % 24)));
            weekend += usize::from(weekday(minutes / 1_440) >= 5);
        }
        let name = office.name;
        assert!(all > 500, "seed {SEED}: {name} {all}");
        assert!(by_day * 100 > all * 75, "seed {SEED}: {name} {by_day} of {all} by day");
        let weekend_percent_max = if name == "cebu" { 30 } else { 20 };
        assert!(
            weekend * 100 < all * weekend_percent_max,
            "seed {SEED}: {name} {weekend} of {all}"
        );
    }
}

/// Every change of a field of one thing begins where the last one ended.
fn check_history(events: usize, action_starts: &[&str], field: &str) {
    let mut last: BTreeMap<String, Value> = BTreeMap::new();
    let mut changes = 0;
    for event in month(events) {
        if !event.json.contains(field) {
            continue;
        }
        let value = parse(&event);
        if !action_starts.iter().any(|start| text(&value, "/action").starts_with(start)) {
            continue;
        }
        let Some(change) = value["changes"].get(field) else { continue };
        let id = text(&value, "/target/id").to_owned();
        if let Some(before) = last.insert(id, change["after"].clone()) {
            assert_eq!(before, change["before"], "seed {SEED}: {}", event.json);
            changes += 1;
        }
    }
    assert!(changes > 10, "seed {SEED}: only {changes} changes of {field}");
}

#[test]
fn before_is_the_last_after() {
    for events in [100_000, 400_000] {
        check_history(events, &["flag.update"], "rollout_percent");
        check_history(events, &["supplier.iban.change"], "iban");
        check_history(events, &["employee.salary.change"], "salary_monthly");
        check_history(events, &["k8s.deployment.scale"], "spec.replicas");
        check_history(events, &["deploy.r"], "spec.template.spec.containers[0].image");
    }
}

#[test]
fn incidents_are_woven_in() {
    for events in [5_000, 100_000] {
        let (mut left, mut back) = (false, 0);
        let mut actions: BTreeMap<String, usize> = BTreeMap::new();
        for event in month(events) {
            let value = parse(&event);
            let (action, actor) = (text(&value, "/action"), text(&value, "/actor/id"));
            left |= action == "employee.offboard";
            back += usize::from(left && actor == LEAVER.handle);
            let key =
                if actor == CLIMBER.handle { format!("climber {action}") } else { action.into() };
            *actions.entry(key).or_default() += 1;
        }
        // Someone whose rollout was under way may still be named in its last steps.
        assert!(back >= 30, "seed {SEED}, {events} events: the leaver is seen {back} times");
        let floors = [
            ("alert.raise", 4),
            ("user.lock", 3),
            ("customer.export", 26),
            ("agent.run.kill", 1),
            ("user.deactivate", 1),
            ("climber object.delete", 14),
            ("climber db.table.drop", 3),
            ("climber k8s.auditsink.delete", 1),
            ("db.backup.finish", 28),
            ("payroll.run", 1),
        ];
        for (action, floor) in floors {
            let found = actions.get(action).copied().unwrap_or(0);
            assert!(
                found >= floor,
                "seed {SEED}, {events} events: {found} {action}, {floor} wanted"
            );
        }
    }
}

fn check_text(text: &str) {
    let stream = Stream { name: "test", digits: 3 };
    let line = Line::new(&stream, 0, None, (0, 0)).field(text, text).list("list", |list| {
        list.element(text).item(|item| item.object("inner", |inner| inner)).element(u64::MAX)
    });
    let value: Value = serde_json::from_str(&line.finish()).expect("valid JSON");
    assert_eq!(value[text], text);
    assert_eq!(value["list"], serde_json::json!([text, {"inner": {}}, u64::MAX]));
}

#[test]
fn any_text_is_escaped() {
    let all_ascii: String = (0_u8..128).map(char::from).collect();
    for text in ["", "a", "\"", "\\", "a\nb", "\t\t", "\u{1}", "{[", "ø\"ø", "🛳\\", &all_ascii]
    {
        check_text(text);
    }
}

#[test]
fn days_become_dates() {
    let mut expected = (1970, 1, 1);
    for day in 0..120_000 {
        assert_eq!(civil(day), expected, "day {day}");
        let (year, month, date) = expected;
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let length = match month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        expected = match (month, date) {
            (12, 31) => (year + 1, 1, 1),
            (_, date) if date == length => (year, month + 1, 1),
            _ => (year, month, date + 1),
        };
    }
    assert_eq!(civil(-1), (1969, 12, 31));
    assert_eq!((weekday(0), weekday(4), weekday(-1)), (3, 0, 2));
}
