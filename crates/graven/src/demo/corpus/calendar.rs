//! When things happen: offices' working hours, weekends and holidays, customers' days, and the
//! constant hum of machines, as one weight an hour. Daylight saving time is left out.

use std::time::Duration;

/// Longest span of a corpus; a larger one is cut to it.
pub(super) const DAYS_MAX: u32 = 3_660;
pub(super) const DAY_NS: u64 = 24 * HOUR_NS;
pub(super) const HOUR_NS: u64 = 3_600_000_000_000;

/// Latest start, so that the end still has a four-digit year and fits in signed 64-bit nanoseconds.
const START_NS_MAX: u64 = i64::MAX as u64 - DAYS_MAX as u64 * DAY_NS;
/// Weights are scaled by this, so that ten million events still fall on different microseconds.
const WEIGHT_SCALE: u64 = 1 << 20;
const SOURCES: usize = 3 + ZONES.len();

/// Share of a full working hour, by local hour of the day.
const OFFICE_PERCENT: [u32; 24] = [
    1, 0, 0, 0, 0, 1, 6, 30, 80, 100, 100, 95, 55, 85, 95, 90, 70, 35, 12, 8, 6, 4, 2, 1, //
];
/// Customers' load by hour of the day in UTC: they book in the evening.
const CUSTOMER_PERCENT: [u32; 24] = [
    12, 8, 6, 6, 9, 18, 34, 52, 63, 66, 64, 62, 66, 63, 60, 62, 68, 78, 92, 100, 96, 74, 44,
    22, //
];

/// An office, in whose time its people work.
pub(super) struct Zone {
    pub(super) name: &'static str,
    pub(super) offset_minutes: i64,
    pub(super) offset: &'static str,
    /// Month and day of public holidays.
    holidays: &'static [(u32, u32)],
    /// Weight of a full working hour, and how much of it is left at weekends and on holidays.
    load: u32,
    weekend_percent: u32,
}

pub(super) static ZONES: [Zone; 4] = [
    Zone {
        name: "halden",
        offset_minutes: 60,
        offset: "+01:00",
        holidays: &[(1, 1), (5, 1), (5, 17), (12, 24), (12, 25), (12, 26), (12, 31)],
        load: 190,
        weekend_percent: 4,
    },
    Zone {
        name: "lisbon",
        offset_minutes: 0,
        offset: "+00:00",
        holidays: &[
            (1, 1),
            (4, 25),
            (6, 10),
            (8, 15),
            (10, 5),
            (11, 1),
            (12, 1),
            (12, 8),
            (12, 25),
        ],
        load: 90,
        weekend_percent: 4,
    },
    Zone {
        name: "cebu",
        offset_minutes: 480,
        offset: "+08:00",
        holidays: &[(1, 1), (4, 9), (6, 12), (8, 31), (11, 1), (11, 30), (12, 25), (12, 30)],
        load: 120,
        weekend_percent: 45,
    },
    Zone {
        name: "st-johns",
        offset_minutes: -210,
        offset: "-03:30",
        holidays: &[(1, 1), (7, 1), (9, 30), (11, 11), (12, 25), (12, 26)],
        load: 60,
        weekend_percent: 6,
    },
];

/// Who starts an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Machine,
    Customer,
    Agent,
    /// A person of the office at this position in [`ZONES`].
    Staff(usize),
}

/// The span of a corpus and how busy each of its hours is.
pub(super) struct Timeline {
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    hours: Vec<[u32; SOURCES]>,
    /// Sum of the scaled weights before each hour, and the total at the end.
    sums: Vec<u64>,
}

impl Timeline {
    pub(super) fn new(start: Duration, days: u32) -> Self {
        let start_ns = start.as_nanos().min(u128::from(START_NS_MAX)) as u64;
        let days = u64::from(days.clamp(1, DAYS_MAX));
        let hours: Vec<_> =
            (0..days * 24).map(|hour| hour_weights(start_ns + hour * HOUR_NS)).collect();
        let mut sums = vec![0];
        let mut total = 0;
        for weights in &hours {
            total += u64::from(weights.iter().sum::<u32>()) * WEIGHT_SCALE;
            sums.push(total);
        }
        Self { start_ns, end_ns: start_ns + days * DAY_NS, hours, sums }
    }

    /// The time at which `part` of `whole` events have happened, plus `jitter` / 2³² of an event.
    /// Never decreases as `part` grows.
    pub(super) fn time_ns(&self, part: usize, whole: usize, jitter: u32) -> u64 {
        let total = u128::from(self.sums[self.hours.len()]);
        let wanted = ((part as u128) << 32) + u128::from(jitter);
        let position = ((wanted * total) >> 32) / (whole.max(1) as u128);
        let position = position.min(total - 1) as u64;
        let hour = self.sums.partition_point(|sum| *sum <= position) - 1;
        let (before, after) = (self.sums[hour], self.sums[hour + 1]);
        let within = u128::from(position - before) * u128::from(HOUR_NS);
        self.start_ns + hour as u64 * HOUR_NS + (within / u128::from(after - before)) as u64
    }

    /// Whom a draw below 2³² falls on at this time.
    pub(super) fn source(&self, at_ns: u64, draw: u32) -> Source {
        let hour = ((at_ns - self.start_ns) / HOUR_NS) as usize;
        let weights = &self.hours[hour.min(self.hours.len() - 1)];
        let total = u64::from(weights.iter().sum::<u32>());
        let mut rest = ((u64::from(draw) * total) >> 32) as u32;
        let mut chosen = 0;
        while rest >= weights[chosen] {
            rest -= weights[chosen];
            chosen += 1;
        }
        match chosen {
            0 => Source::Machine,
            1 => Source::Customer,
            2 => Source::Agent,
            zone => Source::Staff(zone - 3),
        }
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
pub(super) fn civil(day: i64) -> (i64, u32, u32) {
    // Years that begin in March put the leap day last, so that months have regular lengths.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month.cast_unsigned() as u32, day.cast_unsigned() as u32)
}

/// 0 is Monday.
pub(super) fn weekday(day: i64) -> usize {
    (day + 3).rem_euclid(7).cast_unsigned() as usize
}

fn hour_weights(at_ns: u64) -> [u32; SOURCES] {
    let hour = (at_ns / HOUR_NS).cast_signed();
    let (day, utc_hour) = (hour.div_euclid(24), hour.rem_euclid(24) as usize);
    let night_batch = if (1..4).contains(&utc_hour) { 90 } else { 0 };
    // Friday and Sunday are travelling days.
    let travel_percent = [85, 80, 85, 95, 130, 105, 125][weekday(day)];
    let mut weights = [0; SOURCES];
    weights[0] = 110 + night_batch;
    weights[1] = CUSTOMER_PERCENT[utc_hour] * travel_percent * 3 / 100;
    weights[2] = 12;
    for (slot, zone) in weights[3..].iter_mut().zip(&ZONES) {
        *slot = zone_weight(zone, at_ns);
    }
    // Agents work while the people for whom they act do.
    weights[2] += weights[3..].iter().sum::<u32>() / 9;
    weights
}

fn zone_weight(zone: &Zone, at_ns: u64) -> u32 {
    let minutes = (at_ns / 60_000_000_000).cast_signed() + zone.offset_minutes;
    let day = minutes.div_euclid(24 * 60);
    let hour = minutes.rem_euclid(24 * 60) / 60;
    let (_, month, day_of_month) = civil(day);
    let percent = if zone.holidays.contains(&(month, day_of_month)) {
        zone.weekend_percent / 2
    } else if weekday(day) >= 5 {
        zone.weekend_percent
    } else {
        100
    };
    zone.load * OFFICE_PERCENT[hour.cast_unsigned() as usize] * percent / 10_000
}
