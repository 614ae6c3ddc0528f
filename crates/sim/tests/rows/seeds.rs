//! Seeded runs: those that once failed first, then new ones.

use crate::support::seeds;
use sim::{RunOptions, run};

/// Seeds that found something, one a line, with what it was behind `#`.
const FAILED_ONCE: &str = include_str!("../seeds.txt");

#[test]
fn seeds_that_failed_once_and_new_ones_hold() {
    let known = FAILED_ONCE.lines().filter_map(|line| line.split('#').next());
    let known = known.map(str::trim).filter(|seed| !seed.is_empty());
    let known = known.map(|seed| seed.parse::<u64>().expect("a seed"));
    let (mut crashes, mut struck) = (0, 0);
    for seed in known.chain(seeds(30, 2_000).map(|seed| seed + 1_000_000)) {
        match run(RunOptions::new(seed)) {
            Ok(report) => {
                crashes += report.crashes;
                struck += report.struck;
            }
            Err(failure) => panic!("{failure}\nadd seed {seed} to tests/seeds.txt"),
        }
    }
    assert!(struck * 4 > crashes, "only {struck} faults struck in {crashes} crashes");
}
