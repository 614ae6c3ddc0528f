//! From `kill -9` to the first accepted append, with a large log and with a small one.

use std::path::Path;
use std::time::Instant;

use crate::bench::log::kit::Kit;
use crate::bench::log::large::Large;
use crate::bench::log::line::{Goal, Line};
use crate::bench::log::load::Load;
use crate::bench::log::number::median;

/// Measures both in turns.
pub(super) fn restart(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let (data, events) = kit.large().map(|large| (large.data.clone(), large.events))?;
    let small = Large::fill(kit, "small", kit.counts.small_events)?;
    let (mut large_ms, mut small_ms) = (Vec::new(), Vec::new());
    for kill in 0..kit.counts.kills as u64 {
        large_ms.push(kill_and_append_ms(kit, &data, events, kill)?);
        small_ms.push(kill_and_append_ms(kit, &small.data, small.events, kill)?);
    }
    let range = |times: &[f64]| {
        let (min, max) = times.iter().fold((f64::MAX, 0.0_f64), |(a, b), t| (a.min(*t), b.max(*t)));
        format!("{min:.0} to {max:.0} ms")
    };
    let spread = format!("large {}, small {}", range(&large_ms), range(&small_ms));
    let line = Line::new(
        format!("kill -9 to first append, {events} entries"),
        "ms",
        median(large_ms)?,
        format!("{} entries", small.events),
        Ok(median(small_ms)?),
    );
    let note = format!(
        "medians of {} kills, each after {} more events, so that the journal is as full as it happens to be; {spread}",
        kit.counts.kills, kit.counts.kill_events
    );
    Ok(vec![line.asked(Goal::AtMost(1.5)).note(note)])
}

/// Appends, kills the server, starts it again and appends once: milliseconds from the kill to that receipt.
fn kill_and_append_ms(kit: &Kit, data: &Path, used: u64, kill: u64) -> Result<f64, String> {
    let each = kit.counts.kill_events + 1;
    let first = used + kill * each;
    let path = "/api/v1/logs/main/events";
    let server = kit.serve(data)?;
    kit.load(&server, path, Load { events: each - 1, first, connections: 64, batch: 100 })?;
    let began = Instant::now();
    server.kill()?;
    let server = kit.serve(data)?;
    kit.load(&server, path, Load { events: 1, first: first + each - 1, connections: 1, batch: 1 })?;
    let elapsed_ms = began.elapsed().as_secs_f64() * 1e3;
    server.stop()?;
    Ok(elapsed_ms)
}
