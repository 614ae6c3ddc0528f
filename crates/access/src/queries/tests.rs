//! Saved queries: conditions as they are written, and the state that entries add up to.

use graven_entry::Time;

use super::*;

/// A moment to the second, or to a thousandth.
fn time(text: &str) -> Time {
    let (seconds, fraction) =
        text.trim_end_matches('Z').split_once('.').unwrap_or((text.trim_end_matches('Z'), ""));
    format!("{seconds}.{fraction:0<9}Z").parse().unwrap()
}

#[test]
fn conditions_are_read_as_they_are_written() {
    let hours = |from, until, first, last, ahead_minutes| {
        let (minutes, days) = ((from, until), (first, last));
        Some(When::Outside(Hours { minutes, days, ahead_minutes }))
    };
    let cases = [
        ("each", Some(When::Each)),
        (" each ", Some(When::Each)),
        ("at least 5 in 10m", Some(When::AtLeast(5, 600))),
        ("at least 10000 in 31d", Some(When::AtLeast(10_000, 31 * 86_400))),
        ("none in 90s", Some(When::None(90))),
        ("outside 07:00-19:30 mon-fri", hours(420, 1_170, 0, 4, 0)),
        ("outside 00:00-24:00 sat +05:30", hours(0, 1_440, 5, 5, 330)),
        ("outside 07:00-19:00 fri-mon -01:00", hours(420, 1_140, 4, 0, -60)),
        ("disk under 5G", Some(When::DiskUnder(5 << 30))),
        ("disk under 100", Some(When::DiskUnder(100))),
        ("lag over 0", Some(When::LagOver(0))),
        ("unverified in 24h", Some(When::Unverified(86_400))),
        ("", None),
        ("every", None),
        ("at least 0 in 10m", None),
        ("at least 10001 in 10m", None),
        ("at least -1 in 10m", None),
        ("at least 5 in 10", None),
        ("at least 5 in 32d", None),
        ("none in 0s", None),
        ("none in 18446744073709551615d", None),
        ("none in 1é", None),
        ("outside 19:00-07:00 mon-fri", None),
        ("outside 7:00-19:00 mon-fri", None),
        ("outside 07:60-19:00 mon-fri", None),
        ("outside 07:00-24:01 mon-fri", None),
        ("outside 07:00-19:00 mon-foo", None),
        ("outside 07:00-19:00 mon-fri é1:00", None),
        ("disk under 5P", None),
        ("disk under 9007199254740992", None),
        ("disk under 8192T", None),
        ("lag over +5", None),
    ];
    for (text, expected) in cases {
        let read = When::parse(text).ok();
        assert_eq!(read, expected, "{text:?}");
        // What an entry holds is read back as the same.
        let again = read.as_ref().map(|when| When::parse(&when.to_string()).unwrap());
        assert_eq!(again, read, "{text:?}");
    }
}

#[test]
fn hours_are_those_of_their_place() {
    for (hours, moment, expected) in [
        ("07:00-19:00 mon-fri", "2026-11-20T07:00:00Z", true),
        ("07:00-19:00 mon-fri", "2026-11-20T06:59:59.999Z", false),
        ("07:00-19:00 mon-fri", "2026-11-20T19:00:00Z", false),
        ("07:00-19:00 mon-fri", "2026-11-21T12:00:00Z", false),
        ("07:00-19:00 mon-fri +01:00", "2026-11-20T06:00:00Z", true),
        ("07:00-19:00 mon-fri -05:00", "2026-11-20T23:30:00Z", true),
        ("00:00-24:00 fri +14:00", "2026-11-19T10:00:00Z", true),
        ("00:00-24:00 fri +14:00", "2026-11-19T09:59:59Z", false),
        ("07:00-19:00 sat-mon", "2026-11-22T12:00:00Z", true),
        ("07:00-19:00 sat-mon", "2026-11-24T12:00:00Z", false),
        ("00:00-24:00 wed -01:00", "1970-01-01T00:00:00Z", true),
    ] {
        let Ok(When::Outside(read)) = When::parse(&format!("outside {hours}")) else {
            panic!("{hours}")
        };
        assert_eq!(read.contains(time(moment)), expected, "{hours} {moment}");
    }
}

fn name(name: &str) -> QueryName {
    QueryName { log: "main".to_owned(), name: name.to_owned() }
}

fn wanted(query: &str, from: Option<u64>) -> Wanted {
    let url = "https://hooks.example/a?b=c".to_owned();
    Wanted { query: query.to_owned(), when: When::Each, url, from }
}

fn save(queries: &mut Queries, query: &str, from: Option<u64>) {
    let actor = PrincipalId::parse("audrey").unwrap();
    let event = queries.plan_save(&actor, &name("a"), &wanted(query, from), (10, "salt"));
    queries.apply(Time::MIN, &event.unwrap()).unwrap();
}

fn firing(id: &str, next: u64) -> Firing {
    let (id, reason) = (id.to_owned(), "found".to_owned());
    Firing { id, reason, count: 2, indexes: vec![3, 7], measured: None, next, time: Time::MIN }
}

fn fire(queries: &mut Queries, id: &str, next: u64) {
    let now = time("2026-11-20T07:00:00Z");
    queries.apply(now, &Queries::plan_fire(&name("a"), &firing(id, next))).unwrap();
}

fn end(queries: &mut Queries, id: &str, why: Option<&str>) {
    queries.apply(Time::MIN, &Queries::plan_end(&name("a"), id, 3, why)).unwrap();
}

#[test]
fn entries_add_up_to_what_is_told_and_what_is_not_yet() {
    let mut queries = Queries::default();
    save(&mut queries, "x", None);
    let saved = queries.of(&name("a")).unwrap();
    assert_eq!((saved.next, saved.revision, &*saved.owner.to_string()), (10, 1, "audrey"));
    fire(&mut queries, "m1", 8);
    let pending = queries.of(&name("a")).unwrap().pending.clone().unwrap();
    let expected = Firing { time: time("2026-11-20T07:00:00Z"), ..firing("m1", 8) };
    assert_eq!(pending, expected);
    // An end of another firing ends nothing.
    end(&mut queries, "m0", None);
    assert!(queries.of(&name("a")).unwrap().pending.is_some());
    end(&mut queries, "m1", Some("no answer"));
    let saved = queries.of(&name("a")).unwrap();
    assert_eq!((saved.pending.is_none(), saved.delivered, saved.dead, saved.next), (true, 1, 1, 8));
    assert_eq!(saved.dead_letters[0].why, "no answer");
    // Saved again as it was it goes on; asking something else it begins with what comes.
    fire(&mut queries, "m2", 9);
    save(&mut queries, "x", None);
    let saved = queries.of(&name("a")).unwrap();
    assert_eq!((saved.next, saved.fired, saved.revision), (9, 0, 2));
    assert_eq!(saved.pending.as_ref().unwrap().id, "m2");
    save(&mut queries, "y", None);
    assert_eq!(queries.of(&name("a")).unwrap().next, 10);
    save(&mut queries, "y", Some(4));
    assert_eq!(queries.of(&name("a")).unwrap().next, 4);
}

#[test]
fn a_secret_drawn_anew_is_known_beside_the_one_before() {
    let mut queries = Queries::default();
    save(&mut queries, "x", None);
    let actor = PrincipalId::parse("audrey").unwrap();
    let rotate = queries.plan_rotate(&actor, &name("a"), "pepper").unwrap();
    let now = time("2026-11-20T07:00:00Z");
    queries.apply(now, &rotate).unwrap();
    save(&mut queries, "y", None);
    let saved = queries.of(&name("a")).unwrap();
    assert_eq!(saved.salt, "pepper");
    assert_eq!(saved.old_salt, Some(("salt".to_owned(), now)));
    let remove = queries.plan_remove(&actor, &name("a")).unwrap();
    queries.apply(now, &remove).unwrap();
    assert!(queries.all().next().is_none());
    // What comes late of one that is gone changes nothing.
    fire(&mut queries, "m1", 8);
    let unknown = Err(SavedQueryError::Unknown(name("a")));
    assert_eq!(queries.plan_rotate(&actor, &name("a"), "x"), unknown);
    assert_eq!(queries.plan_remove(&actor, &name("a")), unknown);
}

#[test]
fn dead_letters_are_remembered_up_to_a_limit() {
    let mut queries = Queries::default();
    save(&mut queries, "x", None);
    for number in 0..DEAD_LETTERS_MAX + 2 {
        fire(&mut queries, &number.to_string(), 8);
        end(&mut queries, &number.to_string(), Some("no"));
    }
    let saved = queries.of(&name("a")).unwrap();
    assert_eq!(saved.dead, DEAD_LETTERS_MAX as u64 + 2);
    assert_eq!(saved.dead_letters.len(), DEAD_LETTERS_MAX);
    assert_eq!(saved.dead_letters[0].id, "2");
}

#[test]
fn what_is_no_query_is_refused() {
    let mut queries = Queries::default();
    let actor = PrincipalId::parse("audrey").unwrap();
    let check = |queries: &Queries, named: &str, query: &str, url: &str, expected| {
        let wanted = Wanted { url: url.to_owned(), ..wanted(query, None) };
        let planned = queries.plan_save(&actor, &name(named), &wanted, (0, "salt"));
        assert_eq!(planned.err(), expected, "{named} {url}");
    };
    let long = "x".repeat(QUERY_TEXT_BYTES_MAX + 1);
    let good = "https://hooks.example/a";
    check(&queries, "a-1", "x", good, None);
    check(&queries, "a", "x", "http://10.0.0.1:8080", None);
    for named in ["", "A", "a/b", "a b", &"a".repeat(QUERY_NAME_BYTES_MAX + 1)] {
        check(&queries, named, "x", good, Some(SavedQueryError::Name));
    }
    check(&queries, "a", &long, good, Some(SavedQueryError::TooLong(long.len())));
    for url in [
        "",
        "hooks.example",
        "ftp://hooks.example",
        "file:///etc/passwd",
        "https://",
        "https:///a",
        "https://user:password@hooks.example/",
        "https://good.example\\@bad.example/",
        "https://hooks.example/#a",
        "https://hooks.example/a b",
        "https://hooks.example/\u{e9}",
        &format!("https://hooks.example/{}", "a".repeat(QUERY_URL_BYTES_MAX)),
    ] {
        check(&queries, "a", "x", url, Some(SavedQueryError::Url));
    }
    for number in 0..QUERIES_MAX {
        let name = name(&format!("q{number}"));
        let event = queries.plan_save(&actor, &name, &wanted("x", None), (0, "salt")).unwrap();
        queries.apply(Time::MIN, &event).unwrap();
    }
    check(&queries, "a", "x", good, Some(SavedQueryError::TooMany));
    check(&queries, "q0", "x", good, None);
}

#[test]
fn an_entry_that_cannot_be_read_ends_the_replay() {
    let target = r#""target":{"type":"query","id":"main/a"}"#;
    for (event, is_good) in [
        (format!(r#"{{"actor":{{"id":"a"}},"action":"graven.other",{target}}}"#), true),
        (format!(r#"{{"actor":{{"id":"a"}},"action":"graven.query",{target},"data":{{}}}}"#), true),
        (r#"{"actor":{"id":"a"},"action":"graven.query","target":{"id":"a"}}"#.to_owned(), false),
        (
            format!(
                r#"{{"actor":{{"id":"a"}},"action":"graven.query",{target},"data":{{"after":{{"query":"","when":"one day","url":"u","salt":"s"}}}}}}"#
            ),
            false,
        ),
        (
            format!(
                r#"{{"actor":{{"id":"a"}},"action":"graven.query.fired",{target},"data":{{"id":"m"}}}}"#
            ),
            false,
        ),
    ] {
        let applied = Queries::default().apply(Time::MIN, event.as_bytes());
        assert_eq!(applied.is_ok(), is_good, "{event}: {applied:?}");
    }
}
