//! A producer: batches of numbered events, and what became of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::fixture::Fixture;
use crate::wire::{Peer, Reply, request};

/// Whether the tests are to last.
pub(crate) fn is_full() -> bool {
    std::env::var_os("GRAVEN_LOAD_FULL").is_some_and(|value| value == "1")
}

/// Held by a test of load while it runs: two at once would measure each other.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stops what goes on beside a test when the test ends, also where it fails: else it would wait for ever.
pub(crate) struct Stop<'a>(pub(crate) &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Where batches go to and as whom.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) url: String,
    authorization: String,
}

/// A batch that was accepted: its number, and the indexes of its events.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) batch: u64,
    pub(crate) indexes: Vec<u64>,
}

impl Place {
    pub(crate) fn of(fixture: &Fixture) -> Place {
        let token = fixture.read("graven-data/admin.token");
        Place { url: fixture.url(), authorization: format!("Bearer {}", token.trim()) }
    }

    pub(crate) fn connect(&self) -> Peer {
        Peer::connect(&self.url)
    }

    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        request("GET", path, &[("authorization", &self.authorization)], b"")
    }

    /// `events` events of about `bytes` bytes, which tell their batch.
    pub(crate) fn batch(&self, batch: u64, events: u64, bytes: usize) -> Vec<u8> {
        let filler = "x".repeat(bytes.saturating_sub(80));
        let body: String = (0..events)
            .map(|n| {
                format!("{{\"actor\":{{\"id\":\"u\"}},\"action\":\"load.event\",\"data\":{{\"batch\":{batch},\"n\":{n},\"x\":\"{filler}\"}}}}\n")
            })
            .collect();
        let headers = [
            ("authorization", self.authorization.as_str()),
            ("content-type", "application/x-ndjson"),
        ];
        request("POST", "/api/v1/logs/main/events", &headers, body.as_bytes())
    }

    /// Appends until told to stop: every batch must be accepted. How many were, and the longest wait for one.
    pub(crate) fn append_until(&self, stop: &AtomicBool) -> (u64, std::time::Duration) {
        let mut peer = self.connect();
        let (mut count, mut longest) = (0, std::time::Duration::ZERO);
        while !stop.load(Ordering::Relaxed) {
            let started = Instant::now();
            let reply = peer.exchange(&self.batch(count, 10, 400));
            assert_eq!(reply.status, 200, "{}", reply.text());
            longest = longest.max(started.elapsed());
            count += 1;
        }
        (count, longest)
    }
}

/// The indexes in the receipts of an answer.
pub(crate) fn indexes(reply: &Reply) -> Vec<u64> {
    let answer: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
    let receipts = answer["receipts"].as_array().expect("receipts");
    receipts.iter().map(|receipt| receipt["index"].as_u64().expect("an index")).collect()
}
