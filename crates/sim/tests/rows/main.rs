//! The rows of `docs/reliability.md` that one machine has, and the mutants that they must kill.
//!
//! As they stand here they take seconds. With `GRAVEN_SIM_FULL=1` every loop runs over everything.

mod clock;
mod corruption;
mod crashes;
mod determinism;
mod failures;
mod full_disk;
mod memory;
mod mutants;
mod regressions;
mod sealing;
mod seeds;
mod support;
