//! A server that is attacked, and what must hold after every attack.

use std::ops::Range;

use crate::fixture::Fixture;
use crate::memory::Memory;
use crate::wire::{Peer, Reply, request};

/// How much more memory one attack may cost the server at its worst: one body of the largest size as it arrives and once
/// more as events, what the allocator keeps, the search index taking in what `system` is told of the attack, and a little.
const ATTACK_BYTES_MAX: u64 = 96 * 1024 * 1024;

/// Answers that say no.
pub(crate) const REFUSED: Range<u16> = 400..500;

pub(crate) struct Site {
    pub(crate) fixture: Fixture,
    pub(crate) url: String,
    authorization: String,
    pub(crate) memory: Memory,
}

impl Site {
    pub(crate) fn start() -> Site {
        let fixture = Fixture::serving();
        let authorization = format!("Bearer {}", fixture.read("graven-data/admin.token").trim());
        let site = Site {
            url: fixture.url(),
            memory: Memory::of(fixture.server_pid()),
            fixture,
            authorization,
        };
        // What the first request of each kind costs for ever is not an attack's.
        assert_eq!(site.append(br#"{"actor":{},"action":"warm.up"}"#).status, 200);
        site
    }

    pub(crate) fn connect(&self) -> Peer {
        Peer::connect(&self.url)
    }

    /// A request with the admin token.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Vec<u8> {
        let mut all = vec![("authorization", self.authorization.as_str())];
        all.extend_from_slice(headers);
        request(method, path, &all, body)
    }

    /// The head of an append whose body is up to the caller.
    pub(crate) fn append_head(&self, headers: &str) -> Vec<u8> {
        let authorization = &self.authorization;
        format!(
            "POST /api/v1/logs/main/events HTTP/1.1\r\nhost: test\r\nauthorization: {authorization}\r\n\
             content-type: application/x-ndjson\r\n{headers}\r\n"
        )
        .into_bytes()
    }

    pub(crate) fn append(&self, event: &[u8]) -> Reply {
        self.exchange(&self.ask("POST", EVENTS, &[("content-type", "application/json")], event))
    }

    /// Sends bytes on a connection of their own and reads one answer.
    pub(crate) fn exchange(&self, bytes: &[u8]) -> Reply {
        let mut peer = self.connect();
        // A server that refuses early may close before all is sent; its answer counts.
        drop(peer.send(bytes));
        peer.reply().expect("an answer")
    }

    /// The number of entries of `main`.
    pub(crate) fn size(&self) -> u64 {
        let shown = self.exchange(&self.ask("GET", "/api/v1/logs/main", &[], b""));
        let shown: serde_json::Value = serde_json::from_slice(&shown.body).unwrap();
        shown["size"].as_u64().unwrap()
    }

    /// Runs an attack: afterwards the log is as it was, memory has stayed within its bound, and the server serves.
    pub(crate) fn attack(&self, what: &str, attack: impl FnOnce(&Site)) {
        let size = self.size();
        self.memory.forget_peak();
        let before = self.memory.now_bytes();
        attack(self);
        let grown = self.memory.peak_bytes().saturating_sub(before);
        assert!(grown <= ATTACK_BYTES_MAX, "{what}: memory grew by {grown} bytes");
        assert_eq!(self.size(), size, "{what}: something was written");
    }
}

/// Where `main` takes events.
pub(crate) const EVENTS: &str = "/api/v1/logs/main/events";
