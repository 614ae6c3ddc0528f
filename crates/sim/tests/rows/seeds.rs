//! Seeded runs. What one of them finds gets a test of its own in `regressions.rs`: a seed reaches the fault only as long as
//! nothing changes that a run draws.

use crate::support::seeds;
use sim::{RunOptions, run};

#[test]
fn seeded_runs_hold() {
    let (mut crashes, mut struck) = (0, 0);
    for seed in seeds(30, 2_000).map(|seed| seed + 1_000_000) {
        match run(RunOptions::new(seed)) {
            Ok(report) => {
                crashes += report.crashes;
                struck += report.struck;
            }
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(struck * 8 > crashes, "only {struck} faults struck in {crashes} crashes");
}
