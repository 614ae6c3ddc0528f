//! Clients that crawl and readers that stop: they are sent away within the limits, and nobody else notices.

use std::io::Write as _;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use server::ServerLimits;

use crate::fixture::Fixture;
use crate::producer::{Place, Stop, alone, is_full};
use crate::wire::Peer;

/// Clients of each kind.
const CRAWLERS: usize = 100;
/// What a limit may take longer on a busy machine before the server is held to have none.
const SLACK: Duration = Duration::from_secs(30);

/// How a crawler goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crawl {
    /// A byte of its head now and then.
    Head,
    /// A byte of its body now and then.
    Body,
    /// Nothing of its body.
    Silent,
}

/// In the quick run the crawlers crawl while others work; in the full one also until each is sent away.
#[test]
fn crawlers_hold_nobody_up() {
    let _alone = alone();
    let fixture = Fixture::serving();
    let place = Place::of(&fixture);
    let mut crawlers: Vec<(Crawl, Peer)> = [Crawl::Head, Crawl::Body, Crawl::Silent]
        .into_iter()
        .flat_map(|crawl| (0..CRAWLERS).map(move |_| crawl))
        .map(|crawl| (crawl, begin(&place, crawl)))
        .collect();
    let stop = AtomicBool::new(false);
    let (appended, longest) = std::thread::scope(|scope| {
        let stopper = Stop(&stop);
        let producer = scope.spawn(|| place.append_until(&stop));
        for _ in 0..15 {
            crawl_on(&mut crawlers);
            std::thread::sleep(Duration::from_millis(200));
        }
        drop(stopper);
        producer.join().unwrap()
    });
    println!(
        "{} crawlers; {appended} batches beside them, the slowest in {longest:?}",
        crawlers.len()
    );
    assert!(appended > 0, "nobody else could append");
    if is_full() {
        wait_for_the_end(&mut crawlers);
    }
}

fn begin(place: &Place, crawl: Crawl) -> Peer {
    let mut peer = place.connect();
    let batch = place.batch(0, 1_000, 400);
    let head_end = batch.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let start = if crawl == Crawl::Head { 30 } else { head_end + 10 };
    peer.send(&batch[..start]).unwrap();
    peer
}

/// A byte more from each that says anything.
fn crawl_on(crawlers: &mut [(Crawl, Peer)]) {
    for (crawl, peer) in crawlers.iter_mut().filter(|(crawl, _)| *crawl != Crawl::Silent) {
        // One that was sent away already has an answer to read.
        drop(peer.stream.write(if *crawl == Crawl::Head { b"a" } else { b" " }));
    }
}

/// Each is sent away within its limit: heads without a word, bodies with a 408.
fn wait_for_the_end(crawlers: &mut Vec<(Crawl, Peer)>) {
    let limits = ServerLimits::default();
    let started = Instant::now();
    while !crawlers.is_empty() {
        crawl_on(crawlers);
        std::thread::sleep(Duration::from_secs(1));
        crawlers.retain_mut(|(crawl, peer)| {
            let limit = match crawl {
                Crawl::Head => limits.header_read,
                Crawl::Body => limits.body_total,
                Crawl::Silent => limits.body_idle,
            };
            assert!(started.elapsed() < limit + SLACK, "{crawl:?} is still served");
            !is_sent_away(*crawl, peer)
        });
    }
}

/// Whether the server has ended the connection, as it must.
fn is_sent_away(crawl: Crawl, peer: &mut Peer) -> bool {
    peer.stream.set_nonblocking(true).unwrap();
    let peeked = peer.stream.peek(&mut [0]);
    peer.stream.set_nonblocking(false).unwrap();
    if peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock) {
        return false;
    }
    let reply = peer.reply();
    match (crawl, reply) {
        (Crawl::Head, reply) => assert!(reply.is_none_or(|reply| reply.status == 408), "a head"),
        // Where a byte of its own crossed the answer, the connection was reset and the answer with it.
        (Crawl::Body, None) => {}
        (_, reply) => assert_eq!(reply.map(|reply| reply.status), Some(408), "{crawl:?}"),
    }
    true
}

/// A tail that is not read is ended within `tail_stall`, and appends go on meanwhile.
#[test]
fn a_tail_that_is_not_read_is_dropped() {
    let _alone = alone();
    let fixture = Fixture::serving();
    let place = Place::of(&fixture);
    fill(&place);
    let mut deaf: Vec<Peer> = (0..20).map(|_| place.connect()).collect();
    for peer in &mut deaf {
        peer.send(&place.get("/api/v1/logs/main/tail?from=0")).unwrap();
    }
    let stop = AtomicBool::new(false);
    let limit = ServerLimits::default().tail_stall + SLACK;
    let (appended, longest) = std::thread::scope(|scope| {
        let stopper = Stop(&stop);
        let producer = scope.spawn(|| place.append_until(&stop));
        let started = Instant::now();
        while counter(&place, "graven_http_tails_dropped_total") < deaf.len() as u64 {
            assert!(started.elapsed() < limit, "tails that nobody reads are still there");
            std::thread::sleep(Duration::from_millis(500));
        }
        drop(stopper);
        producer.join().unwrap()
    });
    println!(
        "{} deaf tails were dropped; {appended} batches beside them, the slowest in {longest:?}",
        deaf.len()
    );
    assert!(appended > 0, "nobody else could append");
}

/// Bundles (what an export reads) that are asked for and not read: the connection ends within `write_stall`.
#[test]
fn bundles_that_are_not_read_end_their_connection() {
    let _alone = alone();
    let fixture = Fixture::serving();
    let place = Place::of(&fixture);
    fill(&place);
    let mut deaf: Vec<Peer> = (0..20).map(|_| place.connect()).collect();
    let ask = place.get("/log/main/tile/entries/000").repeat(200);
    for peer in &mut deaf {
        peer.send(&ask).unwrap();
    }
    let stop = AtomicBool::new(false);
    let (appended, longest) = std::thread::scope(|scope| {
        let stopper = Stop(&stop);
        let producer = scope.spawn(|| place.append_until(&stop));
        if is_full() {
            wait_for_connections(&place, 3);
        } else {
            std::thread::sleep(Duration::from_secs(2));
        }
        drop(stopper);
        producer.join().unwrap()
    });
    println!(
        "20 readers of bundles that do not read; {appended} batches beside them, the slowest in {longest:?}"
    );
    assert!(appended > 0, "nobody else could append");
}

/// Waits until no more connections are open than these, within the limit for a client that takes nothing.
fn wait_for_connections(place: &Place, count: u64) {
    let started = Instant::now();
    while counter(place, "graven_http_connections") > count {
        assert!(
            started.elapsed() < ServerLimits::default().write_stall + SLACK,
            "they are still there"
        );
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// More than sockets hold.
fn fill(place: &Place) {
    let mut peer = place.connect();
    for batch in 0..160 {
        assert_eq!(peer.exchange(&place.batch(batch, 100, 2_000)).status, 200);
    }
}

/// A figure of `/metrics`.
fn counter(place: &Place, name: &str) -> u64 {
    let reply = place.connect().exchange(&place.get("/metrics"));
    let text = reply.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}
