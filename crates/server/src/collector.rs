//! A collector of OpenTelemetry, which is told by OTLP over HTTP in JSON.

use std::time::Duration;

use ureq::Agent;

/// Where metrics go to.
#[derive(Debug)]
pub(crate) struct Collector {
    agent: Agent,
    /// The endpoint, with the path of metrics.
    pub(crate) url: String,
}

impl Collector {
    /// A collector at this base address, which has so long to answer.
    pub(crate) fn new(endpoint: &str, time: Duration) -> Collector {
        let config = Agent::config_builder()
            .max_redirects(0)
            .user_agent(concat!("graven/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(time));
        let url = format!("{}/v1/metrics", endpoint.trim_end_matches('/'));
        Collector { agent: config.build().new_agent(), url }
    }

    /// Sends one export, and waits for its answer. Blocks.
    pub(crate) fn send(&self, body: &[u8]) -> Result<(), ureq::Error> {
        let request = self.agent.post(&self.url).header("content-type", "application/json");
        request.send(body).map(drop)
    }
}
