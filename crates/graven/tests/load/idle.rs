//! Thousands of clients that say nothing: each costs little, and those that work do not notice.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::fixture::Fixture;
use crate::memory::Memory;
use crate::producer::{Place, Stop, alone, is_full};
use crate::wire::Peer;

/// Memory that an idle connection may cost: its read buffer and what waits on it.
const IDLE_BYTES_MAX: u64 = 32 * 1024;
/// Descriptors that this process needs beside.
const OTHERS: u64 = 256;

#[test]
fn idle_connections_do_not_hinder() {
    let count: u64 = if is_full() { 10_000 } else { 1_000 };
    if raised_limit() < count + OTHERS {
        println!(
            "SKIP idle_connections_do_not_hinder: too few open files allowed, run `ulimit -Hn {}`",
            2 * count
        );
        return;
    }
    let _alone = alone();
    // What derives from the log grows beside the connections and is not theirs.
    let mut fixture = Fixture::empty();
    fixture.serve(&["--search", "off", "--sql", "off"]);
    let place = Place::of(&fixture);
    let memory = Memory::of(fixture.server_pid());
    let mut warm = place.connect();
    assert_eq!(warm.exchange(&place.batch(0, 10, 400)).status, 200);
    let before = memory.now_bytes();
    let mut idle: Vec<Peer> = (0..count).map(|number| open(&place, number)).collect();
    let each = memory.now_bytes().saturating_sub(before) / count;
    let stop = AtomicBool::new(false);
    let (appended, longest) = std::thread::scope(|scope| {
        let stopper = Stop(&stop);
        let producers: Vec<_> = (0..4).map(|_| scope.spawn(|| place.append_until(&stop))).collect();
        std::thread::sleep(Duration::from_secs(if is_full() { 20 } else { 2 }));
        drop(stopper);
        let ended = producers.into_iter().map(|producer| producer.join().unwrap());
        ended.fold((0, Duration::ZERO), |(sum, most), (count, longest)| {
            (sum + count, most.max(longest))
        })
    });
    println!(
        "{count} idle connections cost {each} bytes each; {appended} batches beside them, the slowest in {longest:?}"
    );
    assert!(appended > 0, "nobody else could append");
    assert!(each <= IDLE_BYTES_MAX, "an idle connection costs {each} bytes");
    for peer in idle.iter_mut().step_by(97) {
        let reply = peer.exchange(&place.get("/healthz"));
        assert_eq!(reply.status, 200, "an idle connection was not kept");
    }
}

/// Every other one has asked something before it falls silent.
fn open(place: &Place, number: u64) -> Peer {
    let mut peer = place.connect();
    if number.is_multiple_of(2) {
        assert_eq!(peer.exchange(&place.get("/healthz")).status, 200, "connection {number}");
    }
    peer
}

fn raised_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    setrlimit(Resource::Nofile, raised).expect("up to the maximum anyone may");
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
