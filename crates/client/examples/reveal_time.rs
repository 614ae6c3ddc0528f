//! How long it takes to have one sealed value revealed over HTTP, from a client that waits for each.
//!
//! `reveal_time URL`, with a token in `GRAVEN_TOKEN`, at a server whose log `main` seals `data.iban` of the subject at
//! `target.id`. Prints one line of JSON, in microseconds. `cargo xtask bench access` runs it.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use append::Batch;
use client::Client;
use graven_merkle::LeafIndex;

const EVENTS: u64 = 200;
const WARM_UP: usize = 200;
const REVEALS: usize = 2_000;

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: reveal_time URL")?;
    let client = Client::new(&url, Some(&std::env::var("GRAVEN_TOKEN")?))?;
    let event = |n| {
        let event = format!(
            r#"{{"actor":{{"id":"u-7"}},"action":"pay","target":{{"id":"c-{n}"}},"data":{{"iban":"DE{n:020}"}}}}"#
        );
        event.into_bytes()
    };
    let appended = client.append("main", &Batch::of((0..EVENTS).map(event).collect()))?;
    let indexes: Vec<LeafIndex> = appended.receipts.iter().map(|receipt| receipt.index).collect();
    let mut times_us = Vec::with_capacity(REVEALS);
    for (round, index) in indexes.iter().cycle().take(WARM_UP + REVEALS).enumerate() {
        let began = Instant::now();
        let revealed = client.reveal("main", *index, "/data/iban", "measured")?;
        let took_us = began.elapsed().as_secs_f64() * 1e6;
        assert!(revealed.value_json.starts_with("\"DE"), "the value is there");
        if round >= WARM_UP {
            times_us.push(took_us);
        }
    }
    times_us.sort_by(f64::total_cmp);
    let (p50_us, p99_us) = (times_us[REVEALS / 2], times_us[REVEALS * 99 / 100]);
    let line = format!(r#"{{"reveals":{REVEALS},"p50_us":{p50_us:.1},"p99_us":{p99_us:.1}}}"#);
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}
