//! Tests of `time`.

use super::*;

fn check(text: &str, unix_ns: u64) {
    let time: Time = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(time.unix_ns(), unix_ns, "{text}");
    assert_eq!(Time::from_unix_ns(unix_ns).map(|t| t.to_string()), Ok(text.to_owned()));
}

/// The day after, by the rules that everybody learns at school.
fn next_day((year, month, day): (u64, u64, u64)) -> (u64, u64, u64) {
    let is_leap_year = if year % 100 == 0 { year % 400 == 0 } else { year % 4 == 0 };
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap_year => 29,
        2 => 28,
        _ => 31,
    };
    match (month, day) {
        (12, 31) => (year + 1, 1, 1),
        _ if day == last => (year, month + 1, 1),
        _ => (year, month, day + 1),
    }
}

#[test]
fn known_times() {
    check("1970-01-01T00:00:00.000000000Z", 0);
    check("1970-01-01T00:00:00.000000001Z", 1);
    check("2000-02-29T00:00:00.000000000Z", 951_782_400_000_000_000);
    check("2026-11-20T22:55:01.123456789Z", 1_795_215_301_123_456_789);
    check("2261-12-31T23:59:59.999999999Z", Time::MAX.unix_ns());
    assert_eq!(Time::MIN.to_string(), "1970-01-01T00:00:00.000000000Z");
}

#[test]
fn every_day_agrees_with_a_naive_calendar() {
    let mut date = (1970, 1, 1);
    let mut last_text = String::new();
    for day in 0..DAYS_END {
        let ns_of_day = (day * 7_919_000_000_123) % (SECONDS_PER_DAY * NANOS_PER_S);
        let time = Time::from_unix_ns(day * SECONDS_PER_DAY * NANOS_PER_S + ns_of_day).unwrap();
        let text = time.to_string();
        let expected = format!("{:04}-{:02}-{:02}T", date.0, date.1, date.2);
        assert!(text.starts_with(&expected), "day {day}: {text} {expected}");
        assert_eq!(text.parse(), Ok(time), "day {day}");
        assert!(last_text < text, "texts sort as moments do, day {day}");
        last_text = text;
        date = next_day(date);
    }
    assert_eq!(date, (2262, 1, 1));
}

#[test]
fn the_range_ends() {
    assert_eq!(Time::from_unix_ns(Time::MAX.unix_ns() + 1), Err(TimeError::TooLate));
    assert_eq!(Time::from_unix_ns(u64::MAX), Err(TimeError::TooLate));
    assert_eq!(Time::MAX.next(), None);
    assert_eq!(Time::MIN.next(), Some(Time(1)));
    assert!(i64::try_from(Time::MAX.unix_ns()).is_ok());
}

#[test]
fn other_texts_are_refused() {
    let refused = [
        "",
        "2026-11-20T22:55:01Z",
        "2026-11-20T22:55:01.123Z",
        "2026-11-20T22:55:01.1234567890Z",
        "2026-11-20T22:55:01.123456789",
        "2026-11-20T22:55:01.123456789z",
        "2026-11-20t22:55:01.123456789Z",
        "2026-11-20 22:55:01.123456789Z",
        "2026-11-20T22:55:01.123456789+",
        "2026-11-20T22:55:01,123456789Z",
        "2026-11-20T24:00:00.000000000Z",
        "2026-11-20T22:60:01.123456789Z",
        "2026-11-20T22:55:60.123456789Z",
        "2026-13-20T22:55:01.123456789Z",
        "2026-00-20T22:55:01.123456789Z",
        "2026-11-00T22:55:01.123456789Z",
        "2026-11-31T22:55:01.123456789Z",
        "2026-02-29T22:55:01.123456789Z",
        "2100-02-29T22:55:01.123456789Z",
        "1969-12-31T23:59:59.999999999Z",
        "2262-01-01T00:00:00.000000000Z",
        "+026-11-20T22:55:01.123456789Z",
        "2026-11-20T22:55:01.12345678\u{0669}",
    ];
    for text in refused {
        assert!(text.parse::<Time>().is_err(), "{text:?}");
    }
    assert_eq!("2026-02-29T00:00:00.000000000Z".parse::<Time>(), {
        Err(TimeError::Field { field: "day", value: 29, min: 1, max: 28 })
    });
}
