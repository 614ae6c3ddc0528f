//! What the log cannot take now: full, over a queue, stopping. Reads go on, nothing is written.

use std::sync::atomic::{AtomicBool, Ordering};

use log::CellLimits;

use super::EVENT;
use super::site::{Ask, Reply, Site};

const EVENTS: &str = "/api/v1/logs/main/events";

/// The refusal says when to come back, in both places.
fn check(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, &reply.json()["code"]), (status, &code.into()), "{}", reply.text());
    let header: u64 = reply.header("retry-after").expect("a header").parse().expect("seconds");
    assert!(header > 0);
    assert_eq!(reply.json()["retry_after_s"], header);
}

fn append(site: &Site) -> Reply {
    site.post(EVENTS, "application/json", EVENT.as_bytes())
}

#[test]
fn a_full_disk_is_507_while_reads_go_on() {
    let mut site = Site::start();
    let index = site.append(EVENT);
    site.reopen(CellLimits { disk_reserve_bytes: u64::MAX, ..CellLimits::default() });
    while site.ask(&Ask::get("/readyz").anonymous()).status == 200 {
        std::thread::yield_now();
    }
    let before = site.size();
    check(&append(&site), 507, "disk_full");
    check(&site.ask(&Ask::get("/readyz").anonymous()), 503, "unavailable");
    assert_eq!(site.get("/healthz").status, 200);
    assert_eq!(site.get(&format!("/api/v1/logs/main/entries/{index}")).status, 200);
    assert_eq!(site.get(&format!("/api/v1/logs/main/entries/{index}/proof")).status, 200);
    assert_eq!(site.get("/log/main/checkpoint").status, 200);
    assert_eq!(site.size(), before);
    assert!(site.get("/metrics").text().contains("graven_ready 0\n"));
}

#[test]
fn over_a_queue_is_429_and_what_was_acknowledged_is_there() {
    let mut site = Site::start();
    site.reopen(CellLimits { writer_queue_events: 1, ..CellLimits::default() });
    let before = site.size();
    let (stop, refused) = (AtomicBool::new(false), std::sync::Mutex::new(None));
    let appended: usize = std::thread::scope(|scope| {
        let flood = || {
            let mut appended = 0;
            while !stop.load(Ordering::Relaxed) {
                let reply = append(&site);
                if reply.status == 200 {
                    appended += 1;
                } else {
                    *refused.lock().unwrap() = Some(reply);
                    stop.store(true, Ordering::Relaxed);
                }
            }
            appended
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(flood)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    check(&refused.lock().unwrap().take().expect("a refusal ended the flood"), 429, "busy");
    assert_eq!(site.size(), before + appended as u64, "each 200 is one entry, each 429 none");
}

#[test]
fn a_stopped_log_is_503() {
    let site = Site::start();
    site.append(EVENT);
    let before = site.size();
    site.cell.stop();
    check(&append(&site), 503, "unavailable");
    check(&site.ask(&Ask::get("/readyz").anonymous()), 503, "unavailable");
    assert_eq!(site.size(), before);
}

#[test]
fn entries_keep_their_index_over_a_restart() {
    let mut site = Site::start();
    let index = site.append(EVENT);
    let path = format!("/api/v1/logs/main/entries/{index}");
    let entry = site.get(&path).body;
    let log = site.get("/api/v1/logs/main").json();
    site.reopen(CellLimits::default());
    assert_eq!(site.get(&path).body, entry);
    assert_eq!(site.get("/api/v1/logs/main").json(), log);
    assert_eq!(site.append(EVENT), index + 1);
}
