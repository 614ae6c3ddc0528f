//! A fuzz target for each parser: what it must hold on any bytes, and inputs to begin with.
//!
//! A target is a plain function that panics where a property fails: what is accepted prints back to
//! the same bytes, what is signed says what was signed, a log that verifies is the log that was
//! written. Two things run it: the `engine` binary, guided by coverage (`cargo xtask fuzz`), and the
//! test `smoke`, which mutates the seeds blindly and needs nothing installed
//! (`docs/adr/0004-fuzzing.md`).

mod input;
mod mutate;
#[path = "../../lib/graven-verify/tests/support/mod.rs"]
#[expect(
    clippy::unwrap_used,
    reason = "it makes good logs, and shares them with the verifier's tests"
)]
mod sample;
mod targets;

pub use mutate::{Random, mutate};
pub use targets::TARGETS;

/// One parser under test.
pub struct Target {
    /// Its name, by which `cargo xtask fuzz` finds it.
    pub name: &'static str,
    /// Panics where the input shows a fault; tells whether the parser accepted it.
    pub run: fn(&[u8]) -> bool,
    /// Inputs to start from, of which at least one is accepted.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How many mutations of the seeds the quick run tries: about a second of them.
    pub rounds: u64,
}
