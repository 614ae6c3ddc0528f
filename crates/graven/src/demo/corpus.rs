//! A month of audit events of Halden Ferries, a company that does not exist: the input of the demo,
//! of benches and of tests. Pure and deterministic: one seed, start and size give the same bytes
//! everywhere. It needs nothing from the rest of the crate, so a bench may include it with
//! `#[path = "…/src/demo"] mod demo { pub(crate) mod corpus; }`.
//!
//! Episodes (a booking, a rollout, an agent's run) begin along a [`Timeline`] that knows offices'
//! hours, and write their steps into a [`Queue`] that puts the steps of all episodes in order.
//! Beside them an agenda brings what happens by the clock: backups, payroll, and six incidents.

mod agenda;
mod agents;
mod calendar;
mod company;
mod engineering;
mod incidents;
mod line;
mod machines;
mod money;
mod office;
mod prng;
mod scene;
mod visitors;
mod world;

#[cfg(test)]
mod tests;

use std::time::Duration;

use agenda::Agenda;
use calendar::{Source, Timeline};
use prng::Prng;
use scene::{Queue, Scene};
use world::World;

/// One event of the demo company, as its producer hands it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DemoEvent {
    /// Which producer wrote it; a valid stream name.
    pub(crate) stream: &'static str,
    /// When it happened, in nanoseconds since 1970; `time` in the event is this, cut to the
    /// producer's precision.
    pub(crate) unix_ns: u64,
    /// The event: one JSON object on one line, without a line break.
    pub(crate) json: String,
}

/// The events of a span of days, in time order.
pub(crate) struct Corpus {
    rng: Prng,
    world: World,
    timeline: Timeline,
    agenda: Agenda,
    queue: Queue,
    events: usize,
    /// When the next episode begins; events up to then are final.
    next_ns: u64,
}

impl Corpus {
    /// Exactly `events` events, the first at `start` (time since 1970), all before `days` days have
    /// passed. `days` is brought into 1..=3660, a `start` too late for 64-bit nanoseconds to the
    /// latest possible. Incidents and nightly jobs appear from 5,000 events up.
    pub(crate) fn new(seed: u64, start: Duration, days: u32, events: usize) -> Self {
        let mut rng = Prng::new(seed);
        let world = World::new(&mut rng);
        let timeline = Timeline::new(start, days);
        let agenda = Agenda::new(&timeline, events);
        let queue = Queue::new(events, timeline.end_ns);
        let next_ns = timeline.start_ns;
        Self { rng, world, timeline, agenda, queue, events, next_ns }
    }

    /// Plays the episode that is due and finds when the next one begins.
    fn play_next(&mut self) {
        let due = self.agenda.take_due(self.next_ns);
        let draw = (self.rng.next() >> 32) as u32;
        let source = self.timeline.source(self.next_ns, draw);
        let mut scene = Scene::new(&mut self.rng, &mut self.world, self.next_ns, &mut self.queue);
        match (due, source) {
            (Some(act), _) => act(&mut scene),
            (None, Source::Machine) => machines::play(&mut scene),
            (None, Source::Customer) => visitors::play(&mut scene),
            (None, Source::Agent) => agents::play(&mut scene),
            (None, Source::Staff(zone)) => office::play(&mut scene, zone),
        }
        let jitter = (self.rng.next() >> 32) as u32;
        let regular_ns = self.timeline.time_ns(self.queue.planned, self.events, jitter);
        // The clock never runs back, although a draw may fall before an act of the agenda.
        self.next_ns = self.agenda.earliest(regular_ns).max(self.next_ns);
    }
}

impl Iterator for Corpus {
    type Item = DemoEvent;

    fn next(&mut self) -> Option<DemoEvent> {
        while !self.queue.is_full() {
            if let Some(event) = self.queue.pop_before(self.next_ns) {
                return Some(event);
            }
            self.play_next();
        }
        self.queue.pop()
    }
}
