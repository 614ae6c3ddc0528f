//! When a saved query fires: one line of words.

use std::fmt;

use graven_entry::Time;

use crate::limits::{WHEN_COUNT_MAX, WHEN_S_MAX};

const NS_PER_S: u64 = 1_000_000_000;
const DAY_S: i64 = 86_400;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// When a saved query fires. Times of entries are those of their headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// `each`: the query finds an entry.
    Each,
    /// `at least 5 in 10m`: it found so many within so many seconds; then it counts anew.
    AtLeast(u64, u64),
    /// `none in 1h`: it found none for so many seconds; once, until it finds one again.
    None(u64),
    /// `outside 07:00-19:00 mon-fri +01:00`: it finds an entry of another time.
    Outside(Hours),
    /// `disk under 5G`: fewer bytes are free on the data's disk; once, until there are more.
    DiskUnder(u64),
    /// `lag over 10000`: a search does not find that many of the log's newest entries; once, until it does.
    LagOver(u64),
    /// `unverified in 24h`: the log, read again each so many seconds, is not what its root says.
    Unverified(u64),
}

/// Hours of some days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Minutes of the day at which they begin and end.
    pub minutes: (u32, u32),
    /// The first and the last day, from Monday as 0.
    pub days: (u32, u32),
    /// Minutes by which the place's clock is ahead of UTC.
    pub ahead_minutes: i32,
}

/// Words that say no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no condition; there are `each`, `at least 5 in 10m`, `none in 1h`, `outside 07:00-19:00 mon-fri +01:00`, `disk under 5G`, `lag over 10000`, `unverified in 24h`"
)]
pub struct WhenError(String);

impl When {
    /// Reads a condition.
    pub fn parse(text: &str) -> Result<When, WhenError> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let when = match *words {
            ["each"] => Some(When::Each),
            ["at", "least", count, "in", length] => {
                let count = number(count).filter(|count| (1..=WHEN_COUNT_MAX).contains(count));
                count.zip(seconds(length)).map(|(count, length)| When::AtLeast(count, length))
            }
            ["none", "in", length] => seconds(length).map(When::None),
            ["outside", hours, days] => Hours::parse(hours, days, "+00:00").map(When::Outside),
            ["outside", hours, days, zone] => Hours::parse(hours, days, zone).map(When::Outside),
            ["disk", "under", size] => bytes(size).map(When::DiskUnder),
            ["lag", "over", count] => number(count).map(When::LagOver),
            ["unverified", "in", length] => seconds(length).map(When::Unverified),
            _ => None,
        };
        when.ok_or_else(|| WhenError(text.chars().take(80).collect()))
    }

    /// Whether it looks at the server and not at what a query finds.
    pub fn is_check(&self) -> bool {
        matches!(self, When::DiskUnder(_) | When::LagOver(_) | When::Unverified(_))
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Each => f.write_str("each"),
            When::AtLeast(count, length) => write!(f, "at least {count} in {length}s"),
            When::None(length) => write!(f, "none in {length}s"),
            When::Outside(hours) => write!(f, "outside {hours}"),
            When::DiskUnder(size) => write!(f, "disk under {size}"),
            When::LagOver(count) => write!(f, "lag over {count}"),
            When::Unverified(length) => write!(f, "unverified in {length}s"),
        }
    }
}

impl Hours {
    fn parse(hours: &str, days: &str, zone: &str) -> Option<Hours> {
        let (from, until) = hours.split_once('-')?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let day = |name| (0..).zip(DAYS).find(|(_, day)| *day == name).map(|(place, _)| place);
        let minutes = (clock(from)?, clock(until)?);
        let days = (day(first)?, day(last)?);
        let ahead = i32::try_from(clock(zone.get(1..)?)?).ok()?;
        let ahead_minutes = match zone.as_bytes().first()? {
            b'+' => ahead,
            b'-' => -ahead,
            _ => return None,
        };
        (minutes.0 < minutes.1).then_some(Hours { minutes, days, ahead_minutes })
    }

    /// Whether a moment is one of them.
    pub fn contains(&self, time: Time) -> bool {
        let utc_s = i64::try_from(time.unix_ns() / NS_PER_S).unwrap_or(i64::MAX / 2);
        let here_s = utc_s + i64::from(self.ahead_minutes) * 60;
        // The first of January 1970 was a Thursday.
        let day = u32::try_from((here_s.div_euclid(DAY_S) + 3).rem_euclid(7)).unwrap_or(0);
        let minute = u32::try_from(here_s.rem_euclid(DAY_S) / 60).unwrap_or(0);
        let (first, last) = self.days;
        let is_day =
            if first <= last { (first..=last).contains(&day) } else { day >= first || day <= last };
        is_day && (self.minutes.0..self.minutes.1).contains(&minute)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let day = |place: u32| DAYS.get(place as usize).copied().unwrap_or_default();
        let sign = if self.ahead_minutes < 0 { '-' } else { '+' };
        let (from, until) = (clock(self.minutes.0), clock(self.minutes.1));
        let (first, last) = (day(self.days.0), day(self.days.1));
        write!(
            f,
            "{from}-{until} {first}-{last} {sign}{}",
            clock(self.ahead_minutes.unsigned_abs())
        )
    }
}

/// `07:30` as minutes of the day; `24:00` ends it.
fn clock(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |text: &str| if text.len() == 2 { number(text) } else { None };
    let minutes = two(hours)? * 60 + two(minutes).filter(|minutes| *minutes < 60)?;
    u32::try_from(minutes).ok().filter(|minutes| *minutes <= 24 * 60)
}

/// `90s 15m 24h 7d` as seconds.
fn seconds(text: &str) -> Option<u64> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let length = number(text.get(..text.len() - 1)?)?.checked_mul(unit)?;
    (1..=WHEN_S_MAX).contains(&length).then_some(length)
}

/// `5G` as bytes: a number, or one of K, M, G and T, powers of 1,024.
fn bytes(text: &str) -> Option<u64> {
    let unit = match text.chars().last()? {
        'K' => 1 << 10,
        'M' => 1 << 20,
        'G' => 1 << 30,
        'T' => 1 << 40,
        _ => return number(text),
    };
    number(text.get(..text.len() - 1)?)?.checked_mul(unit).filter(|number| is_exact(*number))
}

/// Digits alone.
fn number(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten().filter(|number| is_exact(*number))
}

/// Whether an entry holds the number exactly: conditions are told there as they are printed, and read again at the next start.
fn is_exact(number: u64) -> bool {
    number < 1 << 53
}
