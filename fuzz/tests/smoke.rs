//! The quick run: every target over the inputs that once failed, its seeds, and mutations of both.
//!
//! `GRAVEN_FUZZ_SEED` sets the first seed of the mutations; a failure names the one that shows it again.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]
#![expect(clippy::print_stdout, reason = "how much was accepted is for whoever reads the output")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use fuzz::{Random, TARGETS, Target, mutate};

/// Inputs that once failed, a folder for each target.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/kept");

#[test]
fn every_target_stands_mutations() {
    let first = std::env::var("GRAVEN_FUZZ_SEED").map_or(1, |text| text.parse::<u64>().unwrap());
    let next = AtomicUsize::new(0);
    let failures = std::thread::scope(|scope| {
        let work = || {
            let mut failures = Vec::new();
            while let Some(target) = TARGETS.get(next.fetch_add(1, Ordering::Relaxed)) {
                failures.extend(check(target, first).err());
            }
            failures
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Runs one target; an error says which input it failed on.
fn check(target: &Target, first: u64) -> Result<(), String> {
    let mut inputs = kept(target);
    for (number, input) in inputs.iter().enumerate() {
        try_input(target, input).map_err(|()| format!("{}: kept input {number}", target.name))?;
    }
    let seeds = (target.seeds)();
    for (number, seed) in seeds.iter().enumerate() {
        try_input(target, seed).map_err(|()| format!("{}: seed input {number}", target.name))?;
    }
    inputs.extend(seeds);
    let mut accepted = 0;
    for seed in first..first + target.rounds {
        let mut random = Random::new(seed);
        let input = &inputs[random.below(inputs.len())];
        let other = &inputs[random.below(inputs.len())];
        let mutated = mutate(input, other, &mut random);
        let outcome = try_input(target, &mutated);
        let shown =
            || format!("{}: GRAVEN_FUZZ_SEED={seed}: {}", target.name, mutated.escape_ascii());
        accepted += u64::from(outcome.map_err(|()| shown())?);
    }
    println!("{}: {accepted} of {} mutations were accepted", target.name, target.rounds);
    // A target that accepts nothing checks nothing.
    if accepted == 0 { Err(format!("{}: no mutation was accepted", target.name)) } else { Ok(()) }
}

fn try_input(target: &Target, input: &[u8]) -> Result<bool, ()> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).map_err(drop)
}

fn kept(target: &Target) -> Vec<Vec<u8>> {
    let Ok(files) = std::fs::read_dir(Path::new(KEPT).join(target.name)) else { return Vec::new() };
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Every target has a seed that is accepted: others are there for what they are refused for.
#[test]
fn a_seed_of_each_is_accepted() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(seeds.iter().any(|seed| (target.run)(seed)), "{}", target.name);
    }
}
