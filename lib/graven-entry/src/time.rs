//! Times of entries: nanoseconds since 1970, written with exactly nine fraction digits.

use std::fmt;
use std::str::FromStr;

/// Bytes of a written time, `2026-11-20T22:55:01.123456789Z`.
pub const TIME_BYTES: usize = 30;

const NANOS_PER_S: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u64 = 86_400;
/// Days from 1970-01-01 to 2262-01-01, the first day that is not allowed.
const DAYS_END: u64 = 106_651;

/// A moment in UTC, in nanoseconds since 1970-01-01T00:00:00Z, from the year 1970 to 2261: what
/// fits a signed 64-bit count. Its text is always 30 bytes, so texts sort as the moments do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

/// Why a text or a number is not a time of an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// Not in the one allowed form.
    #[error("not a time; write it as 2026-11-20T22:55:01.123456789Z, with nine fraction digits")]
    Form,
    /// A month, day, hour, minute or second that does not exist.
    #[error("the {field} of the time is {value}, outside {min} to {max}")]
    Field {
        /// Which part.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The least allowed value.
        min: u64,
        /// The greatest allowed value.
        max: u64,
    },
    /// After the year 2261.
    #[error("the time is after the year 2261; use one from 1970 to 2261")]
    TooLate,
}

impl Time {
    /// 1970-01-01T00:00:00.000000000Z.
    pub const MIN: Self = Self(0);

    /// 2261-12-31T23:59:59.999999999Z.
    pub const MAX: Self = Self(DAYS_END * SECONDS_PER_DAY * NANOS_PER_S - 1);

    /// The moment `unix_ns` nanoseconds after 1970 began.
    pub fn from_unix_ns(unix_ns: u64) -> Result<Self, TimeError> {
        if unix_ns > Self::MAX.0 { Err(TimeError::TooLate) } else { Ok(Self(unix_ns)) }
    }

    /// Nanoseconds since 1970 began.
    pub fn unix_ns(self) -> u64 {
        self.0
    }

    /// The next moment, one nanosecond later; none after [`Time::MAX`].
    pub fn next(self) -> Option<Self> {
        (self < Self::MAX).then_some(Self(self.0 + 1))
    }

    /// The text as bytes, for writers that build lines without `fmt`.
    pub fn to_bytes(self) -> [u8; TIME_BYTES] {
        let seconds = self.0 / NANOS_PER_S;
        let (year, month, day) = date_of(seconds / SECONDS_PER_DAY);
        let second_of_day = seconds % SECONDS_PER_DAY;
        let [y1, y2, y3, y4] = digits::<4>(year);
        let [m1, m2] = digits::<2>(month);
        let [d1, d2] = digits::<2>(day);
        let [h1, h2] = digits::<2>(second_of_day / 3_600);
        let [n1, n2] = digits::<2>(second_of_day / 60 % 60);
        let [s1, s2] = digits::<2>(second_of_day % 60);
        let [f1, f2, f3, f4, f5, f6, f7, f8, f9] = digits::<9>(self.0 % NANOS_PER_S);
        [
            y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2,
            b'.', f1, f2, f3, f4, f5, f6, f7, f8, f9, b'Z',
        ]
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.to_bytes();
        f.pad(std::str::from_utf8(&bytes).expect("digits and punctuation are ASCII"))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let bytes: &[u8; TIME_BYTES] = text.as_bytes().try_into().map_err(|_| TimeError::Form)?;
        let [
            y1,
            y2,
            y3,
            y4,
            b'-',
            m1,
            m2,
            b'-',
            d1,
            d2,
            b'T',
            h1,
            h2,
            b':',
            n1,
            n2,
            b':',
            s1,
            s2,
            b'.',
            f1,
            f2,
            f3,
            f4,
            f5,
            f6,
            f7,
            f8,
            f9,
            b'Z',
        ] = *bytes
        else {
            return Err(TimeError::Form);
        };
        let year = bounded("year", number(&[y1, y2, y3, y4])?, 1970, 2261)?;
        let month = bounded("month", number(&[m1, m2])?, 1, 12)?;
        let day = bounded("day", number(&[d1, d2])?, 1, days_in_month(year, month))?;
        let hour = bounded("hour", number(&[h1, h2])?, 0, 23)?;
        let minute = bounded("minute", number(&[n1, n2])?, 0, 59)?;
        let second = bounded("second", number(&[s1, s2])?, 0, 59)?;
        let nanos = number(&[f1, f2, f3, f4, f5, f6, f7, f8, f9])?;
        let days = days_before(year, month) + day - 1;
        let seconds = days * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second;
        Ok(Self(seconds * NANOS_PER_S + nanos))
    }
}

/// The last `N` decimal digits of `value`, as ASCII.
fn digits<const N: usize>(mut value: u64) -> [u8; N] {
    let mut out = [b'0'; N];
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out
}

fn number(digits: &[u8]) -> Result<u64, TimeError> {
    digits.iter().try_fold(0, |sum, digit| {
        if digit.is_ascii_digit() {
            Ok(sum * 10 + u64::from(digit - b'0'))
        } else {
            Err(TimeError::Form)
        }
    })
}

fn bounded(field: &'static str, value: u64, min: u64, max: u64) -> Result<u64, TimeError> {
    if (min..=max).contains(&value) {
        Ok(value)
    } else if field == "year" && value > max {
        Err(TimeError::TooLate)
    } else {
        Err(TimeError::Field { field, value, min, max })
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of `month` of `year`.
///
/// The year is taken to begin in March, so that the leap day is its last; `(153 m + 2) / 5` then
/// gives the days before month `m`, whose lengths repeat 31 30 31 30 31.
fn days_before(year: u64, month: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (153 * month + 2) / 5 - DAYS_0_TO_1970
}

/// Days from 0000-03-01 to 1970-01-01 in the Gregorian calendar.
const DAYS_0_TO_1970: u64 = 719_468;

/// Year, month and day of the day `days` after 1970-01-01: the inverse of [`days_before`].
fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_0_TO_1970;
    let day_of_era = days % 146_097;
    // Years of 365 days would drift: take out the leap days that lie before this day.
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = days / 146_097 * 400 + year_of_era;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests;
