//! T28: the wall clock steps. Time in the log increases, or appends wait.

use crate::support::{ONE, look, pass};
use append::{Batch, Code};
use env::Clock;
use graven_entry::{Clock as Word, Entry};
use graven_merkle::LeafIndex;
use log::Cell;
use sim::{Client, End, Step, World, check_cell, event, writer};

const DAY_NS: i64 = 86_400 * 1_000_000_000;

/// What a step of the wall clock does to the next append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It is taken, with a time of the clock's.
    Taken,
    /// It is taken, with the last time and a nanosecond, and says so.
    Held,
    /// It waits until the clock returns.
    Waits,
}

fn last_word(cell: &Cell) -> Word {
    let log = cell.log("main").expect("is there");
    let bytes = log.entry(LeafIndex(log.info().size.0 - 1)).expect("an entry");
    Entry::parse(&bytes).expect("well-formed").header.clock
}

/// The clock steps while a cell runs, or between two starts.
fn check(step_ns: i64, while_running: bool, then: Then) {
    let context = format!("a step of {step_ns} ns, while running {while_running}");
    let (world, mut client) = (World::started(28), Client::new());
    let (mut cell, _) = world.open().expect("starts");
    assert_eq!(client.step(&cell, ONE), Ok(true), "{context}");
    if !while_running {
        world.end(Some(&cell), End::Stop);
    }
    let before_ns = world.clock.wall_ns();
    world.clock.step_wall(step_ns);
    if !while_running {
        cell = world.open().unwrap_or_else(|error| panic!("{context}: {error}")).0;
    }
    let log = cell.log("main").expect("is there");
    let answer = log.submit(&writer(), Batch::of(vec![event(500_000, 0)]));
    let answer = answer.and_then(log::Pending::wait);
    match then {
        Then::Waits => {
            assert_eq!(answer.expect_err("it waits").code, Code::Unavailable, "{context}");
            world.clock.set_wall_ns(before_ns + 1_000_000_000);
            assert_eq!(client.step(&cell, ONE), Ok(true), "{context}: it goes on");
        }
        Then::Taken | Then::Held => {
            assert!(answer.is_ok(), "{context}: {answer:?}");
            let is_held = last_word(&cell) == Word::Held;
            assert_eq!(is_held, then == Then::Held, "{context}");
            let receipt = &answer.expect("taken").receipts[0];
            let sent = sim::Sent {
                log: "main".to_owned(),
                event: event(500_000, 0).into(),
                blob: None,
                outcome: sim::Outcome::Acked {
                    index: receipt.index,
                    leaf: receipt.leaf_hash,
                    time: receipt.time.clone(),
                },
            };
            client.history.sent.insert(500_000, sent);
        }
    }
    pass(check_cell(&cell, &mut client.history), &context);
    assert_eq!(client.step(&cell, Step::Seal), Ok(true), "{context}");
    world.end(Some(&cell), End::PowerCut);
    pass(look(&world, &mut client), &context);
}

#[test]
fn t28_the_clock_steps() {
    check(0, true, Then::Taken);
    check(1_000_000_000, true, Then::Taken);
    check(-1_000_000_000, true, Then::Held);
    check(-400 * DAY_NS, true, Then::Held);
    check(3_650 * DAY_NS, true, Then::Waits);
    check(2 * DAY_NS, true, Then::Waits);
    check(-1_000_000_000, false, Then::Held);
    check(30 * DAY_NS, false, Then::Taken);
    check(3_650 * DAY_NS, false, Then::Waits);
    check(-500 * DAY_NS, false, Then::Waits);
}
