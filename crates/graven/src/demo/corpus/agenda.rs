//! What happens by the clock and not by chance: nightly jobs, month's ends, incidents.

use super::calendar::{DAY_NS, HOUR_NS, Timeline, civil, weekday};
use super::company::{BILLING, HR, IDENTITY, OBJECTS, PEOPLE, POSTGRES};
use super::incidents;
use super::line::{Outcome, Value};
use super::scene::Scene;

/// Below so many events an agenda would outweigh everyday life, and is left empty.
const EVENTS_MIN: usize = 5_000;
/// Nothing begins later than this before the end, so that no incident is cut short.
const LAST_BEGIN_NS: u64 = 6 * HOUR_NS;
const MINUTE_NS: u64 = 60_000_000_000;

pub(super) type Act = fn(&mut Scene<'_>);

pub(super) struct Agenda {
    /// Latest first, so that the next act is taken from the end.
    acts: Vec<(u64, Act)>,
}

/// Incidents: the part of the span that has passed in percent, the UTC hour and minute, and what.
const INCIDENTS: [(u64, u64, u64, Act); 7] = [
    (20, 15, 40, incidents::offboard_leaver),
    (27, 1, 13, incidents::leaver_returns),
    (38, 4, 31, incidents::leaked_token),
    (50, 10, 52, incidents::mass_export),
    (62, 22, 18, incidents::climb_and_delete),
    (74, 9, 5, incidents::agent_loops),
    (85, 13, 10, incidents::forged_letter),
];

impl Agenda {
    pub(super) fn new(timeline: &Timeline, events: usize) -> Self {
        let mut acts: Vec<(u64, Act)> = Vec::new();
        if events < EVENTS_MIN {
            return Self { acts };
        }
        let (first_day, days) =
            (timeline.start_ns / DAY_NS, (timeline.end_ns - timeline.start_ns) / DAY_NS);
        for day in first_day..=first_day + days {
            push_daily(&mut acts, day);
        }
        for (percent, hour, minute, act) in INCIDENTS {
            let day = first_day + days * percent / 100;
            acts.push((day * DAY_NS + hour * HOUR_NS + minute * MINUTE_NS, act));
        }
        acts.retain(|(at_ns, _)| {
            *at_ns >= timeline.start_ns && *at_ns + LAST_BEGIN_NS <= timeline.end_ns
        });
        acts.sort_by_key(|(at_ns, _)| std::cmp::Reverse(*at_ns));
        Self { acts }
    }

    /// The earlier of the next act's time and the given one.
    pub(super) fn earliest(&self, regular_ns: u64) -> u64 {
        self.acts.last().map_or(regular_ns, |(at_ns, _)| regular_ns.min(*at_ns))
    }

    pub(super) fn take_due(&mut self, now_ns: u64) -> Option<Act> {
        let (_, act) = self.acts.pop_if(|(at_ns, _)| *at_ns <= now_ns)?;
        Some(act)
    }
}

fn push_daily(acts: &mut Vec<(u64, Act)>, day: u64) {
    let midnight_ns = day * DAY_NS;
    acts.push((midnight_ns + 2 * HOUR_NS + 10 * MINUTE_NS, back_up));
    acts.push((midnight_ns + 3 * HOUR_NS + 30 * MINUTE_NS, expire_objects));
    if weekday(day.cast_signed()) == 0 {
        acts.push((midnight_ns + 5 * HOUR_NS, rotate_signing_key));
    }
    let (_, _, day_of_month) = civil(day.cast_signed());
    if day_of_month == 25 {
        acts.push((midnight_ns + 9 * HOUR_NS, run_payroll));
    }
    if day_of_month == 1 {
        acts.push((midnight_ns + 6 * HOUR_NS, close_ledger));
    }
}

fn back_up(scene: &mut Scene<'_>) {
    let backup = Value::Hex("base_", scene.rng.next());
    let line = scene
        .begin(&POSTGRES)
        .system("backup")
        .action("db.backup.start")
        .target("backup", backup)
        .outcome(Outcome::Success);
    scene.finish(line);
    scene.wait_minutes(8, 24);
    let size_bytes = scene.rng.range(1 << 39, 1 << 40);
    let broken = scene.rng.chance(6);
    let line = scene
        .begin(&POSTGRES)
        .system("backup")
        .action("db.backup.finish")
        .target("backup", backup)
        .outcome(if broken { Outcome::Failure } else { Outcome::Success })
        .data(|data| data.field("size_bytes", size_bytes).field("verified", !broken));
    scene.finish(line);
}

fn expire_objects(scene: &mut Scene<'_>) {
    let objects = scene.rng.range(20, 9_000);
    let line = scene
        .begin(&OBJECTS)
        .system("lifecycle")
        .action("object.expire")
        .list("target", |list| {
            list.item(|t| t.field("type", "bucket").field("id", "analytics-landing"))
                .item(|t| t.field("type", "bucket").field("id", "manifests"))
        })
        .outcome(Outcome::Success)
        .reason("older than 400 days")
        .data(|data| data.field("objects", objects));
    scene.finish(line);
}

fn rotate_signing_key(scene: &mut Scene<'_>) {
    let (old, new) = (scene.rng.next(), scene.rng.next());
    let line = scene
        .begin(&IDENTITY)
        .system("key-rotation")
        .action("key.rotate")
        .target("key", "session-signing-key")
        .outcome(Outcome::Success)
        .changes(|c| c.change("kid", Value::Hex("", old), Value::Hex("", new)));
    scene.finish(line);
}

fn run_payroll(scene: &mut Scene<'_>) {
    let total_cents = scene.world.salaries_cents.iter().sum::<u64>();
    let line = scene
        .begin_local(&HR, 0)
        .system("payroll")
        .action("payroll.run")
        .target("payroll", "monthly")
        .outcome(Outcome::Success)
        .data(|data| {
            data.field("employees", PEOPLE.len() as u64)
                .field("total", Value::Cents(total_cents))
                .field("currency", "EUR")
        });
    scene.finish(line);
}

fn close_ledger(scene: &mut Scene<'_>) {
    let entries = scene.rng.range(10_000, 40_000);
    let line = scene
        .begin(&BILLING)
        .system("ledger")
        .action("ledger.close")
        .target("period", "last-month")
        .outcome(Outcome::Success)
        .changes(|c| c.change("status", "open", "closed"))
        .data(|data| data.field("entries", entries));
    scene.finish(line);
}
