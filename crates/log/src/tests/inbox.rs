//! The inbox: what the commit thread gets up for.

use crate::inbox::{Inbox, Taken, Work};
use std::sync::mpsc::channel;

/// Whether this much work with these commits is enough.
fn check((weight, commits): (usize, usize), enough: usize, expected: bool) {
    let taken = Taken { commits, weight, ..Taken::default() };
    assert_eq!(taken.is_enough(enough), expected, "{weight} and {commits} commits for {enough}");
}

#[test]
fn a_few_events_are_not_enough_while_the_journal_is_busy() {
    check((0, 0), 1, false);
    check((1, 0), 1, true);
    check((31, 0), 32, false);
    check((32, 0), 32, true);
    check((100, 0), usize::MAX, false);
}

#[test]
fn a_commit_is_always_enough() {
    check((0, 1), 1, true);
    check((1, 1), 32, true);
    check((0, 1), usize::MAX, true);
}

/// What is not an event is rare, and somebody waits for it.
#[test]
fn other_work_is_always_enough() {
    let (reply, _carried) = channel();
    for work in [Work::Stop, Work::Seal { reply: None }, Work::Carry { reply }] {
        let inbox = Inbox::default();
        inbox.push(work);
        assert!(inbox.take_now().is_enough(usize::MAX), "it waits");
    }
}
