//! Tells a collector of OpenTelemetry the server's metrics, by OTLP over HTTP in JSON.
//!
//! Nothing waits for the collector, and what it did not take is not sent again: every export tells all since the start.

use std::sync::Arc;

use append::Refusal;
use tokio::time::timeout;

use crate::collector::Collector;
use crate::metrics::{self, otlp};
use crate::shared::Shared;

/// Tells the collector at the start, at intervals, and when the server stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let Some(collector) = shared.collector.clone() else { return };
    let mut stopping = shared.stopping.clone();
    let mut is_known_bad = false;
    loop {
        let is_last = *stopping.borrow();
        let told = tell(&shared, &collector).await;
        if told.is_err() {
            shared.counters.telemetry_failed();
        }
        match told {
            // Once for each time that it goes away: a collector may be away for days.
            Err(why) if !is_known_bad => {
                tracing::warn!(url = collector.url, why, "metrics do not reach their collector");
                is_known_bad = true;
            }
            Ok(()) if is_known_bad => {
                tracing::warn!(url = collector.url, "metrics reach their collector again");
                is_known_bad = false;
            }
            _ => {}
        }
        if is_last {
            return;
        }
        // Whichever comes first is looked at above.
        drop(timeout(shared.limits.telemetry_every, stopping.wait_for(|stops| *stops)).await);
    }
}

async fn tell(shared: &Arc<Shared>, collector: &Arc<Collector>) -> Result<(), String> {
    let cell = shared.cell.clone();
    let read = shared.blocking(move || (cell.metrics(), cell.health())).await;
    let (of_log, health) = read.map_err(|refusal: Refusal| refusal.to_string())?;
    let families = metrics::gather(shared, &of_log, &health);
    let (start_ns, now_ns) = (shared.started.unix_ns(), shared.gate.now().unix_ns());
    // There is one from the first start on.
    let system = shared.cell.system_logs().pop();
    let instance = system.map(|log| log.origin().to_string()).unwrap_or_default();
    let body = otlp::body(&families, &instance, otlp::Span { start_ns, now_ns });
    let collector = Arc::clone(collector);
    let sent = tokio::task::spawn_blocking(move || collector.send(&body)).await;
    sent.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}
