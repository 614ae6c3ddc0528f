//! Filling the large log, by a real server over HTTP.

use super::kit::Kit;
use super::large::Large;
use super::load::Load;

/// Connections that fill a log, and events of each request.
const CONNECTIONS: u64 = 64;
const BATCH: u64 = 100;

impl Large {
    /// Fills a new log with that many events and stops its server.
    pub(super) fn fill(kit: &Kit, name: &str, events: u64) -> Result<Large, String> {
        let data = kit.folder(name)?;
        let server = kit.serve(&data)?;
        let load = Load { events, first: 0, connections: CONNECTIONS, batch: BATCH };
        let loaded = kit.load(&server, "/api/v1/logs/main/events", load)?;
        let memory_bytes_max = server.memory_bytes_max()?;
        server.stop()?;
        Ok(Large { data, events, loaded, memory_bytes_max })
    }
}

impl Kit {
    /// The large log, filled by the first row that asks.
    pub(super) fn large(&mut self) -> Result<&Large, String> {
        if self.large.is_none() {
            self.large = Some(Large::fill(self, "large", self.counts.large_events)?);
        }
        Ok(self.large.as_ref().expect("it was filled above"))
    }
}
