//! Random reads with proof, beside bare reads from the same files.

use crate::bench::log::kit::Kit;
use crate::bench::log::line::{Goal, Line};
use crate::bench::log::number::number;

/// Warm reads a second that one core must reach.
const WARM_PER_S_MIN: f64 = 50_000.0;

/// Runs `read_rate`, which fills a log of its own: its reads must find all of it unloaded.
pub(super) fn reads(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let mut command = kit.example("read_rate");
    command.args([kit.counts.large_events.to_string(), kit.counts.reads.to_string()]);
    let value = kit.run_json("read_rate", command.arg(kit.dir()))?;
    let events = number(&value, "/events")?;
    let line = |figure: String, ours: &str, beside: &str, raw: &str| {
        let (ours, raw) = (number(&value, ours)?, number(&value, raw)?);
        Ok::<Line, String>(Line::new(figure, "/s", ours, beside, Ok(raw)))
    };
    let cold = format!("entry with proof, of {events:.0}, page cache dropped");
    let spread = "entry with proof, anywhere, page cache warm".to_owned();
    let warm = Line::new(
        "entry with proof, bundles decoded (warm)",
        "/s",
        number(&value, "/warm")?,
        "asked of a core",
        Ok(WARM_PER_S_MIN),
    );
    Ok(vec![
        line(cold, "/cold", "pread of 64 KiB, page cache dropped", "/raw_cold")?,
        line(spread, "/spread", "pread of 64 KiB, page cache warm", "/raw_warm")?,
        warm.asked(Goal::AtLeast(1.0)),
    ])
}
