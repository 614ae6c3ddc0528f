//! Filling a log, as fast as it goes.

use crate::events::Events;
use crate::support::{Failure, submit, writer};
use log::{LogHandle, Pending};
use std::collections::VecDeque;

/// Events in a batch.
const BATCH_EVENTS: u64 = 100;
/// Batches in flight.
const IN_FLIGHT: usize = 32;

/// Appends `events` events and waits for all of them.
pub(crate) fn fill(log: &LogHandle, events: u64) -> Result<(), Failure> {
    let (writer, texts) = (writer()?, Events::new());
    let mut waiting: VecDeque<Pending> = VecDeque::with_capacity(IN_FLIGHT);
    for first in (0..events).step_by(BATCH_EVENTS as usize) {
        let oldest = if waiting.len() >= IN_FLIGHT { waiting.pop_front() } else { None };
        if let Some(oldest) = oldest {
            oldest.wait()?;
        }
        let numbers = first..events.min(first + BATCH_EVENTS);
        let batch = || numbers.clone().map(|number| texts.event(number)).collect();
        waiting.push_back(submit(log, &writer, batch)?);
    }
    for pending in waiting {
        pending.wait()?;
    }
    Ok(())
}
