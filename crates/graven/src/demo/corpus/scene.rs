//! What an episode is played on: its clock, the random numbers, the world, and the queue that puts
//! the steps of all episodes in order.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::DemoEvent;
use super::calendar::{DAY_NS, ZONES};
use super::company::{DESK_BROWSERS, LEAVER, PEOPLE, PUBLIC_BROWSERS, Person, Role, Stream};
use super::line::{Client, Ip, Line, Trace};
use super::prng::{Prng, RANKS_MAX, mix};
use super::world::World;

const WAKING_TRIES_MAX: u32 = 12;

/// Written events that wait for their turn. It holds only the later steps of episodes that have
/// begun: at most the span of the longest episode, a few hours of an incident.
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Queued>>,
    /// Events accepted so far; never above `events_max`.
    pub(super) planned: usize,
    events_max: usize,
    end_ns: u64,
}

struct Queued {
    order: usize,
    event: DemoEvent,
}

/// A person at work: who, in which session, from where, within which trace.
#[derive(Clone, Copy)]
pub(super) struct Staff {
    pub(super) person: &'static Person,
    pub(super) session: u64,
    pub(super) client: Client,
    pub(super) trace: Trace,
}

/// What someone at work does of their own accord.
pub(super) type Habit = fn(&mut Scene<'_>, Staff);

/// A customer on the web or in the app.
#[derive(Clone, Copy)]
pub(super) struct Visitor {
    pub(super) customer: u64,
    pub(super) session: u64,
    pub(super) client: Client,
    pub(super) trace: Trace,
}

pub(super) struct Scene<'a> {
    pub(super) rng: &'a mut Prng,
    pub(super) world: &'a mut World,
    pub(super) now_ns: u64,
    queue: &'a mut Queue,
}

impl Queue {
    pub(super) fn new(events_max: usize, end_ns: u64) -> Self {
        Self { heap: BinaryHeap::new(), planned: 0, events_max, end_ns }
    }

    pub(super) fn is_full(&self) -> bool {
        self.planned == self.events_max
    }

    /// The earliest event, if it is before `until_ns`.
    pub(super) fn pop_before(&mut self, until_ns: u64) -> Option<DemoEvent> {
        if self.heap.peek()?.0.event.unix_ns >= until_ns {
            return None;
        }
        self.pop()
    }

    pub(super) fn pop(&mut self) -> Option<DemoEvent> {
        self.heap.pop().map(|Reverse(queued)| queued.event)
    }

    /// What comes after the last planned event is dropped: an episode at the end may be cut short.
    fn push(&mut self, line: Line) {
        if self.is_full() {
            return;
        }
        let order = self.planned;
        self.planned += 1;
        let event = DemoEvent { stream: line.stream, unix_ns: line.at_ns, json: line.finish() };
        self.heap.push(Reverse(Queued { order, event }));
    }
}

impl Queued {
    fn key(&self) -> (u64, usize) {
        (self.event.unix_ns, self.order)
    }
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        rng: &'a mut Prng,
        world: &'a mut World,
        now_ns: u64,
        queue: &'a mut Queue,
    ) -> Self {
        Self { rng, world, now_ns, queue }
    }

    /// Begins an event of a stream that writes UTC.
    pub(super) fn begin(&mut self, stream: &Stream) -> Line {
        let random = (self.rng.next(), self.rng.next());
        Line::new(stream, self.now_ns, None, random)
    }

    /// Begins an event of a stream that writes the local time of an office.
    pub(super) fn begin_local(&mut self, stream: &Stream, zone: usize) -> Line {
        let random = (self.rng.next(), self.rng.next());
        Line::new(stream, self.now_ns, Some(&ZONES[zone]), random)
    }

    pub(super) fn finish(&mut self, line: Line) {
        self.queue.push(line);
    }

    /// Lets time pass. It never leaves the month.
    pub(super) fn wait_ms(&mut self, min_ms: u64, max_ms: u64) {
        let wait_ns = self.rng.range(min_ms * 1_000_000, max_ms * 1_000_000);
        self.now_ns = (self.now_ns + wait_ns).min(self.queue.end_ns - 1);
    }

    pub(super) fn wait_minutes(&mut self, min: u64, max: u64) {
        self.wait_ms(min * 60_000, max * 60_000);
    }

    pub(super) fn trace(&mut self) -> Trace {
        Trace(self.rng.next(), self.rng.next())
    }

    /// The person at work today: one session a day, from the office or from home.
    pub(super) fn staff(&mut self, person: &'static Person) -> Staff {
        let position = position(person);
        let session = mix((position << 32) ^ (self.now_ns / DAY_NS));
        let client = Client {
            ip: staff_ip(position, person.zone, session),
            user_agent: DESK_BROWSERS[(position % DESK_BROWSERS.len() as u64) as usize],
        };
        Staff { person, session, client, trace: self.trace() }
    }

    /// Someone of an office, the busy ones more often, who has not left.
    pub(super) fn someone(&mut self, zone: usize) -> &'static Person {
        let first = PEOPLE.iter().position(|person| person.zone == zone).unwrap_or(0);
        let count = PEOPLE.iter().filter(|person| person.zone == zone).count();
        let person = &PEOPLE[first + self.rng.rank(count)];
        self.present(person)
    }

    /// Anyone of the company who has not left, evenly.
    pub(super) fn anyone(&mut self) -> &'static Person {
        let person = &PEOPLE[self.rng.below(PEOPLE.len() as u64) as usize];
        self.present(person)
    }

    /// Someone of this role who has not left.
    pub(super) fn colleague(&mut self, role: Role) -> &'static Person {
        let count = PEOPLE.iter().filter(|person| person.role == role).count() as u64;
        let chosen = self.rng.below(count) as usize;
        let person = PEOPLE.iter().filter(|person| person.role == role).nth(chosen);
        self.present(person.unwrap_or(&PEOPLE[0]))
    }

    /// Someone in whose office it is day, unless that takes too many tries.
    pub(super) fn someone_awake(&mut self) -> &'static Person {
        let minutes = (self.now_ns / 60_000_000_000).cast_signed();
        for _ in 0..WAKING_TRIES_MAX {
            let zone = self.rng.rank(ZONES.len());
            let local_hour = (minutes + ZONES[zone].offset_minutes).div_euclid(60).rem_euclid(24);
            if (7..20).contains(&local_hour) {
                return self.someone(zone);
            }
        }
        self.anyone()
    }

    /// A customer: a third of the visits are by regulars.
    pub(super) fn visitor(&mut self) -> Visitor {
        let known = if self.rng.chance(33) {
            self.rng.rank(RANKS_MAX) as u64
        } else {
            self.rng.below(RANKS_MAX as u64)
        };
        let customer = mix(known | (0xc057 << 32));
        let ip = if customer.is_multiple_of(3) {
            Ip::V6((customer >> 16) as u16, (customer >> 32) as u16)
        } else {
            Ip::V4([198, 51, 100, 1 + (customer >> 8) as u8 % 254])
        };
        let user_agent = PUBLIC_BROWSERS[(customer >> 40) as usize % PUBLIC_BROWSERS.len()];
        let session = self.rng.next();
        Visitor { customer, session, client: Client { ip, user_agent }, trace: self.trace() }
    }

    /// The address of some pod.
    pub(super) fn pod_ip(&mut self) -> Ip {
        let host = self.rng.next();
        Ip::V4([10, 42, (host % 12) as u8, 2 + (host >> 8) as u8 % 250])
    }

    fn present(&self, person: &'static Person) -> &'static Person {
        let gone = self.now_ns >= self.world.left_ns;
        if gone && std::ptr::eq(person, LEAVER) { &PEOPLE[2] } else { person }
    }
}

/// Position in the list of people.
pub(super) fn position(person: &Person) -> u64 {
    PEOPLE.iter().position(|other| other.handle == person.handle).unwrap_or(0) as u64
}

/// Three days in four at the office, else at home behind a public address.
fn staff_ip(position: u64, zone: usize, session: u64) -> Ip {
    let host = 10 + position as u8;
    match session % 8 {
        0 => Ip::V4([203, 0, 113, host]),
        1 => Ip::V4([192, 168, 1 + zone as u8, host]),
        _ => Ip::V4([10, 8, zone as u8, host]),
    }
}
