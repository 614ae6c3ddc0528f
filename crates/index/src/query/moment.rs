//! Times as people and producers write them, in nanoseconds since 1970, UTC.

use graven_entry::Time;

const SECOND_NS: u64 = 1_000_000_000;

/// The span of time that a text names: `2026-11-20` is a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its first nanosecond.
    pub(crate) start_ns: u64,
    /// The first nanosecond after it.
    pub(crate) end_ns: u64,
}

/// Reads a month, a day, a minute, a second or a moment with a fraction; without an offset it is UTC.
pub(crate) fn span(text: &str) -> Option<Span> {
    let (date, clock) = match text.char_indices().nth(10) {
        Some((10, 'T' | 't' | ' ')) => (text.get(..10)?, Some(text.get(11..)?)),
        None => (text, None),
        Some(_) => return None,
    };
    let Some(clock) = clock else { return day_or_month(date) };
    let (clock, offset_s) = offset(clock)?;
    let (seconds, fraction, length_ns) = match clock.len() {
        5 => (format!("{clock}:00"), "", 60 * SECOND_NS),
        8 => (clock.to_owned(), "", SECOND_NS),
        _ => (clock.get(..8)?.to_owned(), clock.get(8..)?.strip_prefix('.')?, 1),
    };
    if length_ns == 1 && fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.get(..9).unwrap_or(fraction);
    let local: Time = format!("{date}T{seconds}.{fraction:0<9}Z").parse().ok()?;
    let local_ns = i128::from(local.unix_ns());
    let start_ns = u64::try_from(local_ns - i128::from(offset_s) * i128::from(SECOND_NS)).ok()?;
    at_most_max(start_ns, length_ns)
}

/// Reads a moment as RFC 3339 has it, with seconds and an offset: what an event's time may be.
pub(crate) fn rfc3339_ns(text: &str) -> Option<u64> {
    let clock = text.get(11..)?;
    let has_offset = text.is_ascii() && offset(clock)?.0.len() < clock.len();
    let has_seconds = clock.as_bytes().get(5) == Some(&b':');
    (has_offset && has_seconds).then(|| span(text))?.map(|span| span.start_ns)
}

/// The shortest text that [`span`] reads as beginning at this moment.
pub(crate) fn print(ns: u64) -> String {
    let time = Time::from_unix_ns(ns).unwrap_or(Time::MAX).to_string();
    let text = time.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
    let whole = if text.len() < 19 { &time[..19] } else { text };
    format!("{whole}Z")
}

fn day_or_month(date: &str) -> Option<Span> {
    let day = |text: &str| format!("{text}T00:00:00.000000000Z").parse::<Time>().ok();
    if date.len() == 10 {
        return at_most_max(day(date)?.unix_ns(), 24 * 3_600 * SECOND_NS);
    }
    let start_ns = day(&format!("{date}-01"))?.unix_ns();
    let (year, month) = date.split_once('-')?;
    let (year, month): (u64, u64) = (year.parse().ok()?, month.parse().ok()?);
    let next = format!("{:04}-{:02}-01", year + month / 12, month % 12 + 1);
    let end_ns = day(&next).map_or(Time::MAX.unix_ns(), Time::unix_ns);
    Some(Span { start_ns, end_ns })
}

/// The clock without its offset, and the offset in seconds.
fn offset(clock: &str) -> Option<(&str, i64)> {
    if let Some(clock) = clock.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = clock.rfind(['+', '-']) else { return Some((clock, 0)) };
    let (clock, offset) = clock.split_at_checked(at)?;
    let two = |range| -> Option<i64> {
        let digits: &str = offset.get(range)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (hours, minutes) = (two(1..3)?, two(4..6)?);
    if offset.len() != 6 || offset.as_bytes().get(3) != Some(&b':') || hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3_600 + minutes * 60;
    Some((clock, if offset.starts_with('-') { -seconds } else { seconds }))
}

fn at_most_max(start_ns: u64, length_ns: u64) -> Option<Span> {
    let max_ns = Time::MAX.unix_ns();
    (start_ns <= max_ns)
        .then(|| Span { start_ns, end_ns: start_ns.saturating_add(length_ns).min(max_ns) })
}

/// Units of a length of time, longest first, in seconds.
const UNITS: [(char, u64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a length of time: a whole number and one of `s m h d w`; in seconds.
pub(crate) fn length_s(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let (_, unit_s) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(unit_s).filter(|s| *s <= u64::MAX / SECOND_NS)
}

/// The shortest text of a length of time.
pub(crate) fn print_length(seconds: u64) -> String {
    let fits = |(_, unit_s): &(char, u64)| seconds.is_multiple_of(*unit_s) && seconds > 0;
    let (name, unit_s) = UNITS.into_iter().find(fits).unwrap_or(('s', 1));
    format!("{}{name}", seconds / unit_s)
}
