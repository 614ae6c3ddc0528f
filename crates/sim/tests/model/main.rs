//! T37: the group commit under a model checker. Real cells run with all their threads; `shuttle` decides which thread goes
//! on whenever one could wait, and says so when none can: a lost wake-up is a deadlock.
//!
//! `cargo test -p graven-sim --features model --test model`; with `GRAVEN_SIM_FULL=1` more orders are tried.

use append::{Appended, Batch, Code, Refusal};
use env::{Fault, FaultKind, On};
use log::{Cell, Mutant};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner, thread};
use sim::{End, History, Outcome, Sent, World, check_cell, check_offline, event, writer};
use std::sync::{Arc, Mutex, PoisonError};

/// Stack of a modelled thread: making an ML-DSA-44 key takes most of it.
const STACK_BYTES: usize = 4 << 20;
/// The seed of both schedulers.
const SEED: u64 = 37;
/// Most changes of priority in one run (PCT's depth): few are enough for most faults of this kind.
const PRIORITY_CHANGES: usize = 3;

/// Tries orders of a model's steps: half at random, half by changing priorities.
fn check(model: fn(), orders: usize) {
    let full = std::env::var_os("GRAVEN_SIM_FULL").is_some_and(|value| value == "1");
    let orders = if full { orders * 20 } else { orders };
    run(RandomScheduler::new_from_seed(SEED, orders), model);
    run(PctScheduler::new_from_seed(SEED, PRIORITY_CHANGES, orders), model);
}

fn run(scheduler: impl Scheduler + 'static, model: fn()) {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    // What a cell does while it is dropped waits for threads that never go on again.
    config.ungraceful_shutdown_config.immediately_return_on_panic = true;
    Runner::new(scheduler, config).run(model);
}

/// What was acknowledged and would not have outlived a power cut, as the last run saw it.
fn lost() -> std::sync::MutexGuard<'static, Option<String>> {
    static LOST: Mutex<Option<String>> = Mutex::new(None);
    LOST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A machine with a cell, and producers on threads of their own.
struct Site {
    world: World,
    cell: Cell,
    history: Arc<Mutex<History>>,
}

impl Site {
    fn open(change: impl FnOnce(&mut World)) -> Site {
        let mut world = World::started(SEED);
        change(&mut world);
        let (cell, _) = world.open().expect("a sound machine starts");
        Site { world, cell, history: Arc::default() }
    }

    /// Sends one event and waits for its answer. What was acknowledged is on the disk in this very moment.
    fn produce(&self, number: u64) -> Result<Appended, Refusal> {
        let log = self.cell.log("main").expect("is there");
        let bytes = event(number, 20);
        let sent = Sent {
            log: "main".to_owned(),
            event: bytes.as_slice().into(),
            blob: None,
            outcome: Outcome::Unknown,
        };
        self.lock().sent.insert(number, sent);
        let answer = log.submit(&writer(), Batch::of(vec![bytes])).and_then(log::Pending::wait);
        if answer.is_err() {
            return answer;
        }
        let mut history = self.lock();
        history.answered(&[number], &answer).expect("one receipt, one root");
        let after = World::empty(SEED);
        after.disk.restore(&self.world.disk.snapshot());
        after.disk.crash();
        if let Err(violation) = check_offline(&after, &history) {
            *lost() = Some(violation.to_string());
            panic!("what was acknowledged does not outlive a power cut: {violation}");
        }
        answer
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the cell, and looks at what the next one finds.
    fn end(&self) {
        self.world.end(Some(&self.cell), End::PowerCut);
        let (cell, _) = self.world.open().expect("the next start succeeds");
        check_cell(&cell, &mut self.lock()).expect("it holds what was told");
        cell.stop();
    }
}

/// Runs these at the same time, until all have ended.
fn together(site: &Arc<Site>, each: impl IntoIterator<Item = fn(&Site)>) {
    let threads = each.into_iter().map(|run| {
        let site = Arc::clone(site);
        thread::spawn(move || run(&site))
    });
    let threads: Vec<_> = threads.collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
}

fn takes(site: &Site, number: u64) {
    site.produce(number).expect("a sound cell takes it");
}

fn takes_or_stops(site: &Site, number: u64) {
    if let Err(refusal) = site.produce(number) {
        assert_eq!(refusal.code, Code::Unavailable, "{refusal:?}");
    }
}

#[test]
fn t37_every_producer_is_answered_after_the_flush() {
    check(producers_and_all_else, 150);
}

fn producers_and_all_else() {
    let site = Arc::new(Site::open(|_| ()));
    let all: [fn(&Site); 4] = [
        |site| (0..2).for_each(|number| takes(site, number)),
        |site| (10..12).for_each(|number| takes(site, number)),
        |site| takes(site, 20),
        |site| {
            site.cell.unload().expect("a sound cell unloads");
            site.cell.seal_now().expect("a sound cell seals");
            site.cell.keep_now().expect("a sound cell keeps house");
        },
    ];
    together(&site, all);
    assert_eq!(site.cell.log("main").expect("is there").info().size.0, 6);
    site.end();
}

#[test]
fn t37_the_queue_is_bounded() {
    check(more_than_the_queue_takes, 100);
}

/// Events that wait at once at most, in this model.
const QUEUE_EVENTS: usize = 2;

fn more_than_the_queue_takes() {
    let site = Arc::new(Site::open(|world| world.limits.queue_events = QUEUE_EVENTS));
    let refused = |site: &Site, number| {
        if let Err(refusal) = site.produce(number) {
            assert_eq!(refusal.code, Code::Busy, "{refusal:?}");
            site.lock().sent.get_mut(&number).expect("sent").outcome = Outcome::Refused;
        }
        assert!(site.cell.health().queued_events <= QUEUE_EVENTS, "the queue is over its limit");
    };
    let threads = (0..4).map(|number| {
        let site = Arc::clone(&site);
        thread::spawn(move || refused(&site, number))
    });
    let threads: Vec<_> = threads.collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
    // Whatever room was taken has been given back.
    assert_eq!(site.cell.health().queued_events, 0);
    takes(&site, 50);
    site.end();
}

#[test]
fn t37_a_stop_answers_whoever_waits() {
    check(stop_while_producers_wait, 150);
}

fn stop_while_producers_wait() {
    let site = Arc::new(Site::open(|_| ()));
    let all: [fn(&Site); 3] = [
        |site| (0..2).for_each(|number| takes_or_stops(site, number)),
        |site| takes_or_stops(site, 10),
        |site| site.cell.stop(),
    ];
    together(&site, all);
    site.end();
}

#[test]
fn t37_a_failed_flush_answers_whoever_waits() {
    check(fail_while_producers_wait, 150);
}

fn fail_while_producers_wait() {
    let site = Arc::new(Site::open(|_| ()));
    let kind = FaultKind::Io { persisted: false };
    site.world.disk.fail(Fault { on: On::Write, after: 1, forever: true, kind });
    let all: [fn(&Site); 3] = [
        |site| (0..2).for_each(|number| takes_or_stops(site, number)),
        |site| takes_or_stops(site, 10),
        // It is told that the cell has stopped, or was before it did.
        |site| site.cell.seal_now().unwrap_or(()),
    ];
    together(&site, all);
    site.end();
}

/// Not by the panic's text: the checker ends in one of its own, depending on the thread that panics.
#[test]
fn mutant_ack_before_flush_is_killed_by_the_model() {
    let run = std::panic::catch_unwind(|| check(answer_too_early, 100));
    assert!(run.is_err(), "the mutant must be visible");
    let lost = lost().take();
    assert!(lost.is_some(), "and it must be seen by what a power cut leaves");
}

fn answer_too_early() {
    let site = Arc::new(Site::open(|_| ()));
    site.cell.mutants().switch_on(Mutant::AckBeforeFlush);
    takes(&site, 0);
    site.end();
}
