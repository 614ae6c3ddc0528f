//! Many logs at once, beside one.

use crate::bench::log::kit::Kit;
use crate::bench::log::line::{Goal, Line};
use crate::bench::log::number::{median, number};

/// Events in flight: 16 for each of 1,000 logs.
const IN_FLIGHT: &str = "16000";

/// Runs `many_logs`.
pub(super) fn many_logs(kit: &mut Kit) -> Result<Vec<Line>, String> {
    let (mut one, mut many) = (Vec::new(), Vec::new());
    for _ in 0..kit.counts.rounds {
        let mut command = kit.example("many_logs");
        command.args([kit.counts.single_events.to_string(), kit.counts.logs.to_string()]);
        command.arg(IN_FLIGHT);
        let value = kit.run_json("many_logs", command.arg(kit.dir()))?;
        one.push(number(&value, "/limit")?);
        many.push(number(&value, "/rate")?);
    }
    let figure = format!("appends in process, {} logs, {IN_FLIGHT} in flight", kit.counts.logs);
    let line = Line::new(figure, "/s", median(many)?, "one log", Ok(median(one)?));
    Ok(vec![line.asked(Goal::AtLeast(0.7))])
}
