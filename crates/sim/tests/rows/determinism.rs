//! T11: one seed is one run.

use crate::support::seeds;
use sim::{RunOptions, run};

#[test]
fn t11_the_same_seed_twice_is_the_same_trace() {
    let mut traces = Vec::new();
    for seed in seeds(6, 200) {
        let options = RunOptions { is_traced: true, lives: 6, ..RunOptions::new(seed) };
        let (first, second) = (run(options), run(options));
        let first = first.unwrap_or_else(|failure| panic!("{failure}"));
        let second = second.unwrap_or_else(|failure| panic!("{failure}"));
        let parted = first.trace.iter().zip(&second.trace).position(|(one, other)| one != other);
        if let Some(line) = parted {
            let (one, other) = (&first.trace[line], &second.trace[line]);
            panic!("seed {seed}: call {line} is `{one}`, then `{other}`");
        }
        assert_eq!(first, second, "seed {seed}");
        traces.push(first.digest);
    }
    traces.sort_unstable();
    traces.dedup();
    assert!(traces.len() > 1, "different seeds must give different runs");
}
